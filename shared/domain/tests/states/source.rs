//! Who speaks, and whether it can be believed: what decides between two facts of the same content.

use domain::{Cause, Evidence};

use crate::every::{causes, evidence};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Source {
    Notice,
    /// A query's answer: the only one that answers a question which is due.
    Answer,
    /// A bill, or our own API.
    Other,
    UnprovedNotice,
    UnprovedAnswer,
    UnprovedBill,
    UnprovedApi,
}

impl Source {
    fn of(cause: Cause, evidence: Evidence) -> Self {
        match (cause, evidence) {
            (Cause::Callback, Evidence::Signed(_) | Evidence::Ours) => Self::Notice,
            (Cause::Query, Evidence::Signed(_) | Evidence::Ours) => Self::Answer,
            (Cause::Bill | Cause::Api, Evidence::Signed(_) | Evidence::Ours) => Self::Other,
            (Cause::Callback, Evidence::Decrypted | Evidence::Unsigned) => Self::UnprovedNotice,
            (Cause::Query, Evidence::Decrypted | Evidence::Unsigned) => Self::UnprovedAnswer,
            (Cause::Bill, Evidence::Decrypted | Evidence::Unsigned) => Self::UnprovedBill,
            (Cause::Api, Evidence::Decrypted | Evidence::Unsigned) => Self::UnprovedApi,
        }
    }

    /// Every cause and evidence that it stands for.
    pub(crate) fn each(self) -> Vec<(Cause, Evidence)> {
        let all = causes().into_iter().flat_map(|cause| evidence().into_iter().map(move |evidence| (cause, evidence)));
        all.filter(|(cause, evidence)| Self::of(*cause, *evidence) == self).collect()
    }
}

/// With the grids of each of these, every cause and evidence is covered.
#[test]
fn every_cause_and_evidence_has_one_source() {
    use Source::{Answer, Notice, Other, UnprovedAnswer, UnprovedApi, UnprovedBill, UnprovedNotice};
    let all = [Notice, Answer, Other, UnprovedNotice, UnprovedAnswer, UnprovedBill, UnprovedApi];
    let covered: usize = all.into_iter().map(|source| source.each().len()).sum();
    assert_eq!(covered, causes().len() * evidence().len());
}
