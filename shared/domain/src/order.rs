//! Orders: pay-and-sign (支付中签约), deduction (扣款), one-off.

mod called;
mod told;

pub(crate) use called::{closing_asked, placed, placed_unsigned, refused};
pub(crate) use told::{decide, differs, first_payment};

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::{
    AppId, Channel, Check, ContractCode, ContractId, Fen, GIVEN_UP_AFTER, Launch, MchId, OpenId, OutTradeNo, ProductId,
    RequestText, Schedule, TransactionId, UserId,
};

/// Which protocol an order was made with; its queries and refunds follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// APIv2: XML.
    V2,
    /// APIv3: JSON.
    V3,
}

/// The algorithm of a signature, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureAlgorithm {
    /// V2 `MD5`.
    Md5,
    /// V2 `HMAC-SHA256`.
    HmacSha256,
    /// V3 `WECHATPAY2-SHA256-RSA2048`.
    Rsa,
}

/// How an order is paid (交易类型), `trade_type`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum TradeType {
    /// In a mobile app.
    App,
    /// In an official account or mini program.
    Jsapi,
    /// By QR code.
    Native,
    /// In a browser outside WeChat (H5).
    Mweb,
    /// A deduction (委托代扣).
    Pap,
    /// Any other.
    Other,
}

impl TradeType {
    /// Reads WeChat's word; a word that we do not know is `Other`.
    #[must_use]
    pub fn read(word: &str) -> Self {
        match word {
            "APP" => Self::App,
            "JSAPI" => Self::Jsapi,
            "NATIVE" => Self::Native,
            "MWEB" => Self::Mweb,
            "PAP" => Self::Pap,
            _ => Self::Other,
        }
    }
}

/// What an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// The first payment of a subscription, signed for while paying (`pay/contractorder`).
    PayAndSign,
    /// An automatic deduction (`pay/pappayapply`).
    Deduction,
    /// A purchase without a contract (V3).
    OneOff,
}

/// The state of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// On record; WeChat was not asked yet.
    Created,
    /// WeChat was asked.
    Requested,
    /// WeChat accepted a deduction and waits up to 24 hours.
    Accepted,
    /// We are closing it.
    Closing,
    /// Paid.
    Paid,
    /// Paid, and part of it given back.
    PartlyRefunded,
    /// Paid, and all of it given back.
    Refunded,
    /// A deduction failed for good.
    Failed,
    /// Closed unpaid.
    Closed,
}

/// An order on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The layout of this item.
    pub schema: u32,
    /// The merchant.
    pub mch_id: MchId,
    /// The merchant's number.
    pub out_trade_no: OutTradeNo,
    /// What it is for.
    pub kind: OrderKind,
    /// How it was made.
    pub protocol: Protocol,
    /// The application that it was made under.
    pub appid: AppId,
    /// What is to be paid.
    pub amount: Fen,
    /// The algorithm that the order was signed with; a notice signed by a weaker one is a contradiction.
    pub signature: SignatureAlgorithm,
    /// The contract that it belongs to.
    pub contract_code: Option<ContractCode>,
    /// WeChat's number of that contract, for a deduction.
    pub contract_id: Option<ContractId>,
    /// The user that it was made for, where that was said (JSAPI).
    pub openid: Option<OpenId>,
    /// The caller's metadata, as sent in `attach`.
    pub attach: Option<String>,
    /// What of the catalogue is bought.
    #[serde(default)]
    pub product: Option<ProductId>,
    /// Where the user pays.
    #[serde(default)]
    pub channel: Option<Channel>,
    /// The request that makes it at WeChat.
    #[serde(default)]
    pub request: Option<RequestText>,
    /// The user of the merchant's app who buys; of a subscription the contract says it.
    #[serde(default)]
    pub user: Option<UserId>,
    /// What the user's client starts paying with.
    #[serde(default)]
    pub launch: Option<Launch>,
    /// Where it stands.
    pub state: OrderState,
    /// WeChat's number, once paid.
    pub transaction_id: Option<TransactionId>,
    /// How it was paid.
    pub trade_type: Option<TradeType>,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// WeChat's code of the failure.
    pub failure: Option<String>,
    /// Given back so far.
    pub refunded: Fen,
    /// Promised to refunds that are not decided.
    pub reserved: Fen,
    /// How many refunds it has, those excepted that WeChat refused.
    #[serde(default)]
    pub refunds: u32,
    /// When the last of them was put on record by us.
    #[serde(default)]
    pub last_refund_at: Option<Timestamp>,
    /// WeChat says that some of it was given back, and no refund of ours explains it: made on the merchant platform (商户平台), by
    /// a number that APIv3 does not tell.
    #[serde(default)]
    pub refunded_elsewhere: bool,
    /// When it was put on record.
    pub created_at: Timestamp,
    /// Until when the user can pay.
    pub expires_at: Option<Timestamp>,
    /// When to ask WeChat.
    pub check: Option<Check>,
}

