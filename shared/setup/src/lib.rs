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
mod batch;
mod catalogue;
mod certificates;
mod clock;
mod env;
mod kept;
mod keyring;
pub mod layout;
mod origin;
mod secrets;
mod signing;
pub mod telemetry;
mod wechat;

pub use aws::{Aws, http_client};
pub use batch::{BatchItemFailure, BatchResponse, time_left};
pub use catalogue::{Catalogue, Product, ProductKind};
pub use certificates::{CertificateStore, KeptCertificates};
pub use clock::{Clock, SystemClock};
pub use env::{Env, Misconfigured};
pub use kept::{Kept, KeyringError};
pub use keyring::Keyring;
pub use origin::{ORIGIN_HEADER, OriginGate, VIEWER_HEADER};
pub use secrets::{DEFAULT_PREFIX, Secrets};
pub use signing::{ClientIdentity, SigningKeyring, SigningKeys};
pub use wechat::{NotifyBase, NotifyUrl, WechatHosts};
