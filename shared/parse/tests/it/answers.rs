//! Every answer among the samples that states what became of an order, a contract or a refund.

use counterparty::V2Fields;
use domain::{
    Cause, ContractChange, ContractCode, Evidence, Fact, FactBody, Fen, MchId, OutRefundNo, OutTradeNo, PaymentResult,
    RefundResult, SignatureAlgorithm, TerminationReason, TradeType,
};
use parse::ParseError;
use parse::answer::{AnswerError, v2_contract, v2_order, v2_refund, v2_refunds, v3_contract, v3_order, v3_refund};
use serde_json::Value;

use crate::support::{answer_v2, answer_v3, at, mch_id, sample_v2, sample_v3};

const MD5: Evidence = Evidence::Signed(SignatureAlgorithm::Md5);
const RSA: Evidence = Evidence::Signed(SignatureAlgorithm::Rsa);

fn merchant() -> MchId {
    mch_id("10000100")
}

fn order(number: &str, fields: &V2Fields, signed: bool) -> Result<Fact, AnswerError> {
    let number = OutTradeNo::parse(number).unwrap();
    answer_v2(fields, signed, |answer| v2_order(&merchant(), &number, answer))
}

fn contract(merchant: &str, code: &str, fields: &V2Fields, signed: bool) -> Result<Fact, AnswerError> {
    let code = ContractCode::parse(code).unwrap();
    answer_v2(fields, signed, |answer| v2_contract(&mch_id(merchant), &code, answer))
}

fn refund(number: &str, fields: &V2Fields) -> Result<Fact, AnswerError> {
    let (order, number) = (OutTradeNo::parse("1415757673").unwrap(), OutRefundNo::parse(number).unwrap());
    answer_v2(fields, true, |answer| v2_refund(&merchant(), &order, &number, answer))
}

fn failing(err_code: &str) -> V2Fields {
    [("return_code", "SUCCESS"), ("result_code", "FAIL"), ("err_code", err_code)]
        .into_iter()
        .map(|(name, value)| (name, value.to_owned()))
        .collect()
}

fn unreadable(what: &str) -> AnswerError {
    AnswerError::Unreadable(ParseError::NotUnderstood { what: what.to_owned() })
}

#[test]
fn paid_orders() {
    for (name, trade_type) in [
        ("official-orderquery-response", TradeType::Other),
        ("signed-orderquery-response-success", TradeType::App),
        ("signed-paporderquery-response-success", TradeType::Other),
    ] {
        let fact = order("1415757673", &sample_v2(name), true).unwrap();
        assert_eq!((fact.cause, fact.evidence), (Cause::Query, MD5), "{name}");
        let FactBody::Payment(payment) = fact.body else { panic!("{name}") };
        let PaymentResult::Succeeded { transaction_id, total, trade_type: told, paid_at, refunded, openid } =
            payment.result
        else {
            panic!("{name}")
        };
        assert_eq!(transaction_id.as_str(), "1008450740201411110005820873");
        assert_eq!((total, told, refunded), (Fen::new(1), Some(trade_type), false));
        assert_eq!(paid_at, at("2014-11-11T09:00:43Z"));
        assert!(openid.is_some());
    }
}

#[test]
fn unpaid_orders() {
    let sample = sample_v2("synthetic-orderquery-response-notpay");
    let result = |fields: &V2Fields| match order("123456", fields, true).unwrap().body {
        FactBody::Payment(payment) => payment.result,
        other => panic!("{other:?}"),
    };
    assert_eq!(result(&sample), PaymentResult::Unpaid);
    let stated = |trade_state: &str, err_code: &str| {
        let mut fields = sample.clone();
        fields.set("trade_state", trade_state);
        fields.set("err_code", err_code);
        result(&fields)
    };
    assert_eq!(stated("ACCEPT", ""), PaymentResult::Accepted);
    assert_eq!(stated("CLOSED", ""), PaymentResult::Closed);
    assert_eq!(stated("PAY_FAIL", "NOTENOUGH"), PaymentResult::Failed { code: "NOTENOUGH".to_owned() });
    assert_eq!(stated("PAY_FAIL", "SUCCESS"), PaymentResult::Failed { code: "PAY_FAIL".to_owned() });
    assert_eq!(stated("SOMETHING_NEW", ""), PaymentResult::Undecided { trade_state: "SOMETHING_NEW".to_owned() });
}

