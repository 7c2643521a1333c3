//! The consumers' queues in SQS.

use std::collections::BTreeMap;
use std::fmt::Write;
use std::time::Duration;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::config::Builder;
use aws_sdk_sqs::config::http::HttpResponse;
use aws_sdk_sqs::config::timeout::TimeoutConfig;
use aws_sdk_sqs::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_sqs::operation::send_message_batch::{SendMessageBatchError, SendMessageBatchOutput};
use aws_sdk_sqs::types::{BatchResultErrorEntry, SendMessageBatchRequestEntry};
use domain::Consumer;
use sha2::{Digest, Sha256};

use crate::{Message, QueueError, Queues};

/// How long one request may take, retries included: what a queue that hangs can cost a drain, which then leaves it alone.
const SEND_TIMEOUT: Duration = Duration::from_secs(4);

/// How long one attempt of it may take.
const ATTEMPT_TIMEOUT: Duration = Duration::from_millis(1500);

/// The most characters of a message group and of a deduplication id.
const ID_LENGTH: usize = 128;

/// Errors of a whole batch, with HTTP status 400, that say nothing about its messages.
const OF_THE_QUEUE: [&str; 11] = [
    "AWS.SimpleQueueService.NonExistentQueue",
    "AWS.SimpleQueueService.UnsupportedOperation",
    "AccessDenied",
    "AccessDeniedException",
    "ExpiredTokenException",
    "InvalidAddress",
    "InvalidSecurity",
    "QueueDoesNotExist",
    "RequestThrottled",
    "ThrottlingException",
    "UnrecognizedClientException",
];

/// The consumers' FIFO queues in SQS.
#[derive(Clone, Debug)]
pub struct SqsQueues {
    client: Client,
    urls: BTreeMap<Consumer, String>,
}

impl SqsQueues {
    /// Queues by the URLs of their consumers. An event for a consumer without a URL stays pending.
    #[must_use]
    pub fn new(client: Client, urls: BTreeMap<Consumer, String>) -> Self {
        Self { client, urls }
    }
}

impl Queues for SqsQueues {
    async fn send(&self, consumer: &Consumer, messages: &[Message]) -> Result<Vec<Result<(), QueueError>>, QueueError> {
        let url = self.urls.get(consumer);
        let url = url.ok_or_else(|| QueueError::Unavailable("no queue URL is configured".to_owned()))?;
        let entries = messages.iter().enumerate().map(entry).collect::<Result<Vec<_>, _>>()?;
        let request = self.client.send_message_batch().queue_url(url).set_entries(Some(entries));
        let answer = request.customize().config_override(timeouts()).send().await;
        answer.map(|output| results(&output, messages.len())).map_err(|error| whole_batch(&error))
    }
}

fn timeouts() -> Builder {
    let timeouts =
        TimeoutConfig::builder().operation_timeout(SEND_TIMEOUT).operation_attempt_timeout(ATTEMPT_TIMEOUT).build();
    Builder::default().timeout_config(timeouts)
}

/// A message, its position in the batch being its id there.
fn entry((position, message): (usize, &Message)) -> Result<SendMessageBatchRequestEntry, QueueError> {
    SendMessageBatchRequestEntry::builder()
        .id(position.to_string())
        .message_group_id(fitting(&message.group))
        .message_deduplication_id(fitting(&message.deduplication_id))
        .message_body(&message.body)
        .build()
        .map_err(|error| QueueError::Refused(error.to_string()))
}

/// An id as it stands, or its hash where SQS would not take it: a stream of a long contract code, an odd replay id.
fn fitting(id: &str) -> String {
    if id.len() <= ID_LENGTH && id.bytes().all(|byte| byte.is_ascii_graphic()) {
        return id.to_owned();
    }
    Sha256::digest(id).iter().fold("sha256:".to_owned(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// One result for each message, found by its position; what the answer does not mention was not accepted.
fn results(output: &SendMessageBatchOutput, messages: usize) -> Vec<Result<(), QueueError>> {
    let refusal = |id: &str| output.failed().iter().find(|failed| failed.id() == id).map(failure);
    let one = |position: usize| {
        let id = position.to_string();
        if output.successful().iter().any(|successful| successful.id() == id) {
            return Ok(());
        }
        Err(refusal(&id).unwrap_or_else(|| QueueError::Unavailable("not in the answer".to_owned())))
    };
    (0..messages).map(one).collect()
}

fn failure(failed: &BatchResultErrorEntry) -> QueueError {
    let code = failed.code().to_owned();
    if failed.sender_fault() { QueueError::Refused(code) } else { QueueError::Unavailable(code) }
}

/// Why a whole batch failed. What is not known to be the queue's or ours to mend may be the fault of a message.
fn whole_batch(error: &SdkError<SendMessageBatchError, HttpResponse>) -> QueueError {
    match error {
        SdkError::ServiceError(service) => {
            let code = error.code().unwrap_or("unknown service error");
            let of_a_message = service.raw().status().as_u16() == 400 && !OF_THE_QUEUE.contains(&code);
            let kind = if of_a_message { QueueError::Refused } else { QueueError::Unavailable };
            kind(code.to_owned())
        }
        SdkError::TimeoutError(_) => QueueError::Unavailable("timed out".to_owned()),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => QueueError::Unavailable("timed out".to_owned()),
        SdkError::DispatchFailure(_) => QueueError::Unavailable("no connection".to_owned()),
        SdkError::ConstructionFailure(_) => QueueError::Unavailable("the request could not be built".to_owned()),
        _ => QueueError::Unavailable("the answer could not be read".to_owned()),
    }
}
