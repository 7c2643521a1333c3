//! Actors: futures of the real code, between two of their effects.

use std::collections::HashMap;
use std::fmt;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Waker};

use super::wire::{Answer, Op, Ticket, Wire};
use crate::memory::{Fold, digest};

/// A run of the code, on ports that the scheduler serves.
pub type Run = Pin<Box<dyn Future<Output = ()> + Send>>;

/// How to start a run: the same plan does the same on the same answers.
#[derive(Clone)]
pub struct Plan {
    /// Its name, of which two different plans must not share one.
    pub name: Arc<str>,
    /// Starts it.
    pub start: Arc<dyn Fn(Wire) -> Run + Send + Sync>,
}

impl Plan {
    /// A plan.
    pub fn new<F, R>(name: impl Into<Arc<str>>, start: F) -> Self
    where
        F: Fn(Wire) -> R + Send + Sync + 'static,
        R: Future<Output = ()> + Send + 'static,
    {
        Self { name: name.into(), start: Arc::new(move |wire| Box::pin(start(wire))) }
    }
}

impl fmt::Debug for Plan {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.name)
    }
}

/// A run that is under way.
pub struct Live {
    run: Run,
    wire: Wire,
    /// What it waits for; empty once it is over.
    asked: Vec<(Ticket, Op)>,
}

impl Live {
    /// Starts a plan, up to its first effect.
    #[must_use]
    pub fn start(plan: &Plan) -> Self {
        let wire = Wire::default();
        let mut live = Self { run: (plan.start)(wire.clone()), wire, asked: Vec::new() };
        live.poll();
        live
    }

    /// What it waits for: several effects where the code waits for several at once. None once it is over.
    pub fn asked(&self) -> &[(Ticket, Op)] {
        &self.asked
    }

    /// Answers the effect at a place of [`Live::asked`], and goes on to the next effect.
    pub fn answer(&mut self, place: usize, answer: Answer) {
        let (ticket, _) = self.asked.remove(place);
        self.answer_ticket(ticket, answer);
    }

    fn answer_ticket(&mut self, ticket: Ticket, answer: Answer) {
        self.asked.retain(|(asked, _)| *asked != ticket);
        self.wire.answer(ticket, answer);
        self.poll();
    }

    fn poll(&mut self) {
        let over = self.run.as_mut().poll(&mut Context::from_waker(Waker::noop())).is_ready();
        self.asked.extend(self.wire.take_asked());
        if over {
            self.asked.clear();
        }
        assert!(over || !self.asked.is_empty(), "a run waits for something that is no effect");
    }
}

/// A run as data: its plan and the answers that it saw, from which it can be brought back to where it stands. A clone is
/// cheap, so a search can go on from here in several ways.
#[derive(Clone, Debug)]
pub struct Actor {
    plan: Plan,
    seen: Option<Arc<Seen>>,
    digest: u128,
    asked: Arc<Vec<(Ticket, Op)>>,
}

#[derive(Debug)]
struct Seen {
    before: Option<Arc<Seen>>,
    ticket: Ticket,
    answer: Answer,
}

/// What runs wait for, by plan and answers: the real code runs once for each sequence of answers, however many histories
/// lead there.
#[derive(Debug, Default)]
pub struct Memo {
    asked: HashMap<u128, Arc<Vec<(Ticket, Op)>>>,
}

impl Memo {
    /// How many different sequences of answers the real code was run on.
    #[must_use]
    pub fn runs(&self) -> usize {
        self.asked.len()
    }
}

impl Actor {
    /// Starts a plan, up to its first effect.
    pub fn start(plan: Plan, memo: &mut Memo) -> Self {
        let actor = Self { digest: digest(&plan.name), plan, seen: None, asked: Arc::default() };
        actor.settled(memo)
    }

    /// What it waits for; none once it is over.
    #[must_use]
    pub fn asked(&self) -> &Arc<Vec<(Ticket, Op)>> {
        &self.asked
    }

    /// The same run after an answer, of that digest, to the effect at a place of [`Actor::asked`].
    #[must_use]
    pub fn answered(&self, place: usize, answer: Answer, digest: u128, memo: &mut Memo) -> Self {
        let (ticket, _) = self.asked[place];
        let mut fold = Fold::default();
        fold.add(&(self.digest, ticket, digest));
        let seen = Some(Arc::new(Seen { before: self.seen.clone(), ticket, answer }));
        Self { plan: self.plan.clone(), seen, digest: fold.finish(), asked: Arc::default() }.settled(memo)
    }

    /// Two actors with one digest stand at the same place of the same plan.
    #[must_use]
    pub fn digest(&self) -> u128 {
        self.digest
    }

    /// The name of its plan.
    #[must_use]
    pub fn name(&self) -> &Arc<str> {
        &self.plan.name
    }

    fn settled(mut self, memo: &mut Memo) -> Self {
        self.asked = match memo.asked.get(&self.digest) {
            Some(asked) => Arc::clone(asked),
            None => {
                let asked = Arc::new(self.repeat().asked);
                memo.asked.insert(self.digest, Arc::clone(&asked));
                asked
            }
        };
        self
    }

    /// Runs the code again up to here.
    fn repeat(&self) -> Live {
        let mut answers = Vec::new();
        let mut seen = self.seen.as_ref();
        while let Some(here) = seen {
            answers.push((here.ticket, here.answer.clone()));
            seen = here.before.as_ref();
        }
        let mut live = Live::start(&self.plan);
        for (ticket, answer) in answers.into_iter().rev() {
            live.answer_ticket(ticket, answer);
        }
        live
    }
}
