//! An issuer's keys: fetched when they are first needed, kept, and fetched again when a token says that they changed.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use domain::Timestamp;
use jsonwebtoken::DecodingKey;
use tokio::sync::Mutex;

/// Anyone can name a key that does not exist: it is looked for at most this often, in seconds.
const ASK_AGAIN_AFTER: i64 = 60;

/// The same, while there is no key at all.
const ASK_FIRST_AGAIN_AFTER: i64 = 5;

/// A key that its issuer withdrew is believed at most this much longer, in seconds.
const MAX_AGE: i64 = 600;

/// A key, and the name by which a token calls it.
#[derive(Clone)]
pub struct Fetched {
    /// `kid`
    pub id: Option<String>,
    /// The key.
    pub key: DecodingKey,
}

/// Why there are no keys.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the keys cannot be fetched: {0}")]
pub struct KeySourceError(pub String);

/// Where an issuer's keys come from.
pub trait KeySource: Send + Sync {
    /// Fetches every key that is in force.
    fn fetch(&self) -> Pin<Box<dyn Future<Output = Result<Vec<Fetched>, KeySourceError>> + Send + '_>>;
}

/// The keys of one issuer.
pub(super) struct KeyStore {
    source: Arc<dyn KeySource>,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: Vec<Fetched>,
    asked_at: Option<Timestamp>,
    fetched_at: Option<Timestamp>,
}

impl KeyStore {
    pub(super) fn new(source: Arc<dyn KeySource>) -> Self {
        Self { source, state: Mutex::default() }
    }

    /// The keys that a token with this `kid` may be signed with; `None` where no key was ever fetched.
    pub(super) async fn candidates(&self, id: Option<&str>, now: Timestamp) -> Option<Vec<DecodingKey>> {
        let mut state = self.state.lock().await;
        if state.is_older_than(MAX_AGE, now) {
            self.ask(&mut state, now).await;
        }
        let mut found = state.named(id);
        if found.is_empty() && self.ask(&mut state, now).await {
            found = state.named(id);
        }
        state.fetched_at.is_some().then_some(found)
    }

    /// The same after a signature failed, where the keys could be fetched again: one may have been replaced under its name.
    pub(super) async fn replaced(&self, id: Option<&str>, now: Timestamp) -> Option<Vec<DecodingKey>> {
        let mut state = self.state.lock().await;
        if self.ask(&mut state, now).await { Some(state.named(id)) } else { None }
    }

    /// Fetches, unless that was done a moment ago. Where it fails the keys stay in force: an issuer that is down must not lock
    /// out those whom it vouched for.
    async fn ask(&self, state: &mut State, now: Timestamp) -> bool {
        let pause = if state.fetched_at.is_some() { ASK_AGAIN_AFTER } else { ASK_FIRST_AGAIN_AFTER };
        if state.asked_at.is_some_and(|asked_at| within(pause, asked_at, now)) {
            return false;
        }
        state.asked_at = Some(now);
        metrics::counter!("IssuerKeysFetched").increment(1);
        match self.source.fetch().await {
            Ok(keys) => {
                state.keys = keys;
                state.fetched_at = Some(now);
                true
            }
            Err(error) => {
                tracing::error!(%error, "an issuer's keys could not be fetched");
                false
            }
        }
    }
}

impl State {
    fn is_older_than(&self, seconds: i64, now: Timestamp) -> bool {
        self.fetched_at.is_none_or(|fetched_at| !within(seconds, fetched_at, now))
    }

    /// A token without `kid` may be signed by any key of a set that has no more than a current and a previous one.
    fn named(&self, id: Option<&str>) -> Vec<DecodingKey> {
        let keys = self.keys.iter();
        match id {
            Some(_) if self.keys.iter().all(|key| key.id.is_none()) => keys.map(|key| key.key.clone()).collect(),
            Some(id) => keys.filter(|key| key.id.as_deref() == Some(id)).map(|key| key.key.clone()).collect(),
            None if self.keys.len() <= 2 => keys.map(|key| key.key.clone()).collect(),
            None => Vec::new(),
        }
    }
}

/// Whether `now` is less than `seconds` after `since`. A clock that went back counts as time that has passed.
fn within(seconds: i64, since: Timestamp, now: Timestamp) -> bool {
    (0..seconds).contains(&now.duration_since(since).as_secs()) && now >= since
}
