//! Facts: what a notification, a query's answer, a bill or an API call tells us, in our own words.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AppId, Called, ContractCode, ContractId, ExemptKey, Fen, Keys, MchId, OpenId, Opened, OutRefundNo, OutTradeNo,
    PlanId, RefundId, SignatureAlgorithm, TerminationReason, TradeType, TransactionId,
};

/// How we came to know.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Cause {
    /// WeChat notified us.
    Callback,
    /// We asked WeChat.
    Query,
    /// The daily bill (交易账单) says so.
    Bill,
    /// A call of our own APIs.
    Api,
}

/// What was proved about the sender.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Evidence {
    /// Signed over every field, by this algorithm.
    Signed(SignatureAlgorithm),
    /// It only decrypted: the V2 refund notice carries no `sign`, and ECB has no integrity check.
    Decrypted,
    /// A direct answer without `sign`: TLS alone vouches for it.
    Unsigned,
    /// Our own doing.
    Ours,
}

impl Evidence {
    /// Whether it may move money or contracts by itself; what does not is only a reason to ask.
    #[must_use]
    pub fn proves(self) -> bool {
        match self {
            Self::Signed(_) | Self::Ours => true,
            Self::Decrypted | Self::Unsigned => false,
        }
    }
}

/// Something that happened, and how we know.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Fact {
    /// The merchant (the path's and the body's, which must be one).
    pub mch_id: MchId,
    /// How we came to know.
    pub cause: Cause,
    /// What was proved about the sender.
    pub evidence: Evidence,
    /// What happened.
    pub body: FactBody,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum FactBody {
    /// Of an order.
    Payment(PaymentFact),
    /// Of a contract.
    Contract(ContractFact),
    /// Of a refund.
    Refund(RefundFact),
    /// Of a password-exempt contract.
    Exempt(ExemptFact),
    /// Put on record by us, before WeChat is asked.
    Opened(Opened),
    /// By a call of ours.
    Called(Called),
    /// Understood, and nothing follows from it (`SECURITY_ECHO.SUCCESS`, a retention request).
    Noted {
        /// WeChat's event type.
        event_type: String,
    },
}

/// What became of an order.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PaymentFact {
    /// The order.
    pub out_trade_no: OutTradeNo,
    /// The appid in the message, where it has one.
    pub appid: Option<AppId>,
    /// The contract in a deduction's notice; never proof that anything was signed.
    pub contract_id: Option<ContractId>,
    /// The order's `attach`, where the message has one (V3).
    #[serde(default)]
    pub attach: Option<String>,
    /// What became of it.
    pub result: PaymentResult,
}

/// What became of an order, V2 `result_code` with `trade_state`, V3 `trade_state`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum PaymentResult {
    /// Paid: every sign of success is there, with transaction and amount.
    Succeeded {
        /// WeChat's number.
        transaction_id: TransactionId,
        /// The order's amount (V2 `total_fee`, V3 `amount.total`), not what the payer paid after coupons.
        total: Fen,
        /// The payer under `appid`.
        openid: Option<OpenId>,
        /// How it was paid.
        trade_type: Option<TradeType>,
        /// When (V2 `time_end`, V3 `success_time`).
        paid_at: Option<Timestamp>,
        /// `trade_state` REFUND: paid, and at least one refund was accepted since.
        refunded: bool,
    },
    /// Failed for good, if it can be believed: a deduction's PAY_FAIL or failure notice, PAYERROR.
    Failed {
        /// WeChat's `err_code`, for instance `NOTENOUGH`.
        code: String,
    },
    /// CLOSED or REVOKED.
    Closed,
    /// NOTPAY or USERPAYING.
    Unpaid,
    /// ACCEPT: a deduction that waits up to 24 hours.
    Accepted,
    /// ORDERNOTEXIST: WeChat never saw it, or not yet.
    NotFound,
    /// A `trade_state` that we do not know: undecided, never guessed.
    Undecided {
        /// WeChat's word.
        trade_state: String,
    },
}

/// What became of a contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContractFact {
    /// The merchant's number, ours.
    pub contract_code: ContractCode,
    /// WeChat's number.
    pub contract_id: Option<ContractId>,
    /// The template.
    pub plan_id: Option<PlanId>,
    /// The appid, where the message has one.
    pub appid: Option<AppId>,
    /// The user who signed: the one that counts (check 12).
    pub openid: Option<OpenId>,
    /// What became of it.
    pub change: ContractChange,
}

/// What became of a contract: `change_type` of a notice, `contract_state` of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum ContractChange {
    /// ADD, ENTRUST.SIGN, or state 0.
    Signed {
        /// `operate_time`.
        at: Option<Timestamp>,
        /// `contract_expired_time`, for information.
        expires_at: Option<Timestamp>,
    },
    /// DELETE, ENTRUST.TERMINATE, or state 1 with a termination time or mode.
    Terminated {
        /// `operate_time`.
        at: Option<Timestamp>,
        /// Why, from `contract_termination_mode`.
        reason: TerminationReason,
    },
    /// State 1 without a termination: not signed yet, unless we had recorded it as signed.
    NotSigned,
    /// `-25`: no contract is known under this code.
    Absent,
    /// State 9: signing is under way.
    InProgress,
}

