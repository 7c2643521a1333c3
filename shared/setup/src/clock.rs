//! The clock: the only place of a deployed function where the time comes from.

use std::fmt::Debug;
use std::time::SystemTime;

use domain::Timestamp;

/// What time it is. A function asks once for each invocation and hands the answer on.
pub trait Clock: Debug + Send + Sync {
    /// The time.
    fn now(&self) -> Timestamp;
}

/// The system's clock.
#[derive(Clone, Copy, Debug, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::try_from(SystemTime::now()).unwrap_or(Timestamp::UNIX_EPOCH)
    }
}
