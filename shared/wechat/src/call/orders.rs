//! What became of an order: `POST /pay/orderquery` (查询订单) and, for deductions, `POST /pay/paporderquery` (查询扣款订单).

use domain::{AppId, OutTradeNo, TransactionId};

use crate::answer::Received;
use crate::errors::tables;
use crate::fields::Fields;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment, OrderAnswer};

/// An order, by our number or WeChat's.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OrderRef {
    /// Ours.
    OutTradeNo(OutTradeNo),
    /// WeChat's.
    TransactionId(TransactionId),
}

/// Any order, one that the user pays in particular.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OrderQuery {
    /// The order's application.
    pub appid: AppId,
    /// Which one.
    pub order: OrderRef,
}

/// A deduction of the last month that is not closed; [`crate::Client::query_deduction`] knows what to do with the others.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PapOrderQuery {
    /// The deduction's application.
    pub appid: AppId,
    /// Which one.
    pub order: OrderRef,
}

impl OrderRef {
    pub(crate) fn fields(&self, fields: Fields) -> Fields {
        match self {
            Self::OutTradeNo(number) => fields.with("out_trade_no", number.as_str()),
            Self::TransactionId(number) => fields.with("transaction_id", number.as_str()),
        }
    }
}

impl OrderQuery {
    /// Signs the request.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, at: &Moment) -> Result<Prepared<Self>, Invalid> {
        super::prepared(&fields(&self.appid, &self.order, keys, at), keys)
    }
}

impl PapOrderQuery {
    /// Signs the request.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, at: &Moment) -> Result<Prepared<Self>, Invalid> {
        super::prepared(&fields(&self.appid, &self.order, keys, at), keys)
    }
}

impl Prepared<PapOrderQuery> {
    /// The same question to `orderquery`, which takes the same fields.
    #[must_use]
    pub fn as_order_query(&self) -> Prepared<OrderQuery> {
        Prepared::new(OrderQuery::ROUTE.path, self.body())
    }
}

fn fields(appid: &AppId, order: &OrderRef, keys: &Keys, at: &Moment) -> Fields {
    order.fields(Fields::new(appid, keys)).with("nonce_str", at.nonce())
}

impl sealed::Known for OrderQuery {}

impl Call for OrderQuery {
    type Answer = OrderAnswer;

    const ROUTE: Route = Route {
        name: "orderquery",
        path: "/pay/orderquery",
        form: Form::V2,
        certificate: false,
        repeatable: true,
        asks_only: true,
        errors: tables::ORDER_QUERY,
    };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        OrderAnswer::read(received, "ORDERNOTEXIST")
    }
}

impl sealed::Known for PapOrderQuery {}

impl Call for PapOrderQuery {
    type Answer = OrderAnswer;

    const ROUTE: Route = Route {
        name: "paporderquery",
        path: "/pay/paporderquery",
        errors: tables::PAP_ORDER_QUERY,
        ..OrderQuery::ROUTE
    };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        OrderAnswer::read(received, "ORDERNOTEXIST")
    }
}
