//! What is on record, told by the number that is asked for: there are as many orders as anyone likes, and nothing is kept.

use counterparty::Numbers;
use domain::{
    AppId, Contract, ContractCode, ContractId, ContractState, Fen, MchId, Order, OrderKind, OrderState, OutTradeNo,
    PlanId, Protocol, SCHEMA, SignatureAlgorithm, Timestamp, TransactionId,
};
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::Failure;

/// A one-off order, V3: new ones end in `N`, paid ones in `D`.
pub(crate) fn one_off(index: u64, is_paid: bool) -> String {
    format!("ONEOFF{index:010}{}", if is_paid { "D" } else { "N" })
}

/// A deduction of the example's contract, V2: paid ones are second attempts.
pub(crate) fn deduction(index: u64, is_paid: bool) -> String {
    let contract = Numbers::example(0).contract_code;
    let (head, _) = contract.split_at(contract.len().saturating_sub(4));
    // Contract codes differ, so that no two of a thousand orders are one item.
    format!("{head}{:04}P{:04}A{}", index / 10_000 % 10_000, index % 10_000, if is_paid { "02" } else { "01" })
}

/// The item with this key, as DynamoDB writes it; none for a key that is not of this kind.
pub(crate) fn item(key: &str) -> Result<Option<Value>, Failure> {
    let mut parts = key.splitn(3, '#');
    let (mch_id, kind, number) = (parts.next(), parts.next(), parts.next());
    let mch_id = MchId::parse(mch_id.unwrap_or_default())?;
    match (kind, number) {
        (Some("O"), Some(number)) => Ok(Some(row(key, "order", &order(mch_id, OutTradeNo::parse(number)?)?)?)),
        (Some("C"), Some(code)) => Ok(Some(row(key, "contract", &contract(mch_id, ContractCode::parse(code)?)?)?)),
        _ => Ok(None),
    }
}

fn order(mch_id: MchId, out_trade_no: OutTradeNo) -> Result<Order, Failure> {
    let numbers = Numbers::example(0);
    let contract_code = out_trade_no.contract_code();
    let is_deduction = contract_code.is_some();
    let is_paid = out_trade_no.as_str().ends_with("A02") || out_trade_no.as_str().ends_with('D');
    Ok(Order {
        schema: SCHEMA,
        mch_id,
        kind: if is_deduction { OrderKind::Deduction } else { OrderKind::OneOff },
        protocol: if is_deduction { Protocol::V2 } else { Protocol::V3 },
        appid: AppId::parse(&numbers.appid)?,
        amount: Fen::new(numbers.total),
        signature: if is_deduction { SignatureAlgorithm::Md5 } else { SignatureAlgorithm::Rsa },
        contract_id: is_deduction.then(|| ContractId::parse(&numbers.contract_id)).transpose()?,
        contract_code,
        out_trade_no,
        openid: None,
        attach: None,
        product: None,
        channel: None,
        request: None,
        launch: None,
        state: if is_paid { OrderState::Paid } else { OrderState::Requested },
        transaction_id: is_paid.then(|| TransactionId::parse(&numbers.transaction_id)).transpose()?,
        trade_type: None,
        paid_at: is_paid.then_some(Timestamp::UNIX_EPOCH),
        failure: None,
        refunded: Fen::ZERO,
        reserved: Fen::ZERO,
        refunds: 0,
        last_refund_at: None,
        refunded_elsewhere: false,
        user: None,
        created_at: Timestamp::UNIX_EPOCH,
        expires_at: None,
        check: None,
    })
}

fn contract(mch_id: MchId, contract_code: ContractCode) -> Result<Contract, Failure> {
    let numbers = Numbers::example(0);
    Ok(Contract {
        schema: SCHEMA,
        mch_id,
        contract_code,
        plan_id: PlanId::parse(&numbers.plan_id)?,
        appid: AppId::parse(&numbers.appid)?,
        contract_id: Some(ContractId::parse(&numbers.contract_id)?),
        openid: None,
        user: None,
        product: None,
        channel: None,
        request_serial: None,
        display_account: None,
        metadata: None,
        request: None,
        launch: None,
        offered_until: None,
        open_deduction: None,
        paid_periods: std::collections::BTreeSet::new(),
        notice: None,
        state: ContractState::Signed,
        payment: None,
        not_signed_reason: None,
        existing: None,
        signed_at: Some(Timestamp::UNIX_EPOCH),
        expires_at: None,
        terminating_at: None,
        terminated_at: None,
        termination_reason: None,
        settled: None,
        created_at: Timestamp::UNIX_EPOCH,
        check: None,
    })
}

fn row<T: Serialize>(key: &str, kind: &str, value: &T) -> Result<Value, Failure> {
    let mut item = attributes(&serde_json::to_value(value)?);
    for (name, value) in [("pk", json!({ "S": key })), ("item", json!({ "S": kind })), ("version", json!({ "N": "1" }))]
    {
        item.insert(name.to_owned(), value);
    }
    Ok(Value::Object(item))
}

fn attributes(value: &Value) -> Map<String, Value> {
    let members = value.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    members.map(|(name, value)| (name.clone(), attribute(value))).collect()
}

fn attribute(value: &Value) -> Value {
    match value {
        Value::Null => json!({ "NULL": true }),
        Value::Bool(truth) => json!({ "BOOL": truth }),
        Value::Number(number) => json!({ "N": number.to_string() }),
        Value::String(text) => json!({ "S": text }),
        Value::Array(values) => json!({ "L": values.iter().map(attribute).collect::<Vec<_>>() }),
        Value::Object(_) => json!({ "M": attributes(value) }),
    }
}
