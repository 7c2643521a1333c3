//! A merchant's secrets in the store that was asked for.

use std::path::Path;

use clap::Args;
use domain::{MchId, Timestamp};
use papay::keys::{Held, KeyStore};
use setup::layout::Purpose;
use setup::{Clock, Misconfigured, SystemClock};

use crate::failure::{Failure, running};

/// Whose keys, and where.
#[derive(Args)]
pub(super) struct Where {
    /// The merchant.
    #[arg(long, value_name = "MCH_ID")]
    mch_id: String,
    #[command(flatten)]
    place: Place,
}

/// Which store.
#[derive(Args)]
pub(super) struct Place {
    /// In the AWS account of AWS_PROFILE or AWS_ACCESS_KEY_ID, in AWS_REGION.
    #[arg(long)]
    aws: bool,
    /// The stack's parameter SecretPrefix; in AWS only.
    #[arg(long, requires = "aws", default_value = setup::DEFAULT_PREFIX, value_name = "PREFIX")]
    prefix: String,
}

/// A merchant's secrets, and where they lie.
pub(super) struct Desk {
    pub(super) store: KeyStore,
    pub(super) mch_id: MchId,
    pub(super) now: Timestamp,
    pub(super) held: Option<Held>,
}

impl Where {
    pub(super) async fn open(&self, data: &Path) -> Result<Desk, Failure> {
        let mch_id = MchId::parse(&self.mch_id).map_err(Failure::new)?;
        let (store, now) = self.place.open(data).await?;
        let held = store.read(&mch_id).await.map_err(Failure::new)?;
        Ok(Desk { store, mch_id, now, held })
    }

    /// What the next command needs, too.
    pub(super) fn options(&self) -> String {
        format!(" --mch-id {}{}", self.mch_id, self.place.options())
    }
}

impl Place {
    /// The store, and what time it is there.
    pub(super) async fn open(&self, data: &Path) -> Result<(KeyStore, Timestamp), Failure> {
        if self.aws {
            // Without what was typed, which may be a key: SecretPrefix has the same rule.
            if !self.prefix.ends_with('/') {
                return Err(Failure::new("--prefix: ends with a slash"));
            }
            let config = papay::aws::config().await.map_err(Failure::new)?;
            return Ok((KeyStore::aws(&config, &self.prefix), SystemClock.now()));
        }
        let stack = running(data)?;
        let now = Timestamp::from_millisecond(host::clock::Clock::in_folder(data).now_ms()).unwrap_or_default();
        Ok((KeyStore::local(&stack).map_err(Failure::new)?, now))
    }

    /// What the next command needs, too.
    pub(super) fn options(&self) -> String {
        match (self.aws, self.prefix == setup::DEFAULT_PREFIX) {
            (false, _) => String::new(),
            (true, true) => " --aws".to_owned(),
            (true, false) => format!(" --aws --prefix {}", self.prefix),
        }
    }
}

impl Desk {
    pub(super) fn held(&self) -> Result<Held, Failure> {
        let name = self.store.name(&self.mch_id, Purpose::Verify);
        self.held.clone().ok_or_else(|| {
            Failure::new(Misconfigured::new(name, "is not there")).next("`papay keys import` puts the first keys")
        })
    }

    pub(super) async fn put(&self, held: &Held, done: &[String]) -> Result<(), Failure> {
        let before = self.held.clone().unwrap_or_default();
        let names = self.store.write(&self.mch_id, &before, held).await.map_err(Failure::new)?;
        if names.is_empty() {
            println!("nothing to write: everything that was given is there");
        } else {
            println!("written to {}: {}", names.join(" and "), listed(done));
        }
        Ok(())
    }
}

/// What was done, in one line.
pub(super) fn listed(done: &[String]) -> String {
    if done.is_empty() { "nothing new".to_owned() } else { done.join(", ") }
}
