//! WeChat's notices, at the URLs that the stack's outputs tell to type into the merchant platform.

use counterparty::fixtures::{self, Fixture};
use counterparty::{Numbers, SignedRequest};
use papay::seed::seed;
use papay::story::{Story, new_code};
use papay::wechat::{self, Answer};

use super::{Emulated, PATIENCE};
use crate::harness::{MCH_ID, attribute, poll};

/// A notification, the output with its URL, what becomes of which row, and what consumers hear of it.
type Case = (&'static str, &'static str, (char, &'static str), &'static [&'static str]);

pub(super) const ACCEPTED: [Case; 8] = [
    ("payment-v2", "DeductionNotifyUrlV2", ('O', "paid"), &["payment.succeeded"]),
    ("deduction-success", "DeductionNotifyUrlV2", ('O', "paid"), &["deduction.succeeded"]),
    ("contract-add", "ContractNotifyUrlV2", ('C', "signed"), &["contract.signed", "subscription.settled"]),
    ("contract-delete", "ContractNotifyUrlV2", ('C', "terminated"), &["contract.terminated", "subscription.settled"]),
    ("contract-sign-v3", "ContractNotifyUrlV3", ('C', "signed"), &["contract.signed", "subscription.settled"]),
    (
        "contract-terminate-v3",
        "ContractNotifyUrlV3",
        ('C', "terminated"),
        &["contract.terminated", "subscription.settled"],
    ),
    ("payment-v3", "PaymentNotifyUrlV3", ('O', "paid"), &["payment.succeeded"]),
    ("refund-success", "RefundNotifyUrlV3", ('R', "succeeded"), &["refund.succeeded"]),
];

pub(super) const REFUSED: [(&str, &str, u16); 9] = [
    ("altered", "DeductionNotifyUrlV2", 401),
    ("unsigned", "DeductionNotifyUrlV2", 401),
    ("altered-v3", "PaymentNotifyUrlV3", 401),
    ("stale", "PaymentNotifyUrlV3", 401),
    ("signtest", "PaymentNotifyUrlV3", 401),
    ("wrong-api-v3-key", "PaymentNotifyUrlV3", 500),
    ("wrong-endpoint", "DeductionNotifyUrlV2", 403),
    ("wrong-endpoint-v3", "PaymentNotifyUrlV3", 403),
    ("wrong-key-refund-v2", "RefundNotifyUrlV2", 401),
];

/// What a function answers by itself, in the protocol's words, when the emulator's DynamoDB took longer than its 3 s.
const NOT_RECORDED_IN_TIME: u16 = 503;

impl Emulated {
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

    /// Sends it to the URL that an output shows.
    async fn send(&self, fixture: &Fixture, output: &str, request: &SignedRequest) -> Answer {
        let url = self.url(output);
        assert!(url.ends_with(&fixture.path(MCH_ID)), "the output is what WeChat is told: {url}");
        wechat::send(&self.http, &url, request, PATIENCE).await.unwrap()
    }

    /// WeChat sends a notice, and a second time what was not recorded in time; every other answer but success is a fault, a function that
    /// failed or died (502) above all. Answers the slower try.
    pub(super) async fn is_acknowledged(&mut self, fixture: &Fixture, output: &str, request: &SignedRequest) -> Answer {
        let first = self.send(fixture, output, request).await;
        self.notices += 1;
        if first.status != NOT_RECORDED_IN_TIME || !first.is_failure(fixture.protocol) {
            assert!(first.is_success(fixture.protocol), "{}: {first:?}", fixture.name);
            return first;
        }
        self.second_tries += 1;
        let second = self.send(fixture, output, request).await;
        assert!(second.is_success(fixture.protocol), "{}: {second:?} after {first:?}", fixture.name);
        if first.elapsed > second.elapsed { first } else { second }
    }

    /// A notification, sent twice, is on record once, and each consumer hears of it once.
    pub(super) async fn is_accepted(&mut self, (name, output, (kind, state), events): Case) {
        let (fixture, numbers, request) = self.prepare(name).await;
        let mut slowest = 0;
        for _ in 0..2 {
            slowest = self.is_acknowledged(fixture, output, &request).await.elapsed.as_millis().max(slowest);
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
        println!("{name:<21} {output:<21} {kind} is {state:<11} {} ({slowest} ms)", events.join(", "));
    }

    /// A notification that proves nothing is refused and changes nothing.
    pub(super) async fn is_refused(&self, (name, output, status): (&str, &str, u16)) {
        let (fixture, numbers, _) = self.prepare(name).await;
        // Made at this moment: what is wrong may be its time.
        let request = fixtures::build(name, &Numbers { now: Self::now().as_second(), ..numbers }).unwrap();
        let before = self.dump().await;
        let answer = self.send(fixture, output, &request).await;
        assert!(answer.is_failure(fixture.protocol) && answer.status == status, "{name}: {answer:?}");
        assert_eq!(self.dump().await.changes_since(&before), Vec::<String>::new(), "{name}");
        println!("{name:<21} {output:<21} refused with {status}, nothing changed");
    }
}
