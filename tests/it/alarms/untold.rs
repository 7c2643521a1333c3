//! One URL that WeChat does not reach, beside others that it does; and none that it reaches.

use std::time::Duration;

use counterparty::Numbers;
use reqwest::Method;
use serde_json::json;

use super::scene::{ordered, sweep, trips, values};
use crate::calls::subscribed;
use crate::harness::{Town, poll};
use crate::outcome::token;

const UNTOLD: [&str; 5] =
    ["DeductionsUntold", "SigningsUntold", "TerminationsUntold", "PaymentsUntold", "RefundsUntold"];

impl Town {
    /// A user pays and signs with an order, and whatever is due within the minute is asked.
    async fn sells_a_subscription(&self) -> Numbers {
        let numbers = ordered(self, 1).await.remove(0);
        self.wechat(&format!("/orders/{}/pay", numbers.out_trade_no), json!({ "user": numbers.contract_code })).await;
        self.ask_wechat();
        self.move_clock(Duration::from_secs(61)).await;
        self.is('C', &numbers.contract_code, "signed").await;
        numbers
    }

    /// A user ends a contract in WeChat.
    async fn loses_a_subscriber(&self, contract_code: &str) {
        self.wechat(&format!("/contracts/{contract_code}/terminate"), json!({ "by": "user" })).await;
    }

    /// How many notices a callback has taken.
    fn taken(&self, callback: &str) -> f64 {
        self.all_of(callback, "Callbacks")
    }

    fn all_of(&self, function: &str, metric: &str) -> f64 {
        values(self, function, metric).iter().sum()
    }

    /// How often any function has counted one of the metrics that say what no callback told.
    fn untold(&self) -> [f64; 5] {
        let functions = ["worker", "sign-api", "merchant-api", "bill-reconciler"];
        let of = |metric| functions.iter().flat_map(|function| values(self, function, metric)).sum();
        UNTOLD.map(of)
    }

