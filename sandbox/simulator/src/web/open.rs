//! The user's WeChat opens what the merchant has handed out.

use std::collections::BTreeMap;

use axum::Json;
use counterparty::V2Fields;
use serde::Deserialize;
use serde_json::{Value, json};

use super::State;
use super::control::{Answer, act};
use super::v2::from_query;
use crate::calls::{self, AppLaunch, ENTRUST_WEB, Form, JsapiLaunch, MINI_PROGRAM, check_app, check_jsapi};
use crate::model::{Key, Order, PREPAY_LIFE, World};
use crate::rules::{self, Call, Refusal, Refused, Scene};
use crate::shared::Shared;
use crate::time::{MINUTE, Ms};

/// Life of a mweb_url.
const MWEB_LIFE: Ms = 5 * MINUTE;
/// A URL that is longer ends in 502.
const LONGEST_URL: usize = 1024;

/// What was handed out.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Opening {
    App(AppLaunch),
    Jsapi(JsapiLaunch),
    CodeUrl(String),
    MwebUrl(String),
    Entrustweb(String),
    H5(String),
    MiniProgram(BTreeMap<String, String>),
    PreEntrustwebId(String),
    #[serde(rename = "WXLaunchMiniProgram")]
    AppLaunches(LaunchedByApp),
    #[serde(rename = "navigateToMiniProgram")]
    Navigates(NavigatedTo),
}

/// What an app gives to the SDK (<https://pay.weixin.qq.com/doc/v2/merchant/4015996790>).
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct LaunchedByApp {
    user_name: String,
    path: String,
    miniprogram_type: u8,
}

/// What a mini program gives to `wx.navigateToMiniProgram` (<https://pay.weixin.qq.com/doc/v2/merchant/4011987274>).
#[derive(Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct NavigatedTo {
    app_id: String,
    path: String,
    extra_data: BTreeMap<String, String>,
}

/// WeChat's signing mini program.
const SIGNING_APPID: &str = "wxbd687630cd02ce1d";
const SIGNING_PAGE: &str = "pages/index/index";

/// Where it leads.
enum Place {
    Cashier(Key),
    Signing(Key),
}

/// Opens it, or says why WeChat would not.
pub(crate) async fn open(shared: State, Json(body): Json<Value>) -> Answer {
    let kind = body.as_object().and_then(|members| members.keys().next()).cloned().unwrap_or_default();
    let opening: Opening = serde_json::from_value(body)?;
    let place = opened(&shared, opening)?;
    let (page, name, key) = match &place {
        Place::Cashier(key) => ("cashier", "out_trade_no", key),
        Place::Signing(key) => ("signing", "contract_code", key),
    };
    let (mch_id, number) = key.split_once('/').unwrap_or_default();
    let page = format!("{}/{page}/{key}", shared.settings.endpoint);
    Ok(Json(json!({ "kind": kind, "mch_id": mch_id, name: number, "page": page })))
}

fn opened(shared: &Shared, opening: Opening) -> Result<Place, Refused> {
    match opening {
        Opening::App(launch) => {
            let (key, order, _) = by_prepay_id(shared, |prepay_id| prepay_id == launch.prepayid)?;
            check_app(shared, &order, &launch).map(|()| Place::Cashier(key))
        }
        Opening::Jsapi(launch) => {
            let (key, order, _) = by_prepay_id(shared, |prepay_id| Some(prepay_id) == launch.prepay_id())?;
            check_jsapi(shared, &order, &launch).map(|()| Place::Cashier(key))
        }
        Opening::CodeUrl(url) => {
            let short = url.strip_prefix("weixin://wxpay/bizpayurl?pr=").filter(|short| !short.is_empty());
            let short = short.ok_or_else(|| Refused::rule("not a code_url"))?;
            by_prepay_id(shared, |prepay_id| prepay_id.ends_with(short)).map(|(key, ..)| Place::Cashier(key))
        }
        Opening::MwebUrl(url) => {
            let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
            visit_mweb(shared, query).map(Place::Cashier)
        }
        Opening::Entrustweb(url) => visit_entrust_web(shared, &url).map(Place::Signing),
        Opening::H5(url) => {
            let token = url.rsplit('/').next().unwrap_or_default().to_owned();
            visit_h5(shared, &token).map(Place::Signing)
        }
        Opening::MiniProgram(data) => visit_mini_program(shared, &data).map(Place::Signing),
        Opening::Navigates(to) => match (to.app_id.as_str(), to.path.as_str()) {
            (SIGNING_APPID, SIGNING_PAGE) => visit_mini_program(shared, &to.extra_data).map(Place::Signing),
            _ => Err(Refused::rule("not WeChat's signing mini program")),
        },
        Opening::PreEntrustwebId(id) => visit_pre_entrust(shared, &id).map(Place::Signing),
        Opening::AppLaunches(launch) => {
            let query = launch.path.split_once('?').filter(|(page, _)| *page == SIGNING_PAGE).map(|(_, query)| query);
            let fields = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
            let id = fields.into_iter().find(|(name, _)| name == "pre_entrustweb_id").map(|(_, id)| id.into_owned());
            match id.filter(|_| launch.user_name == rules::SIGNING_MINI_PROGRAM && launch.miniprogram_type == 0) {
                Some(id) => visit_pre_entrust(shared, &id).map(Place::Signing),
                None => Err(Refused::rule("not WeChat's signing mini program, or not its page")),
            }
        }
    }
}

