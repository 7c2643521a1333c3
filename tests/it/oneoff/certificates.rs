//! WeChat signs by a platform certificate that nobody knows: the worker fetches it, because a notice named it or by itself, and never more
//! often than once a minute.

use std::time::{Duration, Instant};

use counterparty::fixtures::Endpoint;
use futures_util::future::join_all;
use serde_json::{Value, json};

use super::scene::MINUTE;
use crate::harness::{MCH_ID, Town, attribute, poll};

/// How long a test waits while it moves the clock from minute to minute.
const PATIENCE: Duration = Duration::from_secs(150);

/// Longer than the local stack needs to see that a minute has passed.
const A_LOOK: Duration = Duration::from_millis(300);

impl Town {
    /// A town whose WeChat signs by certificates alone.
    async fn of_certificates() -> Self {
        Self::start().await.signs_by_certificates().await
    }

    /// One at the beginning of an hour: the sweeper does not remind the worker of any merchant's certificates in its first minutes
    /// (`sweeper::certificates`), so that whatever is fetched is fetched because of a notice.
    async fn of_certificates_between_reminders() -> Self {
        let town = Self::start().await;
        town.move_clock(Duration::from_secs(u64::try_from(3600 - town.now().as_second().rem_euclid(3600)).unwrap()))
            .await;
        town.signs_by_certificates().await
    }

    /// Work that was sent before is lost.
    async fn signs_by_certificates(self) -> Self {
        self.ask_wechat();
        self.wechats_keys("mode", json!({ "mode": "certificate" })).await;
        self
    }

    /// WeChat makes a new certificate, which signs this share of its notices. Answers its serial.
    async fn renews(&self, share: f64) -> String {
        let new = self.wechats_keys("certificates", json!({})).await;
        self.wechats_keys("renewal", json!({ "serial": new["serial"], "share": share })).await;
        new["serial"].as_str().unwrap().to_owned()
    }

    /// How often a function counted this.
    fn counted(&self, function: &str, metric: &str) -> u64 {
        let of = self.lines().into_iter().filter(|line| line.function == function);
        let values = of.filter_map(|line| serde_json::from_str::<Value>(&line.text).ok());
        values.filter_map(|values| values.get(metric)?.as_u64()).sum()
    }

    /// How often the worker has asked WeChat for certificates.
    fn fetched(&self) -> u64 {
        self.counted("worker", "CertificatesRefreshed")
    }

    /// When certificates are wanted, and when they were wanted last, as the ledger has it.
    async fn wish(&self) -> (String, String) {
        let dump = self.dump().await;
        let item = dump.ledger.get(&format!("{MCH_ID}#T#platform")).cloned().unwrap_or_default();
        (attribute(&item, "due_at"), attribute(&item, "asked_at"))
    }

    /// Lets minute after minute pass, of which the sweeper sees each, until the worker has fetched so often.
    async fn minutes_pass_until_fetched(&self, count: u64) {
        let started = Instant::now();
        while self.fetched() < count {
            assert!(started.elapsed() < PATIENCE, "fetched {} times", self.fetched());
            let runs = self.counted("sweeper", "SweeperRuns");
            // The beginning of the next one, so that none passes by itself meanwhile.
            let into_minute = u64::try_from(self.now().as_second().rem_euclid(60)).unwrap();
            self.move_clock(Duration::from_secs(62 - into_minute)).await;
            poll("the sweeper has run", async || self.counted("sweeper", "SweeperRuns") > runs).await;
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_by_a_certificate_that_nobody_knows_has_it_fetched_and_one_of_wechats_next_tries_is_taken() {
    let town = Town::of_certificates_between_reminders().await;
    let new = town.renews(1.0).await;
    let ids = town.wechat_tells(1).await;
    let heard = town.heard_by_wechat(&ids, 1).await;
    assert_eq!((heard[0][0].status, &heard[0][0].serial), (401, &new), "not understood, and WeChat is to try again");
    let (wanted, asked) = town.wish().await;
    assert!(!asked.is_empty() && wanted >= asked, "on record for the sweeper: {wanted} {asked}");

    town.move_clock(MINUTE).await;
    poll("the worker has fetched it", async || town.fetched() > 0).await;
    assert_eq!(town.fetched(), 1);
    let mut tries = Vec::new();
    poll("WeChat's next try is taken", async || {
        town.move_clock(Duration::from_secs(15)).await;
        tries = town.heard_by_wechat(&ids, 1).await.swap_remove(0);
        tries.last().unwrap().is_taken()
    })
    .await;
    assert!(tries.iter().all(|delivery| delivery.serial == new), "{tries:?}");
    // At 15 s, 30 s, 1 min and 4 min.
    assert!(tries.len() <= 5, "within four minutes: {tries:?}");
    assert_eq!(town.wish().await.0, "", "the wish was taken");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn forged_serials_make_the_worker_ask_wechat_once_a_minute_at_most() {
    const MINUTES: u64 = 3;
    let town = Town::of_certificates_between_reminders().await;
    let path = format!("/v3/{MCH_ID}");
    for _ in 0..MINUTES {
        let forged = town.unseeded("unknown-serial").request;
        let sent = join_all((0..20).map(|_| town.send_to(Endpoint::Payment, &path, &forged))).await;
        assert!(sent.iter().all(|answer| answer.status == 401), "{sent:?}");
        town.move_clock(MINUTE).await;
        tokio::time::sleep(A_LOOK).await;
    }
    poll("the last wish was taken", async || town.wish().await.0.is_empty()).await;
    poll("the worker has written its line", async || town.fetched() > 0).await;
    assert_eq!(town.counted("payment-callback", "CertificatesWanted"), MINUTES, "sixty notices, three wishes");
    let fetched = town.fetched();
    assert!((1..=MINUTES).contains(&fetched), "{fetched}");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_public_key_that_nobody_knows_is_no_reason_to_fetch_certificates() {
    let town = Town::of_certificates().await;
    let mut forged = town.unseeded("unknown-serial").request;
    for (name, value) in &mut forged.headers {
        if name == "Wechatpay-Serial" {
            "PUB_KEY_ID_0000000000000024101100397200000006".clone_into(value);
        }
    }
    let answer = town.send_to(Endpoint::Payment, &format!("/v3/{MCH_ID}"), &forged).await;
    assert_eq!(answer.status, 401, "WeChat is to try again: {answer:?}");
    assert_eq!(town.wish().await, (String::new(), String::new()));
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_has_signed_nothing_yet_is_fetched_by_time_alone() {
    let town = Town::of_certificates().await;
    town.minutes_pass_until_fetched(1).await;
    let new = town.renews(0.0).await;
    // Nobody does anything: once an hour the sweeper reminds the worker, which asks once in six hours.
    town.move_clock(Duration::from_secs(7 * 3600 - 180)).await;
    tokio::time::sleep(A_LOOK).await;
    town.minutes_pass_until_fetched(2).await;
    town.wechats_keys("renewal", json!({ "serial": new, "share": 1.0 })).await;
    let ids = town.wechat_tells(2).await;
    for tries in town.heard_by_wechat(&ids, 1).await {
        assert!(tries.len() == 1 && tries[0].is_taken() && tries[0].serial == new, "at the first try: {tries:?}");
    }
    assert_eq!(town.counted("payment-callback", "CertificatesWanted"), 0);
    town.stop().await;
}
