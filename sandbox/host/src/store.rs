//! Where a part of the stack keeps its data.

use std::fs::{File, TryLockError};
use std::path::{Path, PathBuf};

use crate::StartError;

/// In memory, gone with the process; or in a folder, kept over restarts and kills.
#[derive(Debug, Clone, Default)]
pub enum Store {
    /// For tests.
    #[default]
    Memory,
    /// One file per part of the stack, in this folder.
    Folder(PathBuf),
}

impl Store {
    /// The folder, if the data is kept.
    #[must_use]
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Memory => None,
            Self::Folder(folder) => Some(folder),
        }
    }

    /// Takes the folder for this process until the file is dropped, or the process ends in whatever way.
    pub(crate) fn lock(&self) -> Result<Option<File>, StartError> {
        let Some(path) = self.file("lock")? else { return Ok(None) };
        let folder = || self.folder().unwrap_or(&path).to_owned();
        let file = File::create(&path).map_err(|source| StartError::Folder { path: folder(), source })?;
        match file.try_lock() {
            Ok(()) => Ok(Some(file)),
            Err(TryLockError::WouldBlock) => Err(StartError::FolderInUse { path: folder() }),
            Err(TryLockError::Error(source)) => Err(StartError::Folder { path: folder(), source }),
        }
    }

    /// A file of this store, its folder made; none in memory.
    ///
    /// # Errors
    /// The folder cannot be made.
    pub fn file(&self, name: &str) -> Result<Option<PathBuf>, StartError> {
        let Some(folder) = self.folder() else { return Ok(None) };
        std::fs::create_dir_all(folder).map_err(|source| StartError::Folder { path: folder.to_owned(), source })?;
        Ok(Some(folder.join(name)))
    }
}
