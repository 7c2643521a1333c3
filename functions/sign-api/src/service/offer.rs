//! Sign only (纯签约): four ways, of which two call WeChat.

use domain::{Called, Channel, Contract, ContractState, FactBody, Timestamp};
use http_api::Problem;
use jiff::SignedDuration;
use record::{Backoff, Writeahead};
use wechat::{
    EntrustWeb, H5EntrustWeb, Launch, MiniProgramSigning, Moment, Next, Offer, PreEntrustWeb, Prepared, Signing,
    Transport,
};

use super::attempt::valid_until;
use super::refusal::{invalid, told};
use super::{Caller, Found, Merchant, Service};
use crate::view::Attempt;

/// How long WeChat takes the identical pre-signing again (V2 page, 4.2).
const REPEATABLE_FOR: SignedDuration = SignedDuration::from_hours(2);

/// How far a signed time may be off (V2 page, 1.6).
const TIME_TOLERANCE: SignedDuration = SignedDuration::from_mins(5);

impl<L: Writeahead, B: Backoff, T: Transport> Service<L, B, T> {
    /// The attempt with what opens the signing page, while it can be signed.
    pub(crate) async fn offer(&self, caller: &Caller, found: Found) -> Result<Attempt, Problem> {
        match found.contract.state {
            ContractState::Created | ContractState::Pending => {}
            ContractState::Signed
            | ContractState::NotSigned
            | ContractState::Terminating
            | ContractState::Terminated => return Ok(found.without_launch(&caller.arrival)),
        }
        match found.contract.channel {
            Some(Channel::App) => self.pre_sign(caller, found).await,
            Some(Channel::H5) => self.redirect(caller, found).await,
            Some(Channel::OfficialAccount) => self.page(caller, found).await,
            Some(Channel::MiniProgram) => self.mini_program(caller, found).await,
            Some(Channel::Native) | None => Err(Problem::internal()),
        }
    }

    /// In our mobile app. The stored request is repeated while WeChat takes it; the launch must follow within two minutes.
    async fn pre_sign(&self, caller: &Caller, found: Found) -> Result<Attempt, Problem> {
        let now = caller.arrival.now;
        let contract = &found.contract;
        if let Some((offer, until)) = fresh(contract, now) {
            return self.with_launch(caller, &found, &offer, until);
        }
        let merchant = &self.merchant(&contract.mch_id)?;
        let repeatable = now.duration_since(contract.created_at) < REPEATABLE_FOR;
        let request = match contract.request.as_ref().filter(|_| repeatable) {
            Some(stored) => Prepared::<PreEntrustWeb>::from_text(stored.as_str()),
            // The same numbers at another time: nothing is paid here, and the contract is the same.
            None => {
                let (appid, signing, notify_url) = parts(contract, merchant)?;
                PreEntrustWeb { appid, signing, notify_url, return_app: true }
                    .prepare(&merchant.keys, &Moment::new(now))
            }
        };
        let request = request.map_err(invalid)?;
        match self.asker.call(&request, &merchant.keys, now).await {
            Ok(offer) => self.offered(caller, found, offer).await,
            Err(error) => self.not_offered(caller, &found, &error).await,
        }
    }

    /// In a browser outside WeChat. An address is good for one visit, so each click gets a new one.
    async fn redirect(&self, caller: &Caller, found: Found) -> Result<Attempt, Problem> {
        let now = caller.arrival.now;
        let contract = &found.contract;
        let merchant = &self.merchant(&contract.mch_id)?;
        let first =
            contract.state == ContractState::Created && now.duration_since(contract.created_at) < TIME_TOLERANCE;
        let request = match contract.request.as_ref().filter(|_| first) {
            Some(stored) => Prepared::<H5EntrustWeb>::from_text(stored.as_str()),
            None => {
                let client_ip = caller.arrival.client_ip.ok_or_else(Problem::internal)?;
                let (appid, signing, notify_url) = parts(contract, merchant)?;
                let request = H5EntrustWeb { appid, signing, notify_url, client_ip, return_appid: None };
                request.prepare(&merchant.keys, &Moment::new(now))
            }
        };
        let request = request.map_err(invalid)?;
        match self.asker.call(&request, &merchant.keys, now).await {
            Ok(offer) => self.offered(caller, found, offer).await,
            Err(error) => self.not_offered(caller, &found, &error).await,
        }
    }

