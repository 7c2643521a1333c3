//! The calls of V2.

use axum::body::{Body, Bytes};
use axum::http::{Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};
use counterparty::{Answer, V2Fields};
use host::http::HangUp;
use std::time::Duration;

use super::State;
use crate::calls::{self, Addressee, Form, Rule, algorithm_of, reply};
use crate::faults::Misbehaviour;
use crate::rules::Refusal;
use crate::shared::Shared;

/// A call with an XML body.
pub(crate) async fn posted(shared: State, method: Method, uri: Uri, body: Bytes) -> Response {
    let Some((form, rule)) = calls::at(uri.path()) else { return StatusCode::NOT_FOUND.into_response() };
    let fields = match method {
        Method::POST => calls::read(&body),
        _ => Err(Refusal::Communication("请使用post方法".to_owned())),
    };
    respond(&shared, form, rule, fields).await
}

/// A call with its fields in the query string.
pub(crate) async fn visited(shared: State, uri: Uri) -> Response {
    let Some((form, rule)) = calls::at(uri.path()) else { return StatusCode::NOT_FOUND.into_response() };
    respond(&shared, form, rule, from_query(uri.query().unwrap_or_default())).await
}

/// The fields of a query string, escaped once and in upper case.
pub(super) fn from_query(query: &str) -> Result<V2Fields, Refusal> {
    let escapes = query.split('%').skip(1).map(|rest| rest.get(..2).unwrap_or_default());
    for escape in escapes {
        if escape.len() != 2 || !escape.bytes().all(|b| matches!(b, b'0'..=b'9' | b'A'..=b'F')) {
            return Err(Refusal::Communication("参数编码错误".to_owned()));
        }
    }
    let mut fields = V2Fields::new();
    for (name, value) in form_urlencoded::parse(query.as_bytes()) {
        fields.set(&name, &value);
    }
    Ok(fields)
}

async fn respond(shared: &Shared, form: &'static Form, rule: Rule, fields: Result<V2Fields, Refusal>) -> Response {
    let asked = fields.as_ref().ok().cloned().unwrap_or_default();
    let fault = shared.look(|inner| inner.faults.of_call(form.path, asked.iter().map(|(_, value)| value)));
    if let Some(Misbehaviour::Slow { ms }) = &fault {
        tokio::time::sleep(Duration::from_millis(*ms)).await;
    }
    match fault {
        Some(Misbehaviour::Status { code }) => status(code),
        Some(Misbehaviour::Disconnect) => hang_up(),
        Some(Misbehaviour::Error(code)) => answer(shared, form, &asked, Err(Refusal::Business(code.into())), false),
        fault => {
            let outcome = fields.and_then(|fields| process(shared, form, rule, fields));
            match fault {
                Some(Misbehaviour::AnswerLost) => hang_up(),
                Some(Misbehaviour::AnsweredLate { ms }) => {
                    tokio::time::sleep(Duration::from_millis(ms)).await;
                    answer(shared, form, &asked, outcome, false)
                }
                Some(Misbehaviour::Answered503) => status(503),
                Some(Misbehaviour::ProcessedError(code)) => {
                    answer(shared, form, &asked, Err(Refusal::Business(code.into())), false)
                }
                fault => answer(shared, form, &asked, outcome, fault == Some(Misbehaviour::WrongSignature)),
            }
        }
    }
}

fn process(shared: &Shared, form: &'static Form, rule: Rule, fields: V2Fields) -> Result<V2Fields, Refusal> {
    let (call, merchant) = calls::check(form, fields, &shared.settings)?;
    shared.act(merchant, |scene| rule(scene, &call))
}

fn answer(
    shared: &Shared,
    form: &'static Form,
    asked: &V2Fields,
    outcome: Result<V2Fields, Refusal>,
    is_spoiled: bool,
) -> Response {
    const ANOTHER_KEY: &str = "00000000000000000000000000000000";
    let merchant = shared.settings.merchants.get(asked.get("mch_id").unwrap_or_default());
    let wechat = merchant.map(|merchant| &merchant.wechat);
    let spoiled = wechat.filter(|_| is_spoiled).map(|wechat| wechat.clone().with_api_v2_key(ANOTHER_KEY));
    let to = Addressee {
        form,
        wechat: spoiled.as_ref().or(wechat),
        appid: asked.get("appid").unwrap_or_default(),
        sign_type: algorithm_of(asked),
    };
    match reply(&to, outcome) {
        Ok(answer) => sent(answer),
        Err(_) => status(500),
    }
}

pub(super) fn sent(answer: Answer) -> Response {
    let mut response = Response::builder().status(answer.status);
    for (name, value) in &answer.headers {
        response = response.header(name, value);
    }
    response.body(Body::from(answer.body)).unwrap_or_else(|_| status(500))
}

pub(super) fn status(code: u16) -> Response {
    StatusCode::from_u16(code).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR).into_response()
}

pub(super) fn hang_up() -> Response {
    let mut response = StatusCode::INTERNAL_SERVER_ERROR.into_response();
    response.extensions_mut().insert(HangUp);
    response
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_escaped_once_and_in_upper_case() {
        let fields = from_query("notify_url=http%3A%2F%2Fpapay.example&name=%E5%BC%A0").unwrap();
        assert_eq!(fields.get("notify_url"), Some("http://papay.example"));
        assert_eq!(fields.get("name"), Some("张"));
        for wrong in ["a=http%3a%2f", "a=%", "a=%4", "a=%ZZ"] {
            assert!(from_query(wrong).is_err(), "{wrong}");
        }
    }
}
