//! An app, a back end, a user and WeChat, around one purchase.

use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use super::questions::WeChat;
use crate::harness::{Keyed, MCH_ID, Town, attribute};
use crate::outcome::{opening, text, token_with_openids};

/// The longest that anything takes with the clock being moved.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the app gives along.
pub(super) const METADATA: &str = "campaign 11";

pub(super) const SECOND: Duration = Duration::from_secs(1);
/// More than the time that lies between two refunds of an order, and between two rounds of the sweeper.
pub(super) const MINUTE: Duration = Duration::from_secs(61);

/// A purchase that was begun.
pub(super) struct Scene {
    pub(super) town: Town,
    token: String,
    /// What `POST …/orders` answered.
    pub(super) begun: Value,
    pub(super) order: String,
    pub(super) wechat: WeChat,
}

impl Scene {
    /// Alice buys a book in the merchant's app.
    pub(super) async fn of_a_book() -> Self {
        Self::begin(Town::start().await, "alice", "ebook", "app").await
    }

    /// The same, and she has paid; the notice of it is believed.
    pub(super) async fn of_a_paid_book() -> Self {
        let scene = Self::of_a_book().await;
        scene.pay().await;
        scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
        scene
    }

    /// A user begins a purchase in a running town.
    pub(super) async fn begin(town: Town, user: &str, product: &str, channel: &str) -> Self {
        let mut scene = Self::unbegun(town, user).await;
        let begun = scene.buy(product, channel, &format!("purchase of {user}")).await;
        assert_eq!(begun.0, 201, "{}", begun.1);
        scene.goes_on_with(begun);
        scene
    }

    /// A user who has begun nothing.
    pub(super) async fn unbegun(town: Town, user: &str) -> Self {
        town.ask_wechat();
        let token = token_with_openids(&town, user).await;
        let wechat = WeChat::of(&town);
        Self { town, token, begun: Value::Null, order: String::new(), wechat }
    }

    /// Takes up what a call has begun.
    pub(super) fn goes_on_with(&mut self, (status, begun): (u16, Value)) {
        assert!(matches!(status, 200 | 201), "{status} {begun}");
        self.order = text(&begun["out_trade_no"]);
        self.begun = begun;
    }

    /// What the app proves itself with.
    pub(super) fn token(&self) -> &str {
        &self.token
    }

    /// `POST …/orders`; answers status and body.
    pub(super) async fn buy(&self, product: &str, channel: &str, key: &str) -> (u16, Value) {
        let body = json!({ "product": product, "channel": channel, "metadata": METADATA });
        self.app(Method::POST, "/orders", Some((key, body))).await
    }

    /// A call of the app.
    async fn app(&self, method: Method, path: &str, body: Keyed<'_>) -> (u16, Value) {
        self.town.app(&self.token, method, path, body).await
    }

