//! `papay.toml`: merchants with their test keys, and the consumers of events.

mod issuers;
mod keys;
mod services;
mod templates;

pub use issuers::TokenIssuer;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};
use std::{fmt, fs, io};

use domain::MchId;
use issuers::Issuer;
use record::{Route, Routing};
use serde::Deserialize;
use setup::Catalogue;
use simulator::{Service, Template};

/// Secrets of the local stack are called `papay/<mch_id>/<purpose>`.
pub const SECRET_PREFIX: &str = "papay/";

/// What is wrong with the configuration. Names the field, never a key.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file cannot be read.
    #[error("{}: {source}", path.display())]
    File {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is not TOML, or a field is missing, unknown or of another type.
    #[error("{}, line {line}: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// The line, counted from 1.
        line: usize,
        /// What the reader said.
        problem: String,
    },
    /// A field breaks its rule.
    #[error("{}: {field}: {problem}", path.display())]
    Field {
        /// The file.
        path: PathBuf,
        /// The field.
        field: String,
        /// The rule.
        problem: String,
    },
}

/// What the local stack runs with.
#[derive(Clone)]
pub struct Config {
    /// The file. It is the catalogue, too.
    pub path: PathBuf,
    /// The merchants, in the order of the file.
    pub merchants: Vec<MchId>,
    /// Those whose pay-and-sign orders are refunded by APIv3.
    pub refunds_by_v3: Vec<MchId>,
    /// Which consumer gets which events.
    pub routing: Routing,
    /// What the merchants' contract templates at WeChat Pay are: the simulator's, no function is told.
    pub templates: Vec<Template>,
    /// What they may offer password-exempt payment for: the simulator's, too.
    pub services: Vec<Service>,
    /// Who makes the tokens of the app's users.
    pub issuers: Vec<TokenIssuer>,
    /// Secrets by name, as the functions fetch them.
    secrets: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    merchants: Vec<Merchant>,
    consumers: Vec<Consumer>,
    #[serde(default)]
    issuers: Vec<Issuer>,
    #[serde(default)]
    templates: Vec<Template>,
    #[serde(default)]
    services: Vec<Service>,
    /// The catalogue, which [`Catalogue`] reads and the functions read again.
    #[serde(default, rename = "products")]
    _products: Vec<toml::Table>,
    /// The catalogue's, too.
    #[serde(default, rename = "h5_domains")]
    _h5_domains: Vec<toml::Table>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Merchant {
    mch_id: String,
    api_v2_key: Generations,
    api_v3_key: Generations,
    /// Files by `PUB_KEY_ID_…`.
    #[serde(default)]
    public_keys: BTreeMap<String, PathBuf>,
    #[serde(default)]
    platform_certificates: Vec<PathBuf>,
    /// With which the merchant signs its V3 calls.
    api_key: Option<ApiKey>,
    /// By which protocol pay-and-sign orders are refunded.
    #[serde(default)]
    refunds: Refunds,
}

#[derive(Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
enum Refunds {
    #[default]
    V2,
    V3,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ApiKey {
    serial: String,
    private_key: PathBuf,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Generations {
    current: String,
    previous: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Consumer {
    name: String,
    #[serde(default)]
    merchants: Vec<String>,
    #[serde(default)]
    types: Vec<String>,
}

/// Without the secrets, test keys though they are.
impl fmt::Debug for Config {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Config").field("path", &self.path).field("merchants", &self.merchants).finish_non_exhaustive()
    }
}

impl Config {
    /// The file that comes with the repository, where this binary was built.
    #[must_use]
    pub fn default_path() -> &'static Path {
        Path::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../sandbox/papay.toml"))
    }

    /// Reads and checks a configuration file.
    ///
    /// # Errors
    /// [`ConfigError`] names the file and the field.
    pub fn read(path: &Path) -> Result<Self, ConfigError> {
        let text = read_file(path)?;
        let file: File = toml::from_str(&text).map_err(|error| ConfigError::Syntax {
            path: path.to_owned(),
            line: error.span().map_or(1, |span| line(&text, span.start)),
            problem: error.message().to_owned(),
        })?;
        let check = Check { path };
        let config = check.config(file)?;
        check.catalogue(&text, &config.merchants)?;
        Ok(config)
    }

    /// Secrets by name, as the functions fetch them. Public test keys only, and still not for logs.
    #[must_use]
    pub fn secrets(&self) -> BTreeMap<String, String> {
        self.secrets.clone()
    }

    /// The consumers, each once.
    #[must_use]
    pub fn consumers(&self) -> Vec<String> {
        self.routing.routes.iter().map(|route| route.consumer.clone()).collect()
    }
}

/// Checks the fields of one file.
struct Check<'a> {
    path: &'a Path,
}

impl Check<'_> {
    fn config(&self, file: File) -> Result<Config, ConfigError> {
        let (mut merchants, mut refunds_by_v3): (Vec<MchId>, Vec<MchId>) = Default::default();
        let mut secrets = BTreeMap::new();
        for (index, merchant) in file.merchants.iter().enumerate() {
            let at = |field: &str| format!("merchants[{index}].{field}");
            let mch_id = MchId::parse(&merchant.mch_id).map_err(|error| self.field(at("mch_id"), error.rule))?;
            if merchants.contains(&mch_id) {
                return Err(self.field(at("mch_id"), "is there twice"));
            }
            secrets.insert(format!("{SECRET_PREFIX}{mch_id}/verify"), self.verifying(merchant, &at)?);
            if let Some(secret) = self.signing(&mch_id, merchant, &at)? {
                secrets.insert(format!("{SECRET_PREFIX}{mch_id}/sign"), secret);
            }
            if merchant.refunds == Refunds::V3 {
                if merchant.api_key.is_none() {
                    return Err(self.field(at("refunds"), "\"v3\" needs an api_key"));
                }
                refunds_by_v3.push(mch_id.clone());
            }
            merchants.push(mch_id);
        }
        if merchants.is_empty() {
            return Err(self.field("merchants".to_owned(), "at least one is needed"));
        }
        let routing = self.routing(&file.consumers, &merchants)?;
        self.templates(&file.templates, &merchants)?;
        self.services(&file.services, &merchants)?;
        let issuers = self.issuers(&file.issuers, &merchants, &mut secrets)?;
        let path = std::path::absolute(self.path).unwrap_or_else(|_| self.path.to_owned());
        let (templates, services) = (file.templates, file.services);
        Ok(Config { path, merchants, refunds_by_v3, routing, templates, services, issuers, secrets })
    }

