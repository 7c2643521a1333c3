//! The local stack: papay's tables, queues and functions on what `host` provides in AWS's stead.

mod functions;
pub mod queues;
mod running;
pub mod tables;
mod wechat;

use std::collections::BTreeMap;
use std::io;
use std::path::PathBuf;

use domain::Consumer;
use host::clock::Clock;
use host::lambda::{LambdaHost, LogSink};
use host::{Stack, StackConfig, StartError, Store};
use record::Tables;
use setup::Misconfigured;
use simulator::Simulator;

pub use functions::{
    BILL_RECONCILER, CALLBACKS, CLOCK_VARIABLE, MERCHANT_API, RELAY, SIGN_API, STACK, SWEEPER, WORKER,
    run as run_function,
};
pub use running::{NotRunning, Running};

use crate::{Clients, Config};

/// The stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum StackError {
    /// The folder cannot be written.
    #[error("{}: {source}", folder.display())]
    Folder {
        /// The folder.
        folder: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A service did not start.
    #[error(transparent)]
    Service(#[from] StartError),
    /// A client could not be made.
    #[error(transparent)]
    Client(#[from] Misconfigured),
    /// A table could not be made.
    #[error("table {table}: {cause}")]
    Table {
        /// The table.
        table: String,
        /// What DynamoDB said.
        cause: String,
    },
    /// A queue could not be made.
    #[error("queue {queue}: {cause}")]
    Queue {
        /// The queue.
        queue: String,
        /// What SQS said.
        cause: String,
    },
    /// WeChat Pay's keys of a merchant cannot be used.
    #[error("merchant {mch_id}: {cause}")]
    WechatPay {
        /// The merchant.
        mch_id: String,
        /// What is wrong with them.
        cause: String,
    },
}

/// The loopback ports; 0 takes any free one.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ports {
    /// DynamoDB.
    pub dynamodb: u16,
    /// SQS.
    pub sqs: u16,
    /// Secrets Manager.
    pub secrets: u16,
    /// The WeChat Pay simulator.
    pub simulator: u16,
    /// The callback functions, in the order of [`CALLBACKS`].
    pub callbacks: [u16; 4],
    /// The app's API.
    pub sign_api: u16,
    /// The API of the merchant's back end.
    pub merchant_api: u16,
}

impl Ports {
    /// Any free ports: for tests.
    pub const ANY: Self =
        Self { dynamodb: 0, sqs: 0, secrets: 0, simulator: 0, callbacks: [0; 4], sign_api: 0, merchant_api: 0 };

    /// The block of twenty ports that begins with `first`: the services at 1 to 3, WeChat Pay at 4, the callbacks at 11 to 14,
    /// the APIs at 15 and 16. The ports of a laptop are fixed, since notify URLs that were handed out must survive a restart.
    #[must_use]
    pub fn block(first: u16) -> Self {
        let at = |offset: u16| first.saturating_add(offset);
        let callbacks = [at(11), at(12), at(13), at(14)];
        Self {
            dynamodb: at(1),
            sqs: at(2),
            secrets: at(3),
            simulator: at(4),
            callbacks,
            sign_api: at(15),
            merchant_api: at(16),
        }
    }
}

/// What a local stack is started with.
pub struct Options {
    /// Merchants and consumers.
    pub config: Config,
    /// Where the data lies.
    pub store: Store,
    /// The clock, if it is not the store's own.
    pub clock: Option<Clock>,
    /// The ports.
    pub ports: Ports,
    /// The `papay` binary whose processes the functions are.
    pub program: PathBuf,
    /// Environment variables of the functions beside, and above, papay's own.
    pub variables: Vec<(String, String)>,
    /// Whether bills are compared daily. Tests that move the clock over days compare them when they want to.
    pub daily: bool,
    /// Where the functions' output goes.
    pub log: LogSink,
}

/// A running local stack.
pub struct LocalStack {
    /// The services, for faults and for moving the clock.
    pub host: Stack,
    /// WeChat Pay.
    pub simulator: Simulator,
    /// AWS clients of the services.
    pub clients: Clients,
    /// The tables.
    pub tables: Tables,
    /// URLs of the queues by consumer.
    pub queues: BTreeMap<Consumer, String>,
    /// The functions.
    pub lambda: LambdaHost,
    folder: Option<PathBuf>,
}

impl LocalStack {
    /// Starts services, tables, queues and functions.
    ///
    /// # Errors
    /// [`StackError`]
    pub async fn start(options: Options) -> Result<Self, StackError> {
        let Options { config, store, clock, ports, program, variables: given, daily, log } = options;
        let folder = store.folder().map(ToOwned::to_owned);
        let simulated = store.clone();
        folder.as_deref().inspect(|folder| Running::remove_stale(folder));
        let mut host = Stack::start(StackConfig {
            store,
            dynamodb_port: ports.dynamodb,
            sqs_port: ports.sqs,
            secrets_port: ports.secrets,
            secrets: config.secrets(),
            clock,
        })
        .await?;
        let clients = Clients::new(&host.dynamodb.endpoint(), &host.sqs.endpoint())?;
        let tables = tables::names();
        tables::create(&clients.dynamodb, &tables).await?;
        let queues = queues::create(&clients.sqs, &config.consumers()).await?;
        let simulator = wechat::start(&config, simulated, host.clock.clone(), ports.simulator).await?;
        let work = queues::create_work(&clients.sqs).await?;
        let mut variables = functions::variables(&config, &tables, &queues, &work, host.clock.file());
        variables.push((wechat::HOSTS_VARIABLE.to_owned(), simulator.endpoint()));
        variables.extend(given);
        let specs = functions::specs(&program, &ports, &variables);
        let lambda = host.run(specs, functions::triggers(&tables, daily), log).await?;
        wechat::introduce(&simulator, &lambda);
        let stack = Self { host, simulator, clients, tables, queues, lambda, folder };
        if let Some(folder) = &stack.folder {
            let written = stack.running(&config).write(folder);
            written.map_err(|source| StackError::Folder { folder: folder.clone(), source })?;
        }
        Ok(stack)
    }

    /// What the other commands are told.
    #[must_use]
    pub fn running(&self, config: &Config) -> Running {
        let url = |name: &str| self.lambda.url(name).map(|url| (name.to_owned(), url.to_owned()));
        Running {
            dynamodb: self.host.dynamodb.endpoint(),
            sqs: self.host.sqs.endpoint(),
            secrets: self.host.secrets.endpoint(),
            simulator: self.simulator.endpoint(),
            callbacks: CALLBACKS.into_iter().filter_map(url).collect(),
            apis: [SIGN_API, MERCHANT_API].into_iter().filter_map(url).collect(),
            queues: self.queues.clone(),
            merchants: config.merchants.clone(),
            issuer_secrets: config.issuers.iter().map(|issuer| issuer.secret.clone()).collect(),
            routing: config.routing.clone(),
        }
    }

    /// Stops everything; what lies in a folder is there at the next start.
    pub async fn shutdown(self) {
        if let Some(folder) = &self.folder {
            Running::remove(folder);
        }
        self.simulator.shutdown().await;
        self.host.shutdown().await;
    }
}
