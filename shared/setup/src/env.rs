//! The environment of a function, parsed into types at start.

use std::collections::BTreeMap;
use std::fmt;
use std::net::Ipv4Addr;
use std::sync::Arc;

use domain::{Consumer, MchId};
use record::{Routing, Tables};
use serde::de::DeserializeOwned;

use crate::{Clock, SystemClock};

/// A variable of the environment, or a secret, that is missing or breaks its rule. The function does not start.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{field}: {problem}")]
pub struct Misconfigured {
    /// The variable, or the secret and its field.
    pub field: String,
    /// What is wrong with it. Never its value.
    pub problem: String,
}

impl Misconfigured {
    /// Something is wrong with `field`.
    pub fn new(field: impl Into<String>, problem: impl fmt::Display) -> Self {
        Self { field: field.into(), problem: problem.to_string() }
    }
}

/// Where variables come from.
type Variables = dyn Fn(&str) -> Option<String> + Send + Sync;

/// The variables and the clock that a function runs with.
#[derive(Clone)]
pub struct Env {
    variables: Arc<Variables>,
    /// The clock.
    pub clock: Arc<dyn Clock>,
}

impl fmt::Debug for Env {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Env").field("clock", &self.clock).finish_non_exhaustive()
    }
}

impl Env {
    /// The process's own environment and the system's clock: what a deployed function runs with.
    #[must_use]
    pub fn system() -> Self {
        Self::with_clock(Arc::new(SystemClock))
    }

    /// The process's own environment and another clock.
    #[must_use]
    pub fn with_clock(clock: Arc<dyn Clock>) -> Self {
        Self { variables: Arc::new(|name| std::env::var(name).ok()), clock }
    }

    /// Given variables, for tests and tools.
    #[must_use]
    pub fn of(variables: BTreeMap<String, String>, clock: Arc<dyn Clock>) -> Self {
        Self { variables: Arc::new(move |name| variables.get(name).cloned()), clock }
    }

    /// A variable that may be absent; an empty one counts as absent.
    #[must_use]
    pub fn optional(&self, name: &str) -> Option<String> {
        (self.variables)(name).filter(|value| !value.is_empty())
    }

    /// A variable that must be there.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] names it.
    pub fn required(&self, name: &str) -> Result<String, Misconfigured> {
        self.optional(name).ok_or_else(|| Misconfigured::new(name, "is not set"))
    }

    /// The tables: `PAPAY_TABLE_LEDGER`, `PAPAY_TABLE_INBOX`, `PAPAY_TABLE_OUTBOX`.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] names the one that is missing.
    pub fn tables(&self) -> Result<Tables, Misconfigured> {
        Ok(Tables {
            ledger: self.required("PAPAY_TABLE_LEDGER")?,
            inbox: self.required("PAPAY_TABLE_INBOX")?,
            outbox: self.required("PAPAY_TABLE_OUTBOX")?,
        })
    }

    /// The routing table: `PAPAY_ROUTING`, JSON such as `[{"consumer": "membership", "types": ["papay.contract.*"]}]`.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] if it is missing or not such a list.
    pub fn routing(&self) -> Result<Routing, Misconfigured> {
        self.json("PAPAY_ROUTING")
    }

    /// The queue of each consumer: `PAPAY_QUEUES`, JSON such as `{"membership": "https://sqs…/membership.fifo"}`.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] if it is missing or not such an object.
    pub fn queues(&self) -> Result<BTreeMap<Consumer, String>, Misconfigured> {
        self.json("PAPAY_QUEUES")
    }

    /// The worker's queue, where due checks go: `PAPAY_QUEUE_WORK`, a URL.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] if it is missing.
    pub fn work_queue(&self) -> Result<String, Misconfigured> {
        self.required("PAPAY_QUEUE_WORK")
    }

    /// The merchants whose callbacks are answered: `PAPAY_MERCHANTS`, numbers separated by commas.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] if there is none or one is not a merchant number.
    pub fn merchants(&self) -> Result<Vec<MchId>, Misconfigured> {
        let name = "PAPAY_MERCHANTS";
        let merchants = self.required(name)?;
        merchants
            .split(',')
            .map(|text| MchId::parse(text.trim()).map_err(|error| Misconfigured::new(name, error)))
            .collect()
    }