    fn catalogue(&self, text: &str, merchants: &[MchId]) -> Result<(), ConfigError> {
        let catalogue = Catalogue::parse(text).map_err(|error| self.field(error.field, error.problem))?;
        match catalogue.products().find(|product| !merchants.contains(&product.mch_id)) {
            Some(product) => {
                Err(self.field(format!("products {}: mch_id", product.id), "names one that is not configured"))
            }
            None => Ok(()),
        }
    }

    fn routing(&self, consumers: &[Consumer], known: &[MchId]) -> Result<Routing, ConfigError> {
        let mut names = BTreeSet::new();
        let mut routes = Vec::new();
        for (index, consumer) in consumers.iter().enumerate() {
            let at = |field: &str| format!("consumers[{index}].{field}");
            if !is_queue_name(&consumer.name) {
                return Err(self.field(at("name"), "1 to 60 letters, digits, - and _: a queue is named after it"));
            }
            if !names.insert(&consumer.name) {
                return Err(self.field(at("name"), "is there twice"));
            }
            if let Some(wrong) = consumer.types.iter().find(|pattern| !pattern.starts_with("papay.")) {
                return Err(self.field(at("types"), format_args!("{wrong:?} does not begin with \"papay.\"")));
            }
            let merchants = consumer.merchants.iter().map(|text| known.iter().find(|known| known.as_str() == text));
            let merchants: Option<Vec<MchId>> = merchants.map(Option::<&MchId>::cloned).collect();
            let merchants = merchants.ok_or_else(|| self.field(at("merchants"), "names one that is not configured"))?;
            routes.push(Route { consumer: consumer.name.clone(), merchants, types: consumer.types.clone() });
        }
        if routes.is_empty() {
            return Err(self.field("consumers".to_owned(), "at least one is needed"));
        }
        Ok(Routing { routes })
    }

