//! Password-exempt contracts: `…/pre-entrust-sign/…`, the user's agreement, query and end
//! (<https://pay.weixin.qq.com/doc/v3/merchant/4012472874>).

use serde_json::{Value, json};

use super::telling::{described_exempt, tell_exempt};
use super::{Refusal, Reply, Request, check_appid};
use crate::config::Family;
use crate::model::{Exempt, ExemptEnded, ExemptSigned, ExemptState, Key, Order, key};
use crate::rules::payment::{NotSigned, Payment};
use crate::rules::{Ending, Refused, Scene, nonce};

/// WeChat's mini program in which one signs.
const MINI_PROGRAM: (&str, &str) = ("wxbd687630cd02ce1d", "pages/PwdExemptContract/index");

/// Offers a contract: after the payment of an order, or in the mini program.
pub(crate) fn pre_sign(scene: &mut Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    check_service(scene, request)?;
    let (appid, openid) = user(request)?;
    check_appid(scene, &appid)?;
    let order = request.text("/prepay_id").map(|prepay_id| offered_after(scene, prepay_id, &openid)).transpose()?;
    let code = request.said("/out_contract_code").to_owned();
    let mut body = request.body.clone();
    if let Value::Object(members) = &mut body {
        members.remove("prepay_id");
    }
    let exempt = Exempt {
        mch_id: scene.mch_id().to_owned(),
        appid,
        service_id: request.number("/service_id"),
        out_contract_code: code.clone(),
        display_account: request.said("/contract_display_account").to_owned(),
        notify_url: request.said("/notify_url").to_owned(),
        openid,
        body,
        offered_ms: scene.now,
        order: order.clone(),
        state: ExemptState::Offered,
        signed: None,
        ended: None,
    };
    if let Some(known) = scene.world.exempt.get(&exempt.key()) {
        // A number serves one contract; what was not signed can be offered again as it was.
        if known.state != ExemptState::Offered || known.body != exempt.body {
            return Err(Refusal::new("INVALID_REQUEST", "商户签约协议号out_contract_code已被使用"));
        }
    }
    if let Some(v3) = order.and_then(|key| scene.world.orders.get_mut(&key)?.v3.as_mut()) {
        v3.exempt = Some(exempt.key());
    }
    let mut answer = json!({ "mchid": exempt.mch_id, "service_id": exempt.service_id, "out_contract_code": code });
    if exempt.order.is_none() {
        answer["pre_entrustweb_id"] = nonce().into();
        answer["sign_mp_appid"] = MINI_PROGRAM.0.into();
        answer["sign_mp_path"] = MINI_PROGRAM.1.into();
    }
    scene.world.exempt.insert(exempt.key(), exempt);
    Ok(Reply::Json(answer))
}

/// A contract by the merchant's number: what is not signed does not exist.
pub(crate) fn query_exempt(scene: &mut Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    let exempt = wanted(scene, request).filter(|exempt| exempt.state != ExemptState::Offered);
    let exempt = exempt.ok_or_else(|| Refusal::new("RESOURCE_NOT_EXISTS", "签约协议不存在"))?;
    Ok(Reply::Json(described_exempt(exempt)))
}

/// The merchant ends a contract that is in force.
pub(crate) fn terminate_exempt(scene: &mut Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    let exempt = wanted(scene, request).filter(|exempt| exempt.state == ExemptState::Signed);
    let exempt = exempt.ok_or_else(|| Refusal::new("INVALID_REQUEST", "签约协议不存在或已解约"))?;
    let answer = json!({
        "mchid": exempt.mch_id, "service_id": exempt.service_id, "out_contract_code": exempt.out_contract_code,
    });
    let key = exempt.key();
    end(scene, &key, "MCH_API_TERMINATE", request.said("/contract_termination_remark"))?;
    Ok(Reply::Json(answer))
}

/// Somebody else ends it.
pub(crate) fn terminate_exempt_by(scene: &mut Scene<'_>, code: &str, by: Ending) -> Result<(), Refused> {
    let key = key(scene.mch_id(), code);
    let exempt = scene.world.exempt.get(&key).ok_or(Refused::Unknown)?;
    if exempt.state != ExemptState::Signed {
        return Err(Refused::rule("the contract is not signed"));
    }
    let mode = match by {
        Ending::User => "USER_TERMINATE",
        Ending::CustomerService => "CUSTOMER_SERVICE_TERMINATE",
        Ending::Platform => "WEPAY_WEB_TERMINATE",
        Ending::Expired | Ending::AccountCancelled => "SYSTEM_TERMINATE",
    };
    Ok(end(scene, &key, mode, by.remark())?)
}

/// The user agrees in the mini program. Answers the contract_id.
pub(crate) fn sign_exempt(scene: &mut Scene<'_>, code: &str) -> Result<String, Refused> {
    let key = key(scene.mch_id(), code);
    let exempt = scene.world.exempt.get(&key).ok_or(Refused::Unknown)?.clone();
    if exempt.order.is_some() {
        return Err(Refused::rule("this contract is offered after the payment of its order"));
    }
    if !exempt.is_open(scene.now) {
        return Err(Refused::rule("the session is over: 签约会话已失效"));
    }
    let user = scene.world.user_of(&exempt.appid, &exempt.openid);
    if has_contract(scene, &exempt, &user) {
        return Err(Refused::rule("already_signed: 您已开通该服务"));
    }
    make_signed(scene, &exempt, user)
}

