//! Whatever the fields or the JSON say, the answer is a fact or a named error.

use std::collections::BTreeMap;

use counterparty::{Occasion, SignType, V2Fields};
use domain::{ContractCode, MchId, OutRefundNo, OutTradeNo};
use proptest::collection::{btree_map, vec};
use proptest::prelude::*;
use proptest::sample::select;
use serde_json::{Value, json};

use crate::support::{Endpoint, NOW, headers, keys, mch_id, wechat};

const ENDPOINTS: [Endpoint; 4] = [parse::deduction, parse::contract, parse::payment, parse::refund];

/// Names that the readers look for, with values that they look for, and others.
const NAMES: [&str; 38] = [
    "return_code",
    "result_code",
    "err_code",
    "mch_id",
    "appid",
    "openid",
    "out_trade_no",
    "transaction_id",
    "total_fee",
    "fee_type",
    "trade_state",
    "trade_type",
    "time_end",
    "contract_id",
    "contract_code",
    "plan_id",
    "change_type",
    "operate_time",
    "contract_state",
    "contract_termination_mode",
    "contract_terminated_time",
    "contract_signed_time",
    "contract_expired_time",
    "refund_count",
    "out_refund_no_0",
    "refund_fee_0",
    "refund_status_0",
    "refund_id_0",
    "refund_success_time_0",
    "out_refund_no_1",
    "refund_fee_1",
    "refund_status_1",
    "refund_id",
    "out_refund_no",
    "refund_status",
    "refund_fee",
    "success_time",
    "anything",
];

const VALUES: [&str; 32] = [
    "SUCCESS",
    "FAIL",
    "10000100",
    "ADD",
    "DELETE",
    "REFUND",
    "CLOSED",
    "NOTPAY",
    "PAY_FAIL",
    "ACCEPT",
    "0",
    "1",
    "9",
    "-25",
    "CNY",
    "20251201100000",
    "2025-12-01 10:00:00",
    "1438141845",
    "99999999999999",
    "0000-00-00 00:00:00",
    "888",
    "18446744073709551616",
    "-1",
    "PROCESSING",
    "CHANGE",
    "REFUNDCLOSE",
    "ORDERNOTEXIST",
    "wx2421b1c4370ec43b",
    "é",
    " ",
    "#",
    "2018-06-08T10:34:56+08:00",
];

const MEMBERS: [&str; 24] = [
    "mchid",
    "sp_mchid",
    "appid",
    "sp_appid",
    "out_trade_no",
    "transaction_id",
    "trade_type",
    "trade_state",
    "success_time",
    "payer",
    "amount",
    "out_refund_no",
    "refund_id",
    "refund_status",
    "status",
    "openid",
    "plan_id",
    "contract_id",
    "out_contract_code",
    "contract_state",
    "contract_signed_time",
    "contract_terminate_info",
    "total",
    "currency",
];

const EVENTS: [(&str, &str); 8] = [
    ("TRANSACTION.SUCCESS", "transaction"),
    ("TRANSACTION.FAIL", "transaction"),
    ("REFUND.SUCCESS", "refund"),
    ("REFUND.ABNORMAL", "refund"),
    ("ENTRUST.SIGN", "entrust"),
    ("ENTRUST.TERMINATE", "entrust"),
    ("ENTRUST.TERMINATE_RETENTION", "entrust"),
    ("SECURITY_ECHO.SUCCESS", "security"),
];

fn text() -> impl Strategy<Value = String> {
    prop_oneof![4 => select(VALUES.to_vec()).prop_map(str::to_owned), 1 => "\\PC{0,40}"]
}

fn fields() -> impl Strategy<Value = BTreeMap<&'static str, String>> {
    btree_map(select(NAMES.to_vec()), text(), 0..38)
}

fn resource() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        4 => text().prop_map(Value::from),
        1 => any::<u64>().prop_map(Value::from),
        1 => any::<f64>().prop_map(Value::from),
        1 => any::<bool>().prop_map(Value::from),
        1 => Just(Value::Null),
    ];
    leaf.prop_recursive(3, 60, 24, |inner| {
        prop_oneof![
            4 => btree_map(select(MEMBERS.to_vec()), inner.clone(), 0..24)
                .prop_map(|members| members.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()),
            1 => vec(inner, 0..3).prop_map(Value::from),
        ]
    })
}

