//! What WeChat Pay knows of its merchants before the first call.

use std::collections::BTreeMap;

use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, MerchantKey, TEST_MERCHANT, WechatPay};
use host::Store;
use host::clock::Clock;
use serde::{Deserialize, Serialize};

use crate::time::Ms;

/// What a simulator is started with.
#[derive(Debug)]
pub struct Config {
    /// The loopback port; 0 takes any free one.
    pub port: u16,
    /// Where the state lies (`simulator.json` in a folder).
    pub store: Store,
    /// The clock of every rule and schedule.
    pub clock: Clock,
    /// The merchants.
    pub merchants: Vec<Merchant>,
    /// Their contract templates.
    pub templates: Vec<Template>,
    /// What they may offer password-exempt payment for.
    pub services: Vec<Service>,
    /// How fast WeChat works.
    pub pace: Pace,
}

/// A merchant as WeChat Pay knows it.
#[derive(Debug, Clone)]
pub struct Merchant {
    /// The keys that the two share, and those WeChat signs with.
    pub wechat: WechatPay,
    /// The key of the merchant's V3 calls; without one they are refused.
    pub key: Option<MerchantKey>,
}

/// A contract template (扣费模板), as it was granted on the merchant platform.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Template {
    /// The merchant.
    pub mch_id: String,
    /// The template's number.
    pub plan_id: String,
    /// What the user reads.
    pub name: String,
    /// When one may deduct.
    #[serde(default)]
    pub mode: Mode,
    /// The exact amount of each deduction, in fen.
    #[serde(default)]
    pub amount: Option<u64>,
    /// The largest amount of one deduction, in fen; 500 CNY for a new template.
    #[serde(default = "Template::usual_max_amount")]
    pub max_amount: u64,
    /// The largest amount in one day, in fen; 2500 CNY for a new template.
    #[serde(default = "Template::usual_daily_amount")]
    pub daily_amount: u64,
    /// Successful deductions of one contract in a day.
    #[serde(default = "Template::usual_per_day")]
    pub per_day: u32,
    /// Successful deductions of one contract in a period.
    #[serde(default = "Template::usual_per_period")]
    pub per_period: u32,
    /// Days of a period.
    #[serde(default = "Template::usual_period_days")]
    pub period_days: u16,
    /// The appids that may use it; none means any of the merchant.
    #[serde(default)]
    pub appids: Vec<String>,
    /// Where terminations are told; the merchant's usual address where none is given.
    #[serde(default)]
    pub termination_url: Option<String>,
    /// The merchant is asked before a user leaves (解约挽留).
    #[serde(default)]
    pub retention: bool,
    /// No new signing; what is signed goes on.
    #[serde(default)]
    pub disabled: bool,
    /// A test template: at most 0.10 CNY each time, 100 times a day.
    #[serde(default)]
    pub test: bool,
}

/// When a template lets its merchant deduct. The two exclude each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// WeChat tells the user at the application and executes 24 hours later.
    #[default]
    #[serde(rename = "notice_24h")]
    Notice24h,
    /// The merchant has a notice sent first, and may deduct at once from the third day on.
    PreNotice,
}

/// A service of password-exempt payment (免密支付服务), as it was granted to a merchant.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Service {
    /// The merchant.
    pub mch_id: String,
    /// Its number.
    pub service_id: u64,
    /// What the user reads.
    pub name: String,
    /// Which calls offer it.
    #[serde(default)]
    pub family: Family,
}

/// Who offers a service of password-exempt payment: each has calls of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Family {
    /// 普通商户
    #[default]
    Normal,
    /// 从业机构 (清算机构模式)
    Qs,
    /// 服务商
    ServiceProvider,
    /// 平台商户 (电商收付通)
    Ecommerce,
}

/// How fast WeChat works, in milliseconds of the movable clock.
#[derive(Debug, Clone, Copy)]
pub struct Pace {
    /// From the acceptance of a deduction that need not wait to its execution.
    pub deduction_ms: Ms,
    /// From the acceptance of a refund to its end.
    pub refund_ms: Ms,
}

