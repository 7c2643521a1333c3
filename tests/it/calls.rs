//! What each function asks of AWS, recorded on the way: `tests/template/calls.json` is exactly that, and
//! `tests/template/test_calls.py` compares it with the functions' roles. Nothing is granted that is not used, nothing used that
//! is not granted.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use counterparty::{Protocol, fixtures};
use http::{HeaderMap, StatusCode};
use reqwest::Method;
use serde_json::{Value, json};

use crate::harness::{DEADLINE, MCH_ID, Side, Town, answered, forward, poll, serve};
use crate::outcome::{text, token};

const RECORDED: &str = include_str!("../template/calls.json");

/// Function to action to resources.
type Calls = BTreeMap<String, BTreeMap<String, BTreeSet<String>>>;

/// A listener between the functions and the embedded services.
struct Recorder {
    address: std::net::SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    /// Service to endpoint.
    upstream: OnceLock<BTreeMap<&'static str, String>>,
    http: reqwest::Client,
    calls: Mutex<Calls>,
    /// A function whose calls get no answer for now.
    shut_out: Mutex<Option<&'static str>>,
}

impl Recorder {
    async fn start() -> Self {
        let shared = Arc::<Shared>::default();
        let address = serve(Router::new().fallback(pass).with_state(shared.clone())).await;
        Self { address, shared }
    }

    fn variables(&self) -> Vec<(String, String)> {
        let services = ["DYNAMODB", "SQS", "SECRETS_MANAGER"];
        services.map(|name| (format!("AWS_ENDPOINT_URL_{name}"), format!("http://{}", self.address))).to_vec()
    }

    fn lead_to(&self, town: &Town) {
        let host = &town.stack.host;
        let endpoints = [
            ("dynamodb", host.dynamodb.endpoint()),
            ("sqs", host.sqs.endpoint()),
            ("secretsmanager", host.secrets.endpoint()),
        ];
        self.shared.upstream.set(endpoints.into()).unwrap();
    }

    fn shut_out(&self, function: Option<&'static str>) {
        *self.shared.shut_out.lock().unwrap() = function;
    }

    fn calls(&self) -> Calls {
        self.shared.calls.lock().unwrap().clone()
    }
}

