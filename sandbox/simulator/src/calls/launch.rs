//! What the user's WeChat checks of the parameters with which an app or a page opens it.

use counterparty::{SignType, V2Fields};
use serde::Deserialize;

use crate::config::Settings;
use crate::model::Order;
use crate::rules::Refused;
use crate::shared::Shared;

/// Of an app (<https://pay.weixin.qq.com/doc/v2/merchant/4011937148>, <https://pay.weixin.qq.com/doc/v3/merchant/4013070351>).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct AppLaunch {
    #[serde(alias = "appId")]
    appid: String,
    #[serde(alias = "partnerId")]
    pub(crate) partnerid: String,
    #[serde(alias = "prepayId")]
    pub(crate) prepayid: String,
    #[serde(alias = "packageValue")]
    package: String,
    #[serde(alias = "nonceStr")]
    noncestr: String,
    #[serde(alias = "timeStamp")]
    timestamp: String,
    sign: String,
}

/// Of an official account or a mini program (<https://pay.weixin.qq.com/doc/v2/merchant/4011935213>).
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct JsapiLaunch {
    #[serde(rename = "appId")]
    appid: String,
    #[serde(rename = "timeStamp")]
    timestamp: String,
    #[serde(rename = "nonceStr")]
    nonce: String,
    package: String,
    #[serde(rename = "signType")]
    sign_type: String,
    #[serde(rename = "paySign")]
    pay_sign: String,
}

impl JsapiLaunch {
    pub(crate) fn prepay_id(&self) -> Option<&str> {
        self.package.strip_prefix("prepay_id=")
    }
}

/// Signed with the order's algorithm: V2 over the six fields, V3 over four lines.
pub(crate) fn check_app(shared: &Shared, order: &Order, launch: &AppLaunch) -> Result<(), Refused> {
    if launch.package != "Sign=WXPay" {
        return Err(Refused::rule("package is not Sign=WXPay"));
    }
    if launch.partnerid != order.mch_id || order.trade_type() != "APP" {
        return Err(Refused::rule("the prepay_id belongs to another merchant or trade_type"));
    }
    if order.v3.is_some() {
        let lines = [&*launch.appid, &launch.timestamp, &launch.noncestr, &launch.prepayid];
        return check_lines(shared, order, lines, &launch.sign);
    }
    let fields = [
        ("appid", launch.appid.clone()),
        ("noncestr", launch.noncestr.clone()),
        ("package", launch.package.clone()),
        ("partnerid", launch.partnerid.clone()),
        ("prepayid", launch.prepayid.clone()),
        ("timestamp", launch.timestamp.clone()),
    ];
    check(&shared.settings, order, &launch.appid, fields.into_iter().collect(), &launch.sign)
}

/// Signed with the order's algorithm, which `signType` names, over the five fields.
pub(crate) fn check_jsapi(shared: &Shared, order: &Order, launch: &JsapiLaunch) -> Result<(), Refused> {
    let sign_type = match (&order.v3, order.hmac) {
        (Some(_), _) => "RSA",
        (None, true) => "HMAC-SHA256",
        (None, false) => "MD5",
    };
    if launch.sign_type != sign_type || order.trade_type() != "JSAPI" {
        return Err(Refused::rule("signType or trade_type is not the order's"));
    }
    if order.v3.is_some() {
        let lines = [&*launch.appid, &launch.timestamp, &launch.nonce, &launch.package];
        return check_lines(shared, order, lines, &launch.pay_sign);
    }
    let fields = [
        ("appId", launch.appid.clone()),
        ("nonceStr", launch.nonce.clone()),
        ("package", launch.package.clone()),
        ("signType", launch.sign_type.clone()),
        ("timeStamp", launch.timestamp.clone()),
    ];
    check(&shared.settings, order, &launch.appid, fields.into_iter().collect(), &launch.pay_sign)
}

/// A V3 order is launched with a key that signs its merchant's calls; the time is seconds, ten digits of them.
fn check_lines(shared: &Shared, order: &Order, lines: [&str; 4], sign: &str) -> Result<(), Refused> {
    let [appid, timestamp, nonce, _] = lines;
    if appid != order.appid {
        return Err(Refused::rule("the appid is not the order's"));
    }
    if timestamp.len() != 10 || !timestamp.bytes().all(|digit| digit.is_ascii_digit()) || nonce.len() > 32 {
        return Err(Refused::rule("the timestamp is not ten digits, or the nonce is too long"));
    }
    let merchant = shared.settings.merchants.get(&order.mch_id).ok_or(Refused::Unknown)?;
    let keys = shared.merchant_keys(merchant);
    match keys.iter().any(|key| key.has_signed_launch(lines, sign)) {
        true => Ok(()),
        false => Err(Refused::rule("the signature of the launch parameters is wrong: 支付验证签名失败")),
    }
}

fn check(settings: &Settings, order: &Order, appid: &str, fields: V2Fields, sign: &str) -> Result<(), Refused> {
    if appid != order.appid {
        return Err(Refused::rule("the appid is not the order's"));
    }
    let merchant = settings.merchants.get(&order.mch_id).ok_or(Refused::Unknown)?;
    let sign_type = if order.hmac { SignType::HmacSha256 } else { SignType::Md5 };
    match merchant.wechat.v2_sign(&fields, sign_type) == sign {
        true => Ok(()),
        false => Err(Refused::rule("the signature of the launch parameters is wrong: 支付验证签名失败")),
    }
}
