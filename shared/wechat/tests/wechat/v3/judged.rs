//! Answers that others signed, by public key and by certificate: `tests/judges/vectors`, made by `tests/judges/run --write`. What the
//! client sends is judged there, too.

use counterparty::TEST_MERCHANT;
use domain::{FactBody, PaymentResult, RefundResult};
use serde_json::Value;
use wechat::*;

use super::support::*;
use crate::judged::vectors;

/// Whether the answer is believed by the call that it answers, and says what it was meant to say.
async fn believed(call: &str, incoming: Incoming) -> Result<String, CallError> {
    let mut known = certificates([TEST_MERCHANT.certificate_pem]);
    known.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem).unwrap();
    let (keys, at) = (keys_with(known), at());
    let script = Script::new([Ok(incoming)]);
    // The certificate is not of Tenpay's authority.
    let client = Client::over(Hosts::parse("http://127.0.0.1:1").unwrap(), &script);
    let payment = |answer: v3::OrderAnswer| match answer.fact(&mch_id(), &out_trade_no()).unwrap().body {
        FactBody::Payment(payment) => payment.result,
        other => panic!("{other:?}"),
    };
    let refund =
        |answer: v3::RefundAnswer| match answer.fact(&mch_id(), &out_trade_no(), &out_refund_no()).unwrap().body {
            FactBody::Refund(refund) => refund.result,
            other => panic!("{other:?}"),
        };
    match call {
        "notify" => {
            let notice = crate::support::notice().prepare(&keys, &at).unwrap();
            client
                .send(&notice, &keys, now())
                .await
                .map(|sent| if sent.already { "told before" } else { "told" }.to_owned())
        }
        "order" => client.send(&prepared_order(), &keys, now()).await.map(|offer| {
            assert_eq!(offer.prepay_id(), Some("wx201410272009395522657a690389285100"));
            "placed".to_owned()
        }),
        "query" => client.send(&prepared_query(), &keys, now()).await.map(|answer| match payment(answer) {
            PaymentResult::Succeeded { total, .. } => format!("paid {total}"),
            PaymentResult::Unpaid => "unpaid".to_owned(),
            PaymentResult::NotFound => "not known".to_owned(),
            other => panic!("{other:?}"),
        }),
        "close" => {
            let close = v3::CloseOrder { out_trade_no: out_trade_no() }.prepare(&keys, &at).unwrap();
            client.send(&close, &keys, now()).await.map(|closed| {
                assert_eq!(closed, CloseAnswer::Closed);
                "closed".to_owned()
            })
        }
        "refund" => client.send(&prepared_refund(), &keys, now()).await.map(|answer| {
            assert_eq!(refund(answer), RefundResult::Processing);
            "accepted".to_owned()
        }),
        "refund query" => client.send(&prepared_refund_query(), &keys, now()).await.map(|answer| {
            assert_eq!(refund(answer), RefundResult::NotFound);
            "not known".to_owned()
        }),
        "certificates" => {
            let prepared = v3::Certificates.prepare(&keys, &at).unwrap();
            client.send(&prepared, &keys, now()).await.map(|opened| {
                let [certificate] = opened.certificates.as_slice() else { panic!("one") };
                assert_eq!(certificate.pem, TEST_MERCHANT.certificate_pem);
                "one".to_owned()
            })
        }
        other => panic!("no call {other}"),
    }
}

fn incoming(case: &Value) -> Incoming {
    let headers = case["headers"].as_object().unwrap().iter();
    Incoming {
        status: case["status"].as_u64().unwrap().try_into().unwrap(),
        headers: headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect(),
        body: case["body"].as_str().unwrap().as_bytes().to_vec(),
    }
}

#[tokio::test]
async fn v3_answers_signed_by_others_are_believed_and_altered_ones_are_not() {
    for file in ["answers-wechatpayv3.json", "answers-axios-plugin.json"] {
        let vectors = vectors(file);
        let cases = vectors["v3"].as_array().unwrap();
        assert_eq!((vectors["now"].as_i64(), cases.len()), (Some(NOW), 22), "{file}");
        for case in cases {
            let (id, call) = (case["id"].as_str().unwrap(), case["call"].as_str().unwrap());
            let told = believed(call, incoming(case)).await.unwrap_or_else(|error| panic!("{file}: {id}: {error}"));
            let meant = id.split_once(": ").unwrap().1;
            assert!(meant.starts_with(told.split(' ').next().unwrap()), "{file}: {id}: {told}");
            let mut altered = incoming(case);
            altered.body.push(b' ');
            let error = believed(call, altered).await.unwrap_err();
            assert_eq!(error.kind, ErrorKind::Unbelievable, "{file}: {id}");
            let mut other = incoming(case);
            other
                .headers
                .iter_mut()
                .filter(|(name, _)| name == "Wechatpay-Nonce")
                .for_each(|(_, value)| value.push('0'));
            assert_eq!(believed(call, other).await.unwrap_err().kind, ErrorKind::Unbelievable, "{file}: {id}");
        }
    }
}
