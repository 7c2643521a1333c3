//! Embedded DynamoDB, in memory or in one SQLite file, reached by the real AWS SDK over HTTP.
//!
//! ```text
//! SDK -> front (Host and Origin, faults, meter) -> the database's own server -> SQLite
//! ```

mod expiry;
mod fault;
mod front;
mod meter;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use dynoxide::Database;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

pub use fault::Fault;
pub use meter::MeteredRequest;

use crate::clock::Clock;
use crate::http::{Server, bind};
use crate::{StartError, Store};
use front::Front;

/// A running embedded DynamoDB; dropping it stops it.
pub struct DynamoDb {
    front: Arc<Front>,
    door: Server,
    database: Database,
    stop: Option<oneshot::Sender<()>>,
    server: JoinHandle<()>,
    expiry: JoinHandle<()>,
}

impl DynamoDb {
    /// Opens the database and serves it on a loopback port (0: any free one). Items whose time to live has passed by
    /// `clock` are deleted about once a second.
    ///
    /// # Errors
    /// The port is taken or the file cannot be opened.
    pub async fn start(store: &Store, port: u16, clock: Clock) -> Result<Self, StartError> {
        let listener = bind(port).await?;
        let hidden = front::bind_hidden().await?;
        let address = hidden.local_addr().map_err(|source| StartError::Listen { port: 0, source })?;
        let database = open(store.file("dynamodb.sqlite")?)?;
        let front = Front::before(address)
            .map_err(|error| StartError::Store { store: address.to_string(), cause: error.to_string() })?;
        let door = Server::serve(listener, front.router())?;
        let (stop, stopped) = oneshot::channel::<()>();
        let served = database.clone();
        let server = tokio::spawn(async move {
            let stopped = async move {
                let _ = stopped.await;
            };
            if let Err(error) = dynoxide::server::serve_with_shutdown(hidden, served, stopped).await {
                tracing::error!(%error, "the embedded DynamoDB stopped");
            }
        });
        let expiry = tokio::spawn(expiry::sweep(database.clone(), clock));
        Ok(Self { front, door, database, stop: Some(stop), server, expiry })
    }

    /// The endpoint URL for an SDK client.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.door.endpoint()
    }

    /// Makes requests meet the fault until [`DynamoDb::heal`]: of one operation (such as `TransactWriteItems`) or of
    /// every one, the next `times` or all. A later fault replaces an earlier one.
    pub fn fail(&self, fault: Fault, operation: Option<&str>, times: Option<u32>) {
        self.front.faults.set(fault, operation, times);
    }

    /// Ends the fault.
    pub fn heal(&self) {
        self.front.faults.clear();
    }

    /// Begins to count requests and what they cost. A request that a fault refuses does not count.
    pub fn start_metering(&self) {
        self.front.meter.start();
    }

    /// The requests since metering began or since this was last asked, in the order of their answers.
    #[must_use]
    pub fn take_metered(&self) -> Vec<MeteredRequest> {
        self.front.meter.take()
    }

    pub(crate) fn database(&self) -> Database {
        self.database.clone()
    }

    /// Stops serving once the requests under way have ended, within a second.
    pub async fn shutdown(mut self) {
        self.expiry.abort();
        self.door.stop().await;
        drop(self.stop.take());
        let _ = tokio::time::timeout(Duration::from_millis(500), &mut self.server).await;
    }
}

impl Drop for DynamoDb {
    fn drop(&mut self) {
        self.expiry.abort();
        self.server.abort();
    }
}

fn open(file: Option<PathBuf>) -> Result<Database, StartError> {
    let opened = match &file {
        None => Database::memory(),
        Some(path) => Database::new(&path.to_string_lossy()),
    };
    let store = || file.map_or_else(|| "the DynamoDB in memory".to_owned(), |file| file.display().to_string());
    opened.map_err(|error| StartError::Store { store: store(), cause: error.to_string() })
}
