//! Where WeChat, the app and the back end find a deployment, and what its functions tell WeChat.

use domain::MchId;
use setup::NotifyUrl;

use super::deployment::{DEPLOY, Doctor, READ};
use super::urls::{self, Door};
use super::{At, Finding};

/// What functions tell WeChat, and the function that is behind it.
const CALLBACKS: [(NotifyUrl, &str); 4] = [
    (NotifyUrl::Deduction, "deduction-callback"),
    (NotifyUrl::Payment, "payment-callback"),
    (NotifyUrl::Contract, "contract-callback"),
    (NotifyUrl::Refund, "refund-callback"),
];

const SIGN_API: &str = "sign-api";

const MERCHANT_API: &str = "merchant-api";

/// The first parts of a distribution's paths (`edge.yaml`) that WeChat and the app use.
const EDGE_DEDUCTION: &str = "/deduction";
const EDGE_APP: &str = "/app";

impl Doctor {
    /// Asks every address as whoever uses it would, for each merchant: a distribution knows no other paths.
    pub(super) async fn addresses(&mut self) {
        let merchants = self.mch_ids();
        if merchants.is_empty() {
            let at = At::new("reachable", self.stack.as_str());
            self.findings.push(at.unchecked("for no merchant that is known", READ));
        }
        for (what, function) in CALLBACKS {
            self.callback(what, function, &merchants).await;
        }
        self.app(&merchants).await;
        if let Some(url) = self.urls.get(MERCHANT_API).cloned() {
            self.ask(MERCHANT_API, &url, Door::BackEnd, &merchants).await;
        }
    }

    async fn callback(&mut self, what: NotifyUrl, function: &'static str, merchants: &[MchId]) {
        let (own, told, has_edge) =
            (self.urls.get(function).cloned(), self.told(what), self.is_behind_an_edge(function));
        let is_own = |url: &str| own.as_deref().is_some_and(|own| same(own, url));
        let at = At::new("notify URL", what.variable());
        if told.len() > 1 {
            self.findings.push(at.failure("two functions tell WeChat different addresses", DEPLOY));
        }
        for url in &told {
            self.findings.push(if is_own(url) {
                at.ok("is the function's own address")
            } else {
                at.ok(format_args!("{url}, which is not the function's own address: behind a distribution it is so"))
            });
            let door = if has_edge && !is_own(url) { Door::BehindTheEdge } else { Door::Callback };
            self.ask(function, url, door, merchants).await;
        }
        if let Some(own) = own.filter(|own| !told.iter().any(|url| same(own, url))) {
            let door = if has_edge { Door::PastTheEdge } else { Door::Callback };
            self.ask(function, &own, door, merchants).await;
        }
    }

    async fn app(&mut self, merchants: &[MchId]) {
        let has_edge = self.is_behind_an_edge(SIGN_API);
        if let Some(own) = self.urls.get(SIGN_API).cloned() {
            self.ask(SIGN_API, &own, if has_edge { Door::PastTheEdge } else { Door::App }, merchants).await;
        }
        if !has_edge {
            return;
        }
        match self.app_at_the_edge() {
            Some(url) => self.ask(SIGN_API, &url, Door::App, merchants).await,
            None => {
                let at = At::new("reachable", SIGN_API);
                let fix = "GET the output SignApiAddress, and /orders/0 behind it: it must be 401";
                self.findings.push(at.unchecked("its address at the distribution is not known", fix));
            }
        }
    }

    /// No function is told the app's address: it is beside the one that WeChat is told.
    fn app_at_the_edge(&self) -> Option<String> {
        let (what, function) = CALLBACKS[0];
        let told =
            self.told(what).into_iter().find(|url| !self.urls.get(function).is_some_and(|own| same(own, url)))?;
        Some(format!("{}{EDGE_APP}", told.trim_end_matches('/').strip_suffix(EDGE_DEDUCTION)?))
    }

    async fn ask(&mut self, function: &str, url: &str, door: Door, merchants: &[MchId]) {
        let hosts = self.wechat_hosts();
        let findings: Vec<Finding> = urls::check(&self.http, function, url, door, merchants, &hosts).await;
        self.findings.extend(findings);
    }
}

fn same(one: &str, other: &str) -> bool {
    one.trim_end_matches('/') == other.trim_end_matches('/')
}
