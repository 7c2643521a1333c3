//! The catalogue: what can be bought, at which price, under which application. Money comes from here and from nowhere else.

use std::collections::BTreeMap;

use domain::{AppId, Channel, Fen, MchId, PlanId, ProductId, SignedDuration};
use serde::Deserialize;

use crate::{Env, Misconfigured};

/// Where the file is.
const PATH: &str = "PAPAY_CATALOGUE";

/// The longest address that a browser goes back to: bytes. It comes behind WeChat's own in one address.
const LONGEST_URL: usize = 512;

/// How long an order can be paid, in minutes, where the product does not say.
const EXPIRY: i64 = 30;

/// The longest that the order of a subscription can be paid: it holds the user's plan as long. Minutes.
const LONGEST_FIRST_PAYMENT: i64 = 24 * 60;

/// The longest that a purchase can be paid: WeChat closes what is older and not paid. Minutes.
const LONGEST_PURCHASE: i64 = 7 * 24 * 60;

/// What can be bought.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Catalogue {
    products: BTreeMap<ProductId, Product>,
}

/// Something that can be bought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Product {
    /// Its id.
    pub id: ProductId,
    /// Whose it is.
    pub mch_id: MchId,
    /// What the user reads on the paying page (`body`).
    pub title: String,
    /// Its price.
    pub price: Fen,
    /// How it is bought.
    pub kind: ProductKind,
    /// The deduction template; every subscription has one.
    pub plan_id: Option<PlanId>,
    /// The password-exempt service (免密支付服务ID) that its payment invites to, of one-off products.
    pub service_id: Option<u64>,
    /// Where it is sold, and under which application.
    pub appids: BTreeMap<Channel, AppId>,
    /// How long its order can be paid.
    pub expiry: SignedDuration,
    /// Where a browser outside WeChat goes back to after paying.
    pub h5_return_url: Option<String>,
}

/// How something is bought.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProductKind {
    /// Again and again, by a contract (连续包月).
    Subscription,
    /// Once.
    OneOff,
}

/// The file. It may hold other tables, which are other readers'.
#[derive(Deserialize)]
struct File {
    #[serde(default)]
    products: Vec<Entry>,
    #[serde(default)]
    h5_domains: Vec<Domains>,
}

/// The domains that a merchant has named to WeChat for payments in a browser (H5支付域名): WeChat goes back to no other.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Domains {
    mch_id: String,
    domains: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Entry {
    id: String,
    mch_id: String,
    title: String,
    price: u64,
    kind: ProductKind,
    plan_id: Option<String>,
    service_id: Option<u64>,
    appids: BTreeMap<Channel, String>,
    expiry: Option<i64>,
    h5_return_url: Option<String>,
}

impl Catalogue {
    /// Reads the file that `PAPAY_CATALOGUE` names.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] names the variable, or the field in the file.
    pub fn read(env: &Env) -> Result<Self, Misconfigured> {
        let path = env.required(PATH)?;
        let text = std::fs::read_to_string(&path).map_err(|error| Misconfigured::new(PATH, error.kind()))?;
        Self::parse(&text).map_err(|error| Misconfigured::new(format!("{PATH} {}", error.field), error.problem))
    }

    /// Reads the `[[products]]` of a TOML text.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] names the field: `products[0].price`.
    pub fn parse(text: &str) -> Result<Self, Misconfigured> {
        // The reader's message quotes the line, which may be another reader's secret.
        let file: File = toml::from_str(text).map_err(|error| Misconfigured::new("products", error.message()))?;
        let mut products = BTreeMap::new();
        for (index, entry) in file.products.into_iter().enumerate() {
            let at = |field: &str| format!("products[{index}].{field}");
            let product = entry.product(&at)?;
            if let Some(problem) = product.return_problem(&file.h5_domains) {
                return Err(Misconfigured::new(at("h5_return_url"), problem));
            }
            if products.contains_key(&product.id) {
                return Err(Misconfigured::new(at("id"), "is there twice"));
            }
            products.insert(product.id.clone(), product);
        }
        Ok(Self { products })
    }

    /// A product.
    #[must_use]
    pub fn product(&self, id: &ProductId) -> Option<&Product> {
        self.products.get(id)
    }

    /// Every product, by id.
    pub fn products(&self) -> impl Iterator<Item = &Product> {
        self.products.values()
    }
}

impl Entry {
    fn product(self, at: &impl Fn(&str) -> String) -> Result<Product, Misconfigured> {
        let wrong = |field: &str, problem: &dyn std::fmt::Display| Misconfigured::new(at(field), problem);
        let rule = |field: &'static str| move |error: domain::InvalidValue| (field, error.rule);
        let named = |(field, rule): (&'static str, &'static str)| Misconfigured::new(at(field), rule);
        let appids = self.appids.iter().map(|(channel, appid)| {
            let appid = AppId::parse(appid).map_err(|error| wrong(&format!("appids.{channel}"), &error.rule))?;
            Ok((*channel, appid))
        });
        let product = Product {
            id: ProductId::parse(&self.id).map_err(rule("id")).map_err(named)?,
            mch_id: MchId::parse(&self.mch_id).map_err(rule("mch_id")).map_err(named)?,
            price: Fen::new(self.price),
            kind: self.kind,
            plan_id: self.plan_id.as_deref().map(PlanId::parse).transpose().map_err(rule("plan_id")).map_err(named)?,
            service_id: self.service_id,
            appids: appids.collect::<Result<_, Misconfigured>>()?,
            expiry: SignedDuration::from_mins(self.expiry.unwrap_or(EXPIRY)),
            title: self.title,
            h5_return_url: self.h5_return_url,
        };
        match product.problem() {
            Some(problem) => Err(named(problem)),
            None => Ok(product),
        }
    }
}

