//! Every notice among the samples, and the counterparty's, as the fact that it states.

use counterparty::{
    ContractNotice, DeductionNotice, Numbers, PaymentNotice, SignType, TEST_MERCHANT, TradeType as Trade,
    V2Notice as _, V3Notice,
};
use domain::{
    AppId, Cause, ContractChange, ContractCode, ContractFact, ContractId, Evidence, Fact, FactBody, Fen, OpenId,
    OutRefundNo, OutTradeNo, PaymentFact, PaymentResult, PlanId, RefundFact, RefundId, RefundResult,
    SignatureAlgorithm, TerminationReason, TradeType, TransactionId,
};
use serde_json::{Value, json};
use verify::{ApiV3Key, Generations, MerchantKeys, WechatpayKeys};

use crate::support::{
    NOW, at, headers, mch_id, read_notice, read_sealed, read_v2, read_v2_for, read_v3, sample_v2, sample_v3, vector,
};

fn fact(merchant: &str, algorithm: SignatureAlgorithm, body: FactBody) -> Fact {
    Fact { mch_id: mch_id(merchant), cause: Cause::Callback, evidence: Evidence::Signed(algorithm), body }
}

fn v2(merchant: &str, body: FactBody) -> Fact {
    fact(merchant, SignatureAlgorithm::Md5, body)
}

fn v3(merchant: &str, body: FactBody) -> Fact {
    fact(merchant, SignatureAlgorithm::Rsa, body)
}

fn payment(out_trade_no: &str, appid: &str, contract_id: Option<&str>, result: PaymentResult) -> FactBody {
    FactBody::Payment(PaymentFact {
        out_trade_no: OutTradeNo::parse(out_trade_no).unwrap(),
        appid: Some(AppId::parse(appid).unwrap()),
        contract_id: contract_id.map(|id| ContractId::parse(id).unwrap()),
        attach: None,
        result,
    })
}

fn succeeded(
    transaction_id: &str,
    total: u64,
    openid: &str,
    trade_type: Option<TradeType>,
    paid_at: &str,
) -> PaymentResult {
    PaymentResult::Succeeded {
        transaction_id: TransactionId::parse(transaction_id).unwrap(),
        total: Fen::new(total),
        openid: Some(OpenId::parse(openid).unwrap()),
        trade_type,
        paid_at: at(paid_at),
        refunded: false,
    }
}

fn failed(code: &str) -> PaymentResult {
    PaymentResult::Failed { code: code.to_owned() }
}

#[test]
fn the_payment_notice_of_a_pay_and_sign_order_states_a_payment() {
    let paid = |algorithm| {
        let result = succeeded(
            "4200000000202512010000000001",
            888,
            "onqOjjmM1tad-3ROpncN-yUfa6ua",
            Some(TradeType::App),
            "2025-12-01T02:00:00Z",
        );
        fact("10000100", algorithm, payment("123456", "wx2421b1c4370ec43b", None, result))
    };
    let md5 = sample_v2("synthetic-pay-notice-app-md5");
    assert_eq!(read_v2(parse::deduction, &md5).unwrap(), paid(SignatureAlgorithm::Md5));
    let hmac = sample_v2("synthetic-pay-notice-app-hmac");
    let read = read_v2_for(parse::deduction, &mch_id("10000100"), &hmac, SignType::HmacSha256).unwrap();
    assert_eq!(read, paid(SignatureAlgorithm::HmacSha256));
}

#[test]
fn the_official_payment_notice_is_read_with_its_coupons_and_sub_merchant() {
    let result = succeeded(
        "1004400740201409030005092168",
        1,
        "oUpF8uMEb4qRXf22hE3X68TekukE",
        Some(TradeType::Jsapi),
        "2014-09-03T05:15:40Z",
    );
    let expected = v2("10000100", payment("1409811653", "wx2421b1c4370ec43b", None, result));
    assert_eq!(read_v2(parse::deduction, &sample_v2("official-pay-notice-jsapi")).unwrap(), expected);
}

