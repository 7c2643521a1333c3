//! An SQS small enough to own: what papay relies on of it, reached by the real AWS SDK over HTTP.
//!
//! ```text
//! x-amz-target -> api (which operation) -> store (one SQLite transaction) -> JSON
//! ```

mod api;
mod error;
mod fault;
mod message;
mod queue;
mod store;

use std::sync::Arc;

use crate::clock::Clock;
use crate::http::{Server, bind};
use crate::{ACCOUNT, StartError, Store};
use fault::Faults;

pub use fault::Fault;

pub(crate) use api::poll;
pub(crate) use message::{md5_of_attributes, md5_of_body};
pub(crate) use queue::arn;
pub(crate) use store::{QueueStore, Received};

/// A running embedded SQS; dropping it stops it.
pub struct Sqs {
    server: Server,
    store: QueueStore,
    faults: Arc<Faults>,
}

impl Sqs {
    /// Opens the queues and serves them on a loopback port (0: any free one). Delays, visibility and deduplication go
    /// by `clock`, retention by real time.
    ///
    /// # Errors
    /// The port is taken or the file cannot be opened.
    pub async fn start(store: &Store, port: u16, clock: Clock) -> Result<Self, StartError> {
        let listener = bind(port).await?;
        let file = store.file("sqs.sqlite")?;
        let store = QueueStore::open(file.as_deref(), clock).map_err(|error| StartError::Store {
            store: file.map_or_else(|| "the SQS in memory".to_owned(), |file| file.display().to_string()),
            cause: error.to_string(),
        })?;
        let faults = Arc::new(Faults::default());
        let address = listener.local_addr().map_err(|source| StartError::Listen { port, source })?;
        let router = api::router(store.clone(), faults.clone(), format!("http://{address}/{ACCOUNT}"));
        Ok(Self { server: Server::serve(listener, router)?, store, faults })
    }

    /// The endpoint URL for an SDK client.
    #[must_use]
    pub fn endpoint(&self) -> String {
        self.server.endpoint()
    }

    /// The URL of a queue, whether it exists or not.
    #[must_use]
    pub fn queue_url(&self, name: &str) -> String {
        format!("{}/{ACCOUNT}/{name}", self.endpoint())
    }

    /// Makes every request that sends to this queue meet the fault, until [`Sqs::heal_queue`].
    pub fn fail_queue(&self, name: &str, fault: Fault) {
        self.faults.set(name, fault, None);
    }

    /// Makes the next `times` requests that send to this queue meet the fault.
    pub fn fail_queue_times(&self, name: &str, fault: Fault, times: u32) {
        self.faults.set(name, fault, Some(times));
    }

    /// Ends the fault of a queue.
    pub fn heal_queue(&self, name: &str) {
        self.faults.clear(name);
    }

    pub(crate) fn store(&self) -> QueueStore {
        self.store.clone()
    }

    /// Stops listening; requests under way have half a second to end.
    pub async fn shutdown(self) {
        self.server.shutdown().await;
    }
}
