//! `apply`: read, decide, commit, and again after a lost race.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use domain::{
    Cause, Changes, Contradiction, Decision, Event, Fact, Loaded, MchId, OutboxEntry, QuarantineEvent, SCHEMA, Stream,
    Timestamp, Unknown,
};

use crate::{
    Backoff, Commit, CommitError, Expected, JournalEntry, JournalKey, Ledger, LedgerError, Routing, Row, Rows, Write,
};

/// Reads of one fact and decides; three lost races are more than two callbacks of one order can cause.
const TRIES: u32 = 3;

/// Quarantine streams of a merchant: what is set aside is rare, and one stream would serialise an incident.
const QUARANTINE_SHARDS: u8 = 4;

/// The decision function: `domain::decide`, or a test's double.
pub type DecideFn = fn(&Loaded, &Fact, Timestamp) -> Decision;

/// What is known of a message beside what it says.
#[derive(Clone, PartialEq)]
pub struct Receipt {
    /// What was verified, as it came.
    pub body: Vec<u8>,
    /// SHA-256 of what was verified.
    pub body_hash: [u8; 32],
    /// When it arrived.
    pub received_at: Timestamp,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

impl fmt::Debug for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (bytes, at) = (self.body.len(), self.received_at);
        f.debug_struct("Receipt").field("bytes", &bytes).field("received_at", &at).finish_non_exhaustive()
    }
}

/// What became of a verified message. Everything but `Unknown` may be acknowledged: it is durable.
#[derive(Clone, Debug, PartialEq)]
pub enum Recorded {
    /// State and events are durable together.
    Applied {
        /// The stream of its events.
        stream: Option<Stream>,
        /// How many events tell of it.
        events: usize,
    },
    /// It proves nothing by itself; a query is due now.
    Asked,
    /// The state already said so.
    Duplicate,
    /// Older than what we know: in the journal, not applied.
    Stale,
    /// It contradicts our record: in the journal, published for a person to see, not applied.
    Contradiction(Contradiction),
    /// Its order or contract is not known: in the journal and published, but *not* to be acknowledged.
    Unknown(Unknown),
    /// Verified, yet new to us: in the journal and published.
    NotUnderstood,
    /// Understood, and nothing follows: in the journal.
    Noted,
}

impl Recorded {
    /// A stable label for metrics, logs and the journal.
    #[must_use]
    pub fn label(&self) -> &'static str {
        match self {
            Self::Applied { .. } => "applied",
            Self::Asked => "asked",
            Self::Duplicate => "duplicate",
            Self::Stale => "stale",
            Self::Contradiction(_) => "contradiction",
            Self::Unknown(_) => "unknown",
            Self::NotUnderstood => "not_understood",
            Self::Noted => "noted",
        }
    }
}

/// Why nothing could be recorded. WeChat's resend is the next try.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RecordError {
    /// Throttled, timed out, or the table is gone.
    #[error("the ledger is not available: {0}")]
    Unavailable(String),
    /// Every try lost its race.
    #[error("{TRIES} tries lost their race")]
    Contended,
    /// What was to be created is on record already.
    #[error("it is on record already")]
    Exists,
    /// An item on record that we cannot read.
    #[error("item {key} cannot be read: {reason}")]
    Unreadable {
        /// Its key.
        key: String,
        /// What is wrong with it.
        reason: String,
    },
}

impl From<LedgerError> for RecordError {
    fn from(error: LedgerError) -> Self {
        match error {
            LedgerError::Unavailable(reason) => Self::Unavailable(reason),
            LedgerError::Unreadable { key, reason } => Self::Unreadable { key, reason },
        }
    }
}

/// Records facts in a ledger.
#[derive(Clone, Debug)]
pub struct Recorder<L, B> {
    ledger: L,
    backoff: B,
    routing: Routing,
}

impl<L: Ledger, B: Backoff> Recorder<L, B> {
    /// A recorder that routes its events by `routing`.
    pub fn new(ledger: L, backoff: B, routing: Routing) -> Self {
        Self { ledger, backoff, routing }
    }

    /// The ledger.
    pub fn ledger(&self) -> &L {
        &self.ledger
    }

