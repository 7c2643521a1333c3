//! An isolated local stack for one test: its services in this process and in memory, on free ports, and the functions as
//! real processes.

mod apis;
mod dev;
mod dump;
mod faults;
mod ground;
mod listener;
mod proxy;
mod time;
mod tls;
mod together;

use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use counterparty::fixtures::{self, Endpoint, Fixture};
use counterparty::{Numbers, SignedRequest};
use domain::{Changes, MchId};
use host::Store;
use host::clock::Clock;
use host::lambda::LogSink;
use papay::seed::seed;
use papay::stack::{LocalStack, Options, Ports};
use papay::story::{Story, new_code};
use papay::wechat::{self, Answer};
use papay::{Clients, Config};
use publish::envelope::CloudEvent;
use record::{DynamoLedger, Jitter, Recorder};
use tempfile::TempDir;

pub(crate) use apis::{Keyed, SINCE_THE_LAST_LOOK, Side, answered, once};
pub(crate) use dev::{Dev, PROGRAM, papay};
pub(crate) use dump::{Dump, Item, attribute};
pub(crate) use ground::{Ground, fact, keys, verified};
pub(crate) use listener::{Upstream, forward, serve};
pub(crate) use proxy::{Call, Fault, Proxy};
pub(crate) use tls::{Authority, Door, Identity};

/// The merchant of most tests, and one that shares no key with it.
pub(crate) const MCH_ID: &str = "10000100";
pub(crate) const OTHER_MCH_ID: &str = "10000200";

/// How long a test waits for what must come: longer than WeChat waits before it sends again, and the back end before it asks again.
pub(crate) const DEADLINE: Duration = Duration::from_secs(90);

/// How long WeChat is waited for at a callback.
pub(crate) const PATIENCE: Duration = Duration::from_secs(20);

/// How often WeChat, or a caller of the APIs, comes for one thing while papay says that it is not available.
const TRIES: usize = 4;

/// An answer that took so long was not recorded in time, and WeChat sends again.
const LATE: Duration = Duration::from_millis(1500);

/// A running stack and WeChat.
pub(crate) struct Town {
    pub(crate) stack: LocalStack,
    pub(crate) config: Config,
    lines: Arc<Mutex<Vec<Line>>>,
    http: reqwest::Client,
    /// Where the clock lies.
    _folder: TempDir,
}

/// A line that a function wrote to its log.
#[derive(Debug, Clone)]
pub(crate) struct Line {
    pub(crate) function: String,
    pub(crate) text: String,
}

impl Town {
    /// In memory.
    pub(crate) async fn start() -> Self {
        Self::start_with(Vec::new()).await
    }

    /// In memory, with more variables for the functions.
    pub(crate) async fn start_with(variables: Vec<(String, String)>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        Self::start_in(folder, Store::Memory, variables).await
    }

    /// With its data in a folder that outlives it.
    pub(crate) async fn start_on(data: &Path) -> Self {
        Self::start_in(tempfile::tempdir().unwrap(), Store::Folder(data.to_owned()), Vec::new()).await
    }

    async fn start_in(folder: TempDir, store: Store, variables: Vec<(String, String)>) -> Self {
        let config = Config::read(Config::default_path()).unwrap();
        let lines: Arc<Mutex<Vec<Line>>> = Arc::default();
        let sink = lines.clone();
        let log = LogSink::new(move |function, text| {
            sink.lock().unwrap().push(Line { function: function.to_owned(), text: text.to_owned() });
        });
        let clock = match store.folder() {
            Some(_) => None,
            None => Some(Clock::in_folder(folder.path())),
        };
        let program = env!("CARGO_BIN_EXE_papay").into();
        let options =
            Options { config: config.clone(), store, clock, ports: Ports::ANY, program, variables, daily: false, log };
        let stack = LocalStack::start(options).await.unwrap();
        // Most tests tell what WeChat said; what the simulator would answer to questions about it is not their subject.
        stack.host.sqs.fail_queue(papay::stack::queues::WORK, host::sqs::Fault::RefuseSends);
        Self { stack, config, lines, http: reqwest::Client::new(), _folder: folder }
    }

    /// From here what is due is asked of the simulator.
    pub(crate) fn ask_wechat(&self) {
        self.stack.host.sqs.heal_queue(papay::stack::queues::WORK);
    }

    pub(crate) fn clients(&self) -> &Clients {
        &self.stack.clients
    }

    /// What the functions wrote to their logs so far.
    pub(crate) fn lines(&self) -> Vec<Line> {
        self.lines.lock().unwrap().clone()
    }

    /// Numbers that no other test or fixture has.
    pub(crate) fn numbers(&self, story: Story) -> Numbers {
        story.numbers(MCH_ID, &new_code(self.now().as_millisecond()), self.now().as_second())
    }

    pub(crate) async fn seed(&self, story: Story, numbers: &Numbers) -> Vec<record::Recorded> {
        let (tables, routing) = (&self.stack.tables, &self.config.routing);
        seed(self.clients(), tables, routing, story, numbers, self.now()).await.unwrap()
    }

