//! `POST /v3/pay/transactions/out-trade-no/{out_trade_no}/close`, and what is closed by itself.

use super::{Refusal, Reply, Request, check_merchant};
use crate::model::{OrderKind, TradeState, key};
use crate::rules::Scene;

/// Closes an order that is not paid. Closing it again changes nothing.
pub(crate) fn close_order(scene: &mut Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    check_merchant(scene, request.said("/mchid"), "/mchid")?;
    let key = key(scene.mch_id(), request.parameter("out_trade_no"));
    let order = scene.world.orders.get_mut(&key);
    let order = order.ok_or_else(|| Refusal::new("ORDER_NOT_EXIST", "订单不存在"))?;
    if matches!(order.kind, OrderKind::Deduction { .. }) {
        return Err(Refusal::new("INVALID_REQUEST", "当前交易不允许进行普通关单").numbered(268_449_641));
    }
    if order.state == TradeState::Success {
        return Err(Refusal::new("INVALID_REQUEST", "订单已支付，不能关单").numbered(268_449_538));
    }
    order.state = TradeState::Closed;
    Ok(Reply::NoContent)
}

/// Nobody has paid in time.
pub(in crate::rules) fn close_unpaid(scene: &mut Scene<'_>, key: &str) {
    if let Some(order) = scene.world.orders.get_mut(key).filter(|order| order.paid.is_none()) {
        order.state = TradeState::Closed;
    }
}