    /// Makes `fact` durable: reads what it is about, decides, and commits state and events in one transaction.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: nothing was recorded, or it is not known whether it was. A repetition is always safe.
    pub async fn apply(
        &self,
        fact: &Fact,
        receipt: &Receipt,
        now: Timestamp,
        decide: DecideFn,
    ) -> Result<Recorded, RecordError> {
        for attempt in 1..=TRIES {
            let rows = self.load(fact).await?;
            let decision = decide(&rows.loaded(), fact, now);
            match self.record(fact, receipt, rows, decision, now).await {
                Ok(recorded) => return Ok(recorded),
                Err(Failure::Race) if attempt < TRIES => self.backoff.wait(attempt).await,
                Err(Failure::Race) => {}
                Err(Failure::Error(error)) => return Err(error),
            }
        }
        Err(RecordError::Contended)
    }

    /// Sets aside a verified message that we do not understand, so that it can be decided again after a fix.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: it is not durable.
    pub async fn hold(
        &self,
        mch_id: &MchId,
        reason: &str,
        receipt: &Receipt,
        now: Timestamp,
    ) -> Result<Recorded, RecordError> {
        let aside = Aside { mch_id, subject: "N".to_owned(), fact: None, cause: Cause::Callback, reason, receipt, now };
        self.set_aside(aside, Recorded::NotUnderstood).await
    }

    /// Puts new rows on record, then decides again what was held for want of them.
    ///
    /// The head of the stream is created with the rows. Returns what became of each held message.
    ///
    /// # Errors
    ///
    /// [`RecordError::Exists`] where a row of that number is on record already. What is held for it is decided all the same,
    /// since the call that made the row may have died before it did.
    pub async fn create(
        &self,
        mch_id: &MchId,
        rows: Changes,
        now: Timestamp,
        decide: DecideFn,
    ) -> Result<Vec<Recorded>, RecordError> {
        let subjects = [
            rows.order.as_ref().map(|order| format!("O#{}", order.out_trade_no)),
            rows.contract.as_ref().map(|contract| format!("C#{}", contract.contract_code)),
        ];
        let commit = Commit {
            order: rows.order.map(fresh),
            contract: rows.contract.map(fresh),
            refund: rows.refund.map(fresh),
            ..Commit::empty(mch_id.clone())
        };
        let committed = self.ledger.commit(&commit).await;
        match &committed {
            Ok(()) | Err(CommitError::Conflict) => {}
            Err(CommitError::Contended) => return Err(RecordError::Contended),
            Err(CommitError::Unavailable(reason)) => return Err(RecordError::Unavailable(reason.clone())),
        }
        let mut outcomes = Vec::new();
        for subject in subjects.into_iter().flatten() {
            outcomes.extend(self.revisit(mch_id, &subject, now, decide).await?);
        }
        committed.map(|()| outcomes).map_err(|_| RecordError::Exists)
    }

    /// Decides again what is held under a subject.
    async fn revisit(
        &self,
        mch_id: &MchId,
        subject: &str,
        now: Timestamp,
        decide: DecideFn,
    ) -> Result<Vec<Recorded>, RecordError> {
        let mut outcomes = Vec::new();
        for held in self.ledger.held(mch_id, subject).await? {
            let recorded = self.apply(&held.fact, &held.receipt, now, decide).await?;
            self.ledger.release(&held.key, recorded.label()).await?;
            outcomes.push(recorded);
        }
        Ok(outcomes)
    }

    /// The rows of the fact, and the contract that its order names where the order's number does not.
    async fn load(&self, fact: &Fact) -> Result<Rows, LedgerError> {
        let mut rows = self.ledger.load(&fact.mch_id, &fact.keys()).await?;
        let named = rows.order.as_ref().and_then(|row| row.value.contract_code.clone());
        if let (Some(code), None) = (named, &rows.contract) {
            let keys = domain::Keys { contract: Some(code), ..domain::Keys::default() };
            rows.contract = self.ledger.load(&fact.mch_id, &keys).await?.contract;
        }
        Ok(rows)
    }

