//! The services of password-exempt payment (免密支付服务) that the simulator knows.

use std::collections::BTreeSet;

use domain::MchId;
use simulator::Service;

use super::{Check, ConfigError};

impl Check<'_> {
    pub(super) fn services(&self, services: &[Service], known: &[MchId]) -> Result<(), ConfigError> {
        let mut numbers = BTreeSet::new();
        for (index, service) in services.iter().enumerate() {
            let at = |field: &str| format!("services[{index}].{field}");
            if !known.iter().any(|mch_id| mch_id.as_str() == service.mch_id) {
                return Err(self.field(at("mch_id"), "names one that is not configured"));
            }
            if service.service_id == 0 {
                return Err(self.field(at("service_id"), "1 or more"));
            }
            if !numbers.insert((&service.mch_id, service.service_id)) {
                return Err(self.field(at("service_id"), "is there twice"));
            }
        }
        Ok(())
    }
}
