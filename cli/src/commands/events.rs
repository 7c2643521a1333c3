//! `papay events`: what a consumer receives from its queue.

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use aws_sdk_sqs::Client;
use aws_sdk_sqs::error::ProvideErrorMetadata;
use aws_sdk_sqs::types::Message;
use papay::consumer::{ConsumerRule, Verdict};
use publish::envelope::CloudEvent;

use crate::failure::{Failure, running};

/// Receive events from a consumer's queue, one CloudEvent a line on standard output, and delete them.
///
/// Applies the consumer rule: says on standard error where an event is a duplicate, or one before it is missing.
#[derive(clap::Args)]
pub(crate) struct Events {
    /// The consumer.
    #[arg(long, default_value = "membership", value_name = "NAME")]
    consumer: String,
    /// Go on until Ctrl-C.
    #[arg(long)]
    follow: bool,
    /// Leave the events in the queue. Each look counts as a receive: after ten an event goes to the dead-letter queue.
    #[arg(long, conflicts_with = "follow")]
    peek: bool,
    /// Indent each event.
    #[arg(long)]
    pretty: bool,
}

/// How long a receive waits for the first message, in seconds.
const WAIT: i32 = 2;

impl Events {
    pub(crate) async fn run(self, data: &Path) -> Result<ExitCode, Failure> {
        let stack = running(data)?;
        let url = stack.queues.get(&self.consumer).ok_or_else(|| {
            let known: Vec<_> = stack.queues.keys().cloned().collect();
            Failure::new(format_args!("no consumer is called {:?}", self.consumer))
                .next(known.join(", ") + " are known")
        })?;
        let queue = Queue { client: stack.clients().map_err(Failure::new)?.sqs, url };
        let mut memory = Memory::of(data, &self.consumer);
        if self.peek {
            return self.peek(&queue).await;
        }
        loop {
            let messages = tokio::select! {
                received = queue.receive() => received?,
                _ = tokio::signal::ctrl_c() => return Ok(ExitCode::SUCCESS),
            };
            if messages.is_empty() && !self.follow {
                return Ok(ExitCode::SUCCESS);
            }
            for message in messages {
                if self.handle(&message, &mut memory.rule).is_err() {
                    // Whoever read our output has seen enough; the event stays in the queue.
                    return Ok(ExitCode::SUCCESS);
                }
                // First the memory, then the deletion: a crash between the two makes a duplicate, never a loss.
                memory.write()?;
                queue.delete(&message).await?;
            }
        }
    }

    fn handle(&self, message: &Message, rule: &mut ConsumerRule) -> io::Result<()> {
        let body = message.body.as_deref().unwrap_or_default();
        self.print(body)?;
        match serde_json::from_str::<CloudEvent>(body) {
            Err(error) => eprintln!("this is no CloudEvent of papay's: {error}"),
            Ok(event) => match rule.judge(&event) {
                Verdict::Next => {}
                Verdict::Duplicate => eprintln!("{} was here before: a consumer ignores it", event.id),
                Verdict::Gap { seen, previous } => eprintln!(
                    "{} follows {previous}, and the last one here was {seen}: a consumer fetches the stream first",
                    event.id
                ),
            },
        }
        Ok(())
    }

    fn print(&self, body: &str) -> io::Result<()> {
        let indented = || serde_json::to_string_pretty(&serde_json::from_str::<serde_json::Value>(body).ok()?).ok();
        match indented().filter(|_| self.pretty) {
            Some(indented) => writeln!(io::stdout(), "{indented}"),
            None => writeln!(io::stdout(), "{body}"),
        }
    }

    /// Receives everything there is, and gives all of it back.
    async fn peek(&self, queue: &Queue<'_>) -> Result<ExitCode, Failure> {
        let mut seen = Vec::new();
        loop {
            let messages = queue.receive().await?;
            if messages.is_empty() {
                break;
            }
            for message in messages {
                let _ = self.print(message.body.as_deref().unwrap_or_default());
                seen.push(message);
            }
        }
        for message in &seen {
            queue.give_back(message).await?;
        }
        Ok(ExitCode::SUCCESS)
    }
}

struct Queue<'a> {
    client: Client,
    url: &'a str,
}

impl Queue<'_> {
    async fn receive(&self) -> Result<Vec<Message>, Failure> {
        let received =
            self.client.receive_message().queue_url(self.url).max_number_of_messages(10).wait_time_seconds(WAIT);
        Ok(received.send().await.map_err(unavailable)?.messages.unwrap_or_default())
    }

    async fn delete(&self, message: &Message) -> Result<(), Failure> {
        let handle = message.receipt_handle.clone();
        let deleted = self.client.delete_message().queue_url(self.url).set_receipt_handle(handle).send().await;
        deleted.map(|_| ()).map_err(unavailable)
    }

    async fn give_back(&self, message: &Message) -> Result<(), Failure> {
        let change = self.client.change_message_visibility().queue_url(self.url).visibility_timeout(0);
        let changed = change.set_receipt_handle(message.receipt_handle.clone()).send().await;
        changed.map(|_| ()).map_err(unavailable)
    }
}

fn unavailable(error: impl ProvideErrorMetadata) -> Failure {
    let failure = Failure::new(format_args!("the queue does not answer: {}", error.code().unwrap_or("no connection")));
    failure.next("is `cargo run -- dev` still running?")
}

/// What a consumer has seen, kept over its runs.
struct Memory {
    path: PathBuf,
    rule: ConsumerRule,
}

impl Memory {
    fn of(data: &Path, consumer: &str) -> Self {
        let path = data.join(format!("consumer-{consumer}.json"));
        let rule = std::fs::read(&path).ok().and_then(|bytes| serde_json::from_slice(&bytes).ok()).unwrap_or_default();
        Self { path, rule }
    }

    fn write(&self) -> Result<(), Failure> {
        let unfinished = self.path.with_extension("new");
        let written = serde_json::to_vec(&self.rule)
            .map_err(std::io::Error::from)
            .and_then(|bytes| std::fs::write(&unfinished, bytes))
            .and_then(|()| std::fs::rename(&unfinished, &self.path));
        written.map_err(|error| Failure::new(format_args!("{}: {error}", self.path.display())))
    }
}