    async fn record(
        &self,
        fact: &Fact,
        receipt: &Receipt,
        rows: Rows,
        decision: Decision,
        now: Timestamp,
    ) -> Result<Recorded, Failure> {
        match decision {
            Decision::Apply { changes, events, key } => {
                let draft = Draft { fact, receipt, rows, changes: *changes, events, key, outcome: "applied", now };
                self.commit_changes(draft).await
            }
            Decision::Ask(changes) => {
                let draft = Draft {
                    fact,
                    receipt,
                    rows,
                    changes: *changes,
                    events: Vec::new(),
                    key: None,
                    outcome: "asked",
                    now,
                };
                self.commit_changes(draft).await.map(|_| Recorded::Asked)
            }
            Decision::Duplicate => Ok(Recorded::Duplicate),
            Decision::Stale => self.note(fact, receipt, Recorded::Stale).await,
            Decision::Noted => self.note(fact, receipt, Recorded::Noted).await,
            Decision::Contradiction(field) => {
                let aside = Aside::of(fact, receipt, field.label(), now);
                Ok(self.set_aside(aside, Recorded::Contradiction(field)).await?)
            }
            Decision::Unknown(what) => {
                let aside = Aside::of(fact, receipt, what.label(), now);
                Ok(self.set_aside(aside, Recorded::Unknown(what)).await?)
            }
        }
    }

    async fn commit_changes(&self, draft: Draft<'_>) -> Result<Recorded, Failure> {
        let (commit, recorded) = draft.commit(&self.routing)?;
        match self.ledger.commit(&commit).await {
            Ok(()) => Ok(recorded),
            Err(error) => Err(error.into()),
        }
    }

    /// An entry in the journal and nothing else. It may be there already: sent twice, or held until its order was known.
    async fn note(&self, fact: &Fact, receipt: &Receipt, recorded: Recorded) -> Result<Recorded, Failure> {
        let entry = journal(Some(fact), &fact.mch_id, &fact.subject(), None, receipt, recorded.label(), None);
        let commit = |unique| Commit {
            journal: Some(JournalEntry { unique, ..entry.clone() }),
            ..Commit::empty(fact.mch_id.clone())
        };
        let mut committed = self.ledger.commit(&commit(true)).await;
        if committed == Err(CommitError::Conflict) {
            committed = self.ledger.commit(&commit(false)).await;
        }
        committed.map(|()| recorded).map_err(Failure::from)
    }

    /// Journal, quarantine stream and event in one transaction; the second time it changes nothing. A message that was set
    /// aside for another reason, such as an order that was not known yet, is told of again.
    async fn set_aside(&self, aside: Aside<'_>, recorded: Recorded) -> Result<Recorded, RecordError> {
        let shard = aside.receipt.body_hash.first().map_or(0, |byte| byte % QUARANTINE_SHARDS);
        let stream = Stream::quarantine(aside.mch_id, shard);
        for attempt in 1..=TRIES {
            let mut entry = aside.journal(&recorded);
            let quarantine = self.ledger.load_quarantine(&stream, &entry.key).await?;
            match (&recorded, quarantine.held) {
                (_, None) => {}
                // Held already, or decided since by someone who knew its order.
                (Recorded::Unknown(_), Some(_)) => return Ok(recorded),
                (_, Some(outcome)) if outcome == recorded.label() || outcome == released(recorded.label()) => {
                    return Ok(recorded);
                }
                // The head's version sees to it that only one of two writes over it.
                (_, Some(_)) => entry.unique = false,
            }
            let commit = aside.commit(entry, &stream, quarantine.head, &self.routing)?;
            match self.ledger.commit(&commit).await {
                Ok(()) => return Ok(recorded),
                Err(CommitError::Unavailable(reason)) => return Err(RecordError::Unavailable(reason)),
                Err(_) if attempt < TRIES => self.backoff.wait(attempt).await,
                Err(_) => {}
            }
        }
        Err(RecordError::Contended)
    }
}

/// Why one try came to nothing.
enum Failure {
    Race,
    Error(RecordError),
}

impl From<CommitError> for Failure {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict | CommitError::Contended => Self::Race,
            CommitError::Unavailable(reason) => Self::Error(RecordError::Unavailable(reason)),
        }
    }
}

impl From<RecordError> for Failure {
    fn from(error: RecordError) -> Self {
        Self::Error(error)
    }
}

