//! The HTTP edge of the two APIs: who calls, with which idempotency key, how often; and how a refusal is told.
//!
//! ```text
//!   function-URL event ──> answer ──> [ CORS ──> route ──> User | Backend ──> IdempotencyKey ──> Body ] ──> handler
//!                            │              JWT, or the IAM principal; rate limit                            │
//!                            └──── one log line, one metric, no bodies and no tokens <──── JSON or Problem ──┘
//! ```
//!
//! A handler is reached only by a caller who was recognised, for a merchant that is his, within his rate. Every refusal is a
//! [`Problem`] (RFC 9457) with a stable `code`.
#![deny(missing_docs)]

mod arrival;
mod body;
mod cors;
mod idempotency;
mod principal;
mod problem;
mod rate;
mod responses;
mod serve;
mod user;

pub use arrival::Arrival;
pub use body::{BODY_LIMIT, Body};
pub use cors::Cors;
pub use idempotency::IdempotencyKey;
pub use principal::{Action, Backend, Principals};
pub use problem::{Problem, ProblemBody};
pub use rate::{Counted, Limiter, limited};
pub use responses::{BackendProblems, BodyProblems, UserProblems};
pub use serve::{DEADLINE, answer, edge, run};
pub use user::{Fetched, HttpKeys, KeySource, KeySourceError, SigningAlgorithm, TokenRefusal, User, Users};
