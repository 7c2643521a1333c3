//! What the functions write to their logs: one line and one metric for each callback, and nothing that is nobody's business.

use std::collections::BTreeSet;

use counterparty::fixtures::{self, Expected};
use counterparty::{MERCHANT_PRIVATE_KEY_PEM, Numbers, SECOND_MERCHANT, TEST_MERCHANT};
use papay::story::Story;
use serde_json::Value;

use crate::harness::{Line, Prepared, Town, poll};

/// A user that no other test has.
const OPENID: &str = "oCANARY7openid3OfNobodyAtAll";

#[tokio::test(flavor = "multi_thread")]
async fn no_log_line_of_any_fixture_holds_a_key_a_user_a_body_or_a_signature() {
    let town = Town::start().await;
    let mut sent = Vec::new();
    for fixture in fixtures::all() {
        let prepared = with_canary(&town, fixture.name).await;
        town.send(&prepared).await;
        // And again: a duplicate is logged, too.
        town.send(&prepared).await;
        sent.push(prepared);
    }
    let unknown = unseeded_with_canary(&town, "payment-v2");
    town.send(&unknown).await;
    sent.push(unknown);
    town.drained().await;
    let lines = town.lines();
    assert!(lines.len() > 200, "only {} lines: was the log captured?", lines.len());
    let forbidden = forbidden(&sent);
    assert!(forbidden.len() > 100, "only {} forbidden words: are they found in the requests?", forbidden.len());
    for Line { function, text } in &lines {
        for word in &forbidden {
            assert!(!text.contains(word.as_str()), "{function} wrote {word:?}: {text}");
        }
    }
    town.stop().await;
}

async fn with_canary(town: &Town, name: &str) -> Prepared {
    let prepared = unseeded_with_canary(town, name);
    town.seed(Story::of(prepared.fixture), &prepared.numbers).await;
    prepared
}

fn unseeded_with_canary(town: &Town, name: &str) -> Prepared {
    let fixture = fixtures::find(name).unwrap();
    let numbers = Numbers { openid: OPENID.to_owned(), ..town.numbers(Story::of(fixture)) };
    let request = fixtures::build(name, &numbers).unwrap();
    Prepared { fixture, numbers, request }
}

/// Keys, users, signatures, and every longer word of a body that is not one of our own numbers.
fn forbidden(sent: &[Prepared]) -> BTreeSet<String> {
    let mut words =
        BTreeSet::from([OPENID.to_owned(), "<xml".to_owned(), "CDATA".to_owned(), "\"ciphertext\"".to_owned()]);
    for merchant in [TEST_MERCHANT, SECOND_MERCHANT] {
        words.extend([merchant.api_v2_key.to_owned(), merchant.api_v3_key.to_owned()]);
    }
    words.extend(MERCHANT_PRIVATE_KEY_PEM.lines().filter(|line| line.len() > 40).map(str::to_owned));
    for Prepared { numbers, request, .. } in sent {
        let ours = [
            &numbers.out_trade_no,
            &numbers.contract_code,
            &numbers.contract_id,
            &numbers.out_refund_no,
            &numbers.transaction_id,
            &numbers.refund_id,
            &numbers.appid,
        ];
        let body = request.body_lossy();
        let longer = body.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|word| word.len() >= 20);
        let foreign = longer.filter(|word| !ours.iter().any(|number| number.contains(word)));
        // Megabytes of padding are one word; its beginning would give it away.
        words.extend(foreign.map(|word| word.chars().take(40).collect::<String>()));
        words.extend(request.header("Wechatpay-Signature").map(str::to_owned));
        words.extend(request.header("Wechatpay-Nonce").map(str::to_owned));
    }
    words
}

#[tokio::test(flavor = "multi_thread")]
async fn each_refused_callback_is_one_line_and_one_metric_with_its_reason() {
    let town = Town::start().await;
    for fixture in fixtures::all().iter().filter(|fixture| matches!(fixture.expected, Expected::Refused(_))) {
        let prepared = town.prepare(fixture.name).await;
        let function = fixture.endpoint.function();
        let before = of(&town, function).len();
        town.send(&town.rebuilt(&prepared)).await;
        poll("line and metric are there", async || of(&town, function).len() >= before + 2).await;
        let lines = of(&town, function).split_off(before);
        assert_eq!(lines.len(), 2, "{}: {lines:#?}", fixture.name);
        let (metrics, log): (Vec<_>, Vec<_>) = lines.iter().partition(|line| line.get("_aws").is_some());
        assert_eq!((metrics.len(), log.len()), (1, 1), "{}: {lines:#?}", fixture.name);
        assert_eq!(log[0]["level"], "WARN", "{}", fixture.name);
        assert_eq!(log[0]["message"], "callback refused", "{}", fixture.name);
        let reason = log[0]["reason"].as_str().unwrap();
        if fixture.name == "signtest" {
            assert_eq!(metrics[0]["SignatureProbes"], 1, "a probe is counted apart: {lines:#?}");
            assert!(metrics[0].get("Refused").is_none());
        } else {
            assert_eq!(metrics[0]["Refused"], 1, "{}: {lines:#?}", fixture.name);
            assert_eq!(metrics[0]["reason"], reason, "{}", fixture.name);
        }
    }
    town.stop().await;
}

/// The lines of a function so far, as JSON, but for what is counted beside the refusal: that certificates are wanted.
fn of(town: &Town, function: &str) -> Vec<Value> {
    let lines = town.lines().into_iter().filter(|line| line.function == function);
    let lines = lines.map(|line| serde_json::from_str(&line.text).unwrap_or_else(|_| panic!("{line:?} is no JSON")));
    lines.filter(|line: &Value| line.get("CertificatesWanted").is_none()).collect()
}
