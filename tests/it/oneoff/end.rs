//! How a purchase ends: what the app, the ledger, the consumers and WeChat must say.

use papay::consumer::{ConsumerRule, Verdict};
use publish::envelope::CloudEvent;
use serde_json::{Value, json};

use super::scene::{METADATA, Scene};
use crate::harness::{Item, MCH_ID, attribute};
use crate::outcome::text;

/// What all sides must say at the end.
pub(super) struct End<'a> {
    /// Of the app's status and of the ledger's order.
    pub(super) status: &'a str,
    /// WeChat's answer to a query.
    pub(super) trade_state: &'a str,
    /// Number, fen, state on record, and WeChat's answer to a query.
    pub(super) refunds: &'a [(&'a str, u64, &'a str, &'a str)],
    /// What each consumer hears, in that order, without `papay.` and `.v1`.
    pub(super) events: &'a [&'a str],
}

/// Paid, and nothing more.
pub(super) const PAID: End<'_> =
    End { status: "paid", trade_state: "SUCCESS", refunds: &[], events: &["payment.succeeded"] };

/// Closed unpaid.
pub(super) const CLOSED: End<'_> =
    End { status: "closed", trade_state: "CLOSED", refunds: &[], events: &["payment.closed"] };

impl Scene {
    /// All four sides say the same. Answers what the consumers heard.
    pub(super) async fn ends(&self, end: End<'_>) -> Vec<CloudEvent> {
        self.the_app_sees(&end).await;
        self.the_ledger_says(&end).await;
        self.wechat_says(&end).await;
        let heard = self.every_consumer_hears(end.events).await;
        the_events_say(&heard, &end);
        heard
    }

    async fn the_app_sees(&self, end: &End<'_>) {
        let status = self.status().await;
        assert_eq!(status["status"], end.status, "{status}");
        assert_eq!(status["refunded"], given_back(end), "{status}");
        assert_eq!(status["metadata"], METADATA);
    }

    async fn the_ledger_says(&self, end: &End<'_>) {
        let dump = self.town.dump().await;
        let order = dump.state(MCH_ID, 'O', &self.order);
        assert_eq!(attribute(order, "state"), end.status);
        assert_eq!(attribute(order, "refunded"), given_back(end).to_string());
        assert_eq!(attribute(order, "reserved"), "0", "nothing is promised that was neither given nor refused");
        let refunds = dump.ledger.iter().filter(|(key, _)| key.starts_with(&format!("{MCH_ID}#R#")));
        let on_record: Vec<_> = refunds.filter(|(_, item)| attribute(item, "state") != "rejected").collect();
        assert_eq!(on_record.len(), end.refunds.len(), "{:?}", on_record);
        for (number, _, state, _) in end.refunds {
            assert_eq!(attribute(dump.state(MCH_ID, 'R', number), "state"), *state, "{number}");
        }
    }

    /// The order's refunds that came to nothing, sorted: number, and WeChat's code of why.
    async fn rejected_refunds(&self) -> Vec<(String, String)> {
        let dump = self.town.dump().await;
        let of_order = dump.ledger.iter().filter(|(key, item)| {
            key.starts_with(&format!("{MCH_ID}#R#")) && attribute(item, "out_trade_no") == self.order
        });
        let rejected = of_order.filter(|(_, item)| attribute(item, "state") == "rejected");
        let of = |item: &Item| (attribute(item, "out_refund_no"), attribute(item, "failure"));
        let mut refunds: Vec<_> = rejected.map(|(_, item)| of(item)).collect();
        refunds.sort();
        refunds
    }

    async fn wechat_says(&self, end: &End<'_>) {
        assert_eq!(self.wechat.order(&self.town, &self.order).await["trade_state"], end.trade_state);
        let mut given = 0;
        for (number, amount, _, status) in end.refunds {
            let refund = self.wechat.refund(&self.town, number).await;
            assert_eq!(refund["status"], *status, "{refund}");
            assert_eq!(refund["amount"]["refund"], *amount, "{refund}");
            assert_eq!(refund["out_trade_no"], self.order, "{refund}");
            given += refund["amount"]["refund"].as_u64().filter(|_| refund["status"] == "SUCCESS").unwrap_or_default();
        }
        assert_eq!(given, given_back(end), "WeChat has given back as much as is on record");
    }

    /// Each event once, by its id, in order and without a gap. That a refund was rejected is heard of once as well, whenever it was.
    async fn every_consumer_hears(&self, types: &[&str]) -> Vec<CloudEvent> {
        self.town.drained().await;
        let rejected = self.rejected_refunds().await;
        let mut heard = Vec::new();
        for consumer in ["ledger", "membership"] {
            let mut rule = ConsumerRule::default();
            heard = self.town.receive_what_is_there(consumer).await;
            heard.retain(|event| event.id.contains(&self.order));
            heard.retain(|event| match rule.judge(event) {
                Verdict::Next => true,
                Verdict::Duplicate => false,
                verdict => panic!("{consumer}: {verdict:?} {}", event.id),
            });
            let mut told: Vec<_> =
                heard.extract_if(.., |event| is_of_a_rejected(event)).map(|event| rejected_by(&event)).collect();
            told.sort();
            assert_eq!(told, rejected, "{consumer}: each refund that came to nothing");
            let names = heard.iter().map(|event| event.event_type.replace("papay.", "").replace(".v1", ""));
            assert_eq!(names.collect::<Vec<_>>(), types, "{consumer}");
        }
        for event in &heard {
            assert_eq!(data(event)["order"]["attach"], METADATA, "{}", event.event_type);
        }
        heard
    }
}

fn is_of_a_rejected(event: &CloudEvent) -> bool {
    event.event_type == "papay.refund.closed.v1" && data(event)["refund"]["state"] == "rejected"
}

fn rejected_by(event: &CloudEvent) -> (String, String) {
    let refund = &data(event)["refund"];
    (text(&refund["out_refund_no"]), text(&refund["failure"]))
}

/// The last that was said of the order and of each refund is how they are.
fn the_events_say(heard: &[CloudEvent], end: &End<'_>) {
    let said: Vec<Value> = heard.iter().rev().map(data).collect();
    let order = &said.first().expect("something happened")["order"];
    assert_eq!((&order["state"], &order["refunded"]), (&json!(end.status), &json!(given_back(end))), "{order}");
    for (number, amount, state, _) in end.refunds {
        let last = said.iter().map(|data| &data["refund"]).find(|refund| refund["out_refund_no"] == *number);
        let last = last.unwrap_or_else(|| panic!("no event is about {number}"));
        assert_eq!((&last["state"], &last["amount"]), (&json!(state), &json!(amount)), "{number}");
    }
}

/// What succeeded of the refunds, in fen.
fn given_back(end: &End<'_>) -> u64 {
    end.refunds.iter().filter(|(_, _, state, _)| *state == "succeeded").map(|(_, amount, _, _)| amount).sum()
}

/// How we came to know of each: `callback`, `query`, …
pub(super) fn causes(events: &[CloudEvent]) -> Vec<String> {
    events.iter().map(|event| text(&data(event)["cause"])).collect()
}

pub(super) fn data(event: &CloudEvent) -> Value {
    serde_json::from_str(event.data.get()).unwrap()
}