/// Where WeChat sends what no call gave an address for: bases without a slash at the end; `/v2/<mch_id>` is appended.
#[derive(Debug, Clone, Default)]
pub struct Callbacks {
    /// Terminations of templates without an address of their own.
    pub contract: String,
    /// Refunds that were made on the merchant platform.
    pub refund: String,
}

impl Default for Pace {
    fn default() -> Self {
        Self { deduction_ms: 200, refund_ms: 500 }
    }
}

impl Merchant {
    /// The embedded test merchant of that number. Only 10000100 has a V3 key of its own.
    ///
    /// # Errors
    /// There is no such test merchant.
    pub fn of_test(mch_id: &str) -> Result<Self, counterparty::Error> {
        let key = match mch_id == TEST_MERCHANT.mch_id {
            true => Some(MerchantKey::of_private_key(MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM)?),
            false => None,
        };
        Ok(Self { wechat: WechatPay::by_mch_id(mch_id)?, key })
    }
}

impl Template {
    /// A template in the default mode with a new template's limits.
    #[must_use]
    pub fn new(mch_id: &str, plan_id: &str) -> Self {
        Self {
            mch_id: mch_id.to_owned(),
            plan_id: plan_id.to_owned(),
            name: "自动续费服务".to_owned(),
            mode: Mode::Notice24h,
            amount: None,
            max_amount: Self::usual_max_amount(),
            daily_amount: Self::usual_daily_amount(),
            per_day: Self::usual_per_day(),
            per_period: Self::usual_per_period(),
            period_days: Self::usual_period_days(),
            appids: Vec::new(),
            termination_url: None,
            retention: false,
            disabled: false,
            test: false,
        }
    }

    /// The largest amount of one deduction in fen.
    #[must_use]
    pub(crate) fn limit(&self) -> u64 {
        const TEST_LIMIT: u64 = 10;
        if self.test { self.max_amount.min(TEST_LIMIT) } else { self.max_amount }
    }

    fn usual_max_amount() -> u64 {
        50_000
    }

    fn usual_daily_amount() -> u64 {
        250_000
    }

    fn usual_per_day() -> u32 {
        1
    }

    fn usual_per_period() -> u32 {
        2
    }

    fn usual_period_days() -> u16 {
        30
    }
}

/// What the rules need of a configuration.
pub(crate) struct Configured {
    pub(crate) merchants: Vec<Merchant>,
    pub(crate) templates: Vec<Template>,
    pub(crate) services: Vec<Service>,
    pub(crate) pace: Pace,
}

/// The configuration as the rules look things up in it.
#[derive(Debug)]
pub(crate) struct Settings {
    pub(crate) merchants: BTreeMap<String, Merchant>,
    templates: BTreeMap<(String, String), Template>,
    services: Vec<Service>,
    pub(crate) pace: Pace,
    /// Where this simulator listens.
    pub(crate) endpoint: String,
}

impl Settings {
    pub(crate) fn new(config: Configured, endpoint: String) -> Self {
        let Configured { merchants, templates, services, pace } = config;
        let merchants = merchants.into_iter().map(|merchant| (merchant.wechat.mch_id().to_owned(), merchant));
        let templates = templates.into_iter().map(|one| ((one.mch_id.clone(), one.plan_id.clone()), one));
        Self { merchants: merchants.collect(), templates: templates.collect(), services, pace, endpoint }
    }

    pub(crate) fn template(&self, mch_id: &str, plan_id: &str) -> Option<&Template> {
        self.templates.get(&(mch_id.to_owned(), plan_id.to_owned()))
    }

    /// The services of a merchant.
    pub(crate) fn services<'a>(&'a self, mch_id: &'a str) -> impl Iterator<Item = &'a Service> {
        self.services.iter().filter(move |service| service.mch_id == mch_id)
    }

    /// Whether the appid is bound to the merchant: it is if no template of the merchant says anything of appids.
    pub(crate) fn is_bound(&self, mch_id: &str, appid: &str) -> bool {
        let mut bound =
            self.templates.values().filter(|one| one.mch_id == mch_id).flat_map(|one| &one.appids).peekable();
        bound.peek().is_none() || bound.any(|one| one == appid)
    }
}
