//! Which files a function opens: the system's certificates must not be among them, since reading them takes longer than all
//! else (their place is taken by the pinned roots).

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use crate::common::Failure;
use crate::common::aws::Aws;
use crate::common::lambda::{Lambda, Process};
use crate::starts::{CASES, Case};

/// strace's last line of a process.
const END: &str = "+++ killed by SIGKILL +++";

pub(crate) async fn print(aws: &Aws, programs: &BTreeMap<String, PathBuf>) -> Result<(), Failure> {
    println!(
        "files that are looked at from start to answer, by `strace -f -e trace=%file`; none may be of the system's certificates"
    );
    println!();
    if Command::new("strace").arg("-V").output().is_err() {
        println!("NOT RUN: there is no strace on this machine");
        return Ok(());
    }
    println!("| function | answer | system calls on files | of certificates | |");
    println!("|---|---|---|---|---|");
    for case in &CASES {
        let program = programs.get(case.program).ok_or("not built")?;
        let calls = traced(aws, program, case).await?;
        let certificates: Vec<_> = calls.iter().filter(|call| is_certificate(call)).collect();
        let verdict = crate::verdict(certificates.is_empty());
        println!("| {} | {} | {} | {} | {verdict} |", case.program, case.answer, calls.len(), certificates.len());
        for call in certificates {
            println!("  {call}");
        }
    }
    Ok(())
}

async fn traced(aws: &Aws, program: &Path, case: &Case) -> Result<Vec<String>, Failure> {
    let output = std::env::temp_dir().join(format!("papay-files-{}", std::process::id()));
    let _ = std::fs::remove_file(&output);
    let mut lambda = Lambda::start().await?;
    let plain = lambda.command(program, &aws.environment());
    let mut command = Command::new("strace");
    // The tracer as the grandchild: the process that is killed at the end is the function.
    command.args(["-D", "-f", "-e", "trace=%file", "-o"]).arg(&output).arg(program).env_clear();
    command.stdout(Stdio::null()).envs(plain.get_envs().filter_map(|(name, value)| Some((name, value?))));
    let process = Process::start(command)?;
    let answer = lambda.invoke((case.event)(1_000)?).await?;
    drop(process);
    if answer.status != case.status {
        return Err(format!("{} answered {} under strace", case.program, answer.status).into());
    }
    let trace = ended(&output).await?;
    std::fs::remove_file(&output)?;
    Ok(trace.lines().filter(|line| line.contains('"')).map(str::to_owned).collect())
}

/// The trace, once the tracer has written its last line.
async fn ended(output: &Path) -> Result<String, Failure> {
    for _ in 0..500 {
        let trace = std::fs::read_to_string(output).unwrap_or_default();
        if trace.contains(END) {
            return Ok(trace);
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    Err("strace did not end".into())
}

fn is_certificate(call: &str) -> bool {
    ["/ssl", "/pki", "cert", ".pem", ".crt"].iter().any(|part| call.contains(part))
}
