//! How a history ends: WeChat's resends and the sweeper run until nothing changes any more.

use super::actor::{Live, Plan};
use super::design::Design;
use super::oracle::{Found, Violation, Violations, at_rest, projection};
use super::world::{Fault, World};

/// Without a fault one sweep is enough; what needs more than a few is stuck.
const SWEEPS: usize = 4;

/// Deliveries without a fault after which a task must be acknowledged.
const RESENDS: usize = 3;

/// Brings a world to rest and puts it to the oracle.
///
/// With `expected`, WeChat resends until it is told, and the states must be these. Without, it has given up: what is
/// recorded must be right all the same.
#[must_use]
pub fn rest(design: &Design, mut world: World, expected: Option<&[String]>) -> Violations {
    let mut found = Found::default();
    if expected.is_some() {
        // WeChat may resend what it has an acknowledgement of, too.
        world.acknowledged.clear();
        for task in 0..world.tasks.len() {
            resend(design, &mut world, task, &mut found);
        }
    }
    sweep(design, &mut world);
    for violation in at_rest(&world).into_values() {
        found.add(violation);
    }
    if let Some(expected) = expected {
        let states = projection(&world.store);
        if states != expected {
            let (expected, states) = (expected.join("; "), states.join("; "));
            found.add(Violation::FinalState { expected, found: states });
        }
    }
    found.0
}

fn resend(design: &Design, world: &mut World, task: usize, found: &mut Found) {
    for _ in 0..RESENDS {
        let plan = design.doing(world, task);
        run(world, &plan);
        if world.acknowledged.contains(&task) {
            return;
        }
    }
    if !world.tasks[task].is_never_done() {
        found.add(Violation::NeverAcknowledged { task });
    }
}

/// Sweeps until nothing is pending, or nothing helps.
pub(super) fn sweep(design: &Design, world: &mut World) {
    for _ in 0..SWEEPS {
        world.store.catch_up_all();
        if world.store.outbox().all(|outboxed| outboxed.entry.pending.is_empty()) {
            return;
        }
        let Some(plan) = design.sweeping(world) else { return };
        run(world, &plan);
    }
}

/// Runs a plan to its end, alone and without a fault.
pub(super) fn run(world: &mut World, plan: &Plan) {
    let mut live = Live::start(plan);
    while let Some((_, op)) = live.asked().first() {
        let answer = world.execute(op, &Fault::None);
        live.answer(0, answer);
    }
}