#[test]
fn a_deduction_notice_without_trade_state_is_a_success_by_transaction_and_amount() {
    let result =
        succeeded("1004400740201409030005092168", 1, "oUpF8uMEb4qRXf22hE3X68TekukE", None, "2014-09-03T05:15:40Z");
    let body = payment("1409811653", "wx2421b1c4370ec43b", Some("Wx15463511252015071056489715"), result);
    assert_eq!(read_v2(parse::deduction, &sample_v2("official-deduct-notice-success")).unwrap(), v2("10000100", body));
}

#[test]
fn a_deduction_notice_with_trade_state_success_is_a_success() {
    let result = succeeded(
        "4200000000202601010000000001",
        888,
        "onqOjjmM1tad-3ROpncN-yUfa6ua",
        Some(TradeType::Pap),
        "2026-01-01T01:00:00Z",
    );
    let body = payment("R20260101000001", "wx2421b1c4370ec43b", Some("202512010000000001"), result);
    assert_eq!(read_v2(parse::deduction, &sample_v2("synthetic-deduct-notice-success")).unwrap(), v2("10000100", body));
}

#[test]
fn a_failed_deduction_carries_wechats_code() {
    let body = payment("R20260101000002", "wx2421b1c4370ec43b", Some("202512010000000001"), failed("NOTENOUGH"));
    let sample = sample_v2("synthetic-deduct-notice-fail-notenough");
    assert_eq!(read_v2(parse::deduction, &sample).unwrap(), v2("10000100", body));
}

#[test]
fn a_failed_deduction_of_real_traffic_is_read() {
    let mut sample = sample_v2("community-deduct-notice-fail-masked");
    sample.set("mch_id", "1520000001");
    let body =
        payment("A0128651374017564902680", "wxe2XXXXXXXbba5", Some("202102285929035611"), failed("CONTRACT_NOT_EXIST"));
    assert_eq!(read_v2(parse::deduction, &sample).unwrap(), v2("1520000001", body));
}

#[test]
fn the_official_failure_which_says_success_is_no_success() {
    let body = payment("1409811653", "wx2421b1c4370ec43b", Some("Wx15463511252015071056489715"), failed("UNKNOWN"));
    assert_eq!(read_v2(parse::deduction, &sample_v2("official-deduct-notice-fail")).unwrap(), v2("10000100", body));
}

#[test]
fn err_code_0_with_result_code_fail_is_a_failure() {
    let fact = read_notice(parse::deduction, &DeductionNotice::failure_that_says_zero(&Numbers::example(NOW))).unwrap();
    assert_eq!(result_of(fact), failed("0"));
}

fn result_of(fact: Fact) -> PaymentResult {
    let FactBody::Payment(payment) = fact.body else { panic!("{fact:?}") };
    payment.result
}

#[test]
fn the_trade_state_of_a_deduction_notice_decides() {
    let stated = |trade_state: &str| {
        let notice = DeductionNotice::success(&Numbers::example(NOW)).unwrap().trade_state(trade_state);
        result_of(read_notice(parse::deduction, &notice).unwrap())
    };
    assert!(matches!(stated("SUCCESS"), PaymentResult::Succeeded { refunded: false, .. }));
    assert!(matches!(stated("REFUND"), PaymentResult::Succeeded { refunded: true, .. }));
    assert_eq!(stated("CLOSED"), PaymentResult::Closed);
    assert_eq!(stated("REVOKED"), PaymentResult::Closed);
    assert_eq!(stated("NOTPAY"), PaymentResult::Unpaid);
    assert_eq!(stated("USERPAYING"), PaymentResult::Unpaid);
    assert_eq!(stated("ACCEPT"), PaymentResult::Accepted);
    assert_eq!(stated("PAY_FAIL"), failed("PAY_FAIL"));
    assert_eq!(stated("PAYERROR"), failed("PAYERROR"));
    assert_eq!(stated("NEWSTATE"), PaymentResult::Undecided { trade_state: "NEWSTATE".to_owned() });
}

