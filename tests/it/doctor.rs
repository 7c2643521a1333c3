//! `papay doctor`, through the real binary: a healthy stack passes, and each fault has its own finding with a way out.

mod deployment;
mod edge;
mod local;
mod recorded;
mod watch;

use std::process::Output;

use serde_json::Value;

/// What `papay doctor --json` said.
pub(crate) struct Said {
    pub(crate) code: i32,
    findings: Vec<Value>,
    pub(crate) all: String,
}

impl Said {
    pub(crate) fn of(output: &Output) -> Self {
        let all = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr);
        let report: Value = serde_json::from_str(&all).unwrap_or_else(|_| panic!("no report: {all}{stderr}"));
        let findings = report["findings"].as_array().unwrap().clone();
        Self { code: output.status.code().unwrap(), findings, all }
    }

    /// Everything that is neither right nor left out, as `check: subject`.
    pub(crate) fn complaints(&self) -> Vec<String> {
        let wrong = self.findings.iter().filter(|finding| finding["level"] != "ok" && finding["level"] != "left_out");
        wrong.map(named).collect()
    }

    /// That there is a finding of this level, which says this and how to mend it.
    pub(crate) fn has(&self, level: &str, named_so: &str, found: &str) {
        let mut wanted = self.of_level(level, named_so);
        let is_so = wanted.any(|finding| {
            let has_fix = level == "ok" || level == "left_out" || finding["fix"].is_string();
            has_fix && finding["found"].as_str().unwrap().contains(found)
        });
        assert!(is_so, "{level} {named_so}: {found:?} is not in {}", self.all);
    }

    /// That the way out of the finding of this level names this.
    pub(crate) fn mends(&self, level: &str, named_so: &str, fix: &str) {
        let mut wanted = self.of_level(level, named_so);
        let is_so = wanted.any(|finding| finding["fix"].as_str().is_some_and(|told| told.contains(fix)));
        assert!(is_so, "{level} {named_so}: {fix:?} is no way out in {}", self.all);
    }

    pub(crate) fn is_well(&self) {
        assert_eq!((self.code, self.complaints()), (0, Vec::new()), "{}", self.all);
    }

    fn of_level<'a>(&'a self, level: &'a str, named_so: &'a str) -> impl Iterator<Item = &'a Value> {
        self.findings.iter().filter(move |finding| named(finding) == named_so && finding["level"] == level)
    }
}

fn named(finding: &Value) -> String {
    format!("{}: {}", finding["check"].as_str().unwrap(), finding["subject"].as_str().unwrap())
}
