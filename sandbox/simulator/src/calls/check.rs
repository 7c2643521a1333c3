//! Is this a call that WeChat reads on? Its form, its signature, its values.

use counterparty::{SignType, V2Fields};

use super::form::{Algorithm, Field, Form, Kind};
use crate::config::{Merchant, Settings};
use crate::rules::{Call, Refusal};

/// Reads a body. What is no XML of one level is refused.
pub(crate) fn read(body: &[u8]) -> Result<V2Fields, Refusal> {
    let refused = |text: &str| Refusal::Communication(text.to_owned());
    if body.iter().all(u8::is_ascii_whitespace) {
        return Err(refused("post数据为空"));
    }
    let text = std::str::from_utf8(body).map_err(|_| refused("编码格式错误，请使用UTF-8"))?.trim();
    if !text.starts_with("<xml>") || !text.ends_with("</xml>") || text.contains("<!") && !text.contains("<![CDATA[") {
        return Err(refused("XML格式错误"));
    }
    V2Fields::read(text.as_bytes()).map_err(|_| refused("XML格式错误"))
}

/// Checks a call against its form, in the order in which WeChat's errors come.
pub(crate) fn check<'a>(
    form: &Form,
    fields: V2Fields,
    settings: &'a Settings,
) -> Result<(Call, &'a Merchant), Refusal> {
    let merchant = settings.merchants.get(fields.get("mch_id").unwrap_or_default());
    let merchant = merchant.ok_or_else(|| Refusal::Communication("商户号mch_id不存在".to_owned()))?;
    check_names(form, &fields)?;
    let sign_type = check_signature(form, &fields, merchant)?;
    let call = Call { fields, sign_type };
    for field in form.fields {
        check_value(&call, field)?;
    }
    match settings.is_bound(call.text("mch_id"), call.text("appid")) {
        true => Ok((call, merchant)),
        false => Err(Refusal::business("APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配")),
    }
}

/// A parameter that is not in the table makes the call a wrong one: typically `nonce_str` of `papay/*`.
fn check_names(form: &Form, fields: &V2Fields) -> Result<(), Refusal> {
    let is_known = |name: &str| {
        let is_sign_type = name == "sign_type" && form.algorithm != Algorithm::Md5;
        name == "sign" || is_sign_type || form.fields.iter().any(|field| field.name == name)
    };
    match fields.iter().all(|(name, _)| is_known(name)) {
        true => Ok(()),
        false => Err(Refusal::Communication("参数构造错误".to_owned())),
    }
}

fn check_signature(form: &Form, fields: &V2Fields, merchant: &Merchant) -> Result<SignType, Refusal> {
    let wrong = || match form.signs_error {
        true => Refusal::business("SIGN_ERROR", "签名错误"),
        false => Refusal::Communication("签名错误，请检查后再试".to_owned()),
    };
    let said = fields.get("sign_type").filter(|text| !text.is_empty());
    let sign_type = match (form.algorithm, said) {
        (Algorithm::Md5 | Algorithm::Md5Unless, None) | (Algorithm::Md5Unless | Algorithm::HmacUnless, Some("MD5")) => {
            SignType::Md5
        }
        (Algorithm::HmacUnless, None) | (Algorithm::Md5Unless | Algorithm::HmacUnless, Some("HMAC-SHA256")) => {
            SignType::HmacSha256
        }
        _ => return Err(wrong()),
    };
    let expected = merchant.wechat.v2_sign(fields, sign_type);
    match fields.get("sign").is_some_and(|sign| sign.eq_ignore_ascii_case(&expected)) {
        true => Ok(sign_type),
        false => Err(wrong()),
    }
}

fn check_value(call: &Call, field: &Field) -> Result<(), Refusal> {
    let Some(value) = call.get(field.name) else {
        return match field.is_required {
            true => Err(Refusal::business("LACK_PARAMS", &format!("缺少参数{}", field.name))),
            false => Ok(()),
        };
    };
    let is_utf8_of_three = value.chars().all(|c| c.len_utf8() <= 3);
    match is_utf8_of_three && is_right(value, field.kind) {
        true => Ok(()),
        false => Err(Refusal::business("PARAM_ERROR", &format!("参数错误：{}", field.name))),
    }
}

fn is_right(value: &str, kind: Kind) -> bool {
    let digits = || value.bytes().all(|b| b.is_ascii_digit());
    match kind {
        Kind::Text(longest) => value.chars().count() <= longest,
        Kind::Number => digits() && value.parse::<u64>().is_ok(),
        Kind::Positive => digits() && value.parse::<u64>().is_ok_and(|number| number > 0),
        Kind::Serial => digits() && !value.starts_with('0') && value.parse::<i64>().is_ok(),
        Kind::OrderNumber => {
            (6..=32).contains(&value.len())
                && value.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-' | b'*' | b'|'))
        }
        Kind::Code(longest) => value.len() <= longest && value.bytes().all(|b| b.is_ascii_alphanumeric()),
        Kind::NotifyUrl => is_notify_url(value),
        Kind::Version => value == "1.0",
    }
}

/// Absolute, without query and fragment.
fn is_notify_url(value: &str) -> bool {
    const LONGEST: usize = 256;
    let host = value.strip_prefix("https://").or_else(|| value.strip_prefix("http://"));
    let has_host = host.is_some_and(|rest| !rest.is_empty() && !rest.starts_with('/'));
    has_host && value.len() <= LONGEST && !value.contains(['?', '#', ' '])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_one_level_of_xml_is_read() {
        for (body, expected) in [
            ("", "post数据为空"),
            (" \n", "post数据为空"),
            ("{}", "XML格式错误"),
            ("<root><a>1</a></root>", "XML格式错误"),
            ("<xml><a>1</xml>", "XML格式错误"),
            ("<!DOCTYPE xml><xml><a>1</a></xml>", "XML格式错误"),
        ] {
            assert_eq!(read(body.as_bytes()).err(), Some(Refusal::Communication(expected.to_owned())), "{body}");
        }
        assert!(matches!(read(b"<xml><a>\xD6</a></xml>"), Err(Refusal::Communication(_))));
        assert_eq!(read(b"<xml><a>1</a></xml>").unwrap().get("a"), Some("1"));
    }

    #[test]
    fn a_value_is_what_its_kind_allows() {
        for (value, kind, expected) in [
            ("1", Kind::Positive, true),
            ("0", Kind::Positive, false),
            ("1.0", Kind::Positive, false),
            ("01", Kind::Serial, false),
            ("9223372036854775808", Kind::Serial, false),
            ("12345", Kind::OrderNumber, false),
            ("a_b-c*|1", Kind::OrderNumber, true),
            ("订单号123456", Kind::OrderNumber, false),
            ("a-b", Kind::Code(32), false),
            ("支付", Kind::Text(2), true),
            ("支付了", Kind::Text(2), false),
            ("https://papay.example/v2/1", Kind::NotifyUrl, true),
            ("https://papay.example/v2/1?a=1", Kind::NotifyUrl, false),
            ("papay.example/v2", Kind::NotifyUrl, false),
            ("https:///v2", Kind::NotifyUrl, false),
            ("1.0", Kind::Version, true),
            ("2.0", Kind::Version, false),
        ] {
            assert_eq!(is_right(value, kind), expected, "{value}");
        }
    }
}