#[test]
fn a_failing_result_code_outweighs_a_successful_trade_state() {
    let notice = DeductionNotice::failure(&Numbers::example(NOW), "NOTENOUGH", "余额不足").trade_state("SUCCESS");
    assert_eq!(result_of(read_notice(parse::deduction, &notice).unwrap()), failed("NOTENOUGH"));
}

#[test]
fn blanks_inside_cdata_do_not_matter() {
    let notice = PaymentNotice::new(&Numbers::example(NOW), Trade::App).unwrap();
    let spaced = ["return_code", "result_code", "mch_id", "out_trade_no", "total_fee", "time_end", "fee_type"]
        .into_iter()
        .fold(notice.clone(), |spaced, name| {
            let value = format!(" {}\n", spaced.fields().get(name).unwrap_or("CNY"));
            spaced.with(name, &value)
        });
    assert_eq!(read_notice(parse::deduction, &spaced), read_notice(parse::deduction, &notice));
}

fn contract(
    code: &str,
    contract_id: &str,
    plan_id: &str,
    appid: Option<&str>,
    openid: &str,
    change: ContractChange,
) -> FactBody {
    FactBody::Contract(ContractFact {
        contract_code: ContractCode::parse(code).unwrap(),
        contract_id: Some(ContractId::parse(contract_id).unwrap()),
        plan_id: Some(PlanId::parse(plan_id).unwrap()),
        appid: appid.map(|appid| AppId::parse(appid).unwrap()),
        openid: Some(OpenId::parse(openid).unwrap()),
        change,
    })
}

fn synthetic_contract(change: ContractChange) -> FactBody {
    contract("100001256", "202512010000000001", "123", None, "onqOjjmM1tad-3ROpncN-yUfa6ua", change)
}

#[test]
fn an_add_notice_states_a_signing_and_names_no_appid() {
    let signed = |expires_at| ContractChange::Signed { at: at("2025-12-01T02:00:00Z"), expires_at };
    let read = |name: &str| read_v2(parse::contract, &sample_v2(name)).unwrap();
    let with_expiry = synthetic_contract(signed(at("2035-12-01T02:00:00Z")));
    assert_eq!(read("synthetic-contract-notice-add"), v2("10000100", with_expiry));
    assert_eq!(
        read("synthetic-contract-notice-add-unknown-field"),
        v2("10000100", synthetic_contract(signed(None))),
        "fields that we do not know are ignored"
    );
    let hmac = sample_v2("synthetic-contract-notice-add-hmac");
    let read = read_v2_for(parse::contract, &mch_id("10000100"), &hmac, SignType::HmacSha256).unwrap();
    assert_eq!(read, fact("10000100", SignatureAlgorithm::HmacSha256, synthetic_contract(signed(None))));
}

#[test]
fn the_official_add_notice_is_read() {
    let signed = ContractChange::Signed { at: at("2015-07-01T02:00:00Z"), expires_at: None };
    let openid = "onqOjjmM1tad-3ROpncN-yUfa6ua";
    let body = contract("100001256", "Wx15463511252015071056489715", "123", None, openid, signed);
    assert_eq!(read_v2(parse::contract, &sample_v2("official-contract-notice-add")).unwrap(), v2("10010404", body));
}

#[test]
fn a_delete_notice_states_when_and_why() {
    let ended = ContractChange::Terminated { at: at("2025-12-20T00:30:00Z"), reason: TerminationReason::User };
    let sample = sample_v2("synthetic-contract-notice-delete-by-user");
    assert_eq!(read_v2(parse::contract, &sample).unwrap(), v2("10000100", synthetic_contract(ended)));
}

