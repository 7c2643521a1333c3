//! What the app sends and gets.

mod purchase;

use domain::Timestamp;
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

pub(crate) use purchase::{Checkout, Closing, NewPurchase, PreSigning, Purchase};

/// A subscription that is wanted.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NewAttempt {
    /// A product of the catalogue: plan, title and price follow from it.
    #[schema(example = "vip-monthly")]
    pub(crate) product: String,
    /// Where the user pays or signs.
    pub(crate) channel: Channel,
    /// Comes back in status and events, unchanged. At most 127 bytes, neither `&` nor `=`.
    #[schema(max_length = 127)]
    pub(crate) metadata: Option<String>,
}

/// Why a contract is ended.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Termination {
    /// Told to WeChat as the termination's remark. At most 256 bytes.
    #[schema(max_length = 256)]
    pub(crate) remark: Option<String>,
}

/// A subscription, and what the client opens WeChat with.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Attempt {
    #[serde(flatten)]
    pub(crate) subscription: Subscription,
    /// Absent where there is nothing left to pay or to sign.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<Launch>)]
    pub(crate) launch: Option<wechat::Launch>,
    /// Until when the launch parameters are good; the same call again renews them.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) launch_valid_until: Option<Timestamp>,
}

/// What the client opens WeChat with. The parameters are those of WeChat's SDK, in its own names, and are handed to it unchanged.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes `wechat::Launch` in the document")]
pub(crate) struct Launch {
    /// Which call of the SDK, or which page.
    r#type: LaunchType,
    /// Its parameters.
    #[schema(value_type = Object)]
    params: (),
}

/// Which call of WeChat's SDK, or which page.
#[derive(ToSchema)]
#[allow(dead_code, reason = "it describes `wechat::Launch` in the document")]
pub(crate) enum LaunchType {
    /// The app's pay request.
    App,
    /// `getBrandWCPayRequest`, `wx.requestPayment`.
    Jsapi,
    /// A QR code of `code_url`.
    Native,
    /// The page `mweb_url`.
    Mweb,
    /// The app's `WXLaunchMiniProgram`.
    WXLaunchMiniProgram,
    /// The app's `WXOpenBusinessWebview`, for merchants who have it from before.
    WXOpenBusinessWebview,
    /// The page `url`.
    Page,
    /// `wx.navigateToMiniProgram`.
    NavigateToMiniProgram,
}

/// A subscription: one signing attempt, its first payment, and what became of both.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Subscription {
    /// Its number.
    #[schema(example = "01JD8K6M2QZ4XW7RTNBV")]
    pub(crate) contract_code: String,
    /// What is subscribed to.
    pub(crate) product: Option<String>,
    /// Where the user pays or signs.
    pub(crate) channel: Option<Channel>,
    /// What to act on.
    pub(crate) outcome: Outcome,
    /// When to ask again, in milliseconds; absent once the outcome is settled.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(example = 2000)]
    pub(crate) poll_after_ms: Option<u32>,
    /// The first payment; absent where only a contract was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) payment: Option<Payment>,
    /// The contract.
    pub(crate) contract: Contract,
    /// What the caller gave.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) metadata: Option<String>,
    /// When it was begun.
    #[schema(value_type = String, format = DateTime)]
    pub(crate) created_at: Timestamp,
}

/// The first payment of a subscription.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Payment {
    /// The order.
    pub(crate) out_trade_no: String,
    /// What became of it.
    pub(crate) status: PaymentStatus,
    /// What is to be paid, in fen.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) amount: Option<u64>,
    /// When it was paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) paid_at: Option<Timestamp>,
    /// Until when it can be paid.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) expires_at: Option<Timestamp>,
}

/// The contract of a subscription.
#[derive(Debug, Serialize, ToSchema)]
pub(crate) struct Contract {
    /// Where it stands.
    pub(crate) state: ContractState,
    /// Why it was not signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_signed_reason: Option<NotSignedReason>,
    /// When it was signed.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) signed_at: Option<Timestamp>,
    /// When it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, format = DateTime)]
    pub(crate) terminated_at: Option<Timestamp>,
    /// Why it ended.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) termination_reason: Option<TerminationReason>,
}

