//! A merchant's keys, and the secrets of issuers, as operators handle them: read from the merchant platform's files, checked, written in the layout that the
//! functions read, changed while notices come, and shown without a secret.
//!
//! ```text
//! files, prompt ──> Given ──> change (import, stage, rotate, retire) ──> checked as a function would ──> KeyStore
//!                              Held ^                                                                      │
//!                                   └──────────────────────────────────────────────────────────────────────┘
//! ```

mod change;
mod generations;
mod given;
mod issuer;
mod show;
mod store;
mod vault;
mod wait;

pub use change::{ApiKey, Retired, import, retire, rotate, rotate_certificate, stage};
pub use given::{CERTIFICATE_FILE, Given, MerchantPair, PRIVATE_KEY_FILE, PUBLIC_KEY_FILE};
pub use issuer::IssuerSecret;
pub use show::{Shown, ShownCertificate, ShownKey, describe};
pub use store::{Held, KeyStore};
pub use wait::{STILL_COMES, Wait, wait};