    /// Puts rows on record.
    pub(crate) async fn put(&self, rows: Changes) {
        let ledger = DynamoLedger::new(self.clients().dynamodb.clone(), self.stack.tables.clone());
        let recorder = Recorder::new(ledger, Jitter, self.config.routing.clone());
        recorder.create(&MchId::parse(MCH_ID).unwrap(), rows, self.now(), domain::decide).await.unwrap();
    }

    /// A fixture of new numbers, whose story is on record.
    pub(crate) async fn prepare(&self, name: &str) -> Prepared {
        let fixture = fixtures::find(name).unwrap();
        let story = Story::of(fixture);
        let numbers = self.numbers(story);
        self.seed(story, &numbers).await;
        let request = fixtures::build(name, &numbers).unwrap();
        Prepared { fixture, numbers, request }
    }

    /// A fixture of new numbers, of which nothing is on record.
    pub(crate) fn unseeded(&self, name: &str) -> Prepared {
        let fixture = fixtures::find(name).unwrap();
        let numbers = self.numbers(Story::of(fixture));
        let request = fixtures::build(name, &numbers).unwrap();
        Prepared { fixture, numbers, request }
    }

    /// The same, made at this moment: a timestamp may be what is wrong with it.
    pub(crate) fn rebuilt(&self, prepared: &Prepared) -> Prepared {
        let numbers = Numbers { now: self.now().as_second(), ..prepared.numbers.clone() };
        let request = fixtures::build(prepared.fixture.name, &numbers).unwrap();
        Prepared { fixture: prepared.fixture, numbers, request }
    }

    /// WeChat sends a prepared notification where it belongs; again, where a busy machine could not record it in time.
    pub(crate) async fn send(&self, prepared: &Prepared) -> Answer {
        for _ in 1..TRIES {
            let answer = self.send_once(prepared).await;
            if answer.status != 503 || answer.elapsed < LATE {
                return answer;
            }
        }
        self.send_once(prepared).await
    }

    /// The same, whatever is answered.
    pub(crate) async fn send_once(&self, prepared: &Prepared) -> Answer {
        self.send_to(prepared.fixture.endpoint, &prepared.fixture.path(MCH_ID), &prepared.request).await
    }

    pub(crate) async fn send_to(&self, endpoint: Endpoint, path: &str, request: &SignedRequest) -> Answer {
        wechat::send(&self.http, &self.url(endpoint, path), request, PATIENCE).await.unwrap()
    }

    pub(crate) fn url(&self, endpoint: Endpoint, path: &str) -> String {
        let url = self.stack.lambda.url(endpoint.function()).unwrap();
        format!("{}{path}", url.trim_end_matches('/'))
    }

    pub(crate) fn http(&self) -> &reqwest::Client {
        &self.http
    }

    /// Everything in the three tables.
    pub(crate) async fn dump(&self) -> Dump {
        Dump::of(&self.clients().dynamodb, &self.stack.tables).await
    }

    /// Receives from a consumer's queue until so many events have come.
    pub(crate) async fn receive(&self, consumer: &str, wanted: usize) -> Vec<CloudEvent> {
        let mut events = Vec::new();
        let started = Instant::now();
        while events.len() < wanted {
            let ids: Vec<_> = events.iter().map(|event: &CloudEvent| (&event.id, &event.event_type)).collect();
            assert!(started.elapsed() < DEADLINE, "{consumer} got {} of {wanted} events: {ids:#?}", events.len());
            events.extend(receive_once(self.clients(), &self.stack.queues[consumer], 1).await);
        }
        events
    }

    /// What a consumer's queue holds at this moment.
    pub(crate) async fn receive_what_is_there(&self, consumer: &str) -> Vec<CloudEvent> {
        let mut events = Vec::new();
        loop {
            let received = receive_once(self.clients(), &self.stack.queues[consumer], 0).await;
            if received.is_empty() {
                return events;
            }
            events.extend(received);
        }
    }

    /// Waits until every event has left the outbox for every queue.
    pub(crate) async fn drained(&self) {
        poll("the outbox is drained", async || self.dump().await.pending().is_empty()).await;
    }

    pub(crate) async fn stop(self) {
        self.stack.shutdown().await;
    }
}

/// A notification whose story is on record.
pub(crate) struct Prepared {
    pub(crate) fixture: &'static Fixture,
    pub(crate) numbers: Numbers,
    pub(crate) request: SignedRequest,
}

/// Receives and deletes up to ten messages.
pub(crate) async fn receive_once(clients: &Clients, url: &str, wait_s: i32) -> Vec<CloudEvent> {
    let receive = clients.sqs.receive_message().queue_url(url).max_number_of_messages(10).wait_time_seconds(wait_s);
    let messages = receive.send().await.unwrap().messages.unwrap_or_default();
    let mut events = Vec::new();
    for message in messages {
        events.push(serde_json::from_str(message.body().unwrap()).unwrap());
        let delete = clients.sqs.delete_message().queue_url(url).set_receipt_handle(message.receipt_handle);
        delete.send().await.unwrap();
    }
    events
}

/// Asks again until it is so.
pub(crate) async fn poll(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let started = Instant::now();
    while !is_so().await {
        assert!(started.elapsed() < DEADLINE, "waited {DEADLINE:?} until {what}");
        // Every look costs the functions some of the processor that they share with it.
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
}