/// What became of a refund.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RefundFact {
    /// The refund.
    pub out_refund_no: OutRefundNo,
    /// WeChat's number.
    pub refund_id: Option<RefundId>,
    /// The order, where the message names it.
    pub out_trade_no: Option<OutTradeNo>,
    /// WeChat's number of the order.
    pub transaction_id: Option<TransactionId>,
    /// The refund's amount.
    pub refund: Option<Fen>,
    /// The order's amount.
    pub total: Option<Fen>,
    /// When WeChat made the message (V3 `create_time`): a resent old one must not look like a new result.
    pub said_at: Option<Timestamp>,
    /// What became of it.
    pub result: RefundResult,
}

/// What became of a refund: V2 `refund_status`, V3 `status` and `refund_status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "result", rename_all = "snake_case")]
pub enum RefundResult {
    /// SUCCESS.
    Succeeded {
        /// `success_time`.
        at: Option<Timestamp>,
    },
    /// PROCESSING.
    Processing,
    /// CLOSED, REFUNDCLOSE: not refunded; may be applied for again under a new number.
    Closed,
    /// ABNORMAL, CHANGE: the user's card is dead and the money waits.
    Abnormal,
    /// WeChat refused the application.
    Rejected {
        /// WeChat's error code.
        code: String,
    },
    /// WeChat never saw the application, or not yet.
    NotFound,
}

/// What became of a password-exempt contract.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ExemptFact {
    /// Its number.
    pub key: ExemptKey,
    /// WeChat's number.
    pub contract_id: Option<ContractId>,
    /// The appid, where the message has one.
    pub appid: Option<AppId>,
    /// The user under it.
    pub openid: Option<OpenId>,
    /// What became of it.
    pub change: ExemptChange,
}

/// What became of a password-exempt contract: `contract_state` of a query.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "change", rename_all = "snake_case")]
pub enum ExemptChange {
    /// SIGNED.
    Signed {
        /// `contract_signed_time`.
        at: Option<Timestamp>,
    },
    /// TERMINATED.
    Terminated {
        /// `contract_terminated_time`.
        at: Option<Timestamp>,
        /// Why, from `contract_termination_mode`.
        reason: TerminationReason,
    },
    /// WeChat knows no such contract, or not yet.
    Absent,
    /// A notice named it. Its form is not documented: what it says is not read.
    Reported,
    /// A `contract_state` that we do not know: undecided, never guessed.
    Undecided {
        /// WeChat's word.
        state: String,
    },
}

impl Fact {
    /// An answer that proves nothing (an error without signature). To ask again at once would be to ask for ever: the next question
    /// comes in its time.
    pub(crate) fn is_unproved_answer(&self) -> bool {
        match self.cause {
            Cause::Query | Cause::Api => !self.evidence.proves(),
            Cause::Callback | Cause::Bill => false,
        }
    }

    /// The items that have to be read to decide.
    #[must_use]
    pub fn keys(&self) -> Keys {
        match &self.body {
            FactBody::Payment(payment) => Keys {
                contract: payment.out_trade_no.contract_code(),
                order: Some(payment.out_trade_no.clone()),
                ..Keys::default()
            },
            FactBody::Contract(contract) => Keys {
                // An ADD wakes the check of its unpaid order: both are read in one request.
                order: match contract.change {
                    ContractChange::Signed { .. } => contract.contract_code.first_order(),
                    ContractChange::Terminated { .. }
                    | ContractChange::NotSigned
                    | ContractChange::Absent
                    | ContractChange::InProgress => None,
                },
                contract: Some(contract.contract_code.clone()),
                ..Keys::default()
            },
            FactBody::Refund(refund) => Keys {
                contract: refund.out_trade_no.as_ref().and_then(OutTradeNo::contract_code),
                order: refund.out_trade_no.clone(),
                refund: Some(refund.out_refund_no.clone()),
                ..Keys::default()
            },
            FactBody::Exempt(exempt) => Keys { exempt: Some(exempt.key.clone()), ..Keys::default() },
            FactBody::Opened(opened) => opened.keys(),
            FactBody::Called(called) => called.keys(),
            FactBody::Noted { .. } => Keys::default(),
        }
    }

    /// What the fact is about, as the first part of its key in the journal: `C#<contract_code>`, `O#<out_trade_no>`,
    /// `R#<out_refund_no>` where the order is not named, `X#<service_id>#<contract_code>`, `N` for what is only noted.
    #[must_use]
    pub fn subject(&self) -> String {
        match &self.body {
            FactBody::Payment(payment) => format!("O#{}", payment.out_trade_no),
            FactBody::Contract(contract) => format!("C#{}", contract.contract_code),
            FactBody::Refund(refund) => match &refund.out_trade_no {
                Some(out_trade_no) => format!("O#{out_trade_no}"),
                None => format!("R#{}", refund.out_refund_no),
            },
            FactBody::Exempt(exempt) => format!("X#{}", exempt.key),
            FactBody::Opened(opened) => opened.subject(),
            FactBody::Called(called) => called.subject(),
            FactBody::Noted { .. } => "N".to_owned(),
        }
    }

    /// A short name of the kind, for metrics and logs.
    #[must_use]
    pub fn kind(&self) -> &'static str {
        match &self.body {
            FactBody::Payment(_) => "payment",
            FactBody::Contract(_) => "contract",
            FactBody::Refund(_) => "refund",
            FactBody::Exempt(_) => "exempt",
            FactBody::Opened(_) => "opened",
            FactBody::Called(_) => "called",
            FactBody::Noted { .. } => "noted",
        }
    }
}
