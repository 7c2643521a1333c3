//! The contract templates of the simulator.

use std::collections::BTreeSet;

use domain::MchId;
use simulator::Template;

use super::{Check, ConfigError};

impl Check<'_> {
    pub(super) fn templates(&self, templates: &[Template], known: &[MchId]) -> Result<(), ConfigError> {
        let mut numbers = BTreeSet::new();
        for (index, template) in templates.iter().enumerate() {
            let at = |field: &str| format!("templates[{index}].{field}");
            if !known.iter().any(|mch_id| mch_id.as_str() == template.mch_id) {
                return Err(self.field(at("mch_id"), "names one that is not configured"));
            }
            if template.plan_id.is_empty() || !template.plan_id.bytes().all(|digit| digit.is_ascii_digit()) {
                return Err(self.field(at("plan_id"), "digits only"));
            }
            if !numbers.insert((&template.mch_id, &template.plan_id)) {
                return Err(self.field(at("plan_id"), "is there twice"));
            }
        }
        Ok(())
    }
}
