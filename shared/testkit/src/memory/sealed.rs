//! Values with a digest, so that a model can tell two worlds apart without comparing them.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt::{self, Debug, Write};
use std::hash::{Hash, Hasher};
use std::sync::{Arc, OnceLock};

/// A value that does not change any more, with a digest that is computed when it is first asked for.
#[derive(Clone)]
pub struct Sealed<T> {
    value: T,
    digest: OnceLock<u128>,
}

impl<T> Sealed<T> {
    /// Seals a value.
    pub fn new(value: T) -> Self {
        Self { value, digest: OnceLock::new() }
    }

    /// The value.
    pub fn value(&self) -> &T {
        &self.value
    }
}

impl<T: Debug> Sealed<T> {
    /// The digest of its debug output: what that does not show (openids) does not count.
    pub fn digest(&self) -> u128 {
        *self.digest.get_or_init(|| digest(&self.value))
    }
}

impl<T: Debug> Debug for Sealed<T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.value.fmt(f)
    }
}

/// The digest of a value's debug output.
pub fn digest(value: &impl Debug) -> u128 {
    let mut fold = Fold::default();
    // Writing into a hasher cannot fail.
    let _ = write!(fold, "{value:?}");
    fold.finish()
}

/// 128 bits out of two runs of the standard hasher: among a few million states no two collide by chance.
#[derive(Clone)]
pub struct Fold(DefaultHasher, DefaultHasher);

impl Default for Fold {
    fn default() -> Self {
        let mut second = DefaultHasher::new();
        second.write_u8(1);
        Self(DefaultHasher::new(), second)
    }
}

impl Fold {
    /// Folds a value in.
    pub fn add(&mut self, value: &impl Hash) {
        value.hash(&mut self.0);
        value.hash(&mut self.1);
    }

    /// Folds a table in.
    pub fn table<K: Hash, V: Debug>(&mut self, table: &BTreeMap<K, Arc<Sealed<V>>>) {
        self.add(&table.len());
        for (key, item) in table {
            self.add(key);
            self.add(&item.digest());
        }
    }

    /// The digest of all that was folded in.
    #[must_use]
    pub fn finish(&self) -> u128 {
        (u128::from(self.0.finish()) << 64) | u128::from(self.1.finish())
    }
}

impl Write for Fold {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        self.0.write(text.as_bytes());
        self.1.write(text.as_bytes());
        Ok(())
    }
}
