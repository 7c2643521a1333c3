//! V3 notices that others signed and sealed (`tests/judges/vectors`), through the functions that run: by public key and by certificate,
//! with members that nobody knows and Chinese text.

use std::path::Path;

use counterparty::fixtures::Endpoint;
use counterparty::{Numbers, Protocol, SignedRequest};
use papay::story::Story;
use serde_json::Value;

use crate::harness::{Dump, MCH_ID, Town, attribute};

/// The moment at which the vectors were signed.
const SIGNED_AT: i64 = 1_795_223_700;

struct Case {
    id: String,
    endpoint: Endpoint,
    request: SignedRequest,
}

/// Those of both judges whose name begins so.
fn cases(beginning: &str, endpoint: Endpoint) -> Vec<Case> {
    let of_file = |file: &str| {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../tests/judges/vectors").join(file);
        let vectors: Value = serde_json::from_slice(&std::fs::read(path).unwrap()).unwrap();
        assert_eq!(vectors["now"], SIGNED_AT);
        let cases = vectors["cases"].as_array().unwrap().clone().into_iter();
        cases.map(|case| (file.to_owned(), case)).collect::<Vec<_>>()
    };
    let all = ["v3-wechatpayv3.json", "v3-axios-plugin.json"].into_iter().flat_map(of_file);
    let chosen = all.filter(|(_, case)| case["id"].as_str().unwrap().starts_with(beginning));
    chosen
        .map(|(file, case)| Case { id: format!("{file}: {}", case["id"]), endpoint, request: request(&case) })
        .collect()
}

fn request(case: &Value) -> SignedRequest {
    let headers = case["headers"].as_object().unwrap().iter();
    SignedRequest {
        protocol: Protocol::V3,
        headers: headers.map(|(name, value)| (name.clone(), value.as_str().unwrap().to_owned())).collect(),
        content_type: "application/json",
        body: case["body"].as_str().unwrap().as_bytes().to_vec(),
    }
}

/// A town at the moment of the vectors, with a story of their numbers on record.
async fn town(story: Story) -> Town {
    let town = then().await;
    town.seed(story, &Numbers::example(SIGNED_AT)).await;
    town
}

async fn then() -> Town {
    let town = Town::start().await;
    let behind = SIGNED_AT.saturating_mul(1000).saturating_sub(town.now().as_millisecond());
    town.stack.host.clock.advance_ms(behind).unwrap();
    town
}

/// A town at that moment, where a purchase waits that was sent with this `attach`.
async fn town_with_purchase(attach: &str) -> Town {
    let town = then().await;
    for mut rows in papay::seed::rows(Story::OneOff, &Numbers::example(SIGNED_AT), town.now()).unwrap() {
        rows.order.iter_mut().for_each(|order| order.attach = Some(attach.to_owned()));
        town.put(rows).await;
    }
    town
}

/// Each is refused when a bit or the nonce is another, which changes nothing, and then accepted as it is.
async fn each_is_accepted_and_refused_when_altered(town: &Town, cases: &[Case]) {
    let path = format!("/v3/{MCH_ID}");
    for Case { id, endpoint, request } in cases {
        town.drained().await;
        let before = town.dump().await;
        let mut body = request.clone();
        body.body[20] ^= 1;
        let mut nonce = request.clone();
        nonce.headers.iter_mut().filter(|(name, _)| name == "Wechatpay-Nonce").for_each(|(_, value)| value.push('0'));
        for altered in [body, nonce] {
            assert_eq!(town.send_to(*endpoint, &path, &altered).await.status, 401, "{id}");
        }
        assert_eq!(town.dump().await.changes_since(&before), Vec::<String>::new(), "{id}");
        let answer = town.send_to(*endpoint, &path, request).await;
        assert!(answer.is_success(Protocol::V3), "{id}: {answer:?}");
    }
}

fn state(dump: &Dump, kind: char, number: &str) -> String {
    attribute(dump.state(MCH_ID, kind, number), "state").to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_that_others_signed_and_sealed_are_booked_once() {
    let judges =
        [("v3-wechatpayv3.json", "连续包月 & <会员>", 4), ("v3-axios-plugin.json", "自定义数据/😀\u{2028}", 2)];
    for (judge, attach, count) in judges {
        let town = town_with_purchase(attach).await;
        let numbers = Numbers::example(SIGNED_AT);
        let mut cases = cases("payment", Endpoint::Payment);
        cases.retain(|case| case.id.starts_with(judge));
        assert_eq!(cases.len(), count, "{judge}");
        each_is_accepted_and_refused_when_altered(&town, &cases).await;
        town.drained().await;
        assert_eq!(state(&town.dump().await, 'O', &numbers.out_trade_no), "paid", "{judge}");
        let events = town.receive("membership", 1).await;
        assert_eq!(events[0].event_type, "papay.payment.succeeded.v1");
        assert_eq!(town.receive_what_is_there("membership").await.len(), 0, "all of them tell of one payment");
        town.stop().await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_that_others_signed_and_sealed_are_booked_as_they_went() {
    let town = town(Story::Refund).await;
    let numbers = Numbers::example(SIGNED_AT);
    for (beginning, expected, count) in [("refund abnormal", "abnormal", 1), ("refund", "succeeded", 3)] {
        let cases = cases(beginning, Endpoint::Refund);
        assert_eq!(cases.len(), count);
        let last = cases.into_iter().filter(|case| beginning == "refund abnormal" || !case.id.contains("abnormal"));
        each_is_accepted_and_refused_when_altered(&town, &last.collect::<Vec<_>>()).await;
        assert_eq!(state(&town.dump().await, 'R', &numbers.out_refund_no), expected);
    }
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_others_signed_and_sealed_of_contracts_and_of_new_things_is_kept() {
    let town = town(Story::Offered).await;
    let numbers = Numbers::example(SIGNED_AT);
    each_is_accepted_and_refused_when_altered(&town, &cases("contract", Endpoint::Contract)).await;
    assert_eq!(state(&town.dump().await, 'C', &numbers.contract_code), "signed");
    let unknown = cases("unknown event", Endpoint::Payment);
    assert_eq!(unknown.len(), 1);
    each_is_accepted_and_refused_when_altered(&town, &unknown).await;
    let dump = town.dump().await;
    let held = dump.journal(MCH_ID, "N");
    assert!(held.iter().any(|entry| attribute(entry, "outcome") == "not_understood"), "{held:?}");
    town.stop().await;
}
