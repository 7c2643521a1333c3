//! What there is, as JSON. Bodies of notices are left out.

use std::collections::HashMap;

use axum::Json;
use axum::extract::{Path, Query};
use serde::Serialize;
use serde_json::{Value, json};

use super::State;
use super::control::{Answer, Problem};
use crate::model::{Key, Notice, World, key};
use crate::rules::Refused;
use crate::shared::Shared;

/// Everything.
pub(crate) async fn state(shared: State) -> Answer {
    look(&shared, |world| {
        Ok(json!({
            "orders": all(&world.orders)?,
            "contracts": all(&world.contracts)?,
            "refunds": all(&world.refunds)?,
            "exempt_contracts": all(&world.exempt)?,
            "notices": world.notices.values().map(described).collect::<Vec<_>>(),
            "users": serde_json::to_value(&world.users)?,
        }))
    })
}

pub(crate) async fn orders(shared: State, Path(mch_id): Path<String>) -> Answer {
    look(&shared, |world| of_merchant(&world.orders, &mch_id))
}

pub(crate) async fn order(shared: State, Path((mch_id, number)): Path<(String, String)>) -> Answer {
    look(&shared, |world| one(world.orders.get(&key(&mch_id, &number))))
}

pub(crate) async fn contracts(shared: State, Path(mch_id): Path<String>) -> Answer {
    look(&shared, |world| of_merchant(&world.contracts, &mch_id))
}

pub(crate) async fn contract(shared: State, Path((mch_id, number)): Path<(String, String)>) -> Answer {
    look(&shared, |world| one(world.contracts.get(&key(&mch_id, &number))))
}

pub(crate) async fn refunds(shared: State, Path(mch_id): Path<String>) -> Answer {
    look(&shared, |world| of_merchant(&world.refunds, &mch_id))
}

pub(crate) async fn refund(shared: State, Path((mch_id, number)): Path<(String, String)>) -> Answer {
    look(&shared, |world| one(world.refunds.get(&key(&mch_id, &number))))
}

/// The notices of a merchant, or those about one number.
pub(crate) async fn notices(
    shared: State,
    Path(mch_id): Path<String>,
    Query(query): Query<HashMap<String, String>>,
) -> Answer {
    let number = query.get("number");
    look(&shared, |world| {
        let ours = world.notices.values().filter(|notice| notice.mch_id == mch_id);
        let wanted = ours.filter(|notice| number.is_none_or(|number| notice.numbers.contains(number)));
        Ok(wanted.map(described).collect())
    })
}

fn look(shared: &Shared, look: impl FnOnce(&World) -> Result<Value, Problem>) -> Answer {
    shared.look(|inner| look(&inner.world)).map(Json)
}

fn all<T: Serialize>(rows: &std::collections::BTreeMap<Key, T>) -> Result<Value, Problem> {
    Ok(serde_json::to_value(rows.values().collect::<Vec<_>>())?)
}

fn of_merchant<T: Serialize>(rows: &std::collections::BTreeMap<Key, T>, mch_id: &str) -> Result<Value, Problem> {
    let prefix = key(mch_id, "");
    let ours = rows.iter().filter(|(key, _)| key.starts_with(&prefix)).map(|(_, row)| row);
    Ok(serde_json::to_value(ours.collect::<Vec<_>>())?)
}

fn one<T: Serialize>(row: Option<&T>) -> Result<Value, Problem> {
    Ok(serde_json::to_value(row.ok_or(Refused::Unknown)?)?)
}

fn described(notice: &Notice) -> Value {
    json!({
        "id": notice.id,
        "kind": notice.kind,
        "protocol": if notice.is_v3 { "v3" } else { "v2" },
        "numbers": notice.numbers,
        "url": notice.url,
        "state": notice.state,
        "next_at_ms": notice.next_at_ms,
        "deliveries": notice.deliveries,
        "doubles": notice.doubles,
    })
}
