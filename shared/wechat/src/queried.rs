//! Answers to questions, on their way to a fact.

use domain::{ContractCode, Fact, MchId, OutRefundNo, OutTradeNo};
use parse::answer::{self, AnswerError};
use verify::V2Answer;

use crate::CallError;
use crate::answer::{Received, fields_of};

macro_rules! queried {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq)]
        pub struct $name(Queried);

        impl $name {
            pub(crate) fn read(received: &Received<'_>, answer_too: &str) -> Result<Self, CallError> {
                let answer = received.v2()?.success_or(answer_too)?.into_answer();
                Ok(Self(Queried { answer, body: received.incoming.body.clone() }))
            }

            /// The answer as `parse` reads it.
            #[must_use]
            pub fn answer(&self) -> &V2Answer<'static> {
                &self.0.answer
            }

            /// The bytes that WeChat sent, for the journal.
            #[must_use]
            pub fn body(&self) -> &[u8] {
                &self.0.body
            }

            /// Whether WeChat signed it. TLS alone speaks for an unsigned one.
            #[must_use]
            pub fn proven(&self) -> bool {
                matches!(self.0.answer, V2Answer::Signed(_))
            }

            /// A field without the blanks around its value, if it is there and not empty.
            #[must_use]
            pub fn text(&self, name: &str) -> Option<&str> {
                fields_of(&self.0.answer)?.trimmed(name).filter(|value| !value.is_empty())
            }
        }
    };
}

#[derive(Clone, PartialEq, Eq)]
struct Queried {
    answer: V2Answer<'static>,
    body: Vec<u8>,
}

/// It holds openids.
impl std::fmt::Debug for Queried {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if matches!(self.answer, V2Answer::Signed(_)) { "signed" } else { "unsigned" })
    }
}

queried!(
    /// What became of an order, or that there is none (ORDERNOTEXIST).
    OrderAnswer
);
queried!(
    /// What became of a contract, or that there is none (`-25`, which is not signed).
    ContractAnswer
);
queried!(
    /// What became of refunds, or that there is none (REFUNDNOTEXIST).
    RefundsAnswer
);

impl OrderAnswer {
    /// The fact in it; `asked` is the order that was asked for.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn fact(&self, mch_id: &MchId, asked: &OutTradeNo) -> Result<Fact, AnswerError> {
        answer::v2_order(mch_id, asked, self.answer())
    }

    /// What was given when the order was made.
    #[must_use]
    pub fn attach(&self) -> Option<&str> {
        self.text("attach")
    }

    /// Whether WeChat knows no such order.
    #[must_use]
    pub fn is_not_found(&self) -> bool {
        self.text("err_code") == Some("ORDERNOTEXIST")
    }
}

impl ContractAnswer {
    /// The fact in it; `asked` is the contract that was asked for.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn fact(&self, mch_id: &MchId, asked: &ContractCode) -> Result<Fact, AnswerError> {
        answer::v2_contract(mch_id, asked, self.answer())
    }
}

impl RefundsAnswer {
    /// The fact about one refund of this order.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn fact(&self, mch_id: &MchId, order: &OutTradeNo, asked: &OutRefundNo) -> Result<Fact, AnswerError> {
        answer::v2_refund(mch_id, order, asked, self.answer())
    }

    /// The fact about one refund of which nobody knows whose it is: the answer names its order. `reported` stands for it where WeChat
    /// knows no such refund.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn fact_of_any_order(
        &self,
        mch_id: &MchId,
        reported: &OutTradeNo,
        asked: &OutRefundNo,
    ) -> Result<Fact, AnswerError> {
        answer::v2_refund_of_any_order(mch_id, reported, asked, self.answer())
    }

    /// One fact for each refund of this order in this answer; `total_refund_count` says how many there are in all.
    ///
    /// # Errors
    /// [`AnswerError`].
    pub fn facts(&self, mch_id: &MchId, order: &OutTradeNo) -> Result<Vec<Fact>, AnswerError> {
        answer::v2_refunds(mch_id, order, self.answer())
    }
}
