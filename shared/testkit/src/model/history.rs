//! Random histories: many tasks at once, with crashes, faults, lost doorbells, queues that are down for a while, an index
//! that lags and a clock that jumps. One seed, one history.

use std::fmt;
use std::sync::Arc;

use domain::Timestamp;
use fastrand::Rng;

use super::actor::{Live, Plan};
use super::design::Design;
use super::explore::torn;
use super::oracle::Violation;
use super::rest::rest;
use super::script::{Script, ready};
use super::wire::Op;
use super::world::{Fault, World};

/// Actors that are under way at once.
const CROWD: usize = 5;

/// Effects of a history, for each of its tasks.
const PATIENCE: usize = 24;

/// What a history went through.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Told {
    /// Tasks.
    pub tasks: usize,
    /// Effects, without those that brought it to rest.
    pub effects: usize,
    /// Crashes.
    pub crashes: usize,
    /// Effects that failed, or whose answer was lost.
    pub faults: usize,
    /// Events at its end.
    pub events: usize,
}

/// A history that broke a promise.
#[derive(Clone, Debug)]
pub struct Broken {
    /// Its seed.
    pub seed: u64,
    /// What was broken.
    pub violations: Vec<Violation>,
    /// What happened.
    pub trail: Vec<String>,
}

/// Lives through the history of a seed.
///
/// # Errors
///
/// The promises that it broke, and how.
pub fn live(design: &Design, seed: u64) -> Result<Told, Box<Broken>> {
    let (told, violations) = History::new(design, seed, false).go_on();
    if violations.is_empty() {
        return Ok(told);
    }
    let mut again = History::new(design, seed, true);
    let (_, violations) = again.go_on();
    Err(Box::new(Broken { seed, violations, trail: again.trail }))
}

struct History<'a> {
    design: &'a Design,
    rng: Rng,
    script: Script,
    world: World,
    crowd: Vec<(Arc<str>, Live)>,
    weather: Weather,
    told: Told,
    is_told: bool,
    trail: Vec<String>,
}

/// How bad it gets, in thousandths.
struct Weather {
    crash: u16,
    fault: u16,
    lost_doorbell: u16,
    outage: u16,
    jump: u16,
}

impl Weather {
    fn new(rng: &mut Rng) -> Self {
        let mut degree = |degrees: &[u16]| degrees[rng.usize(..degrees.len())];
        Self {
            crash: degree(&[0, 10, 50, 200]),
            fault: degree(&[0, 10, 50, 200]),
            lost_doorbell: degree(&[0, 100, 500, 1_000]),
            outage: degree(&[0, 0, 10, 50]),
            jump: degree(&[0, 10, 50]),
        }
    }
}

impl<'a> History<'a> {
    fn new(design: &'a Design, seed: u64, is_told: bool) -> Self {
        let mut rng = Rng::with_seed(seed);
        let script = Script::new(&mut rng);
        let (world, weather) = (script.world.clone(), Weather::new(&mut rng));
        let told = Told { tasks: world.tasks.len(), ..Told::default() };
        let trail = if is_told { world.told() } else { Vec::new() };
        Self { design, rng, script, world, crowd: Vec::new(), weather, told, is_told, trail }
    }

    /// From here to its end.
    fn go_on(&mut self) -> (Told, Vec<Violation>) {
        while self.told.effects < PATIENCE * self.told.tasks {
            self.happen();
            if let Some(broken) = self.world.broken.clone() {
                return (self.told, vec![broken]);
            }
            if self.crowd.is_empty() && ready(&self.script, &self.world).is_empty() && self.rng.bool() {
                break;
            }
        }
        self.told.events = self.world.store.outbox().count();
        (self.told, self.end())
    }

    /// Whoever is still under way crashes, and every queue is up again.
    fn end(&mut self) -> Vec<Violation> {
        let consumers: Vec<_> = self.world.routing.routes.iter().map(|route| route.consumer.clone()).collect();
        for consumer in consumers {
            self.world.fifo.set_down(&consumer, false);
        }
        self.tell(|| "at rest".to_owned());
        let given_up = rest(self.design, self.world.clone(), None);
        let resent = rest(self.design, self.world.clone(), Some(&self.script.expected));
        given_up.into_values().chain(resent.into_values()).collect()
    }

    fn happen(&mut self) {
        match self.rng.u16(..1_000) {
            0..750 if !self.crowd.is_empty() => self.step(),
            0..890 => self.start(),
            890..960 => self.ring(),
            960..975 => self.sweep(),
            975..990 => self.catch_up(),
            _ => self.turn(),
        }
    }

