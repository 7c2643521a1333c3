//! What every function needs: configuration, keys, telemetry and AWS clients, all from its environment.
//!
//! ```text
//!   environment ──> Env ──> Aws (clients) ──> Keyring (secrets, cached)
//!                     └───> tables, routing, queues: parsed into types at start
//! ```
//!
//! What is wrong stops the function with a [`Misconfigured`] that names the variable.
#![deny(missing_docs)]

mod aws;
mod clock;
mod env;
mod keyring;
pub mod telemetry;

pub use aws::Aws;
pub use clock::{Clock, SystemClock};
pub use env::{Env, Misconfigured};
pub use keyring::{Keyring, KeyringError};
