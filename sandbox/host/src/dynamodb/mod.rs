//! Embedded DynamoDB, in memory or in one SQLite file, reached by the real AWS SDK over HTTP.

mod expiry;

use std::path::{Path, PathBuf};

use dynoxide::Database;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::clock::Clock;
use crate::http::bind;
use crate::{StartError, Store};

/// A running embedded DynamoDB; dropping it stops it.
pub struct DynamoDb {
    endpoint: String,
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
        let address = listener.local_addr().map_err(|source| StartError::Listen { port, source })?;
        let database = open(store.file("dynamodb.sqlite")?)?;
        let (stop, stopped) = oneshot::channel::<()>();
        let served = database.clone();
        let server = tokio::spawn(async move {
            let stopped = async move {
                let _ = stopped.await;
            };
            if let Err(error) = dynoxide::server::serve_with_shutdown(listener, served, stopped).await {
                tracing::error!(%error, "the embedded DynamoDB stopped");
            }
        });
        let expiry = tokio::spawn(expiry::sweep(database.clone(), clock));
        Ok(Self { endpoint: format!("http://{address}"), database, stop: Some(stop), server, expiry })
    }

    /// The endpoint URL for an SDK client.
    #[must_use]
    pub fn endpoint(&self) -> &str {
        &self.endpoint
    }

    pub(crate) fn database(&self) -> Database {
        self.database.clone()
    }

    /// Stops serving once the requests under way have ended.
    pub async fn shutdown(mut self) {
        self.expiry.abort();
        if let Some(stop) = self.stop.take() {
            let _ = stop.send(());
        }
        let _ = tokio::time::timeout(std::time::Duration::from_secs(1), &mut self.server).await;
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
    opened.map_err(|error| StartError::Store { store: describe(file.as_deref()), cause: error.to_string() })
}

fn describe(file: Option<&Path>) -> String {
    file.map_or_else(|| "the DynamoDB in memory".to_owned(), |path| path.display().to_string())
}
