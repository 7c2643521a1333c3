//! Every fixture of the counterparty gets the outcome that papay owes it.

use std::collections::BTreeMap;

use counterparty::Protocol;
use counterparty::fixtures::{self, Expected, Reason};
use publish::envelope::CloudEvent;

use crate::harness::{Dump, MCH_ID, Prepared, Town, attribute};

#[tokio::test(flavor = "multi_thread")]
async fn every_refused_fixture_gets_its_protocols_failure_and_changes_nothing() {
    let town = Town::start().await;
    let mut prepared = Vec::new();
    for fixture in fixtures::all().iter().filter(|fixture| matches!(fixture.expected, Expected::Refused(_))) {
        prepared.push(town.prepare(fixture.name).await);
    }
    let before = town.dump().await;
    for sent in &prepared {
        let name = sent.fixture.name;
        let answer = town.send(&town.rebuilt(sent)).await;
        assert!(answer.is_failure(sent.fixture.protocol), "{name}: {answer:?}");
        let Expected::Refused(reason) = sent.fixture.expected else { unreachable!("filtered") };
        assert_eq!(answer.status, status(reason, sent.fixture.protocol), "{name}");
    }
    // One that names a certificate which we do not have leaves the wish that the worker looks for others.
    assert_eq!(town.dump().await.changes_since(&before), ["ledger 10000100#T#platform"]);
    assert_eq!(prepared.len(), 38, "a fixture was added or taken away: has it its expectation here?");
    town.stop().await;
}

