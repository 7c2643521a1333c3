//! An operator's desk: a local stack, and the files that the merchant platform gave.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::sync::Arc;

use counterparty::TEST_MERCHANT;
use domain::MchId;
use rcgen::{CertificateParams, DnType, KeyPair, PKCS_RSA_SHA256, RsaKeySize, date_time_ymd};
use serde_json::Value;
use setup::{Aws, Env, SigningKeyring, SystemClock};
use tempfile::TempDir;

use crate::harness::Dev;

/// A merchant that the local stack has no keys of.
pub(super) const NEW_MCH_ID: &str = "1900000001";
pub(super) const API_V2: &str = "0123456789abcdef0123456789abcdef";
pub(super) const API_V3: &str = "fedcba9876543210fedcba9876543210";
pub(super) const THIRD: &str = "third-key-third-key-third-key-32";
pub(super) const PUBLIC_KEY_ID: &str = "PUB_KEY_ID_0119000000012026010100000000000001";
pub(super) const PUBLIC_KEY: &str = include_str!("../../../sandbox/counterparty/keys/wechat_pay_public_key.pem");

/// A local stack, and a folder with what the merchant platform gave.
pub(super) struct Desk {
    pub(super) dev: Dev,
    pub(super) folder: TempDir,
    _data: TempDir,
}

impl Desk {
    pub(super) fn open() -> Self {
        let data = tempfile::tempdir().unwrap();
        let desk = Self { dev: Dev::start(data.path()), folder: tempfile::tempdir().unwrap(), _data: data };
        let (certificate, key) = pair(NEW_MCH_ID, 2020, 2090);
        desk.file("apiclient_cert.pem", &certificate);
        desk.file("apiclient_key.pem", &key);
        desk.file("pub_key.pem", PUBLIC_KEY);
        desk.file("v2.txt", &format!("{API_V2}\n"));
        desk.file("v3.txt", API_V3);
        desk.file("third.txt", THIRD);
        desk
    }

    pub(super) fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    pub(super) fn file(&self, name: &str, text: &str) -> String {
        std::fs::write(self.folder.path().join(name), text).unwrap();
        self.path(name)
    }

    pub(super) fn keys(&self, args: &[&str]) -> Output {
        self.dev.papay(&[&["keys"], args].concat())
    }

    /// Moves the clock of stack and operator.
    pub(super) fn wait(&self, how_long: &str) {
        let moved = self.dev.papay(&["clock", &format!("+{how_long}")]);
        assert!(moved.status.success(), "{}", text(&moved));
    }

    /// With everything from the folder, and what else is said.
    pub(super) fn import(&self, mch_id: &str, more: &[&str]) -> Output {
        let (folder, v2, v3) = (self.path(""), self.path("v2.txt"), self.path("v3.txt"));
        let all = ["import", "--mch-id", mch_id, "--folder", &folder, "--public-key-id", PUBLIC_KEY_ID];
        let keys = ["--api-v2-key-file", v2.as_str(), "--api-v3-key-file", v3.as_str()];
        self.keys(&[&all[..], &keys[..], more].concat())
    }

    pub(super) fn shown(&self, mch_id: &str) -> Value {
        serde_json::from_str(&fine(&self.keys(&["show", "--mch-id", mch_id, "--json"]))).unwrap()
    }

    /// What a function would start with.
    pub(super) async fn keyring(&self, mch_id: &str) -> Result<Arc<setup::SigningKeys>, setup::Misconfigured> {
        let endpoint = self.dev.running().secrets;
        let variables = [
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ENDPOINT_URL", endpoint.as_str()),
            ("PAPAY_MERCHANTS", mch_id),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        let env = Env::of(variables, Arc::new(SystemClock));
        let keyring = SigningKeyring::fetch(&env, &Aws::new(&env)?).await?;
        Ok(keyring.keys(&MchId::parse(mch_id).unwrap()).unwrap())
    }
}

/// A certificate as the merchant platform gives it, with its key.
pub(super) fn pair(common_name: &str, from: i32, until: i32) -> (String, String) {
    let key = KeyPair::generate_rsa_for(&PKCS_RSA_SHA256, RsaKeySize::_2048).unwrap();
    let mut params = CertificateParams::default();
    params.distinguished_name.push(DnType::CommonName, common_name);
    (params.not_before, params.not_after) = (date_time_ymd(from, 1, 1), date_time_ymd(until, 1, 1));
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

pub(super) fn text(output: &Output) -> String {
    let (stdout, stderr) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    let all = format!("{stdout}{stderr}");
    for secret in [API_V2, API_V3, THIRD, TEST_MERCHANT.api_v2_key, "PRIVATE KEY-----"] {
        assert!(!all.contains(secret), "a secret was shown: {all}");
    }
    all
}

/// What it said, having done its work.
pub(super) fn fine(output: &Output) -> String {
    let text = text(output);
    assert_eq!(output.status.code(), Some(0), "{text}");
    text
}

/// What it said, having refused.
pub(super) fn refused(output: &Output) -> String {
    let text = text(output);
    assert_eq!(output.status.code(), Some(1), "{text}");
    text
}

/// Without whatever AWS account the machine is set up for.
pub(crate) fn alone<'c>(command: &'c mut Command, home: &Path) -> &'c mut Command {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("AWS_") {
            command.env_remove(name);
        }
    }
    let nowhere: PathBuf = home.join("no-aws-config");
    command.env("AWS_EC2_METADATA_DISABLED", "true").env("HOME", home);
    command.env("AWS_CONFIG_FILE", &nowhere).env("AWS_SHARED_CREDENTIALS_FILE", &nowhere)
}
