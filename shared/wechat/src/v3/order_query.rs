//! What became of an order (查询订单): `GET /v3/pay/transactions/{id, out-trade-no}/…?mchid=`.

use domain::{Fact, MchId, OutTradeNo};
use parse::answer::{self, AnswerError};
use serde::Deserialize;

use super::told::Told;
use super::{asked, route, tables};
use crate::answer::Received;
use crate::fields::escaped;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment, OrderRef};

/// Asks for an order. WeChat's number is known after the payment alone.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderQuery {
    /// Which one.
    pub order: OrderRef,
}

/// What became of an order, or that there is none (ORDER_NOT_EXIST).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderAnswer(Told);

impl OrderQuery {
    /// Makes the question. (`at` is not used: it is signed when it is sent.)
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, _at: &Moment) -> Result<Prepared<Self>, Invalid> {
        let (kind, number) = match &self.order {
            OrderRef::OutTradeNo(number) => ("out-trade-no", number.as_str()),
            OrderRef::TransactionId(number) => ("id", number.as_str()),
        };
        asked(keys, format!("{}{kind}/{}?mchid={}", Self::ROUTE.path, escaped(number), keys.mch_id()))
    }
}

impl sealed::Known for OrderQuery {}

impl Call for OrderQuery {
    type Answer = OrderAnswer;

    const ROUTE: Route =
        Route { errors: tables::ORDER_QUERY, ..route("v3-order-query", "/v3/pay/transactions/", Form::V3Get) };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        Told::read(received, "ORDER_NOT_EXIST").map(OrderAnswer)
    }
}

impl OrderAnswer {
    /// The fact in it; `asked` is the order that was asked for.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn fact(&self, mch_id: &MchId, asked: &OutTradeNo) -> Result<Fact, AnswerError> {
        match &self.0 {
            Told::Found(found) => answer::v3_order(mch_id, asked, found),
            Told::Absent { proof, .. } => Ok(answer::v3_order_absent(mch_id, asked, proof.as_ref())),
        }
    }

    /// The bytes that WeChat sent, for the journal.
    #[must_use]
    pub fn body(&self) -> &[u8] {
        self.0.body()
    }

    /// Whether WeChat signed it. TLS alone speaks for an unsigned one.
    #[must_use]
    pub fn proven(&self) -> bool {
        self.0.proven()
    }

    /// Whether WeChat knows no such order.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.0.is_absent()
    }

    /// What was given when the order was made.
    #[must_use]
    pub fn attach(&self) -> Option<String> {
        #[derive(Deserialize)]
        struct Attached {
            attach: Option<String>,
        }
        let attached: Attached = serde_json::from_slice(self.body()).ok()?;
        attached.attach.filter(|attach| !attach.is_empty())
    }
}
