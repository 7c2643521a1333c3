//! The one call of V3 that a V2 merchant needs: the pre-deduction notice.

use std::time::Duration;

use axum::body::Bytes;
use axum::extract::Path;
use axum::http::{HeaderMap, Uri};
use axum::response::{IntoResponse, Response};
use counterparty::{Occasion, V3Call};
use serde_json::json;

use super::State;
use super::v2::{hang_up, sent, status};
use crate::config::Merchant;
use crate::faults::Misbehaviour;
use crate::model::Failure;
use crate::rules::{PreNotification, nonce, pre_notify};
use crate::shared::Shared;
use crate::time::seconds;

/// `POST /v3/papay/contracts/{contract_id}/notify`
pub(crate) async fn notify(
    shared: State,
    Path(contract_id): Path<String>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let fault = shared.look(|inner| inner.faults.of_call(uri.path(), [contract_id.as_str()].into_iter()));
    if let Some(Misbehaviour::Slow { ms }) = &fault {
        tokio::time::sleep(Duration::from_millis(*ms)).await;
    }
    let merchant = headers.get("Authorization").and_then(|header| header.to_str().ok()).and_then(|authorization| {
        let call = V3Call { method: "POST", target: uri.path(), body: &body, authorization };
        let now = seconds(shared.clock.now_ms());
        let mut merchants = shared.settings.merchants.iter();
        let signer = merchants
            .find(|(mch_id, merchant)| merchant.key.as_ref().is_some_and(|key| key.has_signed(call, mch_id, now)));
        signer.map(|(_, merchant)| merchant)
    });
    let process = || outcome(&shared, merchant, &contract_id, &body);
    let respond = |outcome: Result<(), Failure>| answer(&shared, merchant, outcome, &fault);
    match &fault {
        Some(Misbehaviour::Status { code }) => status(*code),
        Some(Misbehaviour::Disconnect) => hang_up(),
        Some(Misbehaviour::Error(code)) => respond(Err(code.clone().into())),
        Some(Misbehaviour::AnswerLost) => {
            let _ = process();
            hang_up()
        }
        Some(Misbehaviour::Answered503) => {
            let _ = process();
            status(503)
        }
        Some(Misbehaviour::ProcessedError(code)) => {
            let _ = process();
            respond(Err(code.clone().into()))
        }
        _ => respond(process()),
    }
}

fn outcome(shared: &Shared, merchant: Option<&Merchant>, contract_id: &str, body: &[u8]) -> Result<(), Failure> {
    let merchant = merchant.ok_or_else(|| Failure::new("SIGN_ERROR", "签名错误"))?;
    let wrong = |_| Failure::new("PARAM_ERROR", "参数错误");
    let body: PreNotification = serde_json::from_slice(body).map_err(wrong)?;
    if body.mchid != merchant.wechat.mch_id() {
        return Err(Failure::new("PARAM_ERROR", "mchid与签名商户不一致"));
    }
    shared.act(merchant, |scene| pre_notify(scene, contract_id, &body))
}

/// 204, or an error as JSON; signed by WeChat's key, or by none where nobody knows for whom.
fn answer(
    shared: &Shared,
    merchant: Option<&Merchant>,
    outcome: Result<(), Failure>,
    fault: &Option<Misbehaviour>,
) -> Response {
    let occasion = Occasion::derived(seconds(shared.clock.now_ms()), &nonce());
    let (code, body) = match outcome {
        Ok(()) => (204, Vec::new()),
        Err(failure) => {
            let body = json!({ "code": failure.err_code, "message": failure.err_code_des, "detail": {} });
            (status_of(&failure.err_code), body.to_string().into_bytes())
        }
    };
    let Some(merchant) = merchant else {
        return (axum::http::StatusCode::UNAUTHORIZED, [("Content-Type", "application/json")], body).into_response();
    };
    // A signature over other bytes is a wrong one.
    let signed_over = if *fault == Some(Misbehaviour::WrongSignature) { b"{}".to_vec() } else { body.clone() };
    match merchant.wechat.v3_answer(code, signed_over, None, &occasion) {
        Ok(mut answer) => {
            answer.body = body;
            sent(answer)
        }
        Err(_) => status(500),
    }
}

fn status_of(code: &str) -> u16 {
    match code {
        "SIGN_ERROR" => 401,
        "CONTRACT_NOT_EXIST" => 404,
        "FREQUENCY_LIMITED" | "RATELIMIT_EXCEEDED" => 429,
        "RULELIMIT" => 403,
        "SYSTEM_ERROR" | "SYSTEMERROR" => 500,
        _ => 400,
    }
}
