//! WeChat's certificates come and go; what is kept follows.

use std::sync::Arc;

use counterparty::{
    MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, Occasion, PlatformCertificate, TEST_MERCHANT, WechatPay,
};
use record::{Recorder, Routing};
use testkit::memory::{Memory, MemoryLedger, NoWait};
use verify::sign::v3::MerchantSigner;
use verify::{ApiV3Key, Generations, MerchantKeys, WechatpayKeys};
use wechat::{Client, Failure, Hosts, Incoming, Outgoing};

use super::*;

const NOW: i64 = 1_795_223_700;

/// WeChat, which knows one question.
#[derive(Clone)]
struct Tenpay(Arc<Inner>);

struct Inner {
    wechat: Mutex<WechatPay>,
    asked: Mutex<u32>,
    /// A merchant of the public-key mode.
    has_none: bool,
}

impl Transport for Tenpay {
    async fn exchange(&self, request: Outgoing<'_>) -> Result<Incoming, Failure> {
        assert!(request.url.ends_with("/v3/certificates"), "{}", request.url);
        *self.0.asked.lock().unwrap() += 1;
        let occasion = Occasion::derived(asked_at(&request), "certificates");
        if self.0.has_none {
            let body = r#"{"code":"RESOURCE_NOT_EXISTS","message":"无可用的平台证书"}"#;
            return Ok(Incoming { status: 404, headers: Vec::new(), body: body.as_bytes().to_vec() });
        }
        let wechat = self.0.wechat.lock().unwrap().clone();
        let body = wechat.v3_certificates(&occasion).unwrap().to_string();
        let answer =
            wechat.v3_answer(200, body.into_bytes(), Some(TEST_MERCHANT.certificate_serial), &occasion).unwrap();
        Ok(Incoming { status: 200, headers: answer.headers, body: answer.body })
    }
}

/// The time that the question was signed with.
fn asked_at(request: &Outgoing<'_>) -> i64 {
    let signed = &request.headers.iter().find(|(name, _)| *name == "authorization").unwrap().1;
    let from = signed.split("timestamp=\"").nth(1).unwrap();
    from.split('"').next().unwrap().parse().unwrap()
}

/// What is kept, and how often it was written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<(Option<KeptCertificates>, u32)>>);

impl Store for Kept {
    async fn kept(&self, _: &MchId) -> Result<Option<KeptCertificates>, Misconfigured> {
        Ok(self.0.lock().unwrap().0.clone())
    }

    async fn keep(&self, _: &MchId, pems: Vec<String>, now: Timestamp) -> Result<(), Misconfigured> {
        let mut kept = self.0.lock().unwrap();
        *kept = (Some(KeptCertificates { pems, fetched_at: now }), kept.1 + 1);
        Ok(())
    }
}

struct World {
    tenpay: Tenpay,
    asker: Asker<MemoryLedger, NoWait, Tenpay>,
    kept: Kept,
    certificates: Certificates<Kept>,
}

