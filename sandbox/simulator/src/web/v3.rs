//! The calls of V3.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::RawPathParams;
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use axum::routing::{MethodFilter, on};
use counterparty::{Answer, Occasion, SIGNTEST};
use serde_json::Value;

use super::State;
use super::v2::{hang_up, sent, status};
use crate::calls::v3::{Headers, ROUTES, Route, caller, check};
use crate::config::Merchant;
use crate::faults::Misbehaviour;
use crate::model::Failure;
use crate::rules::nonce;
use crate::rules::v3::{Refusal, Reply, Request};
use crate::shared::Shared;
use crate::time::seconds;

type Outcome = Result<Reply, Refusal>;

/// A call as it came.
struct Incoming {
    route: &'static Route,
    method: Method,
    uri: Uri,
    headers: Headers,
    parameters: BTreeMap<String, String>,
    body: Bytes,
}

/// The calls, each at its path.
pub(super) fn calls() -> Router<Arc<Shared>> {
    ROUTES.iter().fold(Router::new(), |router, route| {
        let filter = if route.is_get() { MethodFilter::GET } else { MethodFilter::POST };
        let handler = move |shared: State, method, uri, headers: HeaderMap, parameters: RawPathParams, body| {
            let parameters = parameters.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
            let incoming = Incoming { route, method, uri, headers: read(&headers), parameters, body };
            async move { respond(&shared, incoming).await }
        };
        router.route(route.path, on(filter, handler))
    })
}

fn read(headers: &HeaderMap) -> Headers {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(|text| text.trim().to_owned());
    Headers {
        authorization: text("Authorization"),
        accept: text("Accept"),
        user_agent: text("User-Agent"),
        content_type: text("Content-Type"),
        serial: text("Wechatpay-Serial"),
    }
}

async fn respond(shared: &Shared, incoming: Incoming) -> Response {
    let fault = fault(shared, &incoming);
    if let Some(Misbehaviour::Slow { ms }) = &fault {
        tokio::time::sleep(Duration::from_millis(*ms)).await;
    }
    let caller = incoming.caller(shared);
    let answer = |outcome: Outcome| answer(shared, &incoming, caller.as_ref().ok().copied(), outcome, fault.as_ref());
    let process = || incoming.process(shared, caller.clone());
    match &fault {
        Some(Misbehaviour::Status { code }) => status(*code),
        Some(Misbehaviour::Disconnect) => hang_up(),
        Some(Misbehaviour::Error(code)) => answer(Err(Failure::from(code.clone()).into())),
        Some(Misbehaviour::AnswerLost) => {
            let _ = process();
            hang_up()
        }
        Some(Misbehaviour::AnsweredLate { ms }) => {
            let outcome = process();
            tokio::time::sleep(Duration::from_millis(*ms)).await;
            answer(outcome)
        }
        Some(Misbehaviour::Answered503) => {
            let _ = process();
            status(503)
        }
        Some(Misbehaviour::ProcessedError(code)) => {
            let _ = process();
            answer(Err(Failure::from(code.clone()).into()))
        }
        _ => answer(process()),
    }
}

/// What goes wrong with this call: asked for by its name, its path, or a text in its path or body.
fn fault(shared: &Shared, incoming: &Incoming) -> Option<Misbehaviour> {
    let body: Value = serde_json::from_slice(&incoming.body).unwrap_or_default();
    let members = body.as_object().into_iter().flat_map(|members| members.values());
    let values = incoming.parameters.values().map(String::as_str).chain(members.filter_map(Value::as_str));
    shared.look(|inner| inner.faults.of_named_call(incoming.route.name, incoming.uri.path(), values))
}

