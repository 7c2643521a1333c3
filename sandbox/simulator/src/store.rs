//! The model in a file: read at the start, written a moment after each change and at the end.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};
use std::{fs, io};

use host::{StartError, Store};
use tokio::sync::watch;

use crate::model::World;
use crate::shared::Shared;

const FILE: &str = "simulator.json";

/// How long a change may wait.
const PAUSE: Duration = Duration::from_millis(100);

/// Saving takes at most one part in so many of the time, however much there is to save.
const SHARE: u32 = 20;

/// Where the model is kept, and what was kept there.
pub(crate) fn open(store: &Store) -> Result<(Option<PathBuf>, World), StartError> {
    let Some(path) = store.file(FILE)? else { return Ok((None, World::default())) };
    let unreadable = |cause: String| StartError::Store { store: path.display().to_string(), cause };
    let world = match fs::read(&path) {
        Ok(text) => serde_json::from_slice(&text).map_err(|error| unreadable(error.to_string()))?,
        Err(error) if error.kind() == io::ErrorKind::NotFound => World::default(),
        Err(error) => return Err(unreadable(error.to_string())),
    };
    Ok((Some(path), world))
}

/// Saves what is changed until it is stopped, and once more then.
pub(crate) async fn keep(shared: Arc<Shared>, path: PathBuf, mut stopped: watch::Receiver<bool>) {
    let mut pause = PAUSE;
    loop {
        let ends = tokio::select! {
            _ = stopped.wait_for(|stopped| *stopped) => true,
            () = tokio::time::sleep(pause) => false,
        };
        let started = Instant::now();
        let (shared, path) = (Arc::clone(&shared), path.clone());
        // A full disk must not pass unnoticed, and does not end the simulator either.
        let saved = tokio::task::spawn_blocking(move || save(&shared, &path)).await;
        if let Ok(Err(error)) = saved {
            eprintln!("simulator: {FILE}: {error}");
        }
        pause = PAUSE.max(started.elapsed().saturating_mul(SHARE));
        if ends {
            return;
        }
    }
}

fn save(shared: &Shared, path: &Path) -> io::Result<()> {
    let Some(text) = shared.unsaved() else { return Ok(()) };
    let unfinished = path.with_extension("new");
    fs::write(&unfinished, text?)?;
    fs::rename(&unfinished, path)
}
