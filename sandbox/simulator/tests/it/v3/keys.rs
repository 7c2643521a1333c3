//! Rotation: certificates and public key, a new certificate, a new APIv3 key.

use counterparty::{MERCHANT_PRIVATE_KEY_PEM, MerchantKey, PlatformCertificate, WechatPay};
use serde_json::{Value, json};

use super::desk::{is_signed, merchant_key, open};
use crate::bench::{Bench, DAY, MCH_ID, MONDAY_AT_TEN};
use crate::sink::Received;

const CERTIFICATES: &str = "/v3/certificates";

impl Bench {
    async fn set_keys(&self, what: &str, body: Value) -> Value {
        self.act(&format!("/keys/{what}"), body).await
    }

    /// The key by which an answer is signed when `Wechatpay-Serial` says this.
    async fn signer_of_answer(&self, asked: Option<&str>) -> String {
        let request = self.v3_request("GET", CERTIFICATES, "");
        let request = match asked {
            Some(asked) => request.header("Wechatpay-Serial", asked),
            None => request,
        };
        self.sent(request).await.header("Wechatpay-Serial").unwrap().to_owned()
    }

    /// Lets so many notices be sent and answers the keys that signed them.
    async fn signers_of_notices(&self, count: usize) -> Vec<String> {
        let before = self.sink.received("/v3/many").len();
        for _ in 0..count {
            let asked = json!({
                "url": self.sink.url("/v3/many"), "event_type": "SOMETHING.NEW", "original_type": "new", "resource": {},
            });
            self.act("/notices", asked).await;
        }
        let sent = self.sink.wait_any("/v3/many", before + count).await;
        sent.iter().skip(before).map(serial).collect()
    }
}

fn serial(notice: &Received) -> String {
    notice.headers.get("Wechatpay-Serial").unwrap().to_str().unwrap().to_owned()
}

fn count(of: &str, among: &[String]) -> usize {
    among.iter().filter(|one| *one == of).count()
}

#[tokio::test]
async fn while_the_change_goes_on_notices_come_by_both_keys_and_answers_by_the_one_that_was_asked_for() {
    let bench = Bench::start().await;
    let (public_key, certificate) =
        (bench.merchant.public_key_id().unwrap(), bench.merchant.certificate_serial().unwrap());
    assert_eq!(bench.signer_of_answer(None).await, public_key, "by default the change is done");
    bench.set_keys("mode", json!({ "mode": "certificate" })).await;
    assert_eq!(bench.signer_of_answer(Some(public_key)).await, certificate, "before it begins the header is ignored");
    assert_eq!(count(certificate, &bench.signers_of_notices(4).await), 4);
    bench.set_keys("mode", json!({ "mode": "grey" })).await;
    assert_eq!(bench.signer_of_answer(Some(public_key)).await, public_key);
    assert_eq!(bench.signer_of_answer(None).await, certificate);
    assert_eq!(bench.row("/keys").await["share"], 0.001);
    bench.pass(4 * DAY);
    assert_eq!(bench.row("/keys").await["share"], 0.2);
    assert_eq!(count(public_key, &bench.signers_of_notices(10).await), 2);
    bench.set_keys("mode", json!({ "mode": "grey", "day": 6 })).await;
    assert_eq!(count(public_key, &bench.signers_of_notices(10).await), 5);
    bench.pass(DAY);
    assert_eq!(count(public_key, &bench.signers_of_notices(5).await), 5);
}

#[tokio::test]
async fn certificates_are_fetched_sealed_and_a_voided_merchant_has_none() {
    let bench = Bench::start().await;
    let listed = bench.v3_get(CERTIFICATES).await.json();
    let row = &listed["data"][0];
    assert_eq!(row["serial_no"], bench.merchant.certificate_serial().unwrap());
    let text = |name: &str| row["encrypt_certificate"][name].as_str().unwrap();
    let pem = bench.merchant.v3_open(text("ciphertext"), text("nonce"), text("associated_data")).unwrap();
    assert_eq!(pem, bench.merchant.platform_certificates()[0].certificate_pem.as_bytes());
    assert_eq!(text("associated_data"), "certificate");
    bench.set_keys("mode", json!({ "mode": "public_key" })).await;
    assert_eq!(bench.v3_get(CERTIFICATES).await.error(), (404, "RESOURCE_NOT_EXISTS".to_owned()));
}

#[tokio::test]
async fn a_new_certificate_appears_before_it_signs_and_then_signs_its_share() {
    let bench = Bench::start().await;
    bench.set_keys("mode", json!({ "mode": "certificate" })).await;
    let old = bench.merchant.certificate_serial().unwrap().to_owned();
    let new = bench.set_keys("certificates", json!({})).await["serial"].as_str().unwrap().to_owned();
    let listed = bench.v3_get(CERTIFICATES).await.json();
    let serials: Vec<&str> =
        listed["data"].as_array().unwrap().iter().map(|row| row["serial_no"].as_str().unwrap()).collect();
    assert_eq!(serials, [old.as_str(), new.as_str()]);
    assert_eq!(count(&old, &bench.signers_of_notices(4).await), 4, "it signs nothing yet");
    bench.set_keys("renewal", json!({ "serial": new, "share": 0.25 })).await;
    let signers = bench.signers_of_notices(8).await;
    assert_eq!((count(&old, &signers), count(&new, &signers)), (6, 2));
    bench.set_keys("renewal", json!({ "serial": new, "share": 1.0 })).await;
    let path = format!("/control/10000100/keys/certificates/{old}");
    assert_eq!(bench.client.delete(bench.url(&path)).send().await.unwrap().status(), 200);
    assert_eq!(count(&new, &bench.signers_of_notices(3).await), 3);
    assert_eq!(bench.signer_of_answer(None).await, new);
    let shown = bench.row("/keys").await;
    assert_eq!(shown["certificates"].as_array().unwrap().len(), 1);
    assert!(!shown.to_string().contains("PRIVATE KEY"));
    let pem = shown["certificates"][0]["pem"].as_str().unwrap();
    assert!(pem.starts_with("-----BEGIN CERTIFICATE-----"), "{pem}");
}

