//! The integration tests: several crates at once, the real SDK against the embedded services, real function processes.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "tests")]

mod alarms;
mod architecture;
mod asking;
mod bills;
mod callbacks;
mod calls;
mod commands;
mod doctor;
mod emulator;
mod harness;
mod keys;
mod kill_drill;
mod ledger;
mod life;
mod load;
mod logs;
mod oneoff;
mod openings;
mod outbox;
mod outcome;
mod races;
mod releases;
mod rotation;
mod secrets;
mod simulator;
mod traces;
mod unavailable;
mod units;
mod vectors;