fn everywhere(fields: &V2Fields) {
    let (wechat, keys, merchant) = (wechat(), keys(), mch_id("10000100"));
    let signed = wechat.v2_request(fields, SignType::Md5).unwrap();
    let verified = keys.verify_v2(&signed.body).unwrap();
    for endpoint in ENDPOINTS {
        let _ = endpoint(&merchant, &verified);
    }
    let answer = keys.verify_v2_answer(&signed.body).unwrap();
    answers_v2(&merchant, &answer);
    let mut outer = fields.clone();
    outer.set("req_info", &wechat.v2_seal(&fields.render("root").unwrap()).unwrap());
    let body = outer.render("xml").unwrap();
    let verified = keys.verify_v2_refund(&body).unwrap();
    for endpoint in ENDPOINTS {
        let _ = endpoint(&merchant, &verified);
    }
}

fn answers_v2(merchant: &MchId, answer: &verify::V2Answer<'_>) {
    let _ = parse::answer::v2_order(merchant, &OutTradeNo::parse("888").unwrap(), answer);
    let _ = parse::answer::v2_contract(merchant, &ContractCode::parse("888").unwrap(), answer);
    let order = OutTradeNo::parse("888").unwrap();
    let _ = parse::answer::v2_refund(merchant, &order, &OutRefundNo::parse("888").unwrap(), answer);
    let _ = parse::answer::v2_refunds(merchant, &order, answer);
}

fn v3_everywhere(resource: &[u8]) {
    let (wechat, keys, merchant) = (wechat(), keys(), mch_id("10000100"));
    let ciphertext = wechat.v3_seal(resource, *b"abcdefghijkl", "").unwrap();
    for (event_type, original_type) in EVENTS {
        let body = json!({
            "id": "1", "create_time": "2025-12-01T10:00:00+08:00", "event_type": event_type,
            "resource_type": "encrypt-resource", "summary": "",
            "resource": {
                "algorithm": "AEAD_AES_256_GCM", "original_type": original_type, "nonce": "abcdefghijkl",
                "ciphertext": ciphertext,
            },
        });
        let body = serde_json::to_vec(&body).unwrap();
        let request = wechat.v3_request(body, None, &Occasion::derived(NOW, "fuzz")).unwrap();
        let verified = keys.verify_v3(&headers(&request.headers), &request.body, NOW).unwrap();
        for endpoint in ENDPOINTS {
            let _ = endpoint(&merchant, &verified);
        }
    }
    let answer = wechat.v3_answer(200, resource.to_vec(), None, &Occasion::derived(NOW, "fuzz")).unwrap();
    let answer = keys.verify_v3_answer(&headers(&answer.headers), &answer.body, NOW).unwrap();
    let _ = parse::answer::v3_order(&merchant, &OutTradeNo::parse("888").unwrap(), &answer);
    let _ = parse::answer::v3_refund(
        &merchant,
        &OutTradeNo::parse("888").unwrap(),
        &OutRefundNo::parse("888").unwrap(),
        &answer,
    );
    let _ = parse::answer::v3_contract(&merchant, &ContractCode::parse("888").unwrap(), &answer);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]

    #[test]
    fn any_v2_fields_are_a_fact_or_an_error(fields in fields()) {
        everywhere(&fields.into_iter().collect());
    }
}

proptest! {
    // Each case signs with RSA nine times.
    #![proptest_config(ProptestConfig { cases: 32, ..ProptestConfig::default() })]

    #[test]
    fn any_v3_resource_is_a_fact_or_an_error(resource in resource()) {
        v3_everywhere(&serde_json::to_vec(&resource).unwrap());
    }

    #[test]
    fn any_bytes_in_place_of_a_v3_resource_are_an_error(bytes in vec(any::<u8>(), 0..200)) {
        v3_everywhere(&bytes);
    }
}

#[test]
fn deep_nesting_in_a_v3_resource_does_not_exhaust_the_stack() {
    let deep = format!("{{\"amount\":{}{}}}", "[".repeat(20_000), "]".repeat(20_000));
    v3_everywhere(deep.as_bytes());
    let unclosed = format!("{{\"amount\":{}", "{\"amount\":".repeat(20_000));
    v3_everywhere(unclosed.as_bytes());
}
