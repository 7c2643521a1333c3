//! What can keep the local stack from starting.

use std::io;
use std::path::PathBuf;

/// A part of the local stack did not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// Another program listens on the port.
    #[error("port {port} is in use: {source}")]
    PortInUse {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// The port cannot be listened on for another reason.
    #[error("cannot listen on 127.0.0.1:{port}: {source}")]
    Listen {
        /// The port that was asked for.
        port: u16,
        /// What the system said.
        source: io::Error,
    },
    /// A database did not open.
    #[error("cannot open {store}: {cause}")]
    Store {
        /// The file, or what is kept in memory.
        store: String,
        /// What the database said.
        cause: String,
    },
    /// The data folder cannot be made or written.
    #[error("cannot use the folder {}: {source}", path.display())]
    Folder {
        /// The folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another stack keeps its data in the folder.
    #[error("the data folder {} is in use by another process", path.display())]
    FolderInUse {
        /// The folder.
        path: PathBuf,
    },
    /// A trigger names a function that was not given.
    #[error("a trigger names the function {0:?}, which does not exist")]
    NoSuchFunction(String),
}
