//! What the rest of the project relies on of the local stack, over the real AWS SDK and the real Lambda runtime.
//! One binary, a module per subject; it also is the function processes that its own tests start.

mod clients;
mod dynamodb;
mod function;
mod lambda;
mod pollers;
mod secrets;
mod sqs;
mod stacks;