/// A browser visits a mweb_url: within 5 minutes.
pub(super) fn visit_mweb(shared: &Shared, query: &str) -> Result<Key, Refused> {
    let wanted = form_urlencoded::parse(query.as_bytes()).find(|(name, _)| name == "prepay_id");
    let wanted = wanted.map(|(_, value)| value.into_owned()).ok_or(Refused::Unknown)?;
    let (key, order, prepaid_ms) = by_prepay_id(shared, |prepay_id| prepay_id == wanted)?;
    if shared.clock.now_ms() > prepaid_ms.saturating_add(MWEB_LIFE) || order.trade_type() != "MWEB" {
        return Err(Refused::rule("mweb_url is older than 5 minutes: 支付链接已过期"));
    }
    Ok(key)
}

/// A user inside WeChat visits a signing URL.
pub(super) fn visit_entrust_web(shared: &Shared, url: &str) -> Result<Key, Refused> {
    if url.len() > LONGEST_URL {
        return Err(Refused::rule("the URL has more than 1024 bytes: 502"));
    }
    let query = url.split_once('?').map(|(_, query)| query).unwrap_or_default();
    let fields = from_query(query).map_err(refused)?;
    offered(shared, &ENTRUST_WEB, fields, rules::open_web)
}

/// A browser visits a redirect_url: once.
pub(super) fn visit_h5(shared: &Shared, token: &str) -> Result<Key, Refused> {
    first_known(
        shared.settings.merchants.keys().map(|mch_id| act(shared, mch_id, |scene| rules::open_h5(scene, token))),
    )
}

/// A mini program jumps to WeChat's.
fn visit_mini_program(shared: &Shared, data: &BTreeMap<String, String>) -> Result<Key, Refused> {
    let mut fields = V2Fields::new();
    data.iter().for_each(|(name, value)| fields.set(name, value));
    offered(shared, &MINI_PROGRAM, fields, rules::mini_program)
}

/// An app launches what was pre-signed.
fn visit_pre_entrust(shared: &Shared, id: &str) -> Result<Key, Refused> {
    let merchants = shared.settings.merchants.keys();
    first_known(merchants.map(|mch_id| act(shared, mch_id, |scene| rules::open_pre_entrust(scene, id))))
}

fn offered(
    shared: &Shared,
    form: &Form,
    fields: V2Fields,
    rule: fn(&mut Scene<'_>, &Call) -> Result<Key, Refusal>,
) -> Result<Key, Refused> {
    let (call, merchant) = calls::check(form, fields, &shared.settings).map_err(refused)?;
    shared.act(merchant, |scene| rule(scene, &call)).map_err(refused)
}

fn first_known(found: impl Iterator<Item = Result<Key, Refused>>) -> Result<Key, Refused> {
    let mut known = found.filter(|one| *one != Err(Refused::Unknown));
    known.next().unwrap_or(Err(Refused::Unknown))
}

/// The order of a prepay_id, and when that was made.
fn by_prepay_id(shared: &Shared, is_wanted: impl Fn(&str) -> bool) -> Result<(Key, Order, Ms), Refused> {
    let now = shared.clock.now_ms();
    let made_ms = |order: &Order| {
        let mut prepay_ids = order.prepay_ids().into_iter();
        prepay_ids.find(|(prepay_id, _)| is_wanted(prepay_id)).map(|(_, made_ms)| made_ms)
    };
    let find = |world: &World| {
        let mut found = world.orders.iter().filter_map(|(key, order)| Some((key, order, made_ms(order)?)));
        found.next().map(|(key, order, made_ms)| (key.clone(), order.clone(), made_ms))
    };
    let (key, order, made_ms) = shared.look(|inner| find(&inner.world)).ok_or(Refused::Unknown)?;
    match order.unpayable(now) {
        Some(why) => Err(Refused::rule(why)),
        None if now > made_ms.saturating_add(PREPAY_LIFE) => {
            Err(Refused::rule("the prepay_id has expired: 订单已过期"))
        }
        None => Ok((key, order, made_ms)),
    }
}

fn refused(refusal: Refusal) -> Refused {
    Refused::Rule(match refusal {
        Refusal::Communication(text) => text,
        Refusal::Business(failure) | Refusal::Unsigned(failure) => {
            format!("{}: {}", failure.err_code, failure.err_code_des)
        }
    })
}