#[test]
fn termination_modes_are_reasons_and_unknown_ones_are_other() {
    let reason = |mode: &str| {
        let notice = ContractNotice::terminated(&Numbers::example(NOW), 2).unwrap();
        let fact = read_notice(parse::contract, &notice.with("contract_termination_mode", mode)).unwrap();
        let FactBody::Contract(contract) = fact.body else { panic!("a contract") };
        let ContractChange::Terminated { reason, .. } = contract.change else { panic!("terminated") };
        reason
    };
    assert_eq!(reason("1"), TerminationReason::Expired);
    assert_eq!(reason("2"), TerminationReason::User);
    assert_eq!(reason("3"), TerminationReason::MerchantApi);
    assert_eq!(reason("4"), TerminationReason::MerchantPlatform);
    assert_eq!(reason("5"), TerminationReason::AccountCancelled);
    assert_eq!(reason("7"), TerminationReason::CustomerService);
    for other in ["0", "6", "8", "99999999999", "later", ""] {
        assert_eq!(reason(other), TerminationReason::Other, "{other}");
    }
}

#[test]
fn an_expiry_in_an_unknown_form_does_not_cost_us_the_signing() {
    let notice = ContractNotice::signed_up(&Numbers::example(NOW)).unwrap().with("contract_expired_time", "never");
    let FactBody::Contract(contract) = read_notice(parse::contract, &notice).unwrap().body else { panic!() };
    assert!(matches!(contract.change, ContractChange::Signed { expires_at: None, .. }));
}

#[test]
fn a_v2_refund_notice_only_decrypted() {
    let read = |name: &str| {
        let document = vector(&format!("samples/v2/{name}.xml"));
        read_sealed(parse::refund, &mch_id("10000100"), document.as_bytes()).unwrap()
    };
    let decrypted = |body| Fact { evidence: Evidence::Decrypted, ..v2("10000100", FactBody::Refund(body)) };
    let succeeded = RefundFact {
        out_refund_no: OutRefundNo::parse("131811191610442717309").unwrap(),
        refund_id: Some(RefundId::parse("50000408942018111907145868882").unwrap()),
        out_trade_no: Some(OutTradeNo::parse("71106718111915575302817").unwrap()),
        transaction_id: Some(TransactionId::parse("4200000215201811190261405420").unwrap()),
        refund: Some(Fen::new(3960)),
        total: Some(Fen::new(3960)),
        said_at: None,
        result: RefundResult::Succeeded { at: at("2018-11-19T08:24:13Z") },
    };
    assert_eq!(read("signed-refund-notice-plaintext"), decrypted(succeeded));
    let FactBody::Refund(changed) = read("synthetic-refund-notice-change-plaintext").body else { panic!() };
    assert_eq!(changed.result, RefundResult::Abnormal);
}

#[test]
fn a_v2_refund_notice_as_published_is_opened_and_read() {
    for (name, result) in [
        ("signed-refund-notice-decryptable", RefundResult::Succeeded { at: at("2018-11-19T08:24:13Z") }),
        ("synthetic-refund-notice-change", RefundResult::Abnormal),
    ] {
        let body = vector(&format!("samples/v2/{name}.xml"));
        let keys = crate::support::keys();
        let fact = parse::refund(&mch_id("10000100"), &keys.verify_v2_refund(body.as_bytes()).unwrap()).unwrap();
        assert!(matches!(fact.body, FactBody::Refund(refund) if refund.result == result), "{name}");
    }
}

fn transaction(name: &str) -> V3Notice {
    V3Notice::new("TRANSACTION.SUCCESS", "transaction", "支付成功", sample_v3(name))
}

fn documented_payment(appid: &str, trade_type: TradeType) -> FactBody {
    let number = "1217752501201407033233368018";
    let result = succeeded(number, 100, "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", Some(trade_type), "2018-06-08T02:34:56Z");
    let FactBody::Payment(stated) = payment(number, appid, None, result) else { unreachable!() };
    FactBody::Payment(PaymentFact { attach: Some("自定义数据".to_owned()), ..stated })
}

