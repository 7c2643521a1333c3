//! Random histories: the real code survives them all.
//!
//! `PAPAY_SEED=<n>` repeats one and tells it, `PAPAY_HISTORIES=<n>` lives through so many.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

use testkit::model::{Design, Told, live, mutants};

/// At least so many in the ordinary test run.
const HISTORIES: u64 = 100_000;

#[test]
fn a_hundred_thousand_histories_keep_every_promise() {
    if let Some(seed) = variable("PAPAY_SEED") {
        match live(&Design::REAL, seed) {
            Ok(told) => return println!("{told:?}"),
            Err(broken) => panic!("{broken}"),
        }
    }
    let histories = variable("PAPAY_HISTORIES").unwrap_or(HISTORIES);
    let (start, next) = (Instant::now(), AtomicU64::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    let mut sum = Told::default();
    std::thread::scope(|scope| {
        let work = || {
            let mut sum = Told::default();
            loop {
                let seed = next.fetch_add(1, Ordering::Relaxed);
                if seed >= histories {
                    return sum;
                }
                match live(&Design::REAL, seed) {
                    Ok(told) => sum.add(told),
                    Err(broken) => panic!("{broken}\nPAPAY_SEED={seed} repeats it"),
                }
            }
        };
        let workers: Vec<_> = (0..threads).map(|_| scope.spawn(work)).collect();
        for worker in workers {
            match worker.join() {
                Ok(told) => sum.add(told),
                Err(panic) => std::panic::resume_unwind(panic),
            }
        }
    });
    let seconds = start.elapsed().as_secs_f64();
    println!("{histories} histories in {seconds:.1} s: {sum:?}");
}

#[test]
fn every_mutant_breaks_a_promise_in_one_of_a_thousand_histories() {
    for mutant in mutants() {
        let broken = (0..1_000).find_map(|seed| live(&mutant.design, seed).err());
        let broken = broken.unwrap_or_else(|| panic!("{} was not caught", mutant.design.name));
        let names: Vec<_> = broken.violations.iter().map(testkit::model::Violation::name).collect();
        println!("{}: {names:?} in the history of seed {}", mutant.design.name, broken.seed);
    }
}

fn variable<T: FromStr>(name: &str) -> Option<T> {
    std::env::var(name).ok().and_then(|text| text.parse().ok())
}
