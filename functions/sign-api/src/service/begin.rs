//! A new attempt, or the one that is there already.

use domain::{ContractCode, ContractState};
use http_api::Problem;
use record::{Backoff, Idempotency, Opened, Opening, Writeahead};
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
        let wanted = Wanted::check(&self.catalogue, &caller.user, new, mode)?;
        for _ in 0..ROUNDS {
            let draft = self.draft(caller, &wanted).await?;
            match self.asker.recorder().open(&opening(caller, &wanted, &draft)?, caller.arrival.now).await? {
                Opened::Opened => return Ok((true, self.launch(caller, draft).await?)),
                Opened::AlreadyDone { resource } => {
                    let found = self.own(&caller.user, &ContractCode::parse(&resource)?).await?;
                    let found = self.refresh(found, caller.arrival.now).await?;
                    return Ok((false, self.launch(caller, found).await?));
                }
                Opened::KeyReused => return Err(key_reused()),
                Opened::Live { contract_code } => {
                    if let Some(attempt) = self.live(caller, &wanted, &contract_code).await? {
                        return Ok((false, attempt));
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

    /// What to do with the user's live contract of this plan; `None` where it has ended meanwhile.
    async fn live(
        &self,
        caller: &Caller,
        wanted: &Wanted<'_>,
        contract_code: &ContractCode,
    ) -> Result<Option<Attempt>, Problem> {
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
        let paid = found.order.as_ref().is_some_and(domain::Order::is_paid);
        let over =
            !paid && found.order.as_ref().and_then(|order| order.expires_at).is_some_and(|at| at <= caller.arrival.now);
        if is_same(wanted, &found) && !over {
            return Ok(Some(self.launch(caller, found).await?));
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
    let route = wanted.mode.route();
    let idempotency = Idempotency::new(caller.user.id.as_str(), route, &caller.key, caller.body_hash)?;
    Ok(Opening {
        mch_id: caller.user.mch_id.clone(),
        opened: domain::Opened::Attempt {
            contract: Box::new(draft.contract.clone()),
            order: draft.order.clone().map(Box::new),
        },
        idempotency: Some(idempotency),
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

fn key_reused() -> Problem {
    Problem::conflict("idempotency_key_reused", "The Idempotency-Key was used for another request")
        .field("Idempotency-Key")
}

fn already_subscribed() -> Problem {
    Problem::conflict(
        "already_subscribed",
        "The user has a live contract of this plan: WeChat would take the money and sign nothing",
    )
}
