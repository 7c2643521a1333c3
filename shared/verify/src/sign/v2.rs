//! V2: MD5 or HMAC-SHA256 over the fields, and the parameters that the app needs to open WeChat.

use serde::Serialize;

use super::Unsignable;
use crate::keys::ApiV2Key;
use crate::v2::{hmac_sign, md5_sign};
use crate::verified::SignAlgorithm;

/// A field of a V2 request.
#[derive(Clone, Copy)]
pub struct Field<'a> {
    name: &'a str,
    value: &'a str,
    may_hold_separators: bool,
}

impl<'a> Field<'a> {
    /// A field whose value may come from anywhere, and therefore must hold neither `&` nor `=`.
    ///
    /// Some of what we sign goes to the user's device (launch parameters, the `extraData` of the mini program), and whoever has it can send
    /// it to us as a notice, since the key is the same. Without separators in its values it says nothing there.
    #[must_use]
    pub fn text(name: &'a str, value: &'a str) -> Self {
        Field { name, value, may_hold_separators: false }
    }

    /// A field with a URL **from configuration**, the only kind of value that may hold `&` and `=`.
    #[must_use]
    pub fn configured_url(name: &'a str, url: &'a str) -> Self {
        Field { name, value: url, may_hold_separators: true }
    }
}

/// Signs the fields that are not empty, in upper-case hexadecimal. If `sign_type` is sent it must be among them.
///
/// ```
/// use verify::sign::v2::{Field, sign};
/// use verify::{ApiV2Key, SignAlgorithm};
/// let key = ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d")?;
/// let fields = [
///     Field::text("appid", "wxd930ea5d5a258f4f"),
///     Field::text("mch_id", "10000100"),
///     Field::text("device_info", "1000"),
///     Field::text("body", "test"),
///     Field::text("nonce_str", "ibuaiVcKdpRxkhJA"),
/// ];
/// assert_eq!(sign(&fields, &key, SignAlgorithm::Md5)?, "9A0A8659F005D6984697E2CA0A9CF3B7");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`Unsignable::Separator`], [`Unsignable::Character`], [`Unsignable::Name`], [`Unsignable::Repeated`].
pub fn sign(fields: &[Field<'_>], key: &ApiV2Key, algorithm: SignAlgorithm) -> Result<String, Unsignable> {
    let mut sorted: Vec<Field<'_>> = fields.to_vec();
    sorted.sort_unstable_by_key(|field| field.name);
    if let Some([twice, _]) = sorted.array_windows().find(|[one, next]| one.name == next.name) {
        return Err(Unsignable::Repeated(twice.name.to_owned()));
    }
    sorted.iter().try_for_each(check)?;
    let signed = sorted.iter().filter(|field| !field.value.is_empty()).map(|field| (field.name, field.value));
    Ok(match algorithm {
        SignAlgorithm::Md5 => hex::encode_upper(md5_sign(signed, key)),
        SignAlgorithm::HmacSha256 => hex::encode_upper(hmac_sign(signed, key)),
    })
}

/// Signs the fields and renders the request body, in the order given, `sign` last.
///
/// ```
/// use verify::sign::v2::{Field, signed_xml};
/// use verify::{ApiV2Key, SignAlgorithm};
/// let key = ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d")?;
/// let body = signed_xml(&[Field::text("mch_id", "10000100")], &key, SignAlgorithm::Md5)?;
/// assert!(body.starts_with("<xml><mch_id><![CDATA[10000100]]></mch_id><sign>"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`sign`].
pub fn signed_xml(fields: &[Field<'_>], key: &ApiV2Key, algorithm: SignAlgorithm) -> Result<String, Unsignable> {
    let sign = sign(fields, key, algorithm)?;
    let mut all = fields.to_vec();
    all.push(Field::text("sign", &sign));
    Ok(render_xml(&all))
}

/// Renders fields as a V2 message; empty ones are left out, as they are not signed. The names must be XML names.
///
/// ```
/// use verify::sign::v2::{Field, render_xml};
/// let xml = render_xml(&[Field::text("return_code", "SUCCESS"), Field::text("attach", "")]);
/// assert_eq!(xml, "<xml><return_code><![CDATA[SUCCESS]]></return_code></xml>");
/// ```
#[must_use]
pub fn render_xml(fields: &[Field<'_>]) -> String {
    let mut xml = String::from("<xml>");
    for Field { name, value, .. } in fields.iter().filter(|field| !field.value.is_empty()) {
        // The end mark of CDATA cannot stand inside it, so it is spread over two.
        let value = value.replace("]]>", "]]]]><![CDATA[>");
        for part in ["<", name, "><![CDATA[", &value, "]]></", name, ">"] {
            xml.push_str(part);
        }
    }
    xml.push_str("</xml>");
    xml
}

/// The parameters that open WeChat from an APP (调起支付), V2. Valid only for a prepay_id of a V2 order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AppLaunch {
    /// The mobile application.
    pub appid: String,
    /// The merchant number.
    pub partnerid: String,
    /// From the order's answer, valid for two hours.
    pub prepayid: String,
    /// The constant `Sign=WXPay`.
    pub package: &'static str,
    /// New for each launch.
    pub noncestr: String,
    /// Unix seconds.
    pub timestamp: String,
    /// Signature over the other six.
    pub sign: String,
}

/// Launch parameters for an APP, signed with the algorithm of the order.
///
/// ```
/// use verify::{ApiV2Key, SignAlgorithm, sign::v2};
/// let key = ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d")?;
/// let launch = v2::app("wx2421b1c4370ec43b", "10000100", "WX1217752501201407033233368018",
///     "5K8264ILTKCH16CQ2502SI8ZNMTM67VS", 1_414_561_699, &key, SignAlgorithm::Md5)?;
/// assert_eq!(launch.sign, "C9612FA7A6BA5F51E195D5F9337CA288");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`sign`].
pub fn app(
    appid: &str,
    mch_id: &str,
    prepay_id: &str,
    nonce: &str,
    now: i64,
    key: &ApiV2Key,
    algorithm: SignAlgorithm,
) -> Result<AppLaunch, Unsignable> {
    let package = "Sign=WXPay";
    let timestamp = now.to_string();
    let fields = [
        Field::text("appid", appid),
        Field::text("partnerid", mch_id),
        Field::text("prepayid", prepay_id),
        Field { name: "package", value: package, may_hold_separators: true },
        Field::text("noncestr", nonce),
        Field::text("timestamp", &timestamp),
    ];
    let sign = sign(&fields, key, algorithm)?;
    Ok(AppLaunch {
        appid: appid.to_owned(),
        partnerid: mch_id.to_owned(),
        prepayid: prepay_id.to_owned(),
        package,
        noncestr: nonce.to_owned(),
        timestamp,
        sign,
    })
}

/// The parameters that open WeChat from an official account's page or a mini program (调起支付), V2.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JsapiLaunch {
    /// The official account or mini program; signed, though `wx.requestPayment` does not take it.
    pub app_id: String,
    /// Unix seconds.
    pub time_stamp: String,
    /// New for each launch.
    pub nonce_str: String,
    /// `prepay_id=` and the prepay_id.
    pub package: String,
    /// `MD5` or `HMAC-SHA256`, as the order.
    pub sign_type: &'static str,
    /// Signature over the other five.
    pub pay_sign: String,
}

/// Launch parameters for JSAPI and mini program, signed with the algorithm of the order.
///
/// ```
/// use verify::{ApiV2Key, SignAlgorithm, sign::v2};
/// let key = ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d")?;
/// let launch = v2::jsapi("wx2421b1c4370ec43b", "u802345jgfjsdfgsdg888", "e61463f8efa94090b1f366cccfbbb444",
///     1_414_561_699, &key, SignAlgorithm::Md5)?;
/// assert_eq!(launch.pay_sign, "A62A01211E36F5D2173A9EE93EBAC56C");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// As [`sign`]: the prepay_id itself must hold neither `&` nor `=`.
pub fn jsapi(
    appid: &str,
    prepay_id: &str,
    nonce: &str,
    now: i64,
    key: &ApiV2Key,
    algorithm: SignAlgorithm,
) -> Result<JsapiLaunch, Unsignable> {
    check(&Field::text("prepay_id", prepay_id))?;
    let package = format!("prepay_id={prepay_id}");
    let time_stamp = now.to_string();
    let fields = [
        Field::text("appId", appid),
        Field::text("timeStamp", &time_stamp),
        Field::text("nonceStr", nonce),
        Field { name: "package", value: &package, may_hold_separators: true },
        Field::text("signType", algorithm.name()),
    ];
    let pay_sign = sign(&fields, key, algorithm)?;
    Ok(JsapiLaunch {
        app_id: appid.to_owned(),
        time_stamp,
        nonce_str: nonce.to_owned(),
        package,
        sign_type: algorithm.name(),
        pay_sign,
    })
}

fn check(field: &Field<'_>) -> Result<(), Unsignable> {
    let name_fits = field.name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if field.name.is_empty() || field.name == "sign" || !name_fits {
        return Err(Unsignable::Name(field.name.to_owned()));
    }
    if !field.may_hold_separators && field.value.contains(['&', '=']) {
        return Err(Unsignable::Separator(field.name.to_owned()));
    }
    // A carriage return would be turned into a line feed by an XML parser, after signing.
    let fits = |character: char| character.len_utf8() <= 3 && (!character.is_control() || character == '\n');
    if !field.value.chars().all(fits) {
        return Err(Unsignable::Character(field.name.to_owned()));
    }
    Ok(())
}