    /// The scenario's URL is the only one that is dead: nothing of its kind was told, and what was untold is of its kind alone.
    async fn is_dead(&self, scenario: &str, (callback, told): (&str, &str), kind: &str) {
        trips(self, scenario).await;
        assert_eq!(self.all_of(callback, told), 0.0);
        for (metric, untold) in UNTOLD.into_iter().zip(self.untold()) {
            assert_eq!(untold > 0.0, metric == kind, "{metric}: {untold}");
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_questions_change_while_no_callback_takes_anything_is_counted() {
    let town = Town::start().await;
    for kind in ["payment", "contract_add", "contract_delete", "refund"] {
        town.loses(kind).await;
    }
    // The queue of a town refuses until it is told to ask WeChat: what is bought before that, the app alone asks for.
    let alice = token(&town, "alice");
    for key in ["book", "another"] {
        let book = town.buys(key).await;
        town.looks_until_paid(&alice, &book).await;
    }
    for _ in 0..2 {
        town.sells_a_subscription().await;
    }
    trips(&town, "notices_lost").await;
    for callback in ["deduction-callback", "contract-callback", "payment-callback", "refund-callback"] {
        assert_eq!(town.taken(callback), 0.0, "{callback}");
    }
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn payments_that_only_questions_tell_are_counted_beside_contracts_that_notices_tell() {
    let town = Town::start().await;
    town.loses("payment").await;
    town.sells_a_subscription().await;
    town.is_dead("deduction_url_dead", ("deduction-callback", "Callbacks"), "DeductionsUntold").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn signings_that_only_questions_tell_are_counted_beside_terminations_that_notices_tell() {
    let town = Town::start().await;
    town.loses("contract_add").await;
    let subscribed = town.sells_a_subscription().await;
    town.loses_a_subscriber(&subscribed.contract_code).await;
    town.is('C', &subscribed.contract_code, "terminated").await;
    town.is_dead("signing_url_dead", ("contract-callback", "SigningsTold"), "SigningsUntold").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn terminations_that_only_questions_tell_are_counted_beside_signings_that_notices_tell() {
    let town = Town::start().await;
    town.loses("contract_delete").await;
    let subscribed = town.sells_a_subscription().await;
    town.loses_a_subscriber(&subscribed.contract_code).await;
    // A contract in force is asked for once a day.
    town.move_clock(Duration::from_secs(25 * 3600)).await;
    town.is('C', &subscribed.contract_code, "terminated").await;
    town.is_dead("termination_url_dead", ("contract-callback", "TerminationsTold"), "TerminationsUntold").await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn purchases_that_only_the_apps_looks_tell_are_counted_beside_refunds_that_notices_tell() {
    let town = Town::start().await;
    town.loses("payment").await;
    let book = town.buys("book").await;
    town.looks_until_paid(&token(&town, "alice"), &book).await;
    town.back_end_asks("/refunds", json!({ "out_trade_no": book, "out_refund_no": "R1", "amount": 29 })).await;
    town.move_clock(Duration::from_secs(1)).await;
    poll("the refund's notice is taken", async || town.taken("refund-callback") > 0.0).await;
    town.is_dead("payment_url_dead", ("payment-callback", "Callbacks"), "PaymentsUntold").await;
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
    town.is_dead("refund_url_dead", ("refund-callback", "Callbacks"), "RefundsUntold").await;
    town.stop().await;
}

/// On one day somebody makes refunds of these numbers on the merchant platform, and on the next their bill is compared.
async fn refunds_by_hand(town: &Town, told: &str, untold: Option<&str>) {
    town.wait_for_beijing((12, 0)).await;
    town.ask_wechat();
    for number in std::iter::once(told).chain(untold) {
        let order = town.buys(number).await;
        town.is('O', &order, "paid").await;
        if untold == Some(number) {
            town.loses("refund").await;
        }
        town.wechat(&format!("/orders/{order}/refund"), json!({ "amount": 90, "out_refund_no": number })).await;
        if untold != Some(number) {
            town.refunds(number).await;
            town.is('R', number, "succeeded").await;
        }
    }
    town.wait_for_tomorrow((10, 30)).await;
    town.compare_bills().await.unwrap();
    for number in std::iter::once(told).chain(untold) {
        town.is('R', number, "succeeded").await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_by_hand_that_only_the_bill_tells_is_counted_beside_one_that_a_notice_tells() {
    let town = Town::start().await;
    refunds_by_hand(&town, "TOLD", Some("UNTOLD")).await;
    trips(&town, "refund_by_hand_untold").await;
    assert_eq!(town.all_of("bill-reconciler", "RefundsByHandUntold"), 1.0);
    assert_eq!(town.untold(), [0.0; 5]);
    // It is on record from here, and the day's second run has nothing to tell.
    town.wait_for_beijing((14, 30)).await;
    town.compare_bills().await.unwrap();
    poll("the bill was compared again", async || town.all_of("bill-reconciler", "BillsCompared") >= 2.0).await;
    assert_eq!(town.all_of("bill-reconciler", "RefundsByHandUntold"), 1.0);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_by_hand_that_a_notice_tells_is_none_that_the_bill_told() {
    let town = Town::start().await;
    refunds_by_hand(&town, "TOLD", None).await;
    trips(&town, "refund_by_hand").await;
    assert_eq!(town.all_of("bill-reconciler", "RefundsByHandUntold"), 0.0);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_refund_of_ours_that_only_the_bill_tells_is_none_that_was_made_by_hand() {
    // The queue of a town refuses: nobody asks before the bill.
    let town = Town::start().await;
    town.wait_for_beijing((12, 0)).await;
    town.loses("refund").await;
    let book = town.buys("book").await;
    town.is('O', &book, "paid").await;
    town.back_end_asks("/refunds", json!({ "out_trade_no": book, "out_refund_no": "R1", "amount": 29 })).await;
    town.wait_for_tomorrow((10, 30)).await;
    town.compare_bills().await.unwrap();
    town.is('R', "R1", "succeeded").await;
    poll("the bill was compared", async || town.all_of("bill-reconciler", "BillsCompared") > 0.0).await;
    assert_eq!(town.untold(), [0.0, 0.0, 0.0, 0.0, 1.0]);
    assert_eq!(town.all_of("bill-reconciler", "RefundsByHandUntold"), 0.0);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_look_of_the_app_that_is_quicker_than_the_notice_is_counted_together_with_the_notice() {
    let town = Town::start().await;
    town.wechat_misbehaves(json!({ "on": "notice", "kind": "payment", "fault": { "late": { "ms": 3_600_000 } } }))
        .await;
    let book = town.buys("book").await;
    town.looks_until_paid(&token(&town, "alice"), &book).await;
    assert_eq!(town.taken("payment-callback"), 0.0);
    town.move_clock(Duration::from_secs(3_600)).await;
    trips(&town, "quick_app").await;
    assert_eq!(town.untold(), [0.0, 0.0, 0.0, 1.0, 0.0]);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_returns_quicker_than_the_notice_of_the_termination_is_counted_together_with_the_notice() {
    let town = Town::start().await;
    let alice = token(&town, "alice");
    let (code, _) = subscribed(&town, &alice, "first").await;
    let late = json!({ "on": "notice", "kind": "contract_delete", "fault": { "late": { "ms": 3_600_000 } } });
    town.wechat_misbehaves(late).await;
    town.loses_a_subscriber(&code).await;
    // What was asked for a moment ago is not asked for again.
    town.move_clock(Duration::from_secs(6)).await;
    let again = json!({ "product": "vip-monthly", "channel": "app" });
    let (status, told) = town.app(&alice, Method::POST, "/subscriptions", Some(("again", again))).await;
    assert_eq!(status, 201, "{told}");
    town.is('C', &code, "terminated").await;
    assert_eq!(town.all_of("contract-callback", "TerminationsTold"), 0.0);
    town.move_clock(Duration::from_secs(3_600)).await;
    trips(&town, "quick_return").await;
    assert_eq!(town.untold(), [0.0, 0.0, 1.0, 0.0, 0.0]);
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn contracts_that_the_app_or_a_refund_ends_count_as_nothing_that_was_untold_though_no_notice_comes() {
    let town = Town::start().await;
    town.loses("contract_delete").await;
    let alice = token(&town, "alice");
    let (by_app, _) = subscribed(&town, &alice, "first").await;
    let end = Some(("end", json!({ "remark": "enough" })));
    let (status, told) = town.app(&alice, Method::POST, &format!("/subscriptions/{by_app}/termination"), end).await;
    assert!(status < 300, "{told}");
    let (by_refund, order) = subscribed(&town, &alice, "again").await;
    // The refund's own call gets no answer, which would have put on record that the contract shall end.
    let unanswered = json!({ "on": "call", "path": "/secapi/pay/refund", "times": 10, "fault": "disconnect" });
    town.wechat_misbehaves(unanswered).await;
    let refund = json!({ "out_trade_no": order, "out_refund_no": "R1", "amount": 100, "terminate": true });
    town.back_end_asks("/refunds", refund).await;
    for code in [by_app, by_refund] {
        town.is('C', &code, "terminated").await;
    }
    trips(&town, "ended_by_us").await;
    sweep(&town).await;
    assert_eq!(town.untold(), [0.0; 5]);
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
    assert_eq!(town.untold(), [0.0; 5]);
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
    assert_eq!(town.untold()[4], 0.0);
    town.stop().await;
}
