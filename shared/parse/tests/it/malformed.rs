//! Each required field missing or malformed: an error that names the field and the rule, and never the value.

use counterparty::{
    ContractChange, ContractNotice, DeductionNotice, Numbers, Occasion, PaymentNotice, RefundResult, TradeType,
    V2Fields, V2Notice, V3Notice,
};
use domain::{Fact, FactBody};
use parse::ParseError;
use serde_json::{Value, json};

use crate::support::{Endpoint, NOW, at, headers, keys, mch_id, read_notice, read_sealed, read_v3, vector, wechat};

/// What a malformed value looks like in these tests: it must not appear in any error.
const SECRET: &str = "Sécret value";

fn numbers() -> Numbers {
    Numbers::example(NOW)
}

fn not_understood(what: &str) -> ParseError {
    ParseError::NotUnderstood { what: what.to_owned() }
}

#[track_caller]
fn names_only(error: ParseError, field: &str) {
    let ParseError::NotUnderstood { what } = error else { panic!("{field}: {error}") };
    assert!(what.starts_with(&format!("{field}: ")), "{field}: {what}");
    assert!(!what.contains(SECRET), "{what}");
}

fn v2_field(endpoint: Endpoint, notice: &(impl V2Notice + Clone), field: &str, required: bool) {
    let without = read_notice(endpoint, &notice.clone().without(field));
    if required {
        assert_eq!(without.unwrap_err(), not_understood(&format!("{field}: required")));
    } else {
        assert!(without.is_ok(), "{field}: {without:?}");
    }
    names_only(read_notice(endpoint, &notice.clone().with(field, SECRET)).unwrap_err(), field);
}

#[test]
fn v2_payment_notices() {
    let notice = PaymentNotice::new(&numbers(), TradeType::App).unwrap();
    for field in ["result_code", "out_trade_no", "total_fee", "transaction_id"] {
        v2_field(parse::deduction, &notice, field, true);
    }
    for field in ["appid", "openid", "time_end", "fee_type"] {
        v2_field(parse::deduction, &notice, field, false);
    }
    let without = notice.without("mch_id");
    assert_eq!(read_notice(parse::deduction, &without).unwrap_err(), not_understood("mch_id: required"));
}

#[test]
fn a_stated_success_needs_transaction_and_amount() {
    for field in ["transaction_id", "total_fee"] {
        let notice = DeductionNotice::success(&numbers()).unwrap();
        v2_field(parse::deduction, &notice, field, true);
    }
    let neither = DeductionNotice::success(&numbers()).unwrap().without("transaction_id").without("total_fee");
    assert_eq!(read_notice(parse::deduction, &neither).unwrap_err(), not_understood("transaction_id: required"));
}

#[test]
fn v2_contract_notices() {
    let add = ContractNotice::signed_up(&numbers()).unwrap();
    let delete = ContractNotice::bare(&numbers(), ContractChange::Delete).unwrap();
    for field in ["result_code", "contract_code", "plan_id", "operate_time", "contract_id", "change_type"] {
        v2_field(parse::contract, &add, field, true);
        v2_field(parse::contract, &delete, field, true);
    }
    v2_field(parse::contract, &add, "openid", true);
    v2_field(parse::contract, &delete, "openid", false);
}

#[test]
fn the_rules_are_named() {
    let error = |field: &str, value: &str| {
        read_notice(parse::deduction, &PaymentNotice::new(&numbers(), TradeType::App).unwrap().with(field, value))
            .unwrap_err()
    };
    assert_eq!(error("total_fee", "888.0"), not_understood("total_fee: an integer number of fen, 1 to 18 digits"));
    assert_eq!(error("time_end", "2025-12-01 10:00:00"), not_understood("time_end: yyyyMMddHHmmss, Beijing time"));
    assert_eq!(error("fee_type", "USD"), not_understood("fee_type: CNY"));
    assert_eq!(error("result_code", "MAYBE"), not_understood("result_code: SUCCESS or FAIL"));
    assert_eq!(error("return_code", "FAIL"), not_understood("return_code: SUCCESS"));
}

#[test]
fn v2_refund_notices() {
    let document = V2Fields::read(vector("samples/v2/signed-refund-notice-plaintext.xml").as_bytes()).unwrap();
    let read = |document: &V2Fields| read_sealed(parse::refund, &mch_id("10000100"), &document.render("root").unwrap());
    assert!(read(&document).is_ok());
    for field in
        ["out_refund_no", "refund_id", "out_trade_no", "transaction_id", "refund_fee", "total_fee", "refund_status"]
    {
        let mut without = document.clone();
        without.remove(field);
        assert_eq!(read(&without).unwrap_err(), not_understood(&format!("{field}: required")));
        let mut malformed = document.clone();
        malformed.set(field, SECRET);
        names_only(read(&malformed).unwrap_err(), field);
    }
    let mut malformed = document.clone();
    malformed.set("success_time", SECRET);
    names_only(read(&malformed).unwrap_err(), "success_time");
}