    /// In WeChat's own browser: an address that we sign.
    async fn page(&self, caller: &Caller, found: Found) -> Result<Attempt, Problem> {
        let now = caller.arrival.now;
        let merchant = &self.merchant(&found.contract.mch_id)?;
        let (appid, signing, notify_url) = parts(&found.contract, merchant)?;
        let page = EntrustWeb { appid, signing, notify_url, return_web: true };
        let url = page.url(&merchant.keys, &Moment::new(now), self.asker.wechat().hosts()).map_err(invalid)?;
        let until = now.saturating_add(TIME_TOLERANCE).unwrap_or(now);
        let found = self.pending(caller, found, None, until).await?;
        if found.contract.state != ContractState::Pending {
            return Ok(found.without_launch(&caller.arrival));
        }
        let launch = Some(Launch::Page { url });
        Ok(Attempt { launch, launch_valid_until: Some(until), ..found.without_launch(&caller.arrival) })
    }

    /// In our mini program: data that we sign.
    async fn mini_program(&self, caller: &Caller, found: Found) -> Result<Attempt, Problem> {
        let now = caller.arrival.now;
        let merchant = &self.merchant(&found.contract.mch_id)?;
        let (appid, signing, notify_url) = parts(&found.contract, merchant)?;
        let offer = MiniProgramSigning { appid, signing, notify_url }.offer(&merchant.keys, &Moment::new(now));
        let offer = offer.map_err(invalid)?;
        self.with_offer(caller, found, &offer, None).await
    }

    async fn offered(&self, caller: &Caller, found: Found, offer: Offer) -> Result<Attempt, Problem> {
        let now = caller.arrival.now;
        self.with_offer(caller, found, &offer, Some(ask::launch(&offer, now))).await
    }

    /// On record first, and then handed out: what has been settled meanwhile cannot be signed any more.
    async fn with_offer(
        &self,
        caller: &Caller,
        found: Found,
        offer: &Offer,
        launch: Option<domain::Launch>,
    ) -> Result<Attempt, Problem> {
        let until = valid_until(offer, caller.arrival.now, None);
        let found = self.pending(caller, found, launch, until).await?;
        match found.contract.state {
            ContractState::Pending => self.with_launch(caller, &found, offer, until),
            ContractState::Created
            | ContractState::Signed
            | ContractState::NotSigned
            | ContractState::Terminating
            | ContractState::Terminated => Ok(found.without_launch(&caller.arrival)),
        }
    }

    async fn not_offered(&self, caller: &Caller, found: &Found, error: &wechat::CallError) -> Result<Attempt, Problem> {
        let contract = &found.contract;
        if matches!(error.next, Next::Stop | Next::NewNumber) && contract.state == ContractState::Created {
            let code = error.code.clone().unwrap_or_else(|| "FAIL".to_owned());
            let refused = Called::ContractRefused { contract_code: contract.contract_code.clone(), code };
            self.note(&contract.mch_id, FactBody::Called(refused), &caller.arrival).await?;
        }
        Err(told(error))
    }

    /// The contract is offered, again perhaps; what WeChat gave for it is kept, and how long the user can begin to sign.
    async fn pending(
        &self,
        caller: &Caller,
        found: Found,
        launch: Option<domain::Launch>,
        until: Timestamp,
    ) -> Result<Found, Problem> {
        let contract = &found.contract;
        let offered = Called::ContractOffered { contract_code: contract.contract_code.clone(), launch, until };
        self.note(&contract.mch_id, FactBody::Called(offered), &caller.arrival).await?;
        Ok(self.find(&contract.mch_id, &contract.contract_code).await?.unwrap_or(found))
    }
}

/// What WeChat gave for the app, while it is good.
fn fresh(contract: &Contract, now: Timestamp) -> Option<(Offer, Timestamp)> {
    let stored = contract.launch.as_ref()?;
    let offer = Offer::PreEntrust {
        pre_entrustweb_id: stored.pre_entrustweb_id.clone()?,
        miniprogram_username: stored.miniprogram_username.clone(),
        miniprogram_path: stored.miniprogram_path.clone(),
    };
    let until = valid_until(&offer, stored.obtained_at, None);
    offer.is_fresh(stored.obtained_at, now).then_some((offer, until))
}

/// The same numbers as on record.
fn parts(contract: &Contract, merchant: &Merchant) -> Result<(domain::AppId, Signing, String), Problem> {
    let signing = Signing {
        plan_id: contract.plan_id.clone(),
        contract_code: contract.contract_code.clone(),
        request_serial: contract.request_serial.ok_or_else(Problem::internal)?,
        display_account: contract.display_account.clone().ok_or_else(Problem::internal)?,
        outerid: None,
    };
    Ok((contract.appid.clone(), signing, merchant.contract_url.clone()))
}
