//! Is this a body that WeChat reads on?

use std::net::IpAddr;

use serde_json::{Map, Value};

use super::form::{Kind, Member};
use crate::rules::v3::Refusal;
use crate::time::from_rfc3339;

/// WeChat's number of a member that is in no table.
const EXTRA_MEMBER: u32 = 270_924_358;

/// Reads a body and checks it against its tables.
pub(crate) fn check(body: &[u8], tables: &[&[Member]]) -> Result<Value, Refusal> {
    let not_json = |_| Refusal::new("PARAM_ERROR", "请求体不是正确的JSON");
    let value: Value = serde_json::from_slice(body).map_err(not_json)?;
    let Value::Object(members) = &value else {
        return Err(Refusal::new("PARAM_ERROR", "请求体不是JSON对象"));
    };
    check_object("", members, tables)?;
    Ok(value)
}

fn check_object(at: &str, members: &Map<String, Value>, tables: &[&[Member]]) -> Result<(), Refusal> {
    let known = || tables.iter().copied().flatten();
    if let Some((name, value)) = members.iter().find(|(name, _)| !known().any(|member| member.name == **name)) {
        let extra = Refusal::parameter(&format!("{at}/{name}"), value, "存在多余的参数");
        return Err(extra.numbered(EXTRA_MEMBER));
    }
    for member in known() {
        let pointer = format!("{at}/{}", member.name);
        match members.get(member.name) {
            Some(value) => check_value(&pointer, value, member.kind)?,
            None if member.is_required => return Err(Refusal::parameter(&pointer, &Value::Null, "缺少必填参数")),
            None => {}
        }
    }
    Ok(())
}

fn check_value(at: &str, value: &Value, kind: Kind) -> Result<(), Refusal> {
    match (kind, value) {
        (Kind::Object(table), Value::Object(members)) => check_object(at, members, &[table]),
        (Kind::List(table), Value::Array(items)) if !items.is_empty() => {
            let mut items = items.iter().enumerate();
            items.try_for_each(|(index, item)| check_value(&format!("{at}/{index}"), item, Kind::Object(table)))
        }
        _ if is_right(value, kind) => Ok(()),
        _ => Err(Refusal::parameter(at, value, "参数值不符合要求")),
    }
}

fn is_right(value: &Value, kind: Kind) -> bool {
    match value {
        Value::String(text) => text.chars().all(|c| c.len_utf8() <= 3) && is_right_text(text, kind),
        Value::Number(number) => match kind {
            Kind::Number => number.is_u64(),
            Kind::Positive => number.as_u64().is_some_and(|number| number > 0),
            _ => false,
        },
        Value::Bool(_) => matches!(kind, Kind::Flag),
        Value::Null | Value::Array(_) | Value::Object(_) => false,
    }
}

fn is_right_text(text: &str, kind: Kind) -> bool {
    let is_of = |more: &[u8]| text.bytes().all(|b| b.is_ascii_alphanumeric() || more.contains(&b));
    match kind {
        Kind::Text(longest) => (1..=longest).contains(&text.chars().count()),
        Kind::Bytes(longest) => (1..=longest).contains(&text.len()),
        Kind::OrderNumber => (6..=32).contains(&text.len()) && is_of(b"_-|*"),
        Kind::RefundNumber => (1..=64).contains(&text.len()) && is_of(b"_-|*@"),
        Kind::Code(longest) => (1..=longest).contains(&text.len()) && is_of(b""),
        Kind::NotifyUrl(longest) => text.len() <= longest && is_notify_url(text),
        Kind::Time => from_rfc3339(text).is_some(),
        Kind::Address => text.parse::<IpAddr>().is_ok(),
        Kind::Word(words) => words.contains(&text),
        Kind::Number | Kind::Positive | Kind::Flag | Kind::Object(_) | Kind::List(_) => false,
    }
}

