//! Orders: how one stands, and closing one that nobody paid.

use domain::{Called, Keys, OrderKind, OrderState, OutTradeNo};
use http_api::Problem;
use record::{Backoff, Recorded, Writeahead};
use wechat::Transport;

use super::{Answer, Business};
use crate::problems;
use crate::requests::Call;
use crate::views::OrderView;

impl<L: Writeahead, B: Backoff, T: Transport> Business<L, B, T> {
    pub(super) async fn order_status(&self, call: &Call, number: OutTradeNo) -> Result<OrderView, Problem> {
        let keys = self.keys(call).await?;
        let wanted = Keys { order: Some(number), ..Keys::default() };
        let rows = self.asker.fresh(&keys, &call.mch_id, &wanted, call.now).await?;
        rows.order.map(|row| OrderView::from(&row.value)).ok_or_else(Problem::not_found)
    }

    /// An order that a user was to pay. What WeChat does not close within five minutes of its making is closed by the worker.
    pub(super) async fn close_now(&self, call: &Call, number: OutTradeNo) -> Result<Answer<OrderView>, Problem> {
        let keys = self.keys(call).await?;
        let order = self.order_row(call, &number).await?;
        if order.kind == OrderKind::Deduction {
            return Err(Problem::conflict("not_closeable", "A deduction ends by itself"));
        }
        let asked = Called::ClosingAsked { out_trade_no: number.clone() };
        self.about_to(call, asked, number.as_str()).await?;
        let order = self.order_row(call, &number).await?;
        if order.state == OrderState::Closing {
            match self.asker.close(&keys, &order, call.now).await {
                Ok(Recorded::Refused(refusal)) => return Err(problems::refused(&refusal)),
                Ok(_) => {}
                Err(ask::AskError::Record(error)) => return Err(error.into()),
                // It is on record that it is to be closed: the worker goes on.
                Err(error) => tracing::warn!(out_trade_no = %number, %error, "not closed yet"),
            }
        }
        let order = self.order_row(call, &number).await?;
        if order.is_paid() {
            return Err(problems::refused(&domain::Refusal::Paid));
        }
        Ok(Answer { view: (&order).into(), decided: order.state == OrderState::Closed })
    }
}
