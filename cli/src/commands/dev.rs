//! `papay dev`: the local stack.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use domain::MchId;
use host::lambda::LogSink;
use host::{StartError, Store};
use papay::Config;
use papay::stack::{CALLBACKS, LocalStack, MERCHANT_API, Options, Ports, SIGN_API, StackError};
use record::Route;

use crate::failure::Failure;

/// Start the local stack.
#[derive(clap::Args)]
pub(crate) struct Dev {
    /// The first of a block of twenty ports; 0 takes any free ones.
    #[arg(long, default_value_t = 9700, value_name = "FIRST")]
    ports: u16,
    /// Merchants and consumers; the repository's `sandbox/papay.toml` where none is given.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Dev {
    pub(crate) async fn run(self, data: &Path) -> Result<ExitCode, Failure> {
        let config = Config::read(self.config.as_deref().unwrap_or(Config::default_path())).map_err(Failure::new)?;
        let program =
            std::env::current_exe().map_err(|error| Failure::new(format_args!("papay's own file: {error}")))?;
        let options = Options {
            config: config.clone(),
            store: Store::Folder(data.to_owned()),
            clock: None,
            ports: if self.ports == 0 { Ports::ANY } else { Ports::block(self.ports) },
            program,
            variables: Vec::new(),
            daily: true,
            log: log(data),
        };
        let stack = LocalStack::start(options).await.map_err(describe)?;
        announce(&stack, &config, data);
        stopped().await?;
        println!("\nstopping");
        stack.shutdown().await;
        Ok(ExitCode::SUCCESS)
    }
}

fn describe(error: StackError) -> Failure {
    let failure = Failure::new(&error);
    match &error {
        StackError::Service(StartError::FolderInUse { .. }) => {
            failure.next("stop the local stack that runs on it, or take another folder with --data")
        }
        StackError::Service(StartError::PortInUse { .. }) => {
            failure.next("stop the program that listens there, or take other ports, for instance --ports 9800")
        }
        StackError::Service(StartError::Store { .. }) | StackError::Table { .. } | StackError::Queue { .. } => {
            failure.next("if the data is from another version of papay, take a new folder with --data")
        }
        _ => failure,
    }
}

/// Every line to the function's file; warnings and errors to the terminal, too.
fn log(data: &Path) -> LogSink {
    let files = LogSink::files_in(&data.join("logs"));
    LogSink::new(move |function, line| {
        files.line(function, line);
        if let Some(short) = worth_showing(line) {
            eprintln!("{function}: {short}");
        }
    })
}

/// A warning or an error in short; whatever is no JSON (a panic, the host's own words) as it is.
fn worth_showing(line: &str) -> Option<String> {
    let Ok(serde_json::Value::Object(mut fields)) = serde_json::from_str(line) else { return Some(line.to_owned()) };
    let level = fields.remove("level").and_then(|level| level.as_str().map(str::to_owned))?;
    if !matches!(level.as_str(), "WARN" | "ERROR") {
        return None;
    }
    let message = fields.remove("message").and_then(|message| message.as_str().map(str::to_owned));
    fields.retain(|name, _| !matches!(name.as_str(), "timestamp" | "target"));
    let fields: Vec<String> = fields.iter().map(|(name, value)| format!("{name}={value}")).collect();
    Some(format!("{level} {} {}", message.unwrap_or_default(), fields.join(" ")))
}

fn announce(stack: &LocalStack, config: &Config, data: &Path) {
    println!("papay is running; Ctrl-C stops it.\n");
    for mch_id in &config.merchants {
        println!("callback URLs of merchant {mch_id}");
        for name in CALLBACKS {
            let url = stack.lambda.url(name).unwrap_or_default();
            println!("  {name:<20} {}", paths(name, url, mch_id));
        }
    }
    println!("APIs");
    for mch_id in &config.merchants {
        for (api, whose) in [(SIGN_API, "the app's: papay token --user alice"), (MERCHANT_API, "the back end's")] {
            if let Some(url) = stack.lambda.url(api) {
                println!("  {api:<20} {url}v1/{mch_id}   ({whose})");
            }
        }
    }
    println!("WeChat Pay simulator");
    println!("  {:<20} {}/", "cashier, signing", stack.simulator.endpoint());
    println!("  {:<20} {}/control/state", "control API", stack.simulator.endpoint());
    println!("event queues");
    for Route { consumer, types, .. } in &config.routing.routes {
        let what = if types.is_empty() { "everything".to_owned() } else { types.join(", ") };
        println!("  {consumer:<20} {what}");
    }
    println!("services");
    println!("  {:<20} {}", "DynamoDB", stack.host.dynamodb.endpoint());
    println!("  {:<20} {}", "SQS", stack.host.sqs.endpoint());
    println!("data                   {}", data.display());
    println!("logs                   {}", data.join("logs/<function>.log").display());
    println!("\nin a second terminal");
    println!("  cargo run -- trigger payment-v2 --seed     send a notification");
    println!("  cargo run -- events --follow               receive the events");
}

/// The protocols that arrive at a callback function.
fn paths(function: &str, url: &str, mch_id: &MchId) -> String {
    let protocols: &[&str] = match function {
        "deduction-callback" => &["v2"],
        "payment-callback" => &["v3"],
        _ => &["v2", "v3"],
    };
    protocols.iter().map(|protocol| format!("{url}{protocol}/{mch_id}  ")).collect()
}

/// Waits for Ctrl-C, or for the signal with which a service manager stops its programs.
async fn stopped() -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::new(format_args!("signals cannot be received: {error}"));
    let mut terminated = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate()).map_err(failed)?;
    tokio::select! {
        interrupted = tokio::signal::ctrl_c() => interrupted.map_err(failed),
        _ = terminated.recv() => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_terminal_shows_warnings_and_what_is_no_log_line() {
        let warning =
            r#"{"timestamp":"t","level":"WARN","message":"callback refused","target":"callback","reason":"stale"}"#;
        assert_eq!(worth_showing(warning).as_deref(), Some("WARN callback refused reason=\"stale\""));
        assert_eq!(worth_showing(r#"{"level":"INFO","message":"callback recorded"}"#), None);
        assert_eq!(worth_showing(r#"{"_aws":{},"Callbacks":1}"#), None, "a metric");
        assert_eq!(worth_showing("[host] it timed out").as_deref(), Some("[host] it timed out"));
    }
}
