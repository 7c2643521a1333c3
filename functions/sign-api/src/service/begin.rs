//! A new attempt, or the one that is there already.

use domain::{ContractCode, ContractState, OrderState, Timestamp};
use http_api::Problem;
use record::{Backoff, Known, Opened, Opening, Writeahead};
use wechat::Transport;

use super::wanted::{Mode, Wanted};
use super::{Caller, Found, Service};
use crate::view::{Attempt, NewAttempt};

/// An attempt that ended while it was looked at leaves room for a new one, once.
const ROUNDS: u32 = 2;

impl<L: Writeahead, B: Backoff, T: Transport> Service<L, B, T> {
    /// Answers whether the attempt is new, and the attempt.
    pub(crate) async fn begin(
        &self,
        caller: &Caller,
        new: &NewAttempt,
        mode: Mode,
    ) -> Result<(bool, Attempt), Problem> {
        if let Some(attempt) = self.made_before(caller, mode).await? {
            return Ok((false, attempt));
        }
        let wanted = Wanted::check(&self.catalogue, &caller.user, new, mode)?;
        for _ in 0..ROUNDS {
            let draft = self.draft(caller, &wanted).await?;
            match self.asker.recorder().open(&opening(caller, &wanted, &draft)?, caller.arrival.now).await? {
                Opened::Opened => return Ok((true, self.launch(caller, draft).await?)),
                Opened::AlreadyDone { resource } => return Ok((false, self.repeated(caller, &resource).await?)),
                Opened::KeyReused => return Err(Problem::key_reused()),
                Opened::Live { contract_code } => {
                    if let Some(found) = self.live(caller, &wanted, &contract_code).await? {
                        return Ok((false, self.joined(caller, mode, found).await?));
                    }
                }
                Opened::Refused(refusal) => {
                    tracing::error!(%refusal, "an attempt does not fit together");
                    return Err(Problem::internal());
                }
                // An attempt has a number of its own and names no other row.
                Opened::OnRecord { .. } | Opened::Unknown(_) => return Err(Problem::internal()),
            }
        }
        Err(Problem::unavailable())
    }

    /// What came of the same call, whatever became of the catalogue since.
    async fn made_before(&self, caller: &Caller, mode: Mode) -> Result<Option<Attempt>, Problem> {
        let asked = caller.idempotency(mode.route())?;
        match self.asker.recorder().known(&caller.user.mch_id, &asked).await? {
            Known::New => Ok(None),
            Known::Before { resource } => self.repeated(caller, &resource).await.map(Some),
            Known::Reused => Err(Problem::key_reused()),
        }
    }

    /// The attempt that the same call began, or got, as it is now.
    async fn repeated(&self, caller: &Caller, resource: &str) -> Result<Attempt, Problem> {
        let found = self.own(&caller.user, &ContractCode::parse(resource)?).await?;
        let found = self.refresh(found, caller.arrival.now).await?;
        self.launch(caller, found).await
    }

    /// The attempt that is there already: it is this key's from here, so that the same call never begins another.
    async fn joined(&self, caller: &Caller, mode: Mode, found: Found) -> Result<Attempt, Problem> {
        let asked = caller.idempotency(mode.route())?;
        let code = found.contract.contract_code.as_str();
        match self.asker.recorder().claim(&caller.user.mch_id, &asked, code, caller.arrival.now).await? {
            Known::New => self.launch(caller, found).await,
            Known::Before { resource } => self.repeated(caller, &resource).await,
            Known::Reused => Err(Problem::key_reused()),
        }
    }

    /// The user's live contract of this plan, where it is what is wanted; `None` where it has ended meanwhile.
    async fn live(
        &self,
        caller: &Caller,
        wanted: &Wanted<'_>,
        contract_code: &ContractCode,
    ) -> Result<Option<Found>, Problem> {
        let found = self.find(&caller.user.mch_id, contract_code).await?.ok_or_else(Problem::unavailable)?;
        let found = match found.contract.state {
            ContractState::Signed | ContractState::Terminating => self.ask_contract(found, caller.arrival.now).await?,
            ContractState::Created | ContractState::Pending | ContractState::NotSigned | ContractState::Terminated => {
                self.refresh(found, caller.arrival.now).await?
            }
        };
        if !found.contract.is_live() {
            return Ok(None);
        }
        // The same WeChat user under another account of the app: its number is not this user's to know.
        if found.contract.user.as_ref() != Some(&caller.user.id) {
            return Err(already_subscribed());
        }
        let pending = matches!(found.contract.state, ContractState::Created | ContractState::Pending);
        if !pending {
            return Err(already_subscribed().with("contract_code", contract_code.as_str()));
        }
        if is_same(wanted, &found) && !is_over(&found, caller.arrival.now) {
            return Ok(Some(found));
        }
        self.retire(found, caller.arrival.now).await?;
        Ok(None)
    }

    /// What the client opens WeChat with, where there is something left to pay or to sign.
    async fn launch(&self, caller: &Caller, found: Found) -> Result<Attempt, Problem> {
        if found.order.is_some() { self.pay(caller, found).await } else { self.offer(caller, found).await }
    }
}

fn opening(caller: &Caller, wanted: &Wanted<'_>, draft: &Found) -> Result<Opening, Problem> {
    Ok(Opening {
        mch_id: caller.user.mch_id.clone(),
        opened: domain::Opened::Attempt {
            contract: Box::new(draft.contract.clone()),
            order: draft.order.clone().map(Box::new),
        },
        idempotency: Some(caller.idempotency(wanted.mode.route())?),
        openid: wanted.signer.cloned(),
        traceparent: caller.arrival.traceparent.clone(),
    })
}

/// Launch parameters are of one product, one channel, and of paying or not.
fn is_same(wanted: &Wanted<'_>, found: &Found) -> bool {
    found.contract.product.as_ref() == Some(&wanted.product.id)
        && found.contract.channel == Some(wanted.channel)
        && found.order.is_some() == (wanted.mode == Mode::PayAndSign)
}

/// It can still be paid, perhaps, by what was handed out before; nothing is handed out for it any more.
fn is_over(found: &Found, now: Timestamp) -> bool {
    let Some(order) = found.order.as_ref().filter(|order| !order.is_paid()) else { return false };
    order.state == OrderState::Closing || order.expires_at.is_some_and(|at| at <= now)
}

pub(super) fn already_subscribed() -> Problem {
    Problem::conflict(
        "already_subscribed",
        "The user has a live contract of this plan: WeChat would take the money and sign nothing",
    )
}