    fn field(&self, field: String, problem: impl ToString) -> ConfigError {
        ConfigError::Field { path: self.path.to_owned(), field, problem: problem.to_string() }
    }
}

/// What SQS allows, with room for `-dlq.fifo`.
fn is_queue_name(name: &str) -> bool {
    (1..=60).contains(&name.len()) && name.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
}

fn read_file(path: &Path) -> Result<String, ConfigError> {
    fs::read_to_string(path).map_err(|source| ConfigError::File { path: path.to_owned(), source })
}

fn line(text: &str, offset: usize) -> usize {
    text.bytes().take(offset).filter(|byte| *byte == b'\n').count() + 1
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_committed_configuration_is_right() {
        let config = Config::read(Config::default_path()).unwrap();
        assert_eq!(config.merchants.iter().map(MchId::as_str).collect::<Vec<_>>(), ["10000100", "10000200"]);
        assert_eq!(config.consumers(), ["membership", "ledger"]);
        let names = ["papay/10000100/sign", "papay/10000100/verify", "papay/10000200/verify", "papay/issuers/0"];
        assert_eq!(config.secrets().keys().collect::<Vec<_>>(), names);
    }

    #[test]
    fn a_wrong_field_is_named_without_a_key() {
        let good = fs::read_to_string(Config::default_path()).unwrap();
        let folder = tempfile::tempdir().unwrap();
        let keys = Config::default_path().parent().unwrap().join("counterparty/keys/");
        let good = good.replace("counterparty/keys/", &keys.to_string_lossy());
        let path = folder.path().join("papay.toml");
        let problem = |from: &str, to: &str| {
            assert!(good.contains(from), "{from}");
            fs::write(&path, good.replacen(from, to, 1)).unwrap();
            let error = Config::read(&path).unwrap_err().to_string();
            assert!(!error.contains("192006250b4c"), "{error}");
            error.strip_prefix(&path.display().to_string()).unwrap().to_owned()
        };
        assert_eq!(problem("10000100", "one"), ": merchants[0].mch_id: 1 to 32 digits");
        assert_eq!(problem("price = 1800", "price = 0"), ": products[0].price: 1 to 100000000 fen");
        assert_eq!(problem("10000200", "10000100"), ": merchants[1].mch_id: is there twice");
        assert_eq!(
            problem("edce69f6a2d", ""),
            ": merchants[0].api_v2_key.current: the APIv2 key has 21 bytes instead of 32"
        );
        assert_eq!(
            problem("platform_cert", "cert"),
            ", line 10: unknown field `certificates`, expected one of `mch_id`, `api_v2_key`, `api_v3_key`, `public_keys`, `platform_certificates`, `api_key`, `refunds`"
        );
        assert_eq!(
            problem("[\"papay.payment", "[\"payment"),
            ": consumers[1].types: \"payment.*\" does not begin with \"papay.\""
        );
        assert_eq!(problem("\"12536\"", "\"12535\""), ": templates[1].plan_id: is there twice");
        assert_eq!(problem("= 20536", "= 20535"), ": services[1].service_id: is there twice");
        assert_eq!(problem("service_id = 20535\nname", "service_id = 0\nname"), ": services[0].service_id: 1 or more");
        assert_eq!(
            problem("merchant_private_key", "merchant_certificate"),
            ": merchants[0].api_key: this is not a PEM PKCS#8 private key"
        );
        assert_eq!(problem("\"ledger\"", "\"membership\""), ": consumers[1].name: is there twice");
        assert_eq!(
            problem("types =", "merchants = [\"1\"]\ntypes ="),
            ": consumers[1].merchants: names one that is not configured"
        );
    }
}
