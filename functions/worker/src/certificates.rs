//! Keeps the platform certificates of every merchant fresh, for everybody who verifies.

use std::collections::{BTreeSet, HashMap};
use std::fmt::Display;
use std::future::Future;
use std::sync::{Mutex, PoisonError};

use ask::Asker;
use domain::{MchId, Timestamp};
use jiff::SignedDuration;
use setup::{CertificateStore, KeptCertificates, Misconfigured};
use wechat::{CallError, ErrorKind, Keys, Meaning, Moment, Transport, v3};

/// WeChat wants to be asked more often than every twelve hours (protocol, 5.4); half of that leaves room for an outage.
const FRESH_FOR: SignedDuration = SignedDuration::from_hours(6);

/// How often one process looks at what is kept, where nothing calls for it.
const LOOKS: SignedDuration = SignedDuration::from_mins(30);

/// Anyone can send what names a certificate that we do not have: it is looked into once a minute at most.
const PAUSE: SignedDuration = SignedDuration::from_mins(1);

/// What WeChat told again is written down again this often at most: Secrets Manager drops no version that is younger than a day, and
/// takes no more than a hundred.
const SAME_AGAIN: SignedDuration = SignedDuration::from_hours(1);

/// Where certificates are kept.
pub(crate) trait Store {
    /// Those that are kept, and when they were told.
    fn kept(&self, mch_id: &MchId) -> impl Future<Output = Result<Option<KeptCertificates>, Misconfigured>> + Send;

    /// Keeps these.
    fn keep(
        &self,
        mch_id: &MchId,
        pems: Vec<String>,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), Misconfigured>> + Send;
}

impl Store for CertificateStore {
    async fn kept(&self, mch_id: &MchId) -> Result<Option<KeptCertificates>, Misconfigured> {
        Self::kept(self, mch_id).await
    }

    async fn keep(&self, mch_id: &MchId, pems: Vec<String>, now: Timestamp) -> Result<(), Misconfigured> {
        Self::keep(self, mch_id, pems, now).await
    }
}

/// The certificates of the merchants, and when this process looked at them.
pub(crate) struct Certificates<S> {
    store: S,
    /// By merchant, and by whether an unknown one was met.
    looked: Mutex<HashMap<(MchId, bool), Timestamp>>,
}

impl<S: Store> Certificates<S> {
    pub(crate) fn new(store: S) -> Self {
        Self { store, looked: Mutex::default() }
    }

    /// Asks WeChat for a merchant's certificates if those that are kept are old, or if an answer or a notice named one that we do not have. Says
    /// whether there may be others now.
    pub(crate) async fn keep_fresh<L, B, T: Transport>(
        &self,
        asker: &Asker<L, B, T>,
        keys: &Keys,
        mch_id: &MchId,
        met_unknown: bool,
        now: Timestamp,
    ) -> bool {
        // Without them there are no V3 calls, or nothing that certificates are sealed with.
        if keys.signer.is_none() || keys.merchant.v3.is_none() || !self.may_look(mch_id, met_unknown, now) {
            return false;
        }
        match self.refreshed(asker, keys, mch_id, met_unknown, now).await {
            Ok(changed) => changed,
            Err(error) => {
                metrics::counter!("CertificatesNotRefreshed").increment(1);
                tracing::error!(%mch_id, %error, "the platform certificates could not be refreshed");
                false
            }
        }
    }

    async fn refreshed<L, B, T: Transport>(
        &self,
        asker: &Asker<L, B, T>,
        keys: &Keys,
        mch_id: &MchId,
        met_unknown: bool,
        now: Timestamp,
    ) -> Result<bool, String> {
        let text = |error: &dyn Display| error.to_string();
        let kept = self.store.kept(mch_id).await.map_err(|error| text(&error))?;
        let younger_than = |age| kept.as_ref().is_some_and(|kept| now.duration_since(kept.fetched_at) < age);
        if met_unknown && younger_than(PAUSE) {
            return Ok(true);
        }
        if !met_unknown && younger_than(FRESH_FOR) {
            return Ok(false);
        }
        let question = v3::Certificates.prepare(keys, &Moment::new(now)).map_err(|error| text(&error))?;
        let pems: Vec<String> = match asker.call(&question, keys, now).await {
            Ok(told) => {
                report_dropped(mch_id, &told.dropped);
                told.certificates.into_iter().map(|certificate| certificate.pem).collect()
            }
            // A merchant of the public-key mode has none (protocol, 5.1). Nobody's word takes away what is kept.
            Err(error) if has_none(&error) && (is_proven(&error) || kept.is_none()) => Vec::new(),
            Err(error) if has_none(&error) => return Ok(false),
            Err(error) => return Err(text(&error)),
        };
        metrics::counter!("CertificatesRefreshed").increment(1);
        if !younger_than(SAME_AGAIN) || kept.is_none_or(|kept| !are_same(&kept.pems, &pems)) {
            self.store.keep(mch_id, pems, now).await.map_err(|error| text(&error))?;
        }
        Ok(true)
    }

    fn may_look(&self, mch_id: &MchId, met_unknown: bool, now: Timestamp) -> bool {
        let mut looked = self.looked.lock().unwrap_or_else(PoisonError::into_inner);
        let pause = if met_unknown { PAUSE } else { LOOKS };
        let recently = looked.get(&(mch_id.clone(), met_unknown)).is_some_and(|at| now.duration_since(*at) < pause);
        if !recently {
            looked.insert((mch_id.clone(), met_unknown), now);
        }
        !recently
    }
}

fn are_same(one: &[String], other: &[String]) -> bool {
    one.iter().collect::<BTreeSet<_>>() == other.iter().collect()
}

/// Not valid now, or of another authority than Tenpay's: nothing is verified with it.
fn report_dropped(mch_id: &MchId, dropped: &[String]) {
    for serial in dropped {
        metrics::counter!("CertificatesDropped").increment(1);
        tracing::warn!(%mch_id, serial, "a platform certificate was dropped: it is not valid now, or not Tenpay's");
    }
}

fn has_none(error: &CallError) -> bool {
    error.meaning == Meaning::NotFound
}

fn is_proven(error: &CallError) -> bool {
    error.kind == ErrorKind::Refused { proven: true }
}

#[cfg(test)]
mod tests;
