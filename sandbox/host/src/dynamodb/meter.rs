//! What each request cost: DynamoDB's own figures, asked for on the client's behalf.

use std::sync::{Mutex, PoisonError};

use serde_json::{Value, json};

/// One request that was metered.
#[derive(Debug, Clone, PartialEq)]
pub struct MeteredRequest {
    /// Its operation, such as `TransactWriteItems`.
    pub operation: String,
    /// The capacity units that it consumed, indexes included: write units of a write, read units of a read. A request
    /// that failed consumed none by this count.
    pub units: f64,
}

/// The requests so far, if they are counted.
#[derive(Debug, Default)]
pub(super) struct Meter {
    requests: Mutex<Option<Vec<MeteredRequest>>>,
}

impl Meter {
    pub(super) fn start(&self) {
        *self.lock() = Some(Vec::new());
    }

    pub(super) fn take(&self) -> Vec<MeteredRequest> {
        self.lock().as_mut().map(std::mem::take).unwrap_or_default()
    }

    pub(super) fn is_on(&self) -> bool {
        self.lock().is_some()
    }

    /// The request, asking for what it consumes; none if it already does, or is no request for items.
    pub(super) fn asking(operation: &str, body: &[u8]) -> Option<Vec<u8>> {
        const METERED: [&str; 10] = [
            "BatchGetItem",
            "BatchWriteItem",
            "DeleteItem",
            "GetItem",
            "PutItem",
            "Query",
            "Scan",
            "TransactGetItems",
            "TransactWriteItems",
            "UpdateItem",
        ];
        let mut body: Value = serde_json::from_slice(body).ok()?;
        if !METERED.contains(&operation) || body.get("ReturnConsumedCapacity").is_some_and(|asked| asked != "NONE") {
            return None;
        }
        body["ReturnConsumedCapacity"] = json!("TOTAL");
        Some(body.to_string().into_bytes())
    }

    pub(super) fn record(&self, operation: &str, answer: &[u8]) {
        let answer: Value = serde_json::from_slice(answer).unwrap_or_default();
        let consumed = &answer["ConsumedCapacity"];
        let tables = consumed.as_array().map_or(std::slice::from_ref(consumed), Vec::as_slice);
        let units = tables.iter().filter_map(|table| table["CapacityUnits"].as_f64()).sum();
        if let Some(requests) = self.lock().as_mut() {
            requests.push(MeteredRequest { operation: operation.to_owned(), units });
        }
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, Option<Vec<MeteredRequest>>> {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
