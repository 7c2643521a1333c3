//! One id leads from a callback through the journal, the outbox and the queues to the consumers, log lines included.

use counterparty::Protocol;
use publish::envelope::CloudEvent;
use serde_json::Value;

use crate::harness::{MCH_ID, Prepared, Town, attribute, poll};

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
fn is_trace(text: &str) -> bool {
    let parts: Vec<&str> = text.split('-').collect();
    let lengths: Vec<usize> = parts.iter().map(|part| part.len()).collect();
    let hex = parts.iter().all(|part| part.bytes().all(|byte| byte.is_ascii_hexdigit()));
    lengths == [2, 32, 16, 2] && hex && parts[1].bytes().any(|byte| byte != b'0')
}
