//! One movable clock for everything on the machine.
//!
//! The offset from the system's clock lies in a file, `<data>/clock`, as one signed decimal number of milliseconds
//! (ASCII, surrounding white space ignored). A missing, empty or unreadable file means 0. Whoever reads the clock
//! reads the file again, so that moving it reaches every process at its next reading; a writer replaces the file by
//! renaming, so that no reader sees half a number, and holds the lock of `<data>/clock.lock` meanwhile, so that no move
//! of another writer is lost. This module needs the standard library only, and a function that must not depend on this
//! crate can read the same file in five lines.
//!
//! AWS request signing and every time-out keep real time.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::{SystemTime, UNIX_EPOCH};

/// The name of the offset file inside the data folder.
pub const CLOCK_FILE: &str = "clock";

/// A clock that can be moved; clones move together.
#[derive(Debug, Clone)]
pub struct Clock {
    hand: Hand,
}

#[derive(Debug, Clone)]
enum Hand {
    /// The offset lies in this file.
    File(PathBuf),
    /// The offset lies here.
    Memory(Arc<AtomicI64>),
    /// The time lies here.
    Standing(Arc<AtomicI64>),
}

impl Clock {
    /// The clock whose offset lies in `<data>/clock`.
    #[must_use]
    pub fn in_folder(data: &Path) -> Self {
        Self { hand: Hand::File(data.join(CLOCK_FILE)) }
    }

    /// A clock of this process alone, at the system's time until it is moved.
    #[must_use]
    pub fn in_memory() -> Self {
        Self { hand: Hand::Memory(Arc::default()) }
    }

    /// A clock of this process alone that shows `now_ms` and stands still: its time passes only when it is moved.
    #[must_use]
    pub fn standing_at(now_ms: i64) -> Self {
        Self { hand: Hand::Standing(Arc::new(AtomicI64::new(now_ms))) }
    }

    /// The offset file, if this clock has one: what functions are told to read.
    #[must_use]
    pub fn file(&self) -> Option<&Path> {
        match &self.hand {
            Hand::File(path) => Some(path),
            Hand::Memory(_) | Hand::Standing(_) => None,
        }
    }

    /// Milliseconds since the Unix epoch, the offset included.
    #[must_use]
    pub fn now_ms(&self) -> i64 {
        match &self.hand {
            Hand::Standing(now) => now.load(Ordering::SeqCst),
            Hand::File(_) | Hand::Memory(_) => real_now_ms().saturating_add(self.offset_ms()),
        }
    }

    /// How far this clock is ahead of the system's, in milliseconds.
    #[must_use]
    pub fn offset_ms(&self) -> i64 {
        match &self.hand {
            Hand::File(path) => read_offset(path),
            Hand::Memory(offset) => offset.load(Ordering::SeqCst),
            Hand::Standing(now) => now.load(Ordering::SeqCst).saturating_sub(real_now_ms()),
        }
    }

    /// Puts the clock `offset_ms` milliseconds ahead of the system's (behind it, if negative).
    ///
    /// # Errors
    /// The offset file cannot be written.
    pub fn set_offset_ms(&self, offset_ms: i64) -> io::Result<()> {
        match &self.hand {
            Hand::File(path) => change_offset(path, |_| offset_ms)?,
            Hand::Memory(offset) => offset.store(offset_ms, Ordering::SeqCst),
            Hand::Standing(now) => now.store(real_now_ms().saturating_add(offset_ms), Ordering::SeqCst),
        }
        Ok(())
    }

    /// Moves the clock by `ms` milliseconds from where it stands. Of several who move it at once each move counts.
    ///
    /// # Errors
    /// The offset file cannot be written.
    pub fn advance_ms(&self, ms: i64) -> io::Result<()> {
        match &self.hand {
            Hand::File(path) => change_offset(path, |offset| offset.saturating_add(ms))?,
            Hand::Memory(hand) | Hand::Standing(hand) => {
                hand.update(Ordering::SeqCst, Ordering::SeqCst, |at| at.saturating_add(ms));
            }
        }
        Ok(())
    }
}

/// Reads an offset file: what a function does at each invocation.
#[must_use]
pub fn read_offset(path: &Path) -> i64 {
    fs::read_to_string(path).ok().and_then(|text| text.trim().parse().ok()).unwrap_or(0)
}

/// One writer at a time, of all threads and processes: the lock lies beside the file, which each of them replaces.
fn change_offset(path: &Path, change: impl FnOnce(i64) -> i64) -> io::Result<()> {
    let lock = File::create(path.with_extension("lock"))?;
    lock.lock()?;
    let unfinished = path.with_extension("new");
    fs::write(&unfinished, format!("{}\n", change(read_offset(path))))?;
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

    #[test]
    fn of_many_who_move_a_clock_at_once_each_move_counts_and_no_reader_sees_time_go_back() {
        let data = tempfile::tempdir().unwrap();
        let standing = Clock::standing_at(0);
        let in_memory = Clock::in_memory();
        let clocks: [&(dyn Fn() -> Clock + Sync); 3] =
            [&|| Clock::in_folder(data.path()), &|| in_memory.clone(), &|| standing.clone()];
        for clock in clocks {
            let before = clock().offset_ms();
            std::thread::scope(|scope| {
                for _ in 0..8 {
                    // Each has a handle of its own, as another process has.
                    scope.spawn(|| (0..50).for_each(|_| clock().advance_ms(3_600_000).unwrap()));
                }
                scope.spawn(|| {
                    let mut seen = clock().now_ms();
                    for _ in 0..1_000 {
                        let now = clock().now_ms();
                        // The system's own clock may be put right meanwhile, by less than an hour.
                        assert!(now > seen - 1_800_000, "back by {} ms", seen - now);
                        seen = now;
                    }
                });
            });
            let hours = (clock().offset_ms() - before + 1_800_000).div_euclid(3_600_000);
            assert_eq!(hours, 8 * 50, "{:?}", clock());
        }
    }

    #[test]
    fn a_standing_clock_passes_only_when_it_is_moved() {
        let clock = Clock::standing_at(1_772_416_800_000);
        let mover = clock.clone();
        std::thread::sleep(std::time::Duration::from_millis(5));
        assert_eq!(clock.now_ms(), 1_772_416_800_000);
        mover.advance_ms(1_000).unwrap();
        assert_eq!(clock.now_ms(), 1_772_416_801_000);
        mover.set_offset_ms(60_000).unwrap();
        assert!((clock.now_ms() - real_now_ms()).abs() <= 60_000 && clock.offset_ms() <= 60_000);
        assert!(clock.file().is_none());
    }
}
