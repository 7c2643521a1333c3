//! The ways of pure signing: a page, an app, a browser, the mini program. Each offers a contract and makes no order.

use counterparty::V2Fields;

use super::{Call, Refusal, Refused, Scene, nonce, success};
use crate::model::{Calls, Contract, ContractState, Form, Key, key};
use crate::time::{HOUR, MINUTE, Ms, seconds};

/// A launch follows pre-signing within this time.
const PRE_ENTRUST_LIFE: Ms = 2 * MINUTE;
/// An identical pre-signing may be repeated so long.
const PRE_ENTRUST_REPEAT: Ms = 2 * HOUR;
/// The page of a browser can be visited so long, once.
const H5_LIFE: Ms = 10 * MINUTE;
/// A clock may be off by so many seconds.
const CLOCK_TOLERANCE_S: u64 = 300;

/// The mini program in which the user of an app signs.
pub(crate) const SIGNING_MINI_PROGRAM: &str = "gh_0e1b8ca8e4d5";

/// How a contract is offered, and which field says where ADD goes.
pub(super) struct Offer {
    pub(super) form: Form,
    pub(super) notify_url: &'static str,
}

/// `POST /papay/preentrustweb`
pub(crate) fn pre_entrustweb(scene: &mut Scene<'_>, call: &Call) -> Result<V2Fields, Refusal> {
    let known = scene.world.contract(scene.mch_id(), call.text("contract_code"));
    let repeated = known.is_some_and(|contract| {
        matches!(contract.form, Form::App { .. })
            && contract.request == call.content()
            && scene.now <= contract.offered_ms.saturating_add(PRE_ENTRUST_REPEAT)
    });
    if !repeated {
        check_time(scene, call)?;
    }
    check_template(scene, call)?;
    let id: String = nonce().chars().take(29).collect();
    let form = Form::App { id: id.clone(), made_ms: scene.now, opened: false };
    offered(scene, call, Offer { form, notify_url: "notify_url" })?;
    let mut fields = success(call);
    fields.set("pre_entrustweb_id", &id);
    fields.set("miniprogram_username", SIGNING_MINI_PROGRAM);
    fields.set("miniprogram_path", &format!("pages/index/index?sign_scene=app&domain_type=cn&pre_entrustweb_id={id}"));
    Ok(fields)
}

/// `GET /papay/h5entrustweb`: answers the address of a page.
pub(crate) fn h5_entrustweb(scene: &mut Scene<'_>, call: &Call) -> Result<V2Fields, Refusal> {
    check_time(scene, call)?;
    check_template(scene, call)?;
    let token = nonce();
    let form = Form::H5 { token: token.clone(), made_ms: scene.now, opened: false };
    offered(scene, call, Offer { form, notify_url: "notify_url" })?;
    let mut fields = V2Fields::new();
    fields.set("return_code", "SUCCESS");
    fields.set("return_msg", "OK");
    fields.set("result_code", "SUCCESS");
    fields.set("result_msg", "OK");
    fields.set("redirect_url", &format!("{}/papay/h5/{token}", scene.settings.endpoint));
    Ok(fields)
}

/// `GET /papay/entrustweb`: the user's WeChat opens the page.
pub(crate) fn open_web(scene: &mut Scene<'_>, call: &Call) -> Result<Key, Refusal> {
    check_time(scene, call)?;
    check_template(scene, call)?;
    offered(scene, call, Offer { form: Form::Web { opened: true }, notify_url: "notify_url" })
}

/// The merchant's mini program jumps to WeChat's.
pub(crate) fn mini_program(scene: &mut Scene<'_>, call: &Call) -> Result<Key, Refusal> {
    check_time(scene, call)?;
    check_template(scene, call)?;
    offered(scene, call, Offer { form: Form::MiniProgram { opened: true }, notify_url: "notify_url" })
}

