//! A notice names a platform certificate that we do not have: the worker is to look for others. A callback never calls WeChat.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::{MchId, SignedDuration, Timestamp};
use record::DynamoLedger;

/// Anyone can send such a notice: a process writes the wish down this often at most, and the ledger takes it no more often.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// The wish that certificates are fetched, and when it was last written down here.
#[derive(Debug)]
pub(crate) struct Wanted {
    ledger: DynamoLedger,
    noted: Mutex<HashMap<MchId, Timestamp>>,
}

impl Wanted {
    pub(crate) fn new(ledger: DynamoLedger) -> Self {
        Self { ledger, noted: Mutex::default() }
    }

    /// Leaves a check for the sweeper, which hands it to the worker. WeChat's next tries find what came of it.
    pub(crate) async fn note(&self, mch_id: &MchId, now: Timestamp) {
        if !self.may_note(mch_id, now) {
            return;
        }
        match self.ledger.want_certificates(mch_id, now).await {
            Ok(true) => metrics::counter!("CertificatesWanted").increment(1),
            Ok(false) => {}
            // WeChat's next try writes it down.
            Err(error) => tracing::warn!(%mch_id, %error, "nobody was told that a certificate is not known"),
        }
    }

    fn may_note(&self, mch_id: &MchId, now: Timestamp) -> bool {
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        let recently = noted.get(mch_id).is_some_and(|at| now.duration_since(*at).abs() < PAUSE);
        if !recently {
            noted.insert(mch_id.clone(), now);
        }
        !recently
    }
}
