//! The tables of the protocol page, and what its codes mean for the next step.

use wechat::Meaning::*;
use wechat::Next::*;
use wechat::*;

use super::support::*;

async fn refused<C: Call>(prepared: &Prepared<C>, http: u16, code: &str, text: &str) -> CallError
where
    C::Answer: std::fmt::Debug,
{
    let body = error_body(code, text);
    let error = told(prepared, [signed(http, &body), signed(http, &body)]).await.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Refused { proven: true }, Some(code)));
    let unsigned = told(prepared, [status(http, body.clone().into_bytes()), status(http, body.into_bytes())]).await;
    let unsigned = unsigned.unwrap_err();
    assert_eq!(unsigned.kind, ErrorKind::Refused { proven: false });
    assert!(
        !matches!(unsigned.next, NewNumber | Stop),
        "{code}: without a signature nothing is known not to have been done"
    );
    error
}

#[tokio::test]
async fn what_is_common_to_all() {
    for (http, code, meaning, next) in [
        (400, "PARAM_ERROR", Misconfigured, Stop),
        (400, "APPID_MCHID_NOT_MATCH", Misconfigured, Stop),
        (401, "SIGN_ERROR", Misconfigured, Stop),
        (401, "SOMETHING_NEW", Misconfigured, Stop),
        (403, "NO_AUTH", NotPermitted, Stop),
        (500, "SYSTEM_ERROR", Busy, RepeatSame),
        (500, "SOMETHING_NEW", Busy, RepeatSame),
        (503, "SOMETHING_NEW", Busy, RepeatSame),
        (429, "FREQUENCY_LIMITED", TooFast, RepeatSame),
        (429, "RATELIMIT_EXCEEDED", TooFast, RepeatSame),
        (429, "SOMETHING_NEW", TooFast, QueryFirst),
        (400, "SOMETHING_NEW", Other, QueryFirst),
    ] {
        let error = refused(&prepared_order(), http, code, "").await;
        assert_eq!((error.meaning, error.next), (meaning, next), "{http} {code}");
        assert_eq!(error.retry_after.is_some(), meaning == TooFast, "{code}");
    }
}

#[tokio::test]
async fn those_of_section_7() {
    for (http, code, text, meaning, next) in [
        (400, "INVALID_REQUEST", "订单已支付", AlreadyPaid, QueryFirst),
        (400, "ORDERPAID", "", AlreadyPaid, QueryFirst),
        (400, "INVALID_REQUEST", "请求重入时，参数与首次请求时不一致", NumberUsed, QueryFirst),
        (403, "OUT_TRADE_NO_USED", "", NumberUsed, QueryFirst),
        (400, "ORDER_CLOSED", "", NumberClosed, NewNumber),
        (400, "INVALID_REQUEST", "订单已关闭", NumberClosed, NewNumber),
        (403, "RULE_LIMIT", "", Limited, Stop),
        (400, "INVALID_REQUEST", "Http头缺少Accept或User-Agent", Misconfigured, Stop),
        (400, "MCH_NOT_EXISTS", "", Misconfigured, Stop),
    ] {
        let error = refused(&prepared_order(), http, code, text).await;
        assert_eq!((error.meaning, error.next), (meaning, next), "{code} {text}");
    }
    let close = v3::CloseOrder { out_trade_no: out_trade_no() }.prepare(&keys(), &at()).unwrap();
    for (http, code, text, meaning) in [
        (400, "INVALID_REQUEST", "当前交易不允许进行普通关单", WrongState),
        (403, "TRADE_ERROR", "", WrongState),
        (400, "ORDERPAID", "", AlreadyPaid),
    ] {
        let error = refused(&close, http, code, text).await;
        assert_eq!((error.meaning, error.next), (meaning, QueryFirst), "{code} {text}");
    }
}

