//! What is done again and again until its sender hears that it is done: notices by WeChat, calls by their callers.

use std::collections::BTreeMap;
use std::fmt;

use domain::{Changes, Fact, FactBody, Keys, MchId, OutRefundNo, OutTradeNo, Refund, RefundState, Timestamp};
use record::{Commit, Expected, Ledger, Receipt, RecordError, Recorder, Routing, Row, Write};

use super::wire::Wire;

/// Lost races after which a caller gives up and calls again later.
const TRIES: usize = 3;

/// Something that is to be done.
#[derive(Clone, Debug, PartialEq)]
pub enum Task {
    /// A fact is told: by WeChat, or by the worker that asked WeChat.
    Notice(Notice),
    /// A message is told that is verified and not understood.
    Strange(MchId, Receipt),
    /// Rows are put on record.
    Create(MchId, Box<Changes>),
    /// A refund is put on record and its amount promised, once the order is paid.
    Refund(Refund),
    /// An abnormal refund of this order is repaired, for so manieth time.
    Repair(MchId, OutRefundNo, OutTradeNo, u32),
}

/// A fact that is told until its sender hears that it is recorded.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    /// What it says.
    pub fact: Fact,
    /// How it came.
    pub receipt: Receipt,
    /// It is about an order that is on no record and never will be: nobody must hear that it is recorded.
    pub is_stranger: bool,
}

impl Notice {
    /// A notice that came at a time; `number` tells its body from those of other notices.
    #[must_use]
    pub fn new(fact: Fact, number: u8, received_at: Timestamp) -> Self {
        Self { fact, receipt: receipt(number, received_at), is_stranger: false }
    }
}

/// How a message came whose body differs from those with other numbers.
pub(super) fn receipt(number: u8, received_at: Timestamp) -> Receipt {
    Receipt { body: vec![number], body_hash: [number; 32], received_at, traceparent: None }
}

impl Task {
    /// Whether its sender never hears that it is done.
    pub(super) fn is_never_done(&self) -> bool {
        matches!(self, Self::Notice(notice) if notice.is_stranger)
    }

    /// Does a task that is no notice, and says so.
    pub(super) async fn done(self, wire: Wire, number: usize, routing: Routing, now: Timestamp) {
        let recorder = Recorder::new(wire.clone(), wire.clone(), routing);
        let done = match self {
            Self::Notice(_) => false,
            Self::Strange(mch_id, receipt) => recorder.hold(&mch_id, "new", &receipt, now).await.is_ok(),
            Self::Create(mch_id, rows) => {
                // That they exist already is the answer to a repeated call.
                let created = recorder.create(&mch_id, *rows, now, domain::decide).await;
                matches!(created, Ok(_) | Err(RecordError::Exists))
            }
            Self::Refund(refund) => reserve(&wire, &refund).await,
            Self::Repair(mch_id, number, order, time) => repair(&wire, &mch_id, &number, &order, time, now).await,
        };
        if done {
            wire.acknowledge(number).await;
        }
    }
}

async fn reserve(ledger: &impl Ledger, refund: &Refund) -> bool {
    let keys = Keys {
        order: Some(refund.out_trade_no.clone()),
        refund: Some(refund.out_refund_no.clone()),
        ..Keys::default()
    };
    for _ in 0..TRIES {
        let Ok(rows) = ledger.load(&refund.mch_id, &keys).await else { return false };
        if rows.refund.is_some() {
            return true;
        }
        let Some(mut order) = rows.order else { return false };
        if order.value.refundable() < refund.amount {
            return false;
        }
        order.value.reserved = order.value.reserved.plus(refund.amount);
        let commit = Commit {
            order: Some(next(order)),
            refund: Some(fresh(refund.clone())),
            ..Commit::empty(refund.mch_id.clone())
        };
        if ledger.commit(&commit).await.is_ok() {
            return true;
        }
    }
    false
}

async fn repair(
    ledger: &impl Ledger,
    mch_id: &MchId,
    number: &OutRefundNo,
    order: &OutTradeNo,
    time: u32,
    now: Timestamp,
) -> bool {
    let keys = Keys { refund: Some(number.clone()), order: Some(order.clone()), ..Keys::default() };
    for _ in 0..TRIES {
        let Ok(rows) = ledger.load(mch_id, &keys).await else { return false };
        let Some(mut refund) = rows.refund else { return false };
        if refund.value.repairs >= time {
            return true;
        }
        if refund.value.state != RefundState::Abnormal {
            return false;
        }
        refund.value.state = RefundState::Repairing;
        refund.value.repairs += 1;
        refund.value.repairing_at = Some(now);
        let commit = Commit { refund: Some(next(refund)), ..Commit::empty(mch_id.clone()) };
        if ledger.commit(&commit).await.is_ok() {
            return true;
        }
    }
    false
}

/// A row that is new.
pub(super) fn fresh<T>(value: T) -> Write<T> {
    Write { value, expected: Expected::Absent, version: 1, routed: BTreeMap::new() }
}

/// A row that is as it was read, but for its value.
fn next<T>(row: Row<T>) -> Write<T> {
    Write { value: row.value, expected: Expected::Version(row.version), version: row.version + 1, routed: row.routed }
}

impl fmt::Display for Task {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Notice(notice) => {
                write!(f, "{:?} of {}: ", notice.fact.cause, notice.fact.subject())?;
                match &notice.fact.body {
                    FactBody::Payment(payment) => write!(f, "{:?}", payment.result),
                    FactBody::Contract(contract) => write!(f, "{:?}", contract.change),
                    FactBody::Refund(refund) => write!(f, "{} {:?}", refund.out_refund_no, refund.result),
                    FactBody::Exempt(exempt) => write!(f, "{:?}", exempt.change),
                    FactBody::Opened(opened) => write!(f, "open {}", opened.number()),
                    FactBody::Called(called) => write!(f, "{called:?}"),
                    FactBody::Noted { event_type } => f.write_str(event_type),
                }
            }
            Self::Strange(..) => f.write_str("a message that is not understood"),
            Self::Create(_, rows) => {
                let order = rows.order.as_ref().map(|order| &order.out_trade_no);
                let contract = rows.contract.as_ref().map(|contract| &contract.contract_code);
                write!(f, "create {order:?} {contract:?}")
            }
            Self::Refund(refund) => write!(f, "refund {} of {}", refund.amount, refund.out_trade_no),
            Self::Repair(_, number, _, time) => write!(f, "repair {number} for the {time}. time"),
        }
    }
}