/// A decision on its way into a transaction.
struct Draft<'a> {
    fact: &'a Fact,
    receipt: &'a Receipt,
    rows: Rows,
    changes: Changes,
    events: Vec<Event>,
    key: Option<String>,
    outcome: &'static str,
    now: Timestamp,
}

impl Draft<'_> {
    fn commit(self, routing: &Routing) -> Result<(Commit, Recorded), RecordError> {
        let Self { fact, receipt, rows, changes, events, key, outcome, now } = self;
        let mch_id = &fact.mch_id;
        let events_count = events.len();
        let mut commit = Commit::empty(mch_id.clone());
        // The contract is the head of its orders' stream; an order without contract is its own.
        let (mut contract, mut order) = (None, None);
        let mut stream = None;
        if let Some(row) = rows.contract {
            let mut head = Head::of(&row, events_count);
            let next = changes.contract.or_else(|| (events_count > 0).then(|| row.value.clone()));
            if let Some(value) = next {
                let name = Stream::contract(mch_id, &value.contract_code);
                commit.outbox = head.freeze(&name, &events, mch_id, receipt, routing, now)?;
                stream = (events_count > 0).then_some(name);
                contract = Some(head.write(value));
            }
            order = changes.order.map(|value| next_version(rows.order.as_ref(), value));
        } else if let Some(value) = changes.order.or_else(|| {
            // A fact of a refund that leaves the order as it is, on an order that heads its own stream.
            rows.order.as_ref().filter(|_| events_count > 0).map(|row| row.value.clone())
        }) {
            let name = Stream::order(mch_id, &value.out_trade_no);
            let mut head = Head::of_option(rows.order.as_ref(), events_count);
            commit.outbox = head.freeze(&name, &events, mch_id, receipt, routing, now)?;
            stream = (events_count > 0).then_some(name);
            order = Some(head.write(value));
        }
        commit.contract = contract;
        commit.order = order;
        commit.refund = changes.refund.map(|value| next_version(rows.refund.as_ref(), value));
        let last = commit.outbox.last().map(|entry| (entry.stream.clone(), entry.sequence));
        let mut entry = journal(Some(fact), mch_id, &fact.subject(), key.as_deref(), receipt, outcome, None);
        entry.unique = key.is_some();
        entry.sequence = last;
        commit.journal = Some(entry);
        Ok((commit, Recorded::Applied { stream, events: events_count }))
    }
}

/// A message that is set aside.
struct Aside<'a> {
    mch_id: &'a MchId,
    subject: String,
    fact: Option<&'a Fact>,
    cause: Cause,
    reason: &'a str,
    receipt: &'a Receipt,
    now: Timestamp,
}

impl<'a> Aside<'a> {
    fn of(fact: &'a Fact, receipt: &'a Receipt, reason: &'a str, now: Timestamp) -> Self {
        let subject = fact.subject();
        Self { mch_id: &fact.mch_id, subject, fact: Some(fact), cause: fact.cause, reason, receipt, now }
    }

    fn journal(&self, recorded: &Recorded) -> JournalEntry {
        let mut entry = journal(
            self.fact,
            self.mch_id,
            &self.subject,
            None,
            self.receipt,
            recorded.label(),
            Some(self.reason.to_owned()),
        );
        entry.unique = true;
        entry
    }

    fn commit(
        &self,
        mut entry: JournalEntry,
        stream: &Stream,
        head: Row<()>,
        routing: &Routing,
    ) -> Result<Commit, RecordError> {
        let event = Event::NotificationQuarantined(QuarantineEvent {
            subject: self.subject.clone(),
            reason: self.reason.to_owned(),
            body_hash: hex(&self.receipt.body_hash),
            cause: self.cause,
        });
        let mut next = Head::of(&head, 1);
        let outbox = next.freeze(stream, &[event], self.mch_id, self.receipt, routing, self.now)?;
        entry.sequence = outbox.last().map(|entry| (entry.stream.clone(), entry.sequence));
        let mut write = next.write(());
        if head.version == 0 {
            write.expected = Expected::Absent;
        }
        Ok(Commit {
            journal: Some(entry),
            quarantine: Some((stream.clone(), write)),
            outbox,
            ..Commit::empty(self.mch_id.clone())
        })
    }
}