/// The status that a refusal gets; the body says `FAIL` in every case.
fn status(reason: Reason, protocol: Protocol) -> u16 {
    match reason {
        Reason::Signature
        | Reason::Probe
        | Reason::Unsigned
        | Reason::DoubledHeader
        | Reason::Stale
        | Reason::UnknownSerial
        | Reason::UnsupportedType
        | Reason::Malformed => 401,
        Reason::TooLarge => 413,
        Reason::OtherMerchant | Reason::WrongEndpoint => 403,
        // Well signed, so the key is at fault: ours. A V2 refund notice has no signature, so nothing was proved.
        Reason::Undecryptable => {
            if protocol == Protocol::V3 {
                500
            } else {
                401
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_accepted_fixture_changes_its_state_and_reaches_its_consumers_once() {
    let town = Town::start().await;
    let mut sent = Vec::new();
    for fixture in fixtures::all().iter().filter(|fixture| !matches!(fixture.expected, Expected::Refused(_))) {
        let prepared = town.prepare(fixture.name).await;
        let answer = town.send(&prepared).await;
        assert!(answer.is_success(fixture.protocol), "{}: {answer:?}", fixture.name);
        assert_eq!(answer.status, if fixture.protocol == Protocol::V2 { 200 } else { 204 }, "{}", fixture.name);
        sent.push(prepared);
    }
    town.drained().await;
    let after = town.dump().await;
    for prepared in &sent {
        expectation(prepared).check(prepared, &after);
    }
    the_consumers_received(&town, &sent).await;

    // WeChat did not hear the answer and sends all of it again: nothing changes.
    for prepared in sent.iter().filter(|prepared| expectation(prepared).outcome != "noted") {
        let answer = town.send(prepared).await;
        assert!(answer.is_success(prepared.fixture.protocol), "{} again: {answer:?}", prepared.fixture.name);
    }
    assert_eq!(town.dump().await.changes_since(&after), Vec::<String>::new(), "a resend changes nothing");
    assert_eq!(sent.len(), 25, "a fixture was added or taken away: has it its expectation here?");
    town.stop().await;
}

/// What an accepted fixture leaves behind.
struct Expectation {
    order: Option<&'static str>,
    contract: Option<&'static str>,
    refund: Option<&'static str>,
    /// What the journal says of it.
    outcome: &'static str,
    /// What the consumer of everything receives; the other one gets payments, deductions and refunds.
    events: &'static [&'static str],
}

const PAID: &[&str] = &["papay.payment.succeeded.v1"];
const SIGNED: &[&str] = &["papay.contract.signed.v1", "papay.subscription.settled.v1"];
const TERMINATED: &[&str] = &["papay.contract.terminated.v1", "papay.subscription.settled.v1"];
const QUARANTINED: &[&str] = &["papay.notification.quarantined.v1"];

fn expectation(prepared: &Prepared) -> Expectation {
    let of = |order, contract, refund, outcome, events| Expectation { order, contract, refund, outcome, events };
    match prepared.fixture.name {
        "payment-v2" | "payment-v2-hmac" | "payment-v2-coupon" => {
            of(Some("paid"), Some("pending"), None, "applied", PAID)
        }
        "deduction-success" | "deduction-success-documented" => {
            of(Some("paid"), Some("signed"), None, "applied", &["papay.deduction.succeeded.v1"])
        }
        "deduction-failure"
        | "deduction-failure-documented"
        | "deduction-failure-zero"
        | "payment-v3-deduction-failure" => of(Some("accepted"), Some("signed"), None, "asked", &[]),
        "contract-add" | "contract-add-bare" | "contract-add-full" => of(None, Some("signed"), None, "applied", SIGNED),
        "contract-sign-v3" => of(None, Some("signed"), None, "applied", SIGNED),
        "contract-delete" | "contract-terminate-v3" => of(None, Some("terminated"), None, "applied", TERMINATED),
        "refund-v2" | "refund-v2-change" => of(Some("paid"), Some("signed"), Some("processing"), "asked", &[]),
        "payment-v3" | "payment-v3-certificate" => of(Some("paid"), None, None, "applied", PAID),
        "refund-success" => of(Some("refunded"), None, Some("succeeded"), "applied", &["papay.refund.succeeded.v1"]),
        "refund-abnormal" => of(Some("paid"), None, Some("abnormal"), "applied", &["papay.refund.abnormal.v1"]),
        "refund-closed" => of(Some("paid"), None, Some("closed"), "applied", &["papay.refund.closed.v1"]),
        "security-echo" | "terminate-retention" => of(None, None, None, "noted", &[]),
        "unknown-event" => of(None, None, None, "not_understood", QUARANTINED),
        other => panic!("{other} has no expectation"),
    }
}

impl Expectation {
    fn check(&self, prepared: &Prepared, dump: &Dump) {
        let name = prepared.fixture.name;
        let numbers = &prepared.numbers;
        let rows = [
            ('O', &numbers.out_trade_no, self.order),
            ('C', &numbers.contract_code, self.contract),
            ('R', &numbers.out_refund_no, self.refund),
        ];
        for (kind, number, state) in rows {
            if let Some(state) = state {
                let item = dump.state(MCH_ID, kind, number);
                assert_eq!(attribute(item, "state"), state, "{name}: {kind}");
                assert_eq!(
                    attribute(item, "version").parse::<u64>().unwrap() > 1,
                    state_changes(self, kind),
                    "{name} {kind}"
                );
            }
        }
        let subject = match (self.contract, self.order) {
            (_, Some(_)) => format!("O#{}", numbers.out_trade_no),
            (Some(_), None) => format!("C#{}", numbers.contract_code),
            (None, None) => "N".to_owned(),
        };
        let journal = dump.journal(MCH_ID, &subject);
        let of_this: Vec<_> = journal.iter().filter(|entry| attribute(entry, "outcome") == self.outcome).collect();
        assert!(!of_this.is_empty(), "{name}: the journal of {subject} says {journal:?}");
        if self.outcome == "asked" {
            let (kind, number) =
                if self.refund.is_some() { ('R', &numbers.out_refund_no) } else { ('O', &numbers.out_trade_no) };
            let item = dump.state(MCH_ID, kind, number);
            let due: i64 = attribute(item, "due_at").parse().unwrap();
            assert!(due <= numbers.now.saturating_add(60) * 1000, "{name}: its check is due at once, not at {due}");
        }
    }
}

/// Whether the row of a kind is written at all, by this expectation.
fn state_changes(expectation: &Expectation, kind: char) -> bool {
    match (expectation.outcome, kind) {
        ("asked", 'C') => false,
        ("asked", 'O') => expectation.refund.is_none(),
        _ => true,
    }
}

async fn the_consumers_received(town: &Town, sent: &[Prepared]) {
    let everything: Vec<&str> = sent.iter().flat_map(|prepared| expectation(prepared).events).copied().collect();
    let money =
        |event: &&&str| ["papay.payment.", "papay.deduction.", "papay.refund."].iter().any(|p| event.starts_with(p));
    let of_money: Vec<&str> = everything.iter().filter(money).copied().collect();
    for (consumer, wanted) in [("membership", everything), ("ledger", of_money)] {
        let events = town.receive(consumer, wanted.len()).await;
        assert_eq!(
            counted(events.iter().map(|event| event.event_type.as_str())),
            counted(wanted.into_iter()),
            "{consumer}"
        );
        each_stream_is_gapless(consumer, &events);
    }
}

fn counted<'a>(types: impl Iterator<Item = &'a str>) -> BTreeMap<&'a str, usize> {
    let mut counted = BTreeMap::new();
    for event_type in types {
        *counted.entry(event_type).or_insert(0) += 1;
    }
    counted
}

fn each_stream_is_gapless(consumer: &str, events: &[CloudEvent]) {
    let mut rule = papay::consumer::ConsumerRule::default();
    for event in events {
        assert_eq!(rule.judge(event), papay::consumer::Verdict::Next, "{consumer}: {}", event.id);
    }
}
