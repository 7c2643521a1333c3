//! Event types (通知类型), and what their envelopes must say.

use domain::{MchId, Timestamp};
use serde::Deserialize;
use verify::V3Event;

use super::json::{self, Member};
use crate::{ParseError, field, time};

/// What an event is about. Types of other products are not understood.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// `TRANSACTION.SUCCESS`, `TRANSACTION.FAIL`
    Transaction,
    /// `REFUND.SUCCESS`, `.ABNORMAL`, `.CLOSED`; `.PROCESSING` is listed and not sent
    Refund,
    /// `ENTRUST.SIGN`, `ENTRUST.TERMINATE`
    Contract,
    /// `ENTRUST.TERMINATE_RETENTION`: may we keep this user?
    Retention,
    /// `SECURITY_ECHO.SUCCESS`: keys and address work
    Echo,
}

impl Kind {
    pub(crate) fn of(event: &V3Event<'_>) -> Result<Self, ParseError> {
        match event.event_type.as_ref() {
            "TRANSACTION.SUCCESS" | "TRANSACTION.FAIL" => Ok(Self::Transaction),
            "REFUND.SUCCESS" | "REFUND.ABNORMAL" | "REFUND.CLOSED" | "REFUND.PROCESSING" => Ok(Self::Refund),
            "ENTRUST.SIGN" | "ENTRUST.TERMINATE" => Ok(Self::Contract),
            "ENTRUST.TERMINATE_RETENTION" => Ok(Self::Retention),
            "SECURITY_ECHO.SUCCESS" => Ok(Self::Echo),
            _ => Err(ParseError::rule("event_type", "one that is known here")),
        }
    }

    /// The envelope must agree with its event type.
    pub(crate) fn check_envelope(self, event: &V3Event<'_>) -> Result<(), ParseError> {
        if event.resource_type != "encrypt-resource" {
            return Err(ParseError::rule("resource_type", "encrypt-resource"));
        }
        if event.original_type != self.original_type() {
            return Err(ParseError::rule("original_type", self.original_type()));
        }
        Ok(())
    }

    fn original_type(self) -> &'static str {
        match self {
            Self::Transaction => "transaction",
            Self::Refund => "refund",
            Self::Contract | Self::Retention => "entrust",
            Self::Echo => "security",
        }
    }
}

/// When the message was made. A resent one keeps it.
pub(crate) fn said_at(event: &V3Event<'_>) -> Result<Option<Timestamp>, ParseError> {
    field::optional("create_time", Some(&event.create_time), time::rfc3339)
}

/// The merchant of a resource that nothing follows from. An echo names none.
pub(crate) fn check_noted(mch_id: &MchId, event: &V3Event<'_>) -> Result<(), ParseError> {
    #[derive(Default, Deserialize)]
    #[serde(default)]
    struct Anything<'a> {
        #[serde(borrow)]
        mchid: Member<'a>,
        #[serde(borrow)]
        sp_mchid: Member<'a>,
    }
    let resource: Anything<'_> = json::object("resource", &event.resource)?;
    match super::check_merchant(mch_id, resource.mchid, resource.sp_mchid) {
        Err(ParseError::WrongMerchant) => Err(ParseError::WrongMerchant),
        Ok(()) | Err(ParseError::NotUnderstood { .. } | ParseError::WrongEndpoint { .. }) => Ok(()),
    }
}
