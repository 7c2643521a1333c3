//! How often one caller may call: a counter for each minute, in the ledger.

use std::future::Future;
use std::pin::Pin;

use domain::{MchId, Timestamp};
use lambda_http::http::StatusCode;
use record::{Backoff, RecordError, Recorder, Writeahead};

use crate::Problem;

/// How many calls a caller made in this minute, this one included.
pub type Counted<'a> = Pin<Box<dyn Future<Output = Result<u64, RecordError>> + Send + 'a>>;

/// Counts calls: the ledger.
pub trait Limiter: Send + Sync {
    /// Counts one call of `principal` in the minute of `now`.
    fn count<'a>(&'a self, mch_id: &'a MchId, principal: &'a str, now: Timestamp) -> Counted<'a>;
}

impl<L: Writeahead, B: Backoff> Limiter for Recorder<L, B> {
    fn count<'a>(&'a self, mch_id: &'a MchId, principal: &'a str, now: Timestamp) -> Counted<'a> {
        Box::pin(Recorder::count(self, mch_id, principal, now))
    }
}

/// Counts this call, and refuses it where it is one too many in its minute.
///
/// # Errors
///
/// 429 with the seconds to the next minute; 503 where nothing can be counted.
pub async fn limited(
    limiter: &dyn Limiter,
    mch_id: &MchId,
    principal: &str,
    now: Timestamp,
    per_minute: u64,
) -> Result<(), Problem> {
    if limiter.count(mch_id, principal, now).await? <= per_minute {
        return Ok(());
    }
    let left = 60 - now.as_second().rem_euclid(60);
    Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_requests", "Too many calls in this minute")
        .retry_after(u64::try_from(left).unwrap_or(60)))
}
