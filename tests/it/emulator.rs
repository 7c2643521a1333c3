//! The stack as `sam deploy` makes it, in an emulator of AWS that others wrote: real archives behind function URLs, the outbox's
//! stream, the consumers' queues. `tests/emulator/run` deploys it, and runs this.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use aws_sdk_dynamodb::error::ProvideErrorMetadata;
use counterparty::fixtures::{self, Fixture};
use counterparty::{Numbers, SignedRequest};
use domain::Timestamp;
use papay::seed::seed;
use papay::story::{Story, new_code};
use papay::wechat::{self, Answer};
use papay::{Clients, Config};
use publish::envelope::CloudEvent;
use record::Tables;
use serde_json::Value;
use setup::{Aws, Clock, Env, SystemClock};

use crate::harness::{Dump, MCH_ID, attribute, poll, receive_once};

/// A first start in the emulator takes its time.
const PATIENCE: Duration = Duration::from_secs(30);

/// A notification, the output with its URL, what becomes of which row, and what consumers hear of it.
type Case = (&'static str, &'static str, (char, &'static str), &'static [&'static str]);

const ACCEPTED: [Case; 6] = [
    ("payment-v2", "DeductionNotifyUrlV2", ('O', "paid"), &["payment.succeeded"]),
    ("deduction-success", "DeductionNotifyUrlV2", ('O', "paid"), &["deduction.succeeded"]),
    ("contract-add", "ContractNotifyUrlV2", ('C', "signed"), &["contract.signed", "subscription.settled"]),
    ("contract-delete", "ContractNotifyUrlV2", ('C', "terminated"), &["contract.terminated", "subscription.settled"]),
    ("payment-v3", "PaymentNotifyUrlV3", ('O', "paid"), &["payment.succeeded"]),
    ("refund-success", "RefundNotifyUrlV3", ('R', "succeeded"), &["refund.succeeded"]),
];

const REFUSED: [(&str, &str); 6] = [
    ("altered", "DeductionNotifyUrlV2"),
    ("unsigned", "DeductionNotifyUrlV2"),
    ("altered-v3", "PaymentNotifyUrlV3"),
    ("stale", "PaymentNotifyUrlV3"),
    ("signtest", "PaymentNotifyUrlV3"),
    ("wrong-endpoint-v3", "PaymentNotifyUrlV3"),
];

struct Emulated {
    endpoint: String,
    /// The stack's outputs.
    outputs: BTreeMap<String, String>,
    aws: Aws,
    clients: Clients,
    config: Config,
    http: reqwest::Client,
    /// By consumer.
    heard: BTreeMap<&'static str, Vec<CloudEvent>>,
}

impl Emulated {
    fn found() -> Self {
        let endpoint = std::env::var("PAPAY_EMULATOR").expect("tests/emulator/run runs this");
        let outputs: Value = serde_json::from_str(&std::env::var("PAPAY_EMULATOR_OUTPUTS").unwrap()).unwrap();
        let text = |output: &Value, name: &str| output[name].as_str().unwrap().to_owned();
        let outputs = outputs.as_array().unwrap().iter().map(|o| (text(o, "OutputKey"), text(o, "OutputValue")));
        let variables = [
            ("AWS_REGION", "us-east-1"),
            ("AWS_ACCESS_KEY_ID", "emulator"),
            ("AWS_SECRET_ACCESS_KEY", "emulator"),
            ("AWS_ENDPOINT_URL", &endpoint),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
        let aws = Aws::new(&Env::of(variables.into(), Arc::new(SystemClock))).unwrap();
        Self {
            outputs: outputs.collect(),
            clients: Clients::new(&endpoint, &endpoint).unwrap(),
            aws,
            config: Config::read(Config::default_path()).unwrap(),
            http: reqwest::Client::new(),
            heard: [("membership", Vec::new()), ("ledger", Vec::new())].into(),
            endpoint,
        }
    }

    /// The published test keys, under the names that the functions fetch them by.
    async fn put_secrets(&self) {
        let secrets = self.aws.secrets();
        for (name, text) in self.config.secrets() {
            poll(&format!("{name} is there"), async || {
                match secrets.create_secret().name(&name).secret_string(&text).send().await {
                    Ok(_) => true,
                    // An answer that came too late.
                    Err(error) => error.code() == Some("ResourceExistsException"),
                }
            })
            .await;
        }
    }

    fn tables(&self) -> Tables {
        let name = |table: &str| self.outputs[&format!("{table}TableName")].clone();
        Tables { ledger: name("Ledger"), inbox: name("Inbox"), outbox: name("Outbox") }
    }

    async fn dump(&self) -> Dump {
        Dump::of(&self.clients.dynamodb, &self.tables()).await
    }

    fn now() -> Timestamp {
        SystemClock.now()
    }

    /// A notification of new numbers, whose story is on record.
    async fn prepare(&self, name: &str) -> (&'static Fixture, Numbers, SignedRequest) {
        let fixture = fixtures::find(name).unwrap();
        let now = Self::now();
        let story = Story::of(fixture);
        let numbers = story.numbers(MCH_ID, &new_code(now.as_millisecond()), now.as_second());
        seed(&self.clients, &self.tables(), &self.config.routing, story, &numbers, now).await.unwrap();
        let request = fixtures::build(name, &numbers).unwrap();
        (fixture, numbers, request)
    }

    /// Sends it to the URL that an output shows, which the emulator has under a path of its own.
    async fn send(&self, fixture: &Fixture, output: &str, request: &SignedRequest) -> Answer {
        let url = &self.outputs[output];
        let (host, path) = url.split_once("://").unwrap().1.split_once('/').unwrap();
        let id = host.split('.').next().unwrap();
        assert_eq!(format!("/{path}"), fixture.path(MCH_ID), "the output is what WeChat is told");
        let url = format!("{}/_aws/lambda-url/{id}/{path}", self.endpoint);
        wechat::send(&self.http, &url, request, PATIENCE).await.unwrap()
    }

    /// The events of a story that have come to a consumer so far, without `papay.` and `.v1`.
    async fn hear(&mut self, consumer: &'static str, code: &str) -> Vec<String> {
        let queue = format!("{}/000000000000/papay-{consumer}.fifo", self.endpoint);
        let events = receive_once(&self.clients, &queue, 1).await;
        let heard = self.heard.get_mut(consumer).unwrap();
        heard.extend(events);
        let of_the_story = heard.iter().filter(|event| event.id.contains(code));
        of_the_story.map(|event| event.event_type.replace("papay.", "").replace(".v1", "")).collect()
    }

    /// A notification, sent twice, is on record once, and each consumer hears of it once.
    async fn is_accepted(&mut self, (name, output, (kind, state), events): Case) {
        let (fixture, numbers, request) = self.prepare(name).await;
        let mut slowest = Duration::ZERO;
        for _ in 0..2 {
            // WeChat sends again what a slow emulator did not let be recorded in time.
            poll(&format!("{name} is acknowledged"), async || {
                let answer = self.send(fixture, output, &request).await;
                assert!(answer.is_success(fixture.protocol) || answer.status >= 500, "{name}: {answer:?}");
                slowest = slowest.max(answer.elapsed);
                answer.is_success(fixture.protocol)
            })
            .await;
        }
        let number = match kind {
            'C' => &numbers.contract_code,
            'R' => &numbers.out_refund_no,
            _ => &numbers.out_trade_no,
        };
        let row = attribute(self.dump().await.state(MCH_ID, kind, number), "state");
        assert_eq!(row, state, "{name}");
        let mut heard = Vec::new();
        poll(&format!("{name} has become its events"), async || {
            heard = self.hear("membership", &numbers.contract_code).await;
            heard.len() >= events.len()
        })
        .await;
        assert_eq!(heard, events, "{name}");
        let of_money = events.iter().filter(|event| !event.contains("contract") && !event.contains("subscription"));
        poll(&format!("{name} has left the outbox"), async || self.dump().await.pending().is_empty()).await;
        assert_eq!(self.hear("ledger", &numbers.contract_code).await.len(), of_money.count(), "{name}");
        let dump = self.dump().await;
        let of_the_story = dump.outbox.iter().filter(|(key, _)| key.contains(&numbers.contract_code));
        assert_eq!(of_the_story.count(), events.len(), "{name}: as many entries in the outbox as events");
        println!("{name:<18} {output:<21} {kind} is {state:<11} {} ({} ms)", events.join(", "), slowest.as_millis());
    }

    /// A notification that proves nothing is refused and changes nothing.
    async fn is_refused(&self, (name, output): (&str, &str)) {
        let (fixture, numbers, _) = self.prepare(name).await;
        // Made at this moment: what is wrong may be its time.
        let request = fixtures::build(name, &Numbers { now: Self::now().as_second(), ..numbers }).unwrap();
        let before = self.dump().await;
        let answer = self.send(fixture, output, &request).await;
        assert!(answer.is_failure(fixture.protocol), "{name}: {answer:?}");
        assert_eq!(self.dump().await.changes_since(&before), Vec::<String>::new(), "{name}");
        println!("{name:<18} {output:<21} refused with {}, nothing changed", answer.status);
    }
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs the stack deployed in an emulator: tests/emulator/run"]
async fn emulator_has_each_signed_notification_become_its_events_once_and_what_proves_nothing_none() {
    let mut emulated = Emulated::found();
    emulated.put_secrets().await;
    for case in ACCEPTED {
        emulated.is_accepted(case).await;
    }
    for case in REFUSED {
        emulated.is_refused(case).await;
    }
    for (consumer, heard) in &emulated.heard {
        let ids: std::collections::BTreeSet<_> = heard.iter().map(|event| &event.id).collect();
        assert_eq!(ids.len(), heard.len(), "{consumer} heard something twice");
        println!("{consumer:<18} heard {} events, each once", heard.len());
    }
}
