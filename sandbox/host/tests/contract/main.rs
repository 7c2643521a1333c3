//! What the rest of the project relies on of the local stack, over the real AWS SDK and the real Lambda runtime.
//! One binary, a module per subject; it also is the function processes that its own tests start.

#![allow(clippy::unwrap_used, reason = "what is not as expected fails the test")]

mod clients;
mod dynamodb;
mod function;
mod lambda;
mod pollers;
mod secrets;
mod sqs;
mod stacks;