impl World {
    fn new(has_none: bool) -> Self {
        let tenpay = Tenpay(Arc::new(Inner {
            wechat: Mutex::new(WechatPay::test_merchant().unwrap()),
            asked: Mutex::default(),
            has_none,
        }));
        let memory = Memory::new(["all".to_owned()], at(0));
        let routing: Routing = serde_json::from_str(r#"[{"consumer": "all"}]"#).unwrap();
        let client = Client::over(Hosts::parse("http://127.0.0.1:9704").unwrap(), tenpay.clone());
        let asker = Asker::new(Recorder::new(memory.ledger(), NoWait, routing), client);
        let kept = Kept::default();
        Self { tenpay, asker, certificates: Certificates::new(kept.clone()), kept }
    }

    async fn look(&self, met_unknown: bool, now: Timestamp) -> bool {
        self.certificates.keep_fresh(&self.asker, &keys(), &mch_id(), met_unknown, now).await
    }

    fn asked(&self) -> u32 {
        *self.tenpay.0.asked.lock().unwrap()
    }

    fn pems(&self) -> Option<Vec<String>> {
        self.kept.0.lock().unwrap().0.as_ref().map(|kept| kept.pems.clone())
    }

    fn writes(&self) -> u32 {
        self.kept.0.lock().unwrap().1
    }

    /// WeChat has one more certificate.
    fn renews(&self) {
        let new = PlatformCertificate::issue(NOW - 3_600, NOW + 86_400 * 365).unwrap();
        let mut wechat = self.tenpay.0.wechat.lock().unwrap();
        *wechat = wechat.clone().with_platform_certificate(new).unwrap();
    }
}

fn at(minutes: i64) -> Timestamp {
    Timestamp::from_second(NOW + minutes * 60).unwrap()
}

fn mch_id() -> MchId {
    MchId::parse(TEST_MERCHANT.mch_id).unwrap()
}

/// Nothing of WeChat's is known yet.
fn keys() -> Keys {
    let v3 = Generations::only(ApiV3Key::parse(TEST_MERCHANT.api_v3_key).unwrap());
    let merchant = MerchantKeys::new(TEST_MERCHANT.mch_id, None, Some(v3), WechatpayKeys::default()).unwrap();
    let signer =
        MerchantSigner::new(TEST_MERCHANT.mch_id, MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap();
    Keys::new(Arc::new(merchant)).with_signer(Arc::new(signer))
}

#[tokio::test]
async fn certificates_are_fetched_where_there_are_none_and_again_after_six_hours() {
    let world = World::new(false);
    assert!(world.look(false, at(0)).await, "others may be there now");
    let pems = world.pems().unwrap();
    assert_eq!(pems.iter().map(|pem| pem.trim()).collect::<Vec<_>>(), [TEST_MERCHANT.certificate_pem.trim()]);
    for minute in [1, 29, 31, 200, 330, 359] {
        assert!(!world.look(false, at(minute)).await, "{minute}");
    }
    assert_eq!(world.asked(), 1);
    assert!(world.look(false, at(361)).await);
    assert_eq!(world.asked(), 2, "more often than every twelve hours");
}

#[tokio::test]
async fn another_process_asks_nothing_that_was_asked_within_six_hours() {
    let world = World::new(false);
    world.look(false, at(0)).await;
    let other = Certificates::new(world.kept.clone());
    assert!(!other.keep_fresh(&world.asker, &keys(), &mch_id(), false, at(5)).await);
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn an_answer_of_an_unknown_serial_refreshes_at_once_and_once_a_minute_at_most() {
    let world = World::new(false);
    world.look(false, at(0)).await;
    world.renews();
    assert!(world.look(true, at(10)).await);
    assert_eq!(world.pems().unwrap().len(), 2);
    assert_eq!(world.asked(), 2);
    let seconds = |seconds| Timestamp::from_second(NOW + 600 + seconds).unwrap();
    for second in [1, 30, 59] {
        assert!(!world.look(true, seconds(second)).await);
    }
    let other = Certificates::new(world.kept.clone());
    assert!(
        other.keep_fresh(&world.asker, &keys(), &mch_id(), true, seconds(30)).await,
        "another process has refreshed them: the secret is worth a look"
    );
    assert_eq!(world.asked(), 2);
    assert!(world.look(true, seconds(60)).await);
    assert_eq!(world.asked(), 3);
}

#[tokio::test]
async fn a_look_just_before_keeps_no_unknown_serial_from_being_looked_into() {
    let world = World::new(false);
    world.look(false, at(0)).await;
    assert!(!world.look(false, at(31)).await, "they are fresh");
    assert!(world.look(true, at(31)).await);
    assert_eq!(world.asked(), 2);
}

#[tokio::test]
async fn forged_serials_for_a_whole_day_write_no_more_versions_than_the_secret_store_takes() {
    let world = World::new(false);
    for minute in 0..24 * 60 {
        world.look(true, at(minute)).await;
    }
    assert!(world.asked() >= 24 * 60 - 1, "once a minute: {}", world.asked());
    assert!((20..=25).contains(&world.writes()), "{}", world.writes());
}

#[tokio::test]
async fn a_merchant_of_the_public_key_mode_has_none_and_is_not_asked_for_them_all_the_time() {
    let world = World::new(true);
    assert!(world.look(false, at(0)).await);
    assert_eq!(world.pems(), Some(Vec::new()));
    assert!(!world.look(false, at(60)).await);
    assert_eq!(world.asked(), 1);
}

#[tokio::test]
async fn an_answer_that_nobody_signed_takes_no_certificate_away() {
    let world = World::new(true);
    let kept = vec![TEST_MERCHANT.certificate_pem.to_owned()];
    world.kept.keep(&mch_id(), kept.clone(), at(0)).await.unwrap();
    assert!(!world.look(false, at(361)).await);
    assert_eq!((world.asked(), world.pems()), (1, Some(kept)));
}

#[tokio::test]
async fn a_merchant_without_v3_keys_is_left_alone() {
    let world = World::new(false);
    let unsigned = Keys::new(keys().merchant);
    assert!(!world.certificates.keep_fresh(&world.asker, &unsigned, &mch_id(), true, at(0)).await);
    assert_eq!((world.asked(), world.pems()), (0, None));
}