#[test]
fn the_attach_of_a_v3_payment_is_stated_where_there_is_one() {
    let attach = |value: Value| {
        let notice = transaction("notice_transaction_success.resource").with("attach", value);
        match read_v3(parse::payment, &notice, "1230000109").unwrap().body {
            FactBody::Payment(payment) => payment.attach,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(attach(json!("campaign & <42>")).as_deref(), Some("campaign & <42>"));
    assert_eq!((attach(json!("")), attach(Value::Null)), (None, None));
}

#[test]
fn a_v3_payment_notice_states_a_payment() {
    let direct = read_v3(parse::payment, &transaction("notice_transaction_success.resource"), "1230000109").unwrap();
    assert_eq!(direct, v3("1230000109", documented_payment("wxd678efh567hg6787", TradeType::App)));
    let name = "notice_transaction_success_partner.resource";
    let partner = read_v3(parse::payment, &transaction(name), "1230000109").unwrap();
    assert_eq!(partner, v3("1230000109", documented_payment("wx8888888888888888", TradeType::Jsapi)));
}

#[test]
fn blanks_around_an_openid_do_not_matter() {
    let stray = json!({ "sp_openid": "\toUpF8uMuAJO_M2pxb1Q9zNjWeS6o\t" });
    let notice = transaction("notice_transaction_success_partner.resource").with("payer", stray);
    let partner = read_v3(parse::payment, &notice, "1230000109").unwrap();
    assert_eq!(partner, v3("1230000109", documented_payment("wx8888888888888888", TradeType::Jsapi)));
}

#[test]
fn a_failed_v3_deduction_carries_its_trade_state() {
    let fact = read_v3(parse::payment, &V3Notice::deduction_failed(&Numbers::example(NOW)), "10000100").unwrap();
    assert_eq!(result_of(fact), failed("PAY_FAIL"));
    let closed = V3Notice::deduction_failed(&Numbers::example(NOW)).with("trade_state", "CLOSED");
    assert_eq!(result_of(read_v3(parse::payment, &closed, "10000100").unwrap()), PaymentResult::Closed);
}

#[test]
fn a_refunded_v3_transaction_was_paid() {
    let notice = transaction("notice_transaction_success.resource").with("trade_state", "REFUND");
    let result = result_of(read_v3(parse::payment, &notice, "1230000109").unwrap());
    assert!(matches!(result, PaymentResult::Succeeded { refunded: true, .. }));
}

fn documented_refund(result: RefundResult) -> FactBody {
    FactBody::Refund(RefundFact {
        out_refund_no: OutRefundNo::parse("7752501201407033233368018").unwrap(),
        refund_id: Some(RefundId::parse("50200207182018070300011301001").unwrap()),
        out_trade_no: Some(OutTradeNo::parse("20150806125346").unwrap()),
        transaction_id: Some(TransactionId::parse("1008450740201411110005820873").unwrap()),
        refund: Some(Fen::new(999)),
        total: Some(Fen::new(999)),
        said_at: at("2025-12-01T02:00:00Z"),
        result,
    })
}

#[test]
fn a_v3_refund_notice_states_its_result_and_when_it_was_made() {
    let succeeded = RefundResult::Succeeded { at: at("2018-06-08T02:34:56Z") };
    for name in ["notice_refund_success.resource", "notice_refund_success_partner.resource"] {
        let notice = V3Notice::new("REFUND.SUCCESS", "refund", "退款成功", sample_v3(name));
        let fact = read_v3(parse::refund, &notice, "1900000100").unwrap();
        assert_eq!(fact, v3("1900000100", documented_refund(succeeded.clone())), "{name}");
    }
    for (status, result) in [
        ("ABNORMAL", RefundResult::Abnormal),
        ("CLOSED", RefundResult::Closed),
        ("PROCESSING", RefundResult::Processing),
    ] {
        let resource = sample_v3("notice_refund_success.resource");
        let notice = V3Notice::new(&format!("REFUND.{status}"), "refund", "退款", resource);
        let notice = notice.with("refund_status", status).without("success_time");
        let fact = read_v3(parse::refund, &notice, "1900000100").unwrap();
        assert_eq!(fact, v3("1900000100", documented_refund(result)), "{status}");
    }
}

#[test]
fn a_v3_sign_notice_states_a_signing() {
    let notice = V3Notice::new("ENTRUST.SIGN", "entrust", "签约成功", sample_v3("notice_entrust.resource"));
    let change = ContractChange::Signed { at: at("2020-09-10T05:29:35Z"), expires_at: at("2021-09-10T05:29:35Z") };
    let (appid, openid) = (Some("wxd678efh567hg6787"), "o-MYE42l80oelYMDE34nYD456Xoy");
    let body = contract("wxwtdk20200910100000", "123124412412423431", "12535", appid, openid, change);
    assert_eq!(read_v3(parse::contract, &notice, "1900000109").unwrap(), v3("1900000109", body));
}

#[test]
fn a_v3_termination_notice_states_when_and_why() {
    for (mode, reason) in [
        ("USER_TERMINATE", TerminationReason::User),
        ("MCH_API_TERMINATE", TerminationReason::MerchantApi),
        ("API", TerminationReason::MerchantApi),
        ("WEPAY_WEB_TERMINATE", TerminationReason::MerchantPlatform),
        ("CUSTOMER_SERVICE_TERMINATE", TerminationReason::CustomerService),
        ("SYSTEM_TERMINATE", TerminationReason::Other),
        ("SOMETHING_NEW", TerminationReason::Other),
    ] {
        let notice = V3Notice::contract_terminated(&Numbers::example(NOW), mode).unwrap();
        let fact = read_v3(parse::contract, &notice, TEST_MERCHANT.mch_id).unwrap();
        let FactBody::Contract(contract) = fact.body else { panic!("a contract") };
        assert_eq!(contract.change, ContractChange::Terminated { at: at("2025-12-01T02:00:00Z"), reason }, "{mode}");
    }
}

#[test]
fn a_plan_id_may_be_text() {
    let notice = V3Notice::contract_signed(&Numbers::example(NOW)).unwrap().with("plan_id", "12535");
    let FactBody::Contract(contract) = read_v3(parse::contract, &notice, TEST_MERCHANT.mch_id).unwrap().body else {
        panic!("a contract")
    };
    assert_eq!(contract.plan_id.unwrap().as_str(), "12535");
}

#[test]
fn what_nothing_follows_from_is_noted() {
    let noted = |event_type: &str| v3("10000100", FactBody::Noted { event_type: event_type.to_owned() });
    let resource = sample_v3("notice_security_echo.resource");
    let echo = V3Notice::new("SECURITY_ECHO.SUCCESS", "security", "回调通知成功", resource);
    for endpoint in [parse::payment, parse::refund] {
        assert_eq!(read_v3(endpoint, &echo, "10000100").unwrap(), noted("SECURITY_ECHO.SUCCESS"));
    }
    let retention = V3Notice::termination_retention(&Numbers::example(NOW)).unwrap();
    let fact = read_v3(parse::contract, &retention, "10000100").unwrap();
    assert_eq!(fact, noted("ENTRUST.TERMINATE_RETENTION"));
}

#[test]
fn constructed_notices_parse_to_what_their_plaintext_says() {
    let all: Value = serde_json::from_str(&vector("constructed_notices.json")).unwrap();
    let mut wechatpay = WechatpayKeys::default();
    for (id, file) in all["keys"].as_object().unwrap() {
        let pem = vector(file.as_str().unwrap());
        if id.starts_with("PUB_KEY_ID_") {
            wechatpay.insert_public_key(id, &pem).unwrap();
        } else {
            wechatpay.insert_certificate(&pem).unwrap();
        }
    }
    let api_v3_key = ApiV3Key::parse(all["api_v3_key"].as_str().unwrap()).unwrap();
    let keys = MerchantKeys::new("1230000109", None, Some(Generations::only(api_v3_key)), wechatpay).unwrap();
    let accepted = all["notices"].as_array().unwrap().iter().filter(|notice| notice["expect"] == "accept");
    let mut seen = 0;
    for notice in accepted {
        let id = notice["id"].as_str().unwrap();
        let all_headers: Vec<(String, String)> =
            serde_json::from_value::<serde_json::Map<String, Value>>(notice["headers"].clone())
                .unwrap()
                .into_iter()
                .map(|(name, value)| (name, value.as_str().unwrap().to_owned()))
                .collect();
        let body = notice["body"].as_str().unwrap();
        let verified =
            keys.verify_v3(&headers(&all_headers), body.as_bytes(), notice["now"].as_i64().unwrap()).unwrap();
        let plaintext: Value = serde_json::from_str(notice["plaintext"].as_str().unwrap()).unwrap();
        let (endpoint, kind): (crate::support::Endpoint, _) = match id {
            id if id.starts_with("refund") => (parse::refund, "refund"),
            id if id.starts_with("entrust") => (parse::contract, "contract"),
            "unknown-event-type" => {
                for endpoint in [parse::payment, parse::refund, parse::contract] {
                    let error = endpoint(&mch_id("1230000109"), &verified).unwrap_err();
                    assert_eq!(error.to_string(), "not understood: event_type: one that is known here");
                }
                continue;
            }
            _ => (parse::payment, "payment"),
        };
        let fact = endpoint(&mch_id(plaintext["mchid"].as_str().unwrap()), &verified).unwrap();
        assert_eq!(fact.kind(), kind, "{id}");
        match fact.body {
            FactBody::Payment(payment) => assert_eq!(payment.out_trade_no.as_str(), plaintext["out_trade_no"]),
            FactBody::Refund(refund) => {
                assert_eq!(refund.out_refund_no.as_str(), plaintext["out_refund_no"]);
                assert_eq!(refund.said_at, at("2024-08-05T09:33:41Z"), "{id}");
            }
            FactBody::Contract(contract) => {
                assert_eq!(contract.contract_code.as_str(), plaintext["out_contract_code"]);
            }
            FactBody::Exempt(_) | FactBody::Opened(_) | FactBody::Called(_) | FactBody::Noted { .. } => panic!("{id}"),
        }
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}

/// Its event type and form are not documented: what is known of it is that it must name the contract.
#[test]
fn a_notice_that_names_a_password_exempt_contract_is_a_reason_to_ask_and_no_more() {
    let resource = |text: &str| serde_json::from_str::<serde_json::Map<String, Value>>(text).unwrap();
    let named = r#"{"mchid":"10000100","service_id":500001,"out_contract_code":"01JD8K6M2QZ4XW7RTNBV","contract_state":"SIGNED"}"#;
    for event_type in ["PASSWORD_EXEMPT.SIGN", "ENTRUST.SIGN", "SOMETHING.NEW"] {
        let notice = V3Notice::new(event_type, "something", "签约", resource(named));
        let endpoints: &[crate::support::Endpoint] =
            if event_type == "ENTRUST.SIGN" { &[parse::contract] } else { &[parse::contract, parse::payment] };
        for endpoint in endpoints {
            let FactBody::Exempt(told) = read_v3(*endpoint, &notice, "10000100").unwrap().body else {
                panic!("exempt")
            };
            assert_eq!(told.key.as_str(), "500001#01JD8K6M2QZ4XW7RTNBV");
            assert_eq!((told.change, told.contract_id, told.openid), (domain::ExemptChange::Reported, None, None));
        }
        assert!(read_v3(parse::contract, &notice, "10000200").is_err(), "another merchant's");
    }
    let unnamed = [
        r#"{"mchid":"10000100","service_id":500001}"#,
        r#"{"mchid":"10000100","out_contract_code":"1005"}"#,
        r#"{"mchid":"10000100","service_id":"x","out_contract_code":"1005"}"#,
        r#"{"mchid":"10000100","service_id":1,"plan_id":12535,"out_contract_code":"1005"}"#,
    ];
    for text in unnamed {
        let notice = V3Notice::new("SOMETHING.NEW", "something", "签约", resource(text));
        for endpoint in [parse::contract, parse::payment] {
            let error = read_v3(endpoint, &notice, "10000100").unwrap_err();
            assert_eq!(error.to_string(), "not understood: event_type: one that is known here", "held: {text}");
        }
    }
    let refunds = V3Notice::new("SOMETHING.NEW", "something", "签约", resource(named));
    assert!(read_v3(parse::refund, &refunds, "10000100").is_err(), "it does not belong to refunds");
}
