//! Fetching the bill of a day.

use ask::{AskError, Asker};
use domain::{Date, MchId, Timestamp};
use parse::bill::{Bill, BillError};
use record::RecordError;
use wechat::{CallError, Invalid, Keys, Moment, Transport, v3};

/// Why a merchant's bill was not compared to its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Uncompared {
    /// WeChat has not made it yet.
    #[error("WeChat is still making the bill")]
    Creating,
    /// The merchant's keys.
    #[error("{0}")]
    Keys(String),
    /// WeChat did not answer, or refused.
    #[error(transparent)]
    Call(#[from] CallError),
    /// The question cannot be put.
    #[error(transparent)]
    Invalid(#[from] Invalid),
    /// The bill cannot be read.
    #[error(transparent)]
    Unreadable(#[from] BillError),
    /// The ledger.
    #[error(transparent)]
    Record(#[from] RecordError),
}

impl Uncompared {
    /// A stable label for metrics.
    pub(crate) fn label(&self) -> &'static str {
        match self {
            Self::Creating => "creating",
            Self::Keys(_) => "keys",
            Self::Call(_) | Self::Invalid(_) => "not_fetched",
            Self::Unreadable(_) => "unreadable",
            Self::Record(_) => "ledger",
        }
    }
}

/// The bill of a day; one without lines where nothing was paid or given back.
pub(crate) async fn fetch<L, B, T: Transport>(
    asker: &Asker<L, B, T>,
    keys: &Keys,
    mch_id: &MchId,
    day: Date,
    now: Timestamp,
) -> Result<Bill, Uncompared> {
    let question = v3::TradeBill { day }.prepare(keys, &Moment::new(now))?;
    match asker.call(&question, keys, now).await? {
        v3::BillAnswer::Nothing => Ok(Bill::default()),
        v3::BillAnswer::Creating => Err(Uncompared::Creating),
        v3::BillAnswer::Made(file) => {
            let bytes = asker.wechat().download(&file, keys, now).await?;
            Ok(parse::bill::read(&bytes, mch_id)?)
        }
    }
}

/// Whether asking came to nothing for now, so that the next run may know more. What is wrong with the ledger ends the run.
pub(crate) fn unasked(error: AskError) -> Result<(), Uncompared> {
    match error {
        AskError::Record(RecordError::Contended) | AskError::Call(_) | AskError::Answer(_) | AskError::Invalid(_) => {
            metrics::counter!("AskFailed", "reason" => error.label()).increment(1);
            tracing::warn!(%error, "WeChat gave no usable answer about a difference");
            Ok(())
        }
        AskError::Record(error) => Err(error.into()),
    }
}
