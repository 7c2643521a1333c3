//! `papay doctor`: what is wrong, and what to do about it.

use std::path::Path;
use std::process::ExitCode;

use papay::doctor::{self, Finding, Level, Report};

use crate::failure::{Failure, running};

/// Check the local stack, or a deployment: addresses, permissions, clock, keys, queues, alarms, and whether WeChat answers.
///
/// Ends with 0 where all is well, 1 where something should be looked at or could not be checked, 2 where something fails. Changes
/// nothing.
#[derive(clap::Args)]
pub(crate) struct Doctor {
    /// The stack in the AWS account of AWS_PROFILE or AWS_ACCESS_KEY_ID, in AWS_REGION; without it the local stack.
    #[arg(long, value_name = "NAME")]
    stack: Option<String>,
    /// Somebody has compared the termination address of every template in the merchant platform, which WeChat tells nobody.
    #[arg(long, requires = "stack")]
    templates_compared: bool,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

impl Doctor {
    pub(crate) async fn run(self, data: &Path) -> Result<ExitCode, Failure> {
        let report = match self.report(data).await {
            Ok(report) => report,
            // Of the codes the one of a failure: a warning is another.
            Err(failure) => {
                eprintln!("{failure}");
                return Ok(ExitCode::from(FAILED));
            }
        };
        if self.json {
            println!("{}", serde_json::to_string_pretty(&report).map_err(Failure::new)?);
        } else {
            print(&report);
        }
        Ok(ExitCode::from(report.exit_code()))
    }

    async fn report(&self, data: &Path) -> Result<Report, Failure> {
        match &self.stack {
            Some(stack) => {
                let config = papay::aws::config().await.map_err(Failure::new)?;
                doctor::deployment(&config, stack, self.templates_compared).await.map_err(Failure::new)
            }
            None => doctor::local(data, &running(data)?).await.map_err(Failure::new),
        }
    }
}

/// Where nothing could be looked at.
const FAILED: u8 = 2;

fn print(report: &Report) {
    println!("{}\n", report.target);
    for finding in &report.findings {
        let Finding { check, subject, level, found, fix } = finding;
        println!("{:<10} {check:<21} {subject}: {found}", word(*level));
        if let Some(fix) = fix {
            println!("{:<10} {:<21} -> {fix}", "", "");
        }
    }
    let count = |level: Level| report.findings.iter().filter(|finding| finding.level == level).count();
    let levels = [Level::Failure, Level::Warning, Level::Unchecked, Level::LeftOut, Level::Ok];
    let counts: Vec<String> = levels.map(|level| format!("{} {}", count(level), word(level))).into_iter().collect();
    println!("\n{}", counts.join(", "));
}

fn word(level: Level) -> &'static str {
    match level {
        Level::Ok => "ok",
        Level::LeftOut => "left out",
        Level::Unchecked => "UNCHECKED",
        Level::Warning => "WARNING",
        Level::Failure => "FAILURE",
    }
}
