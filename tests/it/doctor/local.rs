//! The local stack, and faults in it.

use std::path::Path;
use std::time::Duration;

use aws_sdk_sqs::types::QueueAttributeName;
use counterparty::TEST_MERCHANT;
use papay::stack::tables;
use serde_json::{Value, json};

use super::Said;
use crate::harness::{Dev, MCH_ID, OTHER_MCH_ID, Town, papay};

const HOUR: Duration = Duration::from_secs(3_600);

/// As a process beside the stack of this one.
async fn doctor(data: &Path) -> Said {
    let data = data.to_owned();
    tokio::task::spawn_blocking(move || Said::of(&papay(&data, &["doctor", "--json"]))).await.unwrap()
}

#[test]
fn a_healthy_stack_is_well_and_what_a_laptop_does_not_have_is_said() {
    let data = tempfile::tempdir().unwrap();
    let none = papay(data.path(), &["doctor"]);
    assert_eq!(none.status.code(), Some(2), "no stack is a failure, too");
    assert!(String::from_utf8_lossy(&none.stderr).contains("cargo run -- dev"));
    let dev = Dev::start(data.path());
    let said = Said::of(&dev.papay(&["doctor", "--json"]));
    said.is_well();
    for name in
        ["deduction-callback", "contract-callback", "payment-callback", "refund-callback", "sign-api", "merchant-api"]
    {
        said.has("ok", &format!("reachable: {name}"), "answers");
        said.has("ok", &format!("clock: {name}"), "from this machine's");
    }
    said.has("ok", &format!("WeChat: {MCH_ID}"), "echoes, signed and encrypted");
    said.has("left_out", &format!("WeChat: {OTHER_MCH_ID}"), "there is no private key");
    said.has("ok", "issuer's secret: papay/issuers/0", "there");
    said.has("ok", "queue: membership", "0 messages wait");
    said.has("ok", "table: papay-outbox", "active");
    for absent in ["permissions", "event source mappings", "alarms", "template URLs", "queue policy"] {
        said.has("left_out", &format!("{absent}: local stack"), "");
    }
    let words = String::from_utf8(dev.papay(&["doctor"]).stdout).unwrap();
    assert!(words.contains("0 FAILURE, 0 WARNING, 0 UNCHECKED"), "{words}");
    assert!(!words.contains(TEST_MERCHANT.api_v2_key));
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_clock_queues_tables_and_addresses_has_its_own_finding() {
    let folder = tempfile::tempdir().unwrap();
    let mut town = Town::start_on(folder.path()).await;
    doctor(folder.path()).await.is_well();

    town.move_clock(HOUR).await;
    let moved = doctor(folder.path()).await;
    moved.has("warning", "clock: the stack's", "moved by 3600 s");
    assert_eq!((moved.code, moved.complaints()), (1, vec!["clock: the stack's".to_owned()]));
    town.stack.host.clock.set_offset_ms(0).unwrap();

    let sqs = town.clients().sqs.clone();
    let url = |name: &str| town.stack.host.sqs.queue_url(name);
    let (dead_letters, ledger) = (url("membership-dlq.fifo"), town.stack.queues["ledger"].clone());
    let letter = sqs.send_message().queue_url(&dead_letters).message_body("?");
    letter.message_group_id("g").message_deduplication_id("d").send().await.unwrap();
    let letters = doctor(folder.path()).await;
    letters.has("warning", "dead letters: membership", "1 messages in membership-dlq.fifo");
    assert_eq!((letters.code, letters.complaints()), (1, vec!["dead letters: membership".to_owned()]));
    sqs.delete_queue().queue_url(&dead_letters).send().await.unwrap();
    let no_letters = doctor(folder.path()).await;
    no_letters.has("failure", "dead letters: membership", "is not there");
    assert_eq!(no_letters.code, 2);

    let queue = sqs.set_queue_attributes().queue_url(&ledger);
    let queue = queue.attributes(QueueAttributeName::FifoThroughputLimit, "perQueue");
    queue.attributes(QueueAttributeName::DeduplicationScope, "queue").send().await.unwrap();
    doctor(folder.path()).await.has("failure", "queue: ledger", "DeduplicationScope is queue instead of messageGroup");
    sqs.delete_queue().queue_url(&ledger).send().await.unwrap();
    doctor(folder.path()).await.has("failure", "queue: ledger", "is not there");

    let dynamodb = town.clients().dynamodb.clone();
    dynamodb.delete_table().table_name(tables::names().inbox).send().await.unwrap();
    doctor(folder.path()).await.has("failure", "table: papay-inbox", "is not there");

    town.stack.host.stop_functions().await;
    let silent = doctor(folder.path()).await;
    for name in ["deduction-callback", "sign-api", "merchant-api"] {
        silent.has("failure", &format!("reachable: {name}"), "no connection");
    }
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn each_fault_of_the_keys_and_of_wechat_has_its_own_finding() {
    let folder = tempfile::tempdir().unwrap();
    let town = Town::start_on(folder.path()).await;
    let (verify, sign) = (format!("papay/{MCH_ID}/verify"), format!("papay/{MCH_ID}/sign"));
    let good = town.config.secrets();
    let put = |name: &str, change: &dyn Fn(&mut Value)| {
        let mut secret: Value = serde_json::from_str(&good[name]).unwrap();
        change(&mut secret);
        town.stack.host.secrets.put(name, secret.to_string());
    };
    let heal = || [&verify, &sign].map(|name| town.stack.host.secrets.put(name, good[name].clone()));
    let at = |check: &str| format!("{check}: {MCH_ID}");

    // Before any function has started, so that none can.
    put(&verify, &|secret| secret["api_v2_key"]["current"] = json!("short"));
    let short = doctor(folder.path()).await;
    short.has("failure", &at("secrets"), "api_v2_key.current: the APIv2 key has 5 bytes instead of 32");
    short.has("unchecked", &at("WeChat"), "no function starts with these keys");
    short.has("failure", "reachable: deduction-callback", "answers 502");
    assert_eq!(short.code, 2);
    heal();
    doctor(folder.path()).await.is_well();

    // The other merchant's public key under this one's id.
    let other: Value = serde_json::from_str(&good[&format!("papay/{OTHER_MCH_ID}/verify")]).unwrap();
    let other = other["public_keys"].as_object().unwrap().values().next().unwrap().clone();
    put(&verify, &|secret| {
        secret["public_keys"] = json!({ "PUB_KEY_ID_0116571234562024052000123400000000": other.clone() });
    });
    let foreign = doctor(folder.path()).await;
    foreign.has("failure", &at("WeChat"), "");
    assert_eq!(foreign.complaints(), [at("WeChat")]);
    put(&verify, &|secret| (secret["public_keys"], secret["platform_certificates"]) = (json!({}), json!([])));
    doctor(folder.path()).await.has("failure", &at("WeChat's keys"), "every V3 notice is refused");
    put(&verify, &|secret| secret["public_keys"] = json!({}));
    doctor(folder.path()).await.has("failure", &at("WeChat's keys"), "the last certificate ended on 2025-05-09");
    heal();

    // Another private key than the one of the serial.
    let another = include_str!("../../../sandbox/counterparty/keys/second_wechat_pay_private_key.pem");
    put(&sign, &|secret| secret["merchant"]["private_key"] = json!(another));
    let unsigned = doctor(folder.path()).await;
    unsigned.has("failure", &at("WeChat"), "WeChat refuses: SIGN_ERROR");
    assert_eq!(unsigned.complaints(), [at("WeChat")]);
    let certificate = include_str!("../../../sandbox/counterparty/keys/merchant_certificate.pem");
    put(&sign, &|secret| secret["client"] = json!({ "certificate": certificate, "private_key": another }));
    doctor(folder.path()).await.has("failure", &at("key and certificate"), "not for its private key");
    let key = include_str!("../../../sandbox/counterparty/keys/merchant_private_key.pem");
    put(&sign, &|secret| secret["client"] = json!({ "certificate": certificate, "private_key": key }));
    let ended = doctor(folder.path()).await;
    ended.has("failure", &at("expiry"), "the client certificate ended on 2025-05-09");
    ended.has("ok", &at("key and certificate"), "is for its private key");
    heal();

    let control = town.stack.simulator.control();
    let fault = json!({ "on": "call", "call": "security_echo", "times": 2, "fault": "disconnect" });
    control.post("/faults", fault).await.unwrap();
    doctor(folder.path()).await.has("failure", &at("WeChat"), "does not answer from here");
    doctor(folder.path()).await.is_well();

    town.stack.host.secrets.set_down(true);
    doctor(folder.path()).await.has("failure", &at("secrets"), "InternalServiceError");
    town.stop().await;
}
