//! What would WeChat Pay do? Its V2 calls for subscriptions, its V3 calls for one-off orders, refunds and password-exempt contracts, its
//! rules and keys, its notices with their retries, and the pages that a user sees: for the local stack and for tests, on one loopback port.
//!
//! ```text
//! merchant ── call ──> web ──> calls (form, signature) ──> rules ──┐
//! user, test ─ page or control API ──────────────────────> rules ──┤──> model ──> simulator.json
//! clock ── notices::run ──────────────── what is due ────> rules ──┘      │
//!                         └── deliveries <── waiting notices <────────────┘
//! ```
//!
//! Nothing in `rules` awaits or reads a clock: the time is an argument. WeChat's side of signing is `counterparty`'s. Nothing here
//! knows papay's own code. What differs from WeChat: plain HTTP, so that nobody asks for the client certificate of refunds; notices go to
//! loopback addresses only; `mweb_url`, `h5_url` and `redirect_url` lead to this machine.

mod calls;
mod config;
mod control;
mod faults;
mod model;
mod notices;
mod pages;
mod rules;
mod shared;
mod simulator;
mod store;
mod time;
mod web;

pub use config::{Callbacks, Config, Family, Merchant, Mode, Pace, Service, Template};
pub use control::{Control, ControlError};
pub use host::StartError;
pub use simulator::Simulator;
