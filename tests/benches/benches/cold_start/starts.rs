//! Starts by turns.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use axum::body::Bytes;

use crate::common::aws::{Aws, Calls};
use crate::common::lambda::{Lambda, Process};
use crate::common::{Failure, event, items};

/// Starts of each case that count.
pub(crate) const STARTS: usize = 25;

/// Starts before them, which bring the binaries into the page cache.
const WARM_UPS: usize = 3;

/// One function and what it is sent.
#[derive(Clone, Copy)]
pub(crate) struct Case {
    pub(crate) program: &'static str,
    pub(crate) answer: &'static str,
    pub(crate) status: u64,
    /// Whether the issue limits its time.
    pub(crate) is_limited: bool,
    /// The notice of the n-th start.
    pub(crate) event: fn(u64) -> Result<Bytes, Failure>,
}

/// The empty function first.
pub(crate) const CASES: [Case; 5] = [
    Case {
        program: "empty-function",
        answer: "200",
        status: 200,
        is_limited: false,
        event: |_| event::notice("payment-v3", &items::one_off(0, false)),
    },
    Case {
        program: "payment-callback",
        answer: "refused",
        status: 401,
        is_limited: true,
        event: |index| event::notice("altered-v3", &items::one_off(index, false)),
    },
    Case {
        program: "deduction-callback",
        answer: "refused",
        status: 401,
        is_limited: true,
        event: |index| event::notice("altered", &items::deduction(index, false)),
    },
    Case {
        program: "payment-callback",
        answer: "recorded",
        status: 204,
        is_limited: false,
        event: |index| event::notice("payment-v3", &items::one_off(index, false)),
    },
    Case {
        program: "deduction-callback",
        answer: "recorded",
        status: 200,
        is_limited: false,
        event: |index| event::notice("deduction-success", &items::deduction(index, false)),
    },
];

/// Medians over the starts of a case.
pub(crate) struct Figures {
    pub(crate) ms: f64,
    pub(crate) quartiles: (f64, f64),
    pub(crate) dynamodb_ms: f64,
    pub(crate) reads: u32,
    pub(crate) transactions: u32,
    /// The largest of them.
    pub(crate) peak_mib: f64,
    /// Minor page faults, the fewest of them: what a larger binary pays at every start.
    pub(crate) faults: u64,
}

struct Start {
    took: Duration,
    calls: Calls,
    peak_kib: u64,
    faults: u64,
}

pub(crate) async fn measure(aws: &Aws, programs: &BTreeMap<String, PathBuf>) -> Result<Vec<(Case, Figures)>, Failure> {
    let mut starts: Vec<Vec<Start>> = CASES.iter().map(|_| Vec::new()).collect();
    for round in 0..WARM_UPS + STARTS {
        for (case, starts) in CASES.iter().zip(&mut starts) {
            let start = start(aws, programs, case, u64::try_from(round)?).await?;
            if round >= WARM_UPS {
                starts.push(start);
            }
        }
    }
    Ok(CASES.into_iter().zip(starts.iter().map(|starts| figures(starts))).collect())
}

async fn start(aws: &Aws, programs: &BTreeMap<String, PathBuf>, case: &Case, index: u64) -> Result<Start, Failure> {
    let program = programs.get(case.program).ok_or_else(|| format!("{} was not built", case.program))?;
    let mut lambda = Lambda::start().await?;
    let command = lambda.command(program, &aws.environment());
    let event = (case.event)(index)?;
    aws.take_calls();
    let started = Instant::now();
    let process = Process::start(command)?;
    let answer = lambda.invoke(event).await?;
    if answer.status != case.status {
        return Err(format!("{} answered {} instead of {}", case.program, answer.status, case.status).into());
    }
    let took = answer.at.duration_since(started);
    Ok(Start { took, calls: aws.take_calls(), peak_kib: process.memory_kib("VmHWM")?, faults: minor_faults(&process)? })
}

/// Page faults that needed no disk.
fn minor_faults(process: &Process) -> Result<u64, Failure> {
    let stat = process.proc("stat")?;
    // The second field is the name in parentheses and may hold blanks; `minflt` is the tenth.
    let fields = stat.rsplit_once(')').map(|(_, fields)| fields).ok_or("no name in stat")?;
    Ok(fields.split_whitespace().nth(7).ok_or("no minflt")?.parse()?)
}

fn figures(starts: &[Start]) -> Figures {
    let ms = sorted(starts.iter().map(|start| start.took.as_secs_f64() * 1e3));
    let dynamodb_ms = sorted(starts.iter().map(|start| start.calls.took.as_secs_f64() * 1e3));
    let peak_kib = starts.iter().map(|start| start.peak_kib).max().unwrap_or_default();
    Figures {
        ms: part(&ms, 2),
        quartiles: (part(&ms, 1), part(&ms, 3)),
        dynamodb_ms: part(&dynamodb_ms, 2),
        reads: starts.iter().map(|start| start.calls.reads).max().unwrap_or_default(),
        transactions: starts.iter().map(|start| start.calls.transactions).max().unwrap_or_default(),
        peak_mib: f64::from(u32::try_from(peak_kib).unwrap_or(u32::MAX)) / 1024.0,
        faults: starts.iter().map(|start| start.faults).min().unwrap_or_default(),
    }
}

fn sorted(values: impl Iterator<Item = f64>) -> Vec<f64> {
    let mut values: Vec<f64> = values.collect();
    values.sort_unstable_by(f64::total_cmp);
    values
}

/// The value after so many quarters.
fn part(sorted: &[f64], quarters: usize) -> f64 {
    sorted.get(sorted.len() * quarters / 4).copied().unwrap_or(f64::NAN)
}
