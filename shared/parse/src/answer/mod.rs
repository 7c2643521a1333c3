//! What WeChat answers to our questions, read by the same readers as its notices.
//!
//! A fact from here has the cause [`Cause::Query`]. The number that was asked for is an argument: an answer
//! about another one is not understood, and an error answer names none.

mod v2;
mod v3;

pub use v2::{v2_contract, v2_order, v2_refund, v2_refund_of_any_order, v2_refunds};
pub use v3::{v3_contract, v3_order, v3_order_absent, v3_refund, v3_refund_absent, v3_refund_of_any_order};

use domain::{Cause, Evidence, Fact, FactBody, MchId};

use crate::ParseError;

/// Why an answer is not a fact.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AnswerError {
    /// WeChat refused the question, or could not answer it: nothing is known about the thing itself.
    #[error("WeChat answered {code}")]
    Refused {
        /// V2 `err_code`, or FAIL where `return_code` says so.
        code: String,
    },
    /// The answer cannot be read.
    #[error(transparent)]
    Unreadable(#[from] ParseError),
}

fn answered(mch_id: &MchId, evidence: Evidence, body: FactBody) -> Fact {
    Fact { mch_id: mch_id.clone(), cause: Cause::Query, evidence, body }
}

/// The answer must be about the number that was asked for.
fn check_asked<T: PartialEq>(name: &str, asked: &T, told: &T) -> Result<(), ParseError> {
    if asked == told { Ok(()) } else { Err(ParseError::rule(name, "the number that was asked for")) }
}
