//! Items in DynamoDB's own JSON, and what one holds of another.

use aws_sdk_dynamodb::primitives::Blob;
use aws_sdk_dynamodb::types::AttributeValue;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde_json::{Map, Value, json};

use crate::harness::Item;

pub(super) fn to_json(item: &Item) -> Value {
    Value::Object(item.iter().map(|(name, value)| (name.clone(), attribute_to_json(value))).collect())
}

fn attribute_to_json(value: &AttributeValue) -> Value {
    match value {
        AttributeValue::S(text) => json!({ "S": text }),
        AttributeValue::N(number) => json!({ "N": number }),
        AttributeValue::Bool(bool) => json!({ "BOOL": bool }),
        AttributeValue::B(bytes) => json!({ "B": STANDARD.encode(bytes.as_ref()) }),
        AttributeValue::Null(_) => json!({ "NULL": true }),
        AttributeValue::Ss(texts) => {
            let mut texts = texts.clone();
            texts.sort();
            json!({ "SS": texts })
        }
        AttributeValue::L(values) => json!({ "L": values.iter().map(attribute_to_json).collect::<Vec<_>>() }),
        AttributeValue::M(map) => json!({ "M": to_json(map) }),
        other => panic!("we write no {other:?}"),
    }
}

pub(super) fn from_json(item: &Value) -> Item {
    item.as_object().unwrap().iter().map(|(name, value)| (name.clone(), attribute_from_json(value))).collect()
}

fn attribute_from_json(value: &Value) -> AttributeValue {
    let (kind, value) = value.as_object().unwrap().iter().next().unwrap();
    let text = || value.as_str().unwrap().to_owned();
    match kind.as_str() {
        "S" => AttributeValue::S(text()),
        "N" => AttributeValue::N(text()),
        "BOOL" => AttributeValue::Bool(value.as_bool().unwrap()),
        "B" => AttributeValue::B(Blob::new(STANDARD.decode(text()).unwrap())),
        "NULL" => AttributeValue::Null(true),
        "SS" => {
            AttributeValue::Ss(value.as_array().unwrap().iter().map(|text| text.as_str().unwrap().into()).collect())
        }
        "L" => AttributeValue::L(value.as_array().unwrap().iter().map(attribute_from_json).collect()),
        "M" => AttributeValue::M(from_json(value)),
        other => panic!("no attribute is of type {other}"),
    }
}

/// What `whole` lacks of `part`, as paths: a member that is not there, or that says something else. Null says nothing.
pub(super) fn lost(part: &Value, whole: &Value) -> Vec<String> {
    match (part, whole) {
        (Value::Object(part), Value::Object(whole)) => {
            let said = part.iter().filter(|(_, value)| !is_nothing(value));
            said.flat_map(|(name, value)| match whole.get(name) {
                Some(now) => lost(value, now).into_iter().map(|path| format!("{name}.{path}")).collect(),
                None => vec![format!("{name} is gone")],
            })
            .collect()
        }
        _ if part == whole => Vec::new(),
        _ => vec![format!("{part} has become {whole}")],
    }
}

fn is_nothing(value: &Value) -> bool {
    value.is_null() || *value == json!({ "NULL": true })
}

/// The form of a value: its members and their types; of a word of ours, the word.
pub(super) fn form(value: &Value) -> Value {
    match value {
        Value::Object(members) => {
            let said = members.iter().filter(|(_, value)| !is_nothing(value));
            Value::Object(said.map(|(name, value)| (name.clone(), form(value))).collect())
        }
        Value::Array(_) => json!("list"),
        Value::String(_) => json!("text"),
        Value::Number(_) => json!("number"),
        Value::Bool(_) => json!("bool"),
        Value::Null => json!("null"),
    }
}

/// What two forms have in common.
pub(super) fn common(one: Value, other: &Value) -> Value {
    match (one, other) {
        (Value::Object(one), Value::Object(other)) => {
            let both =
                one.into_iter().filter_map(|(name, value)| Some((name.clone(), common(value, other.get(&name)?))));
            Value::Object(both.collect::<Map<_, _>>())
        }
        (one, _) => one,
    }
}
