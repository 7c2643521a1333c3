//! Complete subscriptions under load, with notices doubled and swapped. `.ci/long load`

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use papay::consumer::{ConsumerRule, Verdict};
use reqwest::Method;
use serde_json::{Value, json};
use tokio::task::JoinSet;

use crate::harness::{MCH_ID, Town};
use crate::outcome::token;

/// How many subscriptions, and how many of them at once.
const SUBSCRIPTIONS: usize = 200;
const AT_ONCE: usize = 8;

/// What a subscription that is signed and ended tells its consumer, each once.
const TOLD: [(&str, usize); 4] = [
    ("papay.payment.succeeded.v1", 1),
    ("papay.contract.signed.v1", 1),
    ("papay.contract.terminated.v1", 1),
    ("papay.subscription.settled.v1", 2),
];

/// For the whole of it.
const PATIENCE: Duration = Duration::from_secs(600);

#[tokio::test(flavor = "multi_thread")]
#[ignore = "takes minutes: .ci/long load"]
async fn two_hundred_subscriptions_with_doubled_and_swapped_notices_lose_double_and_disorder_nothing() {
    let town = Arc::new(Town::start().await);
    town.ask_wechat();
    for fault in ["double", "swapped"] {
        for kind in ["payment", "contract_add", "contract_delete"] {
            let fault = json!({ "on": "notice", "kind": kind, "times": SUBSCRIPTIONS / 4, "fault": fault });
            control(&town, "/faults", fault).await;
        }
    }
    let clock = tokio::spawn(hurry(town.clone()));
    let next = Arc::new(AtomicUsize::new(0));
    let started = Instant::now();
    let mut tasks = JoinSet::new();
    for _ in 0..AT_ONCE {
        tasks.spawn(subscribe_one_after_another(town.clone(), next.clone()));
    }
    let mut codes = Vec::new();
    while let Some(done) = tasks.join_next().await {
        codes.extend(done.unwrap());
    }
    let took = started.elapsed();
    clock.abort();
    let _ = clock.await;
    let (told, gaps) = consume(&town, &codes).await;
    let (mut lost, mut doubled) = (0, 0);
    for code in &codes {
        for (event_type, wanted) in TOLD {
            let count = told.get(&(code.clone(), event_type.to_owned())).copied().unwrap_or(0);
            lost += usize::from(count < wanted);
            doubled += usize::from(count > wanted);
        }
    }
    let mut answers = callback_ms(&town).await;
    answers.sort_unstable();
    let part = |of: usize| answers.get(answers.len() * of / 100).copied().unwrap_or_default();
    println!(
        "{} subscriptions, {AT_ONCE} at once, in {:.1} s: {:.1} a second",
        codes.len(),
        took.as_secs_f64(),
        f64::from(u32::try_from(codes.len()).unwrap()) / took.as_secs_f64()
    );
    println!("{} callbacks answered: p50 {} ms, p99 {} ms", answers.len(), part(50), part(99));
    println!("events lost {lost}, doubled {doubled}, out of order {gaps}");
    assert_eq!((codes.len(), lost, doubled, gaps), (SUBSCRIPTIONS, 0, 0, 0));
    let Ok(town) = Arc::try_unwrap(town) else { panic!("a task is left") };
    town.stop().await;
}

/// WeChat's pauses before it sends again are long, and so is the wait for a notice that swaps its place: ten times as fast.
async fn hurry(town: Arc<Town>) {
    loop {
        town.move_clock_under_load(Duration::from_secs(1)).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
}

async fn subscribe_one_after_another(town: Arc<Town>, next: Arc<AtomicUsize>) -> Vec<String> {
    let mut codes = Vec::new();
    loop {
        let number = next.fetch_add(1, Ordering::Relaxed);
        if number >= SUBSCRIPTIONS {
            return codes;
        }
        codes.push(subscribe(&town, &format!("user{number}")).await);
    }
}

/// Subscribes, pays, signs, is active, and ends.
async fn subscribe(town: &Town, user: &str) -> String {
    let token = token(town, user);
    let body = json!({ "product": "vip-monthly", "channel": "app" });
    let (status, begun) = town.app(&token, Method::POST, "/subscriptions", Some((user, body))).await;
    assert_eq!(status, 201, "{begun}");
    let code = begun["contract_code"].as_str().unwrap().to_owned();
    let order = begun["payment"]["out_trade_no"].as_str().unwrap();
    control(town, "/open", json!({ "app": begun["launch"]["params"] })).await;
    control(town, &format!("/{MCH_ID}/orders/{order}/pay"), json!({ "user": user })).await;
    comes_to(town, &token, &code, "active").await;
    let path = format!("/subscriptions/{code}/termination");
    let (status, ended) = town.app(&token, Method::POST, &path, Some((&format!("end {user}"), json!({})))).await;
    assert!(matches!(status, 200 | 202), "{ended}");
    comes_to(town, &token, &code, "terminated").await;
    code
}

async fn comes_to(town: &Town, token: &str, code: &str, outcome: &str) {
    let started = Instant::now();
    loop {
        let (status, body) = town.app(token, Method::GET, &format!("/subscriptions/{code}"), None).await;
        if status == 200 && body["outcome"] == outcome {
            return;
        }
        assert!(started.elapsed() < PATIENCE, "{code} waited for {outcome}: {body}");
        tokio::time::sleep(Duration::from_millis(200)).await;
    }
}

/// What the consumer applied, by contract and type, and how often something was missing in between.
async fn consume(town: &Town, codes: &[String]) -> (BTreeMap<(String, String), usize>, usize) {
    let (mut rule, mut told, mut gaps) = (ConsumerRule::default(), BTreeMap::new(), 0);
    let wanted = codes.len() * TOLD.iter().map(|(_, count)| count).sum::<usize>();
    let started = Instant::now();
    let mut applied = 0;
    while applied < wanted && started.elapsed() < PATIENCE {
        let events = town.receive_what_is_there("membership").await;
        if events.is_empty() {
            town.move_clock_under_load(Duration::from_secs(61)).await;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        for event in events {
            match rule.judge(&event) {
                Verdict::Duplicate => continue,
                Verdict::Next => {}
                Verdict::Gap { .. } => gaps += 1,
            }
            applied += 1;
            let stream = event.id.rsplit_once(':').map_or("", |(stream, _)| stream);
            let code = stream.rsplit('#').next().unwrap_or_default().to_owned();
            *told.entry((code, event.event_type.clone())).or_insert(0) += 1;
        }
    }
    (told, gaps)
}

/// How long each delivery of each notice took at WeChat's end.
async fn callback_ms(town: &Town) -> Vec<u64> {
    let notices = town.stack.simulator.control().get(&format!("/{MCH_ID}/notices")).await.unwrap();
    let deliveries = notices.as_array().unwrap().iter().flat_map(|notice| notice["deliveries"].as_array().unwrap());
    deliveries.filter(|delivery| delivery["accepted"] == true).filter_map(|delivery| delivery["ms"].as_u64()).collect()
}

async fn control(town: &Town, path: &str, body: Value) -> Value {
    town.stack.simulator.control().post(path, body).await.unwrap_or_else(|error| panic!("{path}: {error}"))
}
