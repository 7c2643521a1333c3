//! From the start of a process to its posted answer, against an empty `lambda_http` function built with the same profile.
//!
//! `cargo bench -p benches --bench cold_start [-- --profile bench]`. The functions take turns, so that whatever else the
//! machine does slows all of them; keys are fetched from a Secrets Manager on loopback, as a function in AWS fetches them.

#[path = "../common/mod.rs"]
mod common;
mod files;
mod starts;

use std::collections::BTreeMap;
use std::path::PathBuf;

use common::aws::Aws;
use common::{Failure, programs};
use starts::Case;

/// The functions that are started beside the empty one.
const CALLBACKS: [&str; 2] = ["deduction-callback", "payment-callback"];

/// What the issue allows: so many times the empty function, to a refused notification.
const RATIO_LIMIT: f64 = 1.6;

/// What the issue allows: so much memory at the peak. MiB.
const PEAK_LIMIT: f64 = 10.0;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Failure> {
    let profile = programs::profile();
    let programs = build(&profile)?;
    let aws = Aws::start().await?;

    println!("cold start, profile {profile}: process start to the posted answer, median of {}", starts::STARTS);
    println!();
    let figures = starts::measure(&aws, &programs).await?;
    print_starts(&figures);
    println!();
    files::print(&aws, &programs).await
}

/// Apart, since cargo unifies the features of what it builds in one go, and the empty function's are to be its own.
fn build(profile: &str) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let mut programs = programs::build(profile, &["benches"], &["empty-function"])?;
    programs.extend(programs::build(profile, &CALLBACKS, &CALLBACKS)?);
    Ok(programs)
}

fn print_starts(figures: &[(Case, starts::Figures)]) {
    let empty_ms = figures.first().map_or(f64::NAN, |(_, figures)| figures.ms);
    println!(
        "| function | answer | ms | quartiles | DynamoDB apart, ms | reads, transactions | x empty | limit | | peak RSS, MiB | limit | | page faults |"
    );
    println!("|---|---|---|---|---|---|---|---|---|---|---|---|---|");
    for (case, figures) in figures {
        let starts::Figures { ms, quartiles: (low, high), dynamodb_ms, reads, transactions, peak_mib, faults } =
            figures;
        let ratio = ms / empty_ms;
        let (limit, verdict) = match case.is_limited {
            true => (format!("{RATIO_LIMIT}"), verdict(ratio <= RATIO_LIMIT)),
            false => ("-".to_owned(), "-"),
        };
        println!(
            "| {} | {} | {ms:.2} | {low:.2}-{high:.2} | {dynamodb_ms:.2} | {reads}, {transactions} | {ratio:.2} | {limit} | {verdict} | {peak_mib:.1} | {PEAK_LIMIT} | {} | {faults} |",
            case.program,
            case.answer,
            self::verdict(*peak_mib <= PEAK_LIMIT)
        );
    }
}

fn verdict(holds: bool) -> &'static str {
    if holds { "PASS" } else { "SHORT" }
}
