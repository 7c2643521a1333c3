//! Kill drills: the whole stack dies at any moment while WeChat sends and a consumer reads, again and again.
//! `.ci/long kill_drill`

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use counterparty::{Numbers, fixtures};
use papay::consumer::{ConsumerRule, Verdict};
use papay::seed::seed;
use papay::stack::{Running, tables};
use papay::story::{Story, new_code};
use papay::{Clients, wechat};
use publish::envelope::CloudEvent;

use crate::harness::{Dev, Dump, MCH_ID, PATIENCE, attribute, poll};

const KILLS: usize = 40;

/// Notifications that are under way at once.
const SENDERS: usize = 4;

/// What is sent, the item that it moves, the state that it ends in, and the event that tells of it.
const KINDS: [Kind; 4] = [
    Kind { fixture: "payment-v2", item: 'O', state: "paid", event: "papay.payment.succeeded.v1" },
    Kind { fixture: "deduction-success", item: 'O', state: "paid", event: "papay.deduction.succeeded.v1" },
    Kind { fixture: "payment-v3", item: 'O', state: "paid", event: "papay.payment.succeeded.v1" },
    Kind { fixture: "contract-add", item: 'C', state: "signed", event: "papay.contract.signed.v1" },
];

#[derive(Clone, Copy)]
struct Kind {
    fixture: &'static str,
    item: char,
    state: &'static str,
    event: &'static str,
}

/// A notification that WeChat sends until it is acknowledged.
#[derive(Clone)]
struct Notice {
    kind: Kind,
    numbers: Numbers,
    tries: u32,
}

#[derive(Default)]
struct Records {
    acknowledged: Mutex<Vec<Notice>>,
    /// Sent without an answer: WeChat sends them again.
    open: Mutex<Vec<Notice>>,
    consumer: Mutex<(ConsumerRule, Vec<CloudEvent>)>,
    gaps: Mutex<Vec<String>>,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: .ci/long kill_drill"]
async fn nothing_acknowledged_is_lost_doubled_or_out_of_order_when_the_stack_is_killed_forty_times() {
    let folder = tempfile::tempdir().unwrap();
    let records = Arc::new(Records::default());
    for _ in 0..KILLS {
        let dev = Dev::start(folder.path());
        let mut tasks = tokio::task::JoinSet::new();
        for _ in 0..SENDERS {
            tasks.spawn(send_for_ever(dev.running(), records.clone()));
        }
        tasks.spawn(consume_for_ever(dev.running(), records.clone()));
        tokio::time::sleep(Duration::from_millis(fastrand::u64(50..1_500))).await;
        dev.kill();
        tasks.abort_all();
        while tasks.join_next().await.is_some() {}
    }
    let dev = Dev::start(folder.path());
    let dump = come_to_rest(folder.path(), &dev.running(), &records).await;
    assert!(dev.interrupt().success());

    let acknowledged = records.acknowledged.lock().unwrap();
    let (_, events) = &*records.consumer.lock().unwrap();
    let resent = acknowledged.iter().filter(|notice| notice.tries > 1).count();
    let (lost, doubled) = judge(&acknowledged, events, &dump);
    let gaps = records.gaps.lock().unwrap();
    println!("{KILLS} kills; {} notifications acknowledged, {resent} of them sent more than once;", acknowledged.len());
    println!(
        "{} events read; lost {}, doubled {}, out of order {}",
        events.len(),
        lost.len(),
        doubled.len(),
        gaps.len()
    );
    assert!(acknowledged.len() >= KILLS, "too few to tell");
    assert!(lost.is_empty(), "{lost:?}");
    assert!(doubled.is_empty(), "{doubled:?}");
    assert!(gaps.is_empty(), "{gaps:?}");
}

/// What was acknowledged and is not on record or was not told of, and what was told of under two ids.
fn judge(acknowledged: &[Notice], events: &[CloudEvent], dump: &Dump) -> (Vec<String>, Vec<String>) {
    let mut ids: BTreeMap<(&str, &str), Vec<&str>> = BTreeMap::new();
    for event in events {
        let ids = ids.entry((&event.event_type, &event.subject)).or_default();
        if !ids.contains(&event.id.as_str()) {
            ids.push(&event.id);
        }
    }
    let (mut lost, mut doubled) = (Vec::new(), Vec::new());
    for notice in acknowledged {
        let number = notice.number();
        if attribute(dump.state(MCH_ID, notice.kind.item, number), "state") != notice.kind.state {
            lost.push(format!("{} {number}: not on record", notice.kind.fixture));
        }
        match ids.get(&(notice.kind.event, number)).map_or(0, Vec::len) {
            0 => lost.push(format!("{} {number}: no event", notice.kind.fixture)),
            1 => {}
            _ => doubled.push(number.to_owned()),
        }
    }
    (lost, doubled)
}

/// WeChat sends what is open until it is acknowledged, the sweeper comes by, and the consumer reads everything.
async fn come_to_rest(folder: &Path, running: &Running, records: &Records) -> Dump {
    let open = std::mem::take(&mut *records.open.lock().unwrap());
    for notice in open {
        send(running, records, notice).await;
    }
    assert!(records.open.lock().unwrap().is_empty(), "a running stack acknowledges everything");
    let clients = running.clients().unwrap();
    let clock = host::clock::Clock::in_folder(folder);
    poll("the outbox is drained", async || {
        clock.advance_ms(61_000).unwrap();
        tokio::time::sleep(Duration::from_millis(500)).await;
        Dump::of(&clients.dynamodb, &tables::names()).await.pending().is_empty()
    })
    .await;
    // What was received by a consumer that died is visible again after its time-out.
    for _ in 0..3 {
        clock.advance_ms(61_000).unwrap();
        while consume(&clients, running, records).await.unwrap_or(0) > 0 {}
    }
    Dump::of(&clients.dynamodb, &tables::names()).await
}

async fn send_for_ever(running: Running, records: Arc<Records>) {
    loop {
        let resend = records.open.lock().unwrap().pop();
        let notice = resend.unwrap_or_else(Notice::new);
        send(&running, &records, notice).await;
    }
}

/// Puts a notification's story on record and sends it; without an answer it stays open, also where this is aborted.
async fn send(running: &Running, records: &Records, notice: Notice) {
    let mut under_way = UnderWay { records, notice: Some(Notice { tries: notice.tries + 1, ..notice.clone() }) };
    let clients = running.clients().unwrap();
    let story = Story::of(fixtures::find(notice.kind.fixture).unwrap());
    let now = domain::Timestamp::now();
    if seed(&clients, &tables::names(), &running.routing, story, &notice.numbers, now).await.is_err() {
        return;
    }
    let fixture = fixtures::find(notice.kind.fixture).unwrap();
    // V3 signatures go stale: made anew for each try, as WeChat does.
    let numbers = Numbers { now: now.as_second(), ..notice.numbers.clone() };
    let request = fixtures::build(fixture.name, &numbers).unwrap();
    let path = fixture.path(MCH_ID);
    let url = format!("{}{path}", running.callbacks[fixture.endpoint.function()].trim_end_matches('/'));
    let answer = wechat::send(&reqwest::Client::new(), &url, &request, PATIENCE).await;
    if answer.is_ok_and(|answer| answer.is_success(fixture.protocol)) {
        records.acknowledged.lock().unwrap().extend(under_way.notice.take());
    }
}

/// A notification that goes back to what is open unless it was acknowledged.
struct UnderWay<'a> {
    records: &'a Records,
    notice: Option<Notice>,
}