impl Product {
    /// The field that breaks a rule, and the rule.
    fn problem(&self) -> Option<(&'static str, &'static str)> {
        let minutes = self.expiry.as_mins();
        if !is_title(&self.title) {
            Some(("title", "1 to 127 bytes without control characters, & and =, and of at most 3 bytes a character"))
        } else if self.price == Fen::ZERO || self.price > Fen::new(100_000_000) {
            Some(("price", "1 to 100000000 fen"))
        } else if self.kind == ProductKind::Subscription && self.plan_id.is_none() {
            Some(("plan_id", "every subscription has one"))
        } else if self.kind == ProductKind::OneOff && self.plan_id.is_some() {
            Some(("plan_id", "only subscriptions have one"))
        } else if self.kind == ProductKind::Subscription && self.service_id.is_some() {
            Some(("service_id", "only one-off products have one"))
        } else if self.appids.is_empty() {
            Some(("appids", "at least one channel is needed"))
        } else {
            let (longest, rule) = self.kind.longest();
            (!(5..=longest).contains(&minutes)).then_some(("expiry", rule))
        }
    }

    /// What is wrong with where a browser goes back to.
    fn return_problem(&self, known: &[Domains]) -> Option<&'static str> {
        let url = self.h5_return_url.as_deref()?;
        let own = |domain: &str| {
            let of_merchant = |it: &&Domains| it.mch_id == self.mch_id.as_str();
            known.iter().filter(of_merchant).flat_map(|it| &it.domains).any(|it| it == domain)
        };
        let rest = url.strip_prefix("https://").unwrap_or_default();
        let host = rest.split(['/', '?', '#']).next().unwrap_or_default();
        if !self.appids.contains_key(&Channel::H5) {
            Some("only for what is sold in h5")
        } else if host.is_empty() || url.len() > LONGEST_URL || !url.bytes().all(|byte| byte.is_ascii_graphic()) {
            Some("https:// and at most 512 ASCII characters")
        } else if !own(host) {
            Some("its host must be one of the merchant's h5_domains")
        } else {
            None
        }
    }
}

impl ProductKind {
    /// How long its order can be paid at most, in minutes, and the rule in words.
    fn longest(self) -> (i64, &'static str) {
        match self {
            Self::Subscription => (LONGEST_FIRST_PAYMENT, "5 to 1440 minutes"),
            Self::OneOff => (LONGEST_PURCHASE, "5 to 10080 minutes"),
        }
    }
}

/// What WeChat takes as `body`, and what can be signed without escaping.
fn is_title(title: &str) -> bool {
    let allowed = |c: char| !c.is_control() && c.len_utf8() <= 3 && c != '&' && c != '=';
    (1..=127).contains(&title.len()) && title.trim() == title && title.chars().all(allowed)
}

#[cfg(test)]
mod tests {
    use super::*;

    const GOOD: &str = r#"
        [[merchants]]
        mch_id = "10000100"
        api_v2_key = "not this reader's"

        [[products]]
        id = "vip-monthly"
        mch_id = "10000100"
        title = "会员连续包月"
        price = 1800
        kind = "subscription"
        plan_id = "12535"
        appids = { app = "wx2421b1c4370ec43b", official_account = "wxcbda96de0b165542" }

        [[products]]
        id = "coins"
        mch_id = "10000100"
        title = "金币"
        price = 1
        kind = "one_off"
        expiry = 5
        service_id = 20535
        appids = { native = "wx2421b1c4370ec43b" }
    "#;

    #[test]
    fn a_catalogue_is_read_from_its_file() {
        let catalogue = Catalogue::parse(GOOD).unwrap();
        let ids: Vec<_> = catalogue.products().map(|product| product.id.as_str()).collect();
        assert_eq!(ids, ["coins", "vip-monthly"]);
        let vip = catalogue.product(&ProductId::parse("vip-monthly").unwrap()).unwrap();
        assert_eq!(
            (vip.price, vip.kind, vip.expiry),
            (Fen::new(1_800), ProductKind::Subscription, SignedDuration::from_mins(30))
        );
        assert_eq!(vip.plan_id.as_ref().map(PlanId::as_str), Some("12535"));
        assert_eq!(vip.appids[&Channel::OfficialAccount].as_str(), "wxcbda96de0b165542");
        let coins = catalogue.product(&ProductId::parse("coins").unwrap()).unwrap();
        assert_eq!((coins.kind, coins.service_id), (ProductKind::OneOff, Some(20_535)));
        assert_eq!(catalogue.product(&ProductId::parse("other").unwrap()), None);
        assert_eq!(Catalogue::parse("").unwrap(), Catalogue::default());
    }