    /// The app's status, which asks WeChat.
    pub(super) async fn status(&self) -> Value {
        let (status, body) = self.app(Method::GET, &format!("/orders/{}", self.order), None).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// The app closes the order; answers status and body.
    pub(super) async fn close(&self) -> (u16, Value) {
        self.app(Method::POST, &format!("/orders/{}/close", self.order), Some(("close", json!({})))).await
    }

    /// A `POST` of the merchant's back end; answers status and body.
    pub(super) async fn back_end(&self, path: &str, key: &str, body: Value) -> (u16, Value) {
        self.town.back_end(path, key, body).await
    }

    /// The back end gives back so much under a number; answers status and body.
    pub(super) async fn give_back(&self, out_refund_no: &str, amount: u64) -> (u16, Value) {
        let body = json!({ "out_trade_no": self.order, "out_refund_no": out_refund_no, "amount": amount });
        self.back_end("/refunds", out_refund_no, body).await
    }

    /// The same, which must be taken.
    pub(super) async fn gives_back(&self, out_refund_no: &str, amount: u64) {
        let (status, body) = self.give_back(out_refund_no, amount).await;
        assert!(matches!(status, 200 | 202), "{status} {body}");
    }

    /// The same, which must be refused with this code.
    pub(super) async fn cannot_give_back(&self, out_refund_no: &str, amount: u64, code: &str) {
        let (status, body) = self.give_back(out_refund_no, amount).await;
        assert_eq!((status, body["code"].as_str()), (409, Some(code)), "{body}");
    }

    /// `POST /control/…` of the simulator, which may refuse.
    pub(super) async fn try_at_wechat(&self, path: &str, body: Value) -> Option<Value> {
        self.town.stack.simulator.control().post(path, body).await.ok()
    }

    /// `POST /control/…` of the simulator.
    pub(super) async fn at_wechat(&self, path: &str, body: Value) -> Value {
        self.town.stack.simulator.control().post(path, body).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The same about the order.
    pub(super) async fn of_the_order(&self, what: &str, body: Value) -> Value {
        self.at_wechat(&format!("/{MCH_ID}/orders/{}/{what}", self.order), body).await
    }

    /// The user opens WeChat with what the client was given, and pays.
    pub(super) async fn pay(&self) -> Value {
        let opened = self.at_wechat("/open", opening(&self.begun["launch"])).await;
        assert_eq!(text(&opened["out_trade_no"]), self.order, "{opened}");
        self.of_the_order("pay", json!({})).await
    }

    /// What happens to the next so many notices of this kind.
    pub(super) async fn notices_meet(&self, kind: &str, fault: Value, times: u32) {
        self.at_wechat("/faults", json!({ "on": "notice", "kind": kind, "times": times, "fault": fault })).await;
    }

    /// What happens to the next notice about this number.
    pub(super) async fn next_notice_of(&self, number: &str, fault: Value) {
        self.at_wechat("/faults", json!({ "on": "notice", "number": number, "fault": fault })).await;
    }

    /// Neither payments nor refunds are told.
    pub(super) async fn loses_every_notice(&self) {
        for kind in ["payment", "refund"] {
            self.notices_meet(kind, json!("lost"), 1_000).await;
        }
    }

    /// The notices about a number, as WeChat sees them.
    pub(super) async fn notices(&self, number: &str) -> Vec<Value> {
        let path = format!("/{MCH_ID}/notices?number={number}");
        self.town.stack.simulator.control().get(&path).await.unwrap().as_array().unwrap().clone()
    }

    /// Waits until WeChat has been heard, moving the clock between the looks.
    pub(super) async fn hears_every_notice(&self, number: &str, step: Duration) {
        let started = Instant::now();
        loop {
            let notices = self.notices(number).await;
            if !notices.is_empty() && notices.iter().all(|notice| notice["state"] == "accepted") {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "waited until {number} is heard: {notices:#?}");
            self.time_passes(step).await;
        }
    }

    /// Waits until the ledger says so, moving the clock between the looks. Nobody asks for the app.
    pub(super) async fn comes_to_be(&self, kind: char, number: &str, state: &str, step: Duration) {
        let started = Instant::now();
        loop {
            let key = format!("{MCH_ID}#{kind}#{number}");
            let is = self.town.dump().await.ledger.get(&key).map(|item| attribute(item, "state")).unwrap_or_default();
            if is == state {
                return;
            }
            assert!(started.elapsed() < PATIENCE, "{key} is {is} and not {state}\n{}", self.background());
            self.time_passes(step).await;
        }
    }

    pub(super) async fn time_passes(&self, step: Duration) {
        self.town.move_clock(step).await;
        tokio::time::sleep(Duration::from_millis(50)).await;
    }

    /// What the functions without a URL wrote last.
    fn background(&self) -> String {
        let lines = self.town.lines();
        let lines = lines.iter().filter(|line| matches!(line.function.as_str(), "sweeper" | "worker"));
        let lines: Vec<_> = lines.map(|line| format!("{}: {}", line.function, line.text)).collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    pub(super) async fn stop(self) {
        self.town.stop().await;
    }
}
