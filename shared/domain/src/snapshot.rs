//! Orders, contracts and refunds as consumers see them: whole, in each event.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AppId, Contract, ContractCode, ContractId, ContractState, Fen, MchId, NotSignedReason, Order, OrderKind,
    OrderState, OutRefundNo, OutTradeNo, PaymentStatus, PlanId, ProductId, Refund, RefundId, RefundOrigin, RefundState,
    TerminationReason, TradeType, TransactionId,
};

/// A contract as consumers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct ContractSnapshot {
    /// The merchant.
    pub mch_id: MchId,
    /// The merchant's number.
    pub contract_code: ContractCode,
    /// WeChat's number.
    pub contract_id: Option<ContractId>,
    /// The template.
    pub plan_id: PlanId,
    /// The application.
    pub appid: AppId,
    /// What of the catalogue is subscribed to.
    pub product: Option<ProductId>,
    /// The caller's metadata.
    pub metadata: Option<String>,
    /// Where it stands.
    pub state: ContractState,
    /// The order that it was offered with.
    pub out_trade_no: Option<OutTradeNo>,
    /// What became of that order.
    pub payment: Option<PaymentStatus>,
    /// Why it was not signed.
    pub not_signed_reason: Option<NotSignedReason>,
    /// The contract of this plan that its payer had already, where that is why: what was paid belongs to it.
    pub existing_contract_code: Option<ContractCode>,
    /// When it was signed.
    #[schemars(with = "Option<String>")]
    pub signed_at: Option<Timestamp>,
    /// When it ended.
    #[schemars(with = "Option<String>")]
    pub terminated_at: Option<Timestamp>,
    /// Why it ended.
    pub termination_reason: Option<TerminationReason>,
}

/// An order as consumers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct OrderSnapshot {
    /// The merchant.
    pub mch_id: MchId,
    /// The merchant's number.
    pub out_trade_no: OutTradeNo,
    /// WeChat's number.
    pub transaction_id: Option<TransactionId>,
    /// What it is for.
    pub kind: OrderKind,
    /// The application.
    pub appid: AppId,
    /// The contract that it belongs to.
    pub contract_code: Option<ContractCode>,
    /// What of the catalogue is bought.
    pub product: Option<ProductId>,
    /// The amount in fen.
    pub amount: Fen,
    /// Given back so far, in fen.
    pub refunded: Fen,
    /// Where it stands.
    pub state: OrderState,
    /// How it was paid.
    pub trade_type: Option<TradeType>,
    /// When it was paid.
    #[schemars(with = "Option<String>")]
    pub paid_at: Option<Timestamp>,
    /// WeChat's code of the failure.
    pub failure: Option<String>,
    /// The caller's metadata.
    pub attach: Option<String>,
}

/// A refund as consumers see it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct RefundSnapshot {
    /// The merchant.
    pub mch_id: MchId,
    /// The merchant's number.
    pub out_refund_no: OutRefundNo,
    /// WeChat's number.
    pub refund_id: Option<RefundId>,
    /// The order.
    pub out_trade_no: OutTradeNo,
    /// The amount in fen.
    pub amount: Fen,
    /// Where it was made.
    pub origin: RefundOrigin,
    /// Where it stands.
    pub state: RefundState,
    /// When the money left.
    #[schemars(with = "Option<String>")]
    pub succeeded_at: Option<Timestamp>,
    /// WeChat's code of why it came to nothing, or why its repair did.
    #[serde(default)]
    pub failure: Option<String>,
}

impl From<&Contract> for ContractSnapshot {
    fn from(contract: &Contract) -> Self {
        Self {
            mch_id: contract.mch_id.clone(),
            contract_code: contract.contract_code.clone(),
            contract_id: contract.contract_id.clone(),
            plan_id: contract.plan_id.clone(),
            appid: contract.appid.clone(),
            product: contract.product.clone(),
            metadata: contract.metadata.clone(),
            state: contract.state,
            out_trade_no: contract.first_order().cloned(),
            payment: contract.payment.as_ref().map(|payment| payment.status),
            not_signed_reason: contract.not_signed_reason,
            existing_contract_code: contract.existing.clone(),
            signed_at: contract.signed_at,
            terminated_at: contract.terminated_at,
            termination_reason: contract.termination_reason,
        }
    }
}

impl From<&Order> for OrderSnapshot {
    fn from(order: &Order) -> Self {
        Self {
            mch_id: order.mch_id.clone(),
            out_trade_no: order.out_trade_no.clone(),
            transaction_id: order.transaction_id.clone(),
            kind: order.kind,
            appid: order.appid.clone(),
            contract_code: order.contract_code.clone(),
            product: order.product.clone(),
            amount: order.amount,
            refunded: order.refunded,
            state: order.state,
            trade_type: order.trade_type,
            paid_at: order.paid_at,
            failure: order.failure.clone(),
            attach: order.attach.clone(),
        }
    }
}

impl From<&Refund> for RefundSnapshot {
    fn from(refund: &Refund) -> Self {
        Self {
            mch_id: refund.mch_id.clone(),
            out_refund_no: refund.out_refund_no.clone(),
            refund_id: refund.refund_id.clone(),
            out_trade_no: refund.out_trade_no.clone(),
            amount: refund.amount,
            origin: refund.origin,
            state: refund.state,
            succeeded_at: refund.succeeded_at,
            failure: refund.failure.clone(),
        }
    }
}
