//! The merchant's certificate changes while the app and the back end buy, ask and give back: it signs every V3 call of ours, and it is
//! shown to WeChat for each V2 refund. Callbacks have nothing to do with it, and come meanwhile.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use ask::Merchants;
use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM};
use domain::{AppId, Fen, MchId, OutRefundNo, OutTradeNo};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, SerialNumber, date_time_ymd};
use reqwest::Method;
use serde_json::{Value, json};
use setup::{Aws, Env, SigningKeyring, SystemClock};
use tokio::task::JoinSet;
use wechat::{Client, Hosts, Http, Moment, OrderRef};

use super::drill::{Drill, Load, ONE_IN, Way};
use super::wire::{Seen, Wire, tally};
use super::{MINUTE, wechat};
use crate::harness::{Authority, Door, Identity, MCH_ID, Town, attribute, papay, poll};
use crate::outcome::{call, text, token};

/// The functions that sign calls of the app and of the back end.
const SIGNING: [&str; 2] = ["sign-api", "merchant-api"];

const NEW_SERIAL: &str = "70F0C33D0A0C5E8D6B1B1F2C3A4D5E6F70819203";

/// The price of an `ebook`.
const PRICE: u64 = 990;

/// What could not be done in time: the same call again, with the same `Idempotency-Key`.
const UNAVAILABLE: u16 = 503;

/// A look at an order asks WeChat if nobody did so for 5 s.
const SINCE_THE_LAST_LOOK: Duration = Duration::from_secs(6);

/// For each phase.
const PATIENCE: Duration = Duration::from_secs(120);

/// Step by step as `docs/keys.md` says.
pub(super) async fn changes(load: Load) {
    let (authority, wire) = (Authority::new(), Wire::start().await);
    let variables = vec![wire.variable()];
    let drill = Drill::start_with("merchant certificate", load, Way::V2(wechat()), variables).await;
    wire.lead_to(&drill.town.stack.simulator.endpoint());
    let old = Certificate::new(&authority, MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM);
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let new = Certificate::new(&authority, NEW_SERIAL, &key.serialize_pem());
    old.is_put(&drill, "import").await;
    let counter = Counter::open(&drill.town, &authority).await;
    counter.gives_back("CLIENT1", &old).await;
    let mut shop = Shop { callers: Callers::start(&drill), wire, drill };

    shop.is_signed_by(&[&old]).await;
    // 1: the merchant has applied for it.
    let applied = json!({ "serial": new.serial, "private_key": new.identity.private_key_pem });
    shop.at_wechat("keys/merchant", applied).await;
    shop.is_signed_by(&[&old]).await;
    // 2: a process that starts from here takes it.
    new.is_put(&shop.drill, "rotate").await;
    shop.is_signed_by(&[&old, &new]).await;
    // 3: a deployment. What an old process has begun it ends.
    SIGNING.iter().for_each(|function| shop.drill.town.stack.lambda.deploy(function));
    shop.callers.all_move_on().await;
    shop.is_signed_by(&[&new]).await;
    counter.gives_back("CLIENT2", &new).await;
    // 4
    let revoke = format!("/{MCH_ID}/keys/merchant/{}", old.serial);
    shop.drill.town.stack.simulator.control().delete(&revoke).await.unwrap();
    shop.is_signed_by(&[&new]).await;
    shop.callers_end().await;
    drop(counter);
    shop.a_process_with_the_revoked_one_looks_again(&old, &new).await;
    shop.end().await;
}

/// A drill, what buys meanwhile, and what lies between it and WeChat.
struct Shop {
    drill: Drill,
    callers: Callers,
    wire: Wire,
}

/// A certificate of the merchant's with its key, as the merchant platform gives it.
struct Certificate {
    serial: String,
    identity: Identity,
}

impl Certificate {
    fn new(authority: &Authority, serial: &str, private_key: &str) -> Self {
        let mut params = CertificateParams::default();
        params.serial_number = Some(SerialNumber::from_slice(&hex(serial)));
        (params.not_before, params.not_after) = (date_time_ymd(2020, 1, 1), date_time_ymd(2090, 1, 1));
        let identity = authority.certify(MCH_ID, &KeyPair::from_pem(private_key).unwrap(), params);
        Self { serial: serial.to_owned(), identity }
    }