impl Order {
    /// The failure of a deduction that never reached WeChat.
    pub(crate) const NOT_SENT: &str = "NOT_SENT";

    /// The failure of a deduction that WeChat had accepted and does not know any more: its own word.
    pub(crate) const FORGOTTEN: &str = "ORDERNOTEXIST";

    /// Whether it ended because WeChat did not know it, however long it was asked for.
    #[must_use]
    pub fn is_given_up(&self) -> bool {
        let codes = [Self::NOT_SENT, Self::FORGOTTEN];
        self.state == OrderState::Failed && self.failure.as_deref().is_some_and(|code| codes.contains(&code))
    }

    /// Whether the money came, whatever became of it since.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        match self.state {
            OrderState::Paid | OrderState::PartlyRefunded | OrderState::Refunded => true,
            OrderState::Created
            | OrderState::Requested
            | OrderState::Accepted
            | OrderState::Closing
            | OrderState::Failed
            | OrderState::Closed => false,
        }
    }

    /// What may still be refunded: paid, not given back and not promised. Of an order that was refunded elsewhere at least a fen is
    /// gone.
    #[must_use]
    pub fn refundable(&self) -> Fen {
        let elsewhere = Fen::new(u64::from(self.refunded_elsewhere));
        if self.is_paid() { self.amount.minus(self.refunded).minus(self.reserved).minus(elsewhere) } else { Fen::ZERO }
    }

    /// Whether it should have been decided long ago, while no answer that WeChat signed decides it: somebody must look.
    #[must_use]
    pub fn is_overdue(&self, now: Timestamp) -> bool {
        let since = self.expires_at.map_or(self.created_at, |expires_at| expires_at.max(self.created_at));
        let open = self.daily(now).is_some();
        open && now.duration_since(since) >= GIVEN_UP_AFTER
    }

    /// A question a day from now, while it is not decided.
    pub(crate) fn daily(&self, now: Timestamp) -> Option<Check> {
        match self.state {
            OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing => {
                Some(Schedule::SignedContract.first(now))
            }
            OrderState::Paid
            | OrderState::PartlyRefunded
            | OrderState::Refunded
            | OrderState::Failed
            | OrderState::Closed => None,
        }
    }

    /// What is asked of WeChat, and when. A deduction that is open, and an order that we are closing, are followed until they are
    /// final.
    pub(crate) fn schedule(&self) -> Schedule {
        match (self.state, self.kind) {
            (OrderState::Created | OrderState::Requested | OrderState::Accepted, OrderKind::Deduction)
            | (OrderState::Closing, _) => Schedule::Deduction,
            (
                OrderState::Created | OrderState::Requested | OrderState::Accepted,
                OrderKind::PayAndSign | OrderKind::OneOff,
            )
            | (
                OrderState::Paid
                | OrderState::PartlyRefunded
                | OrderState::Refunded
                | OrderState::Failed
                | OrderState::Closed,
                _,
            ) => Schedule::Order,
        }
    }
}
