//! `papay function <name>`: one function as a process, with the movable clock.

use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use domain::Timestamp;
use host::clock::read_offset;
use host::lambda::end_with_host;
use papay::stack::{CLOCK_VARIABLE, run_function};
use setup::{Clock, Env, SystemClock};

use crate::failure::Failure;

/// Run one function.
#[derive(clap::Args)]
pub(crate) struct Function {
    /// The function's name, for instance `deduction-callback`.
    name: String,
}

impl Function {
    pub(crate) fn run(self) -> Result<ExitCode, Failure> {
        if std::env::var_os("AWS_LAMBDA_RUNTIME_API").is_none() {
            let failure = Failure::new("a function runs only behind a Lambda host");
            return Err(failure.next("`cargo run -- dev` starts one, and every function behind it"));
        }
        end_with_host();
        let env = match std::env::var_os(CLOCK_VARIABLE) {
            Some(file) => Env::with_clock(Arc::new(MovableClock { offset: PathBuf::from(file) })),
            None => Env::system(),
        };
        // As in the deployed functions: one invocation at a time, one thread.
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
        let runtime = runtime.map_err(|error| Failure::new(format_args!("no runtime: {error}")))?;
        match runtime.block_on(run_function(&self.name, env)) {
            Some(Ok(())) => Ok(ExitCode::SUCCESS),
            Some(Err(error)) => Err(Failure::new(format_args!("{}: {error}", self.name))),
            None => Err(Failure::new(format_args!("there is no function {:?}", self.name))),
        }
    }
}

/// The system's clock and an offset that is read anew each time.
#[derive(Debug)]
struct MovableClock {
    offset: PathBuf,
}

impl Clock for MovableClock {
    fn now(&self) -> Timestamp {
        let real = SystemClock.now();
        let moved = real.as_millisecond().saturating_add(read_offset(&self.offset));
        Timestamp::from_millisecond(moved).unwrap_or(real)
    }
}