    /// `papay keys import`, or `papay keys rotate merchant`.
    async fn is_put(&self, drill: &Drill, how: &str) {
        let certificate = drill.file("cert.pem", &self.identity.certificate_pem);
        let key = drill.file("key.pem", &self.identity.private_key_pem);
        let files = ["--certificate", certificate.as_str(), "--private-key", key.as_str()];
        let command: &[&str] = if how == "rotate" { &["rotate", "merchant"] } else { &["import"] };
        drill.keys(&[command, &files].concat()).await;
    }
}

impl Shop {
    /// As many V3 calls as a phase has, some of each kind: WeChat refuses none, and no other certificate signs one.
    async fn is_signed_by(&self, certificates: &[&Certificate]) {
        let (before, started) = (self.wire.count(), Instant::now());
        loop {
            self.callers.none_failed(&self.drill);
            let seen = self.wire.since(before);
            let kinds = tally(seen.iter().map(|seen| seen.call));
            if seen.len() >= self.drill.load.notices && kinds.len() == 4 {
                let by = tally(seen.iter().map(|seen| seen.serial.as_str()));
                let is_one = |serial: &String| certificates.iter().any(|certificate| certificate.serial == *serial);
                assert!(by.keys().all(is_one), "{by:?}");
                return assert_eq!(refused(&seen), []);
            }
            assert!(started.elapsed() < PATIENCE, "a phase takes too long: {kinds:?}");
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    }

    async fn at_wechat(&self, what: &str, body: Value) {
        self.drill.town.stack.simulator.control().post(&format!("/{MCH_ID}/{what}"), body).await.unwrap();
    }

    /// Nobody buys any more. Everything that was bought is given back.
    async fn callers_end(&mut self) {
        self.callers.end(&self.drill).await;
        let seen = self.wire.since(0);
        assert_eq!(refused(&seen), []);
        let town = &self.drill.town;
        let bought = self.callers.told.bought.lock().unwrap().clone();
        poll("every refund is booked", async || {
            // WeChat's second try of a notice, where one was needed.
            town.move_clock(Duration::from_secs(15));
            let dump = town.dump().await;
            bought.iter().all(|order| attribute(dump.state(MCH_ID, 'R', &refund_of(order)), "state") == "succeeded")
        })
        .await;
        let (calls, again) = (self.callers.calls(), self.callers.told.second_tries.load(Ordering::SeqCst));
        assert!(again <= calls.div_ceil(ONE_IN), "{again} of {calls} calls needed a second try");
        println!(
            "{:<22} {:>4} V3 calls, 0 refused by WeChat: {:?}, signed by {:?}; {} purchases paid and given back in {calls} calls of ours, {again} at the second try",
            self.drill.what,
            seen.len(),
            tally(seen.iter().map(|seen| seen.call)),
            tally(seen.iter().map(|seen| seen.serial.as_str())),
            bought.len(),
        );
    }

    /// The counter-proof: what the old one signs is refused now, and whoever has it looks at the secret again before the next call.
    async fn a_process_with_the_revoked_one_looks_again(&self, old: &Certificate, new: &Certificate) {
        let town = &self.drill.town;
        let buy = async |key: &str| {
            let body = json!({ "product": "ebook", "channel": "app" });
            call(town, &token(town, "alice"), Method::POST, "/orders", Some((key, body))).await
        };
        old.is_put(&self.drill, "rotate").await;
        town.stack.lambda.deploy("sign-api");
        let before = self.wire.count();
        let (status, body) = buy("first").await;
        assert_ne!(status, 201, "WeChat takes no call that the revoked one signed: {body}");
        let seen = self.wire.since(before);
        assert!(
            !seen.is_empty() && seen.iter().all(|seen| seen.status == 401 && seen.serial == old.serial),
            "{seen:?}"
        );

        new.is_put(&self.drill, "rotate").await;
        town.move_clock(MINUTE);
        let mut answers: Vec<(u16, Value)> = Vec::new();
        while answers.last().is_none_or(|(status, _)| *status != 201) {
            assert!(answers.len() < 3, "a process that holds the old one looks again by its next call: {answers:?}");
            answers.push(buy("second").await);
        }
        assert_eq!(self.wire.since(before).last().map(|seen| seen.serial.as_str()), Some(NEW_SERIAL));
        let shown = papay(&self.drill.data(), &["keys", "show", "--mch-id", MCH_ID]);
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains(&format!("signs V3 calls as      {NEW_SERIAL}")), "{shown}");
    }

    /// Each purchase was told to be paid once.
    async fn end(self) {
        let bought = self.callers.told.bought.lock().unwrap().clone();
        let paid = self.drill.end().await;
        for order in bought {
            assert_eq!(paid.get(&order), Some(&1), "events of {order}");
        }
    }
}

