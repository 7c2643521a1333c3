//! The binaries under test, built by cargo as they are shipped.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use serde_json::Value;

use super::Failure;

/// `--profile <name>` among the arguments; `release` is what is shipped, `bench` is there sooner (no link-time optimisation).
pub(crate) fn profile() -> String {
    let mut arguments = std::env::args();
    arguments.by_ref().find(|argument| argument == "--profile");
    arguments.next().unwrap_or_else(|| "release".to_owned())
}

/// Builds binaries of one package set in one go, and tells where each lies.
pub(crate) fn build(profile: &str, packages: &[&str], binaries: &[&str]) -> Result<BTreeMap<String, PathBuf>, Failure> {
    let mut cargo = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    cargo.args(["build", "--locked", "--message-format", "json-render-diagnostics", "--profile", profile]);
    cargo.args(packages.iter().flat_map(|package| ["-p", package]));
    cargo.args(binaries.iter().flat_map(|binary| ["--bin", binary]));
    let output = cargo.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("cargo build of {binaries:?}: {}", output.status).into());
    }
    let messages = String::from_utf8(output.stdout)?;
    Ok(messages.lines().filter_map(|line| executable(&serde_json::from_str(line).ok()?)).collect())
}

fn executable(message: &Value) -> Option<(String, PathBuf)> {
    let path = message.get("executable")?.as_str()?;
    Some((message.get("target")?.get("name")?.as_str()?.to_owned(), PathBuf::from(path)))
}
