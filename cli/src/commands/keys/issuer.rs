//! `papay keys issuer`: what an issuer of the app's tokens shares with papay.

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use domain::Timestamp;
use papay::keys::{IssuerSecret, KeyStore};

use super::desk::Place;
use super::input::KeyFile;
use super::patience::{Sender, be_patient};
use crate::failure::Failure;

/// The secret of an issuer with HS256. The issuer signs; papay takes tokens by the secret in force, and by the one beside it.
#[derive(Args)]
pub(super) struct Issuer {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Put the first one. Nothing that is there is replaced.
    Import(WithFile),
    /// Say whether one is there, and whether another one is beside it; no secret.
    Show(Named),
    /// Put the next one beside the one in force: tokens by either are taken.
    Stage(WithFile),
    /// Put a new one in force and keep the one before beside it; without a file, the one that is beside it.
    Rotate(WithFile),
    /// Take away the one beside the one in force.
    Retire(Retire),
}

/// Whose, and where.
#[derive(Args)]
struct Named {
    /// The last part of the secret's name: app, of papay/issuers/app.
    name: String,
    #[command(flatten)]
    place: Place,
}

#[derive(Args)]
struct WithFile {
    #[command(flatten)]
    at: Named,
    #[command(flatten)]
    file: KeyFile,
}

#[derive(Args)]
struct Retire {
    #[command(flatten)]
    at: Named,
    /// Do not wait until tokens by the one before have ended: after a leak.
    #[arg(long)]
    now: bool,
}

/// What is asked for at a terminal.
const SECRET: &str = "the issuer's secret";

impl Issuer {
    pub(super) async fn run(self, data: &Path) -> Result<ExitCode, Failure> {
        match self.what {
            What::Import(import) => import.import(data).await?,
            What::Show(named) => named.show(data).await?,
            What::Stage(stage) => stage.stage(data).await?,
            What::Rotate(rotate) => rotate.rotate(data).await?,
            What::Retire(retire) => retire.run(data).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Named {
    async fn open(&self, data: &Path) -> Result<(KeyStore, IssuerSecret, Timestamp), Failure> {
        let (store, now) = self.place.open(data).await?;
        let secret = store.issuer(&self.name).await.map_err(Failure::new)?;
        Ok((store, secret, now))
    }

    async fn show(self, data: &Path) -> Result<(), Failure> {
        let (_, secret, _) = self.open(data).await?;
        println!("{}", secret.name());
        println!(
            "  HS256 secret           {}",
            match secret.has() {
                (false, _) => "none",
                (true, false) => "in force",
                (true, true) => "in force, and another one beside it",
            }
        );
        Ok(())
    }
}

impl WithFile {
    async fn import(self, data: &Path) -> Result<(), Failure> {
        let (store, mut secret, _) = self.at.open(data).await?;
        if !secret.import(&self.file.required(SECRET)?).map_err(Failure::new)? {
            println!("nothing to write: it is there");
            return Ok(());
        }
        put(&store, &secret, "the issuer's first secret").await
    }

    async fn stage(self, data: &Path) -> Result<(), Failure> {
        let (store, mut secret, _) = self.at.open(data).await?;
        secret.stage(&self.file.required(SECRET)?).map_err(Failure::new)?;
        put(&store, &secret, "the next one, beside the one in force").await
    }

    async fn rotate(self, data: &Path) -> Result<(), Failure> {
        let (store, mut secret, _) = self.at.open(data).await?;
        secret.rotate(self.file.given(SECRET)?.as_deref()).map_err(Failure::new)?;
        put(&store, &secret, "the new one, and the one before beside it").await?;
        println!(
            "Wait a minute: until then a function may not have looked. Then let the issuer sign with it. After 25 hours:"
        );
        println!("  papay keys issuer retire {}{}", self.at.name, self.at.place.options());
        Ok(())
    }
}

impl Retire {
    async fn run(self, data: &Path) -> Result<(), Failure> {
        let (store, mut secret, now) = self.at.open(data).await?;
        secret.retire().map_err(Failure::new)?;
        be_patient(store.issuer_since(&secret).await, now, Sender::Issuer, self.now)?;
        put(&store, &secret, "the one in force, alone").await
    }
}

async fn put(store: &KeyStore, secret: &IssuerSecret, done: &str) -> Result<(), Failure> {
    store.write_issuer(secret).await.map_err(Failure::new)?;
    println!("written to {}: {done}", secret.name());
    Ok(())
}
