//! A difference between a bill and our record, for a person to see.

use domain::{BillEvent, Event, MchId, Timestamp};

use super::Recorder;
use super::draft::journal;
use super::quarantine::Case;
use crate::keys::sha256;
use crate::{Backoff, Ledger, Receipt, RecordError};

impl<L: Ledger, B: Backoff> Recorder<L, B> {
    /// Puts a difference in the journal of its order and publishes it, in one transaction. Answers whether it was told now: of one bill a
    /// difference is told once, however often the bill is compared.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: it is not known whether it was told. A repetition is always safe.
    pub async fn differed(
        &self,
        mch_id: &MchId,
        event: &BillEvent,
        traceparent: Option<String>,
        now: Timestamp,
    ) -> Result<bool, RecordError> {
        let BillEvent { bill_date, difference, .. } = event;
        let name = format!("bill#{bill_date}#{}#{}", event.number(), difference.label());
        let body = serde_json::to_vec(event).unwrap_or_default();
        let receipt = Receipt { body_hash: sha256(&body), body, received_at: now, traceparent };
        let subject = format!("O#{}", event.out_trade_no);
        let reason = Some(difference.label().to_owned());
        let case = Case {
            mch_id,
            hash: sha256(name.as_bytes()),
            entry: journal(None, mch_id, &subject, Some(&name), &receipt, "differed", reason),
            event: Event::BillDiffered(event.clone()),
            receipt: &receipt,
            now,
        };
        self.tell(case, |held| held.is_none().then_some(true)).await
    }
}
