//! `papay keys`, through the real binary: the merchant platform's files become the secrets that functions start with, and nothing wrong
//! is written.

mod desk;
mod issuers;
mod patience;
mod races;
mod typed;

use std::process::{Command, Stdio};

use counterparty::TEST_MERCHANT;
use serde_json::json;
use verify::sign::v2::Field;
use verify::{ApiV2Key, SignAlgorithm};

use crate::harness::{MCH_ID, papay};
pub(crate) use desk::alone;
use desk::{API_V2, Desk, NEW_MCH_ID, PUBLIC_KEY_ID, THIRD, fine, pair, refused};

#[tokio::test(flavor = "multi_thread")]
async fn the_merchant_platforms_files_become_the_secrets_that_a_function_starts_with() {
    let desk = Desk::open();
    let missing = refused(&desk.keys(&["show", "--mch-id", NEW_MCH_ID]));
    assert!(missing.contains("papay/1900000001/verify: is not there"), "{missing}");
    let checked = fine(&desk.import(NEW_MCH_ID, &["--dry-run"]));
    assert!(checked.contains("not written"), "{checked}");
    assert!(desk.keyring(NEW_MCH_ID).await.is_err(), "a dry run writes nothing");

    let written = fine(&desk.import(NEW_MCH_ID, &[]));
    assert!(written.contains("papay/1900000001/verify and papay/1900000001/sign"), "{written}");
    let keys = desk.keyring(NEW_MCH_ID).await.unwrap();
    assert!(keys.v3.is_some() && keys.client.is_some() && keys.merchant.v3.is_some());
    assert!(keys.merchant.wechatpay.contains(PUBLIC_KEY_ID));
    let again = fine(&desk.import(NEW_MCH_ID, &[]));
    assert!(again.contains("nothing to write"), "{again}");

    let shown = desk.shown(NEW_MCH_ID);
    assert_eq!(shown["api_v2_key"], json!({ "has_previous": false }));
    assert_eq!(shown["public_keys"], json!([PUBLIC_KEY_ID]));
    assert_eq!(shown["client_certificate"]["serial"], shown["merchant_serial"]);
    assert_eq!(shown["client_certificate"]["ends"], "2090-01-01T00:00:00Z");
    let table = fine(&desk.keys(&["show", "--mch-id", NEW_MCH_ID]));
    assert!(table.contains(PUBLIC_KEY_ID) && table.contains("until 2090-01-01"), "{table}");
}

