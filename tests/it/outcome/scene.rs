//! An app, a user and WeChat, around one subscription.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use papay::token::TokenUser;
use publish::envelope::CloudEvent;
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{Keyed, MCH_ID, Side, Town, attribute, once};

/// The longest that an outcome takes with the clock being moved.
const PATIENCE: Duration = Duration::from_secs(60);

/// What the app gives along.
pub(super) const METADATA: &str = "campaign 11";

/// A subscription that was begun.
pub(crate) struct Scene {
    pub(crate) town: Town,
    token: String,
    /// What `POST …/subscriptions` or `POST …/contracts` answered.
    pub(crate) begun: Value,
    pub(crate) code: String,
    pub(crate) order: String,
    heard: Vec<CloudEvent>,
}

/// What all sides must say at the end.
pub(crate) struct End<'a> {
    /// Of the app's status, and of the last `subscription.settled`.
    pub(crate) outcome: &'a str,
    /// Of the app's status and of the ledger's order.
    pub(crate) payment: &'a str,
    /// Of the app's status and of the ledger's contract.
    pub(crate) contract: &'a str,
    /// Why it was not signed, or ended.
    pub(crate) reason: Option<&'a str>,
    /// `trade_state` at WeChat.
    pub(crate) trade_state: &'a str,
    /// The state of the contract at WeChat; `None` where it knows none of this number.
    pub(crate) at_wechat: Option<&'a str>,
    /// The events, without `papay.` and `.v1`, in the order of their names.
    pub(crate) events: &'a [&'a str],
}

impl Scene {
    /// Alice subscribes to a product in the merchant's app.
    pub(crate) async fn subscribed(product: &str) -> Self {
        let town = Town::start().await;
        Self::begin(town, "alice", product).await
    }

    /// A user begins a subscription in a running town.
    pub(crate) async fn begin(town: Town, user: &str, product: &str) -> Self {
        let mut scene = Self::unbegun(town, user);
        let begun = scene.subscribe(product, &format!("first of {user}")).await;
        scene.goes_on_with(begun);
        scene
    }

    /// A user begins in a channel, by `/subscriptions` or `/contracts`. At WeChat `alice` is `wx-alice`.
    pub(super) async fn begin_in(town: Town, user: &str, route: &str, channel: &str) -> Self {
        let mut scene = Self::unbegun(town, user);
        scene.token = token_with_openids(&scene.town, user).await;
        let body = json!({ "product": "vip-monthly", "channel": channel, "metadata": METADATA });
        let begun = scene.call(Method::POST, route, Some((channel, body))).await;
        scene.goes_on_with(begun);
        scene
    }

    /// A user who has begun nothing.
    pub(crate) fn unbegun(town: Town, user: &str) -> Self {
        let none = String::new;
        town.ask_wechat();
        let token = token(&town, user);
        Self { town, token, begun: Value::Null, code: none(), order: none(), heard: Vec::new() }
    }

    /// Takes up what a call has begun.
    pub(super) fn goes_on_with(&mut self, (status, begun): (u16, Value)) {
        assert!(matches!(status, 200 | 201), "{status} {begun}");
        self.code = text(&begun["contract_code"]);
        self.order = text(&begun["payment"]["out_trade_no"]);
        self.begun = begun;
    }

    /// Takes the numbers of the only attempt on record.
    pub(crate) async fn find(&mut self) {
        let dump = self.town.dump().await;
        let prefix = format!("{MCH_ID}#C#");
        let code = dump.ledger.keys().find_map(|key| key.strip_prefix(&prefix)).unwrap();
        (self.code, self.order) = (code.to_owned(), format!("{code}F0"));
    }

    /// `POST …/subscriptions` for the app; answers status and body.
    pub(crate) async fn subscribe(&self, product: &str, key: &str) -> (u16, Value) {
        let body = json!({ "product": product, "channel": "app", "metadata": METADATA });
        self.call(Method::POST, "/subscriptions", Some((key, body))).await
    }

    /// A call of the app.
    pub(crate) async fn call(&self, method: Method, path: &str, body: Keyed<'_>) -> (u16, Value) {
        self.town.app(&self.token, method, path, body).await
    }

    /// The same, whatever is answered.
    pub(crate) async fn call_once(&self, method: Method, path: &str, body: Keyed<'_>) -> (u16, Value) {
        once(self.town.request(&Side::App(self.token.clone()), method, path, body)).await
    }

    /// A `POST` of the merchant's back end.
    pub(crate) async fn back_end(&self, path: &str, key: &str, body: &Value) -> (u16, Value) {
        self.town.back_end(path, key, body.clone()).await
    }

