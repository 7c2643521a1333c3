//! Whatever a host answers: no panic, and nothing unsigned becomes an answer.

use proptest::prelude::*;
use tokio::runtime::{Builder, Runtime};
use wechat::*;

use crate::support::*;

fn runtime() -> Runtime {
    Builder::new_current_thread().enable_all().build().unwrap()
}

/// The outcome of a call that is answered like this each time.
fn outcome<C: Call>(prepared: &Prepared<C>, status: u16, body: &[u8]) -> Result<C::Answer, CallError> {
    let answer = || Ok(Incoming { status, headers: Vec::new(), body: body.to_vec() });
    let script = Script::new([answer(), answer()]);
    let client = Client::over(Hosts::parse("http://127.0.0.1:1").unwrap(), &script);
    runtime().block_on(client.send(prepared, &keys(), now()))
}

fn fields() -> impl Strategy<Value = Vec<(String, String)>> {
    let name = prop_oneof![
        Just("return_code"),
        Just("result_code"),
        Just("err_code"),
        Just("err_code_des"),
        Just("contract_result_code"),
        Just("prepay_id"),
        Just("trade_type"),
        Just("trade_state"),
        Just("out_trade_no"),
        Just("contract_state"),
        Just("refund_count"),
        Just("redirect_url"),
        Just("sign"),
        Just("sign_type"),
    ];
    let value = prop_oneof![
        Just("SUCCESS".to_owned()),
        Just("FAIL".to_owned()),
        Just("-25".to_owned()),
        Just("ORDERNOTEXIST".to_owned()),
        Just("01JD3Q0VZC5W8K2M7N4PF0".to_owned()),
        Just("APP".to_owned()),
        "[0-9A-F]{32}",
        "\\PC{0,20}",
    ];
    prop::collection::vec((name.prop_map(str::to_owned), value), 0..12)
}

fn message(fields: &[(String, String)]) -> Vec<u8> {
    let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    unsigned(&pairs)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn no_bytes_are_an_answer(status in prop_oneof![Just(200u16), 100u16..600], body in prop::collection::vec(any::<u8>(), 0..200)) {
        let (keys, at) = (keys(), at());
        prop_assert!(outcome(&order_query().prepare(&keys, &at).unwrap(), status, &body).is_err());
        prop_assert!(outcome(&deduction().prepare(&keys, &at).unwrap(), status, &body).is_err());
        prop_assert!(outcome(&h5().prepare(&keys, &at).unwrap(), status, &body).is_err());
        prop_assert!(outcome(&notice().prepare(&keys, &at).unwrap(), status, &body).is_err());
    }

    #[test]
    fn no_unsigned_message_is_an_answer_but_that_there_is_no_contract(fields in fields()) {
        let body = message(&fields);
        let (keys, at) = (keys(), at());
        prop_assert!(outcome(&order_query().prepare(&keys, &at).unwrap(), 200, &body).is_err());
        prop_assert!(outcome(&contract_order(Payment::App).prepare(&keys, &at).unwrap(), 200, &body).is_err());
        prop_assert!(outcome(&deduction().prepare(&keys, &at).unwrap(), 200, &body).is_err());
        prop_assert!(outcome(&refund().prepare(&keys, &at).unwrap(), 200, &body).is_err());
        prop_assert!(outcome(&termination().prepare(&keys, &at).unwrap(), 200, &body).is_err());
        if let Ok(answer) = outcome(&contract_query().prepare(&keys, &at).unwrap(), 200, &body) {
            prop_assert!(!answer.proven() && answer.text("err_code") == Some("-25"));
        }
    }

    #[test]
    fn what_wechat_signs_is_read_without_a_panic(fields in fields()) {
        let pairs: Vec<(&str, &str)> = fields.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let body = signed(&pairs);
        let (keys, at) = (keys(), at());
        if let Ok(answer) = outcome(&order_query().prepare(&keys, &at).unwrap(), 200, &body) {
            prop_assert!(answer.proven());
            let _ = answer.fact(&mch_id(), &out_trade_no());
        }
        if let Ok(answer) = outcome(&contract_order(Payment::App).prepare(&keys, &at).unwrap(), 200, &body) {
            let _ = answer.offer.launch(&appid(), &keys, &at, None);
        }
        let _ = outcome(&contract_query().prepare(&keys, &at).unwrap(), 200, &body);
    }
}
