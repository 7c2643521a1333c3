//! V3: a one-off payment succeeded (支付成功回调通知) or failed, and the echo of the self-test, `/v3/{mch_id}`.
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
    callback::run(env, "payment-callback", Endpoint::V3, handler::handle).await
}
