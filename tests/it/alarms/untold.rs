//! One URL that WeChat does not reach, beside others that it does.

use std::time::Duration;

use papay::stack::CALLBACKS;
use reqwest::Method;
use serde_json::json;

use super::scene::{ordered, trips, values, wechat_misbehaves};
use crate::harness::{Town, poll};
use crate::outcome::{call, token};

const UNTOLD: [&str; 4] = ["DeductionsUntold", "ContractsUntold", "PaymentsUntold", "RefundsUntold"];

impl Town {
    /// From here WeChat's notices of this kind get lost.
    async fn loses(&self, kind: &str) {
        wechat_misbehaves(self, json!({ "on": "notice", "kind": kind, "fault": "lost", "times": 1000 })).await;
    }

    /// A user pays and signs with an order, and whatever is due within the minute is asked.
    async fn sells_a_subscription(&self) {
        for numbers in ordered(self, 1).await {
            self.wechat(&format!("/orders/{}/pay", numbers.out_trade_no), json!({ "user": numbers.contract_code }))
                .await;
        }
        self.ask_wechat();
        self.move_clock(Duration::from_secs(61)).await;
    }

    /// The app looks until its order is paid.
    async fn looks_at(&self, order: &str) {
        let token = token(self, "alice");
        // What was made a moment ago is not asked for.
        self.move_clock(Duration::from_secs(6)).await;
        poll("the app sees that it is paid", async || {
            let (status, told) = call(self, &token, Method::GET, &format!("/orders/{order}"), None).await;
            assert_eq!(status, 200, "{told}");
            told["status"] == "paid"
        })
        .await;
    }

    /// How many notices a callback has taken.
    fn taken(&self, callback: &str) -> f64 {
        values(self, callback, "Callbacks").iter().sum()
    }

    /// How often any function has counted one of the metrics that say what no callback told.
    fn untold(&self) -> [f64; 4] {
        let functions = ["worker", "sign-api", "merchant-api", "bill-reconciler"];
        let of = |metric| functions.iter().flat_map(|function| values(self, function, metric)).sum();
        UNTOLD.map(of)
    }

    /// The scenario's URL is the only one that is dead, and what was untold is of its kind alone.
    async fn is_dead(&self, scenario: &str, callback: &str) {
        trips(self, scenario).await;
        assert_eq!(self.taken(callback), 0.0);
        let kind = CALLBACKS.iter().position(|name| *name == callback).unwrap();
        for (place, untold) in self.untold().into_iter().enumerate() {
            assert_eq!(untold > 0.0, place == kind, "{}: {untold}", UNTOLD[place]);
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_that_only_questions_tell_are_counted_beside_contracts_that_notices_tell() {
    let town = Town::start().await;
    town.loses("payment").await;
    town.sells_a_subscription().await;
    town.is_dead("deduction_url_dead", "deduction-callback").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_that_only_questions_tell_are_counted_beside_payments_that_notices_tell() {
    let town = Town::start().await;
    town.loses("contract_add").await;
    town.sells_a_subscription().await;
    town.is_dead("contract_url_dead", "contract-callback").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn purchases_that_only_the_apps_looks_tell_are_counted_beside_refunds_that_notices_tell() {
    let town = Town::start().await;
    town.loses("payment").await;
    let book = town.buys("book").await;
    town.looks_at(&book).await;
    town.back_end_asks("/refunds", json!({ "out_trade_no": book, "out_refund_no": "R1", "amount": 29 })).await;
    town.move_clock(Duration::from_secs(1)).await;
    poll("the refund's notice is taken", async || town.taken("refund-callback") > 0.0).await;
    town.is_dead("payment_url_dead", "payment-callback").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn refunds_that_only_questions_tell_are_counted_beside_payments_that_notices_tell() {
    let town = Town::start().await;
    town.loses("refund").await;
    let book = town.buys("book").await;
    town.is('O', &book, "paid").await;
    town.back_end_asks("/refunds", json!({ "out_trade_no": book, "out_refund_no": "R1", "amount": 29 })).await;
    town.ask_wechat();
    town.move_clock(Duration::from_secs(121)).await;
    town.is_dead("refund_url_dead", "refund-callback").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_of_the_app_that_is_quicker_than_the_notice_is_counted_together_with_the_notice() {
    let town = Town::start().await;
    wechat_misbehaves(&town, json!({ "on": "notice", "kind": "payment", "fault": { "late": { "ms": 10_000 } } })).await;
    let book = town.buys("book").await;
    town.looks_at(&book).await;
    assert_eq!(town.taken("payment-callback"), 0.0);
    town.move_clock(Duration::from_secs(10)).await;
    trips(&town, "quick_app").await;
    assert_eq!(town.untold(), [0.0, 0.0, 1.0, 0.0]);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn orders_that_nobody_pays_are_closed_by_asking_and_count_as_nothing_that_was_untold() {
    let town = Town::start().await;
    let orders = ordered(&town, 1).await;
    town.ask_wechat();
    for numbers in &orders {
        town.back_end_asks(&format!("/orders/{}/close", numbers.out_trade_no), json!({})).await;
    }
    town.move_clock(Duration::from_secs(6 * 60)).await;
    for numbers in &orders {
        town.is('O', &numbers.out_trade_no, "closed").await;
    }
    trips(&town, "unpaid_orders").await;
    assert_eq!(town.untold(), [0.0; 4]);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_unsigned_refund_notice_had_asked_is_told_and_not_untold() {
    let town = Town::start().await;
    let [numbers] = &ordered(&town, 1).await[..] else { panic!("one order") };
    town.wechat(&format!("/orders/{}/pay", numbers.out_trade_no), json!({ "user": "alice" })).await;
    town.is('C', &numbers.contract_code, "signed").await;
    town.is('O', &numbers.out_trade_no, "paid").await;
    town.ask_wechat();
    let number = format!("R{}", numbers.contract_code);
    let refund = json!({ "out_trade_no": numbers.out_trade_no, "out_refund_no": number, "amount": numbers.total });
    town.back_end_asks("/refunds", refund).await;
    town.refunds(&number).await;
    town.is('R', &number, "succeeded").await;
    poll("the worker has written what it learnt", async || !values(&town, "worker", "Asked").is_empty()).await;
    assert_eq!(town.untold()[3], 0.0);
    town.stop().await;
}
