//! What happens at WeChat and at the merchant in one history, in the order in which it is true; it reaches us in any.

use std::collections::BTreeSet;

use domain::MchId;
use fastrand::Rng;
use record::{Route, Routing};

use super::design::Design;
use super::oracle::projection;
use super::plot::Plot;
use super::rest::run;
use super::world::World;

/// The tasks of one history.
#[derive(Clone, Debug)]
pub(super) struct Script {
    pub(super) world: World,
    /// For each task those that come before it whatever happens: WeChat tells nothing of a refund that we did not ask for.
    pub(super) after: Vec<Vec<usize>>,
    /// What the tasks lead to, done in order and without a fault.
    pub(super) expected: Vec<String>,
}

impl Script {
    /// The script of a seed.
    pub(super) fn new(rng: &mut Rng) -> Self {
        let mut plot = Plot::new(rng.fork());
        let before = plot.generator.clone();
        plot.history();
        if plot.rng.u8(..8) == 0 {
            // Another merchant has things of the same numbers.
            let other = MchId::parse("10000200").expect("a merchant");
            plot.generator = before.of_merchant(other);
            plot.history();
        }
        let mut world = World::new(plot.tasks, routing(&mut plot.rng), plot.now);
        let expected = serial(&world);
        if plot.rng.bool() {
            world.store.lag();
        }
        Self { world, after: plot.after, expected }
    }
}

fn serial(world: &World) -> Vec<String> {
    let mut world = world.clone();
    for number in 0..world.tasks.len() {
        let plan = Design::REAL.doing(&world, number);
        run(&mut world, &plan);
        let done = world.acknowledged.contains(&number);
        assert_eq!(done, !world.tasks[number].is_never_done(), "{}", world.tasks[number]);
    }
    projection(&world.store)
}

/// Two or three consumers with different tastes.
fn routing(rng: &mut Rng) -> Routing {
    let route = |consumer: &str, types: &[&str]| Route {
        consumer: consumer.to_owned(),
        merchants: Vec::new(),
        types: types.iter().map(|text| (*text).to_owned()).collect(),
    };
    let mut routes = vec![
        route("all", &[]),
        route("money", &["papay.payment.*", "papay.deduction.*", "papay.refund.succeeded.v1"]),
        route("members", &["papay.subscription.settled.v1"]),
    ];
    routes.truncate(rng.usize(1..=routes.len()));
    Routing { routes }
}

/// The tasks that can be started now.
pub(super) fn ready(script: &Script, world: &World) -> Vec<usize> {
    let done: &BTreeSet<usize> = &world.acknowledged;
    (0..world.tasks.len())
        .filter(|number| !done.contains(number) && script.after[*number].iter().all(|before| done.contains(before)))
        .collect()
}