/// Every value that a member can have and that is neither text nor a whole number nor an object.
fn strange() -> Vec<Value> {
    vec![json!(SECRET), json!([SECRET]), json!(true), json!(-1), json!(1.5), json!({ "x": SECRET })]
}

fn v3_member(endpoint: Endpoint, notice: &V3Notice, member: &str, missing: &str, required: bool) {
    for absent in [notice.clone().without(member), notice.clone().with(member, Value::Null)] {
        let without = read_v3(endpoint, &absent, "10000100");
        if required {
            assert_eq!(without.unwrap_err(), not_understood(&format!("{missing}: required")));
        } else {
            assert!(without.is_ok(), "{member}: {without:?}");
        }
    }
    for value in strange() {
        match read_v3(endpoint, &notice.clone().with(member, value.clone()), "10000100") {
            Err(ParseError::NotUnderstood { what }) => {
                assert!(what.starts_with(member), "{member} {value}: {what}");
                assert!(!what.contains(SECRET), "{what}");
            }
            Err(ParseError::WrongMerchant) if member == "mchid" => {}
            Ok(_) if matches!(member, "trade_type" | "attach") && value.is_string() => {}
            // An object without the members that are looked for is as good as none.
            Ok(_) if matches!(member, "payer" | "contract_terminate_info") && value.is_object() => {}
            other => panic!("{member} {value}: {other:?}"),
        }
    }
}

#[test]
fn v3_payment_notices() {
    let notice = V3Notice::payment(&numbers(), TradeType::App).unwrap();
    for member in ["mchid", "out_trade_no", "trade_state", "transaction_id"] {
        v3_member(parse::payment, &notice, member, member, true);
    }
    v3_member(parse::payment, &notice, "amount", "amount.total", true);
    for member in ["appid", "trade_type", "attach", "success_time", "payer"] {
        v3_member(parse::payment, &notice, member, member, false);
    }
}

#[test]
fn amounts_of_v3_are_whole_fen_of_yuan() {
    let with_amount = |amount: Value| {
        let notice = V3Notice::payment(&numbers(), TradeType::App).unwrap().with("amount", amount);
        read_v3(parse::payment, &notice, "10000100")
    };
    assert!(with_amount(json!({ "total": 888 })).is_ok(), "a currency need not be named");
    let whole = not_understood("amount.total: an integer number of fen, 1 to 18 digits");
    for total in [json!("888"), json!(888.0), json!(-888), json!(1e3), json!([888])] {
        assert_eq!(with_amount(json!({ "total": total, "currency": "CNY" })).unwrap_err(), whole, "{total}");
    }
    let currency = with_amount(json!({ "total": 888, "currency": "USD" })).unwrap_err();
    assert_eq!(currency, not_understood("amount.currency: CNY"));
    let payer = json!({ "total": 888, "currency": "CNY", "payer_total": 100, "payer_currency": "USD" });
    assert!(with_amount(payer).is_ok(), "what the payer's card was charged is the payer's business");
}

#[test]
fn v3_refund_notices() {
    let notice = V3Notice::refund(&numbers(), RefundResult::Success).unwrap();
    for member in ["mchid", "out_trade_no", "transaction_id", "out_refund_no", "refund_id", "refund_status"] {
        v3_member(parse::refund, &notice, member, member, true);
    }
    v3_member(parse::refund, &notice, "amount", "amount.refund", true);
    v3_member(parse::refund, &notice, "success_time", "success_time", false);
}

#[test]
fn v3_contract_notices() {
    let notice = V3Notice::contract_terminated(&numbers(), "USER_TERMINATE").unwrap();
    for member in ["mchid", "plan_id", "contract_id", "out_contract_code", "contract_state"] {
        v3_member(parse::contract, &notice, member, member, true);
    }
    for member in ["appid", "openid", "contract_terminate_info"] {
        v3_member(parse::contract, &notice, member, member, false);
    }
}