    fn step(&mut self) {
        let index = self.rng.usize(..self.crowd.len());
        if self.chance(self.weather.crash) {
            let (name, _) = self.crowd.swap_remove(index);
            self.told.crashes += 1;
            return self.tell(|| format!("crash of {name}"));
        }
        let asked = self.crowd[index].1.asked();
        let place = self.rng.usize(..asked.len());
        let op = asked[place].1.clone();
        let fault = self.fault(&op);
        if fault != Fault::None {
            self.told.faults += 1;
        }
        self.told.effects += 1;
        let answer = self.world.execute(&op, &fault);
        if self.is_told {
            let name = &self.crowd[index].0;
            self.trail.push(format!("{name}: {op}, {fault:?}: {}", answer.brief()));
        }
        self.crowd[index].1.answer(place, answer);
        if self.crowd[index].1.asked().is_empty() {
            self.crowd.swap_remove(index);
        }
    }

    fn fault(&mut self, op: &Op) -> Fault {
        if matches!(op, Op::Acknowledge(_)) || !self.chance(self.weather.fault) {
            return Fault::None;
        }
        let torn: Vec<_> = if let Op::Load { keys, .. } = op { torn(keys).collect() } else { Vec::new() };
        match op {
            Op::Send { messages, .. } if messages.len() > 1 && self.rng.bool() => {
                let failing = (0..messages.len()).filter(|_| self.rng.bool()).collect();
                Fault::Partial(failing)
            }
            Op::Commit { .. } if self.rng.bool() => Fault::Contended,
            Op::Load { .. } if !torn.is_empty() && self.rng.bool() => torn[self.rng.usize(..torn.len())].clone(),
            _ if self.rng.bool() => Fault::Unanswered,
            _ => Fault::Refused,
        }
    }

    /// Starts what is not done, and now and then what is.
    fn start(&mut self) {
        if self.crowd.len() >= CROWD {
            return;
        }
        let ready = ready(&self.script, &self.world);
        let resent = self.rng.u8(..20) == 0;
        let number = match (resent, self.rng.choice(&ready)) {
            (false, Some(number)) => Some(*number),
            _ => self.rng.choice(&self.world.acknowledged).copied(),
        };
        if let Some(number) = number {
            let plan = self.design.doing(&self.world, number);
            self.join(plan);
        }
    }

    /// A relay is woken, or the doorbell is lost.
    fn ring(&mut self) {
        if self.world.doorbell.is_empty() || self.crowd.len() >= CROWD {
            return;
        }
        let streams: Vec<_> = std::mem::take(&mut self.world.doorbell).into_iter().collect();
        if self.chance(self.weather.lost_doorbell) {
            return self.tell(|| format!("lost doorbell of {streams:?}"));
        }
        if let Some(plan) = self.design.relaying(&self.world, streams) {
            self.join(plan);
        }
    }

    fn sweep(&mut self) {
        if self.crowd.len() >= CROWD {
            return;
        }
        if let Some(plan) = self.design.sweeping(&self.world) {
            self.join(plan);
        }
    }

    fn catch_up(&mut self) {
        let behind: Vec<_> = self.world.store.behind().collect();
        if let Some((stream, sequence)) = self.rng.choice(&behind) {
            self.world.store.catch_up(&(stream.clone(), *sequence));
            let (stream, sequence) = (stream.clone(), *sequence);
            self.tell(|| format!("the index shows {stream}:{sequence} as it is"));
        }
    }

    /// The clock moves on, or a queue goes down or up.
    fn turn(&mut self) {
        if self.chance(self.weather.outage.saturating_mul(10)) {
            let consumers: Vec<_> = self.world.routing.routes.iter().map(|route| route.consumer.clone()).collect();
            let consumer = &consumers[self.rng.usize(..consumers.len())];
            let down = self.rng.bool();
            self.world.fifo.set_down(consumer, down);
            return self.tell(|| format!("{consumer} is {}", if down { "down" } else { "up" }));
        }
        let seconds = if self.chance(self.weather.jump.saturating_mul(10)) { 86_400 } else { 400 };
        let millisecond = self.world.now.as_millisecond() + self.rng.i64(1..seconds) * 1_000;
        self.world.now = Timestamp::from_millisecond(millisecond).expect("a time");
        let now = self.world.now;
        self.tell(|| format!("it is {now}"));
    }

    fn join(&mut self, plan: Plan) {
        let live = Live::start(&plan);
        if !live.asked().is_empty() {
            self.crowd.push((plan.name, live));
        }
    }

    fn chance(&mut self, thousandths: u16) -> bool {
        self.rng.u16(..1_000) < thousandths
    }

    fn tell(&mut self, what: impl FnOnce() -> String) {
        if self.is_told {
            self.trail.push(what());
        }
    }
}

impl fmt::Display for Broken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for violation in &self.violations {
            writeln!(f, "{violation}")?;
        }
        self.trail.iter().enumerate().try_for_each(|(index, step)| writeln!(f, "{index:4}  {step}"))?;
        writeln!(f, "this was the history of seed {}", self.seed)
    }
}

impl Told {
    /// Adds what another history went through.
    pub fn add(&mut self, other: Self) {
        self.tasks += other.tasks;
        self.effects += other.effects;
        self.crashes += other.crashes;
        self.faults += other.faults;
        self.events += other.events;
    }
}
