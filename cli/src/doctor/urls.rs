//! Addresses: what WeChat takes for one, whether somebody answers there, and what time it is there.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::{MchId, Timestamp};
use setup::{Env, NotifyUrl, SystemClock};
use wechat::{Failure, Http, Incoming};

use super::probe::{date, get};
use super::{At, Finding};

/// WeChat's window for the time in a V3 signature is 300 s, AWS's for a request the same.
const SKEW_THAT_FAILS: u64 = 240;
const SKEW_TO_LOOK_AT: u64 = 30;

/// Who may call an address.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Door {
    /// WeChat: whatever is no notification is refused.
    Callback,
    /// The app: without a token nobody gets in.
    App,
    /// The back end: AWS itself turns strangers away.
    BackEnd,
    /// The back end of a laptop: open on loopback.
    LocalBackEnd,
    /// WeChat, through a distribution, whose filter may let in nobody else.
    BehindTheEdge,
    /// A public function behind a distribution, at its own address: it wants to see the origin secret.
    PastTheEdge,
}

/// Whether WeChat would take the address, and what a stranger hears there who asks what is asked for each of these merchants.
pub(super) async fn check(
    http: &Http,
    name: &str,
    url: &str,
    door: Door,
    merchants: &[MchId],
    wechat_hosts: &str,
) -> Vec<Finding> {
    let mut findings = Vec::new();
    if matches!(door, Door::Callback | Door::BehindTheEdge) {
        findings.push(rule(name, url, wechat_hosts));
    }
    let (at, mut told) = (At::new("reachable", name), None);
    for mch_id in merchants {
        let asked = format!("{}/{}", url.trim_end_matches('/'), path(name, mch_id));
        match get(http, &asked).await {
            Ok(answer) => {
                findings.push(heard(&at, &asked, door, &answer));
                told.get_or_insert(answer);
            }
            Err(error) => findings.push(at.failure(format_args!("{asked}: {}", describe(error)), network(error))),
        }
    }
    findings.extend(told.map(|answer| clock(name, &answer)));
    findings
}

/// What is asked of a function for a merchant: a distribution lets through no other paths.
fn path(name: &str, mch_id: &MchId) -> String {
    match name {
        "payment-callback" => format!("v3/{mch_id}"),
        "deduction-callback" | "contract-callback" | "refund-callback" => format!("v2/{mch_id}"),
        _ => format!("v1/{mch_id}/orders/0"),
    }
}

/// The time of an answer beside ours.
fn clock(name: &str, answer: &Incoming) -> Finding {
    let (at, now) = (At::new("clock", name), Timestamp::now());
    let Some(there) = date(answer) else {
        return at
            .unchecked("the answer does not tell the time", "compare this machine's clock with another one (NTP)");
    };
    let skew = there.as_second().abs_diff(now.as_second());
    let found = format!("{skew} s from this machine's");
    match skew {
        0..SKEW_TO_LOOK_AT => at.ok(found),
        SKEW_TO_LOOK_AT..SKEW_THAT_FAILS => at.warning(found, "set this machine's clock (NTP)"),
        _ => at.failure(found, "set this machine's clock (NTP): signatures older than 300 s are refused"),
    }
}

fn rule(name: &str, url: &str, wechat_hosts: &str) -> Finding {
    let at = At::new("notify URL", name);
    let variable = NotifyUrl::Contract;
    let variables = [(variable.variable(), url), ("PAPAY_WECHAT_HOSTS", wechat_hosts)];
    let variables = BTreeMap::from(variables.map(|(name, value)| (name.to_owned(), value.to_owned())));
    match Env::of(variables, Arc::new(SystemClock)).notify_url(variable) {
        Ok(_) => at.ok(url),
        Err(wrong) => {
            at.failure(format_args!("{url}: {}", wrong.problem), "give WeChat an https address without query string")
        }
    }
}

fn heard(at: &At, url: &str, door: Door, answer: &Incoming) -> Finding {
    let found = format!("{url} answers {}", answer.status);
    match (door, answer.status) {
        (Door::Callback | Door::BehindTheEdge, 405) | (Door::App, 401) | (Door::BackEnd | Door::PastTheEdge, 403) => at.ok(found),
        (Door::LocalBackEnd, 200..403 | 404..500) => at.ok(found),
        (Door::BackEnd, 200..403 | 404..500) => {
            at.failure(found, "strangers get in: AuthType must be AWS_IAM; deploy the template again")
        }
        (Door::PastTheEdge, 200..500) => {
            at.failure(found, "it can be called past the distribution: deploy with the same OriginSecrets")
        }
        (Door::BehindTheEdge, 403) => at.unchecked(
            found,
            "the filter lets WeChat's addresses in alone: ask from one of WechatAddresses; if it is 403 there, too, the origin secrets differ",
        ),
        (_, 403) => at.failure(
            found,
            "a permission of the URL is missing, or the origin secrets differ: deploy the template again",
        ),
        (_, 404) => at.failure(found, "something else answers there: compare the address with the stack's outputs"),
        (_, 429) => at.failure(found, "reserved concurrency is 0 or used up: docs/runbook/throttles.md"),
        (_, 500..) => {
            at.failure(found, "the function does not start or fails; its log names the reason: docs/runbook/errors.md")
        }
        _ => at.failure(found, "this is no answer of papay's: compare the address with the stack's outputs"),
    }
}

