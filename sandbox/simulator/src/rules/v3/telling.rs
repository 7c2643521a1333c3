//! What V3 notices say.

use counterparty::{Error, Numbers, RefundResult, V3Notice};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::query::{amount, promotions};
use super::refund::{ACCOUNT, shares};
use crate::model::{Exempt, ExemptState, NoticeKind, Order, Paid, Refund, RefundState};
use crate::rules::Scene;
use crate::rules::telling::send_v3;
use crate::time::rfc3339;

/// A notice of any kind, as it was asked for.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AnyNotice {
    url: String,
    event_type: String,
    original_type: String,
    #[serde(default)]
    summary: String,
    resource: Map<String, Value>,
    /// What it is about, for the list of notices and for faults.
    number: Option<String>,
}

/// `TRANSACTION.SUCCESS`
pub(in crate::rules) fn tell_payment(
    scene: &mut Scene<'_>,
    order: &Order,
    paid: &Paid,
    notice: V3Notice,
) -> Result<u64, Error> {
    let mut notice = notice.with("amount", amount(order, paid));
    if let Some(attach) = order.asked("attach") {
        notice = notice.with("attach", attach);
    }
    if let Some(device_id) = order.asked("device_info") {
        notice = notice.with("scene_info", json!({ "device_id": device_id }));
    }
    if paid.coupon > 0 {
        notice = notice.with("promotion_detail", promotions(paid));
    }
    send_v3(scene, NoticeKind::Payment, vec![order.out_trade_no.clone()], &order.notify_url, &notice)
}

/// `REFUND.SUCCESS`, `REFUND.ABNORMAL`, `REFUND.CLOSED`
pub(in crate::rules) fn tell_refund(
    scene: &mut Scene<'_>,
    refund: &Refund,
    numbers: &Numbers,
    url: &str,
) -> Result<u64, Error> {
    let result = match refund.state {
        RefundState::Change => RefundResult::Abnormal,
        RefundState::RefundClose => RefundResult::Closed,
        RefundState::Success | RefundState::Processing => RefundResult::Success,
    };
    let mut notice = V3Notice::refund(numbers, result)?.with("user_received_account", ACCOUNT);
    if let Some(order) = scene.world.orders.get(&refund.order) {
        let coupon = order.paid.as_ref().map_or(0, |paid| paid.coupon);
        let amount = json!({
            "total": refund.total_fee, "refund": refund.refund_fee,
            "payer_total": refund.total_fee.saturating_sub(coupon), "payer_refund": shares(order, refund).1,
        });
        notice = notice.with("amount", amount);
    }
    let about = vec![refund.out_refund_no.clone(), refund.out_trade_no.clone()];
    send_v3(scene, NoticeKind::Refund, about, url, &notice)
}

/// A password-exempt contract was signed, or has ended. Its real form is not published; this one follows the other contracts'.
pub(super) fn tell_exempt(scene: &mut Scene<'_>, exempt: &Exempt) -> Result<u64, Error> {
    let (kind, event_type, summary) = match exempt.state {
        ExemptState::Terminated => (NoticeKind::ContractDelete, "ENTRUST.TERMINATE", "解约成功"),
        ExemptState::Offered | ExemptState::Signed => (NoticeKind::ContractAdd, "ENTRUST.SIGN", "签约成功"),
    };
    let Value::Object(resource) = described_exempt(exempt) else { return Ok(0) };
    let notice = V3Notice::new(event_type, "entrust", summary, resource);
    send_v3(scene, kind, vec![exempt.out_contract_code.clone()], &exempt.notify_url, &notice)
}

/// The contract as queries show it.
pub(super) fn described_exempt(exempt: &Exempt) -> Value {
    let mut contract = json!({
        "mchid": exempt.mch_id,
        "appid": exempt.appid,
        "openid": exempt.openid,
        "service_id": exempt.service_id,
        "out_contract_code": exempt.out_contract_code,
        "contract_display_account": exempt.display_account,
        "contract_state": if exempt.state == ExemptState::Terminated { "TERMINATED" } else { "SIGNED" },
    });
    if let Some(signed) = &exempt.signed {
        contract["contract_id"] = signed.contract_id.as_str().into();
        contract["contract_signed_time"] = rfc3339(signed.at_ms).into();
    }
    if let Some(ended) = &exempt.ended {
        contract["contract_terminate_info"] = json!({
            "contract_termination_mode": ended.mode,
            "contract_terminated_time": rfc3339(ended.at_ms),
            "contract_termination_remark": ended.remark,
        });
    }
    contract
}

/// Sends a notice that no rule leads to.
pub(crate) fn tell_any(scene: &mut Scene<'_>, wanted: AnyNotice) -> Result<u64, Error> {
    let notice = V3Notice::new(&wanted.event_type, &wanted.original_type, &wanted.summary, wanted.resource);
    send_v3(scene, NoticeKind::Other, wanted.number.into_iter().collect(), &wanted.url, &notice)
}
