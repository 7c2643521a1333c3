//! `POST /v3/refund/domestic/refunds` and `GET …/{out_refund_no}`

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{Refusal, Reply, Request};
use crate::model::{Order, OrderKind, Refund, RefundState, Source, V3Refund, key};
use crate::rules::Scene;
use crate::rules::refund::{Hindrance, Wanted, accept};
use crate::time::{MINUTE, Ms, rfc3339};

/// Between two refunds of one order.
const PAUSE: Ms = MINUTE;

/// What every refund goes back to.
pub(super) const ACCOUNT: &str = "支付用户零钱";

/// Accepts a refund, unless there were too many in this second. The same number again is the same refund.
pub(crate) fn refund(scene: &mut Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    let (mch_id, now) = (scene.mch_id().to_owned(), scene.now);
    if scene.world.refund_calls.entry(mch_id.clone()).or_default().is_exceeded(now) {
        return Err(Refusal::new("FREQUENCY_LIMITED", "频率限制，请降低申请频率再重试"));
    }
    let outcome = begin(scene, request);
    scene.world.refund_calls.entry(mch_id).or_default().count(now, outcome.is_ok());
    outcome
}

/// A refund by the merchant's number, whoever made it.
pub(crate) fn query_refund(scene: &mut Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    let absent = || Refusal::new("RESOURCE_NOT_EXISTS", "退款单不存在");
    let refund = scene.world.refunds.get(&key(scene.mch_id(), request.parameter("number"))).ok_or_else(absent)?;
    let order = scene.world.orders.get(&refund.order).ok_or_else(absent)?;
    Ok(Reply::Json(described(order, refund)))
}

/// The refund as an answer shows it.
pub(super) fn described(order: &Order, refund: &Refund) -> Value {
    let coupon = order.paid.as_ref().map_or(0, |paid| paid.coupon);
    let (discount, payer_refund) = shares(order, refund);
    let mut answer = json!({
        "refund_id": refund.refund_id,
        "out_refund_no": refund.out_refund_no,
        "transaction_id": refund.transaction_id,
        "out_trade_no": refund.out_trade_no,
        "channel": "ORIGINAL",
        "user_received_account": ACCOUNT,
        "create_time": rfc3339(refund.made_ms),
        "status": refund.state.as_v3(),
        "funds_account": if refund.v3.is_some() { refund.account.as_str() } else { "UNSETTLED" },
        "amount": {
            "total": refund.total_fee,
            "refund": refund.refund_fee,
            "payer_total": refund.total_fee.saturating_sub(coupon),
            "payer_refund": payer_refund,
            "settlement_refund": refund.refund_fee,
            "settlement_total": refund.total_fee,
            "discount_refund": discount,
            "currency": "CNY",
        },
    });
    if let Some(from) = refund.v3.as_ref().and_then(|v3| v3.body.pointer("/amount/from")) {
        answer["amount"]["from"] = from.clone();
    }
    if discount > 0 {
        answer["promotion_detail"] = json!([{
            "promotion_id": "10000", "scope": "GLOBAL", "type": "COUPON", "amount": coupon, "refund_amount": discount,
        }]);
    }
    if let Some(at_ms) = refund.ended_ms.filter(|_| refund.state == RefundState::Success) {
        answer["success_time"] = rfc3339(at_ms).into();
    }
    answer
}

/// What part of a refund was a coupon, and what part the user's money.
pub(super) fn shares(order: &Order, refund: &Refund) -> (u64, u64) {
    let coupon = order.paid.as_ref().map_or(0, |paid| paid.coupon);
    let discount = coupon.saturating_mul(refund.refund_fee).checked_div(refund.total_fee).unwrap_or_default();
    (discount, refund.refund_fee.saturating_sub(discount))
}

