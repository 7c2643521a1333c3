//! What the app sends and gets of purchases.

use domain::{ExemptContract, ExemptState, Order, OrderState, Timestamp};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Channel, Launch, pace};

/// A purchase that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewPurchase {
    /// A one-off product of the catalogue: title and price follow from it.
    #[schema(example = "ebook")]
    pub(crate) product: String,
    /// Where the user pays.
    pub(crate) channel: Channel,
    /// Comes back in status and events, unchanged. At most 128 characters.
    #[schema(max_length = 128)]
    pub(crate) metadata: Option<String>,
}

/// A body without members.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Closing {}

/// A purchase, and what the client opens WeChat with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Checkout {
    #[serde(flatten)]
    pub(crate) purchase: Purchase,
    /// Absent where there is nothing left to pay.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Launch>)]
    pub(crate) launch: Option<wechat::Launch>,
    /// Until when the launch parameters are good; the same call again renews them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) launch_valid_until: Option<Timestamp>,
}

/// A purchase: one payment of one product.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Purchase {
    /// Its number.
    #[schema(example = "01JD8K6M2QZ4XW7RTNBVS0")]
    pub(crate) out_trade_no: String,
    /// What is bought.
    pub(crate) product: Option<String>,
    /// Where the user pays.
    pub(crate) channel: Option<Channel>,
    /// What to act on.
    pub(crate) status: PurchaseStatus,
    /// When to ask again, in milliseconds; absent once it is decided.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 2000)]
    pub(crate) poll_after_ms: Option<u32>,
    /// What is to be paid, in fen.
    #[schema(example = 990)]
    pub(crate) amount: u64,
    /// Given back so far, in fen.
    pub(crate) refunded: u64,
    /// When it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) paid_at: Option<Timestamp>,
    /// Until when it can be paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Timestamp>,
    /// Whether the payment invites to paying without a password from then on (免密支付); absent where the product does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) pre_signing: Option<PreSigning>,
    /// What the caller gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<String>,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
}

/// What became of a purchase.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PurchaseStatus {
    /// It can be paid.
    Unpaid,
    /// It is being closed; a payment that was made just before counts.
    Closing,
    /// Paid.
    Paid,
    /// Part of it was given back.
    PartlyRefunded,
    /// All of it was given back.
    Refunded,
    /// Ended unpaid.
    Closed,
}

/// The invitation to a password-exempt contract. The payment is the same with and without it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct PreSigning {
    /// Where it stands.
    pub(crate) status: PreSigningStatus,
    /// WeChat's code of a refusal.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = "NO_AUTH")]
    pub(crate) wechat_code: Option<String>,
}

/// Where an invitation to a password-exempt contract stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum PreSigningStatus {
    /// The token names no openid of the channel's appid or no `display_account`, or the channel has no such invitation (`native`, `h5`).
    NotPossible,
    /// WeChat has not answered.
    Undecided,
    /// WeChat refused it: the user is not asked.
    Failed,
    /// WeChat asks the user after the payment.
    Offered,
    /// The user was asked, and did not agree.
    NotSigned,
    /// The user agreed.
    Signed,
    /// The contract has ended, or is being ended.
    Terminated,
}

impl Purchase {
    /// What the app sees of an order.
    pub(crate) fn of(order: &Order, pre_signing: Option<PreSigning>, now: Timestamp) -> Self {
        let status = PurchaseStatus::from(order.state);
        let open = matches!(status, PurchaseStatus::Unpaid | PurchaseStatus::Closing);
        Self {
            out_trade_no: order.out_trade_no.to_string(),
            product: order.product.as_ref().map(|product| product.as_str().to_owned()),
            channel: order.channel.map(Channel::from),
            status,
            poll_after_ms: open.then(|| pace(now.duration_since(order.created_at))),
            amount: order.amount.get(),
            refunded: order.refunded.get(),
            paid_at: order.paid_at,
            expires_at: order.expires_at.filter(|_| open),
            pre_signing,
            metadata: order.attach.clone(),
            created_at: order.created_at,
        }
    }

    /// Without anything to open WeChat with.
    pub(crate) fn without_launch(self) -> Checkout {
        Checkout { purchase: self, launch: None, launch_valid_until: None }
    }
}

impl PreSigning {
    pub(crate) const NOT_POSSIBLE: Self = Self { status: PreSigningStatus::NotPossible, wechat_code: None };
    pub(crate) const UNDECIDED: Self = Self { status: PreSigningStatus::Undecided, wechat_code: None };
}

impl From<&ExemptContract> for PreSigning {
    fn from(contract: &ExemptContract) -> Self {
        let status = match contract.state {
            ExemptState::Created => PreSigningStatus::Undecided,
            ExemptState::Refused => PreSigningStatus::Failed,
            ExemptState::Offered => PreSigningStatus::Offered,
            ExemptState::NotSigned => PreSigningStatus::NotSigned,
            ExemptState::Signed => PreSigningStatus::Signed,
            ExemptState::Terminating | ExemptState::Terminated => PreSigningStatus::Terminated,
        };
        Self { status, wechat_code: contract.failure.clone() }
    }
}

impl From<OrderState> for PurchaseStatus {
    fn from(state: OrderState) -> Self {
        match state {
            OrderState::Created | OrderState::Requested | OrderState::Accepted => Self::Unpaid,
            OrderState::Closing => Self::Closing,
            OrderState::Paid => Self::Paid,
            OrderState::PartlyRefunded => Self::PartlyRefunded,
            OrderState::Refunded => Self::Refunded,
            OrderState::Failed | OrderState::Closed => Self::Closed,
        }
    }
}
