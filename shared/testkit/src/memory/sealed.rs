//! Values with a digest, so that a model can tell two worlds apart without comparing them.

use std::collections::BTreeMap;
use std::collections::hash_map::DefaultHasher;
use std::fmt::{self, Debug, Write};
use std::hash::{Hash, Hasher};
use std::ops::Deref;
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

/// A table of sealed items. A clone is cheap and does not see what happens to the original.
#[derive(Clone, Debug)]
pub struct Table<K, V>(Arc<Items<K, V>>);

#[derive(Clone, Debug)]
struct Items<K, V> {
    items: BTreeMap<K, Arc<Sealed<V>>>,
    digest: OnceLock<u128>,
}

impl<K, V> Default for Table<K, V> {
    fn default() -> Self {
        Self(Arc::new(Items { items: BTreeMap::new(), digest: OnceLock::new() }))
    }
}

impl<K: Ord + Clone, V: Clone> Table<K, V> {
    /// Writes an item, or writes over it.
    pub fn insert(&mut self, key: K, value: V) {
        let table = Arc::make_mut(&mut self.0);
        table.digest.take();
        table.items.insert(key, Arc::new(Sealed::new(value)));
    }
}

impl<K, V> Deref for Table<K, V> {
    type Target = BTreeMap<K, Arc<Sealed<V>>>;

    fn deref(&self) -> &Self::Target {
        &self.0.items
    }
}

impl<K: Hash, V: Debug> Table<K, V> {
    /// The digest of all items.
    pub fn digest(&self) -> u128 {
        *self.0.digest.get_or_init(|| {
            let mut fold = Fold::default();
            for (key, item) in &self.0.items {
                fold.add(&(key, item.digest()));
            }
            fold.finish()
        })
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
