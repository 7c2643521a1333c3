//! The result of a refund (退款结果通知): V3, and the V2 form (`req_info`) that refunds of V2 orders and of the platform have.
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
    callback::run(env, "refund-callback", Endpoint::Both, handler::handle).await
}