/// The head of a stream on its way to the next version.
struct Head {
    expected: Expected,
    first: u64,
    version: u64,
    routed: BTreeMap<String, u64>,
}

impl Head {
    fn of<T>(row: &Row<T>, events: usize) -> Self {
        let steps = u64::try_from(events).unwrap_or(u64::MAX).max(1);
        Self {
            expected: Expected::Version(row.version),
            first: row.version.saturating_add(1),
            version: row.version.saturating_add(steps),
            routed: row.routed.clone(),
        }
    }

    fn of_option<T>(row: Option<&Row<T>>, events: usize) -> Self {
        match row {
            Some(row) => Self::of(row, events),
            None => Self { expected: Expected::Absent, first: 1, version: 1, routed: BTreeMap::new() },
        }
    }

    /// Gives each event its sequence, its destinations and their `previous`.
    fn freeze(
        &mut self,
        stream: &Stream,
        events: &[Event],
        mch_id: &MchId,
        receipt: &Receipt,
        routing: &Routing,
        now: Timestamp,
    ) -> Result<Vec<OutboxEntry>, RecordError> {
        let mut entries = Vec::new();
        for (event, sequence) in events.iter().zip(self.first..) {
            let mut destinations = BTreeMap::new();
            for consumer in routing.consumers(mch_id, event.event_type()) {
                let previous = self.routed.insert(consumer.clone(), sequence).unwrap_or(0);
                destinations.entry(consumer.clone()).or_insert(previous);
            }
            entries.push(OutboxEntry {
                schema: SCHEMA,
                stream: stream.clone(),
                sequence,
                mch_id: mch_id.clone(),
                event_type: event.event_type().to_owned(),
                subject: event.subject(),
                time: now,
                traceparent: receipt.traceparent.clone(),
                data: data(event)?,
                pending: destinations.keys().cloned().collect::<BTreeSet<_>>(),
                destinations,
            });
        }
        Ok(entries)
    }

    fn write<T>(self, value: T) -> Write<T> {
        Write { value, expected: self.expected, version: self.version, routed: self.routed }
    }
}

/// The event's `data` as JSON text.
fn data(event: &Event) -> Result<String, RecordError> {
    #[derive(serde::Deserialize)]
    struct Tagged<'a> {
        #[serde(borrow)]
        data: &'a serde_json::value::RawValue,
    }
    let unreadable = |error: serde_json::Error| RecordError::Unreadable {
        key: event.event_type().to_owned(),
        reason: error.to_string(),
    };
    let text = serde_json::to_string(event).map_err(unreadable)?;
    let tagged: Tagged<'_> = serde_json::from_str(&text).map_err(unreadable)?;
    Ok(tagged.data.get().to_owned())
}

fn journal(
    fact: Option<&Fact>,
    mch_id: &MchId,
    subject: &str,
    key: Option<&str>,
    receipt: &Receipt,
    outcome: &'static str,
    reason: Option<String>,
) -> JournalEntry {
    let entry = key.map_or_else(|| format!("held#{}", hex(&receipt.body_hash)), str::to_owned);
    JournalEntry {
        key: JournalKey { subject: format!("{mch_id}#{subject}"), entry },
        unique: false,
        fact: fact.cloned(),
        body: receipt.body.clone(),
        body_hash: receipt.body_hash,
        outcome,
        reason,
        sequence: None,
        received_at: receipt.received_at,
        traceparent: receipt.traceparent.clone(),
    }
}

fn fresh<T>(value: T) -> Write<T> {
    Write { value, expected: Expected::Absent, version: 1, routed: BTreeMap::new() }
}

fn next_version<T>(row: Option<&Row<T>>, value: T) -> Write<T> {
    match row {
        Some(row) => Write {
            value,
            expected: Expected::Version(row.version),
            version: row.version.saturating_add(1),
            routed: row.routed.clone(),
        },
        None => fresh(value),
    }
}

/// The outcome of a held message that was decided after all.
pub(crate) fn released(outcome: &str) -> String {
    format!("then_{outcome}")
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