    #[test]
    fn a_browser_goes_back_to_a_domain_of_the_merchants_own_alone() {
        let with = |mch_id: &str, channel: &str, url: &str| {
            let domains = format!("[[h5_domains]]\nmch_id = \"{mch_id}\"\ndomains = [\"shop.example.com\"]\n");
            let sold = format!("appids = {{ {channel} = \"wx2421b1c4370ec43b\" }}\nh5_return_url = \"{url}\"");
            let text = GOOD.replacen("appids = { native = \"wx2421b1c4370ec43b\" }", &sold, 1);
            let catalogue = Catalogue::parse(&format!("{text}\n{domains}"));
            let coins = |catalogue: Catalogue| catalogue.products().next().unwrap().h5_return_url.clone();
            catalogue.map(coins).map_err(|error| error.to_string())
        };
        let good = "https://shop.example.com/paid?from=wechat#done";
        assert_eq!(with("10000100", "h5", good), Ok(Some(good.to_owned())));
        let problem = |mch_id, channel, url| with(mch_id, channel, url).unwrap_err();
        let own = "products[1].h5_return_url: its host must be one of the merchant's h5_domains";
        assert_eq!(problem("10000200", "h5", good), own, "another merchant's domain");
        for url in [
            "https://evil.example.com/",
            "https://shop.example.com.evil.example/",
            "https://shop.example.com@evil.example.com/",
            "https://evil.example.com/?https://shop.example.com/",
            "https://shop.example.com:8443/",
        ] {
            assert_eq!(problem("10000100", "h5", url), own, "{url}");
        }
        let rule = "products[1].h5_return_url: https:// and at most 512 ASCII characters";
        let long = format!("https://shop.example.com/{}", "a".repeat(512));
        for url in ["http://shop.example.com/", "shop.example.com", "https://", "https://shop.example.com/付", &long] {
            assert_eq!(problem("10000100", "h5", url), rule, "{url}");
        }
        assert_eq!(problem("10000100", "native", good), "products[1].h5_return_url: only for what is sold in h5");
    }

    #[test]
    fn what_is_wrong_is_named_by_its_field() {
        let problem = |from: &str, to: &str| {
            assert!(GOOD.contains(from), "{from}");
            Catalogue::parse(&GOOD.replacen(from, to, 1)).unwrap_err().to_string()
        };
        assert_eq!(problem("\"vip-monthly\"", "\"vip monthly\""), "products[0].id: 1 to 64 letters, digits and _ - .");
        assert_eq!(problem("\"vip-monthly\"", "\"coins\""), "products[1].id: is there twice");
        assert_eq!(problem("price = 1800", "price = 0"), "products[0].price: 1 to 100000000 fen");
        assert_eq!(problem("plan_id = \"12535\"", ""), "products[0].plan_id: every subscription has one");
        assert_eq!(problem("expiry = 5", "plan_id = \"1\""), "products[1].plan_id: only subscriptions have one");
        assert_eq!(problem("expiry = 5", "expiry = 4"), "products[1].expiry: 5 to 10080 minutes");
        assert_eq!(problem("expiry = 5", "expiry = 10081"), "products[1].expiry: 5 to 10080 minutes");
        let long_plan = problem("plan_id = \"12535\"", "plan_id = \"12535\"\nexpiry = 1441");
        assert_eq!(long_plan, "products[0].expiry: 5 to 1440 minutes");
        let exempt = problem("plan_id = \"12535\"", "plan_id = \"12535\"\nservice_id = 20535");
        assert_eq!(exempt, "products[0].service_id: only one-off products have one");
        assert_eq!(
            problem("native = \"wx2421b1c4370ec43b\"", ""),
            "products[1].appids: at least one channel is needed"
        );
        assert_eq!(
            problem("native = \"wx2421b1c4370ec43b\"", "native = \"\""),
            "products[1].appids.native: 1 to 32 letters and digits"
        );
        for title in ["", " 金币", "a&b", "a=b", "🙂", "a\\nb"] {
            let told = problem("\"金币\"", &format!("\"{title}\""));
            assert!(told.starts_with("products[1].title: 1 to 127 bytes"), "{title}: {told}");
        }
        let long = "币".repeat(43);
        assert!(problem("\"金币\"", &format!("\"{long}\"")).starts_with("products[1].title"), "129 bytes");
        for (from, to, what) in [
            ("price = 1800", "price = -1", "products: "),
            ("price = 1800", "price = 18.0", "products: "),
            ("kind = \"one_off\"", "kind = \"once\"", "products: unknown variant `once`"),
            ("native", "desktop", "products: unknown variant `desktop`"),
            ("expiry", "expires", "products: unknown field `expires`"),
        ] {
            let told = problem(from, to);
            assert!(told.starts_with(what) && !told.contains("not this reader's"), "{told}");
        }
    }
}
