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

mod v3;

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
