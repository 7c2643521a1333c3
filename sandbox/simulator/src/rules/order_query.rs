//! `POST /pay/orderquery` and `POST /pay/paporderquery`

use counterparty::V2Fields;

use super::{Call, Refusal, Scene, success};
use crate::model::{Order, Paid, TradeState};
use crate::time::{DAY, compact};

/// Deductions can be asked for a month.
const PAP_MEMORY_DAYS: i64 = 31;

/// Any order, deductions included.
pub(crate) fn order_query(scene: &mut Scene<'_>, call: &Call) -> Result<V2Fields, Refusal> {
    let order = wanted(scene, call)?;
    // A failed deduction is closed by WeChat, and PAY_FAIL is a word of the other query.
    let state = if order.state == TradeState::PayFail { TradeState::Closed } else { order.state };
    Ok(answer(call, order, state))
}

/// Deductions only, for a month, and not once they were closed by a call.
pub(crate) fn pap_order_query(scene: &mut Scene<'_>, call: &Call) -> Result<V2Fields, Refusal> {
    let order = wanted(scene, call)?;
    let contract = order.deducted_from().filter(|_| order.state != TradeState::Closed);
    let Some(contract) = contract else {
        return Err(Refusal::business("INVALID_REQUEST", "订单不是委托代扣场景"));
    };
    if scene.now > order.made_ms.saturating_add(PAP_MEMORY_DAYS * DAY) {
        return Err(absent());
    }
    let mut fields = answer(call, order, order.state);
    if let Some(contract) = scene.world.contracts.get(contract) {
        fields.set("contract_id", contract.contract_id());
    }
    Ok(fields)
}

/// Whether a refund of the order was accepted. That it was closed later takes nothing back: REFUND is final.
pub(super) fn is_refunded(order: &Order) -> bool {
    !order.refunds.is_empty()
}

fn wanted<'a>(scene: &'a Scene<'_>, call: &Call) -> Result<&'a Order, Refusal> {
    if call.get("transaction_id").is_none() && call.get("out_trade_no").is_none() {
        return Err(Refusal::business("LACK_PARAMS", "缺少参数transaction_id或out_trade_no"));
    }
    scene.order_of(call).ok_or_else(absent)
}

fn absent() -> Refusal {
    Refusal::business("ORDERNOTEXIST", "此交易订单号不存在")
}

fn answer(call: &Call, order: &Order, state: TradeState) -> V2Fields {
    let mut fields = success(call);
    let (state, described) = match is_refunded(order) {
        true => ("REFUND", "订单发生过退款"),
        false => (state.as_str(), state.described()),
    };
    match (&order.paid, &order.failure) {
        (Some(paid), _) => add_payment(&mut fields, order, paid),
        (None, Some(failure)) => {
            fields.set("err_code", &failure.err_code);
            fields.set("err_code_des", &failure.err_code_des);
        }
        (None, None) => {}
    }
    fields.set("out_trade_no", &order.out_trade_no);
    if let Some(attach) = order.asked("attach") {
        fields.set("attach", attach);
    }
    fields.set("trade_state", state);
    fields.set("trade_state_desc", described);
    fields.set_number("total_fee", order.total_fee);
    fields
}

fn add_payment(fields: &mut V2Fields, order: &Order, paid: &Paid) {
    if let Some(device_info) = order.asked("device_info") {
        fields.set("device_info", device_info);
    }
    fields.set("openid", &paid.openid);
    fields.set("is_subscribe", "N");
    fields.set("trade_type", order.trade_type());
    fields.set("bank_type", "OTHERS");
    fields.set("fee_type", "CNY");
    let cash = order.total_fee.saturating_sub(paid.coupon);
    fields.set_number("cash_fee", cash);
    fields.set("cash_fee_type", "CNY");
    if paid.coupon > 0 {
        fields.set_number("settlement_total_fee", cash);
        fields.set_number("coupon_fee", paid.coupon);
        fields.set_number("coupon_count", 1);
        fields.set("coupon_type_0", "NO_CASH");
        fields.set("coupon_id_0", "10000");
        fields.set_number("coupon_fee_0", paid.coupon);
    }
    fields.set("transaction_id", &paid.transaction_id);
    fields.set("time_end", &compact(paid.at_ms));
}
