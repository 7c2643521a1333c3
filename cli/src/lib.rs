//! The local stack as papay needs it: which tables, queues and functions there are, what they are configured with, and how a
//! notification's order gets on record. The `papay` command and the integration tests both use it.
//!
//! ```text
//! papay.toml ──> Config ──> LocalStack::start ──> tables, queues, functions     (stack)
//! fixture name ──> Story ──> numbers, rows on record, signed request            (story, seed)
//! queue ──> ConsumerRule                                                        (consumer)
//! user ──> token of the app                                                     (token)
//! a stack, or a deployment ──> findings                                        (doctor)
//! the merchant platform's files ──> secrets                                     (keys)
//! ```
#![deny(missing_docs)]

pub mod aws;
pub mod clients;
pub mod config;
pub mod consumer;
pub mod doctor;
pub mod keys;
pub mod seed;
pub mod stack;
pub mod story;
pub mod token;
pub mod wechat;

pub use clients::Clients;
pub use config::Config;
