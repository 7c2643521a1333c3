//! A deployment in AWS, by the name of its stack: what its functions are configured with is what is looked at.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use domain::{MchId, Timestamp};
use record::Tables;
use setup::{Clock, Misconfigured, NotifyUrl, SystemClock};
use wechat::Http;

use super::functions::{Entry, FUNCTIONS, Variables};
use super::queues::Kind;
use super::{At, Finding, Report, alarms, functions, issuers, keys, permissions, probe, queues, tables};
use crate::keys::KeyStore;

/// As a function has it that is not told another one.
const WECHAT: &str = "https://api.mch.weixin.qq.com,https://api2.mch.weixin.qq.com";

pub(super) const DEPLOY: &str = "deploy the template again";

pub(super) const READ: &str = "ask with a role that may read the functions";

/// Looks at the deployment with that stack name. `templates_compared` says that somebody has compared the templates' addresses in the
/// merchant platform: nobody else can.
///
/// # Errors
/// What the environment says about TLS cannot be used.
pub async fn deployment(config: &SdkConfig, stack: &str, templates_compared: bool) -> Result<Report, Misconfigured> {
    let mut doctor = Doctor {
        stack: stack.to_owned(),
        lambda: aws_sdk_lambda::Client::new(config),
        http: probe::http()?,
        variables: BTreeMap::new(),
        urls: BTreeMap::new(),
        findings: Vec::new(),
    };
    doctor.functions().await;
    doctor.addresses().await;
    doctor.storage(config).await;
    doctor.keys(config).await?;
    let (cloudwatch, sns) = (aws_sdk_cloudwatch::Client::new(config), aws_sdk_sns::Client::new(config));
    doctor.findings.extend(alarms::check(&cloudwatch, &sns, stack).await);
    doctor.findings.push(doctor.templates(templates_compared));
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    Ok(Report { target: format!("stack {stack} in {region}"), findings: doctor.findings })
}

pub(super) struct Doctor {
    pub(super) stack: String,
    lambda: aws_sdk_lambda::Client,
    pub(super) http: Http,
    /// Of each function that AWS tells them of.
    variables: BTreeMap<&'static str, Variables>,
    /// The functions' own addresses.
    pub(super) urls: BTreeMap<&'static str, String>,
    pub(super) findings: Vec<Finding>,
}

impl Doctor {
    async fn functions(&mut self) {
        for (name, entry) in FUNCTIONS {
            let function = format!("{}-{name}", self.stack);
            let (findings, variables) = functions::look(&self.lambda, &function).await;
            self.findings.extend(findings);
            let Some(variables) = variables else { continue };
            self.variables.insert(name, variables);
            if matches!(entry, Entry::PublicUrl | Entry::GuardedUrl) {
                let (finding, url) = functions::url(&self.lambda, &function, entry).await;
                self.findings.push(finding);
                url.map(|url| self.urls.insert(name, url));
            }
            if entry == Entry::Mapping {
                self.findings.extend(functions::mappings(&self.lambda, &function).await);
            }
            self.findings.push(permissions::check(&self.lambda, &function, entry).await);
        }
    }

    async fn storage(&mut self, config: &SdkConfig) {
        if let Some(tables) = self.tables() {
            self.findings.extend(tables::check(&aws_sdk_dynamodb::Client::new(config), &tables, true).await);
        }
        let client = aws_sdk_sqs::Client::new(config);
        let at = At::new("queue", format!("{}-outbox-relay", self.stack));
        let consumers: Option<BTreeMap<String, String>> =
            self.variable("outbox-relay", "PAPAY_QUEUES").and_then(|text| serde_json::from_str(text).ok());
        match consumers {
            Some(consumers) => {
                for (consumer, url) in consumers {
                    self.findings.extend(queues::check(&client, &consumer, &url, Kind::Events, true).await);
                }
            }
            None => self.findings.push(at.unchecked("PAPAY_QUEUES is not known", READ)),
        }
        match self.variable("sweeper", "PAPAY_QUEUE_WORK").map(str::to_owned) {
            Some(url) => self.findings.extend(queues::check(&client, "work", &url, Kind::Work, true).await),
            None => {
                let at = At::new("queue", "work");
                self.findings.push(at.unchecked("PAPAY_QUEUE_WORK is not known", READ));
            }
        }
    }

