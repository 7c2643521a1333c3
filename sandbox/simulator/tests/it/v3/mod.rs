//! The V3 side: one-off orders, refunds, keys, password-exempt contracts, bills.

mod bills;
mod calls;
mod desk;
mod exempt;
mod faults;
mod keys;
mod launches;
mod notices;
mod orders;
mod refunds;
mod samples;