    /// The app's status.
    pub(crate) async fn status(&self) -> Value {
        let (status, body) = self.call(Method::GET, &format!("/subscriptions/{}", self.code), None).await;
        assert_eq!(status, 200, "{body}");
        body
    }

    /// `POST /control/…` of the simulator.
    pub(crate) async fn control(&self, path: &str, body: Value) -> Value {
        self.town.stack.simulator.control().post(path, body).await.unwrap_or_else(|error| panic!("{path}: {error}"))
    }

    /// The user opens WeChat with what the client was given, and pays.
    pub(crate) async fn pay(&self, how: Value) -> Value {
        let opened = self.open().await;
        assert_eq!(text(&opened["out_trade_no"]), self.order, "{opened}");
        self.control(&format!("/{MCH_ID}/orders/{}/pay", self.order), how).await
    }

    /// The user opens WeChat with what the client was given, and signs without paying.
    pub(super) async fn sign(&self, user: &str) {
        let opened = self.open().await;
        assert_eq!(text(&opened["contract_code"]), self.code, "{opened}");
        self.control(&format!("/{MCH_ID}/contracts/{}/sign", self.code), json!({ "user": user })).await;
    }

    /// The client does with the launch parameters what their type says, and changes nothing in them.
    pub(super) async fn open(&self) -> Value {
        self.control("/open", opening(&self.begun["launch"])).await
    }

    /// Notices of this kind about this subscription never come.
    pub(crate) async fn lose(&self, kind: &str) {
        let number = if kind == "payment" { &self.order } else { &self.code };
        let fault = json!({ "on": "notice", "kind": kind, "number": number, "times": 1_000, "fault": "lost" });
        self.control("/faults", fault).await;
    }

    /// Waits until the app sees an outcome, moving the clock by `step` between the looks.
    pub(crate) async fn comes_to(&self, outcome: &str, step: Duration) -> Value {
        self.sees(outcome, step, |status| &status["outcome"]).await
    }

    /// The same for the status of the payment.
    pub(super) async fn is_paid_as(&self, payment: &str, step: Duration) -> Value {
        self.sees(payment, step, |status| &status["payment"]["status"]).await
    }