    async fn keys(&mut self, config: &SdkConfig) -> Result<(), Misconfigured> {
        let at = At::new("secrets", self.stack.as_str());
        let prefix = self.variable("worker", "PAPAY_SECRET_PREFIX").unwrap_or(setup::DEFAULT_PREFIX).to_owned();
        let store = KeyStore::aws(config, &prefix);
        let issuers = match self.variable("sign-api", "PAPAY_ISSUERS") {
            Some(text) => issuers::check(&store, text, &self.stack).await,
            None => vec![At::new("issuers", self.stack.as_str()).unchecked("PAPAY_ISSUERS is not known", READ)],
        };
        self.findings.extend(issuers);
        let merchants = self.merchants();
        let wrong = match merchants.first() {
            None => Some(at.unchecked("PAPAY_MERCHANTS is not known", READ)),
            Some(_) if merchants.len() > 1 => Some(at.failure("the functions serve different merchants", DEPLOY)),
            Some(text) if text.split(',').any(|mch_id| MchId::parse(mch_id.trim()).is_err()) => {
                Some(at.failure("PAPAY_MERCHANTS holds something else than merchant numbers", DEPLOY))
            }
            Some(_) => None,
        };
        self.findings.extend(wrong);
        let (hosts, now): (String, Timestamp) = (self.wechat_hosts(), SystemClock.now());
        for mch_id in self.mch_ids() {
            self.findings.extend(keys::check(&store, &mch_id, now, &hosts, probe::http()?).await);
        }
        Ok(())
    }

    /// What the functions say whom they serve: one text, if all is well.
    fn merchants(&self) -> BTreeSet<&str> {
        self.variables.values().filter_map(|known| known.get("PAPAY_MERCHANTS")).map(String::as_str).collect()
    }

    /// The merchants.
    pub(super) fn mch_ids(&self) -> Vec<MchId> {
        let merchants = self.merchants();
        let numbers = merchants.first().map(|text| text.split(',')).into_iter().flatten();
        numbers.filter_map(|text| MchId::parse(text.trim()).ok()).collect()
    }

    /// WeChat has no call that tells what is typed into the merchant platform.
    fn templates(&self, compared: bool) -> Finding {
        let at = At::new("template URLs", self.stack.as_str());
        let base =
            self.told(NotifyUrl::Contract).into_iter().next().or_else(|| self.urls.get("contract-callback").cloned());
        match base {
            Some(_) if compared => {
                at.left_out("WeChat does not tell; somebody has compared them, as --templates-compared says")
            }
            Some(base) => at.unchecked(
                "WeChat does not tell what 解约回调地址 its templates have",
                format_args!(
                    "compare it, of every template, with {}/v2/<mch_id>; then say --templates-compared",
                    base.trim_end_matches('/')
                ),
            ),
            None => {
                at.unchecked("the address is not known", "compare 解约回调地址 with the output ContractNotifyUrlV2")
            }
        }
    }

    /// What functions tell WeChat: without any duplicates one address, if all is well.
    pub(super) fn told(&self, what: NotifyUrl) -> BTreeSet<String> {
        self.variables.values().filter_map(|known| known.get(what.variable())).cloned().collect()
    }

    fn tables(&self) -> Option<Tables> {
        let named = |name: &str| self.variables.values().find_map(|known| known.get(name)).cloned();
        Some(Tables {
            ledger: named("PAPAY_TABLE_LEDGER")?,
            inbox: named("PAPAY_TABLE_INBOX")?,
            outbox: named("PAPAY_TABLE_OUTBOX")?,
        })
    }

    /// Whether a function wants to see the secret that only the distribution in front of it has.
    pub(super) fn is_behind_an_edge(&self, function: &str) -> bool {
        self.variable(function, "PAPAY_ORIGIN_SECRETS").is_some_and(|secrets| !secrets.is_empty())
    }

    fn variable(&self, function: &str, name: &str) -> Option<&str> {
        self.variables.get(function)?.get(name).map(String::as_str)
    }

    pub(super) fn wechat_hosts(&self) -> String {
        self.variable("worker", "PAPAY_WECHAT_HOSTS").unwrap_or(WECHAT).to_owned()
    }
}