/// The app launches what `preentrustweb` has prepared.
pub(crate) fn open_pre_entrust(scene: &mut Scene<'_>, wanted: &str) -> Result<Key, Refused> {
    let now = scene.now;
    let contracts = scene.world.contracts.values_mut();
    let mut prepared = contracts.filter_map(|contract| match &contract.form {
        Form::App { id, made_ms, .. } if id == wanted => Some((*made_ms, contract)),
        _ => None,
    });
    let (made_ms, contract) = prepared.next().ok_or(Refused::Unknown)?;
    if now > made_ms.saturating_add(PRE_ENTRUST_LIFE) {
        return Err(Refused::rule("pre_entrustweb_id is older than 2 minutes"));
    }
    contract.open();
    Ok(contract.key())
}

/// The browser visits a redirect_url.
pub(crate) fn open_h5(scene: &mut Scene<'_>, wanted: &str) -> Result<Key, Refused> {
    let now = scene.now;
    let contracts = scene.world.contracts.values_mut();
    let mut prepared = contracts.filter_map(|contract| match &contract.form {
        Form::H5 { token, made_ms, opened } if token == wanted => Some((*made_ms, *opened, contract)),
        _ => None,
    });
    let (made_ms, opened, contract) = prepared.next().ok_or(Refused::Unknown)?;
    match (opened, now > made_ms.saturating_add(H5_LIFE)) {
        (true, _) => Err(Refused::rule("redirect_url was visited before")),
        (_, true) => Err(Refused::rule("redirect_url is older than 10 minutes")),
        (false, false) => {
            contract.open();
            Ok(contract.key())
        }
    }
}

/// Remembers what is offered. A contract_code and a request_serial serve one attempt; an identical repetition renews it.
pub(super) fn offered(scene: &mut Scene<'_>, call: &Call, offer: Offer) -> Result<Key, Refusal> {
    let contract_code = call.text("contract_code").to_owned();
    let contract_key = key(scene.mch_id(), &contract_code);
    if let Some(contract) = scene.world.contracts.get_mut(&contract_key) {
        if contract.request != call.content() {
            return Err(Refusal::business("PARAM_ERROR", "contract_code重复"));
        }
        if contract.state != ContractState::Offered {
            return Err(Refusal::business("INVALID_REQUEST", "contract_code已签约或已解约"));
        }
        contract.form = offer.form;
        return Ok(contract_key);
    }
    let serial_key = key(scene.mch_id(), call.text("request_serial"));
    if scene.world.serials.contains_key(&serial_key) {
        return Err(Refusal::business("PARAM_ERROR", "request_serial重复"));
    }
    scene.world.serials.insert(serial_key, contract_code.clone());
    let contract = Contract {
        mch_id: scene.mch_id().to_owned(),
        appid: call.text("appid").to_owned(),
        plan_id: call.text("plan_id").to_owned(),
        contract_code,
        request_serial: call.text("request_serial").to_owned(),
        display_account: call.text("contract_display_account").to_owned(),
        notify_url: call.text(offer.notify_url).to_owned(),
        request: call.content(),
        hmac: call.is_hmac(),
        offered_ms: scene.now,
        form: offer.form,
        state: ContractState::Offered,
        signed: None,
        ended: None,
        notice: None,
        calls: Calls::default(),
    };
    scene.world.contracts.insert(contract_key.clone(), contract);
    Ok(contract_key)
}

fn check_time(scene: &Scene<'_>, call: &Call) -> Result<(), Refusal> {
    let then: i64 = call.text("timestamp").parse().unwrap_or_default();
    match seconds(scene.now).abs_diff(then) <= CLOCK_TOLERANCE_S {
        true => Ok(()),
        false => Err(Refusal::business("PARAM_ERROR", "timestamp超出允许的时间误差")),
    }
}

/// Where nothing can be paid, a template that cannot be signed is an error.
fn check_template(scene: &Scene<'_>, call: &Call) -> Result<(), Refusal> {
    match scene.settings.template(scene.mch_id(), call.text("plan_id")) {
        None => Err(Refusal::business("PARAM_ERROR", "签约模版信息不存在")),
        Some(template) if template.disabled => Err(Refusal::business("INVALID_REQUEST", "该模版id新增签约功能受限")),
        Some(template)
            if !template.appids.is_empty() && !template.appids.iter().any(|one| one == call.text("appid")) =>
        {
            Err(Refusal::business("APPID_MCHID_NOT_MATCH", "appid和mch_id不匹配"))
        }
        Some(_) => Ok(()),
    }
}
