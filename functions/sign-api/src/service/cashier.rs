//! From an order on record to what opens the cashier: its request is sent, again where it must be, and the launch parameters are
//! signed anew each time.

use ask::Sent;
use domain::{Order, OrderState, OutTradeNo};
use http_api::Problem;
use record::{Backoff, Writeahead};
use wechat::{CallError, Meaning, Transport};

use super::attempt::fresh;
use super::refusal::{attempt_ended, told, unavailable};
use super::{Caller, Service};
use crate::view::{Checkout, PreSigning, Purchase};

impl<L: Writeahead, B: Backoff, T: Transport> Service<L, B, T> {
    /// The purchase with what opens the cashier, while it can be paid. An order whose launch has run out gets a fresh one by the same
    /// request.
    pub(crate) async fn check_out(&self, caller: &Caller, order: Order) -> Result<Checkout, Problem> {
        let now = caller.arrival.now;
        let payable = order.expires_at.is_none_or(|expires_at| now < expires_at);
        match order.state {
            OrderState::Created | OrderState::Requested if payable => match fresh(&order, now) {
                Some(_) => self.handed_out(caller, &order).await,
                None => self.place_purchase(caller, order).await,
            },
            OrderState::Created
            | OrderState::Requested
            | OrderState::Accepted
            | OrderState::Closing
            | OrderState::Paid
            | OrderState::PartlyRefunded
            | OrderState::Refunded
            | OrderState::Failed
            | OrderState::Closed => self.without_cashier(caller, &order).await,
        }
    }

    /// Sends the stored request byte for byte: it is one order however often WeChat hears of it.
    async fn place_purchase(&self, caller: &Caller, order: Order) -> Result<Checkout, Problem> {
        let keys = &self.merchant(&order.mch_id)?.keys;
        match self.asker.send_order(keys, &order, caller.arrival.now).await.map_err(unavailable)? {
            Sent::Accepted => {
                let order = self.own_order(&caller.user, &order.out_trade_no).await?;
                self.handed_out(caller, &order).await
            }
            Sent::Refused(error) => Err(told(&error)),
            // Of deductions only.
            Sent::Withheld => Err(Problem::internal()),
            Sent::Unknown(error) => self.purchase_looked_up(caller, &order.out_trade_no, &error).await,
        }
    }

    /// The payment invites to the password-exempt contract before anybody can pay.
    async fn handed_out(&self, caller: &Caller, order: &Order) -> Result<Checkout, Problem> {
        let now = caller.arrival.now;
        let Some((offer, until)) = fresh(order, now) else { return self.without_cashier(caller, order).await };
        let pre_signing = self.invite(caller, order, &offer).await;
        let launch = Some(self.opens_wechat(caller, &order.appid, order.product.as_ref(), &offer)?);
        Ok(Checkout { purchase: Purchase::of(order, pre_signing, now), launch, launch_valid_until: Some(until) })
    }

    async fn without_cashier(&self, caller: &Caller, order: &Order) -> Result<Checkout, Problem> {
        let invited = self.invitation(order).await?;
        let pre_signing = invited.as_ref().map(PreSigning::from);
        Ok(Purchase::of(order, pre_signing, caller.arrival.now).without_launch())
    }

    /// Somebody paid while nobody looked, or the number is dead: WeChat says which.
    async fn purchase_looked_up(
        &self,
        caller: &Caller,
        number: &OutTradeNo,
        error: &CallError,
    ) -> Result<Checkout, Problem> {
        let about_the_order =
            matches!(error.meaning, Meaning::AlreadyPaid | Meaning::NumberClosed | Meaning::NumberUsed);
        if !about_the_order {
            return Err(told(error));
        }
        let order = self.own_order(&caller.user, number).await?;
        let order = self.ask_purchase(order, caller.arrival.now).await?;
        match order.state {
            _ if order.is_paid() => self.without_cashier(caller, &order).await,
            OrderState::Failed | OrderState::Closed => Err(attempt_ended()),
            _ => Err(told(error)),
        }
    }
}
