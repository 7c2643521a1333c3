//! What our own calls do: rows that they put on record, and what WeChat's direct answers teach us.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::{
    Cause, Contract, ContractCode, Evidence, ExemptContract, ExemptKey, Fact, FactBody, Fen, Keys, Launch, MchId,
    NotSignedReason, Order, OutRefundNo, OutTradeNo, Refund, RequestText,
};

/// New rows, on record before WeChat is asked for what they say.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "opened", rename_all = "snake_case")]
pub enum Opened {
    /// One attempt of a user to sign, with a first payment or without.
    Attempt {
        /// The contract, Created.
        contract: Box<Contract>,
        /// Its first order, Created; `None` for pure signing (纯签约).
        order: Option<Box<Order>>,
    },
    /// A purchase without a contract (V3).
    Purchase {
        /// The order, Created.
        order: Box<Order>,
    },
    /// A deduction (扣款).
    Deduction {
        /// The order, Created.
        order: Box<Order>,
    },
    /// A refund.
    Refund {
        /// The refund, Created.
        refund: Box<Refund>,
    },
    /// A password-exempt contract, to be offered with a payment that WeChat knows already; or offered again with another.
    Exempt {
        /// The contract, Created.
        contract: Box<ExemptContract>,
    },
}

/// What a call of ours to WeChat is about to do, or what its answer says beside what a query says.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "called", rename_all = "snake_case")]
pub enum Called {
    /// WeChat has the order, and the user's client can start.
    OrderPlaced {
        /// The order.
        out_trade_no: OutTradeNo,
        /// What the client starts with.
        launch: Launch,
        /// `contract_result_code` FAIL: it can be paid, and signs nothing. Why.
        unsigned: Option<NotSignedReason>,
    },
    /// WeChat refused the order for good: it does not exist and will not.
    OrderRefused {
        /// The order.
        out_trade_no: OutTradeNo,
        /// WeChat's `err_code`.
        code: String,
    },
    /// The order is to be closed: on record before closeorder is called.
    ClosingAsked {
        /// The order.
        out_trade_no: OutTradeNo,
    },
    /// The user's client can start signing, without payment.
    ContractOffered {
        /// The contract.
        contract_code: ContractCode,
        /// What WeChat gave to start with; `None` where we make it ourselves.
        launch: Option<Launch>,
        /// Until when the user can begin to sign with it.
        until: Timestamp,
    },
    /// WeChat refused to offer the contract for good.
    ContractRefused {
        /// The contract.
        contract_code: ContractCode,
        /// WeChat's `err_code`.
        code: String,
    },
    /// The user wants to sign in another way, and WeChat has just said that this one is not signed.
    OfferWithdrawn {
        /// The contract.
        contract_code: ContractCode,
    },
    /// WeChat knows no contract of this number, and says that its payer's other contract of the plan is in force.
    SignedBefore {
        /// The contract.
        contract_code: ContractCode,
        /// The one that is in force.
        existing: ContractCode,
    },
    /// The contract is to be ended: on record before deletecontract is called, and nothing is charged from here.
    TerminationAsked {
        /// The contract.
        contract_code: ContractCode,
    },
    /// The user is to be told of a deduction (预扣费通知): on record before WeChat is called, of a contract in force only.
    NoticeAsked {
        /// The contract.
        contract_code: ContractCode,
        /// What is deducted at most.
        amount: Fen,
    },
    /// WeChat told the user.
    NoticeSent {
        /// The contract.
        contract_code: ContractCode,
        /// What is deducted at most.
        amount: Fen,
        /// By an identical call before this one.
        already: bool,
    },
    /// WeChat refused to tell the user, for good.
    NoticeRefused {
        /// The contract.
        contract_code: ContractCode,
        /// What was to be deducted at most.
        amount: Fen,
        /// WeChat's code.
        code: String,
    },
    /// The abnormal refund is to be repaired: on record before WeChat is asked to.
    RepairAsked {
        /// The refund.
        out_refund_no: OutRefundNo,
        /// Its order.
        out_trade_no: OutTradeNo,
        /// The request.
        request: RequestText,
    },
    /// WeChat did not take the refund, or its repair, and has not ended it either: why, as far as it signed that.
    RefundPutOff {
        /// The refund.
        out_refund_no: OutRefundNo,
        /// Its order.
        out_trade_no: OutTradeNo,
        /// WeChat's code.
        code: String,
    },
    /// WeChat asks the user for the password-exempt contract after his payment.
    ExemptOffered {
        /// The contract.
        key: ExemptKey,
    },
    /// WeChat refused to pre-sign the password-exempt contract.
    ExemptRefused {
        /// The contract.
        key: ExemptKey,
        /// WeChat's code.
        code: String,
    },
    /// The password-exempt contract is to be ended: on record before WeChat is asked to.
    ExemptTerminationAsked {
        /// The contract.
        key: ExemptKey,
    },
}

