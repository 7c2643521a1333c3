//! The error tables of the protocol page, code by code.

use std::time::Duration;

use wechat::Meaning::*;
use wechat::Next::*;
use wechat::*;

use crate::support::*;

type Row = (&'static str, &'static str, Meaning, Next);

/// The error that an answer with this code makes; a fault that passes is answered twice, since it is asked twice.
async fn error<C: Call>(prepared: &Prepared<C>, code: &str, text: &str) -> CallError {
    let body = refused(code, text);
    let script = Script::new([ok(body.clone()), ok(body)]);
    let client = Client::over(Hosts::parse("http://127.0.0.1:1").unwrap(), &script);
    match client.send(prepared, &keys(), now()).await {
        Ok(_) => panic!("{code} {text} is no error"),
        Err(error) => error,
    }
}

async fn check<C: Call>(prepared: Result<Prepared<C>, Invalid>, table: &[Row]) {
    let prepared = prepared.unwrap();
    for (code, text, meaning, next) in table {
        let error = error(&prepared, code, text).await;
        assert_eq!((error.meaning, error.next), (*meaning, *next), "{} {code} {text}", error.call);
        assert_eq!(error.kind, ErrorKind::Refused { proven: true });
        assert_eq!(error.code.as_deref(), Some(if code.is_empty() { "FAIL" } else { *code }));
        assert_eq!(error.description(), *text);
    }
}

/// What every call may answer.
const COMMON: &[Row] = &[
    ("SIGNERROR", "签名错误", Misconfigured, Stop),
    ("SIGN_ERROR", "", Misconfigured, Stop),
    ("PARAM_ERROR", "", Misconfigured, Stop),
    ("LACK_PARAMS", "", Misconfigured, Stop),
    ("APPID_NOT_EXIST", "", Misconfigured, Stop),
    ("MCHID_NOT_EXIST", "", Misconfigured, Stop),
    ("APPID_MCHID_NOT_MATCH", "", Misconfigured, Stop),
    ("XML_FORMAT_ERROR", "", Misconfigured, Stop),
    ("REQUIRE_POST_METHOD", "", Misconfigured, Stop),
    ("POST_DATA_EMPTY", "", Misconfigured, Stop),
    ("NOT_UTF8", "", Misconfigured, Stop),
    ("NOAUTH", "", NotPermitted, Stop),
    ("FREQUENCY_LIMITED", "", TooFast, RepeatSame),
];

#[tokio::test]
async fn contractorder_section_2_3() {
    let prepared = || contract_order(Payment::App).prepare(&keys(), &at());
    check(prepared(), COMMON).await;
    let table = [
        ("NOTENOUGH", "余额不足", PayerFunds, RepeatSame),
        ("ORDERPAID", "", AlreadyPaid, QueryFirst),
        ("ORDERCLOSED", "", NumberClosed, NewNumber),
        ("SYSTEMERROR", "", Busy, RepeatSame),
        ("OUT_TRADE_NO_USED", "", NumberUsed, QueryFirst),
        ("INVALID_REQUEST", "201 商户订单号重复", NumberUsed, QueryFirst),
        ("201", "", NumberUsed, QueryFirst),
        ("PARAM_ERROR", "签约模版信息不存在", Misconfigured, Stop),
        ("", "签约contract_appid与下单appid不匹配", Misconfigured, Stop),
        ("", "暂无法开通 当前使用人数较多", Limited, RepeatSame),
        ("SOMETHING_NEW", "新的错误", Other, QueryFirst),
    ];
    check(prepared(), &table).await;
}

#[tokio::test]
async fn the_order_queries_sections_5_1_and_5_2() {
    let table = [("SYSTEMERROR", "", Busy, RepeatSame), ("SOMETHING_NEW", "", Other, RepeatSame)];
    check(order_query().prepare(&keys(), &at()), COMMON).await;
    check(order_query().prepare(&keys(), &at()), &table).await;
    let deduction = PapOrderQuery { appid: appid(), order: OrderRef::OutTradeNo(out_trade_no()) };
    check(deduction.prepare(&keys(), &at()), &table).await;
    let closed = [("INVALID_REQUEST", "订单不是委托代扣场景", NotADeduction, QueryFirst)];
    check(deduction.prepare(&keys(), &at()), &closed).await;
}

