//! Where WeChat is, and where it finds us.

use domain::MchId;

use crate::{Env, Misconfigured};

const HOSTS: &str = "PAPAY_WECHAT_HOSTS";

/// WeChat's own: the second one when the first does not answer.
const DEFAULT_HOSTS: &str = "https://api.mch.weixin.qq.com,https://api2.mch.weixin.qq.com";

/// The longest address that WeChat takes, less `/v3/<mch_id>`.
const LONGEST: usize = 220;

/// The hosts that we call WeChat at.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WechatHosts {
    hosts: Vec<String>,
}

/// What WeChat notifies us of at an address of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NotifyUrl {
    /// `PAPAY_URL_DEDUCTION`: payments of pay-and-sign orders, and deductions.
    Deduction,
    /// `PAPAY_URL_PAYMENT`: payments of one-off orders.
    Payment,
    /// `PAPAY_URL_CONTRACT`: contracts.
    Contract,
    /// `PAPAY_URL_REFUND`: refunds.
    Refund,
}

/// The address of one of our callbacks, without the path that names protocol and merchant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NotifyBase(String);

impl NotifyUrl {
    /// Its variable.
    #[must_use]
    pub fn variable(self) -> &'static str {
        match self {
            Self::Deduction => "PAPAY_URL_DEDUCTION",
            Self::Payment => "PAPAY_URL_PAYMENT",
            Self::Contract => "PAPAY_URL_CONTRACT",
            Self::Refund => "PAPAY_URL_REFUND",
        }
    }
}

impl NotifyBase {
    /// Where V2 notices of a merchant come: WeChat refuses query strings, so the path says whose they are.
    #[must_use]
    pub fn v2(&self, mch_id: &MchId) -> String {
        format!("{}/v2/{mch_id}", self.0)
    }

    /// Where V3 notices of a merchant come.
    #[must_use]
    pub fn v3(&self, mch_id: &MchId) -> String {
        format!("{}/v3/{mch_id}", self.0)
    }
}

impl WechatHosts {
    /// Each host, in the order in which they are tried: `https://<host>` without a path.
    pub fn iter(&self) -> impl Iterator<Item = &str> {
        self.hosts.iter().map(String::as_str)
    }

    /// All of them, separated by commas.
    #[must_use]
    pub fn joined(&self) -> String {
        self.hosts.join(",")
    }

    /// Whether WeChat is a program on this machine.
    #[must_use]
    pub fn is_loopback(&self) -> bool {
        self.hosts.iter().all(|host| is_loopback(host))
    }
}

impl Env {
    /// The hosts of WeChat: `PAPAY_WECHAT_HOSTS`, separated by commas; WeChat's own where it is not set.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] unless each is `https://<host>`, or `http://` on loopback.
    pub fn wechat_hosts(&self) -> Result<WechatHosts, Misconfigured> {
        let text = self.optional(HOSTS).unwrap_or_else(|| DEFAULT_HOSTS.to_owned());
        let hosts: Vec<String> = text.split(',').map(|host| host.trim().to_owned()).collect();
        for host in &hosts {
            let allowed = is_origin(host, "https://") || (is_origin(host, "http://") && is_loopback(host));
            if !allowed {
                return Err(Misconfigured::new(HOSTS, "https://<host> each, without a path; http:// on loopback only"));
            }
        }
        let loopback = hosts.iter().filter(|host| is_loopback(host)).count();
        if loopback != 0 && loopback != hosts.len() {
            return Err(Misconfigured::new(HOSTS, "either WeChat, or programs on this machine"));
        }
        Ok(WechatHosts { hosts })
    }

    /// Where WeChat notifies us.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] unless it is an `https://` address without query string and fragment; `http://` is allowed where WeChat
    /// itself is on loopback.
    pub fn notify_url(&self, what: NotifyUrl) -> Result<NotifyBase, Misconfigured> {
        let name = what.variable();
        let url = self.required(name)?;
        let rest = match (url.strip_prefix("https://"), url.strip_prefix("http://")) {
            (Some(rest), _) => rest,
            (None, Some(rest)) if self.wechat_hosts()?.is_loopback() => rest,
            (None, _) => return Err(Misconfigured::new(name, "begins with https://")),
        };
        if url.contains(['?', '#']) {
            return Err(Misconfigured::new(name, "no query string: WeChat refuses it"));
        }
        let base = url.strip_suffix('/').unwrap_or(&url);
        let host = rest.split('/').next().unwrap_or_default();
        let printable =
            url.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'<' | b'>' | b'&' | b'\\'));
        if host.is_empty() || host.contains('@') || !printable || url.len() > LONGEST {
            return Err(Misconfigured::new(name, "a whole address of at most 220 ASCII characters"));
        }
        Ok(NotifyBase(base.to_owned()))
    }
}