impl Fact {
    /// A fact of our own doing.
    #[must_use]
    pub fn ours(mch_id: MchId, body: FactBody) -> Self {
        Self { mch_id, cause: Cause::Api, evidence: Evidence::Ours, body }
    }
}

impl Opened {
    /// The number of what is opened: of the contract, the order or the refund.
    #[must_use]
    pub fn number(&self) -> String {
        match self {
            Self::Attempt { contract, .. } => contract.contract_code.to_string(),
            Self::Purchase { order } | Self::Deduction { order } => order.out_trade_no.to_string(),
            Self::Refund { refund } => refund.out_refund_no.to_string(),
            Self::Exempt { contract } => contract.key().to_string(),
        }
    }

    /// The merchant that the rows are of.
    pub(crate) fn mch_id(&self) -> &MchId {
        match self {
            Self::Attempt { contract, .. } => &contract.mch_id,
            Self::Purchase { order } | Self::Deduction { order } => &order.mch_id,
            Self::Refund { refund } => &refund.mch_id,
            Self::Exempt { contract } => &contract.mch_id,
        }
    }

    pub(crate) fn keys(&self) -> Keys {
        match self {
            Self::Attempt { contract, order } => Keys {
                contract: Some(contract.contract_code.clone()),
                order: order.as_ref().map(|order| order.out_trade_no.clone()),
                ..Keys::default()
            },
            Self::Purchase { order } | Self::Deduction { order } => Keys {
                contract: order.contract_code.clone(),
                order: Some(order.out_trade_no.clone()),
                ..Keys::default()
            },
            Self::Refund { refund } => of_refund(&refund.out_refund_no, &refund.out_trade_no),
            Self::Exempt { contract } => Keys { exempt: Some(contract.key()), ..Keys::default() },
        }
    }

    pub(crate) fn subject(&self) -> String {
        match self {
            Self::Attempt { contract, .. } => format!("C#{}", contract.contract_code),
            Self::Purchase { order } | Self::Deduction { order } => format!("O#{}", order.out_trade_no),
            Self::Refund { refund } => format!("O#{}", refund.out_trade_no),
            Self::Exempt { contract } => format!("X#{}", contract.key()),
        }
    }
}

impl Called {
    pub(crate) fn keys(&self) -> Keys {
        match self.about() {
            About::Order(number) => {
                Keys { order: Some(number.clone()), contract: number.contract_code(), ..Keys::default() }
            }
            About::Contract(code) => Keys { contract: Some(code.clone()), ..Keys::default() },
            About::Refund(number, order) => of_refund(number, order),
            About::Exempt(key) => Keys { exempt: Some(key.clone()), ..Keys::default() },
        }
    }

    pub(crate) fn subject(&self) -> String {
        match self.about() {
            About::Order(number) | About::Refund(_, number) => format!("O#{number}"),
            About::Contract(code) => format!("C#{code}"),
            About::Exempt(key) => format!("X#{key}"),
        }
    }

    fn about(&self) -> About<'_> {
        match self {
            Self::OrderPlaced { out_trade_no, .. }
            | Self::OrderRefused { out_trade_no, .. }
            | Self::ClosingAsked { out_trade_no } => About::Order(out_trade_no),
            Self::ContractOffered { contract_code, .. }
            | Self::ContractRefused { contract_code, .. }
            | Self::OfferWithdrawn { contract_code }
            | Self::SignedBefore { contract_code, .. }
            | Self::TerminationAsked { contract_code }
            | Self::NoticeAsked { contract_code, .. }
            | Self::NoticeSent { contract_code, .. }
            | Self::NoticeRefused { contract_code, .. } => About::Contract(contract_code),
            Self::RepairAsked { out_refund_no, out_trade_no, .. }
            | Self::RefundPutOff { out_refund_no, out_trade_no, .. } => About::Refund(out_refund_no, out_trade_no),
            Self::ExemptOffered { key } | Self::ExemptRefused { key, .. } | Self::ExemptTerminationAsked { key } => {
                About::Exempt(key)
            }
        }
    }
}

/// A refund is read with its order and what the order belongs to.
fn of_refund(number: &OutRefundNo, order: &OutTradeNo) -> Keys {
    Keys {
        contract: order.contract_code(),
        order: Some(order.clone()),
        refund: Some(number.clone()),
        ..Keys::default()
    }
}

/// What a call is about.
enum About<'a> {
    Order(&'a OutTradeNo),
    Contract(&'a ContractCode),
    Refund(&'a OutRefundNo, &'a OutTradeNo),
    Exempt(&'a ExemptKey),
}
