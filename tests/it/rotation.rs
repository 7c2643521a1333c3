//! Rotation drills: each kind of key is changed by `papay keys`, step by step as `docs/keys.md` says, while WeChat sends notices. No
//! callback is refused, and no event is lost or doubled. A short one of each here, all of them under load by `.ci/long rotation`.

mod callers;
mod certificate;
mod counter;
mod drill;
mod way;
mod wire;

use std::time::Duration;

use counterparty::{PlatformCertificate, Protocol, TEST_MERCHANT, WechatPay};
use rcgen::{KeyPair, PKCS_RSA_SHA256, RsaKeySize};

use crate::harness::MCH_ID;
use drill::{Drill, Load};
use way::Way;

/// After which every function may look at its secrets again.
const MINUTE: Duration = Duration::from_secs(61);

/// How long WeChat may send what a key of before signed, and a minute. Where proofs have a time, `--now` stands for the wait.
const STILL_COMES: Duration = Duration::from_secs(25 * 3_600 + 60);

const NEW_API_KEY: &str = "New0Api0Key0of0the0Merchant00001";
const NEW_PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0116571234562026112200000000000002";

fn wechat() -> WechatPay {
    WechatPay::by_mch_id(MCH_ID).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_apiv2_key_changes_while_notices_come_and_none_is_refused() {
    api_v2(Load::LIGHT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_apiv3_key_changes_while_notices_come_and_none_is_refused() {
    api_v3(Load::LIGHT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_platform_certificate_changes_while_notices_come_and_none_is_refused() {
    platform_certificate(Load::LIGHT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_public_key_changes_while_notices_come_and_none_is_refused() {
    public_key(Load::LIGHT).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_merchants_certificate_changes_while_calls_are_signed_with_it_and_wechat_refuses_none() {
    certificate::changes(Load::LIGHT).await;
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: .ci/long rotation"]
async fn every_key_changes_under_load_and_no_callback_is_refused() {
    api_v2(Load::HEAVY).await;
    api_v3(Load::HEAVY).await;
    platform_certificate(Load::HEAVY).await;
    public_key(Load::HEAVY).await;
    certificate::changes(Load::HEAVY).await;
}

async fn api_v2(load: Load) {
    let old = Way::V2(wechat());
    let new = Way::V2(wechat().with_api_v2_key(NEW_API_KEY));
    let mut drill = Drill::start("APIv2 key", load, old.clone()).await;
    let file = drill.file("new.txt", NEW_API_KEY);
    drill.notices().await;
    drill.keys(&["stage", "api-v2", "--key-file", &file]).await;
    drill.notices().await;
    drill.town.move_clock_under_load(MINUTE).await;
    // What is on its way under the old key still comes.
    drill.wechat_signs([old.clone(), new.clone()]);
    drill.keys(&["rotate", "api-v2"]).await;
    drill.notices().await;
    drill.wechat_signs([new]);
    // Nothing that the old one signed is still sent. What APIv2 signs has no time of its own, so that the load goes on.
    drill.town.move_clock_under_load(STILL_COMES).await;
    drill.keys(&["retire", "api-v2"]).await;
    drill.notices().await;
    drill.is_refused_by_new_processes(&old, Protocol::V2).await;
    drill.end().await;
}

async fn api_v3(load: Load) {
    let sealed_by = |wechat: WechatPay| Way::V3(wechat, TEST_MERCHANT.public_key_id.to_owned());
    let (old, new) = (sealed_by(wechat()), sealed_by(wechat().with_api_v3_key(NEW_API_KEY).unwrap()));
    let mut drill = Drill::start("APIv3 key", load, old.clone()).await;
    let file = drill.file("new.txt", NEW_API_KEY);
    drill.notices().await;
    drill.keys(&["rotate", "api-v3", "--key-file", &file]).await;
    drill.notices().await;
    drill.town.move_clock_under_load(MINUTE).await;
    drill.wechat_signs([new.clone(), old.clone()]);
    drill.notices().await;
    drill.wechat_signs([new]);
    drill.keys(&["retire", "api-v3", "--now"]).await;
    drill.notices().await;
    drill.is_refused_by_new_processes(&old, Protocol::V3).await;
    drill.end().await;
}

async fn platform_certificate(load: Load) {
    let now = seconds();
    let renewed = PlatformCertificate::issue(now - 3_600, now + 86_400 * 365).unwrap();
    let old = Way::V3(wechat(), TEST_MERCHANT.certificate_serial.to_owned());
    let new = Way::V3(wechat().with_platform_certificate(renewed.clone()).unwrap(), renewed.serial.clone());
    let mut drill = Drill::start("platform certificate", load, old.clone()).await;
    let file = drill.file("renewed.pem", &renewed.certificate_pem);
    drill.notices().await;
    drill.keys(&["import", "--platform-certificate", &file]).await;
    drill.notices().await;
    drill.town.move_clock_under_load(MINUTE).await;
    drill.wechat_signs([old.clone(), new.clone()]);
    drill.notices().await;
    drill.wechat_signs([new]);
    drill.keys(&["retire", "platform-certificate", "--id", TEST_MERCHANT.certificate_serial, "--now"]).await;
    drill.notices().await;
    drill.is_refused_by_new_processes(&old, Protocol::V3).await;
    drill.end().await;
}

async fn public_key(load: Load) {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let old = Way::V3(wechat(), TEST_MERCHANT.public_key_id.to_owned());
    let changed = wechat().with_signing_key(NEW_PUBLIC_KEY_ID, &key.serialize_pem()).unwrap();
    let new = Way::V3(changed, NEW_PUBLIC_KEY_ID.to_owned());
    let mut drill = Drill::start("public key", load, old.clone()).await;
    let file = drill.file("pub_key.pem", &key.public_key_pem());
    drill.notices().await;
    drill.keys(&["import", "--public-key", &file, "--public-key-id", NEW_PUBLIC_KEY_ID]).await;
    drill.notices().await;
    drill.town.move_clock_under_load(MINUTE).await;
    drill.wechat_signs([new.clone(), old.clone()]);
    drill.notices().await;
    drill.wechat_signs([new]);
    drill.keys(&["retire", "public-key", "--id", TEST_MERCHANT.public_key_id, "--now"]).await;
    drill.notices().await;
    drill.is_refused_by_new_processes(&old, Protocol::V3).await;
    drill.end().await;
}

fn seconds() -> i64 {
    domain::Timestamp::now().as_second()
}