/// The app and the back end, which do not stop.
struct Callers {
    told: Arc<Told>,
    tasks: JoinSet<()>,
}

#[derive(Default)]
struct Told {
    /// The orders that were paid and given back.
    bought: std::sync::Mutex<Vec<String>>,
    failed: std::sync::Mutex<Vec<String>>,
    /// Calls that were answered, by caller.
    answered: Vec<AtomicUsize>,
    second_tries: AtomicUsize,
    is_over: AtomicBool,
}

impl Callers {
    fn start(drill: &Drill) -> Self {
        let answered = (0..drill.load.senders).map(|_| AtomicUsize::default()).collect();
        let told = Arc::new(Told { answered, ..Told::default() });
        let mut tasks = JoinSet::new();
        for at in 0..drill.load.senders {
            let caller = Caller { town: drill.town.clone(), told: told.clone(), at };
            tasks.spawn(caller.buys_on());
        }
        Self { told, tasks }
    }

    fn calls(&self) -> usize {
        self.told.answered.iter().map(|answered| answered.load(Ordering::SeqCst)).sum()
    }

    /// Waits until what each caller has under way now is answered.
    async fn all_move_on(&self) {
        let before: Vec<_> = self.told.answered.iter().map(|answered| answered.load(Ordering::SeqCst)).collect();
        poll("each call is answered", async || {
            let now = self.told.answered.iter().map(|answered| answered.load(Ordering::SeqCst));
            now.zip(&before).all(|(now, before)| now > *before)
        })
        .await;
    }

    fn none_failed(&self, drill: &Drill) {
        let failed = self.told.failed.lock().unwrap().clone();
        assert!(failed.is_empty(), "{failed:#?}\n{:#?}", drill.complaints());
    }

    async fn end(&mut self, drill: &Drill) {
        self.told.is_over.store(true, Ordering::SeqCst);
        while let Some(done) = self.tasks.join_next().await {
            done.unwrap();
        }
        self.none_failed(drill);
    }
}

/// One after the other buys something, looks at it, pays, and gets the money back.
struct Caller {
    town: Arc<Town>,
    told: Arc<Told>,
    at: usize,
}

impl Caller {
    async fn buys_on(self) {
        let mut turn = 0;
        while !self.told.is_over.load(Ordering::SeqCst) {
            turn += 1;
            if let Err(failed) = self.buys(&format!("buyer{}x{turn}", self.at)).await {
                return self.told.failed.lock().unwrap().push(failed);
            }
        }
    }

    async fn buys(&self, user: &str) -> Result<(), String> {
        let token = token(&self.town, user);
        let wanted = json!({ "product": "ebook", "channel": "app" });
        let begun = self.answered(201, &OurCall::of_app(&token, "/orders").with(user, wanted)).await?;
        let order = text(&begun["out_trade_no"]);
        let path = format!("/orders/{order}");
        let look = OurCall::of_app(&token, &path);
        self.town.move_clock(SINCE_THE_LAST_LOOK);
        self.answered(200, &look).await?;
        let pay = self.town.stack.simulator.control().post(&format!("/{MCH_ID}/orders/{order}/pay"), json!({})).await;
        pay.map_err(|error| format!("{order}: {error}"))?;
        let started = Instant::now();
        while self.answered(200, &look).await?["status"] != "paid" {
            if started.elapsed() > PATIENCE {
                return Err(format!("{order} was not seen to be paid"));
            }
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
        let number = refund_of(&order);
        let refund = json!({ "out_trade_no": order, "out_refund_no": number, "amount": PRICE });
        self.answered(202, &OurCall::of_back_end("/refunds").with(&number, refund)).await?;
        self.answered(200, &OurCall::of_back_end(&format!("/refunds/{number}"))).await?;
        self.told.bought.lock().unwrap().push(order);
        Ok(())
    }

    /// What a call answers, which must be this; what was not available is called a second time.
    async fn answered(&self, wanted: u16, ours: &OurCall) -> Result<Value, String> {
        let mut answer = self.call(ours).await;
        if answer.0 == UNAVAILABLE {
            self.told.second_tries.fetch_add(1, Ordering::SeqCst);
            answer = self.call(ours).await;
        }
        self.told.answered[self.at].fetch_add(1, Ordering::SeqCst);
        let (status, body) = answer;
        if status == wanted { Ok(body) } else { Err(format!("{}: {status} and not {wanted}: {body}", ours.path)) }
    }

    async fn call(&self, ours: &OurCall) -> (u16, Value) {
        let url = self.town.stack.lambda.url(ours.function).unwrap().trim_end_matches('/');
        let url = format!("{url}/v1/{MCH_ID}{}", ours.path);
        let mut request = match &ours.body {
            Some((key, body)) => self.town.http().post(url).header("Idempotency-Key", key).json(body),
            None => self.town.http().get(url),
        };
        if let Some(token) = &ours.token {
            request = request.bearer_auth(token);
        }
        let response = request.send().await.unwrap();
        let (status, body) = (response.status().as_u16(), response.text().await.unwrap());
        (status, serde_json::from_str(&body).unwrap_or(Value::String(body)))
    }
}

/// A call of the app or of the back end: a `POST` where it has a body.
struct OurCall {
    function: &'static str,
    token: Option<String>,
    path: String,
    /// With its `Idempotency-Key`.
    body: Option<(String, Value)>,
}

impl OurCall {
    fn of_app(token: &str, path: &str) -> Self {
        Self { function: "sign-api", token: Some(token.to_owned()), path: path.to_owned(), body: None }
    }

