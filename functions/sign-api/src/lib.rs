//! The app's calls: subscribe (pay and sign), sign only, buy one-off, follow the outcome, terminate or close; `/v1/{mch_id}/…`, with the user's token.
//!
//! ```text
//!   token, catalogue ──> Wanted ──> write ahead ──> WeChat ──> what it answered ──> launch parameters
//!                                   guard, contract, order,      recorded             signed anew
//!                                   the exact request
//! ```
//!
//! Whatever dies in between, the same call again finds the attempt on record and sends WeChat the same bytes.
#![deny(missing_docs)]

mod app;
mod routes;
mod service;
mod view;

use lambda_http::Error;
use setup::Env;

pub use routes::document;

/// Runs the function until Lambda stops it.
///
/// # Errors
///
/// A [`setup::Misconfigured`] at start.
pub async fn run(env: Env) -> Result<(), Error> {
    http_api::run(env, "sign-api", async |env| app::start(env).await).await
}

#[cfg(test)]
mod tests;
