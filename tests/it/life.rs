//! What the local stack survives: being killed, being interrupted, a queue that is down for long.

use std::path::Path;
use std::time::Duration;

use counterparty::{Numbers, Protocol, SignedRequest, fixtures};
use host::sqs::Fault;
use papay::consumer::{ConsumerRule, Verdict};
use papay::story::Story;
use publish::envelope::CloudEvent;

use crate::harness::{Dev, MCH_ID, Prepared, Town, poll, receive_once};

/// The sweeper comes by the minute.
const MINUTE: Duration = Duration::from_secs(60);

#[tokio::test(flavor = "multi_thread")]
async fn after_kill_9_a_restart_has_the_data_and_delivers_what_was_recorded() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path());
    assert!(dev.papay(&["trigger", "payment-v2", "--seed"]).status.success());
    // WeChat has its answer, and the relay may have published the event or not.
    dev.kill();
    no_process_is_left_of(folder.path());

    let dev = Dev::start(folder.path());
    poll("what was recorded is published", async || dev.dump().await.pending().is_empty()).await;
    let events = text(&dev.papay(&["events"]).stdout);
    assert_eq!(events.matches("papay.payment.succeeded.v1\"").count() / 2, 1, "{events}");
    let again = dev.papay(&["trigger", "payment-v2"]);
    assert!(again.status.success(), "WeChat sends it again: {}", text(&again.stdout));
    assert_eq!(text(&dev.papay(&["events"]).stdout), "", "a duplicate");
    let code = std::fs::read_to_string(folder.path().join("last-seeded")).unwrap();
    let shown = text(&dev.papay(&["show", &code]).stdout);
    assert!(shown.contains(r#""state":"paid""#), "{shown}");
    let status = dev.interrupt();
    assert!(status.success(), "Ctrl-C is a clean end: {status}");
    no_process_is_left_of(folder.path());
}

/// The functions' processes end with their host, however it ended.
fn no_process_is_left_of(data: &Path) {
    let data = data.to_string_lossy().into_owned();
    let left = || {
        let processes = std::fs::read_dir("/proc").unwrap().flatten();
        let environments = processes.filter_map(|process| std::fs::read(process.path().join("environ")).ok());
        environments.filter(|environment| String::from_utf8_lossy(environment).contains(&data)).count()
    };
    let started = std::time::Instant::now();
    while left() > 0 {
        assert!(started.elapsed() < Duration::from_secs(10), "{} processes are left", left());
        std::thread::sleep(Duration::from_millis(20));
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8_lossy(bytes).into_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_queue_refused_before_the_stack_died_is_delivered_after_its_restart() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start_on(folder.path()).await;
    town.stack.host.sqs.fail_queue("membership.fifo", Fault::RefuseSends);
    let prepared = town.prepare("payment-v2").await;
    assert!(town.send(&prepared).await.is_success(Protocol::V2), "WeChat need not know about queues");
    assert_eq!(town.receive("ledger", 1).await.len(), 1);
    assert_eq!(town.dump().await.pending().len(), 1);
    // Without a shutdown: servers, pollers and processes are gone at once.
    drop(town);

    let dev = Dev::start(folder.path());
    let running = dev.running();
    let clients = running.clients().unwrap();
    let mut events = Vec::new();
    poll("the event arrives", async || {
        // The sweeper comes by the minute.
        host::clock::Clock::in_folder(folder.path()).advance_ms(61_000).unwrap();
        !receive_into(&mut events, &clients, &running.queues["membership"]).await.is_empty()
    })
    .await;
    assert_eq!(events.len(), 1);
    assert_eq!(events[0].subject, prepared.numbers.out_trade_no);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_queue_that_is_down_for_hours_gets_everything_in_order_and_the_other_never_waits() {
    let town = Town::start().await;
    let sqs = &town.stack.host.sqs;
    sqs.fail_queue("ledger.fifo", Fault::RefuseSends);
    let numbers = town.numbers(Story::Deduction);
    let mut at_membership = Vec::new();
    for period in 1..=3 {
        assert!(town.send(&deduction(&town, &numbers, period).await).await.is_success(Protocol::V2));
        at_membership.extend(town.receive("membership", 1).await);
        poll("the relay has marked what was accepted", async || {
            town.dump().await.outbox.values().all(|item| item["pending"].as_ss().is_ok_and(|left| left == &["ledger"]))
        })
        .await;
        // Beyond the queue's memory for duplicates, and the sweeper's patience.
        town.move_clock(Duration::from_secs(3600)).await;
    }
    assert_eq!(town.dump().await.pending().len(), 3, "all of them wait for the other queue");
    assert!(town.receive_what_is_there("ledger").await.is_empty());
    sqs.heal_queue("ledger.fifo");
    let mut at_ledger = Vec::new();
    // The sweeper tries what has waited for hours in one minute of fifteen: none may be left out.
    poll("the other queue has everything", async || {
        town.move_clock(MINUTE).await;
        town.sweep().await;
        receive_into(&mut at_ledger, town.clients(), &town.stack.queues["ledger"]).await.len() == 3
    })
    .await;
    let ids = |events: &[CloudEvent]| events.iter().map(|event| event.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&at_ledger), ids(&at_membership), "the same events in the same order");
    let mut rule = ConsumerRule::default();
    assert!(at_ledger.iter().all(|event| rule.judge(event) == Verdict::Next));
    town.drained().await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_that_half_fails_or_whose_answer_is_lost_reaches_the_consumer_all_the_same() {
    let town = Town::start().await;
    let sqs = &town.stack.host.sqs;
    let faults = [Fault::FailPositions(vec![0]), Fault::CloseAfterCommit, Fault::CloseBeforeCommit];
    for fault in faults {
        sqs.fail_queue_times("membership.fifo", fault.clone(), 1);
        let prepared = town.prepare("payment-v2").await;
        assert!(town.send(&prepared).await.is_success(Protocol::V2));
        let mut events = Vec::new();
        poll("the event arrives", async || {
            town.move_clock(MINUTE).await;
            town.sweep().await;
            !receive_into(&mut events, town.clients(), &town.stack.queues["membership"]).await.is_empty()
        })
        .await;
        assert_eq!(events.len(), 1, "{fault:?}");
        assert_eq!(events[0].subject, prepared.numbers.out_trade_no, "{fault:?}");
        town.drained().await;
    }
    town.stop().await;
}

async fn receive_into<'a>(
    events: &'a mut Vec<CloudEvent>,
    clients: &papay::Clients,
    url: &str,
) -> &'a mut Vec<CloudEvent> {
    events.extend(receive_once(clients, url, 0).await);
    events
}

/// The notice of a period's deduction, of one contract.
async fn deduction(town: &Town, numbers: &Numbers, period: u32) -> Prepared {
    let out_trade_no = format!("{}P{period:04}A01", numbers.contract_code);
    let transaction_id = format!("{}{period}", &numbers.transaction_id[..27]);
    let now = town.now().as_second();
    let numbers = Numbers { out_trade_no, transaction_id, now, ..numbers.clone() };
    town.seed(Story::Deduction, &numbers).await;
    let request: SignedRequest = fixtures::build("deduction-success", &numbers).unwrap();
    assert_eq!(numbers.mch_id, MCH_ID);
    Prepared { fixture: fixtures::find("deduction-success").unwrap(), numbers, request }
}
