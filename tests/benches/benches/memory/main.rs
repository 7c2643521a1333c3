//! What a warm function keeps: resident memory after 1 000 callbacks and after 100 000, refused ones, duplicates and new ones
//! by turns, through the Runtime API and against a DynamoDB that answers at once and keeps nothing.
//!
//! `cargo bench -p benches --bench memory [-- --profile bench]`

#[path = "../common/mod.rs"]
mod common;

use std::time::{Duration, Instant};

use axum::body::Bytes;

use common::aws::{Aws, Calls};
use common::lambda::{Answer, Lambda, Process};
use common::{Failure, event, items, programs};

const FIRST: u64 = 1_000;
const LAST: u64 = 100_000;

/// A function that takes longer than this for all of them has stopped being measured.
const AT_MOST: Duration = Duration::from_secs(900);

/// Room for what the allocator keeps of a burst: KiB.
const SLACK_KIB: u64 = 512;

/// One function and its callbacks by turns: what is sent, and the status that is owed.
struct Case {
    program: &'static str,
    turns: [Turn; 3],
}

struct Turn {
    fixture: &'static str,
    number: fn(u64) -> String,
    status: u64,
}

const CASES: [Case; 2] = [
    Case {
        program: "deduction-callback",
        turns: [
            Turn { fixture: "deduction-success", number: |index| items::deduction(index, false), status: 200 },
            Turn { fixture: "deduction-success", number: |index| items::deduction(index, true), status: 200 },
            Turn { fixture: "altered", number: |index| items::deduction(index, false), status: 401 },
        ],
    },
    Case {
        program: "payment-callback",
        turns: [
            Turn { fixture: "payment-v3", number: |index| items::one_off(index, false), status: 204 },
            Turn { fixture: "payment-v3", number: |index| items::one_off(index, true), status: 204 },
            Turn { fixture: "altered-v3", number: |index| items::one_off(index, false), status: 401 },
        ],
    },
];

impl Turn {
    fn event(&self, index: u64) -> Result<Bytes, Failure> {
        event::notice(self.fixture, &(self.number)(index))
    }
}

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let profile = programs::profile();
    let names: Vec<_> = CASES.iter().map(|case| case.program).collect();
    let programs = programs::build(&profile, &names, &names)?;
    println!("memory of a warm function, profile {profile}: new, duplicate and refused callbacks by turns");
    println!();
    println!(
        "| function | RSS after {FIRST}, KiB | after {LAST}, KiB | more | allowed | | callbacks a second | reads, transactions of DynamoDB |"
    );
    println!("|---|---|---|---|---|---|---|---|");
    for case in &CASES {
        let (mut lambda, aws) = (Lambda::start().await?, Aws::start().await?);
        let program = programs.get(case.program).ok_or("not built")?;
        let process = Process::start(lambda.command(program, &aws.environment()))?;
        println!("{}", row(case, &mut lambda, &aws, &process).await?);
    }
    Ok(())
}

async fn row(case: &Case, lambda: &mut Lambda, aws: &Aws, process: &Process) -> Result<String, Failure> {
    let started = Instant::now();
    let (mut done, mut took, mut first_kib) = (0, Duration::ZERO, 0);
    while done < LAST && took < AT_MOST {
        took = callback(case, lambda, done).await?.at.duration_since(started);
        done += 1;
        if done == FIRST {
            first_kib = process.memory_kib("VmRSS")?;
        }
    }
    let last_kib = process.memory_kib("VmRSS")?;
    let more = last_kib.saturating_sub(first_kib);
    let verdict = match (done == LAST, more <= SLACK_KIB) {
        (true, true) => "PASS".to_owned(),
        (true, false) => "SHORT".to_owned(),
        (false, _) => format!("SHORT: only {done} in {} s", AT_MOST.as_secs()),
    };
    let per_second = f64::from(u32::try_from(done)?) / took.as_secs_f64();
    let Calls { reads, transactions, .. } = aws.take_calls();
    Ok(format!(
        "| {} | {first_kib} | {last_kib} | {more} | {SLACK_KIB} | {verdict} | {per_second:.0} | {reads}, {transactions} |",
        case.program
    ))
}

async fn callback(case: &Case, lambda: &mut Lambda, index: u64) -> Result<Answer, Failure> {
    let turn = usize::try_from(index % 3)?;
    let turn = case.turns.get(turn).ok_or("no turn")?;
    let answer = lambda.invoke(turn.event(index)?).await?;
    if answer.status == turn.status {
        return Ok(answer);
    }
    Err(format!("{} answered {} to {}, instead of {}", case.program, answer.status, turn.fixture, turn.status).into())
}
