//! The notice before a deduction (预扣费通知): `POST /v3/papay/contracts/{contract_id}/notify`, V3, between 7:00 and 22:00 Beijing time.

use domain::{AppId, ContractId, Fen};
use serde::{Deserialize, Serialize};

use crate::answer::Received;
use crate::errors::{Said, tables};
use crate::fields::escaped;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment, check};

/// Tells the user what will be deducted.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PreDeductionNotice {
    /// One of the merchant's applications.
    pub appid: AppId,
    /// WeChat's number of the contract.
    pub contract_id: ContractId,
    /// What will be deducted at most, at least 1 fen.
    pub estimated: Fen,
}

/// The user is told.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NoticeSent {
    /// By an identical notice before this one.
    pub already: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    mchid: &'a str,
    appid: &'a str,
    estimated_amount: Amount,
}

#[derive(Serialize)]
struct Amount {
    amount: u64,
    currency: &'static str,
}

#[derive(Default, Deserialize)]
#[serde(default)]
struct Refusal {
    code: Option<String>,
    message: String,
}

impl PreDeductionNotice {
    /// Checks the request. It is signed when it is sent, each time anew. (`at` is not used.)
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, _at: &Moment) -> Result<Prepared<Self>, Invalid> {
        check::amount("estimated_amount.amount", self.estimated)?;
        check::holds(keys.signer.is_some(), "key", "the merchant's V3 key")?;
        let target = format!("{}{}/notify", Self::ROUTE.path, escaped(self.contract_id.as_str()));
        let estimated_amount = Amount { amount: self.estimated.get(), currency: "CNY" };
        let body = Body { mchid: keys.mch_id(), appid: self.appid.as_str(), estimated_amount };
        let body = serde_json::to_string(&body).map_err(|_| Invalid::new("body", "JSON"))?;
        Ok(Prepared::new(target, body))
    }
}

impl sealed::Known for PreDeductionNotice {}

impl Call for PreDeductionNotice {
    type Answer = NoticeSent;

    const ROUTE: Route = Route {
        name: "pre-deduction notice",
        path: "/v3/papay/contracts/",
        form: Form::V3,
        certificate: false,
        repeatable: true,
        asks_only: false,
        errors: tables::PRE_DEDUCTION_NOTICE,
    };

    /// Success is believed if it is signed. A refusal may come without signature.
    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        let signed = received.v3_verified().map(drop);
        if matches!(received.incoming.status, 200 | 204) {
            let sent = signed.map(|()| NoticeSent { already: false });
            return sent.map_err(|refusal| CallError::refusal(&Self::ROUTE, &refusal));
        }
        let refusal: Refusal = serde_json::from_slice(&received.incoming.body).unwrap_or_default();
        let Some(code) = refusal.code.as_deref() else {
            return Err(CallError::http(&Self::ROUTE, received.incoming.status));
        };
        match (code, signed) {
            ("RESOURCE_ALREADY_EXISTS", Ok(())) => Ok(NoticeSent { already: true }),
            ("RESOURCE_ALREADY_EXISTS", Err(refusal)) => Err(CallError::refusal(&Self::ROUTE, &refusal)),
            (code, signed) => {
                let said = Said { code: Some(code), text: &refusal.message };
                Err(CallError::refused(&Self::ROUTE, said, signed.is_ok()))
            }
        }
    }
}
