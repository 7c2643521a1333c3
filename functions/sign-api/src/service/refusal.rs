//! What WeChat refuses, as the app sees it.

use ask::AskError;
use http_api::Problem;
use lambda_http::http::StatusCode;
use wechat::{CallError, Invalid, Next};

/// What our own check of a request found. Catalogue and token were checked before, so it is a fault of ours or of the configuration.
pub(crate) fn invalid(error: Invalid) -> Problem {
    tracing::error!(%error, "a request to WeChat breaks WeChat's rules");
    metrics::counter!("WechatRefused", "call" => "prepare").increment(1);
    Problem::internal()
}

/// What could not be done at all.
pub(crate) fn unavailable(error: AskError) -> Problem {
    match error {
        AskError::Record(error) => error.into(),
        AskError::Call(error) => told(&error),
        AskError::Invalid(error) => invalid(error),
        error @ AskError::Answer(_) => {
            tracing::error!(%error, "WeChat's answer does not help");
            Problem::unavailable()
        }
    }
}

/// What the app is told of a call that failed.
pub(crate) fn told(error: &CallError) -> Problem {
    match error.next {
        Next::RepeatSame | Next::QueryFirst => {
            tracing::warn!(%error, "WeChat did not answer as it should");
            metrics::counter!("WechatUnavailable", "call" => error.call).increment(1);
            Problem::unavailable().retry_after(error.retry_after.map_or(2, |pause| pause.as_secs().max(1)))
        }
        Next::NewNumber => attempt_ended(),
        Next::Stop => refused(error),
    }
}

/// 502: a fault of configuration or permissions; an alarm counts these.
fn refused(error: &CallError) -> Problem {
    tracing::error!(%error, "WeChat refuses");
    metrics::counter!("WechatRefused", "call" => error.call).increment(1);
    let problem = Problem::new(StatusCode::BAD_GATEWAY, "wechat_refused", "WeChat refuses the request");
    problem.with("wechat_code", error.code.clone().unwrap_or_else(|| "FAIL".to_owned()))
}

/// 409: the number is dead.
pub(crate) fn attempt_ended() -> Problem {
    Problem::conflict("attempt_ended", "This attempt has ended: begin again with a new Idempotency-Key")
}

/// 502: the order could be paid, and would sign nothing.
pub(crate) fn presign_failed() -> Problem {
    let title = "WeChat offers no contract with this order, which is closed: nothing is to be paid";
    Problem::new(StatusCode::BAD_GATEWAY, "presign_failed", title)
}
