//! What a person gives: files, or a key typed at a terminal. Never an argument, which other users of the machine could read.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use clap::Args;
use domain::{MchId, Timestamp};
use papay::keys::{CERTIFICATE_FILE, Given, MerchantPair, PRIVATE_KEY_FILE, PUBLIC_KEY_FILE};

use crate::failure::Failure;

/// The files of a merchant's first keys, and of more of WeChat's.
#[derive(Args)]
pub(super) struct Files {
    #[command(flatten)]
    pair: PairFiles,
    /// The APIv2 key, alone in a file; `-` reads standard input. Where none is there yet it can be typed in.
    #[arg(long, value_name = "FILE")]
    api_v2_key_file: Option<PathBuf>,
    /// The APIv3 key, in the same way.
    #[arg(long, value_name = "FILE")]
    api_v3_key_file: Option<PathBuf>,
    /// WeChat Pay's public key (微信支付公钥); `pub_key.pem` of the folder where nothing is said.
    #[arg(long, value_name = "FILE")]
    public_key: Option<PathBuf>,
    /// Its id, `PUB_KEY_ID_…`, which the merchant platform shows beside it.
    #[arg(long, value_name = "ID")]
    public_key_id: Option<String>,
    /// A platform certificate (平台证书). May be said several times.
    #[arg(long, value_name = "FILE")]
    platform_certificate: Vec<PathBuf>,
}

/// The merchant's certificate and its private key.
#[derive(Args)]
pub(super) struct PairFiles {
    /// Where the merchant platform's archive was unpacked: `apiclient_cert.pem`, `apiclient_key.pem` and `pub_key.pem` are looked for there.
    #[arg(long, value_name = "FOLDER")]
    folder: Option<PathBuf>,
    /// The merchant's certificate, if not `apiclient_cert.pem` of the folder.
    #[arg(long, value_name = "FILE", requires = "private_key")]
    certificate: Option<PathBuf>,
    /// Its private key, if not `apiclient_key.pem` of the folder.
    #[arg(long, value_name = "FILE", requires = "certificate")]
    private_key: Option<PathBuf>,
}

/// One key that both sides have.
#[derive(Args)]
pub(super) struct KeyFile {
    /// The new key, alone in a file; `-` reads standard input.
    #[arg(long, value_name = "FILE")]
    key_file: Option<PathBuf>,
}

impl Files {
    /// Reads and checks them; `first` says that there is no APIv2 key yet.
    pub(super) fn read(&self, mch_id: &MchId, now: Timestamp, first: bool) -> Result<Given, Failure> {
        let mut given = Given::default();
        if let Some(pair) = self.pair.given(mch_id, now)? {
            given.pair(pair);
        }
        match (self.public_key_file(), &self.public_key_id) {
            (None, None) => {}
            (Some(path), Some(id)) => given.public_key(id, &read("--public-key", &path)?).map_err(Failure::new)?,
            (Some(_), None) => {
                let failure = Failure::new("the public key: whose id?");
                return Err(failure.next("--public-key-id PUB_KEY_ID_…, as the merchant platform shows it"));
            }
            (None, Some(_)) => return Err(Failure::new("--public-key-id: of which key? --public-key FILE")),
        }
        for path in &self.platform_certificate {
            given.platform_certificate(&read("--platform-certificate", path)?, now).map_err(Failure::new)?;
        }
        if let Some(key) = api_key("--api-v2-key-file", self.api_v2_key_file.as_ref(), "APIv2 key", first)? {
            given.api_v2_key(&key).map_err(Failure::new)?;
        }
        if let Some(key) =
            api_key("--api-v3-key-file", self.api_v3_key_file.as_ref(), "APIv3 key (empty: none)", first)?
        {
            given.api_v3_key(&key).map_err(Failure::new)?;
        }
        if given.is_empty() {
            return Err(Failure::new("nothing was given").next("`papay keys import --help` lists the files"));
        }
        Ok(given)
    }

    fn public_key_file(&self) -> Option<PathBuf> {
        self.public_key.clone().or_else(|| beside(self.pair.folder.as_ref(), PUBLIC_KEY_FILE))
    }
}

impl PairFiles {
    pub(super) fn required(&self, mch_id: &MchId, now: Timestamp) -> Result<MerchantPair, Failure> {
        let missing =
            || Failure::new("no certificate was given").next("--folder FOLDER, or --certificate and --private-key");
        self.given(mch_id, now)?.ok_or_else(missing)
    }

    fn given(&self, mch_id: &MchId, now: Timestamp) -> Result<Option<MerchantPair>, Failure> {
        let file = |given: &Option<PathBuf>, name| given.clone().or_else(|| beside(self.folder.as_ref(), name));
        let (certificate, key) = (file(&self.certificate, CERTIFICATE_FILE), file(&self.private_key, PRIVATE_KEY_FILE));
        let (certificate, key) = match (certificate, key) {
            (None, None) => return Ok(None),
            (Some(certificate), Some(key)) => (certificate, key),
            (Some(_), None) => return Err(Failure::new(format_args!("{PRIVATE_KEY_FILE}: is not in the folder"))),
            (None, Some(_)) => return Err(Failure::new(format_args!("{CERTIFICATE_FILE}: is not in the folder"))),
        };
        let (certificate, key) = (read("--certificate", &certificate)?, read("--private-key", &key)?);
        MerchantPair::read(&certificate, &key, mch_id, now).map(Some).map_err(Failure::new)
    }
}

impl KeyFile {
    /// The key of the file.
    pub(super) fn given(&self, what: &str) -> Result<Option<String>, Failure> {
        api_key("--key-file", self.key_file.as_ref(), what, false)
    }

    /// The key of the file, or as it is typed.
    pub(super) fn required(&self, what: &str) -> Result<String, Failure> {
        let missing = || Failure::new("no key was given").next("--key-file FILE, or --key-file - for standard input");
        api_key("--key-file", self.key_file.as_ref(), what, true)?.ok_or_else(missing)
    }
}

/// From the file; where there is none, and it is asked for, from the terminal, which does not show it.
fn api_key(option: &str, file: Option<&PathBuf>, what: &str, ask: bool) -> Result<Option<String>, Failure> {
    if let Some(path) = file {
        return read(option, path).map(Some);
    }
    if !ask || !std::io::stdin().is_terminal() {
        return Ok(None);
    }
    let typed = rpassword::prompt_password(format!("{what}: "));
    let typed = typed.map_err(|error| Failure::new(format_args!("nothing could be typed in: {error}")))?;
    Ok(Some(typed).filter(|typed| !typed.is_empty()))
}

/// What is there to read. A failure names the option and not its value, which may be the key itself, typed in the place of a file.
fn read(option: &str, path: &Path) -> Result<String, Failure> {
    let text =
        if path == Path::new("-") { std::io::read_to_string(std::io::stdin()) } else { std::fs::read_to_string(path) };
    text.map_err(|error| Failure::new(format_args!("{option}: {error}")))
}

/// A file of a folder, if it is there.
fn beside(folder: Option<&PathBuf>, name: &str) -> Option<PathBuf> {
    folder.map(|folder| folder.join(name)).filter(|path| path.exists())
}