    fn of_back_end(path: &str) -> Self {
        Self { function: "merchant-api", token: None, path: path.to_owned(), body: None }
    }

    fn with(self, key: &str, body: Value) -> Self {
        Self { body: Some((key.to_owned(), body)), ..self }
    }
}

/// Where V2 refunds are made, over TLS: WeChat wants to see the certificate itself there. The functions trust Mozilla's roots alone, so
/// what they are made of is called here: their keyring, their client.
struct Counter {
    town: Arc<Town>,
    door: Door,
    roots: rustls::RootCertStore,
    order: OutTradeNo,
}

impl Counter {
    /// With a subscription that was paid by APIv2.
    async fn open(town: &Arc<Town>, authority: &Authority) -> Self {
        let body = json!({ "product": "vip-monthly", "channel": "app" });
        let alice = token(town, "subscriber");
        let (status, begun) = call(town, &alice, Method::POST, "/subscriptions", Some(("begin", body))).await;
        assert_eq!(status, 201, "{begun}");
        let order = text(&begun["payment"]["out_trade_no"]);
        let simulator = &town.stack.simulator;
        simulator.control().post(&format!("/{MCH_ID}/orders/{order}/pay"), json!({ "user": "wx-s" })).await.unwrap();
        let door = Door::open(authority, &simulator.endpoint()).await;
        let order = OutTradeNo::parse(&order).unwrap();
        Self { town: town.clone(), door, roots: authority.roots(), order }
    }

    /// WeChat takes a refund, for which it was shown this certificate.
    async fn gives_back(&self, number: &str, shown: &Certificate) {
        let refund = wechat::Refund {
            appid: AppId::parse("wx2421b1c4370ec43b").unwrap(),
            order: OrderRef::OutTradeNo(self.order.clone()),
            out_refund_no: OutRefundNo::parse(number).unwrap(),
            total: Fen::new(1_800),
            refund: Fen::new(800),
            reason: None,
            from_recharge: false,
            // The discard port: what is told of it is not the subject here.
            notify_url: Some(format!("http://127.0.0.1:9/v2/{MCH_ID}")),
        };
        let env = self.env();
        let keyring = SigningKeyring::fetch(&env, &Aws::new(&env).unwrap()).await.unwrap();
        let keys = Merchants::new(keyring).keys(&MchId::parse(MCH_ID).unwrap()).unwrap();
        let now = self.town.now();
        let prepared = refund.prepare(&keys, &Moment::new(now)).unwrap();
        let client =
            Client::over(Hosts::parse(&self.door.endpoint).unwrap(), Http::trusting(self.roots.clone()).unwrap());
        client.send(&prepared, &keys, now).await.unwrap();
        let seen = [("/secapi/pay/refund".to_owned(), Some(shown.identity.certificate.clone()))];
        assert_eq!(self.door.take_seen(), seen, "{number}");
        println!("{:<22} a V2 refund showed WeChat {}", "merchant certificate", shown.serial);
    }

    fn env(&self) -> Env {
        let variables = [
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ENDPOINT_URL", &self.town.stack.host.secrets.endpoint()),
            ("PAPAY_MERCHANTS", MCH_ID),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Env::of(variables, Arc::new(SystemClock))
    }
}

fn refused(seen: &[Seen]) -> Vec<Seen> {
    seen.iter().filter(|seen| !matches!(seen.status, 200 | 204)).cloned().collect()
}

fn refund_of(order: &str) -> String {
    format!("{order}R")
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
