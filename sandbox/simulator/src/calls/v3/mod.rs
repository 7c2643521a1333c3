//! The calls of V3: their names, paths and members, who calls, and what is checked before a rule is asked.

mod authorization;
mod check;
mod form;
mod routes;
mod tables;

pub(crate) use authorization::{Headers, caller};
pub(crate) use check::check;
pub(crate) use routes::{ROUTES, Route};
