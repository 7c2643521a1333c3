//! `papay token`: a token of an app's user.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use domain::{MchId, SignedDuration, Timestamp};
use papay::Config;
use papay::token::{TokenUser, token};

use crate::failure::Failure;

/// Make a token of an app's user for the local stack, as the merchant's own login would: `papay token --user alice`.
#[derive(clap::Args)]
pub(crate) struct Token {
    /// The user (`sub`).
    #[arg(long)]
    user: String,
    /// The merchant whose user it is.
    #[arg(long, default_value = "10000100", value_name = "MCH_ID")]
    merchant: String,
    /// What WeChat's signing page shows as the account (开通账号); the user where nothing is said.
    #[arg(long, value_name = "NAME")]
    account: Option<String>,
    /// The user's openid under an appid, for pages and mini programs inside WeChat. May be said several times.
    #[arg(long, value_name = "APPID=OPENID", value_parser = openid)]
    openid: Vec<(String, String)>,
    /// How many days it is good for, by the local stack's clock.
    #[arg(long, default_value_t = 1)]
    days: u16,
    /// Another configuration than the repository's.
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,
}

impl Token {
    pub(crate) fn run(self, data: &Path) -> Result<ExitCode, Failure> {
        let config = Config::read(self.config.as_deref().unwrap_or(Config::default_path())).map_err(Failure::new)?;
        let mch_id = MchId::parse(&self.merchant).map_err(Failure::new)?;
        let user = TokenUser {
            user: self.user,
            display_account: self.account,
            openids: self.openid.into_iter().collect::<BTreeMap<_, _>>(),
        };
        let now = Timestamp::from_millisecond(host::clock::Clock::in_folder(data).now_ms()).unwrap_or_default();
        let life = SignedDuration::from_hours(24).saturating_mul(i32::from(self.days));
        let expires = now.saturating_add(life).unwrap_or(now);
        println!("{}", token(&config, &mch_id, &user, expires).map_err(Failure::new)?);
        Ok(ExitCode::SUCCESS)
    }
}

fn openid(text: &str) -> Result<(String, String), String> {
    let (appid, openid) = text.split_once('=').ok_or("write it as APPID=OPENID")?;
    Ok((appid.to_owned(), openid.to_owned()))
}