/// For whom an order was pre-signed: its openid under the order's appid.
pub(in crate::rules) fn pre_signed_for(scene: &Scene<'_>, order: &Order) -> Option<String> {
    let exempt = scene.world.exempt.get(order.v3.as_ref()?.exempt.as_ref()?)?;
    (exempt.appid == order.appid).then(|| exempt.openid.clone())
}

/// The user has paid, and is asked.
pub(in crate::rules) fn settle_signing(
    scene: &mut Scene<'_>,
    order: &Order,
    payment: &Payment,
    user: &str,
) -> Result<(Option<String>, Option<NotSigned>), Refused> {
    let offered = order.v3.as_ref().and_then(|v3| scene.world.exempt.get(v3.exempt.as_ref()?)).cloned();
    let Some(exempt) = offered else { return Ok((None, None)) };
    let is_meant = scene.world.user_of(&exempt.appid, &exempt.openid) == user;
    let why_not = if !exempt.is_open(scene.now) || !is_meant {
        Some(NotSigned::PresignFailed)
    } else if !payment.sign {
        Some(NotSigned::UserUnticked)
    } else if has_contract(scene, &exempt, user) {
        Some(NotSigned::AlreadySigned)
    } else {
        payment.reason
    };
    match why_not {
        Some(why) => Ok((None, Some(why))),
        None => Ok((Some(make_signed(scene, &exempt, user.to_owned())?), None)),
    }
}

fn check_service(scene: &Scene<'_>, request: &Request) -> Result<(), Refusal> {
    let family = match request.parameter("family") {
        "qs" => Family::Qs,
        "service_provider" => Family::ServiceProvider,
        _ => Family::Normal,
    };
    let mut services = scene.settings.services(scene.mch_id()).filter(|service| service.family == family).peekable();
    if services.peek().is_none() {
        let why = "商户号该产品权限未开通，请前往商户平台>产品中心检查后重试";
        return Err(Refusal::new("NO_AUTH", why));
    }
    let service_id = request.number("/service_id");
    match services.any(|service| service.service_id == service_id) {
        true => Ok(()),
        false => Err(Refusal::parameter("/service_id", &service_id.into(), "免密支付服务不存在")),
    }
}

/// Appid and openid of the user, in the words of each family: one of the two openids is enough.
fn user(request: &Request) -> Result<(String, String), Refusal> {
    for (appid, openid) in [("/appid", "/openid"), ("/sp_appid", "/sp_openid"), ("/sub_appid", "/sub_openid")] {
        if let (Some(appid), Some(openid)) = (request.text(appid), request.text(openid)) {
            return Ok((appid.to_owned(), openid.to_owned()));
        }
    }
    Err(Refusal::new("PARAM_ERROR", "openid和sub_openid不能同时为空"))
}

/// The order that the user is about to pay.
fn offered_after(scene: &Scene<'_>, prepay_id: &str, openid: &str) -> Result<Key, Refusal> {
    let has_it = |order: &Order| order.prepay_ids().iter().any(|(id, _)| *id == prepay_id);
    let mut ours = scene.world.orders.iter().filter(|(_, order)| order.mch_id == scene.mch_id() && order.v3.is_some());
    let found = ours.find(|(_, order)| has_it(order));
    let (key, order) = found.ok_or_else(|| Refusal::parameter("/prepay_id", &prepay_id.into(), "预支付会话不存在"))?;
    if let Some(why) = order.unpayable(scene.now) {
        return Err(Refusal::new("INVALID_REQUEST", why));
    }
    match order.asked("openid").is_none_or(|payer| payer == openid) {
        true => Ok(key.clone()),
        false => Err(Refusal::parameter("/openid", &openid.into(), "与下单用户不一致")),
    }
}

fn wanted<'a>(scene: &'a Scene<'_>, request: &Request) -> Option<&'a Exempt> {
    let exempt = scene.world.exempt.get(&key(scene.mch_id(), request.parameter("out_contract_code")))?;
    (exempt.service_id.to_string() == request.parameter("service_id")).then_some(exempt)
}

fn has_contract(scene: &Scene<'_>, wanted: &Exempt, user: &str) -> bool {
    scene.world.exempt.values().any(|exempt| {
        exempt.state == ExemptState::Signed
            && (&exempt.mch_id, exempt.service_id) == (&wanted.mch_id, wanted.service_id)
            && exempt.signed.as_ref().is_some_and(|signed| signed.user == user)
    })
}

fn make_signed(scene: &mut Scene<'_>, exempt: &Exempt, user: String) -> Result<String, Refused> {
    let contract_id = scene.world.new_contract_id(scene.now);
    let signed = ExemptSigned { contract_id: contract_id.clone(), user, at_ms: scene.now };
    let exempt = Exempt { state: ExemptState::Signed, signed: Some(signed), ..exempt.clone() };
    scene.world.exempt.insert(exempt.key(), exempt.clone());
    tell_exempt(scene, &exempt)?;
    Ok(contract_id)
}

fn end(scene: &mut Scene<'_>, key: &str, mode: &str, remark: &str) -> Result<(), counterparty::Error> {
    let at_ms = scene.now;
    let Some(exempt) = scene.world.exempt.get_mut(key) else { return Ok(()) };
    exempt.state = ExemptState::Terminated;
    exempt.ended = Some(ExemptEnded { mode: mode.to_owned(), remark: remark.to_owned(), at_ms });
    let exempt = exempt.clone();
    tell_exempt(scene, &exempt).map(|_| ())
}
