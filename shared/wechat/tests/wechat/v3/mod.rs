//! APIv3.

mod believed;
mod bills;
mod certificates;
mod checks;
mod contracts;
mod echo;
mod errors;
mod judged;
mod launches;
mod orders;
mod refunds;
mod samples;
mod sending;
mod support;
