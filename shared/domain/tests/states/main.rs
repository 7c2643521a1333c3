//! `decide` as tables: every state against every fact, and histories with their outcomes.
//!
//! A grid has the states as rows and the facts as columns. Its cells are the words of [`words`]. The lists of states and facts come
//! from [`every`], where a new one does not compile until it is listed, and with that it is missing in every grid.

#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    reason = "clippy only knows tests by their attribute, not their helpers"
)]

mod attempts;
mod build;
mod calls;
mod contracts;
mod contradictions;
mod endings;
mod events;
mod every;
mod exempt;
mod grid;
mod histories;
mod items;
mod lost;
mod notices;
mod opened;
mod orders;
mod otherwise;
mod postponed;
mod properties;
mod purchases;
mod refunds;
mod repairs;
mod source;
mod words;
