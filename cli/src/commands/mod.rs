//! One file per subcommand.

pub(crate) mod clock;
pub(crate) mod dev;
pub(crate) mod doctor;
pub(crate) mod events;
pub(crate) mod function;
pub(crate) mod keys;
pub(crate) mod show;
pub(crate) mod token;
pub(crate) mod trigger;
