//! Close an order (关闭订单): `POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close`.

use domain::OutTradeNo;
use serde::Serialize;

use super::{posted, route, tables};
use crate::answer::Received;
use crate::fields::escaped;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, CloseAnswer, Invalid, Keys, Moment};

/// An order that nobody shall pay any more. It can be paid until this has succeeded, and a payment notice wins all the same.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseOrder {
    /// Our number.
    pub out_trade_no: OutTradeNo,
}

#[derive(Serialize)]
struct Body<'a> {
    mchid: &'a str,
}

impl CloseOrder {
    /// Makes the request. (`at` is not used: it is signed when it is sent.)
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, _at: &Moment) -> Result<Prepared<Self>, Invalid> {
        let target = format!("{}{}/close", Self::ROUTE.path, escaped(self.out_trade_no.as_str()));
        posted(keys, target, &Body { mchid: keys.mch_id() })
    }
}

impl sealed::Known for CloseOrder {}

impl Call for CloseOrder {
    type Answer = CloseAnswer;

    const ROUTE: Route =
        Route { errors: tables::CLOSE_ORDER, ..route("v3-close", "/v3/pay/transactions/out-trade-no/", Form::V3) };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        match received.v3() {
            Ok(_) => Ok(CloseAnswer::Closed),
            Err(error) if error.is_proven("ORDER_CLOSED") => Ok(CloseAnswer::AlreadyClosed),
            Err(error) if error.is_proven("ORDER_NOT_EXIST") => Ok(CloseAnswer::NeverPlaced),
            Err(error) => Err(error),
        }
    }
}
