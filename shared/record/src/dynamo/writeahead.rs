//! Idempotency records, guards and counts.

use aws_sdk_dynamodb::operation::update_item::UpdateItemError;
use aws_sdk_dynamodb::types::{AttributeValue, ReturnValue};
use domain::{ContractCode, MchId, SignedDuration, Timestamp};
use serde::Deserialize;

use super::DynamoLedger;
use super::error::describe;
use super::items::journal_key;
use super::values::{Item, number, string, text};
use crate::keys::unhex;
use crate::writeahead::{COUNT_KEPT_S, count_key};
use crate::{Done, DueItem, JournalKey, LedgerError, Pointer, Standing, Writeahead};

impl Writeahead for DynamoLedger {
    async fn standing(
        &self,
        _mch_id: &MchId,
        idempotency: Option<&JournalKey>,
        guards: &[String],
    ) -> Result<Standing, LedgerError> {
        self.read_standing(idempotency, guards).await
    }

    async fn count(&self, mch_id: &MchId, principal: &str, now: Timestamp) -> Result<u64, LedgerError> {
        let key = count_key(mch_id, principal, now);
        let ttl = now.as_second().saturating_add(COUNT_KEPT_S);
        let counted = self
            .client
            .update_item()
            .table_name(&self.tables.inbox)
            .set_key(Some(journal_key(&key)))
            .update_expression("SET #schema = :schema, #ttl = :ttl ADD #calls :one")
            .expression_attribute_names("#schema", "schema")
            .expression_attribute_names("#ttl", "ttl")
            .expression_attribute_names("#calls", "calls")
            .expression_attribute_values(":schema", number(domain::SCHEMA))
            .expression_attribute_values(":ttl", number(ttl))
            .expression_attribute_values(":one", number(1))
            .return_values(ReturnValue::UpdatedNew)
            .send()
            .await
            .map_err(|error| LedgerError::Unavailable(describe(&error)))?;
        let calls = counted.attributes().and_then(|item| item.get("calls"));
        match calls {
            Some(AttributeValue::N(calls)) => calls.parse().map_err(|_| unreadable(&key.subject, "calls")),
            Some(_) | None => Err(unreadable(&key.subject, "calls")),
        }
    }

    async fn may_ask(
        &self,
        mch_id: &MchId,
        item: &DueItem,
        pause: SignedDuration,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let before = now.saturating_sub(pause).unwrap_or(now);
        let after = now.saturating_add(pause).unwrap_or(now);
        let noted = self
            .client
            .update_item()
            .table_name(&self.tables.ledger)
            .key("pk", text(&item.key(mch_id)))
            .update_expression("SET asked_at = :now")
            // A time that lies ahead by more than the pause is of a clock that went back; two processes differ by less.
            .condition_expression(
                "attribute_exists(pk) AND (attribute_not_exists(asked_at) OR asked_at <= :before OR asked_at > :after)",
            )
            .expression_attribute_values(":now", number(now.as_millisecond()))
            .expression_attribute_values(":before", number(before.as_millisecond()))
            .expression_attribute_values(":after", number(after.as_millisecond()))
            .send()
            .await;
        match noted {
            Ok(_) => Ok(true),
            Err(error) => match error.as_service_error() {
                // Asked a moment ago, or being written at this very moment: it is on record as it is.
                Some(
                    UpdateItemError::ConditionalCheckFailedException(_)
                    | UpdateItemError::TransactionConflictException(_),
                ) => Ok(false),
                Some(_) | None => Err(LedgerError::Unavailable(describe(&error))),
            },
        }
    }
}

impl DynamoLedger {
    pub(super) async fn read_standing(
        &self,
        idempotency: Option<&JournalKey>,
        guards: &[String],
    ) -> Result<Standing, LedgerError> {
        let ledger = self.tables.ledger.as_str();
        let mut wanted: Vec<_> =
            guards.iter().map(|key| (ledger, Item::from([("pk".to_owned(), text(key))]))).collect();
        wanted.extend(idempotency.map(|key| (self.tables.inbox.as_str(), journal_key(key))));
        if wanted.is_empty() {
            return Ok(Standing { done: None, guards: Vec::new() });
        }
        let mut found = self.batch_get(wanted).await?;
        let done = found.remove(&self.tables.inbox).and_then(|items| items.into_iter().next());
        let pointers = found.remove(&self.tables.ledger).unwrap_or_default();
        let pointer = |key: &String| {
            let item = pointers.iter().find(|item| string(item, "pk") == *key);
            item.map(|item| pointer(key, item.clone())).transpose()
        };
        Ok(Standing {
            done: done.map(|item| done_before(&item)).transpose()?,
            guards: guards.iter().map(pointer).collect::<Result<_, _>>()?,
        })
    }
}

#[derive(Deserialize)]
struct Guard {
    contract_code: ContractCode,
    version: u64,
}

fn pointer(key: &str, item: Item) -> Result<Pointer, LedgerError> {
    let Guard { contract_code, version } =
        serde_dynamo::from_item(item).map_err(|_| unreadable(key, "an attribute is not what we write"))?;
    Ok(Pointer { contract_code, version })
}

fn done_before(item: &Item) -> Result<Done, LedgerError> {
    let body_hash = unhex(&string(item, "body_hash"));
    let body_hash = body_hash.ok_or_else(|| unreadable(&string(item, "subject"), "body_hash"))?;
    Ok(Done { body_hash, resource: string(item, "resource") })
}

fn unreadable(key: &str, reason: &str) -> LedgerError {
    LedgerError::Unreadable { key: key.to_owned(), reason: reason.to_owned() }
}
