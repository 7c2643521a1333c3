//! What AWS would provide, on one machine: embedded DynamoDB, SQS and Secrets Manager that the real AWS SDK reaches
//! over HTTP, a Lambda host with function URLs, and the pollers and the schedule that invoke functions.
//!
//! ```text
//!            HTTP                 Runtime API
//! caller ──────────> lambda ──────────────────> function processes ──┐
//!                      ^                                             │ HTTP, by the AWS SDK
//!                   pollers <── stream ── dynamodb  <────────────────┤
//!                           <── queue ─── sqs       <────────────────┤
//!                           <── minute ── clock       secrets <──────┘
//! ```
//!
//! Nothing here knows what the functions do, and nothing outside sees the embedded databases.

pub mod clock;
pub mod dynamodb;
mod error;
pub mod http;
pub mod lambda;
pub mod pollers;
pub mod secrets;
pub mod sqs;
mod stack;
mod store;

pub use error::StartError;
pub use stack::{Stack, StackConfig};
pub use store::Store;

/// The region of every service here; functions are told it as `AWS_REGION`.
pub const REGION: &str = "us-east-1";

/// The account of every ARN and queue URL here.
pub const ACCOUNT: &str = "000000000000";
