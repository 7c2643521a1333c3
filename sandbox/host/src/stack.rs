//! The whole local stack, in the order in which its parts need each other.

use std::collections::BTreeMap;
use std::fs::File;

use crate::clock::Clock;
use crate::dynamodb::DynamoDb;
use crate::lambda::{Endpoints, FunctionSpec, LambdaHost, LogSink};
use crate::pollers::{Pollers, Trigger};
use crate::secrets::Secrets;
use crate::sqs::Sqs;
use crate::{StartError, Store};

/// What the services are started with. The default is a test's: everything in memory, on free ports.
#[derive(Default)]
pub struct StackConfig {
    /// Where the data lies; in a folder the clock's file lies beside it.
    pub store: Store,
    /// The port of DynamoDB; 0 takes any free one, as for the others.
    pub dynamodb_port: u16,
    /// The port of SQS.
    pub sqs_port: u16,
    /// The port of Secrets Manager.
    pub secrets_port: u16,
    /// Secrets by name, as JSON text.
    pub secrets: BTreeMap<String, String>,
    /// The clock, if it is not the store's own (`<folder>/clock`, or one in memory).
    pub clock: Option<Clock>,
}

/// A running local stack. Start the services, make tables and queues through their endpoints, then start functions:
///
/// ```no_run
/// # async fn example() -> Result<(), host::StartError> {
/// use host::lambda::{FunctionSpec, LogSink};
/// use host::pollers::Trigger;
/// use host::{Stack, StackConfig};
///
/// let mut stack = Stack::start(StackConfig::default()).await?;
/// println!("DynamoDB at {}", stack.endpoints().dynamodb.unwrap_or_default());
/// // ... create tables and queues with the AWS SDK ...
/// let sweeper = FunctionSpec::new("sweeper", "target/debug/papay");
/// stack.run(vec![sweeper], vec![("sweeper".into(), Trigger::EveryMinute)], LogSink::discard()).await?;
/// stack.shutdown().await;
/// # Ok(())
/// # }
/// ```
pub struct Stack {
    /// The store that was asked for.
    pub store: Store,
    /// The one clock.
    pub clock: Clock,
    /// The embedded DynamoDB.
    pub dynamodb: DynamoDb,
    /// The embedded SQS.
    pub sqs: Sqs,
    /// The secrets.
    pub secrets: Secrets,
    functions: Option<Running>,
    /// Held as long as the stack runs.
    _lock: Option<File>,
}

struct Running {
    lambda: LambdaHost,
    pollers: Pollers,
}

impl Stack {
    /// Starts the services: DynamoDB, SQS, Secrets Manager.
    ///
    /// # Errors
    /// A port is taken, the folder is in use or a file cannot be opened; the parts already started stop again.
    pub async fn start(config: StackConfig) -> Result<Self, StartError> {
        let lock = config.store.lock()?;
        let clock = config.clock.unwrap_or_else(|| match config.store.folder() {
            Some(folder) => Clock::in_folder(folder),
            None => Clock::in_memory(),
        });
        let dynamodb = DynamoDb::start(&config.store, config.dynamodb_port, clock.clone()).await?;
        let sqs = Sqs::start(&config.store, config.sqs_port, clock.clone()).await?;
        let secrets = Secrets::start(config.secrets, config.secrets_port, clock.clone()).await?;
        Ok(Self { store: config.store, clock, dynamodb, sqs, secrets, functions: None, _lock: lock })
    }

    /// Where clients and functions find the services.
    #[must_use]
    pub fn endpoints(&self) -> Endpoints {
        Endpoints {
            dynamodb: Some(self.dynamodb.endpoint()),
            sqs: Some(self.sqs.endpoint()),
            secrets_manager: Some(self.secrets.endpoint()),
        }
    }

    /// Starts functions and what invokes them; functions that ran before are stopped.
    ///
    /// # Errors
    /// The port of a function URL is taken, or a trigger names no function.
    pub async fn run(
        &mut self,
        functions: Vec<FunctionSpec>,
        triggers: Vec<(String, Trigger)>,
        log: LogSink,
    ) -> Result<LambdaHost, StartError> {
        self.stop_functions().await;
        let lambda = LambdaHost::start(functions, &self.endpoints(), log.clone()).await?;
        let pollers = Pollers::start(self, &lambda, triggers, log)?;
        self.functions = Some(Running { lambda: lambda.clone(), pollers });
        Ok(lambda)
    }

    /// The functions, once they run.
    #[must_use]
    pub fn lambda(&self) -> Option<&LambdaHost> {
        self.functions.as_ref().map(|running| &running.lambda)
    }

    /// Stops the pollers, the function URLs and the processes; the services go on.
    pub async fn stop_functions(&mut self) {
        if let Some(Running { lambda, pollers }) = self.functions.take() {
            pollers.shutdown().await;
            lambda.shutdown().await;
        }
    }

    /// Stops everything; what a store in a folder holds is there at the next start.
    pub async fn shutdown(mut self) {
        self.stop_functions().await;
        tokio::join!(self.dynamodb.shutdown(), self.sqs.shutdown(), self.secrets.shutdown());
    }
}
