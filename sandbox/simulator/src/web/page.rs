//! The pages that a user sees, and the buttons on them.

use std::collections::HashMap;

use axum::body::Bytes;
use axum::extract::{Path, Request};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::Next;
use axum::response::{Html, IntoResponse, Redirect, Response};
use maud::Markup;

use super::State;
use super::control::act;
use super::open::{visit_entrust_web, visit_h5, visit_mweb};
use crate::model::{Exempt, Order, World, key};
use crate::pages;
use crate::rules::{self, Ending, Payment, Refused};
use crate::shared::Shared;
use crate::time::Ms;

/// No page runs a script, is framed, or is kept.
pub(crate) async fn protected(request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (
            header::CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; form-action 'self'; frame-ancestors 'none'",
        ),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    response
}

/// `/`
pub(crate) async fn list(shared: State) -> Response {
    shown(shared.look(|inner| Ok(pages::list(&inner.world))))
}

/// `/cashier/{mch_id}/{out_trade_no}`
pub(crate) async fn cashier(shared: State, Path((mch_id, number)): Path<(String, String)>, uri: Uri) -> Response {
    let message = message(&uri);
    let now = shared.clock.now_ms();
    look(&shared, |world| {
        let order = world.orders.get(&key(&mch_id, &number)).ok_or(Refused::Unknown)?;
        Ok(pages::cashier(order, &offer_of(&shared, world, order, now), &message, now))
    })
}

/// What the cashier offers beside the payment.
fn offer_of(shared: &Shared, world: &World, order: &Order, now: Ms) -> pages::Offer {
    if let Some(contract) = order.cashier().and_then(|cashier| world.contracts.get(cashier.contract.as_ref()?)) {
        let template = shared.settings.template(&order.mch_id, &contract.plan_id);
        return pages::Offer::of_contract(contract, template);
    }
    let exempt = order.v3.as_ref().and_then(|v3| world.exempt.get(v3.exempt.as_ref()?));
    let service = |exempt: &Exempt| {
        let mut services = shared.settings.services(&order.mch_id);
        services.find(|service| service.service_id == exempt.service_id).map(|service| service.name.clone())
    };
    exempt.map_or(pages::Offer::Nothing, |exempt| pages::Offer::of_exempt(exempt, service(exempt), now))
}

/// `/signing/{mch_id}/{contract_code}`
pub(crate) async fn signing(shared: State, Path((mch_id, number)): Path<(String, String)>, uri: Uri) -> Response {
    let message = message(&uri);
    look(&shared, |world| {
        let contract = world.contracts.get(&key(&mch_id, &number)).ok_or(Refused::Unknown)?;
        Ok(pages::signing(contract, shared.settings.template(&mch_id, &contract.plan_id), &message))
    })
}

/// A button of the cashier.
pub(crate) async fn act_on_order(
    shared: State,
    Path((mch_id, number)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let form = form(&body);
    let user = form.get("user").filter(|user| !user.is_empty()).cloned();
    let done = act(&shared, &mch_id, |scene| match form.get("act").map(String::as_str) {
        Some("pay") => {
            let payment = Payment { user, sign: form.contains_key("sign"), ..Payment::default() };
            rules::pay(scene, &number, &payment).map(|_| "")
        }
        Some("cancel") => rules::cancel(scene, &number).map(|()| "已取消支付"),
        Some("wrong-password") => rules::wrong_password(scene, &number).map(|()| "支付密码错误，请重试"),
        _ => Err(Refused::Unknown),
    });
    back(&format!("/cashier/{mch_id}/{number}"), done)
}

/// A button of the signing page.
pub(crate) async fn act_on_contract(
    shared: State,
    Path((mch_id, number)): Path<(String, String)>,
    body: Bytes,
) -> Response {
    let form = form(&body);
    let user = form.get("user").filter(|user| !user.is_empty()).cloned();
    let done = act(&shared, &mch_id, |scene| match form.get("act").map(String::as_str) {
        Some("sign") => rules::sign(scene, &number, user.as_deref()).map(|_| ""),
        Some("cancel") => rules::cancel_signing(scene, &number).map(|()| "已取消开通"),
        Some("terminate") => rules::terminate(scene, &number, Ending::User).map(|()| "已关闭自动续费"),
        _ => Err(Refused::Unknown),
    });
    back(&format!("/signing/{mch_id}/{number}"), done)
}

/// `GET /papay/entrustweb`: signing inside WeChat.
pub(crate) async fn entrust_web(shared: State, uri: Uri) -> Response {
    // What counts is the URL at WeChat's own address.
    let url = format!("https://api.mch.weixin.qq.com{uri}");
    go("/signing", visit_entrust_web(&shared, &url))
}

/// A redirect_url of `h5entrustweb`.
pub(crate) async fn h5(shared: State, Path(token): Path<String>) -> Response {
    go("/signing", visit_h5(&shared, &token))
}

/// A mweb_url.
pub(crate) async fn mweb(shared: State, uri: Uri) -> Response {
    go("/cashier", visit_mweb(&shared, uri.query().unwrap_or_default()))
}

fn look(shared: &Shared, look: impl FnOnce(&World) -> Result<Markup, Refused>) -> Response {
    shown(shared.look(|inner| look(&inner.world)))
}

fn shown(page: Result<Markup, Refused>) -> Response {
    match page {
        Ok(page) => Html(page.into_string()).into_response(),
        Err(refused) => refusal(&refused),
    }
}

fn refusal(refused: &Refused) -> Response {
    let (status, text) = match refused {
        Refused::Unknown => (StatusCode::NOT_FOUND, "页面不存在"),
        Refused::Rule(why) => (StatusCode::OK, why.as_str()),
    };
    (status, Html(pages::notice(text).into_string())).into_response()
}

fn go(page: &str, to: Result<String, Refused>) -> Response {
    match to {
        Ok(key) => Redirect::to(&format!("{page}/{key}")).into_response(),
        Err(refused) => refusal(&refused),
    }
}

/// Back to the page, with what there is to say.
fn back(page: &str, done: Result<&str, Refused>) -> Response {
    let message = match &done {
        Ok(message) => message,
        Err(Refused::Rule(why)) => why.as_str(),
        Err(Refused::Unknown) => return refusal(&Refused::Unknown),
    };
    if message.is_empty() {
        return Redirect::to(page).into_response();
    }
    let query = form_urlencoded::Serializer::new(String::new()).append_pair("message", message).finish();
    Redirect::to(&format!("{page}?{query}")).into_response()
}

fn message(uri: &Uri) -> String {
    form(uri.query().unwrap_or_default().as_bytes()).remove("message").unwrap_or_default()
}

fn form(text: &[u8]) -> HashMap<String, String> {
    form_urlencoded::parse(text).map(|(name, value)| (name.into_owned(), value.into_owned())).collect()
}
