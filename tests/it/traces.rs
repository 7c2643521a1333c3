//! One id leads from a callback through the journal, the outbox and the queues to the consumers, log lines included.

use std::time::Duration;

use counterparty::Protocol;
use publish::envelope::CloudEvent;
use serde_json::{Value, json};

use crate::harness::{Item, MCH_ID, Prepared, Town, attribute, poll};
use crate::outcome::token;

#[tokio::test(flavor = "multi_thread")]
async fn one_trace_leads_from_a_callback_through_journal_outbox_and_queues_to_every_consumer() {
    let town = Town::start().await;
    let mut traces = Vec::new();
    for name in ["payment-v2", "payment-v3"] {
        let prepared = town.prepare(name).await;
        assert!(town.send(&prepared).await.is_success(prepared.fixture.protocol));
        traces.push(follow(&town, &prepared).await);
    }
    assert_ne!(traces[0], traces[1], "each callback has a trace of its own");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refused_callback_is_found_by_its_trace_too() {
    let town = Town::start().await;
    let prepared = town.prepare("altered").await;
    assert!(town.send(&prepared).await.is_failure(Protocol::V2));
    let line = line(&town, "deduction-callback", "callback refused").await;
    assert!(is_trace(line["span"]["traceparent"].as_str().unwrap()), "{line}");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_worker_learns_by_asking_has_a_trace_of_its_own_in_journal_outbox_and_every_event() {
    let town = Town::start().await;
    town.loses("payment").await;
    let mut traces = Vec::new();
    for book in ["one", "another"] {
        let order = town.buys(book).await;
        town.ask_wechat();
        town.move_clock(Duration::from_secs(61)).await;
        let trace = asked(&town, &order).await;
        let line = line(&town, papay::stack::RELAY, &trace).await;
        assert_eq!(line["message"], "event published", "{line}");
        traces.push(trace);
    }
    assert_ne!(traces[0], traces[1], "each check has a trace of its own");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_look_of_the_app_learns_has_the_trace_of_its_request() {
    let town = Town::start().await;
    town.loses("payment").await;
    let order = town.buys("book").await;
    town.looks_until_paid(&token(&town, "alice"), &order).await;
    let trace = asked(&town, &order).await;
    let line = line(&town, papay::stack::SIGN_API, &trace).await;
    assert_eq!((&line["message"], &line["method"]), (&json!("request answered"), &json!("GET")), "{line}");
    town.stop().await;
}

/// Waits until an order is paid, and answers the trace under which that was learnt: the journal has it, and the event of it in the outbox
/// and in every queue.
async fn asked(town: &Town, order: &str) -> String {
    let mut learnt = None;
    poll("the payment is in the journal", async || {
        let dump = town.dump().await;
        let journal = dump.journal(MCH_ID, &format!("O#{order}"));
        let fact = |entry: &Item| serde_json::from_str::<Value>(&attribute(entry, "fact")).unwrap_or_default();
        let by_query = |entry: &&&Item| attribute(entry, "outcome") == "applied" && fact(entry)["cause"] == "query";
        learnt = journal.iter().find(by_query).map(|entry| attribute(entry, "traceparent"));
        learnt.is_some()
    })
    .await;
    let trace = learnt.unwrap();
    assert!(is_trace(&trace), "{trace}");
    town.drained().await;
    let dump = town.dump().await;
    let of_it = |item: &&Item| attribute(item, "traceparent") == trace;
    let outbox: Vec<_> = dump.outbox.values().filter(of_it).map(|item| attribute(item, "event_type")).collect();
    assert!(outbox.iter().any(|event| event == "papay.payment.succeeded.v1"), "{outbox:?}");
    for consumer in ["membership", "ledger"] {
        let events = town.receive_what_is_there(consumer).await;
        let paid = |event: &&CloudEvent| event.subject == order && event.event_type == "papay.payment.succeeded.v1";
        let event = events.iter().find(paid).unwrap_or_else(|| panic!("{consumer} heard nothing of {order}"));
        assert_eq!(event.traceparent.as_ref(), Some(&trace));
    }
    trace
}

/// Follows a payment's notification; answers the trace that is everywhere the same.
async fn follow(town: &Town, prepared: &Prepared) -> String {
    let number = &prepared.numbers.out_trade_no;
    town.drained().await;
    let dump = town.dump().await;
    let journal = dump.journal(MCH_ID, &format!("O#{number}"));
    let [entry] = journal[..] else { panic!("{journal:?}") };
    let trace = attribute(entry, "traceparent");
    assert!(is_trace(&trace), "{trace}");

    let caller = line(town, prepared.fixture.endpoint.function(), &trace).await;
    assert_eq!(caller["message"], "callback recorded", "{caller}");

    let outbox: Vec<_> = dump.outbox.values().filter(|item| attribute(item, "traceparent") == trace).collect();
    let ids: Vec<_> =
        outbox.iter().map(|item| format!("{}:{}", attribute(item, "stream"), attribute(item, "sequence"))).collect();
    assert!(!ids.is_empty(), "no event of {number} is in the outbox under its trace");

    for consumer in ["membership", "ledger"] {
        let events = town.receive_what_is_there(consumer).await;
        let mine: Vec<&CloudEvent> = events.iter().filter(|event| ids.contains(&event.id)).collect();
        assert!(!mine.is_empty(), "{consumer} heard nothing of {number}");
        assert!(mine.iter().all(|event| event.traceparent.as_ref() == Some(&trace)), "{mine:?}");
    }

    let publisher = line(town, papay::stack::RELAY, &trace).await;
    assert_eq!(publisher["message"], "event published", "{publisher}");
    assert!(ids.iter().any(|id| publisher["event"] == **id), "{publisher}");
    assert!(publisher["consumers"].as_str().unwrap().contains("membership"), "{publisher}");
    trace
}

/// The first line of a function that holds this text.
async fn line(town: &Town, function: &str, text: &str) -> Value {
    let mut found = None;
    poll(&format!("{function} writes a line with {text}"), async || {
        found = town.lines().into_iter().find(|line| line.function == function && line.text.contains(text));
        found.is_some()
    })
    .await;
    serde_json::from_str(&found.unwrap().text).unwrap()
}

/// `00-<32 digits>-<16 digits>-<2 digits>`, in hexadecimal and not all zero.
pub(crate) fn is_trace(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let hex = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()));
    lengths == [2, 32, 16, 2] && hex && parts[1].bytes().any(|byte| byte != b'0')
}
