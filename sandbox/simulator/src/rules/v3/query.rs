//! `GET /v3/pay/transactions/id/{transaction_id}` and `…/out-trade-no/{out_trade_no}`

use serde_json::{Value, json};

use super::{Refusal, Reply, Request, check_merchant};
use crate::model::{Order, Paid, TradeState, key};
use crate::rules::Scene;
use crate::rules::order_query::is_refunded;
use crate::time::rfc3339;

/// An order by either number.
pub(crate) fn query_order(scene: &mut Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    check_merchant(scene, request.parameter("mchid"), "mchid")?;
    let world = &scene.world;
    let key = match request.parameters.get("transaction_id") {
        Some(transaction_id) => world.transactions.get(transaction_id).cloned(),
        None => Some(key(scene.mch_id(), request.parameter("out_trade_no"))),
    };
    let order = key.and_then(|key| world.orders.get(&key)).filter(|order| order.mch_id == scene.mch_id());
    let order = order.ok_or_else(|| Refusal::new("ORDER_NOT_EXIST", "订单不存在"))?;
    Ok(Reply::Json(described(order, is_refunded(order))))
}

fn described(order: &Order, is_refunded: bool) -> Value {
    let (state, words) = match (is_refunded, order.state) {
        (true, _) => ("REFUND", "订单发生过退款"),
        // PAY_FAIL is a word of the deductions' own query.
        (false, TradeState::PayFail) => (TradeState::Closed.as_str(), TradeState::Closed.described()),
        (false, state) => (state.as_str(), state.described()),
    };
    let mut answer = json!({
        "appid": order.appid,
        "mchid": order.mch_id,
        "out_trade_no": order.out_trade_no,
        "trade_state": state,
        "trade_state_desc": words,
        "promotion_detail": [],
        "scene_info": { "device_id": order.asked("device_info").unwrap_or_default() },
        "amount": { "total": order.total_fee, "payer_currency": "CNY" },
    });
    if let Some(paid) = &order.paid {
        add_payment(&mut answer, order, paid);
    }
    answer
}

fn add_payment(answer: &mut Value, order: &Order, paid: &Paid) {
    answer["transaction_id"] = paid.transaction_id.as_str().into();
    answer["trade_type"] = order.trade_type().into();
    answer["bank_type"] = "OTHERS".into();
    answer["success_time"] = rfc3339(paid.at_ms).into();
    answer["payer"] = json!({ "openid": paid.openid });
    answer["amount"] = amount(order, paid);
    answer["promotion_detail"] = promotions(paid);
    if let Some(attach) = order.asked("attach") {
        answer["attach"] = attach.into();
    }
}

/// `amount` of a payment.
pub(super) fn amount(order: &Order, paid: &Paid) -> Value {
    json!({
        "total": order.total_fee,
        "payer_total": order.total_fee.saturating_sub(paid.coupon),
        "currency": "CNY",
        "payer_currency": "CNY",
    })
}

/// `promotion_detail` of a payment.
pub(super) fn promotions(paid: &Paid) -> Value {
    match paid.coupon {
        0 => json!([]),
        coupon => json!([{
            "coupon_id": "10000", "name": "代金券", "scope": "GLOBAL", "type": "NOCASH", "amount": coupon,
            "stock_id": "931386", "wechatpay_contribute": coupon, "merchant_contribute": 0,
            "other_contribute": 0, "currency": "CNY",
        }]),
    }
}