#[test]
fn a_refunded_order_was_paid() {
    let mut fields = sample_v2("signed-orderquery-response-success");
    fields.set("trade_state", "REFUND");
    let FactBody::Payment(payment) = order("1415757673", &fields, true).unwrap().body else { panic!("a payment") };
    assert!(matches!(payment.result, PaymentResult::Succeeded { refunded: true, .. }));
}

#[test]
fn an_order_that_wechat_does_not_know_was_not_found() {
    for (signed, evidence) in [(true, MD5), (false, Evidence::Unsigned)] {
        let fact = order("123456", &failing("ORDERNOTEXIST"), signed).unwrap();
        assert_eq!(fact.evidence, evidence);
        assert!(matches!(fact.body, FactBody::Payment(payment) if payment.result == PaymentResult::NotFound));
    }
}

#[test]
fn an_error_of_the_question_says_nothing_about_the_thing() {
    let refused = |code: &str| AnswerError::Refused { code: code.to_owned() };
    assert_eq!(order("123456", &failing("SYSTEMERROR"), true).unwrap_err(), refused("SYSTEMERROR"));
    assert_eq!(order("123456", &failing(""), true).unwrap_err(), refused("FAIL"));
    assert_eq!(contract("10000100", "1005", &failing("-48"), false).unwrap_err(), refused("-48"));
    assert_eq!(refund("1415701182", &failing("SYSTEMERROR")).unwrap_err(), refused("SYSTEMERROR"));
    let communication: V2Fields =
        [("return_code", "FAIL".to_owned()), ("return_msg", "签名失败".to_owned())].into_iter().collect();
    assert_eq!(order("123456", &communication, false).unwrap_err(), refused("FAIL"));
}

#[test]
fn an_answer_must_name_its_state() {
    let mut fields = sample_v2("signed-orderquery-response-success");
    fields.remove("trade_state");
    assert_eq!(order("1415757673", &fields, true).unwrap_err(), unreadable("trade_state: required"));
}

#[test]
fn an_answer_about_another_number_is_not_understood() {
    let error = order("1415757674", &sample_v2("signed-orderquery-response-success"), true).unwrap_err();
    assert_eq!(error, unreadable("out_trade_no: the number that was asked for"));
    let error = contract("10000100", "1", &sample_v2("signed-querycontract-response-terminated"), true).unwrap_err();
    assert_eq!(error, unreadable("contract_code: the number that was asked for"));
    let error = refund("1", &sample_v2("signed-refundquery-response-processing")).unwrap_err();
    assert_eq!(error, unreadable("out_refund_no_0: the number that was asked for"));
}

#[test]
fn an_answer_about_another_merchant_is_refused() {
    let number = OutTradeNo::parse("1415757673").unwrap();
    let sample = sample_v2("signed-orderquery-response-success");
    let error = answer_v2(&sample, true, |answer| v2_order(&mch_id("10000200"), &number, answer)).unwrap_err();
    assert_eq!(error, AnswerError::Unreadable(ParseError::WrongMerchant));
}

#[test]
fn contracts_in_force() {
    let fact = contract("10000100", "100001256", &sample_v2("synthetic-querycontract-response-signed"), true).unwrap();
    assert_eq!((fact.cause, fact.evidence), (Cause::Query, MD5));
    let FactBody::Contract(told) = fact.body else { panic!("a contract") };
    let (at, expires_at) = (at("2025-12-01T02:00:00Z"), at("2035-12-01T02:00:00Z"));
    assert_eq!(told.change, ContractChange::Signed { at, expires_at });
    assert_eq!(told.contract_id.unwrap().as_str(), "202512010000000001");
    assert_eq!(told.appid.unwrap().as_str(), "wx2421b1c4370ec43b");
}

