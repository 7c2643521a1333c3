//! An AWS account that answers from a script: Lambda, CloudWatch, SNS and DynamoDB's descriptions, in their real wire formats.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{HeaderMap, Method, StatusCode, Uri};
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// What it answers, by a name of ours: `configuration shop-worker` of what is served, `latest shop-worker` of what was deployed last,
/// `alarms`. A test changes it at will.
pub(super) type Answers = BTreeMap<String, Value>;

/// A running account.
#[derive(Clone)]
pub(super) struct Account {
    pub(super) endpoint: String,
    answers: Arc<Mutex<Answers>>,
}

impl Account {
    pub(super) async fn open(answers: Answers) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let account = Self { endpoint, answers: Arc::new(Mutex::new(answers)) };
        let router = Router::new().fallback(answer).with_state(account.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        account
    }

    /// Answers otherwise from here; what it answered before comes back.
    pub(super) fn change(&self, name: &str, change: impl FnOnce(&mut Value)) -> Value {
        let mut answers = self.answers.lock().unwrap();
        let answer = answers.get_mut(name).unwrap_or_else(|| panic!("no answer is called {name}"));
        let before = answer.clone();
        change(answer);
        before
    }

    fn told(&self, name: &str) -> Option<Value> {
        self.answers.lock().unwrap().get(name).cloned()
    }
}

/// An answer of this account that is a refusal.
pub(super) fn refusal(code: &str) -> Value {
    json!({ "refused": code })
}

async fn answer(State(account): State<Account>, method: Method, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let signed = headers.get("authorization").is_some_and(|value| value.as_bytes().starts_with(b"AWS4-HMAC-SHA256 "));
    assert!(signed, "{method} {uri} is not signed");
    let path: Vec<&str> = uri.path().trim_matches('/').split('/').collect();
    match path.as_slice() {
        ["2015-03-31", "event-source-mappings"] => {
            let query = uri.query().unwrap_or_default();
            let function = query.split('&').find_map(|pair| pair.strip_prefix("FunctionName=")).unwrap();
            let function = function.replace("%3A", ":");
            lambda(account.told(&format!("mappings {}", function.strip_suffix(":live").unwrap())))
        }
        [_, "functions", function, "configuration"] if uri.query().is_none() => {
            lambda(account.told(&format!("latest {function}")))
        }
        [_, "functions", function, what] => lambda(account.told(&format!("{what} {function}"))),
        ["service", "GraniteServiceVersion20100801", "operation", "DescribeAlarms"] => alarms(account.told("alarms")),
        [""] if !headers.contains_key("x-amz-target") => {
            let asked = String::from_utf8(body.to_vec()).unwrap();
            assert!(asked.starts_with("Action=ListSubscriptionsByTopic&"), "{asked}");
            let topic = asked.split('&').find_map(|pair| pair.strip_prefix("TopicArn=")).unwrap();
            subscriptions(account.told(&format!("topic {}", topic.rsplit("%3A").next().unwrap())))
        }
        [""] => {
            let target = headers["x-amz-target"].to_str().unwrap();
            assert_eq!(target, "DynamoDB_20120810.DescribeTable");
            let asked: Value = serde_json::from_slice(&body).unwrap();
            table(account.told(&format!("table {}", asked["TableName"].as_str().unwrap())))
        }
        _ => panic!("nobody asks AWS for {method} {uri}"),
    }
}

fn lambda(answer: Option<Value>) -> Response {
    let answer = answer.unwrap_or_else(|| refusal("ResourceNotFoundException"));
    match answer["refused"].as_str() {
        None => (StatusCode::OK, [("content-type", "application/json")], answer.to_string()).into_response(),
        Some(code) => {
            let status = if code == "ResourceNotFoundException" { 404 } else { 403 };
            let headers = [("content-type", "application/json"), ("x-amzn-errortype", code)];
            (StatusCode::from_u16(status).unwrap(), headers, r#"{"Message":"no"}"#).into_response()
        }
    }
}

fn table(answer: Option<Value>) -> Response {
    let headers = [("content-type", "application/x-amz-json-1.0")];
    match answer {
        Some(table) => (StatusCode::OK, headers, json!({ "Table": table }).to_string()).into_response(),
        None => {
            let body = r#"{"__type":"com.amazonaws.dynamodb.v20120810#ResourceNotFoundException","message":"no"}"#;
            (StatusCode::BAD_REQUEST, headers, body).into_response()
        }
    }
}

/// SNS speaks XML. The answer has the subscriptions' ARNs, or what stands in their place.
fn subscriptions(answer: Option<Value>) -> Response {
    let answer = answer.unwrap_or_else(|| refusal("NotFound"));
    let headers = [("content-type", "text/xml")];
    if let Some(code) = answer["refused"].as_str() {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>{code}</Code><Message>no</Message></Error></ErrorResponse>"
        );
        let status = if code == "NotFound" { StatusCode::NOT_FOUND } else { StatusCode::FORBIDDEN };
        return (status, headers, body).into_response();
    }
    let arns = answer.as_array().unwrap().iter().map(|arn| arn.as_str().unwrap());
    let members: String =
        arns.map(|arn| format!("<member><SubscriptionArn>{arn}</SubscriptionArn></member>")).collect();
    let result = format!(
        "<ListSubscriptionsByTopicResult><Subscriptions>{members}</Subscriptions></ListSubscriptionsByTopicResult>"
    );
    let body = format!("<ListSubscriptionsByTopicResponse>{result}</ListSubscriptionsByTopicResponse>");
    (StatusCode::OK, headers, body).into_response()
}

fn alarms(answer: Option<Value>) -> Response {
    let answer = answer.unwrap();
    let headers = [("content-type", "application/cbor"), ("smithy-protocol", "rpc-v2-cbor")];
    match answer["refused"].as_str() {
        None => (StatusCode::OK, headers, cbor(&answer)).into_response(),
        Some(code) => (StatusCode::BAD_REQUEST, headers, cbor(&json!({ "__type": code }))).into_response(),
    }
}

/// CloudWatch speaks CBOR (RFC 8949): as much of it as an answer needs.
fn cbor(value: &Value) -> Vec<u8> {
    let head = |major: u8, length: usize| {
        let mut head = vec![major << 5 | 26];
        head.extend(u32::try_from(length).unwrap().to_be_bytes());
        head
    };
    match value {
        Value::Bool(value) => vec![if *value { 0xf5 } else { 0xf4 }],
        Value::String(text) => [head(3, text.len()), text.clone().into_bytes()].concat(),
        Value::Array(items) => [head(4, items.len()), items.iter().flat_map(cbor).collect()].concat(),
        Value::Object(fields) => {
            let pairs = fields.iter().flat_map(|(name, value)| [cbor(&json!(name)), cbor(value)].concat());
            [head(5, fields.len()), pairs.collect()].concat()
        }
        Value::Null | Value::Number(_) => panic!("no answer has {value}"),
    }
}