/// The words of `domain`, described for the document: a word that is missing here does not compile.
macro_rules! words {
    ($(#[$doc:meta])* $name:ident { $($(#[$word_doc:meta])* $word:ident,)+ }) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
        #[serde(rename_all = "snake_case")]
        pub(crate) enum $name { $($(#[$word_doc])* $word,)+ }

        impl From<domain::$name> for $name {
            fn from(word: domain::$name) -> Self {
                match word { $(domain::$name::$word => Self::$word,)+ }
            }
        }

        impl From<$name> for domain::$name {
            fn from(word: $name) -> Self {
                match word { $($name::$word => Self::$word,)+ }
            }
        }
    };
}

words!(
    /// Where the user pays or signs; it selects trade type and appid.
    Channel {
        /// A mobile app.
        App,
        /// A page inside WeChat.
        OfficialAccount,
        /// A mini program.
        MiniProgram,
        /// A QR code.
        Native,
        /// A browser outside WeChat.
        H5,
    }
);
words!(
    /// What became of a subscription.
    Outcome {
        /// Neither paid nor signed yet.
        Pending,
        /// Paid; whether it was signed is not known yet.
        PaidSigning,
        /// Paid and signed: it renews.
        Active,
        /// Paid, not signed: one period, no renewal.
        PaidNotSigned,
        /// Signed after it had been settled as not signed: it renews after all.
        SignedLater,
        /// Signed without a first payment.
        Signed,
        /// The first payment was given back.
        Refunded,
        /// Ended unpaid and unsigned.
        Closed,
        /// The contract ended.
        Terminated,
    }
);
words!(
    /// What became of the first payment.
    PaymentStatus { Unpaid, Paid, PartlyRefunded, Refunded, Closed, }
);
words!(
    /// Where a contract stands.
    ContractState { Created, Pending, Signed, NotSigned, Terminating, Terminated, }
);
words!(
    /// Why a contract was not signed.
    NotSignedReason {
        /// Its order was not paid.
        Unpaid,
        /// WeChat could not offer it.
        PresignFailed,
        /// The user has a contract of this plan already.
        AlreadySigned,
        /// The user did not tick it, or WeChat would not have it; WeChat does not say which.
        Declined,
    }
);
words!(
    /// Why a contract ended.
    TerminationReason { Expired, User, MerchantApi, MerchantPlatform, AccountCancelled, CustomerService, Other, }
);

impl Subscription {
    /// What the app sees of a contract and its first order.
    pub(crate) fn of(contract: &domain::Contract, order: Option<&domain::Order>, now: Timestamp) -> Self {
        let outcome = domain::outcome(contract);
        Self {
            contract_code: contract.contract_code.to_string(),
            product: contract.product.as_ref().map(|product| product.as_str().to_owned()),
            channel: contract.channel.map(Channel::from),
            outcome: outcome.into(),
            poll_after_ms: poll_after_ms(contract, outcome, now),
            payment: contract.payment.as_ref().map(|payment| Payment {
                out_trade_no: payment.out_trade_no.to_string(),
                status: payment.status.into(),
                amount: order.map(|order| order.amount.get()),
                paid_at: payment.paid_at,
                expires_at: order.filter(|order| !order.is_paid()).and_then(|order| order.expires_at),
            }),
            contract: Contract {
                state: contract.state.into(),
                not_signed_reason: contract.not_signed_reason.map(NotSignedReason::from),
                signed_at: contract.signed_at,
                terminated_at: contract.terminated_at,
                termination_reason: contract.termination_reason.map(TerminationReason::from),
            },
            metadata: contract.metadata.clone(),
            created_at: contract.created_at,
        }
    }
}

/// Every two seconds in the first minute, as WeChat's guide says (V2 page, 5.4), then slower; never once nothing more will come.
fn poll_after_ms(contract: &domain::Contract, outcome: domain::Outcome, now: Timestamp) -> Option<u32> {
    let ending = contract.state == domain::ContractState::Terminating;
    if outcome.is_settled() && !ending {
        return None;
    }
    let since = contract.terminating_at.or(contract.payment.as_ref().and_then(|payment| payment.paid_at));
    Some(pace(now.duration_since(since.unwrap_or(contract.created_at))))
}

/// How often to ask for what is so old: milliseconds.
fn pace(age: SignedDuration) -> u32 {
    match age {
        age if age < SignedDuration::from_mins(1) => 2_000,
        age if age < SignedDuration::from_mins(10) => 5_000,
        _ => 30_000,
    }
}