#[test]
fn an_event_type_must_agree_with_the_state_of_its_resource() {
    let disagrees = |endpoint: Endpoint, notice: &V3Notice, field: &str| {
        let error = read_v3(endpoint, notice, "10000100").unwrap_err();
        assert_eq!(error, not_understood(&format!("{field}: one that agrees with event_type")));
    };
    let paid = || V3Notice::payment(&numbers(), TradeType::App).unwrap();
    disagrees(parse::payment, &paid().event_type("TRANSACTION.FAIL"), "trade_state");
    for trade_state in ["NOTPAY", "USERPAYING", "ACCEPT", "CLOSED", "PAY_FAIL", "SOMETHING_NEW"] {
        disagrees(parse::payment, &paid().with("trade_state", trade_state), "trade_state");
    }
    for trade_state in ["SUCCESS", "REFUND", "NOTPAY", "ACCEPT", "SOMETHING_NEW"] {
        let failed = V3Notice::deduction_failed(&numbers()).with("trade_state", trade_state);
        let failed = failed.with("transaction_id", "4200000000202611210000000001");
        disagrees(parse::payment, &failed, "trade_state");
    }
    let refunded = V3Notice::refund(&numbers(), RefundResult::Success).unwrap();
    for status in ["ABNORMAL", "CLOSED", "PROCESSING", "SOMETHING_NEW"] {
        disagrees(parse::refund, &refunded.clone().with("refund_status", status), "refund_status");
    }
    let signed = V3Notice::contract_signed(&numbers()).unwrap();
    disagrees(parse::contract, &signed.clone().event_type("ENTRUST.TERMINATE"), "contract_state");
    disagrees(parse::contract, &signed.with("contract_state", "TERMINATED"), "contract_state");
}

#[test]
fn the_envelope_must_fit_its_event_type() {
    let plaintext = vector("samples/v3/notice_transaction_success.resource.json");
    let read = |edits: &[(&str, Value)]| {
        let mut envelope = envelope(&plaintext);
        for (pointer, value) in edits {
            *envelope.pointer_mut(pointer).unwrap() = value.clone();
        }
        read_envelope(parse::payment, "1230000109", &envelope)
    };
    assert!(read(&[]).is_ok());
    let error = read(&[("/resource_type", "plain-resource".into())]).unwrap_err();
    assert_eq!(error, not_understood("resource_type: encrypt-resource"));
    let error = read(&[("/resource/original_type", "refund".into())]).unwrap_err();
    assert_eq!(error, not_understood("original_type: transaction"));
}

#[test]
fn a_refund_notice_may_lack_the_time_when_it_was_made_but_not_misstate_it() {
    let plaintext = vector("samples/v3/notice_refund_success.resource.json");
    let read = |create_time: Option<&str>| {
        let mut envelope = envelope(&plaintext);
        envelope["event_type"] = "REFUND.SUCCESS".into();
        envelope["resource"]["original_type"] = "refund".into();
        let members = envelope.as_object_mut().unwrap();
        match create_time {
            Some(time) => members.insert("create_time".to_owned(), time.into()),
            None => members.remove("create_time"),
        };
        read_envelope(parse::refund, "1900000100", &envelope)
    };
    let said_at = |fact: Fact| match fact.body {
        FactBody::Refund(refund) => refund.said_at,
        other => panic!("{other:?}"),
    };
    assert_eq!(said_at(read(Some("2025-12-01T10:00:00+08:00")).unwrap()), at("2025-12-01T02:00:00Z"));
    assert_eq!(said_at(read(None).unwrap()), None);
    assert_eq!(read(Some("yesterday")).unwrap_err(), not_understood("create_time: an RFC 3339 time"));
}

#[test]
fn a_member_that_is_there_twice_is_refused() {
    for json in [
        r#"{"mchid":"10000100","out_trade_no":"123456","out_trade_no":"654321","trade_state":"SUCCESS"}"#,
        r#"{"mchid":"10000100","mchid":"10000100"}"#,
        r#"["10000100"]"#,
        r#""text""#,
        "12",
        "null",
        "",
        "{",
    ] {
        names_only(read_envelope(parse::payment, "10000100", &envelope(json)).unwrap_err(), "resource");
    }
}

/// A payment notice around a resource that a JSON library would not write.
fn envelope(plaintext: &str) -> Value {
    let ciphertext = wechat().v3_seal(plaintext.as_bytes(), *b"abcdefghijkl", "").unwrap();
    json!({
        "id": "1", "create_time": "2025-12-01T10:00:00+08:00", "event_type": "TRANSACTION.SUCCESS",
        "resource_type": "encrypt-resource", "summary": "",
        "resource": {
            "algorithm": "AEAD_AES_256_GCM", "original_type": "transaction", "nonce": "abcdefghijkl",
            "ciphertext": ciphertext,
        },
    })
}

fn read_envelope(endpoint: Endpoint, merchant: &str, envelope: &Value) -> Result<Fact, ParseError> {
    let body = serde_json::to_vec(envelope).unwrap();
    let request = wechat().v3_request(body, None, &Occasion::derived(NOW, "envelope")).unwrap();
    let verified = keys().verify_v3(&headers(&request.headers), &request.body, NOW).unwrap();
    endpoint(&mch_id(merchant), &verified)
}