async fn pass(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default().to_owned();
    // Credential=<function>/<date>/<region>/<service>/aws4_request
    let authorization = text("authorization");
    let scope = authorization.split_once("Credential=").unwrap().1.split(',').next().unwrap();
    let scope: Vec<&str> = scope.split('/').collect();
    let (function, service) = (scope[0], scope[3]);
    let operation = text("x-amz-target").rsplit('.').next().unwrap().to_owned();
    let request: Value = serde_json::from_slice(&body).unwrap();
    for (action, resource) in actions(&operation, &request) {
        let action = format!("{service}:{action}");
        let mut calls = shared.calls.lock().unwrap();
        calls.entry(function.to_owned()).or_default().entry(action).or_default().insert(resource);
    }
    if *shared.shut_out.lock().unwrap() == Some(function) {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    let Some(upstream) = shared.upstream.get().map(|services| &services[service]) else {
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    };
    let answer = forward(&shared.http, (Method::POST, upstream), headers, body).await;
    answer.map_or_else(|| StatusCode::BAD_GATEWAY.into_response(), IntoResponse::into_response)
}

/// What IAM would have to allow. A transaction is allowed by what it puts and updates.
fn actions(operation: &str, request: &Value) -> Vec<(String, String)> {
    let one = |action: &str, resource: String| vec![(action.to_owned(), resource)];
    match operation {
        "TransactWriteItems" => {
            let items = request["TransactItems"].as_array().unwrap().iter();
            items
                .map(|item| {
                    let (kind, item) = item.as_object().unwrap().iter().next().unwrap();
                    (format!("{kind}Item"), table(&item["TableName"]))
                })
                .collect()
        }
        "BatchGetItem" => {
            let tables = request["RequestItems"].as_object().unwrap().keys();
            tables.map(|name| (operation.to_owned(), table(&json!(name)))).collect()
        }
        "GetItem" | "PutItem" | "UpdateItem" | "Query" => {
            let index = request["IndexName"].as_str().map(|name| format!("/{name}")).unwrap_or_default();
            one(operation, format!("{}{index}", table(&request["TableName"])))
        }
        "SendMessage" | "SendMessageBatch" => {
            let queue = request["QueueUrl"].as_str().unwrap().rsplit('/').next().unwrap();
            one("SendMessage", queue.trim_end_matches(".fifo").to_owned())
        }
        "GetSecretValue" | "PutSecretValue" | "CreateSecret" => {
            let name = request.get("SecretId").unwrap_or(&request["Name"]).as_str().unwrap();
            let purpose = name.rsplit('/').next().unwrap();
            one(operation, if name.contains("/issuers/") { "issuers" } else { purpose }.to_owned())
        }
        other => panic!("no function asks for {other}"),
    }
}

/// `ledger` of `papay-ledger`.
fn table(name: &Value) -> String {
    name.as_str().unwrap().rsplit('-').next().unwrap().to_owned()
}

fn recorded() -> Calls {
    serde_json::from_str(RECORDED).unwrap()
}

/// Everything that a user, a merchant's back end and WeChat do: each function goes its ways at least once.
async fn a_day(town: &Town, recorder: &Recorder) {
    // Of what is not on record.
    for unknown in ["payment-v2", "contract-add", "payment-v3", "refund-success"] {
        town.send(&town.unseeded(unknown)).await;
    }
    for fixture in fixtures::all() {
        let prepared = town.prepare(fixture.name).await;
        town.send(&prepared).await;
        // And again, as a duplicate.
        town.send(&prepared).await;
    }
    town.drained().await;
    the_sweeper_alone(town, recorder).await;
    town.ask_wechat();
    let alice = token(town, "alice");
    let (code, order) = subscribed(town, &alice, "first").await;
    back_end(town, &code, &order).await;
    town.looks_until_paid(&alice, &paid_unheard(town, "by the app").await).await;
    town.back_end_looks_until_paid(&paid_unheard(town, "by the back end").await).await;
    town.wechat_is_well().await;
    paid_late(town, "bob").await;
    // She was a subscriber before, which has to stay as it is while she becomes one again.
    let (code, _) = subscribed(town, &alice, "again").await;
    let end = Some(("end", json!({ "remark": "enough" })));
    let (status, told) = town.app(&alice, Method::POST, &format!("/subscriptions/{code}/termination"), end).await;
    assert!(status < 300, "{told}");
    // One of the fixtures was paid on that day, and WeChat's bill has nothing of it.
    town.wait_for_tomorrow((10, 30)).await;
    town.compare_bills().await.unwrap();
    // What is due by then is asked.
    town.move_clock(Duration::from_secs(26 * 3600)).await;
    town.hear(&["papay.refund.succeeded.v1"]).await;
}

/// A user pays and signs; answers the numbers of contract and order.
pub(crate) async fn subscribed(town: &Town, token: &str, key: &str) -> (String, String) {
    let body = json!({ "product": "vip-monthly", "channel": "app" });
    let (status, begun) = town.app(token, Method::POST, "/subscriptions", Some((key, body))).await;
    assert_eq!(status, 201, "{begun}");
    let text = |value: &Value| value.as_str().unwrap().to_owned();
    let (code, order) = (text(&begun["contract_code"]), text(&begun["payment"]["out_trade_no"]));
    town.wechat(&format!("/orders/{order}/pay"), json!({ "user": "alice" })).await;
    town.hear(&["papay.contract.signed.v1", "papay.payment.succeeded.v1"]).await;
    // What is heard above may be of the subscription before.
    poll("it is active", async || {
        tokio::time::sleep(Duration::from_millis(200)).await;
        let (status, told) = town.app(token, Method::GET, &format!("/subscriptions/{code}"), None).await;
        assert_eq!(status, 200, "{told}");
        told["outcome"] == "active"
    })
    .await;
    (code, order)
}

/// The relay cannot reach anything: the sweeper finds what it left.
async fn the_sweeper_alone(town: &Town, recorder: &Recorder) {
    recorder.shut_out(Some("outbox-relay"));
    let prepared = town.prepare("payment-v2").await;
    assert!(town.send(&prepared).await.is_success(Protocol::V2));
    town.move_clock(Duration::from_secs(61)).await;
    town.drained().await;
    recorder.shut_out(None);
}

/// A payment of which no notice comes, and nothing is asked of: whoever looks is the first to learn of it, and tells.
async fn paid_unheard(town: &Town, key: &str) -> String {
    town.loses("payment").await;
    town.buys(key).await
}

/// WeChat has an order that it said it refuses, and it is paid when the user has begun another one. The attempt that is looked at then is
/// not of the order.
async fn paid_late(town: &Town, user: &str) {
    let body = || json!({ "product": "vip-monthly", "channel": "app" });
    let refusal = json!({ "processed_error": { "err_code": "NOAUTH" } });
    town.wechat_misbehaves(json!({ "on": "call", "path": "/pay/contractorder", "fault": refusal })).await;
    let token = token(town, user);
    let orders = async || {
        let rows = town.stack.simulator.control().get(&format!("/{MCH_ID}/orders")).await.unwrap();
        rows.as_array().unwrap().iter().map(|order| text(&order["out_trade_no"])).collect::<BTreeSet<_>>()
    };
    let before = orders().await;
    let (status, told) = town.app(&token, Method::POST, "/subscriptions", Some(("refused", body()))).await;
    assert_eq!((status, &told["wechat_code"]), (502, &json!("NOAUTH")), "{told}");
    let after = orders().await;
    let refused = after.difference(&before).next().unwrap();
    let (status, told) = town.app(&token, Method::POST, "/subscriptions", Some(("another", body()))).await;
    assert_eq!(status, 201, "{told}");
    town.wechat(&format!("/orders/{refused}/pay"), json!({ "user": user })).await;
    town.is('O', refused, "paid").await;
}

async fn back_end(town: &Town, code: &str, order: &str) {
    let calls = [
        (Method::POST, "/deductions".to_owned(), json!({ "contract_code": code, "period": 1, "amount": 100 })),
        (Method::POST, "/pre-deduction-notices".to_owned(), json!({ "contract_code": code, "amount": 100 })),
        (Method::POST, "/refunds".to_owned(), json!({ "out_trade_no": order, "out_refund_no": "R1", "amount": 100 })),
        (Method::GET, format!("/contracts/{code}"), Value::Null),
        (Method::GET, format!("/orders/{order}"), Value::Null),
        (Method::GET, "/refunds/R1".to_owned(), Value::Null),
        (Method::POST, format!("/contracts/{code}/termination"), json!({ "remark": "enough" })),
    ];
    for (method, path, body) in calls {
        let body = (!body.is_null()).then_some((path.as_str(), body));
        let (status, told) = answered(town.request(&Side::BackEnd, method, &path, body)).await;
        // At night nothing is deducted, and this template announces its deductions itself.
        let refused = status == 409 && (told.get("next_window").is_some() || told["code"] == "not_periodic");
        assert!(status < 300 || refused, "{path}: {status} {told}");
    }
}

/// `PAPAY_WRITE_CALLS=1` writes the file anew.
#[tokio::test(flavor = "multi_thread")]
async fn each_function_asks_of_aws_exactly_what_is_written_down() {
    let recorder = Recorder::start().await;
    let town = Town::start_with(recorder.variables()).await;
    recorder.lead_to(&town);
    a_day(&town, &recorder).await;
    let write = std::env::var_os("PAPAY_WRITE_CALLS").is_some();
    if write {
        tokio::time::sleep(Duration::from_secs(5)).await;
        let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../tests/template/calls.json");
        std::fs::write(path, serde_json::to_string_pretty(&recorder.calls()).unwrap() + "\n").unwrap();
    } else {
        // The sweeper may have something left to do.
        let started = Instant::now();
        while !missing(&recorded(), &recorder.calls()).is_empty() && started.elapsed() < DEADLINE {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        assert_eq!(missing(&recorded(), &recorder.calls()), Vec::<String>::new(), "calls that nobody makes");
        assert_eq!(missing(&recorder.calls(), &recorded()), Vec::<String>::new(), "calls that are not written down");
    }
    town.stop().await;
}

/// What is in `wanted` and not in `there`.
fn missing(wanted: &Calls, there: &Calls) -> Vec<String> {
    let all = wanted.iter().flat_map(|(function, actions)| {
        actions
            .iter()
            .flat_map(move |(action, resources)| resources.iter().map(move |resource| (function, action, resource)))
    });
    let is_there = |(function, action, resource): &(&String, &String, &String)| {
        there.get(*function).and_then(|actions| actions.get(*action)).is_some_and(|some| some.contains(*resource))
    };
    all.filter(|one| !is_there(one))
        .map(|(function, action, resource)| format!("{function} {action} {resource}"))
        .collect()
}
