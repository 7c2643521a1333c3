//! The merchant's back end -> WeChat: deducts, announces deductions, refunds, terminates, and tells how things stand.
//!
//! ```text
//!   request ──> principal, action ──> what is on record ──> WeChat asked where it matters ──> rows opened ──> call ──> recorded
//! ```
//!
//! AWS recognises the caller (SigV4); configuration says for which merchants he may do what, and by default nothing. Before WeChat is
//! called the order or refund is on record with the exact bytes that are sent, so that the worker can finish what dies here.
#![deny(missing_docs)]

mod business;
mod problems;
mod requests;
mod routes;
mod state;
mod views;
mod window;

use lambda_http::Error;
use setup::Env;

pub use routes::openapi;

/// Runs the function until Lambda stops it. Reads the tables, `PAPAY_ROUTING`, `PAPAY_MERCHANTS`, `PAPAY_SECRET_PREFIX`,
/// `PAPAY_PRINCIPALS`, `PAPAY_CATALOGUE`, `PAPAY_WECHAT_HOSTS`, `PAPAY_URL_DEDUCTION`, `PAPAY_URL_REFUND`,
/// `PAPAY_REFUNDS_BY_V3` and `PAPAY_SERVER_IP`.
///
/// # Errors
///
/// A [`setup::Misconfigured`] at start.
pub async fn run(env: Env) -> Result<(), Error> {
    http_api::run(env, "merchant-api", async |env| Ok(routes::routes(state::App::start(env).await?))).await
}
