//! Close an order (关闭订单): `POST /pay/closeorder`, five minutes after it was made at the earliest.

use domain::{AppId, OutTradeNo};

use crate::answer::Received;
use crate::errors::tables;
use crate::fields::Fields;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment};

/// An order that nobody shall pay any more.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CloseOrder {
    /// The order's application.
    pub appid: AppId,
    /// Our number.
    pub out_trade_no: OutTradeNo,
}

/// Why the order cannot be paid any more.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum CloseAnswer {
    /// It is closed now.
    Closed,
    /// It was closed before.
    AlreadyClosed,
    /// WeChat knows no such order.
    NeverPlaced,
}

impl CloseOrder {
    /// Checks and signs the request.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, at: &Moment) -> Result<Prepared<Self>, Invalid> {
        let fields = Fields::new(&self.appid, keys).with("out_trade_no", self.out_trade_no.as_str());
        super::prepared(&fields.with("nonce_str", at.nonce()), keys)
    }
}

impl sealed::Known for CloseOrder {}

impl Call for CloseOrder {
    type Answer = CloseAnswer;

    const ROUTE: Route = Route {
        name: "closeorder",
        path: "/pay/closeorder",
        form: Form::V2,
        certificate: false,
        repeatable: true,
        asks_only: false,
        errors: tables::CLOSE_ORDER,
    };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        match received.v2()?.success() {
            Ok(_) => Ok(CloseAnswer::Closed),
            Err(error) if error.is_proven("ORDERCLOSED") => Ok(CloseAnswer::AlreadyClosed),
            Err(error) if error.is_proven("ORDERNOTEXIST") => Ok(CloseAnswer::NeverPlaced),
            Err(error) => Err(error),
        }
    }
}
