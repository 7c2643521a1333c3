//! What the functions really write while something goes wrong: the metrics that the alarms of `template.yaml` look at.
//!
//! `tests/template/emitted.json` says what a function writes at least in each scenario; a test here plays each one and reads
//! the functions' logs. `tests/template/test_alarms.py` evaluates the alarms on the same file: each is tripped by its fault,
//! and none moves on an ordinary day or when WeChat probes.

mod probes;
mod scene;
mod untold;

use std::time::Duration;

use counterparty::fixtures;
use counterparty::{Numbers, Protocol};
use host::sqs::Fault;
use papay::story::Story;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{self, MCH_ID, Prepared, Proxy, Town, poll};
use crate::outcome::token;
use scene::{ordered, stays_quiet, sweep, trips, values};

async fn send_often(town: &Town, name: &str, times: usize) {
    for _ in 0..times {
        let prepared = town.prepare(name).await;
        assert!(town.send(&prepared).await.is_failure(prepared.fixture.protocol));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn on_an_ordinary_day_no_fault_is_counted() {
    let town = Town::start().await;
    for name in ["payment-v2", "contract-add", "payment-v3", "refund-success"] {
        let prepared = town.prepare(name).await;
        assert!(town.send(&prepared).await.is_success(prepared.fixture.protocol), "{name}");
    }
    town.drained().await;
    sweep(&town).await;
    stays_quiet(&town, "ordinary").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn wechats_probes_are_counted_apart_from_every_fault() {
    let town = Town::start().await;
    send_often(&town, "signtest", 8).await;
    sweep(&town).await;
    stays_quiet(&town, "probes").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_notifications_are_counted_as_such() {
    let town = Town::start().await;
    send_often(&town, "altered", 8).await;
    trips(&town, "forged").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_signed_notification_that_cannot_be_opened_is_counted_as_a_fault_of_keys() {
    let town = Town::start().await;
    send_often(&town, "broken-tag", 1).await;
    trips(&town, "wrong_api_v3_key").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_contradiction_is_counted_as_quarantined() {
    let town = Town::start().await;
    let Prepared { fixture, numbers, .. } = town.prepare("payment-v2").await;
    let more = Numbers { total: numbers.total + 1, ..numbers.clone() };
    let request = fixtures::build(fixture.name, &more).unwrap();
    assert!(town.send(&Prepared { fixture, numbers, request }).await.is_success(Protocol::V2), "for a person to see");
    trips(&town, "contradiction").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_down_shows_in_the_age_of_the_oldest_event() {
    let town = Town::start().await;
    town.stack.host.sqs.fail_queue("membership.fifo", Fault::RefuseSends);
    let prepared = town.prepare("payment-v2").await;
    assert!(town.send(&prepared).await.is_success(Protocol::V2));
    town.move_clock(Duration::from_secs(1800)).await;
    trips(&town, "queue_down").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_that_cannot_be_read_from_the_outbox_is_counted() {
    let proxy = Proxy::start().await;
    let town = Town::start_with(vec![proxy.variable()]).await;
    proxy.lead_to(&town.stack.host.dynamodb.endpoint());
    let prepared = town.prepare("payment-v2").await;
    proxy.fail("Query", harness::Fault::Error(500, "InternalServerError"));
    assert!(town.send(&prepared).await.is_success(Protocol::V2));
    trips(&town, "outbox_down").await;
    // Lambda calls the relay with it again and again.
    poll("the relay has counted it again", async || values(&town, "outbox-relay", "StreamsUndrained").len() > 2).await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_entry_that_cannot_be_read_is_counted_by_each_run_of_the_sweeper() {
    let town = Town::start().await;
    town.stack.host.sqs.fail_queue("membership.fifo", Fault::RefuseSends);
    let prepared = town.prepare("payment-v2").await;
    assert!(town.send(&prepared).await.is_success(Protocol::V2));
    let (client, table) = (&town.clients().dynamodb, &town.stack.tables.outbox);
    for item in town.dump().await.outbox.values() {
        let update = client.update_item().table_name(table).update_expression("REMOVE event_type");
        let update = ["stream", "sequence"].iter().fold(update, |update, name| update.key(*name, item[*name].clone()));
        update.send().await.unwrap();
    }
    for run in 1..4 {
        sweep(&town).await;
        let counted = || values(&town, "sweeper", "StreamsUndrained").len();
        poll(&format!("the sweeper has counted it {run} times"), async || counted() >= run).await;
    }
    trips(&town, "outbox_unreadable").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn due_checks_that_are_not_handed_over_show_in_the_age_of_the_oldest() {
    // The queue of a town refuses until it is told to ask WeChat.
    let town = Town::start().await;
    ordered(&town, 1).await;
    town.move_clock(Duration::from_secs(1200)).await;
    trips(&town, "work_queue_down").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn questions_that_wechat_does_not_answer_are_counted() {
    let town = Town::start().await;
    ordered(&town, 12).await;
    town.wechat_misbehaves(json!({ "on": "call", "times": 1000, "fault": "disconnect" })).await;
    town.ask_wechat();
    town.move_clock(Duration::from_secs(61)).await;
    trips(&town, "wechat_down").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_wechat_refuses_the_app_is_counted() {
    let town = Town::start().await;
    let refusal = json!({ "error": { "err_code": "NOAUTH" } });
    town.wechat_misbehaves(json!({ "on": "call", "path": "/pay/contractorder", "times": 1000, "fault": refusal }))
        .await;
    for user in 0..6 {
        let token = token(&town, &format!("user{user}"));
        let body = json!({ "product": "vip-monthly", "channel": "app" });
        let (status, told) = town.app(&token, Method::POST, "/subscriptions", Some(("click", body))).await;
        assert_eq!(status, 502, "{told}");
    }
    trips(&town, "wechat_refuses").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_with_which_wechat_offers_no_contract_is_counted() {
    let town = Town::start().await;
    let body = json!({ "product": "vip-misconfigured", "channel": "app" });
    let token = token(&town, "alice");
    let (status, told) = town.app(&token, Method::POST, "/subscriptions", Some(("click", body))).await;
    assert_eq!((status, &told["code"]), (502, &json!("presign_failed")), "{told}");
    trips(&town, "presign_failed").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_that_wechat_does_not_take_though_it_is_sent_again_is_counted() {
    let town = Town::start().await;
    let book = town.buys("book").await;
    town.is('O', &book, "paid").await;
    let no_money = json!({ "error": { "err_code": "NOT_ENOUGH" } });
    town.wechat_misbehaves(json!({ "on": "call", "call": "refund", "times": 1000, "fault": no_money })).await;
    town.back_end_asks("/refunds", json!({ "out_trade_no": book, "out_refund_no": "R1", "amount": 29 })).await;
    town.ask_wechat();
    town.move_clock(Duration::from_secs(121)).await;
    trips(&town, "not_taken").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deduction_that_wechat_has_not_known_for_days_is_counted() {
    let town = Town::start().await;
    // On record it is accepted; WeChat never heard of it.
    town.seed(Story::Deduction, &town.numbers(Story::Deduction)).await;
    town.move_clock(Duration::from_secs(73 * 3600)).await;
    town.ask_wechat();
    trips(&town, "given_up").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_that_the_bill_has_not_is_counted() {
    let town = Town::start().await;
    town.wait_for_beijing((12, 0)).await;
    // On record it is paid; WeChat never heard of it.
    let prepared = town.prepare("payment-v3").await;
    assert!(town.send(&prepared).await.is_success(Protocol::V3));
    town.wait_for_tomorrow((10, 30)).await;
    town.compare_bills().await.unwrap();
    trips(&town, "bill_differs").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_ended_is_told_by_the_days_it_has_left() {
    let town = Town::start().await;
    let name = format!("papay/{MCH_ID}/verify");
    let mut secret: Value = serde_json::from_str(&town.config.secrets()[&name]).unwrap();
    // With a public key no certificate is needed. This one ended in 2025.
    secret["public_keys"] = json!({});
    town.stack.host.secrets.put(&name, secret.to_string());
    ordered(&town, 1).await;
    town.ask_wechat();
    town.move_clock(Duration::from_secs(61)).await;
    trips(&town, "old_certificate").await;
    town.stop().await;
}