impl Drop for UnderWay<'_> {
    fn drop(&mut self) {
        self.records.open.lock().unwrap().extend(self.notice.take());
    }
}

async fn consume_for_ever(running: Running, records: Arc<Records>) {
    let clients = running.clients().unwrap();
    loop {
        if consume(&clients, &running, &records).await.is_none_or(|count| count == 0) {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    }
}

/// Receives, judges by the consumer rule, deletes; answers how many came.
async fn consume(clients: &Clients, running: &Running, records: &Records) -> Option<usize> {
    let url = &running.queues["membership"];
    let received = clients.sqs.receive_message().queue_url(url).max_number_of_messages(10).send().await.ok()?;
    let messages = received.messages.unwrap_or_default();
    for message in &messages {
        let event: CloudEvent = serde_json::from_str(message.body()?).unwrap();
        {
            let (rule, events) = &mut *records.consumer.lock().unwrap();
            if let Verdict::Gap { seen, previous } = rule.judge(&event) {
                records.gaps.lock().unwrap().push(format!("{}: {previous} after {seen}", event.id));
            }
            events.push(event);
        }
        let handle = message.receipt_handle.clone();
        clients.sqs.delete_message().queue_url(url).set_receipt_handle(handle).send().await.ok()?;
    }
    Some(messages.len())
}

impl Notice {
    fn new() -> Self {
        let kind = KINDS[fastrand::usize(..KINDS.len())];
        let now = domain::Timestamp::now();
        let story = Story::of(fixtures::find(kind.fixture).unwrap());
        let numbers = story.numbers(MCH_ID, &new_code(now.as_millisecond()), now.as_second());
        Self { kind, numbers, tries: 0 }
    }

    fn number(&self) -> &str {
        if self.kind.item == 'C' { &self.numbers.contract_code } else { &self.numbers.out_trade_no }
    }
}
