//! A contract was signed or terminated (签约、解约结果通知): V2 XML, and V3 `ENTRUST.*` where the V3 headers are present.
#![deny(missing_docs)]

mod handler;
mod told;

use callback::Endpoint;
use lambda_http::Error;
use setup::Env;

/// Runs the function until Lambda stops it.
///
/// # Errors
///
/// A [`setup::Misconfigured`] at start.
pub async fn run(env: Env) -> Result<(), Error> {
    callback::run(env, "contract-callback", Endpoint::Both, handler::handle).await
}
