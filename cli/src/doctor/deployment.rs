//! A deployment in AWS, by the name of its stack: what its functions are configured with is what is looked at.

use std::collections::{BTreeMap, BTreeSet};

use aws_config::SdkConfig;
use domain::{MchId, Timestamp};
use record::Tables;
use setup::{Clock, Misconfigured, NotifyUrl, SystemClock};
use wechat::Http;

use super::functions::{Entry, FUNCTIONS, Variables};
use super::queues::Kind;
use super::urls::Door;
use super::{At, Finding, Report, alarms, functions, keys, permissions, probe, queues, tables, urls};
use crate::keys::KeyStore;

/// As a function has it that is not told another one.
const WECHAT: &str = "https://api.mch.weixin.qq.com,https://api2.mch.weixin.qq.com";

const DEPLOY: &str = "deploy the template again";

/// The variables with callback addresses, and the function behind each.
const CALLBACKS: [(NotifyUrl, &str); 4] = [
    (NotifyUrl::Deduction, "deduction-callback"),
    (NotifyUrl::Payment, "payment-callback"),
    (NotifyUrl::Contract, "contract-callback"),
    (NotifyUrl::Refund, "refund-callback"),
];

/// Looks at the deployment with that stack name.
///
/// # Errors
/// What the environment says about TLS cannot be used.
pub async fn deployment(config: &SdkConfig, stack: &str) -> Result<Report, Misconfigured> {
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
    doctor.findings.extend(alarms::check(&aws_sdk_cloudwatch::Client::new(config), stack).await);
    doctor.findings.push(doctor.templates());
    let region = config.region().map(ToString::to_string).unwrap_or_default();
    Ok(Report { target: format!("stack {stack} in {region}"), findings: doctor.findings })
}

struct Doctor {
    stack: String,
    lambda: aws_sdk_lambda::Client,
    http: Http,
    /// Of each function that AWS tells them of.
    variables: BTreeMap<&'static str, Variables>,
    /// The functions' own addresses.
    urls: BTreeMap<&'static str, String>,
    findings: Vec<Finding>,
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

    /// Where WeChat, app and back end find it, and what functions tell WeChat.
    async fn addresses(&mut self) {
        let hosts = self.wechat_hosts();
        for (what, function) in CALLBACKS {
            let own = self.urls.get(function).cloned();
            let told = self.told(what);
            let at = At::new("notify URL", what.variable());
            for told in &told {
                // Behind a distribution it is another host.
                let same = own.as_deref().map(|own| own.trim_end_matches('/')) == Some(told.trim_end_matches('/'));
                self.findings.push(if same {
                    at.ok("is the function's own address")
                } else {
                    at.ok(format_args!(
                        "{told}, which is not the function's own address: behind a distribution it is so"
                    ))
                });
            }
            if told.len() > 1 {
                self.findings.push(at.failure("two functions tell WeChat different addresses", DEPLOY));
            }
            let door = if self.is_behind_an_edge(function) { Door::PastTheEdge } else { Door::Callback };
            if let Some(own) = own.filter(|own| !told.contains(own)) {
                self.findings.extend(urls::check(&self.http, function, &own, door, &hosts).await);
            }
            for url in told {
                self.findings.extend(urls::check(&self.http, function, &url, Door::Callback, &hosts).await);
            }
        }
        let app = if self.is_behind_an_edge("sign-api") { Door::PastTheEdge } else { Door::App };
        for (function, door) in [("sign-api", app), ("merchant-api", Door::BackEnd)] {
            if let Some(url) = self.urls.get(function).cloned() {
                self.findings.extend(urls::check(&self.http, function, &url, door, &hosts).await);
            }
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
            None => self
                .findings
                .push(at.unchecked("PAPAY_QUEUES is not known", "ask with a role that may read the functions")),
        }
        match self.variable("sweeper", "PAPAY_QUEUE_WORK").map(str::to_owned) {
            Some(url) => self.findings.extend(queues::check(&client, "work", &url, Kind::Work, true).await),
            None => {
                let at = At::new("queue", "work");
                self.findings
                    .push(at.unchecked("PAPAY_QUEUE_WORK is not known", "ask with a role that may read the functions"));
            }
        }
    }

    async fn keys(&mut self, config: &SdkConfig) -> Result<(), Misconfigured> {
        let at = At::new("secrets", self.stack.as_str());
        let prefix = self.variable("worker", "PAPAY_SECRET_PREFIX").unwrap_or(setup::DEFAULT_PREFIX).to_owned();
        let merchants: BTreeSet<&str> =
            self.variables.values().filter_map(|known| known.get("PAPAY_MERCHANTS")).map(String::as_str).collect();
        if merchants.len() > 1 {
            self.findings.push(at.failure("the functions serve different merchants", DEPLOY));
        }
        let Some(merchants) = merchants.first().map(|merchants| (*merchants).to_owned()) else {
            self.findings
                .push(at.unchecked("PAPAY_MERCHANTS is not known", "ask with a role that may read the functions"));
            return Ok(());
        };
        let store = KeyStore::aws(config, &prefix);
        let (hosts, now): (String, Timestamp) = (self.wechat_hosts(), SystemClock.now());
        for text in merchants.split(',') {
            match MchId::parse(text.trim()) {
                Ok(mch_id) => self.findings.extend(keys::check(&store, &mch_id, now, &hosts, probe::http()?).await),
                Err(_) => {
                    self.findings.push(at.failure("PAPAY_MERCHANTS holds something else than merchant numbers", DEPLOY))
                }
            }
        }
        Ok(())
    }

    /// WeChat has no call that tells what is typed into the merchant platform.
    fn templates(&self) -> Finding {
        let at = At::new("template URLs", self.stack.as_str());
        let base =
            self.told(NotifyUrl::Contract).into_iter().next().or_else(|| self.urls.get("contract-callback").cloned());
        match base {
            Some(base) => at.left_out(format_args!(
                "WeChat does not tell: compare 解约回调地址 of every template with {}/v2/<mch_id>",
                base.trim_end_matches('/')
            )),
            None => {
                at.unchecked("the address is not known", "compare 解约回调地址 with the output ContractNotifyUrlV2")
            }
        }
    }

    /// What functions tell WeChat: without any duplicates one address, if all is well.
    fn told(&self, what: NotifyUrl) -> BTreeSet<String> {
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
    fn is_behind_an_edge(&self, function: &str) -> bool {
        self.variable(function, "PAPAY_ORIGIN_SECRETS").is_some_and(|secrets| !secrets.is_empty())
    }

    fn variable(&self, function: &str, name: &str) -> Option<&str> {
        self.variables.get(function)?.get(name).map(String::as_str)
    }

    fn wechat_hosts(&self) -> String {
        self.variable("worker", "PAPAY_WECHAT_HOSTS").unwrap_or(WECHAT).to_owned()
    }
}
