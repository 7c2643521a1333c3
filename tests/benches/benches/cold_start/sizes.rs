//! How large the functions are: stripped binaries, and the zips that Lambda gets.

use std::collections::BTreeMap;
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use crate::common::Failure;

/// What the issue allows: a zip of so many MB (10^6 bytes, the stricter reading).
const ZIP_LIMIT: f64 = 3.5;

pub(crate) fn print(profile: &str, programs: &BTreeMap<String, PathBuf>) -> Result<(), Failure> {
    println!("size, profile {profile}{}", if profile == "release" { "" } else { " (NOT what is shipped)" });
    println!();
    println!("| function | binary, MB | zip, MB | limit | |");
    println!("|---|---|---|---|---|");
    for (name, path) in programs {
        let binary = std::fs::read(path)?;
        let zip = megabytes(zipped(&binary)?.len());
        let limit = if name == "empty-function" { "-".to_owned() } else { ZIP_LIMIT.to_string() };
        let verdict = if name == "empty-function" { "-" } else { crate::verdict(zip <= ZIP_LIMIT) };
        println!("| {name} | {:.2} | {zip:.2} | {limit} | {verdict} |", megabytes(binary.len()));
    }
    Ok(())
}

/// As `sam build` and cargo-lambda make it: one file named `bootstrap`, deflated at the default level.
fn zipped(binary: &[u8]) -> Result<Vec<u8>, Failure> {
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    zip.start_file_from_path(Path::new("bootstrap"), SimpleFileOptions::default().unix_permissions(0o755))?;
    zip.write_all(binary)?;
    Ok(zip.finish()?.into_inner())
}

fn megabytes(bytes: usize) -> f64 {
    f64::from(u32::try_from(bytes).unwrap_or(u32::MAX)) / 1e6
}
