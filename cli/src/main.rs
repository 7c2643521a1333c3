//! The `papay` command: the local stack and its tools.

mod commands;
mod failure;

use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use commands::{clock, dev, doctor, events, function, keys, show, token, trigger};
use failure::Failure;

/// Runs WeChat Pay notifications through papay on this machine: no AWS account, no Docker, no merchant account.
#[derive(Parser)]
#[command(version)]
struct Papay {
    /// The folder in which the local stack keeps its data.
    #[arg(long, global = true, default_value = ".papay", value_name = "FOLDER")]
    data: PathBuf,
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Start the local stack: DynamoDB, SQS, secrets, the functions and what invokes them. Ctrl-C stops it.
    Dev(dev::Dev),
    /// Send a notification to its callback URL as WeChat would, and show what WeChat sees.
    Trigger(trigger::Trigger),
    /// Receive events from a consumer's queue.
    Events(events::Events),
    /// Show state, journal and events of a contract, an order or a refund.
    Show(show::Show),
    /// Move the local stack's clock.
    Clock(clock::Clock),
    /// Make a token of an app's user, for the app's API of the local stack.
    Token(token::Token),
    /// Put, change and show the merchants' keys, of the local stack or of an AWS account.
    Keys(keys::Keys),
    /// Check the local stack, or a deployment, and say how to mend what is wrong.
    Doctor(doctor::Doctor),
    /// Run one function; the local stack's Lambda host starts it so.
    #[command(hide = true)]
    Function(function::Function),
}

fn main() -> ExitCode {
    let Papay { data, command } = Papay::try_parse().unwrap_or_else(|error| leave(&error));
    let done = match command {
        Command::Dev(dev) => in_runtime(dev.run(&data)),
        Command::Trigger(trigger) => in_runtime(trigger.run(&data)),
        Command::Events(events) => in_runtime(events.run(&data)),
        Command::Show(show) => in_runtime(show.run(&data)),
        Command::Clock(clock) => clock.run(&data),
        Command::Token(token) => token.run(&data),
        Command::Keys(keys) => in_runtime(keys.run(&data)),
        Command::Doctor(doctor) => in_runtime(doctor.run(&data)),
        Command::Function(function) => function.run(),
    };
    done.unwrap_or_else(|failure| {
        eprintln!("{failure}");
        ExitCode::FAILURE
    })
}

/// As clap would, but for `papay keys` without the arguments: one may be a key, typed where none belongs.
fn leave(error: &clap::Error) -> ! {
    if error.use_stderr() && std::env::args_os().any(|argument| argument == "keys") {
        eprintln!("papay: {}", error.kind());
        eprintln!(
            "       `papay keys --help` lists the arguments; a key is none of them: --key-file FILE, or --key-file -"
        );
        std::process::exit(error.exit_code());
    }
    error.exit()
}

fn in_runtime(command: impl Future<Output = Result<ExitCode, Failure>>) -> Result<ExitCode, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(|error| Failure::new(format_args!("no runtime: {error}")))?.block_on(command)
}
