//! An attempt that stands in the way of another: of another product or channel, or expired.

use domain::Timestamp;
use http_api::Problem;
use jiff::SignedDuration;
use record::{Backoff, Writeahead};
use wechat::Transport;

use super::begin::already_subscribed;
use super::refusal::unavailable;
use super::{Found, Service};

/// How old an order must be to be closed (V2 page, 5.3).
const CLOSABLE_AFTER: SignedDuration = SignedDuration::from_mins(5);

impl<L: Writeahead, B: Backoff, T: Transport> Service<L, B, T> {
    /// Ends an attempt: by closing its order, which alone makes sure that nobody pays it any more, or without one by WeChat's word
    /// that nothing was signed, once nobody can begin to sign.
    ///
    /// # Errors
    ///
    /// 409 `attempt_pending` while it can be paid or signed, `already_subscribed` where it was signed meanwhile.
    pub(crate) async fn retire(&self, found: Found, now: Timestamp) -> Result<(), Problem> {
        let Some(order) = &found.order else { return self.retire_offer(found, now).await };
        if order.is_paid() {
            return Err(pending(&found, None));
        }
        let age = now.duration_since(order.created_at);
        if age < CLOSABLE_AFTER {
            return Err(pending(&found, Some(CLOSABLE_AFTER - age)));
        }
        let keys = &self.merchant(&order.mch_id)?.keys;
        self.asker.close(keys, order, now).await.map_err(unavailable)?;
        let found = self.again(found).await?;
        ended(&found)
    }

    async fn retire_offer(&self, found: Found, now: Timestamp) -> Result<(), Problem> {
        let left = found.contract.offer_ends_at().map(|ends_at| ends_at.duration_since(now));
        if let Some(left) = left.filter(|left| left.is_positive()) {
            return Err(pending(&found, Some(left)));
        }
        let keys = &self.merchant(&found.contract.mch_id)?.keys;
        self.asker.withdraw(keys, &found.contract, now).await.map_err(unavailable)?;
        let found = self.again(found).await?;
        ended(&found)
    }
}

fn ended(found: &Found) -> Result<(), Problem> {
    if found.contract.is_in_force() {
        return Err(already_subscribed().with("contract_code", found.contract.contract_code.as_str()));
    }
    if found.contract.is_live() { Err(pending(found, None)) } else { Ok(()) }
}

fn pending(found: &Found, left: Option<SignedDuration>) -> Problem {
    let title = "Another attempt of this user can still be paid or signed";
    let seconds = left.map_or(30, |left| u64::try_from(left.as_secs()).unwrap_or(0).saturating_add(1));
    let problem = Problem::conflict("attempt_pending", title).retry_after(seconds);
    problem.with("contract_code", found.contract.contract_code.as_str())
}
