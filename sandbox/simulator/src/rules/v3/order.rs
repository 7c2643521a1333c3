//! `POST /v3/pay/transactions/{app,jsapi,h5,native}`

use std::collections::BTreeMap;

use serde_json::json;

use super::{Refusal, Reply, Request, check_appid, check_merchant};
use crate::model::{Cashier, Job, Order, OrderKind, RefundState, TradeState, V3Order, key};
use crate::rules::Scene;
use crate::rules::order::{code_url, mweb_url, new_prepay_id};
use crate::time::{DAY, MINUTE, Ms, from_rfc3339};

/// An order that nobody has paid is closed then.
const LIFE: Ms = 7 * DAY;
/// A `time_expire` is raised to this, and cut to that, without a word.
const SHORTEST: Ms = MINUTE;
const LONGEST: Ms = 15 * DAY;

/// Places an order, or gives the one that an identical call has placed another prepay_id.
pub(crate) fn place(scene: &mut Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    check_merchant(scene, request.said("/mchid"), "/mchid")?;
    check_appid(scene, request.said("/appid"))?;
    let key = key(scene.mch_id(), request.said("/out_trade_no"));
    match scene.world.orders.get(&key) {
        Some(order) => check_repetition(order, request, scene.now)?,
        None => {
            let order = new_order(scene, request);
            let closes = scene.now.saturating_add(LIFE).max(order.expires_ms.unwrap_or_default());
            scene.world.jobs.insert((closes, Job::Close(key.clone())));
            scene.world.orders.insert(key.clone(), order);
        }
    }
    let prepay_id = new_prepay_id(scene.now);
    let order = scene.world.orders.get_mut(&key);
    let Some(Order { kind: OrderKind::Cashier(cashier), v3: Some(v3), .. }) = order else {
        return Err(Refusal::new("SYSTEM_ERROR", "系统异常，请稍后重试"));
    };
    v3.prepay_ids.push((prepay_id.clone(), scene.now));
    (cashier.prepay_id, cashier.prepaid_ms) = (prepay_id, scene.now);
    Ok(Reply::Json(match cashier.trade_type.as_str() {
        "NATIVE" => json!({ "code_url": code_url(cashier) }),
        "MWEB" => json!({ "h5_url": mweb_url(cashier, &scene.settings.endpoint) }),
        _ => json!({ "prepay_id": cashier.prepay_id }),
    }))
}

/// The same number is the same order, said the same way.
fn check_repetition(order: &Order, request: &Request, now: Ms) -> Result<(), Refusal> {
    if order.state == TradeState::Success {
        return Err(Refusal::new("INVALID_REQUEST", "该订单已支付").numbered(268_498_689));
    }
    let is_same = order.trade_type() == request.parameter("trade_type")
        && order.v3.as_ref().is_some_and(|v3| v3.body == request.body);
    if !is_same {
        let used = Refusal::new("OUT_TRADE_NO_USED", "请求重入时，参数与首次请求时不一致");
        return Err(used.numbered(268_498_688));
    }
    match order.state == TradeState::Closed || order.expires_ms.is_some_and(|expires| now > expires) {
        true => Err(Refusal::new("ORDER_CLOSED", "订单已关闭，请重新下单").numbered(268_447_914)),
        false => Ok(()),
    }
}

fn new_order(scene: &Scene<'_>, request: &Request) -> Order {
    let expires = request.text("/time_expire").and_then(from_rfc3339);
    let bounds = (scene.now.saturating_add(SHORTEST), scene.now.saturating_add(LONGEST));
    Order {
        mch_id: scene.mch_id().to_owned(),
        appid: request.said("/appid").to_owned(),
        out_trade_no: request.said("/out_trade_no").to_owned(),
        total_fee: request.number("/amount/total"),
        notify_url: request.said("/notify_url").to_owned(),
        request: in_v2_words(request),
        hmac: false,
        made_ms: scene.now,
        expires_ms: expires.map(|at| at.clamp(bounds.0, bounds.1)),
        kind: OrderKind::Cashier(Cashier {
            trade_type: request.parameter("trade_type").to_owned(),
            prepay_id: String::new(),
            prepaid_ms: scene.now,
            contract: None,
            presign_failure: None,
        }),
        state: TradeState::NotPay,
        paid: None,
        failure: None,
        refunds: Vec::new(),
        refund_outcome: RefundState::Success,
        v3: Some(V3Order { body: request.body.clone(), prepay_ids: Vec::new(), exempt: None }),
    }
}

/// What the cashier page and the queries of V2 look up.
fn in_v2_words(request: &Request) -> BTreeMap<String, String> {
    let words = [
        ("body", "/description"),
        ("attach", "/attach"),
        ("openid", "/payer/openid"),
        ("device_info", "/scene_info/device_id"),
    ];
    let said = words.into_iter().filter_map(|(name, pointer)| Some((name, request.text(pointer)?)));
    said.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}
