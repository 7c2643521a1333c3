//! One movable clock for everything on the machine.
//!
//! The offset from the system's clock lies in a file, `<data>/clock`, as one signed decimal number of milliseconds
//! (ASCII, surrounding white space ignored). A missing, empty or unreadable file means 0. Whoever reads the clock
//! reads the file again, so that moving it reaches every process at its next reading; a writer replaces the file by
//! renaming, so that no reader sees half a number. This module needs the standard library only, and a function that
//! must not depend on this crate can read the same file in five lines.
//!
//! AWS request signing and every time-out keep real time.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};
use std::{fs, io};

/// The name of the offset file inside the data folder.
pub const CLOCK_FILE: &str = "clock";

/// A clock that can be moved; clones move together.
#[derive(Debug, Clone)]
pub struct Clock {
    offset: Offset,
}

#[derive(Debug, Clone)]
enum Offset {
    File(PathBuf),
    Memory(Arc<AtomicI64>),
}

impl Clock {
    /// The clock whose offset lies in `<data>/clock`.
    #[must_use]
    pub fn in_folder(data: &Path) -> Self {
        Self { offset: Offset::File(data.join(CLOCK_FILE)) }
    }

    /// A clock of this process alone, at the system's time until it is moved.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { offset: Offset::Memory(Arc::default()) }
    }

    /// The offset file, if this clock has one: what functions are told to read.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.offset {
            Offset::File(path) => Some(path),
            Offset::Memory(_) => None,
        }
    }

    /// Milliseconds since the Unix epoch, the offset included.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        real_now_ms().saturating_add(self.offset_ms())
    }

    /// How far this clock is ahead of the system's, in milliseconds.
    #[must_use]
    pub fn offset_ms(&self) -> i64 {
        match &self.offset {
            Offset::File(path) => read_offset(path),
            Offset::Memory(offset) => offset.load(Ordering::Relaxed),
        }
    }

    /// Puts the clock `offset_ms` milliseconds ahead of the system's (behind it, if negative).
    ///
    /// # Errors
    /// The offset file cannot be written.
    pub fn set_offset_ms(&self, offset_ms: i64) -> io::Result<()> {
        match &self.offset {
            Offset::File(path) => write_offset(path, offset_ms),
            Offset::Memory(offset) => {
                offset.store(offset_ms, Ordering::Relaxed);
                Ok(())
            }
        }
    }

    /// Moves the clock by `ms` milliseconds from where it stands.
    ///
    /// # Errors
    /// The offset file cannot be written.
    pub fn advance_ms(&self, ms: i64) -> io::Result<()> {
        self.set_offset_ms(self.offset_ms().saturating_add(ms))
    }
}

/// Reads an offset file: what a function does at each invocation.
#[must_use]
pub fn read_offset(path: &Path) -> i64 {
    fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

fn write_offset(path: &Path, offset_ms: i64) -> io::Result<()> {
    let unfinished = path.with_extension("new");
    fs::write(&unfinished, format!("{offset_ms}\n"))?;
    fs::rename(&unfinished, path)
}

/// The system's time, in milliseconds since the Unix epoch.
pub(crate) fn real_now_ms() -> i64 {
    let since_epoch = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    i64::try_from(since_epoch.as_millis()).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moved_clock_is_seen_by_every_reader_of_the_file() {
        let data = tempfile::tempdir().unwrap();
        let writer = Clock::in_folder(data.path());
        let reader = Clock::in_folder(data.path());
        writer.set_offset_ms(-5_000).unwrap();
        writer.advance_ms(65_000).unwrap();
        assert_eq!(reader.offset_ms(), 60_000);
        assert_eq!(fs::read_to_string(data.path().join("clock")).unwrap(), "60000\n");
        assert!((reader.now_ms() - real_now_ms() - 60_000).abs() < 1_000);
    }

    #[test]
    fn a_missing_empty_or_broken_offset_file_means_the_systems_time() {
        let data = tempfile::tempdir().unwrap();
        let clock = Clock::in_folder(data.path());
        assert_eq!(clock.offset_ms(), 0);
        for broken in ["", "tomorrow", "1.5"] {
            fs::write(data.path().join("clock"), broken).unwrap();
            assert_eq!(clock.offset_ms(), 0, "{broken:?}");
        }
    }
}
