//! Exhaustive exploration: every interleaving of two notices with their deliveries, relays and sweeps, and every crash.
//!
//! A crash is no step of its own. An actor that crashes is an actor that never goes on, and there is a history in which the
//! others go on without it; so each world that is met on the way is put to the oracle as if every actor that is still
//! under way crashed at that moment. This covers any number of crashes, before and after every effect.

mod state;

use std::collections::{BTreeMap, HashSet, VecDeque};
use std::fmt;
use std::sync::Arc;

use domain::{Keys, Timestamp};

use self::state::{Choice, State};
use super::actor::{Actor, Memo};
use super::design::Design;
use super::oracle::Violation;
use super::rest::rest;
use super::scenario::Scenario;
use super::wire::Op;
use super::world::{Fault, World};

/// What an exploration went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Explored {
    /// Different states.
    pub states: usize,
    /// Steps between them.
    pub steps: usize,
    /// Different worlds, each brought to rest and put to the oracle twice: with WeChat's resends, and without.
    pub worlds: usize,
    /// Different sequences of answers on which the real code ran.
    pub runs: usize,
}

impl fmt::Display for Explored {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { states, steps, worlds, runs } = self;
        write!(f, "{states} states, {steps} steps, {worlds} worlds brought to rest, {runs} runs of the code")
    }
}

/// A history that ends in a broken promise.
#[derive(Clone, Debug)]
pub struct Failure {
    /// What was broken.
    pub violation: Violation,
    /// What led there; whoever is still under way at its end crashed there.
    pub trail: Vec<String>,
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.violation)?;
        self.trail.iter().enumerate().try_for_each(|(index, step)| writeln!(f, "{index:4}  {step}"))
    }
}

/// Goes through every history of a scenario, and finds the first that breaks each promise, by the violation's name.
#[must_use]
pub fn explore(design: &Design, scenario: &Scenario) -> (Explored, BTreeMap<&'static str, Failure>) {
    let mut search = Search::new(design, scenario);
    // Breadth first: the history that is told of a failure is among the shortest.
    let mut open = VecDeque::from([State::new(scenario)]);
    search.seen.insert(open[0].digest());
    while let Some(state) = open.pop_front() {
        search.explored.states += 1;
        search.rest(&state);
        for next in search.next(&state) {
            search.explored.steps += 1;
            if let Some(broken) = &next.world.broken {
                search.failed(&next, broken.clone());
            } else if search.seen.insert(next.digest()) {
                open.push_back(next);
            }
        }
    }
    search.explored.runs = search.memo.runs();
    (search.explored, search.failures)
}

struct Search<'a> {
    design: &'a Design,
    scenario: &'a Scenario,
    memo: Memo,
    seen: HashSet<u128>,
    rested: HashSet<u128>,
    explored: Explored,
    failures: BTreeMap<&'static str, Failure>,
}

impl<'a> Search<'a> {
    fn new(design: &'a Design, scenario: &'a Scenario) -> Self {
        let (seen, rested) = (HashSet::new(), HashSet::new());
        let (memo, explored, failures) = (Memo::default(), Explored::default(), BTreeMap::new());
        Self { design, scenario, memo, seen, rested, explored, failures }
    }

    /// Everything that is under way crashes here.
    fn rest(&mut self, state: &State) {
        if !self.rested.insert(state.world.digest()) {
            return;
        }
        self.explored.worlds += 1;
        let given_up = rest(self.design, state.world.clone(), None);
        let resent = rest(self.design, state.world.clone(), Some(&self.scenario.expected));
        for violation in given_up.into_values().chain(resent.into_values()) {
            self.failed(state, violation);
        }
    }

    fn failed(&mut self, state: &State, violation: Violation) {
        let name = violation.name();
        self.failures.entry(name).or_insert_with(|| Failure { violation, trail: state.told() });
    }

    /// Every state that one step leads to.
    fn next(&mut self, state: &State) -> Vec<State> {
        let mut next = Vec::new();
        let mut met = HashSet::new();
        for (index, actor) in state.actors.iter().enumerate() {
            // Two actors at one place of one plan are interchangeable.
            if met.insert(actor.digest()) {
                self.steps(state, index, &mut next);
            }
        }
        for started in self.starts(state) {
            let last = started.actors.len() - 1;
            self.steps(&started, last, &mut next);
        }
        if state.left.lag {
            for key in state.world.store.behind().collect::<Vec<_>>() {
                let mut after = state.after(Choice::CatchUp(key.clone()));
                after.world.store.catch_up(&key);
                next.push(after);
            }
        }
        if state.left.jumps > 0 {
            let mut after = state.after(Choice::Jump);
            after.left.jumps -= 1;
            after.world.now = later(after.world.now);
            next.push(after);
        }
        next
    }

