//! What became of a purchase, and its closing.

use domain::{Called, ExemptContract, Fact, FactBody, Keys, Order, OrderKind, OrderState, OutTradeNo, Timestamp};
use http_api::{Arrival, Problem, User};
use record::{Backoff, Once, Receipt, Recorded, Writeahead};
use wechat::Transport;

use super::pull::{is_new, on_record};
use super::{Caller, Service};
use crate::view::{PreSigning, Purchase};

/// The route, as idempotency keys are kept by it.
const ROUTE: &str = "POST orders/close";

/// A purchase as it is on record, and the contract that it invited to.
pub(crate) struct Bought {
    pub(crate) order: Order,
    pub(crate) invitation: Option<ExemptContract>,
}

impl Bought {
    fn purchase(&self, now: Timestamp) -> Purchase {
        Purchase::of(&self.order, self.invitation.as_ref().map(PreSigning::from), now)
    }
}

impl<L: Writeahead, B: Backoff, T: Transport> Service<L, B, T> {
    pub(crate) async fn tell_purchase(
        &self,
        user: &User,
        arrival: &Arrival,
        number: &OutTradeNo,
    ) -> Result<Purchase, Problem> {
        let order = self.own_order(user, number).await?;
        Ok(self.refresh_order(order, arrival.now).await?.purchase(arrival.now))
    }

    /// Puts on record that it is to be closed, and closes it. A payment that was made just before counts.
    pub(crate) async fn close_purchase(
        &self,
        caller: &Caller,
        number: &OutTradeNo,
    ) -> Result<(bool, Purchase), Problem> {
        let now = caller.arrival.now;
        self.own_order(&caller.user, number).await?;
        self.to_be_closed(caller, number).await?;
        let order = self.own_order(&caller.user, number).await?;
        if order.state == OrderState::Closing {
            let keys = &self.merchant(&order.mch_id)?.keys;
            // It is on record that it is to be closed: where WeChat does not answer, the worker goes on.
            on_record(self.asker.close(keys, &order, now).await)?;
        }
        let order = self.own_order(&caller.user, number).await?;
        if order.is_paid() {
            return Err(paid());
        }
        let invitation = self.invitation(&order).await?;
        let closed = matches!(order.state, OrderState::Closed | OrderState::Failed);
        Ok((closed, Bought { order, invitation }.purchase(now)))
    }

    async fn to_be_closed(&self, caller: &Caller, number: &OutTradeNo) -> Result<(), Problem> {
        let now = caller.arrival.now;
        let asked = Called::ClosingAsked { out_trade_no: number.clone() };
        let fact = Fact::ours(caller.user.mch_id.clone(), FactBody::Called(asked));
        let receipt = Receipt::ours(&fact, now, caller.arrival.traceparent.clone());
        let asked = caller.idempotency(ROUTE)?;
        match self.asker.recorder().apply_once(&fact, &receipt, &asked, number.as_str(), now).await? {
            Once::Now(Recorded::Refused(_)) => Err(paid()),
            Once::Now(_) | Once::Before => Ok(()),
            Once::Reused => Err(Problem::key_reused()),
        }
    }

    /// The user's purchase of this number. Another user's is not there.
    pub(crate) async fn own_order(&self, user: &User, number: &OutTradeNo) -> Result<Order, Problem> {
        let keys = Keys { order: Some(number.clone()), ..Keys::default() };
        let row = self.asker.recorder().rows(&user.mch_id, &keys).await?.order;
        let order = row.map(|row| row.value).filter(|order| order.kind == OrderKind::OneOff);
        order.filter(|order| order.user.as_ref() == Some(&user.id)).ok_or_else(Problem::not_found)
    }

    /// What is on record, after asking WeChat for what is open where the last question is over five seconds old.
    pub(crate) async fn refresh_order(&self, order: Order, now: Timestamp) -> Result<Bought, Problem> {
        if is_new(order.created_at, now) {
            let invitation = self.invitation(&order).await?;
            return Ok(Bought { order, invitation });
        }
        let keys = &self.merchant(&order.mch_id)?.keys;
        let wanted =
            Keys { order: Some(order.out_trade_no.clone()), exempt: self.exempt_key(&order), ..Keys::default() };
        let rows = self.asker.fresh(keys, &order.mch_id, &wanted, now).await?;
        Ok(Bought { order: rows.order.map_or(order, |row| row.value), invitation: rows.exempt.map(|row| row.value) })
    }

    /// Asks for the order, whenever it was asked for: WeChat has just said something about it.
    pub(crate) async fn ask_purchase(&self, order: Order, now: Timestamp) -> Result<Order, Problem> {
        let keys = &self.merchant(&order.mch_id)?.keys;
        on_record(self.asker.order(keys, &order, now).await)?;
        let wanted = Keys { order: Some(order.out_trade_no.clone()), ..Keys::default() };
        let row = self.asker.recorder().rows(&order.mch_id, &wanted).await?.order;
        Ok(row.map_or(order, |row| row.value))
    }
}

/// 409: it is paid, and can be refunded by the merchant.
fn paid() -> Problem {
    Problem::conflict("order_paid", "The order is paid")
}
