//! What the two APIs and the worker write to their logs about purchases, refunds and subscriptions: nothing that is nobody's business.

use std::collections::BTreeSet;

use aws_sdk_dynamodb::types::AttributeValue;
use counterparty::{MERCHANT_PRIVATE_KEY_PEM, SECOND_MERCHANT, TEST_MERCHANT};
use reqwest::Method;
use serde_json::{Value, json};

use super::scene::{MINUTE, SECOND, Scene};
use crate::harness::{Dump, MCH_ID, Town, attribute};
use crate::outcome::{text, token_with_openids};

const CARD: &str = "6222021234567890123";
const NAME: &str = "张三丰";

/// A user whose name is found again.
const ALICE: &str = "canary7alice";

impl Scene {
    /// The next so many calls of this name meet that.
    pub(super) async fn calls_meet(&self, call: &str, times: u32, fault: Value) {
        self.at_wechat("/faults", json!({ "on": "call", "call": call, "times": times, "fault": fault })).await;
    }

    /// The purchase is given back by a refund that goes wrong in every way, and is repaired.
    async fn is_given_back_with_trouble(&self) {
        self.of_the_order("refund-outcome", json!({ "status": "ABNORMAL" })).await;
        self.calls_meet("refund", 1, json!({ "error": { "err_code": "NOT_ENOUGH" } })).await;
        self.calls_meet("refund_query", 2, json!("wrong_signature")).await;
        self.gives_back("R1", 400).await;
        self.comes_to_be('R', "R1", "abnormal", MINUTE).await;
        let card =
            json!({ "type": "user_bank_card", "bank_type": "ICBC_DEBIT", "bank_account": CARD, "real_name": NAME });
        let mut long = card.clone();
        long["bank_account"] = json!(format!("{CARD}{}", "0".repeat(1_000)));
        let mut unknown = card.clone();
        unknown[CARD] = json!(NAME);
        for wrong in [long, unknown, json!(CARD)] {
            let (status, body) = self.back_end("/refunds/R1/abnormal", "wrong", wrong).await;
            assert_eq!(status, 400, "{body}");
        }
        self.calls_meet("abnormal_refund", 2, json!("unsigned")).await;
        let (status, body) = self.back_end("/refunds/R1/abnormal", "repair", card).await;
        assert!(matches!(status, 200 | 202), "{status} {body}");
        self.comes_to_be('R', "R1", "succeeded", MINUTE).await;
    }
}

/// A user subscribes, pays and signs, with trouble, and the back end gives the money back and ends it.
async fn a_subscription_with_trouble(town: &Town) {
    let token = token_with_openids(town, ALICE).await;
    let control = town.stack.simulator.control();
    for (path, fault) in [
        ("/pay/contractorder", json!({ "error": { "err_code": "SYSTEMERROR" } })),
        ("/pay/orderquery", json!("wrong_signature")),
        ("/papay/querycontract", json!("wrong_signature")),
        ("/secapi/pay/refund", json!({ "processed_error": { "err_code": "SYSTEMERROR" } })),
    ] {
        control.post("/faults", json!({ "on": "call", "path": path, "fault": fault })).await.unwrap();
    }
    let body = json!({ "product": "vip-monthly", "channel": "mini_program" });
    let mut begun = town.app(&token, Method::POST, "/subscriptions", Some(("first", body.clone()))).await;
    if begun.0 >= 300 {
        begun = town.app(&token, Method::POST, "/subscriptions", Some(("first", body))).await;
    }
    assert!(matches!(begun.0, 200 | 201), "{} {}", begun.0, begun.1);
    let order = text(&begun.1["payment"]["out_trade_no"]);
    control.post(&format!("/{MCH_ID}/orders/{order}/pay"), json!({})).await.unwrap();
    let path = format!("/subscriptions/{}", text(&begun.1["contract_code"]));
    crate::harness::poll("it is active", async || {
        town.move_clock(6 * SECOND).await;
        town.app(&token, Method::GET, &path, None).await.1["outcome"] == "active"
    })
    .await;
}

