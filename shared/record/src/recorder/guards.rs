//! Where guards point after a contract changed, and what they point at.

use std::collections::BTreeSet;

use domain::{AppId, Contract, Guard, Keys, MchId, Moved, OpenId, PlanId};

use super::Recorder;
use crate::keys::guard_key;
use crate::{Backoff, Commit, Expected, GuardWrite, Ledger, Pointer, RecordError, Row, Unchanged};

impl<L: Ledger, B: Backoff> Recorder<L, B> {
    /// The contract of this plan that a user of WeChat signed last, as far as it is known who signed.
    ///
    /// # Errors
    ///
    /// [`RecordError::Unavailable`], [`RecordError::Unreadable`].
    pub async fn signed_by(
        &self,
        mch_id: &MchId,
        plan_id: &PlanId,
        appid: &AppId,
        openid: &OpenId,
    ) -> Result<Option<Row<Contract>>, RecordError> {
        let guard = Guard::Payer(plan_id.clone(), appid.clone(), openid.clone());
        let pointer = self.pointer(&guard_key(mch_id, &guard)).await?;
        Ok(self.contracts(mch_id, pointer.iter()).await?.into_iter().next())
    }

    /// Adds to a transaction where guards point from here.
    pub(super) async fn move_guards(&self, moved: Vec<Moved>, commit: &mut Commit) -> Result<(), RecordError> {
        for Moved { guard, contract_code, yields } in moved {
            let key = guard_key(&commit.mch_id, &guard);
            if !yields {
                commit.guards.push(GuardWrite { key, contract_code, expected: None });
                continue;
            }
            let pointer = self.pointer(&key).await?;
            if pointer.as_ref().is_some_and(|pointer| pointer.contract_code == contract_code) {
                continue;
            }
            let pointed_at = self.contracts(&commit.mch_id, pointer.iter()).await?;
            if pointed_at.iter().any(|row| row.value.is_in_force()) {
                continue;
            }
            let expected = Some(pointer.map_or(Expected::Absent, |pointer| Expected::Version(pointer.version)));
            commit.guards.push(GuardWrite { key, contract_code, expected });
            commit.unchanged.extend(pointed_at.iter().map(unchanged));
        }
        Ok(())
    }

    async fn pointer(&self, key: &String) -> Result<Option<Pointer>, RecordError> {
        Ok(self.ledger.pointers(std::slice::from_ref(key)).await?.into_iter().next().flatten())
    }

    /// The contracts that guards point at, each once.
    pub(super) async fn contracts(
        &self,
        mch_id: &MchId,
        pointers: impl Iterator<Item = &Pointer>,
    ) -> Result<Vec<Row<Contract>>, RecordError> {
        let codes: BTreeSet<_> = pointers.map(|pointer| pointer.contract_code.clone()).collect();
        let mut contracts = Vec::new();
        for code in codes {
            let keys = Keys { contract: Some(code), ..Keys::default() };
            contracts.extend(self.ledger.load(mch_id, &keys).await?.contract);
        }
        Ok(contracts)
    }
}

pub(super) fn unchanged(row: &Row<Contract>) -> Unchanged {
    Unchanged { contract_code: row.value.contract_code.clone(), version: row.version }
}
