//! `POST /pay/refundquery`

use counterparty::V2Fields;

use super::{Call, Refusal, Scene, success};
use crate::model::{Order, Refund, RefundState, key};
use crate::time::spaced;

/// Rows of one answer.
const ROWS: usize = 10;

/// The refunds that a number names: refund_id before out_refund_no before transaction_id before out_trade_no.
pub(crate) fn refund_query(scene: &mut Scene<'_>, call: &Call) -> Result<V2Fields, Refusal> {
    let refunds = wanted(scene, call)?;
    let absent = || Refusal::business("REFUNDNOTEXIST", "退款订单查询失败");
    let first = refunds.first().ok_or_else(absent)?;
    let order = scene.world.orders.get(&first.order).ok_or_else(absent)?;
    let offset = usize::try_from(call.number("offset")).unwrap_or(usize::MAX);
    let rows: Vec<&&Refund> = refunds.iter().skip(offset).take(ROWS).collect();
    let mut fields = head(call, order, refunds.len(), rows.len());
    for (at, refund) in rows.into_iter().enumerate() {
        add_row(&mut fields, at, refund);
    }
    Ok(fields)
}

fn wanted<'a>(scene: &'a Scene<'_>, call: &Call) -> Result<Vec<&'a Refund>, Refusal> {
    let ours = |refund: &&Refund| refund.mch_id == scene.mch_id();
    if let Some(refund_id) = call.get("refund_id") {
        let found = scene.world.refunds.values().filter(ours).find(|refund| refund.refund_id == refund_id);
        return Ok(found.into_iter().collect());
    }
    if let Some(number) = call.get("out_refund_no") {
        return Ok(scene.world.refunds.get(&key(scene.mch_id(), number)).into_iter().collect());
    }
    if call.get("transaction_id").is_none() && call.get("out_trade_no").is_none() {
        return Err(Refusal::business("LACK_PARAMS", "缺少退款单号或订单号"));
    }
    let absent = || match call.get("transaction_id") {
        Some(_) => Refusal::business("INVALID_TRANSACTIONID", "无效transaction_id"),
        None => Refusal::business("REFUNDNOTEXIST", "退款订单查询失败"),
    };
    let order = scene.order_of(call).ok_or_else(absent)?;
    Ok(order.refunds.iter().filter_map(|key| scene.world.refunds.get(key)).collect())
}

fn head(call: &Call, order: &Order, total: usize, rows: usize) -> V2Fields {
    let number = |number: usize| u64::try_from(number).unwrap_or(u64::MAX);
    let mut fields = success(call);
    if let Some(paid) = &order.paid {
        fields.set("transaction_id", &paid.transaction_id);
    }
    fields.set("out_trade_no", &order.out_trade_no);
    fields.set_number("total_fee", order.total_fee);
    fields.set("fee_type", "CNY");
    fields.set_number("cash_fee", order.total_fee);
    fields.set_number("refund_count", number(rows));
    fields.set_number("total_refund_count", number(total));
    fields
}

fn add_row(fields: &mut V2Fields, at: usize, refund: &Refund) {
    let mut set = |name: &str, value: &str| fields.set(&format!("{name}_{at}"), value);
    set("out_refund_no", &refund.out_refund_no);
    set("refund_id", &refund.refund_id);
    set("refund_channel", "ORIGINAL");
    set("refund_fee", &refund.refund_fee.to_string());
    set("settlement_refund_fee", &refund.refund_fee.to_string());
    set("coupon_refund_fee", "0");
    set("coupon_refund_count", "0");
    set("refund_status", refund.state.as_str());
    set("refund_account", &refund.account);
    // Spelt so on the wire.
    set("refund_recv_accout", "支付用户零钱");
    if let Some(at_ms) = refund.ended_ms.filter(|_| refund.state == RefundState::Success) {
        set("refund_success_time", &spaced(at_ms));
    }
}
