//! Why a command could not do its work, and what to do next.

use std::fmt;
use std::path::Path;

use papay::stack::{NotRunning, Running};

/// Why a command could not do its work, in words for a terminal.
#[derive(Debug)]
pub(crate) struct Failure {
    what: String,
    next: Option<String>,
}

impl Failure {
    pub(crate) fn new(what: impl fmt::Display) -> Self {
        Self { what: what.to_string(), next: None }
    }

    /// Says what to do about it.
    pub(crate) fn next(mut self, next: impl fmt::Display) -> Self {
        self.next = Some(next.to_string());
        self
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "papay: {}", self.what)?;
        match &self.next {
            Some(next) => write!(f, "\n       {next}"),
            None => Ok(()),
        }
    }
}

impl From<NotRunning> for Failure {
    fn from(error: NotRunning) -> Self {
        Self::new(error).next("start it with `cargo run -- dev`, in another terminal")
    }
}

/// The stack that runs on a folder.
pub(crate) fn running(data: &Path) -> Result<Running, Failure> {
    Ok(Running::on(data)?)
}
