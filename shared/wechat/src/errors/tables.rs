//! What WeChat's codes mean, call by call. The first row that fits decides: the narrow ones stand above the wide ones.

use std::time::Duration;

use super::Meaning::{self, *};
use super::Next::{self, *};
use super::Row;

/// A limit that was hit today is not hit tomorrow.
const NEXT_WINDOW: Option<Duration> = Some(Duration::from_secs(24 * 3600));
/// How long it takes to put money into the merchant's account.
const RECHARGE: Option<Duration> = Some(Duration::from_secs(3600));

const fn row(code: &'static str, meaning: Meaning, next: Next) -> Row {
    Row { code, text: "", meaning, next, retry_after: None }
}

const fn text(text: &'static str, meaning: Meaning, next: Next) -> Row {
    Row { code: "", text, meaning, next, retry_after: None }
}

const fn row_with_text(code: &'static str, text: &'static str, meaning: Meaning, next: Next) -> Row {
    Row { code, text, meaning, next, retry_after: None }
}

const fn later(code: &'static str, meaning: Meaning, next: Next, retry_after: Option<Duration>) -> Row {
    Row { code, text: "", meaning, next, retry_after }
}

/// Codes that mean the same at every call, of both protocols, and the texts of answers with `return_code` FAIL.
pub(crate) const EVERY_CALL: &[Row] = &[
    row("SYSTEMERROR", Busy, RepeatSame),
    row("SYSTEM_ERROR", Busy, RepeatSame),
    row("FREQUENCY_LIMITED", TooFast, RepeatSame),
    row("INVALID_REQ_TOO_MUCH", TooFast, RepeatSame),
    row("FREQUENCY_LIMIT_EXCEED", TooFast, RepeatSame),
    row("RATELIMIT_EXCEEDED", TooFast, RepeatSame),
    row("RATELIMIT_EXCEED", TooFast, RepeatSame),
    row("NOAUTH", NotPermitted, Stop),
    row("NO_AUTH", NotPermitted, Stop),
    row("SIGNERROR", Misconfigured, Stop),
    row("SIGN_ERROR", Misconfigured, Stop),
    row("CERT_ERROR", Misconfigured, Stop),
    row("PARAM_ERROR", Misconfigured, Stop),
    row("LACK_PARAMS", Misconfigured, Stop),
    row("APPID_NOT_EXIST", Misconfigured, Stop),
    row("MCHID_NOT_EXIST", Misconfigured, Stop),
    row("APPID_MCHID_NOT_MATCH", Misconfigured, Stop),
    row("XML_FORMAT_ERROR", Misconfigured, Stop),
    row("REQUIRE_POST_METHOD", Misconfigured, Stop),
    row("POST_DATA_EMPTY", Misconfigured, Stop),
    row("NOT_UTF8", Misconfigured, Stop),
    text("签名错误", Misconfigured, Stop),
    text("签名失败", Misconfigured, Stop),
    text("参数构造错误", Misconfigured, Stop),
    text("参数错误", Misconfigured, Stop),
];

/// Section 2.3 of the protocol page.
pub(crate) const CONTRACT_ORDER: &[Row] = &[
    text("签约模版信息不存在", Misconfigured, Stop),
    text("签约contract_appid与下单appid不匹配", Misconfigured, Stop),
    text("暂无法开通", Limited, RepeatSame),
    row("NOTENOUGH", PayerFunds, RepeatSame),
    row("ORDERPAID", AlreadyPaid, QueryFirst),
    row("ORDERCLOSED", NumberClosed, NewNumber),
    row("OUT_TRADE_NO_USED", NumberUsed, QueryFirst),
    row("201", NumberUsed, QueryFirst),
    text("商户订单号重复", NumberUsed, QueryFirst),
];

