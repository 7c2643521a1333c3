//! V2: the result of a pay-and-sign order (支付结果通知) and of a deduction (扣款结果通知), `/v2/{mch_id}`.
#![deny(missing_docs)]

mod handler;

use callback::Endpoint;
use lambda_http::Error;
use setup::Env;

/// Runs the function until Lambda stops it.
///
/// # Errors
///
/// A [`setup::Misconfigured`] at start.
pub async fn run(env: Env) -> Result<(), Error> {
    callback::run(env, "deduction-callback", Endpoint::V2, handler::handle).await
}