fn is_origin(url: &str, scheme: &str) -> bool {
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b':' | b'[' | b']');
    url.strip_prefix(scheme).is_some_and(|host| !host.is_empty() && host.bytes().all(allowed))
}

fn is_loopback(origin: &str) -> bool {
    let host = origin.split_once("://").map_or(origin, |(_, host)| host);
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or_default(),
        None => host.split(':').next().unwrap_or_default(),
    };
    name == "localhost" || name.parse::<std::net::IpAddr>().is_ok_and(|address| address.is_loopback())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::SystemClock;

    fn env(variables: &[(&str, &str)]) -> Env {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Env::of(variables, Arc::new(SystemClock))
    }

    #[test]
    fn wechat_is_asked_over_https_unless_it_is_on_this_machine() {
        let hosts = |text: &str| env(&[(HOSTS, text)]).wechat_hosts();
        assert_eq!(env(&[]).wechat_hosts().unwrap().joined(), DEFAULT_HOSTS);
        assert!(!env(&[]).wechat_hosts().unwrap().is_loopback());
        for local in ["http://127.0.0.1:9704", "http://localhost:9704", "http://[::1]:9704,https://127.0.0.2"] {
            assert!(hosts(local).unwrap().is_loopback(), "{local}");
        }
        let both = hosts("https://a.example, https://b.example").unwrap();
        assert_eq!(both.iter().collect::<Vec<_>>(), ["https://a.example", "https://b.example"]);
        for wrong in [
            "http://api.mch.weixin.qq.com",
            "http://127.0.0.1.example.com",
            "https://api.mch.weixin.qq.com/",
            "https://api.mch.weixin.qq.com/pay",
            "https://u@api.mch.weixin.qq.com",
            "api.mch.weixin.qq.com",
            "https://",
            "https://a.example,",
            "https://a.example,http://127.0.0.1",
            "https://a.example,https://127.0.0.1",
        ] {
            assert_eq!(hosts(wrong).unwrap_err().field, HOSTS, "{wrong}");
        }
    }

    #[test]
    fn wechat_notifies_us_over_https_at_a_path_that_names_the_merchant() {
        let mch_id = MchId::parse("10000100").unwrap();
        let url = |url: &str| env(&[("PAPAY_URL_REFUND", url)]).notify_url(NotifyUrl::Refund);
        for good in ["https://r.example", "https://r.example/", "https://r.example/hooks"] {
            let expected = format!("{}/v2/10000100", good.trim_end_matches('/'));
            assert_eq!(url(good).unwrap().v2(&mch_id), expected);
            assert_eq!(url(good).unwrap().v3(&mch_id), expected.replace("/v2/", "/v3/"));
        }
        for (wrong, problem) in [
            ("", "is not set"),
            ("http://r.example", "begins with https://"),
            ("r.example", "begins with https://"),
            ("https://r.example?a=b", "no query string: WeChat refuses it"),
            ("https://r.example#a", "no query string: WeChat refuses it"),
            ("https:///x", "a whole address of at most 220 ASCII characters"),
            ("https://u@r.example", "a whole address of at most 220 ASCII characters"),
            ("https://r.example/a b", "a whole address of at most 220 ASCII characters"),
            ("https://r.example/续", "a whole address of at most 220 ASCII characters"),
        ] {
            assert_eq!(url(wrong).unwrap_err().to_string(), format!("PAPAY_URL_REFUND: {problem}"), "{wrong}");
        }
        assert!(url(&format!("https://r.example/{}", "a".repeat(220))).is_err());
        let local = [(HOSTS, "http://127.0.0.1:9704"), ("PAPAY_URL_CONTRACT", "http://127.0.0.1:9712")];
        assert_eq!(
            env(&local).notify_url(NotifyUrl::Contract).unwrap().v2(&mch_id),
            "http://127.0.0.1:9712/v2/10000100"
        );
        assert_eq!(env(&local).notify_url(NotifyUrl::Deduction).unwrap_err().field, "PAPAY_URL_DEDUCTION");
    }
}