/// https, but for this machine, to which alone the simulator sends.
fn is_notify_url(text: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(text) else { return false };
    let is_local = matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"));
    let scheme = url.scheme();
    (scheme == "https" || scheme == "http" && is_local) && !text.contains(['?', '#', ' '])
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::super::tables::{ORDER, REFUND, SCENE_INFO};
    use super::*;

    fn order() -> Value {
        json!({
            "appid": "wx2421b1c4370ec43b", "mchid": "10000100", "description": "电子书", "out_trade_no": "A10001",
            "notify_url": "https://papay.example/v3/10000100", "amount": { "total": 990 },
        })
    }

    /// The pointer of the member that is wrong.
    fn wrong(order: &Value) -> Option<String> {
        let refusal = check(order.to_string().as_bytes(), &[&ORDER, &SCENE_INFO]).err()?;
        assert_eq!(refusal.code, "PARAM_ERROR");
        Some(refusal.detail.unwrap()["field"].as_str().unwrap().to_owned())
    }

    #[test]
    fn a_member_that_is_missing_or_wrong_is_named() {
        assert_eq!(wrong(&order()), None);
        for (pointer, value) in [
            ("/appid", json!(1)),
            ("/description", json!("电".repeat(128))),
            ("/description", json!("好😀")),
            ("/description", json!("")),
            ("/description", Value::Null),
            ("/out_trade_no", json!("A1000")),
            ("/out_trade_no", json!("A1000 1")),
            ("/time_expire", json!("20260302100000")),
            ("/attach", json!("a".repeat(129))),
            ("/notify_url", json!("http://papay.example/v3")),
            ("/notify_url", json!("https://papay.example/v3?a=1")),
            ("/notify_url", json!(format!("https://papay.example/{}", "a".repeat(240)))),
            ("/support_fapiao", json!("true")),
            ("/amount", json!(990)),
            ("/surprise", json!(1)),
        ] {
            let mut order = order();
            order[pointer.trim_start_matches('/')] = value.clone();
            assert_eq!(wrong(&order).as_deref(), Some(pointer), "{value}");
        }
        for (amount, pointer) in [
            (json!({ "total": 0 }), "/amount/total"),
            (json!({ "total": -1 }), "/amount/total"),
            (json!({ "total": 1.5 }), "/amount/total"),
            (json!({ "total": "990" }), "/amount/total"),
            (json!({}), "/amount/total"),
            (json!({ "total": 1, "currency": "USD" }), "/amount/currency"),
            (json!({ "total": 1, "surprise": 1 }), "/amount/surprise"),
        ] {
            let mut order = order();
            order["amount"] = amount;
            assert_eq!(wrong(&order).as_deref(), Some(pointer));
        }
        let mut nested = order();
        nested["detail"] = json!({ "goods_detail": [{ "merchant_goods_id": "1", "quantity": 1 }] });
        assert_eq!(wrong(&nested).as_deref(), Some("/detail/goods_detail/0/unit_price"));
        nested["detail"] = json!({ "goods_detail": [] });
        assert_eq!(wrong(&nested).as_deref(), Some("/detail/goods_detail"));
        let mut local = order();
        local["notify_url"] = json!("http://127.0.0.1:9713/v3/10000100");
        assert_eq!(wrong(&local), None);
    }

    #[test]
    fn a_refund_reason_is_counted_in_bytes() {
        let refund = |reason: &str| {
            let body = json!({
                "out_trade_no": "A10001", "out_refund_no": "R@1|*", "reason": reason,
                "amount": { "refund": 1, "total": 1, "currency": "CNY" },
            });
            check(body.to_string().as_bytes(), &[&REFUND]).is_ok()
        };
        assert!(refund(&"退".repeat(26)));
        assert!(!refund(&"退".repeat(27)));
    }

    #[test]
    fn what_is_no_json_object_is_refused() {
        for body in ["", "[]", "{", "\"a\"", "\u{feff}{}"] {
            assert!(check(body.as_bytes(), &[&ORDER]).is_err(), "{body}");
        }
    }
}
