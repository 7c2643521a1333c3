//! What callers are told.

use domain::{Contract, DeductionNotice, ExemptContract, Order, OutTradeNo, Refund, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;
use wechat::v3::SigningSession;

/// An order: a first payment, a deduction or a purchase.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct OrderView {
    #[schema(example = "01JD8K6M2QZ4XW7RTNBVP0001A01")]
    out_trade_no: String,
    /// `pay_and_sign`, `deduction` or `one_off`.
    #[schema(example = "deduction")]
    kind: String,
    contract_code: Option<String>,
    /// In fen.
    #[schema(example = 1800)]
    amount: u64,
    /// `created`, `requested`, `accepted`, `closing`, `paid`, `partly_refunded`, `refunded`, `failed` or `closed`. A deduction is decided
    /// once it is `paid` or `failed`.
    #[schema(example = "accepted")]
    state: String,
    /// WeChat's number, once paid.
    transaction_id: Option<String>,
    /// When it was paid.
    paid_at: Option<String>,
    /// WeChat's code of the failure.
    #[schema(example = "NOTENOUGH")]
    failure: Option<String>,
    /// Given back so far, in fen.
    refunded: u64,
    /// What can still be refunded, in fen.
    refundable: u64,
    /// Whether WeChat says that some of it was given back by a refund that is not on record, made on the merchant platform.
    refunded_elsewhere: bool,
    metadata: Option<String>,
    created_at: String,
}

/// A contract.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ContractView {
    #[schema(example = "01JD8K6M2QZ4XW7RTNBV")]
    contract_code: String,
    /// WeChat's number, once signed.
    contract_id: Option<String>,
    plan_id: String,
    product: Option<String>,
    /// `created`, `pending`, `signed`, `not_signed`, `terminating` or `terminated`. Only a `signed` one can be charged.
    #[schema(example = "signed")]
    state: String,
    /// What the subscription came to: `pending`, `paid_signing`, `active`, `paid_not_signed`, `signed_later`, `signed`, `refunded`, `closed`
    /// or `terminated`.
    #[schema(example = "active")]
    outcome: String,
    /// The order that it was offered with.
    first_order: Option<String>,
    /// The deduction that is not decided yet.
    open_deduction: Option<String>,
    /// `unpaid`, `presign_failed`, `already_signed` or `declined`.
    not_signed_reason: Option<String>,
    signed_at: Option<String>,
    terminated_at: Option<String>,
    /// `expired`, `user`, `merchant_api`, `merchant_platform`, `account_cancelled`, `customer_service` or `other`.
    termination_reason: Option<String>,
    metadata: Option<String>,
    created_at: String,
}

/// A refund.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct RefundView {
    out_refund_no: String,
    out_trade_no: String,
    /// WeChat's number, once accepted.
    refund_id: Option<String>,
    /// In fen.
    amount: u64,
    /// `reported`, `created`, `processing`, `succeeded`, `closed`, `abnormal`, `repairing` or `rejected`.
    #[schema(example = "processing")]
    state: String,
    /// WeChat's code of a refusal.
    failure: Option<String>,
    succeeded_at: Option<String>,
    created_at: String,
    /// The order's contract, where it was to end as well: its state.
    #[serde(skip_serializing_if = "Option::is_none")]
    contract_state: Option<String>,
}

/// A notice of a deduction to come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct NoticeView {
    contract_code: String,
    /// In fen: what can be deducted at most.
    #[schema(example = 1800)]
    amount: u64,
    /// Whether WeChat said that the user was told. If not, the same call asks again.
    sent: bool,
    /// The first day, in Beijing, on which it can be deducted.
    #[schema(example = "2026-11-24")]
    first_day: String,
    /// The last one.
    #[schema(example = "2026-11-30")]
    last_day: String,
}

/// A password-exempt contract (免密支付).
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct ExemptView {
    #[schema(example = 20535)]
    service_id: u64,
    #[schema(example = "A20260101000001")]
    out_contract_code: String,
    /// `qs`, `normal` or `service_provider`.
    #[schema(example = "normal")]
    mode: String,
    /// `created`, `offered`, `refused`, `not_signed`, `signed`, `terminating` or `terminated`.
    #[schema(example = "offered")]
    state: String,
    /// WeChat's code of a refusal.
    #[schema(example = "NO_AUTH")]
    failure: Option<String>,
    /// The order of ours that it was offered with.
    out_trade_no: Option<String>,
    /// WeChat's number, once signed.
    contract_id: Option<String>,
    signed_at: Option<String>,
    terminated_at: Option<String>,
    /// `expired`, `user`, `merchant_api`, `merchant_platform`, `account_cancelled`, `customer_service` or `other`.
    termination_reason: Option<String>,
    created_at: String,
}

