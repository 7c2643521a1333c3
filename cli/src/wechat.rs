//! WeChat's side of a callback: it sends the bytes, waits five seconds, and reads two things from the answer.

use std::time::{Duration, Instant};

use counterparty::fixtures::Expected;
use counterparty::{Protocol, SignedRequest};

/// How long WeChat waits.
pub const PATIENCE: Duration = Duration::from_secs(5);

/// What WeChat sees of a callback.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// HTTP status.
    pub status: u16,
    /// The body.
    pub body: String,
    /// How long it took.
    pub elapsed: Duration,
}

/// Sends a notification as WeChat does, and waits for the answer at most so long (WeChat: [`PATIENCE`]).
///
/// # Errors
/// There was no answer, or none in time: WeChat would send it again.
pub async fn send(
    client: &reqwest::Client,
    url: &str,
    request: &SignedRequest,
    patience: Duration,
) -> Result<Answer, reqwest::Error> {
    let started = Instant::now();
    let mut post = client.post(url).timeout(patience).header("Content-Type", request.content_type);
    for (name, value) in &request.headers {
        post = post.header(name, value);
    }
    let response = post.body(request.body.clone()).send().await?;
    let status = response.status().as_u16();
    let body = response.text().await?;
    Ok(Answer { status, body, elapsed: started.elapsed() })
}

impl Answer {
    /// Whether WeChat takes it as received: it sends the notification again otherwise.
    #[must_use]
    pub fn is_success(&self, protocol: Protocol) -> bool {
        match protocol {
            Protocol::V2 => self.status == 200 && self.body.contains("<return_code><![CDATA[SUCCESS]]></return_code>"),
            Protocol::V3 => matches!(self.status, 200 | 204),
        }
    }

    /// Whether it is the failure of the protocol, and nothing that could be read as a success.
    #[must_use]
    pub fn is_failure(&self, protocol: Protocol) -> bool {
        let says_fail = match protocol {
            Protocol::V2 => self.body.contains("<return_code><![CDATA[FAIL]]></return_code>"),
            Protocol::V3 => self.body.contains(r#""code":"FAIL""#),
        };
        says_fail && self.status >= 400
    }

    /// Whether it is what papay owes a fixture.
    #[must_use]
    pub fn is(&self, expected: Expected, protocol: Protocol) -> bool {
        match expected {
            Expected::Accepted
            | Expected::AcceptedPendingQuery
            | Expected::AcceptedWithoutEffect
            | Expected::NotUnderstood => self.is_success(protocol),
            Expected::Refused(_) => self.is_failure(protocol),
        }
    }
}
