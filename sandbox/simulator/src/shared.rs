//! The one model, behind a mutex, and everybody who looks at it.

use std::collections::HashSet;
use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use counterparty::MerchantKey;
use host::clock::Clock;
use tokio::sync::Notify;

use crate::config::{Callbacks, Merchant, Settings};
use crate::faults::Faults;
use crate::model::World;
use crate::notices::is_any_due;
use crate::rules::{Scene, run_due};
use crate::time::Ms;

/// A notice that is on its way for longer does not hold up the clock: WeChat itself waits no longer for an answer.
const LONGEST_PASSAGE: Duration = Duration::from_secs(5);

/// How often a clock that is to be moved looks for them.
const LOOK: Duration = Duration::from_millis(5);

/// Everything that runs together.
pub(crate) struct Shared {
    pub(crate) settings: Settings,
    pub(crate) clock: Clock,
    inner: Mutex<Inner>,
    /// Something was changed that is not saved yet.
    changed: AtomicBool,
    /// Something may have to be sent.
    pub(crate) wake: Notify,
}

pub(crate) struct Inner {
    pub(crate) world: World,
    pub(crate) callbacks: Callbacks,
    pub(crate) faults: Faults,
    /// Notices that are being delivered.
    pub(crate) under_way: HashSet<u64>,
}

impl Shared {
    pub(crate) fn new(settings: Settings, clock: Clock, world: World) -> Self {
        let inner =
            Inner { world, callbacks: Callbacks::default(), faults: Faults::default(), under_way: HashSet::new() };
        Self { settings, clock, inner: Mutex::new(inner), changed: AtomicBool::new(false), wake: Notify::new() }
    }

    /// Looks at the model as it is now, after everything that was due.
    pub(crate) fn look<T>(&self, look: impl FnOnce(&mut Inner) -> T) -> T {
        let mut inner = self.lock();
        self.catch_up(&mut inner);
        look(&mut inner)
    }

    /// The keys of a merchant whose certificates are in force.
    pub(crate) fn merchant_keys(&self, merchant: &Merchant) -> Vec<MerchantKey> {
        // What cannot be read was not taken in.
        self.look(|inner| inner.world.merchant_keys(merchant)).unwrap_or_default()
    }

    /// Lets a merchant's call, or somebody's act, change the model.
    pub(crate) fn act<T>(&self, merchant: &Merchant, act: impl FnOnce(&mut Scene<'_>) -> T) -> T {
        let mut inner = self.lock();
        self.catch_up(&mut inner);
        let Inner { world, callbacks, .. } = &mut *inner;
        let now = self.clock.now_ms();
        let done = act(&mut Scene { world, settings: &self.settings, callbacks, merchant, now });
        drop(inner);
        self.touch();
        done
    }

    /// Says that something was changed.
    pub(crate) fn touch(&self) {
        self.changed.store(true, Ordering::Release);
        self.wake.notify_one();
    }

    /// Moves the clock, for everybody who reads it, once what is due was sent and answered: time does not leap between a signature and the
    /// look at its timestamp.
    pub(crate) async fn move_clock(&self, by_ms: Ms) -> io::Result<()> {
        let started = Instant::now();
        loop {
            let moved = self.look(|inner| {
                let rests = inner.under_way.is_empty() && !is_any_due(&inner.world, self.clock.now_ms());
                (rests || started.elapsed() > LONGEST_PASSAGE).then(|| self.clock.advance_ms(by_ms))
            });
            if let Some(moved) = moved {
                self.wake.notify_one();
                return moved;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// The model as JSON, if it was changed since the last time.
    pub(crate) fn unsaved(&self) -> Option<serde_json::Result<Vec<u8>>> {
        let changed = self.changed.swap(false, Ordering::AcqRel);
        changed.then(|| serde_json::to_vec(&self.lock().world))
    }

    fn catch_up(&self, inner: &mut Inner) {
        let due = inner.world.jobs.first().is_some_and(|(at, _)| *at <= self.clock.now_ms());
        if !due {
            return;
        }
        let failed = run_due(&mut inner.world, &self.settings, &inner.callbacks, self.clock.now_ms());
        for refused in failed {
            eprintln!("simulator: {refused:?}");
        }
        self.touch();
    }

    fn lock(&self) -> MutexGuard<'_, Inner> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