/// A password-exempt contract that was pre-signed.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct PreSigningView {
    #[serde(flatten)]
    contract: ExemptView,
    /// What WeChat's mini program is opened with, within two hours: there where `prepay_id` was not. The same call gives another one.
    #[serde(skip_serializing_if = "Option::is_none")]
    session: Option<SessionView>,
}

/// A session of WeChat's signing mini program.
#[derive(Clone, Debug, PartialEq, Serialize, ToSchema)]
pub(crate) struct SessionView {
    pre_entrustweb_id: String,
    /// WeChat's mini program.
    #[schema(example = "wxbd687630cd02ce1d")]
    appid: String,
    /// Its page.
    path: String,
}

impl PreSigningView {
    /// How the contract stands, and the session that WeChat gave for it.
    pub(crate) fn new(contract: &ExemptContract, session: Option<SigningSession>) -> Self {
        let session = session.map(|session| SessionView {
            pre_entrustweb_id: session.pre_entrustweb_id,
            appid: session.appid,
            path: session.path,
        });
        Self { contract: contract.into(), session }
    }
}

impl From<&ExemptContract> for ExemptView {
    fn from(contract: &ExemptContract) -> Self {
        Self {
            service_id: contract.service_id,
            out_contract_code: contract.contract_code.to_string(),
            mode: word(&contract.mode),
            state: word(&contract.state),
            failure: contract.failure.clone(),
            out_trade_no: contract.out_trade_no.as_ref().map(ToString::to_string),
            contract_id: contract.contract_id.as_ref().map(ToString::to_string),
            signed_at: time(contract.signed_at),
            terminated_at: time(contract.terminated_at),
            termination_reason: contract.termination_reason.as_ref().map(word),
            created_at: contract.created_at.to_string(),
        }
    }
}

impl From<&Order> for OrderView {
    fn from(order: &Order) -> Self {
        Self {
            out_trade_no: order.out_trade_no.to_string(),
            kind: word(&order.kind),
            contract_code: order.contract_code.as_ref().map(ToString::to_string),
            amount: order.amount.get(),
            state: word(&order.state),
            transaction_id: order.transaction_id.as_ref().map(ToString::to_string),
            paid_at: time(order.paid_at),
            failure: order.failure.clone(),
            refunded: order.refunded.get(),
            refundable: order.refundable().get(),
            refunded_elsewhere: order.refunded_elsewhere,
            metadata: order.attach.clone(),
            created_at: order.created_at.to_string(),
        }
    }
}

impl From<&Contract> for ContractView {
    fn from(contract: &Contract) -> Self {
        Self {
            contract_code: contract.contract_code.to_string(),
            contract_id: contract.contract_id.as_ref().map(ToString::to_string),
            plan_id: contract.plan_id.to_string(),
            product: contract.product.as_ref().map(ToString::to_string),
            state: word(&contract.state),
            outcome: word(&domain::outcome(contract)),
            first_order: contract.first_order().map(OutTradeNo::to_string),
            open_deduction: contract.open_deduction.as_ref().map(OutTradeNo::to_string),
            not_signed_reason: contract.not_signed_reason.as_ref().map(word),
            signed_at: time(contract.signed_at),
            terminated_at: time(contract.terminated_at),
            termination_reason: contract.termination_reason.as_ref().map(word),
            metadata: contract.metadata.clone(),
            created_at: contract.created_at.to_string(),
        }
    }
}

impl NoticeView {
    pub(crate) fn new(contract: &Contract, notice: &DeductionNotice) -> Self {
        Self {
            contract_code: contract.contract_code.to_string(),
            amount: notice.amount.get(),
            sent: notice.confirmed_at.is_some(),
            first_day: notice.first_day.to_string(),
            last_day: notice.last_day.to_string(),
        }
    }
}

impl RefundView {
    pub(crate) fn new(refund: &Refund, contract: Option<&Contract>) -> Self {
        Self {
            out_refund_no: refund.out_refund_no.to_string(),
            out_trade_no: refund.out_trade_no.to_string(),
            refund_id: refund.refund_id.as_ref().map(ToString::to_string),
            amount: refund.amount.get(),
            state: word(&refund.state),
            failure: refund.failure.clone(),
            succeeded_at: time(refund.succeeded_at),
            created_at: refund.created_at.to_string(),
            contract_state: contract.map(|contract| word(&contract.state)),
        }
    }
}

fn time(at: Option<Timestamp>) -> Option<String> {
    at.map(|at| at.to_string())
}

/// The word that events use for a state, too.
fn word<T: Serialize>(state: &T) -> String {
    serde_json::to_value(state).ok().and_then(|value| value.as_str().map(str::to_owned)).unwrap_or_default()
}
