//! What DynamoDB's errors mean.

use aws_sdk_dynamodb::error::{ProvideErrorMetadata, SdkError};
use aws_sdk_dynamodb::operation::transact_write_items::TransactWriteItemsError;

use crate::CommitError;

/// What a refused transaction means.
pub(super) fn refused<R>(error: &SdkError<TransactWriteItemsError, R>) -> CommitError {
    let Some(TransactWriteItemsError::TransactionCanceledException(canceled)) = error.as_service_error() else {
        return CommitError::Unavailable(describe(error));
    };
    let mut refused = CommitError::Conflict;
    for code in canceled.cancellation_reasons().iter().filter_map(|reason| reason.code()) {
        match code {
            "None" | "ConditionalCheckFailed" => {}
            // Which conditions hold is not known then.
            "TransactionConflict" => refused = CommitError::Contended,
            other => return CommitError::Unavailable(other.to_owned()),
        }
    }
    refused
}

/// The error's code, or its kind; never a request's content.
pub(super) fn describe<E: ProvideErrorMetadata, R>(error: &SdkError<E, R>) -> String {
    match error {
        SdkError::TimeoutError(_) => "timed out".to_owned(),
        SdkError::DispatchFailure(failure) if failure.is_timeout() => "timed out".to_owned(),
        SdkError::DispatchFailure(_) => "no connection".to_owned(),
        SdkError::ConstructionFailure(_) => "the request could not be built".to_owned(),
        SdkError::ResponseError(_) => "the answer could not be read".to_owned(),
        SdkError::ServiceError(_) | _ => error.code().unwrap_or("unknown service error").to_owned(),
    }
}