impl Incoming {
    fn caller<'a>(&self, shared: &'a Shared) -> Result<&'a Merchant, Refusal> {
        let now = seconds(shared.clock.now_ms());
        let target = self.uri.path_and_query().map_or(self.uri.path(), |target| target.as_str());
        caller(&shared.settings, &self.headers, self.method.as_str(), target, &self.body, now, |merchant| {
            shared.merchant_keys(merchant)
        })
    }

    fn process(&self, shared: &Shared, caller: Result<&Merchant, Refusal>) -> Outcome {
        let merchant = caller?;
        let body = if self.route.is_get() { Value::Null } else { check(&self.body, self.route.body)? };
        let mut parameters = self.parameters.clone();
        for (name, value) in form_urlencoded::parse(self.uri.query().unwrap_or_default().as_bytes()) {
            parameters.insert(name.into_owned(), value.into_owned());
        }
        parameters.extend(self.route.says.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())));
        let request = Request { parameters, body, serial: self.headers.serial.clone() };
        shared.act(merchant, |scene| (self.route.rule)(scene, &request))
    }
}

/// 200, 204, or an error; signed by WeChat's key where it is known for whom.
fn answer(
    shared: &Shared,
    incoming: &Incoming,
    merchant: Option<&Merchant>,
    outcome: Outcome,
    fault: Option<&Misbehaviour>,
) -> Response {
    let (code, number, body) = match outcome {
        Ok(Reply::File(text)) => {
            let kind = ("Content-Type".to_owned(), "text/plain; charset=utf-8".to_owned());
            return sent(Answer { status: 200, headers: vec![kind], body: text.into_bytes() });
        }
        Ok(Reply::Json(body)) => (200, 0, body.to_string().into_bytes()),
        Ok(Reply::NoContent) => (204, 0, Vec::new()),
        Err(refusal) => (refusal.status(), refusal.number, refusal.body().to_string().into_bytes()),
    };
    let request_id = format!("{}-{number}", nonce().to_uppercase());
    let signed = merchant.filter(|_| fault != Some(&Misbehaviour::Unsigned)).map(|merchant| {
        let serial = incoming.headers.serial.as_deref();
        signed(shared, merchant, serial, code, body.clone(), fault)
    });
    let mut answer = match signed {
        Some(Some(answer)) => answer,
        Some(None) => return status(500),
        None => {
            let kind = ("Content-Type".to_owned(), "application/json".to_owned());
            Answer { status: code, headers: if body.is_empty() { Vec::new() } else { vec![kind] }, body }
        }
    };
    answer.headers.retain(|(name, _)| name != "Request-ID");
    answer.headers.push(("Request-ID".to_owned(), request_id));
    answer.headers.push(("Content-Language".to_owned(), "zh-CN".to_owned()));
    sent(answer)
}

fn signed(
    shared: &Shared,
    merchant: &Merchant,
    serial: Option<&str>,
    code: u16,
    body: Vec<u8>,
    fault: Option<&Misbehaviour>,
) -> Option<Answer> {
    let (wechat, key) = shared.look(|inner| {
        let keys = inner.world.keys_of(merchant.wechat.mch_id());
        let wechat = keys.wechat(&merchant.wechat).ok()?;
        let key = keys.of_answer(&wechat, serial);
        Some((wechat, key))
    })?;
    let back = match fault {
        Some(Misbehaviour::Stale { ms }) => *ms,
        _ => 0,
    };
    let occasion = Occasion { now: seconds(shared.clock.now_ms().saturating_sub(back)), nonce: nonce() };
    // A signature over other bytes is a wrong one.
    let over = if fault == Some(&Misbehaviour::WrongSignature) { b"?".to_vec() } else { body.clone() };
    let mut answer = wechat.v3_answer(code, over, key.as_deref(), &occasion).ok()?;
    if body.is_empty() {
        answer.headers.retain(|(name, _)| name != "Content-Type");
    }
    answer.body = body;
    if fault == Some(&Misbehaviour::Probe) {
        for (_, value) in answer.headers.iter_mut().filter(|(name, _)| name == "Wechatpay-Signature") {
            SIGNTEST.clone_into(value);
        }
    }
    Some(answer)
}