#[test]
fn every_wrong_input_is_named_with_its_rule_and_nothing_is_written() {
    let desk = Desk::open();
    let (certificate, key) = pair(NEW_MCH_ID, 2020, 2090);
    let (foreign, foreign_key) = pair("1900000002", 2020, 2090);
    let (ended, ended_key) = pair(NEW_MCH_ID, 2020, 2021);
    let (early, early_key) = pair(NEW_MCH_ID, 2089, 2090);
    let other_key = desk.file("other_key.pem", &key);
    let other = desk.file("other.pem", &certificate);
    let unreadable = desk.file("unreadable.pem", "-----BEGIN CERTIFICATE-----\nno\n-----END CERTIFICATE-----\n");
    let (foreign, foreign_key) = (desk.file("f.pem", &foreign), desk.file("f_key.pem", &foreign_key));
    let (ended, ended_key) = (desk.file("ended.pem", &ended), desk.file("ended_key.pem", &ended_key));
    let (early, early_key) = (desk.file("early.pem", &early), desk.file("early_key.pem", &early_key));
    let short = desk.file("short.txt", &API_V2[1..]);
    let chinese = desk.file("chinese.txt", "密钥密钥密钥密钥密钥ab");
    let (v2, v3, ours) = (desk.path("v2.txt"), desk.path("v3.txt"), desk.path("apiclient_cert.pem"));
    let import = |args: &[&str]| refused(&desk.keys(&[&["import", "--mch-id", NEW_MCH_ID], args].concat()));
    let pem = |certificate: &str, key: &str| {
        import(&["--api-v2-key-file", &v2, "--certificate", certificate, "--private-key", key])
    };

    let wrong_pair = pem(&ours, &other_key);
    assert!(wrong_pair.contains("apiclient_key.pem: is not the key of apiclient_cert.pem"), "{wrong_pair}");
    let no_certificate = pem(&unreadable, &other_key);
    assert!(no_certificate.contains("apiclient_cert.pem: this is not a"), "{no_certificate}");
    let swapped = pem(&other_key, &other);
    assert!(swapped.contains("apiclient_cert.pem: this is not a PEM certificate"), "{swapped}");
    let no_key = pem(&other, &unreadable);
    assert!(no_key.contains("apiclient_key.pem: this is not a PEM PKCS#8 private key"), "{no_key}");
    let stranger = pem(&foreign, &foreign_key);
    assert!(stranger.contains("apiclient_cert.pem: is merchant 1900000002's, not 1900000001's"), "{stranger}");
    let expired = pem(&ended, &ended_key);
    assert!(expired.contains("apiclient_cert.pem: ended on 2021-01-01"), "{expired}");
    let not_yet = pem(&early, &early_key);
    assert!(not_yet.contains("apiclient_cert.pem: begins on 2089-01-01 only"), "{not_yet}");

    let bytes = import(&["--api-v2-key-file", &short]);
    assert!(bytes.contains("api_v2_key: the APIv2 key has 31 bytes instead of 32"), "{bytes}");
    let characters = import(&["--api-v2-key-file", &v2, "--api-v3-key-file", &chinese]);
    assert!(characters.contains("api_v3_key: the APIv3 key holds characters other than visible ASCII"), "{characters}");
    let same = import(&["--api-v2-key-file", &v2, "--api-v3-key-file", &v2]);
    assert!(same.contains("the APIv2 key and the APIv3 key are equal"), "{same}");
    let none = import(&["--api-v3-key-file", &v3]);
    assert!(none.contains("api_v2_key: merchant 1900000001 needs one"), "{none}");
    let nothing = import(&[]);
    assert!(nothing.contains("nothing was given"), "{nothing}");
    let no_file = import(&["--api-v2-key-file", "/nowhere/v2.txt"]);
    assert!(no_file.contains("--api-v2-key-file: No such file") && !no_file.contains("/nowhere"), "{no_file}");

    let public_key = desk.path("pub_key.pem");
    let no_id = import(&["--api-v2-key-file", &v2, "--public-key", &public_key]);
    assert!(no_id.contains("--public-key-id"), "{no_id}");
    let wrong_id = import(&["--public-key", &public_key, "--public-key-id", "0119000000012026"]);
    assert!(wrong_id.contains("public_key_id: begins with PUB_KEY_ID_"), "{wrong_id}");
    let no_public_key = import(&["--public-key", &ours, "--public-key-id", PUBLIC_KEY_ID]);
    assert!(no_public_key.contains("public_key: this is not a PEM public key"), "{no_public_key}");
    let ended_platform = import(&["--api-v2-key-file", &v2, "--platform-certificate", &ended]);
    assert!(ended_platform.contains("platform_certificate: ended on 2021-01-01"), "{ended_platform}");
    let missing = refused(&desk.keys(&["show", "--mch-id", NEW_MCH_ID]));
    assert!(missing.contains("is not there"), "nothing of all that was written: {missing}");
}

#[test]
fn a_key_typed_in_the_place_of_a_file_or_as_an_argument_is_not_printed() {
    let folder = tempfile::tempdir().unwrap();
    let typed: [&[&str]; 4] = [
        &["stage", "api-v2", THIRD],
        &["stage", THIRD],
        &["rotate", "api-v3", THIRD],
        &["import", "--api-v2-key", THIRD],
    ];
    for args in typed {
        let output = papay(folder.path(), &[&["keys"], args, &["--mch-id", MCH_ID]].concat());
        let said = String::from_utf8_lossy(&output.stderr);
        assert_eq!(output.status.code(), Some(2), "{args:?}: {said}");
        assert!(said.contains("papay keys --help"), "{args:?}: {said}");
        assert!(!said.contains(THIRD) && output.stdout.is_empty(), "{args:?}: {said}");
    }
    let desk = Desk::open();
    for args in [["stage", "api-v2", "--key-file", THIRD], ["rotate", "api-v3", "--key-file", THIRD]] {
        let said = refused(&desk.keys(&[&args[..], &["--mch-id", MCH_ID]].concat()));
        assert!(said.contains("--key-file: No such file") && !said.contains(THIRD), "{said}");
    }
}

