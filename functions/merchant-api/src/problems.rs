//! Why a call came to nothing, as the caller is told.

use ask::AskError;
use domain::{ContractState, Refusal};
use http_api::Problem;
use lambda_http::http::StatusCode;
use wechat::{CallError, Invalid, Meaning, Next};

/// What our own record forbids.
pub(crate) fn refused(refusal: &Refusal) -> Problem {
    let problem = match refusal {
        Refusal::NotSigned => Problem::conflict("contract_not_signed", "The contract is not signed"),
        Refusal::Ended => Problem::conflict("contract_ended", "The contract has ended, or is being ended"),
        Refusal::OpenDeduction(open) => {
            Problem::conflict("deduction_open", "Another deduction of the contract is not decided yet")
                .with("out_trade_no", open.as_str())
        }
        Refusal::PeriodPaid => Problem::conflict("period_paid", "The period is paid"),
        Refusal::MoreThanNoticed { noticed } => {
            Problem::conflict("more_than_noticed", "More than the user was told will be deducted")
                .with("noticed", noticed.get())
        }
        Refusal::TooEarly { first_day } => {
            Problem::conflict("too_early", "The days between the notice and the deduction are not over")
                .with("first_day", first_day.to_string())
        }
        Refusal::OtherNotice { amount } => {
            Problem::conflict("notice_differs", "Another notice was sent for this contract")
                .with("amount", amount.get())
        }
        Refusal::NotPaid => Problem::conflict("order_not_paid", "The order is not paid"),
        Refusal::Paid => Problem::conflict("order_paid", "The order is paid"),
        Refusal::MoreThanRefundable { refundable } => {
            Problem::conflict("more_than_refundable", "More than what was paid and not given back")
                .with("refundable", refundable.get())
        }
        Refusal::TooManyRefunds => {
            Problem::conflict("too_many_refunds", "The order has as many refunds as it can have")
        }
        Refusal::RefundTooSoon { at } => {
            Problem::conflict("refund_too_soon", "Two refunds of an order must be a minute apart")
                .with("possible_at", at.to_string())
        }
        Refusal::RefundTooLate => Problem::conflict("refund_too_late", "The payment is too old to be refunded"),
        Refusal::NotAbnormal => Problem::conflict("refund_not_abnormal", "Only an abnormal refund is repaired"),
        Refusal::NoRepair => {
            Problem::conflict("refund_not_repairable", "A refund made by APIv2 is repaired on the merchant platform")
        }
        Refusal::Exists => Problem::conflict("number_used", "The number is on record with other content"),
        Refusal::Inconsistent => {
            tracing::error!(refusal = refusal.label(), "rows that do not fit together were to be opened");
            Problem::internal()
        }
    };
    problem.detail(refusal.to_string())
}

/// A contract that cannot be charged.
pub(crate) fn not_in_force(state: ContractState) -> Problem {
    match state {
        ContractState::Terminating | ContractState::Terminated => refused(&Refusal::Ended),
        ContractState::Created | ContractState::Pending | ContractState::NotSigned | ContractState::Signed => {
            refused(&Refusal::NotSigned)
        }
    }
}

/// Something is wrong with what WeChat was to be asked.
pub(crate) fn invalid(error: &Invalid) -> Problem {
    Problem::invalid(error.field, error.rule)
}

/// WeChat was asked first, and gave no answer that could be used: nothing was done.
pub(crate) fn unanswered(error: AskError) -> Problem {
    match error {
        AskError::Record(error) => error.into(),
        AskError::Call(error) => called(&error),
        AskError::Invalid(error) => {
            tracing::error!(%error, "what is on record cannot be asked for");
            Problem::internal()
        }
        AskError::Answer(error) => {
            tracing::error!(%error, "WeChat's answer is not understood");
            Problem::unavailable()
        }
    }
}

/// WeChat refused a call that is not on record, or did not answer it.
pub(crate) fn called(error: &CallError) -> Problem {
    tracing::warn!(%error, "WeChat refused, or did not answer");
    let problem = match (error.next, error.meaning) {
        (_, Meaning::ContractGone) => Problem::conflict("contract_ended", "WeChat knows no such contract in force"),
        (_, Meaning::AmountMismatch) => {
            Problem::conflict("notice_differs", "Another notice was sent for this contract")
        }
        (_, Meaning::NotPeriodic) => Problem::conflict("not_periodic", "The template has no notices of deductions"),
        (_, Meaning::Limited) => Problem::conflict("limited", "A limit of the template, or risk control"),
        (Next::RepeatSame | Next::QueryFirst, _) => Problem::unavailable(),
        (Next::NewNumber | Next::Stop, _) => {
            tracing::error!(%error, "a call that only a person can mend");
            Problem::new(StatusCode::BAD_GATEWAY, "refused_by_wechat", "WeChat refuses the call")
        }
    };
    let problem = match &error.code {
        Some(code) => problem.with("wechat_code", code.as_str()),
        None => problem,
    };
    match error.retry_after {
        Some(pause) => problem.retry_after(pause.as_secs()),
        None => problem,
    }
}