#[tokio::test]
async fn closeorder_section_5_3() {
    let prepared = CloseOrder { appid: appid(), out_trade_no: out_trade_no() }.prepare(&keys(), &at());
    let table = [
        ("ORDERPAID", "", AlreadyPaid, QueryFirst),
        ("SYSTEMERROR", "", Busy, RepeatSame),
        ("TRADE_STATE_ERROR", "", WrongState, QueryFirst),
        ("SIGNERROR", "", Misconfigured, Stop),
        ("REQUIRE_POST_METHOD", "", Misconfigured, Stop),
        ("XML_FORMAT_ERROR", "", Misconfigured, Stop),
        ("SOMETHING_NEW", "", Other, QueryFirst),
    ];
    check(prepared, &table).await;
}

#[tokio::test]
async fn contracts_sections_6_1_and_6_2() {
    let query = [("-48", "MERCHANT AUTHORITY ERROR", NotPermitted, Stop), ("SYSTEMERROR", "", Busy, RepeatSame)];
    check(contract_query().prepare(&keys(), &at()), &query).await;
    let delete = [
        ("SIGN_ERROR", "", Misconfigured, Stop),
        ("-1", "PARAMETER FAIL", Misconfigured, Stop),
        ("-2", "MERCHANT PERMISSION ERROR", NotPermitted, Stop),
        ("-3", "协议已解约", Other, QueryFirst),
    ];
    check(termination().prepare(&keys(), &at()), &delete).await;
}

#[tokio::test]
async fn pure_signing_section_4() {
    let table = [
        ("SYSTEMERROR", "", Busy, RepeatSame),
        ("INVALID_REQUEST", "", Misconfigured, Stop),
        ("INVALID_REQUEST", "该模版id新增签约功能受限，请联系客服", NotPermitted, Stop),
        ("SIGN_ERROR", "", Misconfigured, Stop),
        ("PARAM_ERROR", "", Misconfigured, Stop),
    ];
    check(pre_entrust().prepare(&keys(), &at()), &table).await;
    let prepared = h5().prepare(&keys(), &at()).unwrap();
    for (text, meaning, next) in [
        ("INVALID_REQUEST", Misconfigured, Stop),
        ("SYSTEMERROR", Busy, RepeatSame),
        ("SIGN_ERROR", Misconfigured, Stop),
        ("PARAM_ERROR", Misconfigured, Stop),
        ("该模版id新增签约功能受限，请联系客服", NotPermitted, Stop),
    ] {
        let body = unsigned(&[("return_code", "SUCCESS"), ("result_code", "FAIL"), ("result_msg", text)]);
        let error = answered(&prepared, body).await.unwrap_err();
        assert_eq!((error.meaning, error.next), (meaning, next), "{text}");
    }
}

#[tokio::test]
async fn pappayapply_section_7_2() {
    let prepared = || deduction().prepare(&keys(), &at());
    check(prepared(), COMMON).await;
    let table = [
        ("SYSTEMERROR", "", OutcomeUnknown, QueryFirst),
        ("ORDER_ACCEPTED", "", AlreadyAccepted, QueryFirst),
        ("ORDERPAID", "", AlreadyPaid, QueryFirst),
        ("ORDERCLOSED", "", NumberClosed, NewNumber),
        ("CONTRACT_NOT_EXIST", "", ContractGone, Stop),
        ("CONTRACTERROR", "", ContractGone, Stop),
        ("INVALID_REQUEST", "需要先下发扣费前通知才能扣费", NoticeRequired, Stop),
        ("INVALID_REQUEST", "201 商户订单号重复", NumberUsed, QueryFirst),
        ("INVALID_REQUEST", "商户订单号重复", NumberUsed, QueryFirst),
        ("INVALID_REQUEST", "订单重复提交", NumberUsed, QueryFirst),
        ("201", "", NumberUsed, QueryFirst),
        ("OUT_TRADE_NO_USED", "", NumberUsed, QueryFirst),
        ("INVALID_REQUEST", "其他", wechat::Meaning::Other, Stop),
        ("RULELIMIT", "", Limited, Stop),
        ("SOMETHING_NEW", "", wechat::Meaning::Other, QueryFirst),
    ];
    check(prepared(), &table).await;
    let limited = error(&prepared().unwrap(), "RULELIMIT", "").await;
    assert_eq!(limited.retry_after, Some(Duration::from_secs(24 * 3600)), "the next window");
    let fast = error(&prepared().unwrap(), "FREQUENCY_LIMITED", "").await;
    assert_eq!(fast.retry_after, Some(Duration::from_secs(60)));
}

