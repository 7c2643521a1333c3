//! Two releases at once: what an earlier release wrote is read and worked on, and what this one writes holds all that an earlier
//! one reads.
//!
//! `tests/fixtures/releases` keeps what earlier releases wrote, as [`recording`] recorded it of their own programs.

mod backward;
mod day;
mod forward;
mod onward;
mod recording;
mod start;
mod turns;
mod wire;