#[tokio::test]
async fn after_the_api_v3_key_changed_both_keys_may_have_sealed_a_notice() {
    const NEW: &str = "0123456789abcdef0123456789abcdef";
    let bench = Bench::start().await;
    let renewed = WechatPay::test_merchant().unwrap().with_api_v3_key(NEW).unwrap();
    bench.sink.refuse(true);
    bench.buy("A10001").await;
    let sent = bench.sink.wait_any("/v3/payment", 1).await;
    bench.set_keys("api-v3-key", json!({ "key": NEW, "old_share": 0.5 })).await;
    bench.sink.refuse(false);
    bench.pass(16_000);
    let again = bench.sink.wait_any("/v3/payment", 2).await;
    assert_eq!(again[1].body, sent[0].body);
    open(&bench.merchant, &again[1]);
    bench.signers_of_notices(4).await;
    let opens = |wechat: &WechatPay| {
        let many = bench.sink.received("/v3/many");
        let is_theirs = |notice: &&Received| {
            assert!(is_signed(wechat, &notice.headers, &notice.body));
            let envelope: Value = serde_json::from_str(&notice.body).unwrap();
            let text = |name: &str| envelope["resource"][name].as_str().unwrap().to_owned();
            wechat.v3_open(&text("ciphertext"), &text("nonce"), &text("associated_data")).is_ok()
        };
        many.iter().filter(is_theirs).count()
    };
    assert_eq!((opens(&bench.merchant), opens(&renewed)), (2, 2));
    bench.set_keys("certificates", json!({})).await;
    for _ in 0..2 {
        let listed = bench.v3_get(CERTIFICATES).await.json();
        assert_eq!(listed["data"].as_array().unwrap().len(), 2, "whichever key seals them");
    }
    let short = bench.control.post("/10000100/keys/api-v3-key", json!({ "key": "short" })).await.unwrap_err();
    assert_eq!(short.status, 400);
}

#[tokio::test]
async fn a_certificate_that_was_issued_while_it_ran_is_there_after_a_restart() {
    let folder = tempfile::tempdir().unwrap();
    let clock = host::clock::Clock::standing_at(MONDAY_AT_TEN);
    let store = || host::Store::Folder(folder.path().to_owned());
    let bench = Bench::start_on(store(), clock.clone()).await;
    let new = bench.set_keys("certificates", json!({})).await["serial"].as_str().unwrap().to_owned();
    bench.buy("A10001").await;
    bench.simulator.shutdown().await;
    let bench = Bench::start_on(store(), clock).await;
    assert_eq!(bench.row("/keys").await["certificates"][1]["serial"], new.as_str());
    assert_eq!(bench.v3_state("A10001").await, "SUCCESS");
}

#[test]
fn a_certificate_does_not_show_its_private_key() {
    let certificate = PlatformCertificate::issue(1_772_416_800, 1_772_500_000).unwrap();
    assert!(!format!("{certificate:?}").contains("PRIVATE"));
}

#[tokio::test]
async fn old_and_new_certificate_of_a_merchant_work_side_by_side_until_one_is_revoked() {
    const NEW: &str = "70F0C33D0A0C5E8D6B1B1F2C3A4D5E6F70819203";
    let bench = Bench::start().await;
    let pem = PlatformCertificate::issue(0, DAY).unwrap().private_key_pem;
    let new = MerchantKey::of_private_key(NEW, &pem).unwrap();
    let call = async |key: &MerchantKey| {
        let authorization = key.authorization("GET", CERTIFICATES, b"", MCH_ID, &bench.occasion()).unwrap();
        let request = bench.client.get(bench.url(CERTIFICATES)).header("User-Agent", "papay");
        let request = request.header("Accept", "application/json").header("Authorization", authorization);
        let answer = bench.sent(request).await;
        (answer.status, answer.json()["message"].as_str().unwrap_or_default().to_owned())
    };
    let taken = (200, String::new());
    let unknown = (401, "商户证书序列号有误。".to_owned());
    let wrong = (401, "错误的签名，导致验签失败。".to_owned());
    assert_eq!(call(&new).await, unknown, "nobody applied for it");
    bench.set_keys("merchant", json!({ "serial": NEW, "private_key": pem })).await;
    assert_eq!((call(&merchant_key()).await, call(&new).await), (taken.clone(), taken.clone()));
    let mixed = MerchantKey::of_private_key(NEW, MERCHANT_PRIVATE_KEY_PEM).unwrap();
    assert_eq!(call(&mixed).await, wrong, "the old key under the new serial");

    let revoke = format!("/{MCH_ID}/keys/merchant/{}", merchant_key().serial());
    bench.control.delete(&revoke).await.unwrap();
    assert_eq!((call(&merchant_key()).await, call(&new).await), (unknown, taken));
    assert!(bench.control.delete(&revoke).await.is_err(), "it is gone");
}
