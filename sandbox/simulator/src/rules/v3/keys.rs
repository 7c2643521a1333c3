//! `GET /v3/certificates`, `POST /v3/security/echo`, and sensitive fields.

use counterparty::{Occasion, V3Notice};
use serde_json::{Value, json};

use super::{Refusal, Reply, Request, wechat};
use crate::model::{KeyMode, NoticeKind};
use crate::rules::telling::send_v3;
use crate::rules::{Scene, nonce};
use crate::time::seconds;

/// The platform certificates, while there are any.
pub(crate) fn certificates(scene: &mut Scene<'_>, _: &Request) -> Result<Reply, Refusal> {
    let occasion = Occasion::derived(seconds(scene.now), &nonce());
    let configured = &scene.merchant.wechat;
    let keys = scene.world.keys_of(configured.mch_id());
    let sealer = keys.sealer(configured)?;
    if keys.mode == KeyMode::PublicKey || sealer.platform_certificates().is_empty() {
        let why = "无可用的平台证书，请在商户平台-API安全申请使用微信支付公钥。可查看指引https://pay.weixin.qq.com/doc/v3/merchant/4012153196";
        return Err(Refusal::new("RESOURCE_NOT_EXISTS", why));
    }
    Ok(Reply::Json(sealer.v3_certificates(&occasion)?))
}

/// Says the same again, in the clear and sealed for the merchant, and once more in a notice.
pub(crate) fn security_echo(scene: &mut Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    known_serial(scene, request)?;
    let message = request.said("/echo_message").to_owned();
    let mut answer = json!({ "echo_message": message });
    if request.text("/encrypted_echo_message").is_some() {
        let text = opened(scene, request, "/encrypted_echo_message")?;
        answer["encrypted_echo_message"] = sealed(scene, &text)?.into();
    }
    if let Some(url) = request.text("/notify_url") {
        let notice = V3Notice::security_echo(&message).with("encrypt_echo_message", sealed(scene, &message)?);
        send_v3(scene, NoticeKind::SecurityEcho, Vec::new(), url, &notice)?;
    }
    Ok(Reply::Json(answer))
}

/// A sensitive member of the body, opened with the key that `Wechatpay-Serial` names.
pub(super) fn opened(scene: &mut Scene<'_>, request: &Request, pointer: &str) -> Result<String, Refusal> {
    let Some(sealed) = request.text(pointer) else {
        return Err(Refusal::parameter(pointer, &Value::Null, "缺少必填参数"));
    };
    let serial = known_serial(scene, request)?;
    let wrong = |_| Refusal::parameter(pointer, &sealed.into(), "敏感信息解密失败，请检查加密所用的公钥或证书");
    let text = wechat(scene)?.open_sensitive(&serial, sealed).map_err(wrong)?;
    match text.is_empty() {
        true => Err(Refusal::parameter(pointer, &Value::Null, "参数为空")),
        false => Ok(text),
    }
}

fn known_serial(scene: &mut Scene<'_>, request: &Request) -> Result<String, Refusal> {
    let missing = "HTTP header缺少微信支付平台证书序列号(Wechatpay-Serial)";
    let serial = request.serial.as_deref().ok_or_else(|| Refusal::new("PARAM_ERROR", missing))?;
    match wechat(scene)?.has_key(serial) {
        true => Ok(serial.to_owned()),
        false => Err(Refusal::new("PARAM_ERROR", "平台证书序列号Wechatpay-Serial错误")),
    }
}

/// For the merchant's private key.
fn sealed(scene: &Scene<'_>, text: &str) -> Result<String, Refusal> {
    let keys = scene.world.merchant_keys(scene.merchant)?;
    let key = keys.first().ok_or_else(|| Refusal::new("SIGN_ERROR", "商户未申请过证书。"))?;
    Ok(key.seal_sensitive(text)?)
}