fn describe(error: Failure) -> &'static str {
    match error {
        Failure::NotConnected => "no connection",
        Failure::TimedOut => "no answer in time",
        Failure::Lost => "the connection was lost",
        Failure::TooLong => "the answer is too long",
        Failure::Certificate => "no TLS",
    }
}

fn network(error: Failure) -> &'static str {
    match error {
        Failure::NotConnected | Failure::Certificate => {
            "nobody listens there, the name is unknown, or its certificate is not trusted"
        }
        Failure::TimedOut | Failure::Lost | Failure::TooLong => "look at the function's log: docs/runbook/errors.md",
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::doctor::Level;

    fn answer(status: u16, date: &str) -> Incoming {
        Incoming { status, headers: vec![("date".to_owned(), date.to_owned())], body: Vec::new() }
    }

    #[test]
    fn every_answer_of_a_stranger_has_its_meaning() {
        let level =
            |door, status| heard(&At::new("reachable", "f"), "https://f.example", door, &answer(status, "")).level;
        for (door, good) in [
            (Door::Callback, 405),
            (Door::BehindTheEdge, 405),
            (Door::App, 401),
            (Door::BackEnd, 403),
            (Door::LocalBackEnd, 404),
        ] {
            assert_eq!(level(door, good), Level::Ok, "{door:?}");
            for wrong in [429, 500, 502, 503] {
                assert_eq!(
                    level(door, wrong),
                    if wrong == 429 && door == Door::LocalBackEnd { Level::Ok } else { Level::Failure }
                );
            }
        }
        assert_eq!(level(Door::Callback, 200), Level::Failure, "it takes anything");
        assert_eq!((level(Door::PastTheEdge, 403), level(Door::PastTheEdge, 405)), (Level::Ok, Level::Failure));
        assert_eq!(level(Door::BackEnd, 401), Level::Failure, "the function was reached without SigV4");
        assert_eq!(level(Door::Callback, 403), Level::Failure);
        assert_eq!(level(Door::App, 403), Level::Failure, "no filter keeps the app's users out");
        assert_eq!(level(Door::BehindTheEdge, 403), Level::Unchecked, "only WeChat is let in");
        assert_eq!(level(Door::BehindTheEdge, 404), Level::Failure, "WeChat would hear that, too");
    }

    #[test]
    fn each_function_is_asked_for_what_whoever_calls_it_asks_for() {
        let mch_id = MchId::parse("10000100").unwrap();
        assert_eq!(path("contract-callback", &mch_id), "v2/10000100");
        assert_eq!(path("payment-callback", &mch_id), "v3/10000100");
        assert_eq!(path("sign-api", &mch_id), "v1/10000100/orders/0");
    }

    #[test]
    fn an_address_without_tls_or_with_a_query_string_is_not_given_to_wechat() {
        let level = |url| rule("deduction-callback", url, "https://api.mch.weixin.qq.com").level;
        assert_eq!(level("https://a.example/"), Level::Ok);
        for wrong in ["http://a.example/", "https://a.example/?a=1", "https://a.example/#a", "a.example"] {
            assert_eq!(level(wrong), Level::Failure, "{wrong}");
        }
        let local = rule("deduction-callback", "http://127.0.0.1:9711/", "http://127.0.0.1:9704");
        assert_eq!(local.level, Level::Ok, "beside the simulator");
    }

    #[test]
    fn a_clock_that_is_off_is_told_before_signatures_are_refused() {
        let level = |offset: i64| {
            let then = Timestamp::from_second(Timestamp::now().as_second() + offset).unwrap();
            let date = jiff::fmt::rfc2822::to_string(&then.to_zoned(jiff::tz::TimeZone::UTC)).unwrap();
            clock("f", &answer(200, &date)).level
        };
        assert_eq!(
            [level(0), level(-60), level(60), level(-400), level(400)],
            [Level::Ok, Level::Warning, Level::Warning, Level::Failure, Level::Failure]
        );
        assert_eq!(clock("f", &answer(200, "yesterday")).level, Level::Unchecked);
        let silent = Incoming { status: 200, headers: Vec::new(), body: Vec::new() };
        assert_eq!(clock("f", &silent).level, Level::Unchecked);
    }
}
