//! Sending one message, and the faults that sending can meet.

use axum::body::Body;
use axum::response::Response;
use serde::Serialize;
use serde_json::{Value, json};

use super::{Api, OnQueue, batch, json_response, read, sequence_number};
use crate::http::HangUp;
use crate::sqs::error::{Kind, SqsError};
use crate::sqs::fault::Fault;
use crate::sqs::message::{NewMessage, md5_of_attributes, md5_of_body};
use crate::sqs::store::Sent;

pub(super) async fn send(api: &Api, operation: &str, body: &[u8]) -> Result<Response, SqsError> {
    let queue = read::<OnQueue>(body)?.name()?;
    let fault = api.faults.meet(&queue);
    match &fault {
        Some(Fault::RefuseSends) => return Err(Kind::ServiceUnavailable.because("Service unavailable.")),
        Some(Fault::CloseBeforeCommit) => return Ok(hang_up()),
        _ => {}
    }
    let answer = match operation {
        "SendMessage" => send_message(api, queue, read(body)?, fault.as_ref()).await,
        _ => batch::send(api, queue, read(body)?, fault.as_ref()).await,
    };
    match fault {
        Some(Fault::CloseAfterCommit) => return Ok(hang_up()),
        Some(Fault::Delay(delay)) => tokio::time::sleep(delay).await,
        _ => {}
    }
    answer.map(|answer| json_response(&answer))
}

fn hang_up() -> Response {
    let mut response = Response::new(Body::empty());
    response.extensions_mut().insert(HangUp);
    response
}

async fn send_message(api: &Api, queue: String, message: NewMessage, fault: Option<&Fault>) -> Result<Value, SqsError> {
    if fault.is_some_and(|fault| fault.fails_entry(0, message.message_group_id.as_deref())) {
        return Err(Kind::InternalError.because("The fault that was asked for."));
    }
    let sent = api.store.send(queue, vec![message.clone()]).await?.pop();
    let sent = sent.unwrap_or_else(|| Err(Kind::InternalError.because("Nothing was sent.")))?;
    Ok(json!(SendResult::new(&sent, &message)))
}

/// What a sender learns about one message.
#[derive(Serialize)]
pub(super) struct SendResult {
    #[serde(rename = "MessageId")]
    message_id: String,
    #[serde(rename = "MD5OfMessageBody")]
    md5_of_body: String,
    #[serde(rename = "MD5OfMessageAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_attributes: Option<String>,
    #[serde(rename = "MD5OfMessageSystemAttributes", skip_serializing_if = "Option::is_none")]
    md5_of_system_attributes: Option<String>,
    #[serde(rename = "SequenceNumber", skip_serializing_if = "Option::is_none")]
    sequence_number: Option<String>,
}

impl SendResult {
    pub(super) fn new(sent: &Sent, message: &NewMessage) -> Self {
        Self {
            message_id: sent.message_id.clone(),
            md5_of_body: md5_of_body(&message.message_body),
            md5_of_attributes: md5_of_attributes(message.message_attributes.iter().flatten()),
            md5_of_system_attributes: md5_of_attributes(message.message_system_attributes.iter().flatten()),
            sequence_number: sent.sequence.map(sequence_number),
        }
    }
}
