//! Notices of password-exempt contracts (免密支付, 10.4), whose event type and form are not documented: that they name one is all that is
//! read of them, and the query decides.

use domain::{ContractCode, ExemptChange, ExemptFact, ExemptKey, MchId};
use serde::Deserialize;
use verify::V3Event;

use super::event;
use super::json::{self, Member};
use crate::ParseError;

#[derive(Default, Deserialize)]
#[serde(default)]
struct Named<'a> {
    #[serde(borrow)]
    service_id: Member<'a>,
    #[serde(borrow)]
    out_contract_code: Member<'a>,
    #[serde(borrow)]
    plan_id: Member<'a>,
}

/// The contract that a notice names by service and number, if it does. One of a deduction template names that instead.
pub(crate) fn reported(mch_id: &MchId, event: &V3Event<'_>) -> Result<Option<ExemptFact>, ParseError> {
    let Ok(named) = json::object::<Named<'_>>("resource", &event.resource) else { return Ok(None) };
    let Some(key) = named.key() else { return Ok(None) };
    event::check_noted(mch_id, event)?;
    Ok(Some(ExemptFact { key, contract_id: None, appid: None, openid: None, change: ExemptChange::Reported }))
}

impl Named<'_> {
    fn key(&self) -> Option<ExemptKey> {
        let plan = self.plan_id.number_or_text("plan_id", |text| Ok(text.to_owned())).ok()?;
        let service = self.service_id.number_or_text("service_id", |text| Ok(text.to_owned())).ok()??;
        let code = self.out_contract_code.optional("out_contract_code", ContractCode::parse).ok()??;
        match (plan, service.parse()) {
            (None, Ok(service_id)) => Some(ExemptKey::new(service_id, &code)),
            (Some(_), _) | (_, Err(_)) => None,
        }
    }
}
