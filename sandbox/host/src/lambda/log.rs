//! Where the output of function processes goes.

use std::fs::{File, OpenOptions};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::io::{AsyncBufReadExt, AsyncRead, AsyncReadExt, BufReader};

/// CloudWatch cuts a log event at 256 KiB; a line without end must not grow for ever here either.
const LINE_LIMIT: u64 = 256 * 1024;

/// Receives each line that a function's process writes to its standard output or error, with the function's name.
#[derive(Clone)]
pub struct LogSink {
    receive: Arc<Receiver>,
}

type Receiver = dyn Fn(&str, &str) + Send + Sync;

impl LogSink {
    /// Hands `(function, line)` to a callback.
    #[must_use]
    pub fn new(receive: impl Fn(&str, &str) + Send + Sync + 'static) -> Self {
        Self { receive: Arc::new(receive) }
    }

    /// Forgets every line.
    #[must_use]
    pub fn discard() -> Self {
        Self::new(|_, _| {})
    }

    /// Appends to one file per function, `<folder>/<function>.log`. A line that cannot be written is lost.
    #[must_use]
    pub fn files_in(folder: &Path) -> Self {
        let folder = folder.to_owned();
        let open: Mutex<std::collections::HashMap<String, File>> = Mutex::default();
        Self::new(move |function, line| {
            let mut open = open.lock().unwrap_or_else(PoisonError::into_inner);
            if !open.contains_key(function)
                && let Some(file) = append_to(&folder.join(format!("{function}.log")))
            {
                open.insert(function.to_owned(), file);
            }
            if let Some(file) = open.get_mut(function) {
                let _ = writeln!(file, "{line}");
            }
        })
    }

    /// Hands over one line, for a sink that passes lines on.
    pub fn line(&self, function: &str, line: &str) {
        (self.receive)(function, line);
    }

    /// Reads a process's pipe to its end.
    pub(super) async fn drain(self, function: String, pipe: impl AsyncRead + Unpin) {
        let mut reader = BufReader::new(pipe);
        let mut line = Vec::new();
        loop {
            line.clear();
            match (&mut reader).take(LINE_LIMIT).read_until(b'\n', &mut line).await {
                Ok(0) | Err(_) => return,
                Ok(_) => self.line(&function, String::from_utf8_lossy(&line).trim_end_matches(['\n', '\r'])),
            }
        }
    }
}

fn append_to(path: &PathBuf) -> Option<File> {
    if let Some(folder) = path.parent() {
        let _ = std::fs::create_dir_all(folder);
    }
    OpenOptions::new().create(true).append(true).open(path).ok()
}
