//! `POST /pay/closeorder`

use counterparty::V2Fields;

use super::{Call, Refusal, Scene, success};
use crate::model::{Job, OrderKind, TradeState, key};
use crate::time::{MINUTE, Ms};

/// An order cannot be closed earlier.
const EARLIEST: Ms = 5 * MINUTE;

/// Closes an order that is not paid; its number is dead then.
pub(crate) fn close_order(scene: &mut Scene<'_>, call: &Call) -> Result<V2Fields, Refusal> {
    let key = key(scene.mch_id(), call.text("out_trade_no"));
    let order = scene.world.orders.get_mut(&key);
    let order = order.ok_or_else(|| Refusal::business("ORDERNOTEXIST", "订单不存在"))?;
    match order.state {
        TradeState::Success => return Err(Refusal::business("ORDERPAID", "订单已支付，不能发起关单")),
        TradeState::Closed | TradeState::PayFail => {
            return Err(Refusal::business("ORDERCLOSED", "订单已关闭，无法重复关闭"));
        }
        _ if scene.now < order.made_ms.saturating_add(EARLIEST) => {
            return Err(Refusal::business("TRADE_STATE_ERROR", "订单生成后5分钟内不能关闭"));
        }
        _ => order.state = TradeState::Closed,
    }
    if let OrderKind::Deduction { executes_ms, .. } = order.kind {
        scene.world.jobs.remove(&(executes_ms, Job::Deduct(key)));
    }
    let mut fields = success(call);
    fields.set("result_msg", "OK");
    Ok(fields)
}
