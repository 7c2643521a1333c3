//! The routing table: which consumer gets which events.

use domain::{Consumer, MchId};
use serde::{Deserialize, Serialize};

/// One line of the routing table.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Route {
    /// The consumer; its queue is `<consumer>.fifo`.
    pub consumer: Consumer,
    /// The merchants whose events it gets; empty means every merchant.
    #[serde(default)]
    pub merchants: Vec<MchId>,
    /// The event types it gets, whole (`papay.payment.succeeded.v1`) or up to a `*` (`papay.refund.*`); empty means all.
    #[serde(default)]
    pub types: Vec<String>,
}

/// Which consumer gets which events. It is read when an event is frozen, so a change does not reroute history.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Routing {
    /// The lines; a consumer gets an event once, however many lines name it.
    pub routes: Vec<Route>,
}

impl Routing {
    /// The consumers of an event, each once.
    pub fn consumers<'a>(&'a self, mch_id: &'a MchId, event_type: &'a str) -> impl Iterator<Item = &'a Consumer> {
        self.routes.iter().filter(move |route| route.takes(mch_id, event_type)).map(|route| &route.consumer)
    }
}

impl Route {
    fn takes(&self, mch_id: &MchId, event_type: &str) -> bool {
        let of_merchant = self.merchants.is_empty() || self.merchants.contains(mch_id);
        let of_type = self.types.is_empty()
            || self.types.iter().any(|pattern| match pattern.strip_suffix('*') {
                Some(prefix) => event_type.starts_with(prefix),
                None => event_type == pattern,
            });
        of_merchant && of_type
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_route_names_merchants_and_types() {
        let route = |consumer: &str, merchants: &[&str], types: &[&str]| Route {
            consumer: consumer.to_owned(),
            merchants: merchants.iter().map(|text| MchId::parse(text).unwrap()).collect(),
            types: types.iter().map(|text| (*text).to_owned()).collect(),
        };
        let routing = Routing {
            routes: vec![
                route("all", &[], &[]),
                route("refunds", &[], &["papay.refund.*"]),
                route("one", &["10000100"], &["papay.payment.succeeded.v1"]),
            ],
        };
        let to = |mch: &str, event: &str| -> Vec<String> {
            routing.consumers(&MchId::parse(mch).unwrap(), event).cloned().collect()
        };
        assert_eq!(to("10000100", "papay.payment.succeeded.v1"), ["all", "one"]);
        assert_eq!(to("10000200", "papay.payment.succeeded.v1"), ["all"]);
        assert_eq!(to("10000100", "papay.refund.closed.v1"), ["all", "refunds"]);
    }
}