#[tokio::test]
async fn those_of_section_9_4() {
    for (http, code, text, meaning, next) in [
        (400, "INVALID_REQUEST", "订单金额或退款金额与之前请求不一致", AmountMismatch, QueryFirst),
        (400, "INVALID_REQUEST", "退款金额大于支付金额", Other, Stop),
        (403, "NOT_ENOUGH", "", MerchantFunds, RepeatSame),
        (403, "USER_ACCOUNT_ABNORMAL", "", UserAccount, Stop),
        (404, "RESOURCE_NOT_EXISTS", "", NotFound, Stop),
        (404, "MCH_NOT_EXISTS", "", Misconfigured, Stop),
        (429, "FREQUENCY_LIMITED", "", TooFast, QueryFirst),
        (500, "SYSTEM_ERROR", "", OutcomeUnknown, QueryFirst),
        (400, "TRADE_OVERDUE", "", Overdue, Stop),
        (400, "REFUND_FEE_MISMATCH", "", AmountMismatch, QueryFirst),
    ] {
        let error = refused(&prepared_refund(), http, code, text).await;
        assert_eq!((error.meaning, error.next), (meaning, next), "{code} {text}");
    }
    let funds = refused(&prepared_refund(), 403, "NOT_ENOUGH", "").await;
    assert!(funds.retry_after.is_some(), "the same number, later");
    let repair = repair(v3::RepairTo::MerchantBankCard).prepare(&keys(), &at()).unwrap();
    let error = refused(&repair, 400, "INVALID_REQUEST", "退款单状态不正确").await;
    assert_eq!((error.meaning, error.next), (WrongState, QueryFirst));
}

#[tokio::test]
async fn the_error_samples_read_and_keep_their_text_out_of_logs() {
    for (name, http, code) in
        [("error_system", 500, "SYSTEM_ERROR"), ("error_no_auth", 403, "NO_AUTH"), ("error_param", 400, "PARAM_ERROR")]
    {
        let body = sample(name);
        let error = refused(&prepared_order(), http, code, body["message"].as_str().unwrap()).await;
        assert_eq!(error.description(), body["message"].as_str().unwrap());
        let error = told(&prepared_order(), [signed(http, &body.to_string()), signed(http, &body.to_string())])
            .await
            .unwrap_err();
        assert_eq!(error.code.as_deref(), Some(code));
        assert!(!format!("{error:?} {error}").contains(error.description()));
    }
}

#[tokio::test]
async fn what_wechat_took_and_has_not_done_is_asked_for_again_by_the_same_request() {
    let taken = told(&prepared_order(), [signed(202, "")]).await.unwrap_err();
    assert_eq!((taken.kind, taken.meaning, taken.next), (ErrorKind::Http(202), Busy, RepeatSame));
}

#[tokio::test]
async fn detail_may_hold_anything() {
    for value in ["5", "[1]", "null", "{}", "\"x\"", "true"] {
        let body = format!(r#"{{"code":"PARAM_ERROR","message":"","detail":{{"value":{value},"field":"/a"}}}}"#);
        let error = told(&prepared_order(), [signed(400, &body)]).await.unwrap_err();
        assert_eq!(error.code.as_deref(), Some("PARAM_ERROR"));
    }
}

#[tokio::test]
async fn the_number_of_the_request_id_says_what_a_general_code_does_not_and_is_kept_for_support() {
    let close = v3::CloseOrder { out_trade_no: out_trade_no() }.prepare(&keys(), &at()).unwrap();
    let body = error_body("INVALID_REQUEST", "请求失败");
    let answer = |number: &str| {
        let id = format!("08E68E97CC0610DF0618AC86BCA80120082880CF05-{number}");
        (with_header(signed(400, &body), "Request-ID", Some(&id)), id)
    };
    for (number, meaning) in [
        ("268449538", AlreadyPaid),
        ("268498689", AlreadyPaid),
        ("268498688", NumberUsed),
        ("268447914", NumberClosed),
        ("268578704", Misconfigured),
    ] {
        let (answer, id) = answer(number);
        let error = told(&prepared_order(), [answer]).await.unwrap_err();
        let next = if meaning == Misconfigured { Stop } else { QueryFirst };
        assert_eq!((error.meaning, error.next), (meaning, next), "{number}: the header is not signed");
        assert_eq!(error.request_id(), Some(id.as_str()));
        assert!(error.to_string().ends_with(&format!("Request-ID {id}")));
    }
    let paid = told(&close, [answer("268449538").0]).await.unwrap_err();
    assert_eq!((paid.meaning, paid.next), (AlreadyPaid, QueryFirst));
    let odd = with_header(signed(400, &body), "Request-ID", Some("a b"));
    assert_eq!(told(&prepared_order(), [odd]).await.unwrap_err().request_id(), None);
}