    /// The merchants whose pay-and-sign orders are refunded by APIv3, which needs no client certificate: `PAPAY_REFUNDS_BY_V3`, numbers
    /// separated by commas. Without it each order is refunded by the protocol that it was made with.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] if one is not among [`Env::merchants`].
    pub fn refunds_by_v3(&self) -> Result<Vec<MchId>, Misconfigured> {
        let name = "PAPAY_REFUNDS_BY_V3";
        let Some(numbers) = self.optional(name) else { return Ok(Vec::new()) };
        let known = self.merchants()?;
        let find = |text: &str| known.iter().find(|mch_id| mch_id.as_str() == text.trim()).cloned();
        let found: Option<Vec<_>> = numbers.split(',').map(find).collect();
        found.ok_or_else(|| Misconfigured::new(name, "names one that is not in PAPAY_MERCHANTS"))
    }

    /// The address that requests to WeChat name where the field wants the server's: `PAPAY_SERVER_IP`. A function has none of its own, and
    /// WeChat does not compare it, so loopback does where none is set.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] unless it is IPv4, which is all that the field holds.
    pub fn server_ip(&self) -> Result<Ipv4Addr, Misconfigured> {
        let name = "PAPAY_SERVER_IP";
        let Some(text) = self.optional(name) else { return Ok(Ipv4Addr::LOCALHOST) };
        text.parse().map_err(|_| Misconfigured::new(name, "is an IPv4 address"))
    }

    fn json<T: DeserializeOwned>(&self, name: &str) -> Result<T, Misconfigured> {
        serde_json::from_str(&self.required(name)?).map_err(|error| Misconfigured::new(name, error))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn env(variables: &[(&str, &str)]) -> Env {
        let variables = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
        Env::of(variables, Arc::new(SystemClock))
    }

    #[test]
    fn what_is_wrong_is_named_with_its_rule() {
        let missing = env(&[("PAPAY_TABLE_LEDGER", "ledger")]).tables().unwrap_err();
        assert_eq!(missing.to_string(), "PAPAY_TABLE_INBOX: is not set");
        let merchant = env(&[("PAPAY_MERCHANTS", "10000100,abc")]).merchants().unwrap_err();
        assert_eq!(merchant.to_string(), "PAPAY_MERCHANTS: mch_id: 1 to 32 digits");
        let routing = env(&[("PAPAY_ROUTING", r#"[{"consumer": "a", "typos": []}]"#)]).routing().unwrap_err();
        assert!(routing.to_string().contains("PAPAY_ROUTING: unknown field `typos`"), "{routing}");
    }

    #[test]
    fn the_servers_address_is_ipv4_and_loopback_where_none_is_set() {
        let ip = |variables: &[(&str, &str)]| env(variables).server_ip();
        assert_eq!(ip(&[]), Ok(Ipv4Addr::LOCALHOST));
        assert_eq!(ip(&[("PAPAY_SERVER_IP", "198.51.100.7")]), Ok(Ipv4Addr::new(198, 51, 100, 7)));
        let wrong = ip(&[("PAPAY_SERVER_IP", "2001:db8::1")]).unwrap_err();
        assert_eq!(wrong.to_string(), "PAPAY_SERVER_IP: is an IPv4 address");
    }

    #[test]
    fn who_refunds_by_v3_is_one_of_the_merchants_and_nobody_by_default() {
        let of = |numbers: &str| {
            let variables = [("PAPAY_MERCHANTS", "10000100,10000200"), ("PAPAY_REFUNDS_BY_V3", numbers)];
            env(&variables).refunds_by_v3()
        };
        let numbers = |merchants: Vec<MchId>| merchants.iter().map(ToString::to_string).collect::<Vec<_>>();
        assert_eq!(numbers(of("").unwrap()), [""; 0]);
        assert_eq!(numbers(of("10000200").unwrap()), ["10000200"]);
        assert_eq!(numbers(of("10000100, 10000200").unwrap()), ["10000100", "10000200"]);
        let wrong = of("10000100,10000300").unwrap_err();
        assert_eq!(wrong.to_string(), "PAPAY_REFUNDS_BY_V3: names one that is not in PAPAY_MERCHANTS");
    }

    #[test]
    fn the_routing_table_and_the_queues_are_json() {
        let env = env(&[
            ("PAPAY_ROUTING", r#"[{"consumer": "a", "merchants": ["10000100"], "types": ["papay.refund.*"]}]"#),
            ("PAPAY_QUEUES", r#"{"a": "http://127.0.0.1:9702/a.fifo"}"#),
        ]);
        assert_eq!(env.routing().unwrap().routes.len(), 1);
        assert_eq!(env.queues().unwrap()["a"], "http://127.0.0.1:9702/a.fifo");
    }
}