/// Keys, users, cards, tokens, how bodies begin, and every longer word of a body that is on record and not a number of ours.
async fn forbidden(town: &Town, secrets: &[String]) -> BTreeSet<String> {
    let mut words: BTreeSet<String> =
        [CARD, NAME, "<xml", "CDATA", "\"ciphertext\"", "WECHATPAY2-SHA256-RSA2048", ALICE].map(str::to_owned).into();
    words.extend(secrets.iter().cloned());
    for merchant in [TEST_MERCHANT, SECOND_MERCHANT] {
        words.extend([merchant.api_v2_key.to_owned(), merchant.api_v3_key.to_owned()]);
    }
    words.extend(MERCHANT_PRIVATE_KEY_PEM.lines().filter(|line| line.len() > 40).map(str::to_owned));
    for appid in ["wx2421b1c4370ec43b", "wxd930ea5d5a258f4f", "wxd678efh567hg6787"] {
        for user in [ALICE.to_owned(), format!("wx-{ALICE}")] {
            let known = town.stack.simulator.control().get(&format!("/openids/{appid}/{user}")).await.unwrap();
            words.insert(text(&known["openid"]));
        }
    }
    let dump = town.dump().await;
    let ours = numbers(&dump);
    let bodies = bodies(&dump);
    assert!(bodies.len() > 10, "only {} bodies are on record", bodies.len());
    for body in bodies.into_iter().filter(|body| body.len() >= 40) {
        // As it is, and as it is in the JSON of a line.
        let beginning: String = body.chars().take(60).collect();
        words.insert(serde_json::to_string(&beginning).unwrap().trim_matches('"').to_owned());
        words.insert(beginning);
        let longer = body.split(|c: char| !c.is_ascii_alphanumeric() && c != '-').filter(|word| word.len() >= 20);
        words.extend(longer.filter(|word| !ours.iter().any(|number| number.contains(word))).map(str::to_owned));
    }
    words
}

/// What we call things, and what WeChat calls them: the log may.
fn numbers(dump: &Dump) -> Vec<String> {
    let names = ["out_trade_no", "transaction_id", "contract_code", "contract_id", "out_refund_no", "refund_id"];
    let mut numbers: Vec<String> = dump.ledger.keys().cloned().collect();
    numbers.extend(dump.ledger.values().flat_map(|item| names.map(|name| attribute(item, name))));
    numbers.retain(|number| !number.is_empty());
    // How calls and their parts are named in documents.
    numbers.extend(["DEBIT", "papay", "apply-abnormal-refund"].map(str::to_owned));
    numbers
}

/// Everything that was sent and received, as it is on record.
fn bodies(dump: &Dump) -> Vec<String> {
    let texts = |value: &AttributeValue| match value {
        AttributeValue::B(bytes) => Some(String::from_utf8_lossy(bytes.as_ref()).into_owned()),
        AttributeValue::S(text) => Some(text.clone()),
        _ => None,
    };
    let journal = dump.inbox.values().filter_map(|item| item.get("body"));
    let requests = dump.ledger.values().flat_map(|item| ["request", "repair"].map(|name| item.get(name)));
    journal.chain(requests.flatten()).filter_map(texts).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn no_log_line_of_the_apis_and_the_worker_holds_a_card_a_user_a_key_a_token_or_a_body() {
    let scene = Scene::begin(Town::start().await, ALICE, "coffee", "mini_program").await;
    scene.calls_meet("order_query", 2, json!("wrong_signature")).await;
    scene.pay().await;
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    scene.is_given_back_with_trouble().await;
    a_subscription_with_trouble(&scene.town).await;
    let wrong = scene.town.app(&format!("{}x", scene.token()), Method::GET, "/orders/A1", None).await;
    assert_eq!(wrong.0, 401, "{}", wrong.1);
    scene.town.drained().await;

    let launch = &scene.begun["launch"]["params"];
    let secrets = [scene.token().to_owned(), text(&launch["paySign"]), text(&launch["nonceStr"])];
    let forbidden = forbidden(&scene.town, &secrets).await;
    assert!(forbidden.len() > 80, "only {} words", forbidden.len());
    let lines = scene.town.lines();
    for function in ["sign-api", "merchant-api", "worker"] {
        let of = lines.iter().filter(|line| line.function == function);
        assert!(of.count() > 8, "{function}: was the log captured?");
    }
    for level in ["WARN", "ERROR"] {
        assert!(lines.iter().any(|line| line.text.contains(level)), "{level}: was there trouble?");
    }
    for line in &lines {
        for word in &forbidden {
            assert!(!line.text.contains(word.as_str()), "{} wrote {word:?}: {}", line.function, line.text);
        }
    }
    scene.stop().await;
}