    async fn sees(&self, word: &str, step: Duration, of: impl Fn(&Value) -> &Value) -> Value {
        let started = Instant::now();
        loop {
            let status = self.status().await;
            if of(&status) == word {
                return status;
            }
            assert!(started.elapsed() < PATIENCE, "waited for {word}: {status}\n{}", self.background());
            self.town.move_clock(step).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the functions without a URL wrote last.
    fn background(&self) -> String {
        let lines = self.town.lines();
        let lines = lines.iter().filter(|line| matches!(line.function.as_str(), "sweeper" | "worker"));
        let lines: Vec<_> = lines.map(|line| format!("{}: {}", line.function, line.text)).collect();
        lines[lines.len().saturating_sub(20)..].join("\n")
    }

    /// The last event about the outcome, once it says so; everything that comes is kept.
    pub(super) async fn hears(&mut self, outcome: &str) {
        let started = Instant::now();
        while self.settled() != Some(outcome.to_owned()) {
            assert!(started.elapsed() < PATIENCE, "waited for {outcome}: {:?}", self.types());
            self.town.move_clock(Duration::from_secs(61)).await;
            let mine = self.town.receive_what_is_there("membership").await;
            self.heard.extend(mine.into_iter().filter(|event| self.code == event_code(event)));
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    }

    /// What the last event of this type said.
    pub(crate) fn told(&self, name: &str) -> Value {
        let event_type = format!("papay.{name}.v1");
        self.heard.iter().rev().find(|event| event.event_type == event_type).map(data).unwrap_or_default()
    }

    fn settled(&self) -> Option<String> {
        let settled = self.heard.iter().rev().find(|event| event.event_type == "papay.subscription.settled.v1")?;
        Some(text(&data(settled)["outcome"]))
    }

    pub(super) fn types(&self) -> Vec<String> {
        let name = |event: &CloudEvent| event.event_type.replace("papay.", "").replace(".v1", "");
        let mut types: Vec<_> = self.heard.iter().map(name).collect();
        types.sort();
        types
    }

    /// All four sides say the same.
    pub(crate) async fn ends(mut self, end: End<'_>, step: Duration) -> Self {
        let status = self.comes_to(end.outcome, step).await;
        assert_eq!(status["payment"]["status"], end.payment, "{status}");
        assert_eq!(status["contract"]["state"], end.contract, "{status}");
        let reason = ["not_signed_reason", "termination_reason"].map(|name| status["contract"][name].as_str());
        assert_eq!(reason.into_iter().flatten().next(), end.reason, "{status}");
        assert_eq!(status["metadata"], METADATA);

        self.hears(end.outcome).await;
        assert_eq!(self.types(), end.events);
        self.heard.iter().for_each(carries_metadata);
        self.town.drained().await;

        let dump = self.town.dump().await;
        let order = dump.state(MCH_ID, 'O', &self.order);
        // An order on record is created, requested or closing where the app sees that it is not paid.
        let on_record = attribute(order, "state");
        let as_status =
            if matches!(on_record.as_str(), "created" | "requested" | "closing") { "unpaid" } else { &on_record };
        assert_eq!(as_status, end.payment);
        assert_eq!(attribute(dump.state(MCH_ID, 'C', &self.code), "state"), end.contract);

        let wechat = self.town.stack.simulator.control();
        let order = wechat.get(&format!("/{MCH_ID}/orders/{}", self.order)).await.unwrap();
        // Its query says REFUND of a paid order that has refunds.
        let refunded = order["refunds"].as_array().is_some_and(|refunds| !refunds.is_empty());
        let trade_state = if refunded { "REFUND" } else { order["state"].as_str().unwrap_or_default() };
        assert_eq!(trade_state, end.trade_state, "{order}");
        let contract = wechat.get(&format!("/{MCH_ID}/contracts/{}", self.code)).await.ok();
        assert_eq!(contract.as_ref().and_then(|contract| contract["state"].as_str()), end.at_wechat, "{contract:?}");
        self
    }

    pub(crate) async fn stop(self) {
        self.town.stop().await;
    }
}

/// A token of the local issuer, good for as long as a test moves the clock.
pub(crate) fn token(town: &Town, user: &str) -> String {
    token_of(town, TokenUser { user: user.to_owned(), ..TokenUser::default() })
}

/// A token with the openids of the page inside WeChat and of the mini program, as the merchant's login would know them. At WeChat
/// `alice` is `wx-alice`.
pub(crate) async fn token_with_openids(town: &Town, user: &str) -> String {
    let mut openids = BTreeMap::new();
    for appid in ["wxd930ea5d5a258f4f", "wxd678efh567hg6787"] {
        let known = town.stack.simulator.control().get(&format!("/openids/{appid}/wx-{user}")).await.unwrap();
        openids.insert(appid.to_owned(), text(&known["openid"]));
    }
    token_of(town, TokenUser { user: user.to_owned(), openids, ..TokenUser::default() })
}

/// What the client's WeChat is given: it does with the launch parameters what their type says, and changes nothing in them.
pub(crate) fn opening(launch: &Value) -> Value {
    let (kind, params) = (text(&launch["type"]), launch["params"].clone());
    match kind.as_str() {
        "App" => json!({ "app": params }),
        "Jsapi" => json!({ "jsapi": params }),
        "Native" => json!({ "code_url": params["code_url"] }),
        "Mweb" => json!({ "mweb_url": params["mweb_url"] }),
        "WXLaunchMiniProgram" => json!({ "WXLaunchMiniProgram": params }),
        "NavigateToMiniProgram" => json!({ "navigateToMiniProgram": params }),
        // A page of WeChat's inside WeChat, or in a browser.
        "Page" if text(&params["url"]).contains("/papay/entrustweb?") => json!({ "entrustweb": params["url"] }),
        "Page" => json!({ "h5": params["url"] }),
        _ => panic!("{launch}"),
    }
}

fn token_of(town: &Town, user: TokenUser) -> String {
    let mch_id = domain::MchId::parse(MCH_ID).unwrap();
    let expires = town.now() + domain::SignedDuration::from_hours(24 * 60);
    papay::token::token(&town.config, &mch_id, &user, expires).unwrap()
}

/// The contract whose stream an event belongs to.
fn event_code(event: &CloudEvent) -> String {
    let stream = event.id.rsplit_once(':').map_or("", |(stream, _)| stream);
    stream.rsplit('#').next().unwrap_or_default().to_owned()
}

/// What the app gave is in every snapshot of the contract and of the order.
pub(super) fn carries_metadata(event: &CloudEvent) {
    let data = data(event);
    let given = [&data["contract"]["metadata"], &data["order"]["attach"]];
    let given: Vec<_> = given.into_iter().filter(|given| !given.is_null()).collect();
    assert!(!given.is_empty() && given.iter().all(|given| **given == METADATA), "{}: {data}", event.event_type);
}

pub(super) fn data(event: &CloudEvent) -> Value {
    serde_json::from_str(event.data.get()).unwrap()
}

pub(crate) fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