#[tokio::test]
async fn refund_section_9_1() {
    let table = [
        ("SYSTEMERROR", "", Busy, RepeatSame),
        ("BIZERR_NEED_RETRY", "", Busy, RepeatSame),
        ("TRADE_OVERDUE", "", Overdue, Stop),
        ("ERROR", "业务错误", wechat::Meaning::Other, QueryFirst),
        ("USER_ACCOUNT_ABNORMAL", "", UserAccount, Stop),
        ("INVALID_REQ_TOO_MUCH", "", TooFast, RepeatSame),
        ("FREQUENCY_LIMITED", "", TooFast, RepeatSame),
        ("NOTENOUGH", "", MerchantFunds, RepeatSame),
        ("REFUND_FEE_MISMATCH", "", AmountMismatch, QueryFirst),
        ("INVALID_TRANSACTIONID", "", Misconfigured, Stop),
        ("ORDERNOTEXIST", "", NotFound, Stop),
        ("INVALID_REQUEST", "", Misconfigured, Stop),
        ("CERT_ERROR", "", Misconfigured, Stop),
        ("NOAUTH", "", NotPermitted, Stop),
        ("SOMETHING_NEW", "", wechat::Meaning::Other, QueryFirst),
    ];
    check(refund().prepare(&keys(), &at()), &table).await;
    check(refund().prepare(&keys(), &at()), &COMMON[..11]).await;
}

#[tokio::test]
async fn refundquery_section_9_2() {
    let refund = RefundRef::OutTradeNo(out_trade_no());
    let table = [("SYSTEMERROR", "", Busy, RepeatSame), ("INVALID_TRANSACTIONID", "", Misconfigured, Stop)];
    check(RefundQuery { appid: appid(), refund, offset: Some(10) }.prepare(&keys(), &at()), &table).await;
}

#[tokio::test]
async fn communication_errors_are_told_apart_by_their_text() {
    let prepared = deduction().prepare(&keys(), &at()).unwrap();
    for (text, meaning, next) in [
        ("签名错误", Misconfigured, Stop),
        ("参数构造错误", Misconfigured, Stop),
        ("SYSTEMERROR", OutcomeUnknown, QueryFirst),
        ("别的", wechat::Meaning::Other, QueryFirst),
    ] {
        let error = answered(&prepared, unsigned(&[("return_code", "FAIL"), ("return_msg", text)])).await.unwrap_err();
        assert_eq!((error.meaning, error.next), (meaning, next), "{text}");
        assert_eq!(error.code.as_deref(), Some("FAIL"));
    }
}

#[tokio::test]
async fn an_error_shows_no_text_of_wechats() {
    let prepared = deduction().prepare(&keys(), &at()).unwrap();
    let error = error(&prepared, "USER_NOT_EXIST", "用户张三不存在").await;
    assert!(error.description().contains("张三"));
    assert!(!format!("{error} {error:?}").contains("张三"));
    assert_eq!(error.to_string(), "pappayapply: Refused { proven: true } USER_NOT_EXIST (Other, next: QueryFirst)");
    let long = crate::errors::error(&prepared, &"A".repeat(1000), &"文".repeat(1000)).await;
    assert_eq!((long.description().chars().count(), long.code.unwrap().len()), (120, 40));
}
