//! Of what a notice told that was taken: a sign of life of the address that it came to. WeChat has the address of a signing from the
//! request, and that of a termination from the contract template; the alarms `silence-signing` and `silence-termination` want both alive.
//!
//! A notice of a password-exempt contract counts for neither, as what a question tells of one does not.

use domain::{ContractChange, Fact, FactBody};

const SIGNINGS: &str = "SigningsTold";

const TERMINATIONS: &str = "TerminationsTold";

/// As what a notice counts.
pub(crate) fn metric(notified: &Fact) -> Option<&'static str> {
    let FactBody::Contract(contract) = &notified.body else { return None };
    match contract.change {
        ContractChange::Signed { .. } => Some(SIGNINGS),
        ContractChange::Terminated { .. } => Some(TERMINATIONS),
        ContractChange::NotSigned | ContractChange::Absent | ContractChange::InProgress => None,
    }
}

/// Counts a notice that is on record, once more or not.
pub(crate) fn count(metric: Option<&'static str>) {
    if let Some(metric) = metric {
        metrics::counter!(metric).increment(1);
    }
}
