//! What is wrong with a local stack or a deployment, and what to do about it.
//!
//! ```text
//! local stack   (stack.json) ─┐                          ┌─> urls, clock, queues, tables, keys, echo of WeChat
//! deployment (names, Lambda) ─┴─> Findings, one by one ──┴─> and in AWS: functions, permissions, mappings, alarms, topics
//! ```
//!
//! What cannot be checked is a finding, too.

mod addresses;
mod alarms;
mod aws;
mod deployment;
mod functions;
mod issuers;
mod keys;
mod local;
mod permissions;
mod probe;
mod queues;
mod tables;
mod topics;
mod urls;
mod versions;

use serde::Serialize;

pub use alarms::ALARMS;
pub use deployment::deployment;
pub use functions::{Entry, FUNCTIONS};
pub use local::local;

/// How it stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Level {
    /// As it should be.
    Ok,
    /// There is nothing to check: this place or merchant has no such thing.
    LeftOut,
    /// It could not be checked.
    Unchecked,
    /// It works, and should be looked at.
    Warning,
    /// It does not work, or will lose or refuse something.
    Failure,
}

/// What one look at one thing showed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What was looked for, one word or two.
    pub check: &'static str,
    /// At what.
    pub subject: String,
    /// How it stands.
    pub level: Level,
    /// What was found.
    pub found: String,
    /// What to do about it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub fix: Option<String>,
}

/// All findings.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Report {
    /// What was looked at.
    pub target: String,
    /// In the order in which they were made.
    pub findings: Vec<Finding>,
}

impl Report {
    /// For scripts: 0 where all is well, 1 where something should be looked at or could not be checked, 2 where something fails.
    #[must_use]
    pub fn exit_code(&self) -> u8 {
        let has = |level: Level| self.findings.iter().any(|finding| finding.level == level);
        match (has(Level::Failure), has(Level::Warning) || has(Level::Unchecked)) {
            (true, _) => 2,
            (false, true) => 1,
            (false, false) => 0,
        }
    }
}

/// Findings of one check at one thing.
#[derive(Clone)]
struct At {
    check: &'static str,
    subject: String,
}

impl At {
    fn new(check: &'static str, subject: impl Into<String>) -> Self {
        Self { check, subject: subject.into() }
    }

    fn ok(&self, found: impl ToString) -> Finding {
        self.finding(Level::Ok, found.to_string(), None)
    }

    fn left_out(&self, why: impl ToString) -> Finding {
        self.finding(Level::LeftOut, why.to_string(), None)
    }

    fn unchecked(&self, why: impl ToString, fix: impl ToString) -> Finding {
        self.finding(Level::Unchecked, why.to_string(), Some(fix.to_string()))
    }

    fn warning(&self, found: impl ToString, fix: impl ToString) -> Finding {
        self.finding(Level::Warning, found.to_string(), Some(fix.to_string()))
    }

    fn failure(&self, found: impl ToString, fix: impl ToString) -> Finding {
        self.finding(Level::Failure, found.to_string(), Some(fix.to_string()))
    }

    fn finding(&self, level: Level, found: String, fix: Option<String>) -> Finding {
        Finding { check: self.check, subject: self.subject.clone(), level, found, fix }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_exit_code_is_that_of_the_worst_finding_and_what_is_unchecked_never_passes() {
        let at = At::new("check", "subject");
        let code = |findings: &[Finding]| Report { target: "t".to_owned(), findings: findings.to_vec() }.exit_code();
        let (fine, left_out) = (at.ok("fine"), at.left_out("no such thing here"));
        assert_eq!(code(&[fine.clone(), left_out]), 0);
        assert_eq!(code(&[fine.clone(), at.unchecked("denied", "ask")]), 1);
        assert_eq!(code(&[fine.clone(), at.warning("soon", "renew")]), 1);
        assert_eq!(code(&[at.warning("soon", "renew"), at.failure("gone", "mend"), fine]), 2);
    }
}
