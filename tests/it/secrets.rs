//! The secret store: asked at start, and then at most once a minute, when changed keys would explain a refusal.

use std::time::Duration;

use counterparty::fixtures;
use counterparty::{Occasion, PlatformCertificate, Protocol, TEST_MERCHANT, TradeType, V3Notice, WechatPay};

use crate::harness::{MCH_ID, Town};

const MINUTE: Duration = Duration::from_secs(61);

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_signature_asks_the_store_at_most_once_a_minute() {
    let town = Town::start().await;
    let (forged, good) = (town.prepare("altered").await, town.prepare("payment-v2").await);
    assert!(town.send(&forged).await.is_failure(Protocol::V2));
    let at_start = town.stack.host.secrets.requests();
    for _ in 0..10 {
        assert!(town.send(&forged).await.is_failure(Protocol::V2));
    }
    assert_eq!(town.stack.host.secrets.requests(), at_start, "the keys are younger than a minute");
    town.move_clock(MINUTE).await;
    for _ in 0..10 {
        assert!(town.send(&forged).await.is_failure(Protocol::V2));
    }
    assert_eq!(town.stack.host.secrets.requests(), at_start + 2, "two secrets once, however many forgeries come");
    town.stack.host.secrets.set_down(true);
    town.move_clock(MINUTE).await;
    assert_eq!(town.send(&forged).await.status, 401, "a store that is down changes nothing about a forgery");
    assert!(town.send(&good).await.is_success(Protocol::V2), "and the old keys stay in force");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_key_is_fetched_when_it_is_first_needed_and_the_old_one_still_verifies() {
    const NEW: &str = "0123456789abcdef0123456789abcdef";
    let town = Town::start().await;
    let (first, second) = (town.prepare("payment-v2").await, town.prepare("payment-v2").await);
    let wechat = WechatPay::by_mch_id(MCH_ID).unwrap().with_api_v2_key(NEW);
    let by_new_key = fixtures::build_with(&wechat, "payment-v2", &first.numbers).unwrap();
    let (endpoint, path) = (first.fixture.endpoint, first.fixture.path(MCH_ID));
    assert!(town.send_to(endpoint, &path, &by_new_key).await.is_failure(Protocol::V2), "not known yet");
    town.stack.host.secrets.put(&format!("papay/{MCH_ID}/verify"), rotated(&town, NEW));
    town.move_clock(MINUTE).await;
    assert!(town.send_to(endpoint, &path, &by_new_key).await.is_success(Protocol::V2));
    assert!(town.send(&second).await.is_success(Protocol::V2), "WeChat still resends what the old key signed");
    town.stop().await;
}

/// The worker keeps the certificates; a callback never calls WeChat.
#[tokio::test(flavor = "multi_thread")]
async fn a_certificate_that_is_not_known_is_refused_until_the_worker_has_kept_it_and_then_everything_verifies() {
    let town = Town::start().await;
    let (renewed, by_old, by_public_key) = (
        town.prepare("payment-v3").await,
        town.prepare("payment-v3-certificate").await,
        town.prepare("payment-v3").await,
    );
    let start = town.now().as_second();
    let new = PlatformCertificate::issue(start - 3_600, start + 86_400 * 365).unwrap();
    let wechat = WechatPay::test_merchant().unwrap().with_platform_certificate(new.clone()).unwrap();
    let by_new = |now: i64| {
        let notice = V3Notice::payment(&renewed.numbers, TradeType::App).unwrap().signed_by(&new.serial);
        notice.signed(&wechat, &Occasion::derived(now, "renewed")).unwrap()
    };
    let (endpoint, path) = (renewed.fixture.endpoint, renewed.fixture.path(MCH_ID));
    let before = town.dump().await;
    let refused = town.send_to(endpoint, &path, &by_new(start)).await;
    assert!(refused.is_failure(Protocol::V3), "WeChat tries again: {refused:?}");
    let wish = ["ledger 10000100#T#platform"];
    assert_eq!(town.dump().await.changes_since(&before), wish, "the worker is to look, and nothing else");

    let env = signing_env(&town.stack.host.secrets.endpoint());
    let store = setup::CertificateStore::new(&env, &setup::Aws::new(&env).unwrap());
    let mch_id = domain::MchId::parse(MCH_ID).unwrap();
    assert_eq!(store.kept(&mch_id).await.unwrap(), None, "nothing was kept so far");
    let pems = vec![TEST_MERCHANT.certificate_pem.to_owned(), new.certificate_pem.clone()];
    let kept_at = town.now();
    store.keep(&mch_id, Vec::new(), kept_at).await.unwrap();
    store.keep(&mch_id, pems.clone(), kept_at).await.unwrap();
    let kept = setup::KeptCertificates { pems, fetched_at: kept_at };
    assert_eq!(store.kept(&mch_id).await.unwrap(), Some(kept));

    town.move_clock(MINUTE).await;
    let again = town.send_to(endpoint, &path, &by_new(town.now().as_second())).await;
    assert!(again.is_success(Protocol::V3), "{again:?}");
    assert!(town.send(&by_old).await.is_success(Protocol::V3), "the old one goes on verifying");
    assert!(town.send(&by_public_key).await.is_success(Protocol::V3), "and so does the public key");
    town.stop().await;
}

fn rotated(town: &Town, new: &str) -> String {
    let secret = &town.config.secrets()[&format!("papay/{MCH_ID}/verify")];
    let mut secret: serde_json::Value = serde_json::from_str(secret).unwrap();
    secret["api_v2_key"] = serde_json::json!({ "current": new, "previous": TEST_MERCHANT.api_v2_key });
    secret.to_string()
}

#[tokio::test]
async fn the_keys_that_sign_are_fetched_again_at_most_once_a_minute() {
    const OLD: &str = TEST_MERCHANT.api_v2_key;
    let stack = host::Stack::start(host::StackConfig::default()).await.unwrap();
    let (verify, sign) = (format!("papay/{MCH_ID}/verify"), format!("papay/{MCH_ID}/sign"));
    let secret = |key: &str| serde_json::json!({ "api_v2_key": { "current": key } }).to_string();
    stack.secrets.put(&verify, secret(OLD));
    let env = signing_env(&stack.secrets.endpoint());
    let aws = setup::Aws::new(&env).unwrap();
    let keyring = setup::SigningKeyring::fetch(&env, &aws).await.unwrap();
    let (mch_id, now) = (domain::MchId::parse(MCH_ID).unwrap(), env.clock.now());
    let first = keyring.keys(&mch_id).unwrap();
    assert!(first.client.is_none(), "a merchant that makes no refunds has no secret for them");

    let client = serde_json::json!({ "certificate": TEST_MERCHANT.certificate_pem, "private_key": "-----BEGIN PRIVATE KEY-----" });
    stack.secrets.put(&sign, serde_json::json!({ "client": client }).to_string());
    let soon = now.saturating_add(domain::SignedDuration::from_secs(50)).unwrap();
    assert!(keyring.refetched(&mch_id, soon).await.is_none(), "the keys are younger than a minute");
    let later = now.saturating_add(domain::SignedDuration::from_secs(70)).unwrap();
    assert!(keyring.refetched(&mch_id, later).await.unwrap().client.is_some());
    assert!(keyring.keys(&mch_id).unwrap().client.is_some(), "in force from here");
    stack.secrets.put(&sign, "{".to_owned());
    let much_later = now.saturating_add(domain::SignedDuration::from_secs(140)).unwrap();
    assert!(keyring.refetched(&mch_id, much_later).await.is_none());
    assert!(keyring.keys(&mch_id).unwrap().client.is_some(), "the old keys stay in force");
    let wrong = setup::SigningKeyring::fetch(&env, &aws).await.unwrap_err();
    assert_eq!(wrong.to_string(), format!("{sign}: not the documented JSON, line 1 column 1"));
}

fn signing_env(endpoint: &str) -> setup::Env {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "local"),
        ("AWS_SECRET_ACCESS_KEY", "local"),
        ("AWS_REGION", "eu-central-1"),
        ("AWS_ENDPOINT_URL", endpoint),
        ("PAPAY_MERCHANTS", MCH_ID),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
    setup::Env::of(variables, std::sync::Arc::new(setup::SystemClock))
}