fn begin(scene: &mut Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    let order = wanted_order(scene, request)?;
    let refund_key = key(scene.mch_id(), request.said("/out_refund_no"));
    if let Some(known) = scene.world.refunds.get(&refund_key) {
        check_repetition(known, &order, request)?;
        return Ok(Reply::Json(described(&order, known)));
    }
    check_amounts(&order, request)?;
    if last_refund_ms(scene, &order).is_some_and(|last| scene.now < last.saturating_add(PAUSE)) {
        return Err(Refusal::new("FREQUENCY_LIMITED", "同一笔订单的多次退款请间隔1分钟以上"));
    }
    let wanted = Wanted {
        out_refund_no: request.said("/out_refund_no").to_owned(),
        refund_fee: request.number("/amount/refund"),
        account: request.text("/funds_account").unwrap_or("UNSETTLED").to_owned(),
        notify_url: request.text("/notify_url").map(ToOwned::to_owned).or_else(|| usual_address(scene)),
        request: BTreeMap::new(),
        source: Source::Api,
        v3: Some(V3Refund { body: request.body.clone(), ..V3Refund::default() }),
    };
    let refund = accept(scene, &order, wanted).map_err(refused)?;
    Ok(Reply::Json(described(&order, &refund)))
}

fn wanted_order(scene: &Scene<'_>, request: &Request) -> Result<Order, Refusal> {
    let world = &scene.world;
    let key = match (request.text("/transaction_id"), request.text("/out_trade_no")) {
        (Some(transaction_id), None) => world.transactions.get(transaction_id).cloned(),
        (None, Some(out_trade_no)) => Some(key(scene.mch_id(), out_trade_no)),
        (None, None) | (Some(_), Some(_)) => {
            return Err(Refusal::new("PARAM_ERROR", "transaction_id和out_trade_no必须二选一"));
        }
    };
    let order = key.and_then(|key| world.orders.get(&key)).filter(|order| order.mch_id == scene.mch_id());
    let order = order.ok_or_else(|| Refusal::new("RESOURCE_NOT_EXISTS", "订单不存在"))?;
    match order.kind {
        OrderKind::Deduction { .. } => Err(Refusal::new("INVALID_REQUEST", "该订单不支持通过此接口退款")),
        OrderKind::Cashier(_) => Ok(order.clone()),
    }
}

fn check_amounts(order: &Order, request: &Request) -> Result<(), Refusal> {
    if request.number("/amount/total") != order.total_fee {
        return Err(Refusal::new("INVALID_REQUEST", "订单金额与原订单不一致"));
    }
    let Some(Value::Array(from)) = request.body.pointer("/amount/from") else { return Ok(()) };
    let sum: u64 = from.iter().filter_map(|part| part["amount"].as_u64()).sum();
    let mut accounts: Vec<&str> = from.iter().filter_map(|part| part["account"].as_str()).collect();
    accounts.sort_unstable();
    accounts.dedup();
    match sum == request.number("/amount/refund") && accounts.len() == from.len() {
        true => Ok(()),
        false => Err(Refusal::new("INVALID_REQUEST", "退款出资账户金额之和与退款金额不一致")),
    }
}

fn check_repetition(known: &Refund, order: &Order, request: &Request) -> Result<(), Refusal> {
    let is_same_order = known.order == key(&order.mch_id, &order.out_trade_no);
    if !is_same_order || known.v3.is_none() || known.source != Source::Api {
        return Err(Refusal::new("INVALID_REQUEST", "商户退款单号重复"));
    }
    let amounts = (request.number("/amount/refund"), request.number("/amount/total"));
    match amounts == (known.refund_fee, known.total_fee) {
        true => Ok(()),
        false => Err(Refusal::new("REFUND_FEE_MISMATCH", "订单金额或退款金额与之前请求不一致，请核实后再试")),
    }
}

fn last_refund_ms(scene: &Scene<'_>, order: &Order) -> Option<Ms> {
    let refunds = order.refunds.iter().filter_map(|key| scene.world.refunds.get(key));
    refunds.map(|refund| refund.made_ms).max()
}

/// Where V2's notice goes if the call names no address.
fn usual_address(scene: &Scene<'_>) -> Option<String> {
    let base = &scene.callbacks.refund;
    (!base.is_empty()).then(|| format!("{base}/v2/{}", scene.mch_id()))
}

fn refused(hindrance: Hindrance) -> Refusal {
    let code = match hindrance {
        Hindrance::NotPaid => "RESOURCE_NOT_EXISTS",
        Hindrance::TooLate => "TRADE_OVERDUE",
        Hindrance::TooManyParts | Hindrance::TooMuch => "INVALID_REQUEST",
    };
    Refusal::new(code, hindrance.described())
}
