//! What a running stack tells the other commands: a small file in its data folder.

use std::collections::BTreeMap;
use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use setup::Misconfigured;

use crate::Clients;

const STATE_FILE: &str = "stack.json";
/// What `host` locks.
const LOCK_FILE: &str = "lock";

/// Where a running stack's parts are.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Running {
    /// The endpoint of DynamoDB.
    pub dynamodb: String,
    /// The endpoint of SQS.
    pub sqs: String,
    /// The endpoint of Secrets Manager; empty where an earlier release runs, which does not tell.
    #[serde(default)]
    pub secrets: String,
    /// The endpoint of the WeChat Pay simulator.
    pub simulator: String,
    /// URLs of the callback functions by name, each with a slash at its end.
    pub callbacks: BTreeMap<String, String>,
    /// URLs of the APIs by name, each with a slash at its end.
    pub apis: BTreeMap<String, String>,
    /// URLs of the queues by consumer.
    pub queues: BTreeMap<String, String>,
    /// The merchants.
    pub merchants: Vec<domain::MchId>,
    /// Secrets that issuers of the app's tokens share with papay, by name.
    #[serde(default)]
    pub issuer_secrets: Vec<String>,
    /// Which consumer gets which events.
    pub routing: record::Routing,
}

/// No stack runs on a data folder.
#[derive(Debug, thiserror::Error)]
#[error("no local stack runs on {}", folder.display())]
pub struct NotRunning {
    /// The folder.
    pub folder: PathBuf,
}

impl Running {
    /// The stack that runs on this folder.
    ///
    /// # Errors
    /// [`NotRunning`]: nobody holds the folder's lock, or its file is not there (yet).
    pub fn on(folder: &Path) -> Result<Self, NotRunning> {
        let not_running = || NotRunning { folder: folder.to_owned() };
        if !is_taken(folder) {
            return Err(not_running());
        }
        let text = fs::read_to_string(folder.join(STATE_FILE)).map_err(|_| not_running())?;
        serde_json::from_str(&text).map_err(|_| not_running())
    }

    /// Clients of its services.
    ///
    /// # Errors
    /// None in practice.
    pub fn clients(&self) -> Result<Clients, Misconfigured> {
        Clients::new(&self.dynamodb, &self.sqs)
    }

    pub(super) fn write(&self, folder: &Path) -> io::Result<()> {
        let unfinished = folder.join("stack.new");
        fs::write(&unfinished, serde_json::to_vec_pretty(self)?)?;
        fs::rename(unfinished, folder.join(STATE_FILE))
    }

    pub(super) fn remove(folder: &Path) {
        let _ = fs::remove_file(folder.join(STATE_FILE));
    }

    /// Removes what a stack has left that was killed, so that nobody takes it for the word of the next one.
    pub(super) fn remove_stale(folder: &Path) {
        if !is_taken(folder) {
            Self::remove(folder);
        }
    }
}

/// Whether the host of a stack holds the folder: its lock ends with its process, however that ends.
fn is_taken(folder: &Path) -> bool {
    let file = File::open(folder.join(LOCK_FILE));
    file.is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
}
