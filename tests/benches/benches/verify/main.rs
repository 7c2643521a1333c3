//! What papay adds to the cryptography and the parser of one notice: verify, decrypt and parse, against their floor.
//!
//! Both sides run by turns in short rounds, so that whatever else the machine does slows both; the ratio is the median of
//! the rounds' ratios. `cargo bench -p benches --bench verify [-- <part of a title>]`. Criterion and divan time one function after the other,
//! which on a shared machine compares two moments rather than two functions.

mod floor;
mod notices;

use std::hint::black_box;
use std::time::{Duration, Instant};

use domain::Fact;

use notices::{Keys, Notice};

/// One round of one side takes about as long: shorter than a time slice of the scheduler.
const ROUND: Duration = Duration::from_micros(500);
const ROUNDS: usize = 2_001;

/// What the issue allows: so many times the floor.
const V2_LIMIT: f64 = 1.25;
const V3_LIMIT: f64 = 1.10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let keys = Keys::test_merchant()?;
    println!("verify + decrypt + parse of one notice, {ROUNDS} rounds of both sides by turns, medians");
    println!("floor of V2: {}", floor::V2_PASSES);
    println!("floor of V3: {}", floor::V3_PASSES);
    println!();
    println!("| notice | bytes | floor, us | papay, us | papay / floor | limit | | papay / floor that skips blanks |");
    println!("|---|---|---|---|---|---|---|---|");
    // cargo's own flags begin with two hyphens; anything else is part of a title.
    let wanted = std::env::args().skip(1).find(|argument| !argument.starts_with("--")).unwrap_or_default();
    for notice in notices::all()?.into_iter().filter(|notice| notice.title.contains(&wanted)) {
        println!("{}", row(&notice.check(&keys)?, &keys));
    }
    Ok(())
}

fn row(notice: &Notice, keys: &Keys) -> String {
    let limit = if notice.is_v3() { V3_LIMIT } else { V2_LIMIT };
    let Figures { floor_us, ours_us, ratio, tuned_ratio } = measure(notice, keys);
    let verdict = if ratio <= limit { "PASS" } else { "SHORT" };
    let tuned = if notice.is_v3() { "-".to_owned() } else { format!("{tuned_ratio:.3}") };
    let (title, bytes) = (notice.title, notice.bytes());
    format!("| {title} | {bytes} | {floor_us:.2} | {ours_us:.2} | {ratio:.3} | {limit:.2} | {verdict} | {tuned} |")
}

struct Figures {
    floor_us: f64,
    ours_us: f64,
    ratio: f64,
    tuned_ratio: f64,
}

fn measure(notice: &Notice, keys: &Keys) -> Figures {
    let floor = |tuned| {
        black_box(black_box(notice).floor(keys, tuned));
    };
    let ours = || drop::<Option<Fact>>(black_box(black_box(notice).ours(keys)));
    let times = times_per_round(|| floor(false));
    let (mut floors, mut ourses, mut ratios, mut tuned_ratios) = (Vec::new(), Vec::new(), Vec::new(), Vec::new());
    for round in 0..ROUNDS {
        // Who goes first changes, so that neither always runs into the other's caches.
        let mut took = [0.0; 3];
        for turn in 0..took.len() {
            let side = (round + turn) % took.len();
            took[side] = time(times, || match side {
                0 => floor(false),
                1 => ours(),
                _ => floor(true),
            });
        }
        let [floor, ours, tuned] = took;
        floors.push(floor);
        ourses.push(ours);
        ratios.push(ours / floor);
        tuned_ratios.push(ours / tuned);
    }
    Figures {
        floor_us: median(floors),
        ours_us: median(ourses),
        ratio: median(ratios),
        tuned_ratio: median(tuned_ratios),
    }
}

fn times_per_round(work: impl Fn()) -> u32 {
    let one = (0..100).map(|_| time(1, &work)).fold(f64::MAX, f64::min).max(0.1);
    let times = ROUND.as_secs_f64() * 1e6 / one;
    format!("{times:.0}").parse().unwrap_or(1)
}

/// Microseconds of one call, on average.
fn time(times: u32, work: impl Fn()) -> f64 {
    let started = Instant::now();
    for _ in 0..times {
        work();
    }
    started.elapsed().as_secs_f64() * 1e6 / f64::from(times)
}

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_unstable_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}
