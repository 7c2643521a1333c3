//! How a script is written: rows, and what is told of them.

use domain::{Changes, Check, ContractCode, Fact, Fen, Order, OrderKind, Timestamp, TransactionId};
use fastrand::Rng;

use super::task::{Notice, Task};
use crate::generate::Generator;

/// A script that is being written.
pub(super) struct Plot {
    pub(super) rng: Rng,
    pub(super) generator: Generator,
    pub(super) now: Timestamp,
    pub(super) tasks: Vec<Task>,
    pub(super) after: Vec<Vec<usize>>,
}

/// An order, and the task that put it on record.
pub(super) struct Placed {
    pub(super) order: Order,
    pub(super) transaction_id: TransactionId,
    pub(super) created: Vec<usize>,
    /// What refunds have not asked for yet.
    pub(super) left: Fen,
}

impl Plot {
    pub(super) fn new(mut rng: Rng) -> Self {
        let generator = Generator::new(rng.u64(..));
        let now = "2026-11-01T08:00:00Z".parse().expect("a time");
        Self { rng, generator, now, tasks: Vec::new(), after: Vec::new() }
    }

    pub(super) fn order(&mut self, kind: OrderKind, code: Option<&ContractCode>) -> Order {
        let check = Some(Check::new(self.now, 0));
        Order { created_at: self.now, check, ..self.generator.order(kind, code) }
    }

    /// Puts rows on record, mostly before anything else happens to them.
    pub(super) fn place(&mut self, order: Order, rows: Changes) -> Placed {
        let created = self.add(Task::Create(order.mch_id.clone(), Box::new(rows)), &[]);
        let created = if self.often(5) { Vec::new() } else { vec![created] };
        let transaction_id = self.generator.transaction_id();
        Placed { left: order.amount, order, transaction_id, created }
    }

    /// WeChat may have two notices for one fact.
    pub(super) fn tell_once_or_twice(&mut self, fact: Fact, after: &[usize]) {
        if self.often(4) {
            self.tell(fact.clone(), after);
        }
        self.tell(fact, after);
    }

    pub(super) fn tell(&mut self, fact: Fact, after: &[usize]) -> usize {
        let notice = Notice::new(fact, self.number(), self.now);
        self.add(Task::Notice(notice), after)
    }

    pub(super) fn add(&mut self, task: Task, after: &[usize]) -> usize {
        self.tasks.push(task);
        self.after.push(after.to_vec());
        self.tasks.len() - 1
    }

    /// Tells the next task's message from the others.
    pub(super) fn number(&self) -> u8 {
        u8::try_from(self.tasks.len()).expect("fewer than 256 tasks")
    }

    /// Once in so many times.
    pub(super) fn often(&mut self, times: u8) -> bool {
        self.rng.u8(..times) == 0
    }
}
