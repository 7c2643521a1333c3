//! `papay keys`: the merchants' keys.

mod desk;
mod input;
mod issuer;
mod patience;
mod table;

use std::path::Path;
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};
use papay::keys::{self, ApiKey, Retired};
use setup::layout::VerifySecret;

use crate::failure::Failure;
use desk::{Where, listed};
use input::{Files, KeyFile, PairFiles};
use issuer::Issuer;
use patience::{Sender, be_patient};

/// Put, change and show the merchants' keys. What would keep a function from starting is not written.
///
/// Without --aws it is about the local stack, which has its own keys back when it starts again.
#[derive(Args)]
pub(crate) struct Keys {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand)]
enum What {
    /// Check the merchant platform's files and put them where the functions find them. Nothing that is there is replaced.
    Import(Import),
    /// Show what there is by names, serials and ends; no secret.
    Show(Show),
    /// Put the next APIv2 or APIv3 key beside the one in force: notices by it are understood, and we do not sign with it yet.
    Stage(Stage),
    /// Put a new key in force and keep the one before beside it; without a file, the one that is beside it.
    Rotate(Rotate),
    /// Take away the key beside the one in force, or a public key or platform certificate of WeChat's.
    Retire(Retire),
    /// Put and change the secret that an issuer of the app's tokens shares with papay (HS256).
    Issuer(Issuer),
}

#[derive(Args)]
struct Import {
    #[command(flatten)]
    at: Where,
    #[command(flatten)]
    files: Files,
    /// Check only, and write nothing.
    #[arg(long)]
    dry_run: bool,
}

#[derive(Args)]
struct Show {
    #[command(flatten)]
    at: Where,
    /// As JSON.
    #[arg(long)]
    json: bool,
}

#[derive(Args)]
struct Stage {
    /// Which key.
    key: Symmetric,
    #[command(flatten)]
    at: Where,
    #[command(flatten)]
    file: KeyFile,
}

#[derive(Args)]
struct Rotate {
    /// Which key.
    key: Rotated,
    #[command(flatten)]
    at: Where,
    #[command(flatten)]
    file: KeyFile,
    #[command(flatten)]
    pair: PairFiles,
}

#[derive(Args)]
struct Retire {
    /// Which key.
    key: Retirable,
    #[command(flatten)]
    at: Where,
    /// The public key's id, or the certificate's serial.
    #[arg(long)]
    id: Option<String>,
    /// Do not wait until WeChat sends nothing any more under what is taken away: after a leak.
    #[arg(long)]
    now: bool,
}

#[derive(Clone, Copy, ValueEnum)]
enum Symmetric {
    /// APIv2密钥
    ApiV2,
    /// APIv3密钥
    ApiV3,
}

#[derive(Clone, Copy, ValueEnum)]
enum Rotated {
    /// APIv2密钥
    ApiV2,
    /// APIv3密钥
    ApiV3,
    /// The merchant's certificate (商户API证书) with its private key
    Merchant,
}

#[derive(Clone, Copy, ValueEnum)]
enum Retirable {
    /// The APIv2 key beside the one in force
    ApiV2,
    /// The APIv3 key beside the one in force
    ApiV3,
    /// A public key of WeChat's (微信支付公钥)
    PublicKey,
    /// A platform certificate (平台证书)
    PlatformCertificate,
}

impl Keys {
    pub(crate) async fn run(self, data: &Path) -> Result<ExitCode, Failure> {
        match self.what {
            What::Import(import) => import.run(data).await,
            What::Show(show) => show.run(data).await,
            What::Stage(stage) => stage.run(data).await,
            What::Rotate(rotate) => rotate.run(data).await,
            What::Retire(retire) => retire.run(data).await,
            What::Issuer(issuer) => issuer.run(data).await,
        }
    }
}

impl Import {
    async fn run(self, data: &Path) -> Result<ExitCode, Failure> {
        let desk = self.at.open(data).await?;
        let has_v2 = desk.held.as_ref().is_some_and(|held| held.verify.api_v2_key.is_some());
        let given = self.files.read(&desk.mch_id, desk.now, !has_v2)?;
        let mut held = desk.held.clone().unwrap_or_default();
        let done = keys::import(&mut held, given, &desk.mch_id).map_err(Failure::new)?;
        if self.dry_run {
            desk.store.keys(&desk.mch_id, &held).map_err(Failure::new)?;
            println!("right, and not written: {}", listed(&done));
            return Ok(ExitCode::SUCCESS);
        }
        desk.put(&held, &done).await?;
        Ok(ExitCode::SUCCESS)
    }
}

