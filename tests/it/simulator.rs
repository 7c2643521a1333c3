//! The WeChat Pay simulator against our own client, and against whole stacks.

mod certificate;
mod client;
mod desk;
mod stack;
mod v3;