#[test]
fn what_is_there_is_never_replaced_by_an_import() {
    let desk = Desk::open();
    fine(&desk.import(NEW_MCH_ID, &[]));
    let third = desk.path("third.txt");
    let again = |args: &[&str]| refused(&desk.keys(&[&["import", "--mch-id", NEW_MCH_ID], args].concat()));
    let key = again(&["--api-v3-key-file", &third]);
    assert!(key.contains("api_v3_key: another one is in force: papay keys stage api-v3"), "{key}");
    let (certificate, private_key) = pair(NEW_MCH_ID, 2020, 2090);
    let (certificate, private_key) = (desk.file("next.pem", &certificate), desk.file("next_key.pem", &private_key));
    let pair = again(&["--certificate", &certificate, "--private-key", &private_key]);
    assert!(pair.contains("merchant: another certificate is in force: papay keys rotate merchant"), "{pair}");
    let other = concat!(env!("CARGO_MANIFEST_DIR"), "/../sandbox/counterparty/keys/second_wechat_pay_public_key.pem");
    let id = again(&["--public-key", other, "--public-key-id", PUBLIC_KEY_ID]);
    assert!(id.contains("another key has this id already"), "{id}");

    let before = desk.shown(NEW_MCH_ID)["merchant_serial"].clone();
    let rotate =
        ["rotate", "merchant", "--mch-id", NEW_MCH_ID, "--certificate", &certificate, "--private-key", &private_key];
    fine(&desk.keys(&rotate));
    assert_ne!(desk.shown(NEW_MCH_ID)["merchant_serial"], before);
    let twice = refused(&desk.keys(&rotate));
    assert!(twice.contains("merchant: this is the certificate in force already"), "{twice}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_staged_put_in_force_and_retired_and_no_third_one_is_ever_lost() {
    let desk = Desk::open();
    let third = desk.path("third.txt");
    let at = |args: &[&str]| desk.keys(&[args, &["--mch-id", MCH_ID]].concat());
    for (key, field) in [("api-v2", "api_v2_key"), ("api-v3", "api_v3_key")] {
        let alone = refused(&at(&["retire", key]));
        assert!(alone.contains(&format!("{field}.previous: there is none to retire")), "{alone}");
        let no_other = refused(&at(&["rotate", key]));
        assert!(no_other.contains(&format!("{field}.previous: no other key is there")), "{no_other}");
        assert!(refused(&at(&["stage", key])).contains("no key was given"));
    }
    let current = desk.file("current.txt", TEST_MERCHANT.api_v2_key);
    assert!(refused(&at(&["stage", "api-v2", "--key-file", &current])).contains("in force already"));
    let mixed_up = refused(&at(&["stage", "api-v3", "--key-file", &current]));
    assert!(mixed_up.contains("the APIv2 key and the APIv3 key are equal"), "{mixed_up}");

    let staged = fine(&at(&["stage", "api-v2", "--key-file", &third]));
    assert!(staged.contains("papay keys rotate api-v2 --mch-id 10000100"), "{staged}");
    assert_eq!(desk.shown(MCH_ID)["api_v2_key"], json!({ "has_previous": true }));
    let keys = desk.keyring(MCH_ID).await.unwrap();
    assert_eq!(verified_by(&keys), [true, true], "both are understood");
    assert_eq!(signed_by(&keys), TEST_MERCHANT.api_v2_key, "and the old one signs");
    let full = refused(&at(&["stage", "api-v2", "--key-file", &desk.path("v2.txt")]));
    assert!(full.contains("api_v2_key.previous: another key stands beside the one in force"), "{full}");

    let rotated = fine(&at(&["rotate", "api-v2"]));
    assert!(rotated.contains("papay keys retire api-v2 --mch-id 10000100"), "{rotated}");
    let keys = desk.keyring(MCH_ID).await.unwrap();
    assert_eq!((verified_by(&keys), signed_by(&keys)), ([true, true], THIRD));
    let lost = refused(&at(&["rotate", "api-v2", "--key-file", &desk.path("v2.txt")]));
    assert!(lost.contains("papay keys retire api-v2, first"), "{lost}");
    fine(&at(&["rotate", "api-v2"]));
    assert_eq!(signed_by(&desk.keyring(MCH_ID).await.unwrap()), TEST_MERCHANT.api_v2_key, "taken back");
    fine(&at(&["rotate", "api-v2"]));
    desk.wait("25h");
    fine(&at(&["retire", "api-v2"]));
    let keys = desk.keyring(MCH_ID).await.unwrap();
    assert_eq!((verified_by(&keys), signed_by(&keys)), ([false, true], THIRD));
}

#[test]
fn keys_of_wechats_are_retired_by_name_and_the_last_one_is_not() {
    let desk = Desk::open();
    fine(&desk.import(NEW_MCH_ID, &[]));
    let retire = |args: &[&str]| desk.keys(&[&["retire", "--mch-id", NEW_MCH_ID], args].concat());
    assert!(refused(&retire(&["public-key"])).contains("--id says which one"));
    for (kind, field) in [("public-key", "public_keys"), ("platform-certificate", "platform_certificates")] {
        let stranger = refused(&retire(&[kind, "--id", THIRD]));
        assert!(stranger.contains(&format!("{field}: none is called so: papay keys show lists them")), "{stranger}");
    }
    let last = refused(&retire(&["public-key", "--id", PUBLIC_KEY_ID]));
    assert!(last.contains("is the last key of WeChat's"), "{last}");
    let (certificate, _) = pair("Tenpay.com sign", 2020, 2090);
    let certificate = desk.file("platform.pem", &certificate);
    fine(&desk.keys(&["import", "--mch-id", NEW_MCH_ID, "--platform-certificate", &certificate]));
    let early = refused(&retire(&["public-key", "--id", PUBLIC_KEY_ID]));
    assert!(early.contains("too early: until"), "WeChat may sign with it still: {early}");
    desk.wait("25h");
    fine(&retire(&["public-key", "--id", PUBLIC_KEY_ID]));
    let shown = desk.shown(NEW_MCH_ID);
    let serial = shown["platform_certificates"][0]["serial"].as_str().unwrap();
    assert_eq!(shown["public_keys"], json!([]));
    let last = refused(&retire(&["platform-certificate", "--id", serial]));
    assert!(last.contains("is the last key of WeChat's"), "{last}");
}

#[test]
fn in_aws_the_same_layout_is_written_with_the_operators_own_credentials() {
    let desk = Desk::open();
    let endpoint = desk.dev.running().secrets;
    let folder = desk.folder.path().to_owned();
    let aws = |args: &[&str], region: Option<&str>| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_papay"));
        command.arg("keys").args(args).args(["--mch-id", NEW_MCH_ID, "--aws"]).stdin(Stdio::null());
        alone(&mut command, &folder).env("AWS_ENDPOINT_URL_SECRETS_MANAGER", &endpoint);
        region.map(|region| command.env("AWS_REGION", region));
        command
    };
    let credentials = |command: &mut Command| {
        command.env("AWS_ACCESS_KEY_ID", "operator").env("AWS_SECRET_ACCESS_KEY", "secret").output().unwrap()
    };
    let no_region = refused(&aws(&["show"], None).output().unwrap());
    assert!(no_region.contains("AWS_REGION: is not set"), "{no_region}");
    let nobody = refused(&aws(&["show"], Some("ap-east-1")).output().unwrap());
    assert!(nobody.contains("AWS credentials: there are none"), "{nobody}");
    let prefix = refused(&credentials(&mut aws(&["show", "--prefix", THIRD], Some("ap-east-1"))));
    assert!(prefix.contains("--prefix: ends with a slash"), "{prefix}");
    let v2 = desk.path("v2.txt");
    let import = ["import", "--prefix", "shop/", "--api-v2-key-file", &v2];
    let written = fine(&credentials(&mut aws(&import, Some("ap-east-1"))));
    assert!(written.contains("written to shop/1900000001/verify: api-v2 key"), "{written}");
    let shown = fine(&credentials(&mut aws(&["show", "--prefix", "shop/"], Some("ap-east-1"))));
    assert!(shown.contains("APIv2 key              in force"), "{shown}");
    let staged = fine(&credentials(&mut aws(
        &["stage", "api-v2", "--prefix", "shop/", "--key-file", &desk.path("third.txt")],
        Some("ap-east-1"),
    )));
    assert!(staged.contains("papay keys rotate api-v2 --mch-id 1900000001 --aws --prefix shop/"), "{staged}");
}

/// Whether these keys verify what the test merchant's APIv2 key signed, and what the new one did.
fn verified_by(keys: &setup::SigningKeys) -> [bool; 2] {
    [TEST_MERCHANT.api_v2_key, THIRD].map(|key| {
        let wechat = counterparty::WechatPay::by_mch_id(MCH_ID).unwrap().with_api_v2_key(key);
        let numbers = counterparty::Numbers::example(1_795_000_000);
        let request = counterparty::fixtures::build_with(&wechat, "payment-v2", &numbers).unwrap();
        keys.merchant.verify_v2(&request.body).is_ok()
    })
}

/// The key that these keys sign with.
fn signed_by(keys: &setup::SigningKeys) -> &'static str {
    let fields = [Field::text("appid", "wx2421b1c4370ec43b"), Field::text("nonce_str", "n")];
    let sign = |key: &ApiV2Key| verify::sign::v2::sign(&fields, key, SignAlgorithm::Md5).unwrap();
    let by = |key: &&str| sign(&ApiV2Key::parse(key).unwrap()) == sign(&keys.v2);
    [TEST_MERCHANT.api_v2_key, THIRD].into_iter().find(by).unwrap()
}