impl Show {
    async fn run(self, data: &Path) -> Result<ExitCode, Failure> {
        let desk = self.at.open(data).await?;
        let held = desk.held()?;
        let fetched = desk.store.certificates(&desk.mch_id).await.map_err(Failure::new)?;
        let shown = keys::describe(&desk.mch_id, &held, fetched.as_ref(), desk.now);
        if self.json {
            println!("{}", serde_json::to_string(&shown).map_err(Failure::new)?);
        } else {
            table::print(&desk, &shown);
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Stage {
    async fn run(self, data: &Path) -> Result<ExitCode, Failure> {
        let desk = self.at.open(data).await?;
        let mut held = desk.held()?;
        let key = ApiKey::from(self.key);
        let text = self.file.required(key.argument())?;
        let done = keys::stage(&mut held, key, &text).map_err(Failure::new)?;
        desk.put(&held, &done).await?;
        println!(
            "Wait a minute: until then a function may not have looked. Then change the key in the merchant platform, and at once:"
        );
        println!("  papay keys rotate {}{}", key.argument(), self.at.options());
        Ok(ExitCode::SUCCESS)
    }
}

impl Rotate {
    async fn run(self, data: &Path) -> Result<ExitCode, Failure> {
        let desk = self.at.open(data).await?;
        let mut held = desk.held()?;
        let key = match self.key {
            Rotated::ApiV2 => ApiKey::V2,
            Rotated::ApiV3 => ApiKey::V3,
            Rotated::Merchant => {
                let pair = self.pair.required(&desk.mch_id, desk.now)?;
                let done = keys::rotate_certificate(&mut held, &pair).map_err(Failure::new)?;
                desk.put(&held, &done).await?;
                println!(
                    "Functions take it at their next start, and at once when WeChat refuses the old one. That one works until it ends or is revoked."
                );
                return Ok(ExitCode::SUCCESS);
            }
        };
        let text = self.file.given(key.argument())?;
        let done = keys::rotate(&mut held, key, text.as_deref()).map_err(Failure::new)?;
        desk.put(&held, &done).await?;
        println!("WeChat may go on using the one before for 24 h 04 min. After 25 hours:");
        println!("  papay keys retire {}{}", key.argument(), self.at.options());
        Ok(ExitCode::SUCCESS)
    }
}

impl Retire {
    async fn run(self, data: &Path) -> Result<ExitCode, Failure> {
        let desk = self.at.open(data).await?;
        let mut held = desk.held()?;
        let id = || self.id.as_deref().ok_or_else(|| Failure::new("--id says which one; papay keys show lists them"));
        let what = match self.key {
            Retirable::ApiV2 => Retired::Previous(ApiKey::V2),
            Retirable::ApiV3 => Retired::Previous(ApiKey::V3),
            Retirable::PublicKey => Retired::PublicKey(id()?),
            Retirable::PlatformCertificate => Retired::PlatformCertificate(id()?),
        };
        let fetched = desk.store.certificates(&desk.mch_id).await.map_err(Failure::new)?;
        let others = fetched.is_some_and(|kept| !kept.platform_certificates.is_empty());
        let done = keys::retire(&mut held, what, others).map_err(Failure::new)?;
        let was_so = |before: &VerifySecret| what.leaves_what_was(before, &held.verify);
        let since = desk.store.since(&desk.mch_id, &held, was_so).await;
        be_patient(since, desk.now, Sender::Wechat, self.now)?;
        desk.put(&held, &done).await?;
        println!(
            "A running function keeps what it has read until something does not fit: after a leak deploy the functions anew."
        );
        Ok(ExitCode::SUCCESS)
    }
}

impl From<Symmetric> for ApiKey {
    fn from(key: Symmetric) -> Self {
        match key {
            Symmetric::ApiV2 => Self::V2,
            Symmetric::ApiV3 => Self::V3,
        }
    }
}