#[test]
fn contracts_that_ended() {
    let change =
        |merchant: &str, code: &str, name: &str| match contract(merchant, code, &sample_v2(name), true).unwrap().body {
            FactBody::Contract(told) => told.change,
            other => panic!("{other:?}"),
        };
    let by_api = |at| ContractChange::Terminated { at, reason: TerminationReason::MerchantApi };
    assert_eq!(
        change("80000000", "1005", "official-querycontract-response"),
        by_api(at("2015-07-01T02:00:00Z")),
        "with blanks inside the CDATA"
    );
    assert_eq!(
        change("10000100", "1023658866", "signed-querycontract-response-terminated"),
        by_api(at("2015-07-29T08:11:26Z")),
        "with Unix seconds"
    );
}

#[test]
fn state_1_without_a_termination_is_not_signed() {
    let change = |edits: &[(&str, &str)]| {
        let mut fields = sample_v2("synthetic-querycontract-response-signed");
        fields.set("contract_state", "1");
        edits.iter().for_each(|(name, value)| fields.set(name, value));
        match contract("10000100", "100001256", &fields, true).unwrap().body {
            FactBody::Contract(told) => told.change,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(change(&[]), ContractChange::NotSigned);
    assert_eq!(change(&[("contract_termination_mode", "0")]), ContractChange::NotSigned);
    assert_eq!(
        change(&[("contract_termination_mode", "0"), ("contract_terminated_time", "0")]),
        ContractChange::NotSigned
    );
    let by_user = |at| ContractChange::Terminated { at, reason: TerminationReason::User };
    assert_eq!(change(&[("contract_termination_mode", "2")]), by_user(None));
    let ended = [("contract_terminated_time", "2025-12-20 08:30:00")];
    let at = at("2025-12-20T00:30:00Z");
    assert_eq!(change(&ended), ContractChange::Terminated { at, reason: TerminationReason::Other });
}

#[test]
fn contracts_that_are_not_there_or_not_yet() {
    let sample = sample_v2("community-querycontract-response-not-found");
    let fact = contract("10000100", "100001256", &sample, false).unwrap();
    assert_eq!(fact.evidence, Evidence::Unsigned);
    assert!(matches!(fact.body, FactBody::Contract(told) if told.change == ContractChange::Absent));
    let mut fields = sample_v2("synthetic-querycontract-response-signed");
    fields.set("contract_state", "9");
    let FactBody::Contract(told) = contract("10000100", "100001256", &fields, true).unwrap().body else { panic!() };
    assert_eq!(told.change, ContractChange::InProgress);
    fields.set("contract_state", "2");
    let error = contract("10000100", "100001256", &fields, true).unwrap_err();
    assert_eq!(error, unreadable("contract_state: 0, 1 or 9"));
}

#[test]
fn refunds_in_progress() {
    for name in ["official-refundquery-response", "signed-refundquery-response-processing"] {
        let FactBody::Refund(told) = refund("1415701182", &sample_v2(name)).unwrap().body else { panic!("{name}") };
        assert_eq!(told.result, RefundResult::Processing);
        assert_eq!(told.refund, Some(Fen::new(1)));
        assert_eq!(told.out_trade_no.unwrap().as_str(), "1415757673");
        assert_eq!(told.refund_id.unwrap().as_str(), "2008450740201411110000174436");
    }
}

#[test]
fn each_row_of_an_orders_refunds_is_a_fact() {
    let mut fields = sample_v2("signed-refundquery-response-processing");
    for (name, value) in [
        ("out_refund_no_1", "1415701183"),
        ("refund_fee_1", "2"),
        ("refund_status_1", "SUCCESS"),
        ("refund_success_time_1", "2025-12-02 10:00:00"),
        ("out_refund_no_2", "1415701184"),
        ("refund_fee_2", "3"),
        ("refund_status_2", "REFUNDCLOSE"),
        ("out_refund_no_3", "1415701185"),
        ("refund_fee_3", "4"),
        ("refund_status_3", "CHANGE"),
        ("total_fee", "100"),
    ] {
        fields.set(name, value);
    }
    let order = OutTradeNo::parse("1415757673").unwrap();
    let all = |fields: &V2Fields| answer_v2(fields, true, |answer| v2_refunds(&merchant(), &order, answer));
    let facts = all(&fields).unwrap();
    let results: Vec<_> = facts
        .into_iter()
        .map(|fact| match fact.body {
            FactBody::Refund(told) => (told.refund.unwrap().get(), told.total, told.result),
            other => panic!("{other:?}"),
        })
        .collect();
    let total = Some(Fen::new(100));
    assert_eq!(
        results,
        [
            (1, total, RefundResult::Processing),
            (2, total, RefundResult::Succeeded { at: at("2025-12-02T02:00:00Z") }),
            (3, total, RefundResult::Closed),
            (4, total, RefundResult::Abnormal),
        ]
    );
    fields.set("refund_status_2", "?");
    assert_eq!(all(&fields).unwrap_err(), unreadable("refund_status_2: SUCCESS, PROCESSING, REFUNDCLOSE or CHANGE"));
}

#[test]
fn a_refund_that_wechat_does_not_know_was_not_found() {
    let fact = refund("1415701182", &failing("REFUNDNOTEXIST")).unwrap();
    let FactBody::Refund(told) = fact.body else { panic!("a refund") };
    assert_eq!(told.result, RefundResult::NotFound);
    assert_eq!(told.out_trade_no.unwrap().as_str(), "1415757673", "without it nothing would be found on record");
}

fn v3_sample(name: &str) -> Value {
    Value::Object(sample_v3(name))
}

#[test]
fn v3_orders() {
    let number = OutTradeNo::parse("1217752501201407033233368018").unwrap();
    let read = |name: &str| {
        let fact = answer_v3(&v3_sample(name), |answer| v3_order(&mch_id("1230000109"), &number, answer)).unwrap();
        assert_eq!((fact.cause, fact.evidence), (Cause::Query, RSA));
        match fact.body {
            FactBody::Payment(payment) => payment.result,
            other => panic!("{other:?}"),
        }
    };
    for name in ["order_query.response", "order_query_partner.response"] {
        let PaymentResult::Succeeded { total, paid_at, .. } = read(name) else { panic!("{name}") };
        assert_eq!((total, paid_at), (Fen::new(100), at("2018-06-08T02:34:56Z")));
    }
    assert_eq!(read("order_query.notpay.response"), PaymentResult::Unpaid);
    let other = OutTradeNo::parse("654321").unwrap();
    let sample = v3_sample("order_query.response");
    let error = answer_v3(&sample, |answer| v3_order(&mch_id("1230000109"), &other, answer)).unwrap_err();
    assert_eq!(error, unreadable("out_trade_no: the number that was asked for"));
}

#[test]
fn v3_refunds() {
    let number = OutRefundNo::parse("1217752501201407033233368018").unwrap();
    for name in ["refund.response", "refund_query.response", "refund_abnormal.response"] {
        let read = |order: &str| {
            let order = OutTradeNo::parse(order).unwrap();
            answer_v3(&v3_sample(name), |answer| v3_refund(&mch_id("1230000109"), &order, &number, answer))
        };
        assert_eq!(read("654321").unwrap_err(), unreadable("out_trade_no: the number that was asked for"));
        let fact = read("1217752501201407033233368018").unwrap();
        let FactBody::Refund(told) = fact.body else { panic!("{name}") };
        assert_eq!(told.result, RefundResult::Succeeded { at: at("2020-12-01T08:18:12Z") });
        assert_eq!((told.refund, told.total), (Some(Fen::new(100)), Some(Fen::new(100))));
        assert_eq!(told.said_at, None, "create_time is when the refund was made, not the answer");
    }
}

#[test]
fn v3_contracts() {
    let code = ContractCode::parse("wxwtdk20200910100000").unwrap();
    let sample = v3_sample("papay_contract_query.response");
    let read = |sample: &Value| answer_v3(sample, |answer| v3_contract(&mch_id("1900000109"), &code, answer));
    let FactBody::Contract(told) = read(&sample).unwrap().body else { panic!("a contract") };
    assert!(matches!(told.change, ContractChange::Signed { .. }), "the state decides, not the termination beside it");
    let mut ended = sample;
    ended["contract_state"] = "TERMINATED".into();
    let FactBody::Contract(told) = read(&ended).unwrap().body else { panic!("a contract") };
    let at = at("2020-10-10T05:29:35Z");
    assert_eq!(told.change, ContractChange::Terminated { at, reason: TerminationReason::User });
    ended["contract_state"] = "SOMETHING_NEW".into();
    assert!(matches!(read(&ended).unwrap_err(), AnswerError::Unreadable(ParseError::NotUnderstood { .. })));
}
