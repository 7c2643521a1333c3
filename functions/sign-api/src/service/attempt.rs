//! Pay and sign: the order's request is sent, again where it must be, and its launch parameters are signed anew each time.

use ask::Sent;
use domain::{AppId, NotSignedReason, Order, OrderState, ProductId, Protocol, Timestamp};
use http_api::Problem;
use record::{Backoff, Writeahead};
use wechat::{CallError, Launch, Meaning, Moment, Offer, Transport};

use super::refusal::{attempt_ended, invalid, presign_failed, told, unavailable};
use super::{Caller, Found, Service};
use crate::view::Attempt;

impl<L: Writeahead, B: Backoff, T: Transport> Service<L, B, T> {
    /// The attempt with what opens the cashier, while it can be paid.
    pub(crate) async fn pay(&self, caller: &Caller, found: Found) -> Result<Attempt, Problem> {
        let now = caller.arrival.now;
        let Some(order) = &found.order else { return Err(Problem::internal()) };
        let payable = order.expires_at.is_none_or(|expires_at| now < expires_at);
        match order.state {
            OrderState::Created if payable => self.place(caller, found).await,
            OrderState::Requested if payable => match fresh(order, now) {
                Some((offer, until)) => self.with_launch(caller, &found, &offer, until),
                None => self.place(caller, found).await,
            },
            OrderState::Created
            | OrderState::Requested
            | OrderState::Accepted
            | OrderState::Closing
            | OrderState::Paid
            | OrderState::PartlyRefunded
            | OrderState::Refunded
            | OrderState::Failed
            | OrderState::Closed => Ok(found.without_launch(&caller.arrival)),
        }
    }

    /// Sends the stored request byte for byte: it is one order however often WeChat hears of it.
    async fn place(&self, caller: &Caller, found: Found) -> Result<Attempt, Problem> {
        let now = caller.arrival.now;
        let Some(order) = &found.order else { return Err(Problem::internal()) };
        let keys = &self.merchant(&order.mch_id)?.keys;
        match self.asker.send_order(keys, order, now).await.map_err(unavailable)? {
            Sent::Accepted => {
                let found = self.again(found).await?;
                self.placed(caller, &found)
            }
            Sent::Refused(error) => Err(told(&error)),
            Sent::Unknown(error) => self.looked_up(caller, found, &error).await,
            // Of deductions alone.
            Sent::Withheld => Err(Problem::internal()),
        }
    }

    /// WeChat has the order, and offers the contract with it or not.
    fn placed(&self, caller: &Caller, found: &Found) -> Result<Attempt, Problem> {
        match found.contract.not_signed_reason {
            Some(NotSignedReason::PresignFailed) => return Err(presign_failed()),
            Some(NotSignedReason::AlreadySigned) => {
                return Err(Problem::conflict("already_subscribed", "The user has a contract of this plan already"));
            }
            Some(NotSignedReason::Unpaid | NotSignedReason::Declined) | None => {}
        }
        match found.order.as_ref().and_then(|order| fresh(order, caller.arrival.now)) {
            Some((offer, until)) => self.with_launch(caller, found, &offer, until),
            None => Ok(found.without_launch(&caller.arrival)),
        }
    }

    /// Somebody paid while nobody looked, or the number is dead: WeChat says which.
    async fn looked_up(&self, caller: &Caller, found: Found, error: &CallError) -> Result<Attempt, Problem> {
        let about_the_order =
            matches!(error.meaning, Meaning::AlreadyPaid | Meaning::NumberClosed | Meaning::NumberUsed);
        if !about_the_order {
            return Err(told(error));
        }
        let found = self.ask_order(found, caller.arrival.now).await?;
        let paid = found.order.as_ref().is_some_and(Order::is_paid);
        match found.contract.is_live() {
            _ if paid => Ok(found.without_launch(&caller.arrival)),
            true => Err(told(error)),
            false => Err(attempt_ended()),
        }
    }

    /// Signs the launch parameters anew.
    pub(crate) fn with_launch(
        &self,
        caller: &Caller,
        found: &Found,
        offer: &Offer,
        until: Timestamp,
    ) -> Result<Attempt, Problem> {
        let launch = Some(self.opens_wechat(caller, &found.contract.appid, found.contract.product.as_ref(), offer)?);
        Ok(Attempt { launch, launch_valid_until: Some(until), ..found.without_launch(&caller.arrival) })
    }

    /// What the client opens WeChat with, signed anew. A browser comes back where the product says.
    pub(crate) fn opens_wechat(
        &self,
        caller: &Caller,
        appid: &AppId,
        product: Option<&ProductId>,
        offer: &Offer,
    ) -> Result<Launch, Problem> {
        let keys = &self.merchant(&caller.user.mch_id)?.keys;
        let product = product.and_then(|id| self.catalogue.product(id));
        let return_url = product.and_then(|product| product.h5_return_url.as_deref());
        offer.launch(appid, keys, &Moment::new(caller.arrival.now), return_url).map_err(invalid)
    }
}

/// What WeChat gave for an open order, while it is good.
pub(crate) fn fresh(order: &Order, now: Timestamp) -> Option<(Offer, Timestamp)> {
    let stored = order.launch.as_ref().filter(|_| order.state == OrderState::Requested)?;
    let offer = match order.protocol {
        Protocol::V2 => ask::offer(stored, order.channel?),
        Protocol::V3 => ask::v3_offer(stored, order.channel?),
    }?;
    let until = valid_until(&offer, stored.obtained_at, Some(order));
    offer.is_fresh(stored.obtained_at, now).then_some((offer, until))
}

/// Its own life, and the order's.
pub(crate) fn valid_until(offer: &Offer, obtained_at: Timestamp, order: Option<&Order>) -> Timestamp {
    let until = obtained_at.saturating_add(offer.life()).unwrap_or(obtained_at);
    order.and_then(|order| order.expires_at).map_or(until, |expires_at| until.min(expires_at))
}
