//! Where an exploration stands, and how it came there.

use std::fmt;
use std::sync::Arc;

use domain::Stream;

use super::super::actor::Actor;
use super::super::scenario::{Budgets, Scenario};
use super::super::wire::{Op, Ticket};
use super::super::world::{Fault, World};
use crate::memory::Fold;

/// A world, and who is under way in it.
#[derive(Clone)]
pub(super) struct State {
    pub(super) world: World,
    pub(super) actors: Vec<Actor>,
    /// Deliveries that are left of each notice.
    pub(super) deliveries: Vec<u8>,
    pub(super) left: Budgets,
    pub(super) trail: Option<Arc<Trail>>,
}

/// What led to a state, the last step first.
pub(super) struct Trail {
    before: Option<Arc<Trail>>,
    choice: Choice,
}

/// A step.
pub(super) enum Choice {
    Step { actor: Arc<str>, asked: Arc<Vec<(Ticket, Op)>>, place: usize, fault: Fault },
    CatchUp((Stream, u64)),
    Jump,
}

impl State {
    pub(super) fn new(scenario: &Scenario) -> Self {
        let mut world = scenario.world.clone();
        if scenario.budgets.lag {
            world.store.lag();
        }
        let deliveries = vec![scenario.budgets.deliveries; world.tasks.len()];
        Self { world, actors: Vec::new(), deliveries, left: scenario.budgets, trail: None }
    }

    /// The same after a choice.
    pub(super) fn after(&self, choice: Choice) -> Self {
        let trail = Some(Arc::new(Trail { before: self.trail.clone(), choice }));
        Self { trail, ..self.clone() }
    }

    pub(super) fn digest(&self) -> u128 {
        let mut fold = Fold::default();
        let mut actors: Vec<_> = self.actors.iter().map(Actor::digest).collect();
        actors.sort_unstable();
        fold.add(&(self.world.digest(), actors, &self.deliveries, self.left));
        if self.left.faults > 0 {
            fold.add(&self.world.before.digest());
        }
        fold.finish()
    }

    pub(super) fn told(&self) -> Vec<String> {
        let mut steps = Vec::new();
        let tasks = self.world.told();
        let mut trail = self.trail.as_ref();
        while let Some(here) = trail {
            steps.push(here.choice.to_string());
            trail = here.before.as_ref();
        }
        tasks.into_iter().chain(steps.into_iter().rev()).collect()
    }
}

impl fmt::Display for Choice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Step { actor, asked, place, fault } => {
                write!(f, "{actor}: {}", asked[*place].1)?;
                if *fault == Fault::None { Ok(()) } else { write!(f, ", but {fault:?}") }
            }
            Self::CatchUp((stream, sequence)) => write!(f, "the index shows {stream}:{sequence} as it is"),
            Self::Jump => f.write_str("the clock jumps"),
        }
    }
}
