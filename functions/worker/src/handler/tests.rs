//! The worker over a ledger in memory and a WeChat that answers what it is told to: what each answer comes to.

mod abnormal;
mod contracts;
mod deductions;
mod messages;
mod orders;
mod otherwise;
mod refunds;
mod v3;
mod world;

use world::{World, at, minutes, seconds};
