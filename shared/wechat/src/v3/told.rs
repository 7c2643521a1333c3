//! What a question was answered with: the thing itself, or that there is none.

use verify::{Proof, V3Answer};

use crate::CallError;
use crate::answer::Received;

/// An answer to a question.
#[derive(Clone, PartialEq, Eq)]
pub(crate) enum Told {
    Found(V3Answer<'static>),
    /// WeChat does not know it. Whether this error is always signed is not documented: an unsigned one proves nothing.
    Absent {
        proof: Option<Proof>,
        body: Vec<u8>,
    },
}

impl Told {
    /// Reads an answer where one error code is an answer too.
    pub(crate) fn read(received: &Received<'_>, answer_too: &str) -> Result<Self, CallError> {
        match received.v3() {
            Ok(answer) => Ok(Self::Found(answer.into_owned())),
            Err(error) if error.says(answer_too) => Ok(Self::Absent {
                proof: received.v3_verified().ok().map(|answer| answer.proof().clone()),
                body: received.incoming.body.clone(),
            }),
            Err(error) => Err(error),
        }
    }

    pub(crate) fn body(&self) -> &[u8] {
        match self {
            Self::Found(answer) => answer.body(),
            Self::Absent { body, .. } => body,
        }
    }

    pub(crate) fn proven(&self) -> bool {
        match self {
            Self::Found(_) => true,
            Self::Absent { proof, .. } => proof.is_some(),
        }
    }

    pub(crate) fn is_absent(&self) -> bool {
        matches!(self, Self::Absent { .. })
    }
}

/// It holds openids.
impl std::fmt::Debug for Told {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match (self.is_absent(), self.proven()) {
            (false, _) => "found",
            (true, true) => "absent",
            (true, false) => "absent, unsigned",
        })
    }
}
