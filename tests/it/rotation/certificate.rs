//! The merchant's certificate changes while the app and the back end buy, ask and give back: it signs every V3 call of ours, and it is
//! shown to WeChat for each V2 refund. Callbacks have nothing to do with it, and come meanwhile.

use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM};
use rcgen::{CertificateParams, KeyPair, PKCS_RSA_SHA256, RsaKeySize, SerialNumber, date_time_ymd};
use reqwest::Method;
use serde_json::{Value, json};

use super::callers::{Callers, refund_of};
use super::counter::Counter;
use super::drill::{Drill, Load, ONE_IN};
use super::way::Way;
use super::wire::{Seen, Wire, tally};
use super::{MINUTE, wechat};
use crate::harness::{Authority, Identity, MCH_ID, Side, attribute, once, papay, poll};
use crate::outcome::token;

/// The functions that sign calls of the app and of the back end.
const SIGNING: [&str; 2] = ["sign-api", "merchant-api"];

const NEW_SERIAL: &str = "70F0C33D0A0C5E8D6B1B1F2C3A4D5E6F70819203";

/// For each phase.
pub(super) const PATIENCE: Duration = Duration::from_secs(120);

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
pub(super) struct Certificate {
    pub(super) serial: String,
    pub(super) identity: Identity,
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
            town.move_clock_under_load(Duration::from_secs(15)).await;
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
            let alice = Side::App(token(town, "alice"));
            once(town.request(&alice, Method::POST, "/orders", Some((key, body)))).await
        };
        old.is_put(&self.drill, "rotate").await;
        town.stack.lambda.deploy("sign-api");
        let before = self.wire.count();
        let (status, body) = buy("first").await;
        assert_ne!(status, 201, "WeChat takes no call that the revoked one signed: {body}");
        let seen = self.wire.since(before);
        assert!(
            !seen.is_empty() && seen.iter().all(|seen| seen.status == Some(401) && seen.serial == old.serial),
            "{seen:?}"
        );

        new.is_put(&self.drill, "rotate").await;
        town.move_clock_under_load(MINUTE).await;
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

fn refused(seen: &[Seen]) -> Vec<Seen> {
    seen.iter().filter(|seen| seen.status.is_some_and(|status| !matches!(status, 200 | 204))).cloned().collect()
}

fn hex(text: &str) -> Vec<u8> {
    (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect()
}