    /// The states in which one more actor is under way. To start is no effect: the actor's first step belongs to it.
    fn starts(&mut self, state: &State) -> Vec<State> {
        let mut started = Vec::new();
        for (number, left) in state.deliveries.iter().enumerate().filter(|(_, left)| **left > 0) {
            let mut next = state.clone();
            next.deliveries[number] = left - 1;
            next.actors.push(Actor::start(self.design.doing(&state.world, number), &mut self.memo));
            started.push(next);
        }
        if state.left.relays > 0 && !state.world.doorbell.is_empty() {
            let streams = state.world.doorbell.iter().cloned().collect();
            if let Some(plan) = self.design.relaying(&state.world, streams) {
                let mut next = state.clone();
                next.left.relays -= 1;
                next.world.doorbell.clear();
                next.actors.push(Actor::start(plan, &mut self.memo));
                started.push(next);
            }
        }
        if state.left.sweeps > 0
            && let Some(plan) = self.design.sweeping(&state.world)
        {
            let mut next = state.clone();
            next.left.sweeps -= 1;
            next.actors.push(Actor::start(plan, &mut self.memo));
            started.push(next);
        }
        started
    }

    /// The next effect of an actor, done, failed or half done.
    fn steps(&mut self, state: &State, index: usize, next: &mut Vec<State>) {
        let actor = &state.actors[index];
        let places = if state.left.any_order { actor.asked().len() } else { 1 };
        for place in 0..places {
            let op = &actor.asked()[place].1;
            let mut faults = vec![Fault::None];
            if state.left.faults > 0 {
                faults.extend(faults_of(op));
            }
            for fault in faults {
                next.push(self.step(state, index, place, fault));
            }
        }
    }

    fn step(&mut self, state: &State, index: usize, place: usize, fault: Fault) -> State {
        let actor = &state.actors[index];
        let asked = Arc::clone(actor.asked());
        let choice = Choice::Step { actor: actor.name().clone(), asked, place, fault: fault.clone() };
        let mut after = state.after(choice);
        if fault != Fault::None {
            after.left.faults -= 1;
        }
        let mut stepped = self.effect(&mut after.world, actor, place, &fault);
        // That WeChat hears of it has no consequence, and what is recorded stays so: it may as well hear at once.
        while let Some((_, Op::Acknowledge(_))) = stepped.asked().first() {
            stepped = self.effect(&mut after.world, &stepped, 0, &Fault::None);
        }
        if stepped.asked().is_empty() {
            after.actors.remove(index);
        } else {
            after.actors[index] = stepped;
        }
        after
    }

    fn effect(&mut self, world: &mut World, actor: &Actor, place: usize, fault: &Fault) -> Actor {
        let op = &actor.asked()[place].1;
        let answer = world.execute(op, fault);
        let digest = world.digest_of(op, fault, &answer);
        actor.answered(place, answer, digest, &mut self.memo)
    }
}

fn faults_of(op: &Op) -> Vec<Fault> {
    match op {
        Op::Acknowledge(_) => Vec::new(),
        Op::Commit { .. } => vec![Fault::Refused, Fault::Unanswered, Fault::Contended],
        Op::Send { messages, .. } if messages.len() > 1 => {
            let partial = (0..messages.len()).map(|place| Fault::Partial(vec![place]));
            [Fault::Refused, Fault::Unanswered].into_iter().chain(partial).collect()
        }
        Op::Mark { .. } | Op::Release { .. } | Op::Send { .. } => vec![Fault::Refused, Fault::Unanswered],
        Op::Load { keys, .. } => torn(keys).chain([Fault::Refused]).collect(),
        Op::Pointers { .. }
        | Op::LoadQuarantine { .. }
        | Op::Held { .. }
        | Op::Pending { .. }
        | Op::PendingStreams { .. } => {
            vec![Fault::Refused]
        }
    }
}

/// Every way in which a read can show some of its rows before the last transaction and some after it.
pub(super) fn torn(keys: &Keys) -> impl Iterator<Item = Fault> {
    let read =
        u8::from(keys.order.is_some()) | u8::from(keys.contract.is_some()) << 1 | u8::from(keys.refund.is_some()) << 2;
    (1..read).filter(move |old| old & read == *old).map(Fault::Torn)
}

/// Beyond the queues' memory of deduplication ids.
fn later(now: Timestamp) -> Timestamp {
    Timestamp::from_millisecond(now.as_millisecond() + crate::memory::DEDUPLICATION_MS + 1).expect("a time")
}
