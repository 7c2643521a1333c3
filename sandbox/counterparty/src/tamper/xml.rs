//! Faults of V2 bodies.

use super::{DEPTH, Tamper, V2_BODY_LIMIT, not_applicable};
use crate::v2::signature;
use crate::{Error, Protocol, SignType, SignedRequest, V2Fields, WechatPay};

pub(super) fn tampered(wechat: &WechatPay, mut request: SignedRequest, tamper: Tamper) -> Result<SignedRequest, Error> {
    request.body = match tamper {
        Tamper::EmptyBody => Vec::new(),
        Tamper::Oversized => oversized(wechat, &request.body)?,
        Tamper::NotUtf8 => not_utf8(wechat, &request.body)?,
        Tamper::AlteredAmount => with_field(&request.body, "total_fee", "1")?,
        Tamper::MissingSign => without_sign(&request.body)?,
        Tamper::EmptySign => with_field(&request.body, "sign", "")?,
        _ => spliced(&request.body, tamper)?,
    };
    Ok(request)
}

/// Faults of the markup, which leave fields and signature alone.
fn spliced(body: &[u8], tamper: Tamper) -> Result<Vec<u8>, Error> {
    let first = V2Fields::read(body)?.iter().next().map(|(name, _)| name.to_owned()).unwrap_or_default();
    let repeated = format!("<{first}><![CDATA[1]]></{first}>");
    let spliced = match tamper {
        Tamper::RepeatedFirst => inside(body, &repeated),
        Tamper::RepeatedLast => at_end(body, &repeated),
        Tamper::Doctype => before(body, "<!DOCTYPE xml>"),
        Tamper::ExternalEntity => inside(&before(body, EXTERNAL_ENTITY), "<attach>&secret;</attach>"),
        Tamper::EntityBomb => inside(&before(body, &billion_laughs()), "<attach>&l9;</attach>"),
        Tamper::GbkDeclaration => before(body, "<?xml version=\"1.0\" encoding=\"GBK\"?>"),
        Tamper::DeepNesting => inside(body, &["<a>".repeat(DEPTH), "</a>".repeat(DEPTH)].concat()),
        _ => return Err(not_applicable(Protocol::V2, tamper)),
    };
    Ok(spliced)
}

const ROOT: &str = "<xml>";
const ROOT_END: &str = "</xml>";
const EXTERNAL_ENTITY: &str = "<!DOCTYPE xml [<!ENTITY secret SYSTEM \"file:///etc/passwd\">]>";

fn billion_laughs() -> String {
    let levels: String =
        (1..10).map(|level| format!("<!ENTITY l{level} \"{}\">", format!("&l{};", level - 1).repeat(10))).collect();
    format!("<!DOCTYPE xml [<!ENTITY l0 \"lol\">{levels}]>")
}

fn before(body: &[u8], prologue: &str) -> Vec<u8> {
    [prologue.as_bytes(), body].concat()
}

fn inside(body: &[u8], child: &str) -> Vec<u8> {
    String::from_utf8_lossy(body).replacen(ROOT, &format!("{ROOT}{child}"), 1).into_bytes()
}

fn at_end(body: &[u8], child: &str) -> Vec<u8> {
    String::from_utf8_lossy(body).replacen(ROOT_END, &format!("{child}{ROOT_END}"), 1).into_bytes()
}

fn with_field(body: &[u8], name: &str, value: &str) -> Result<Vec<u8>, Error> {
    let mut fields = V2Fields::read(body)?;
    fields.set(name, value);
    fields.render("xml")
}

fn without_sign(body: &[u8]) -> Result<Vec<u8>, Error> {
    let mut fields = V2Fields::read(body)?;
    fields.remove("sign");
    fields.render("xml")
}

fn oversized(wechat: &WechatPay, body: &[u8]) -> Result<Vec<u8>, Error> {
    let mut fields = V2Fields::read(body)?;
    let sign_type = sign_type_of(&fields);
    fields.set("attach", "");
    let padding = (V2_BODY_LIMIT + 1).saturating_sub(fields.render("xml")?.len());
    fields.set("attach", &"0".repeat(padding));
    if fields.get("sign").is_some() {
        let sign = wechat.v2_sign(&fields, sign_type);
        fields.set("sign", &sign);
    }
    fields.render("xml")
}

fn not_utf8(wechat: &WechatPay, body: &[u8]) -> Result<Vec<u8>, Error> {
    const PLACE: &str = "not-utf8-goes-here";
    // 支付 in GBK.
    const GBK: &[u8] = b"\xD6\xA7\xB8\xB6";
    let mut fields = V2Fields::read(body)?;
    fields.set("attach", PLACE);
    let bytes = fields.iter().map(|(name, value)| (name, if value == PLACE { GBK } else { value.as_bytes() }));
    let sign = signature(bytes, wechat.api_v2_key(), sign_type_of(&fields));
    fields.set("sign", &sign);
    let body = fields.render("xml")?;
    let at = body.windows(PLACE.len()).position(|window| window == PLACE.as_bytes()).unwrap_or_default();
    let (front, rest) = body.split_at(at);
    Ok([front, GBK, rest.get(PLACE.len()..).unwrap_or_default()].concat())
}

fn sign_type_of(fields: &V2Fields) -> SignType {
    match fields.get("sign").map(str::len) {
        Some(64) => SignType::HmacSha256,
        _ => SignType::Md5,
    }
}