/// Section 4: both calls of pure signing.
pub(crate) const PRE_SIGNING: &[Row] = &[
    text("新增签约功能受限", NotPermitted, Stop),
    text("签约模版信息不存在", Misconfigured, Stop),
    row("INVALID_REQUEST", Misconfigured, Stop),
];

/// Section 5.1. ORDERNOTEXIST is an answer.
pub(crate) const ORDER_QUERY: &[Row] = &[];

/// Section 5.2. ORDERNOTEXIST is an answer.
pub(crate) const PAP_ORDER_QUERY: &[Row] = &[text("订单不是委托代扣场景", NotADeduction, QueryFirst)];

/// Section 5.3. ORDERCLOSED and ORDERNOTEXIST are answers.
pub(crate) const CLOSE_ORDER: &[Row] =
    &[row("ORDERPAID", AlreadyPaid, QueryFirst), row("TRADE_STATE_ERROR", WrongState, QueryFirst)];

/// Section 6.1. `-25` is an answer.
pub(crate) const QUERY_CONTRACT: &[Row] = &[row("-48", NotPermitted, Stop)];

/// Section 6.2. What else is said of a contract that is already terminated, `querycontract` decides.
pub(crate) const DELETE_CONTRACT: &[Row] =
    &[text("PARAMETER FAIL", Misconfigured, Stop), text("MERCHANT PERMISSION ERROR", NotPermitted, Stop)];

/// Section 7.2.
pub(crate) const PAP_PAY_APPLY: &[Row] = &[
    row("SYSTEMERROR", OutcomeUnknown, QueryFirst),
    row("ORDER_ACCEPTED", AlreadyAccepted, QueryFirst),
    row("ORDERPAID", AlreadyPaid, QueryFirst),
    row("ORDERCLOSED", NumberClosed, NewNumber),
    row("CONTRACT_NOT_EXIST", ContractGone, Stop),
    row("CONTRACTERROR", ContractGone, Stop),
    row_with_text("INVALID_REQUEST", "需要先下发扣费前通知才能扣费", NoticeRequired, Stop),
    // The number was used, perhaps by an earlier call of ours whose answer was lost: it may be deducted.
    row_with_text("INVALID_REQUEST", "201", NumberUsed, QueryFirst),
    row_with_text("INVALID_REQUEST", "重复", NumberUsed, QueryFirst),
    row("201", NumberUsed, QueryFirst),
    row("OUT_TRADE_NO_USED", NumberUsed, QueryFirst),
    row("INVALID_REQUEST", Other, Stop),
    later("RULELIMIT", Limited, Stop, NEXT_WINDOW),
];

/// Section 9.1.
pub(crate) const REFUND: &[Row] = &[
    row("BIZERR_NEED_RETRY", Busy, RepeatSame),
    row("TRADE_OVERDUE", Overdue, Stop),
    row("ERROR", Other, QueryFirst),
    row("USER_ACCOUNT_ABNORMAL", UserAccount, Stop),
    later("NOTENOUGH", MerchantFunds, RepeatSame, RECHARGE),
    row("REFUND_FEE_MISMATCH", AmountMismatch, QueryFirst),
    row("INVALID_TRANSACTIONID", Misconfigured, Stop),
    row("ORDERNOTEXIST", NotFound, Stop),
    row("INVALID_REQUEST", Misconfigured, Stop),
];

/// Section 9.2. REFUNDNOTEXIST is an answer.
pub(crate) const REFUND_QUERY: &[Row] = &[row("INVALID_TRANSACTIONID", Misconfigured, Stop)];

/// Section 7.4. RESOURCE_ALREADY_EXISTS is an answer.
pub(crate) const PRE_DEDUCTION_NOTICE: &[Row] = &[
    text("不是周期扣费类型", NotPeriodic, Stop),
    row("INVALID_REQUEST", AmountMismatch, Stop),
    row("CONTRACT_NOT_EXIST", ContractGone, Stop),
    later("RULELIMIT", Limited, Stop, NEXT_WINDOW),
];
