//! A transaction taken apart.

use domain::{Contract, ExemptContract, MchId, Order, OutboxEntry, Refund, Stream};
use record::{Commit, Expected, GuardWrite, IdempotencyRecord, JournalEntry, Write};

use super::sample::{event, fresh, guard, idempotency, journal};
use crate::generate::Generator;

/// One of everything that a transaction can write, all of it new.
pub(super) struct Parts {
    mch_id: MchId,
    journal: JournalEntry,
    pub(super) order: Order,
    pub(super) contract: Contract,
    pub(super) refund: Refund,
    pub(super) exempt: ExemptContract,
    quarantine: Stream,
    event: OutboxEntry,
    idempotency: IdempotencyRecord,
    guard: GuardWrite,
}

impl Parts {
    pub(super) const COUNT: usize = 9;

    pub(super) fn new(generator: &mut Generator) -> Self {
        let contract = generator.any_contract();
        let stream = Stream::contract(&generator.mch_id(), &contract.contract_code);
        let now = generator.time();
        Self {
            mch_id: generator.mch_id(),
            journal: journal(generator, &format!("C#{}", contract.contract_code), "contract#1#ADD", "applied"),
            order: generator.any_order(),
            refund: generator.any_refund(),
            exempt: generator.any_exempt(),
            quarantine: quarantine_stream(generator),
            event: event(generator, &stream, 1, now, &["all", "some"]),
            idempotency: idempotency(generator),
            guard: guard(generator, Some(Expected::Absent)),
            contract,
        }
    }

    pub(super) fn all(&self) -> Commit {
        Commit {
            journal: Some(self.journal.clone()),
            order: Some(fresh(self.order.clone())),
            contract: Some(fresh(self.contract.clone())),
            refund: Some(fresh(self.refund.clone())),
            exempt: Some(fresh(self.exempt.clone())),
            quarantine: Some((self.quarantine.clone(), fresh(()))),
            outbox: vec![self.event.clone()],
            idempotency: Some(self.idempotency.clone()),
            guards: vec![self.guard.clone()],
            ..Commit::empty(self.mch_id.clone())
        }
    }

    /// A transaction for each part.
    pub(super) fn each(&self) -> Vec<Commit> {
        let (empty, all) = (|| Commit::empty(self.mch_id.clone()), self.all());
        let parts = vec![
            Commit { journal: all.journal, ..empty() },
            Commit { order: all.order, ..empty() },
            Commit { contract: all.contract, ..empty() },
            Commit { refund: all.refund, ..empty() },
            Commit { exempt: all.exempt, ..empty() },
            Commit { quarantine: all.quarantine, ..empty() },
            Commit { outbox: all.outbox, ..empty() },
            Commit { idempotency: all.idempotency, ..empty() },
            Commit { guards: all.guards, ..empty() },
        ];
        assert_eq!(parts.len(), Self::COUNT);
        parts
    }

    /// A transaction for each state, on a condition.
    pub(super) fn each_at(&self, expected: Expected) -> Vec<Commit> {
        fn at<T>(write: Option<Write<T>>, expected: Expected) -> Option<Write<T>> {
            write.map(|write| Write { expected, version: 2, ..write })
        }
        let mut states = self.each();
        states.retain(|commit| {
            let written = [commit.order.is_some(), commit.contract.is_some(), commit.refund.is_some()];
            written.contains(&true) || commit.exempt.is_some() || commit.quarantine.is_some()
        });
        for commit in &mut states {
            commit.order = at(commit.order.take(), expected);
            commit.contract = at(commit.contract.take(), expected);
            commit.refund = at(commit.refund.take(), expected);
            commit.exempt = at(commit.exempt.take(), expected);
            commit.quarantine =
                commit.quarantine.take().map(|(stream, write)| (stream, Write { expected, version: 2, ..write }));
        }
        states
    }
}

/// A quarantine stream that no other run uses.
pub(super) fn quarantine_stream(generator: &mut Generator) -> Stream {
    // A shard's name is a number; letters keep one run's streams apart from another's.
    Stream::named(&format!("{}#Q#{}", generator.mch_id(), generator.contract_code()))
}
