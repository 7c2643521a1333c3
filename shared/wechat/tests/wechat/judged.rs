//! Answers that others signed: `tests/judges/vectors`, made by `tests/judges/run --write`. What the client sends is judged there, too.

use std::path::Path;

use domain::OutTradeNo;
use serde_json::Value;
use wechat::*;

use crate::support::*;

pub(crate) fn vectors(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/judges/vectors").join(file);
    serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap()
}

/// Whether the answer is believed, by the call that it answers.
async fn believed(call: &str, body: &[u8]) -> Result<(), CallError> {
    let (keys, at) = (keys(), at());
    let body = body.to_vec();
    match call {
        "contractorder" => answered(&contract_order(Payment::App).prepare(&keys, &at).unwrap(), body).await.map(drop),
        "preentrustweb" => answered(&pre_entrust().prepare(&keys, &at).unwrap(), body).await.map(drop),
        "querycontract" => {
            let answer = answered(&contract_query().prepare(&keys, &at).unwrap(), body).await?;
            answer.fact(&mch_id(), &contract_code()).unwrap();
            Ok(())
        }
        "deletecontract" => answered(&termination().prepare(&keys, &at).unwrap(), body).await.map(drop),
        "orderquery" => {
            let answer = answered(&order_query().prepare(&keys, &at).unwrap(), body).await?;
            answer.fact(&mch_id(), &out_trade_no()).unwrap();
            Ok(())
        }
        "paporderquery" => {
            let number = OutTradeNo::parse("01JD3Q0VZC5W8K2M7N4PP0002A01").unwrap();
            let query = PapOrderQuery { appid: appid(), order: OrderRef::OutTradeNo(number.clone()) };
            let answer = answered(&query.prepare(&keys, &at).unwrap(), body).await?;
            answer.fact(&mch_id(), &number).unwrap();
            Ok(())
        }
        "closeorder" => {
            let close = CloseOrder { appid: appid(), out_trade_no: out_trade_no() };
            answered(&close.prepare(&keys, &at).unwrap(), body).await.map(drop)
        }
        "pappayapply" => answered(&deduction().prepare(&keys, &at).unwrap(), body).await.map(drop),
        "refund" => {
            let script = Script::new([ok(body)]);
            let client = Client::over(Hosts::parse("http://127.0.0.1:1").unwrap(), &script);
            client.send(&refund().prepare(&keys, &at).unwrap(), &keys, now()).await.map(drop)
        }
        "refundquery" => {
            let query = RefundQuery { appid: appid(), refund: RefundRef::OutTradeNo(out_trade_no()), offset: None };
            let answer = answered(&query.prepare(&keys, &at).unwrap(), body).await?;
            assert_eq!(answer.facts(&mch_id(), &out_trade_no()).unwrap().len(), 1);
            Ok(())
        }
        other => panic!("no call {other}"),
    }
}

#[tokio::test]
async fn answers_signed_by_others_are_believed_and_altered_ones_are_not() {
    for (file, least) in [("answers-wechatpy.json", 32), ("answers-axios-plugin.json", 32)] {
        let vectors = vectors(file);
        let cases = vectors["cases"].as_array().unwrap();
        assert!(cases.len() >= least, "{file}");
        for case in cases {
            let (id, call) = (case["id"].as_str().unwrap(), case["call"].as_str().unwrap());
            let body = case["body"].as_str().unwrap();
            assert_eq!(believed(call, body.as_bytes()).await, Ok(()), "{file}: {id}");
            let altered = body.replacen("wx2421b1c4370ec43b", "wx2421b1c4370ec43c", 1);
            assert_ne!(altered, body, "{file}: {id}");
            let error = believed(call, altered.as_bytes()).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unbelievable, "{file}: {id}");
        }
    }
}
