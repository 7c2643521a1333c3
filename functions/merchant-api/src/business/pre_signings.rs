//! Password-exempt contracts (免密支付): pre-signed for a payment that was made elsewhere, asked for, ended.

use ask::{Sent, Terminated};
use domain::{Called, ExemptContract, ExemptKey, ExemptState, Keys, RequestText, SCHEMA, Schedule};
use http_api::Problem;
use record::{Backoff, Known, Opened, Opening, Writeahead};
use wechat::v3::{PreSign, PreSignAfter};
use wechat::{Moment, Transport};

use super::contracts::{REMARK, check_remark};
use super::{Answer, Business};
use crate::problems;
use crate::requests::{Call, PreSigningRequest, TerminationRequest};
use crate::views::{ExemptView, PreSigningView};

impl<L: Writeahead, B: Backoff, T: Transport> Business<L, B, T> {
    /// On record with the exact request and the caller's key, and only then WeChat. What died in between is sent by the same call again;
    /// so is what is signed in the mini program, since a session is kept by nobody.
    pub(super) async fn pre_sign_now(
        &self,
        call: &Call,
        wanted: &PreSigningRequest,
    ) -> Result<Answer<PreSigningView>, Problem> {
        let keys = self.keys(call).await?;
        let contract = self.pre_signed(call, &keys, wanted)?;
        let key = contract.key();
        if !self.is_repeated(call).await? {
            self.open_pre_signing(call, contract).await?;
        }
        let contract = self.exempt_row(call, &key).await?;
        let mut session = None;
        if is_to_be_sent(contract.state, wanted) {
            let sent = self.asker.pre_sign(&keys, &contract, call.now).await.map_err(problems::unanswered)?;
            session = sent.1;
            if let Sent::Refused(error) | Sent::Unknown(error) = sent.0 {
                tracing::warn!(contract = %key, %error, "a password-exempt contract was not pre-signed");
            }
        }
        let contract = self.exempt_row(call, &key).await?;
        let view = PreSigningView::new(&contract, session);
        Ok(Answer { view, decided: contract.state != ExemptState::Created })
    }

    async fn open_pre_signing(&self, call: &Call, contract: ExemptContract) -> Result<(), Problem> {
        let opening = Opening {
            mch_id: call.mch_id.clone(),
            opened: domain::Opened::Exempt { contract: Box::new(contract) },
            idempotency: Some(call.idempotency()?),
            openid: None,
            traceparent: call.traceparent.clone(),
        };
        match self.asker.recorder().open(&opening, call.now).await? {
            Opened::Opened | Opened::AlreadyDone { .. } => Ok(()),
            Opened::OnRecord { resource } => self.keep_key(call, &resource).await,
            Opened::KeyReused => Err(Problem::key_reused()),
            Opened::Refused(refusal) => Err(problems::refused(&refusal)),
            Opened::Live { .. } | Opened::Unknown(_) => Err(Problem::not_found()),
        }
    }

    fn pre_signed(
        &self,
        call: &Call,
        keys: &wechat::Keys,
        wanted: &PreSigningRequest,
    ) -> Result<ExemptContract, Problem> {
        let signer = wanted.read()?;
        let request = PreSign {
            caller: signer.caller,
            service_id: signer.key.service_id(),
            out_contract_code: signer.key.contract_code().clone(),
            notify_url: self.contracts.v3(&call.mch_id),
            display_account: wanted.display_account.clone(),
            after: match wanted.prepay_id.clone() {
                Some(prepay_id) => PreSignAfter::Payment { prepay_id },
                None => PreSignAfter::MiniProgram,
            },
        };
        let request = request.prepare(keys, &Moment::new(call.now)).map_err(|error| match error.field {
            "contract_display_account" => Problem::invalid("display_account", error.rule),
            _ => problems::invalid(&error),
        })?;
        Ok(ExemptContract {
            schema: SCHEMA,
            mch_id: call.mch_id.clone(),
            service_id: signer.key.service_id(),
            contract_code: signer.key.contract_code().clone(),
            mode: signer.mode,
            appid: signer.appid,
            sub_mch_id: signer.sub_mch_id,
            sub_appid: signer.sub_appid,
            out_trade_no: None,
            user: None,
            contract_id: None,
            openid: None,
            request: Some(RequestText::new(request.to_text())),
            state: ExemptState::Created,
            failure: None,
            signed_at: None,
            terminating_at: None,
            terminated_at: None,
            termination_reason: None,
            created_at: call.now,
            check: Some(Schedule::PreSigning.first(call.now)),
        })
    }

    pub(super) async fn pre_signing_status(&self, call: &Call, key: ExemptKey) -> Result<ExemptView, Problem> {
        let keys = self.keys(call).await?;
        let wanted = Keys { exempt: Some(key), ..Keys::default() };
        let rows = self.asker.fresh(&keys, &call.mch_id, &wanted, call.now).await?;
        rows.exempt.map(|row| ExemptView::from(&row.value)).ok_or_else(Problem::not_found)
    }

    /// Written first; then WeChat, which alone may know that it was signed at all.
    pub(super) async fn end_exempt_now(
        &self,
        call: &Call,
        key: ExemptKey,
        wanted: &TerminationRequest,
    ) -> Result<Answer<ExemptView>, Problem> {
        let keys = self.keys(call).await?;
        let remark = wanted.remark.as_deref().unwrap_or(REMARK);
        check_remark(remark)?;
        let contract = self.exempt_row(call, &key).await?;
        let is_new = self.asker.recorder().known(&call.mch_id, &call.idempotency()?).await? == Known::New;
        if is_new && may_be_signed(contract.state) {
            self.asker.exempt(&keys, &contract, call.now).await.map_err(problems::unanswered)?;
        }
        self.about_to(call, Called::ExemptTerminationAsked { key: key.clone() }, key.as_str()).await?;
        let contract = self.exempt_row(call, &key).await?;
        if contract.state == ExemptState::Terminating {
            let ended = self.asker.terminate_exempt(&keys, &contract, remark, call.now).await;
            if let Terminated::Refused(refusal) = ended.map_err(problems::unanswered)? {
                return Err(problems::refused(&refusal));
            }
        }
        let contract = self.exempt_row(call, &key).await?;
        Ok(Answer { view: (&contract).into(), decided: contract.state == ExemptState::Terminated })
    }

    async fn exempt_row(&self, call: &Call, key: &ExemptKey) -> Result<ExemptContract, Problem> {
        let keys = Keys { exempt: Some(key.clone()), ..Keys::default() };
        let row = self.rows(call, &keys).await?.exempt;
        row.map(|row| row.value).ok_or_else(Problem::not_found)
    }
}

fn is_to_be_sent(state: ExemptState, wanted: &PreSigningRequest) -> bool {
    match state {
        ExemptState::Created => true,
        ExemptState::Offered => wanted.prepay_id.is_none(),
        ExemptState::Refused
        | ExemptState::NotSigned
        | ExemptState::Signed
        | ExemptState::Terminating
        | ExemptState::Terminated => false,
    }
}

/// Its signing is told by nobody whom we believe: only a question finds it.
fn may_be_signed(state: ExemptState) -> bool {
    match state {
        ExemptState::Created | ExemptState::Offered | ExemptState::Refused | ExemptState::NotSigned => true,
        ExemptState::Signed | ExemptState::Terminating | ExemptState::Terminated => false,
    }
}
