//! `POST /pay/contractorder`: an order that offers a contract.

use counterparty::V2Fields;

use super::offer::{Offer, offered};
use super::{Call, Refusal, Scene, nonce, success};
use crate::model::{Cashier, Failure, Form, Order, OrderKind, RefundState, TradeState, key};
use crate::time::{MINUTE, Ms, compact, from_compact};

/// Places an order, or gives the one that was placed by an identical call a new prepay_id.
pub(crate) fn contract_order(scene: &mut Scene<'_>, call: &Call) -> Result<V2Fields, Refusal> {
    check_identity(call)?;
    check_scene(call)?;
    let key = key(scene.mch_id(), call.text("out_trade_no"));
    match scene.world.orders.get(&key) {
        Some(order) => check_repetition(order, call)?,
        None => {
            let order = new_order(scene, call)?;
            scene.world.orders.insert(key.clone(), order);
        }
    }
    let prepay_id = new_prepay_id(scene.now);
    if let Some(Order { kind: OrderKind::Cashier(cashier), .. }) = scene.world.orders.get_mut(&key) {
        (cashier.prepay_id, cashier.prepaid_ms) = (prepay_id, scene.now);
    }
    let order = scene.world.orders.get(&key).and_then(Order::cashier);
    let cashier = order.ok_or_else(|| Refusal::business("SYSTEMERROR", "系统错误"))?;
    Ok(answer(call, cashier, &scene.settings.endpoint))
}

fn check_identity(call: &Call) -> Result<(), Refusal> {
    if call.text("contract_mchid") != call.text("mch_id") {
        return Err(Refusal::business("PARAM_ERROR", "签约contract_mchid与下单mch_id不匹配"));
    }
    if call.text("contract_appid") != call.text("appid") {
        return Err(Refusal::business("PARAM_ERROR", "签约contract_appid与下单appid不匹配"));
    }
    Ok(())
}

fn check_scene(call: &Call) -> Result<(), Refusal> {
    match call.text("trade_type") {
        "JSAPI" if call.get("openid").is_none() => Err(Refusal::business("LACK_PARAMS", "缺少参数openid")),
        "NATIVE" if call.get("product_id").is_none() => Err(Refusal::business("LACK_PARAMS", "缺少参数product_id")),
        "APP" | "JSAPI" | "NATIVE" | "MWEB" => Ok(()),
        _ => Err(Refusal::business("PARAM_ERROR", "trade_type参数错误")),
    }
}

fn check_repetition(order: &Order, call: &Call) -> Result<(), Refusal> {
    let used = Refusal::business("OUT_TRADE_NO_USED", "商户订单号重复");
    if order.cashier().is_none() {
        return Err(used);
    }
    match order.state {
        TradeState::Success => Err(Refusal::business("ORDERPAID", "该订单已支付")),
        TradeState::Closed => Err(Refusal::business("ORDERCLOSED", "该订单已关闭")),
        _ if order.request != call.content() => Err(used),
        _ => Ok(()),
    }
}

fn new_order(scene: &mut Scene<'_>, call: &Call) -> Result<Order, Refusal> {
    let out_trade_no = call.text("out_trade_no").to_owned();
    let offer = Offer { form: Form::Order { out_trade_no: out_trade_no.clone() }, notify_url: "contract_notify_url" };
    let expires_ms = expiry(call, scene.now)?;
    let contract = offered(scene, call, offer)?;
    Ok(Order {
        mch_id: scene.mch_id().to_owned(),
        appid: call.text("appid").to_owned(),
        out_trade_no,
        total_fee: call.number("total_fee"),
        notify_url: call.text("notify_url").to_owned(),
        request: call.content(),
        hmac: call.is_hmac(),
        made_ms: scene.now,
        expires_ms,
        kind: OrderKind::Cashier(Cashier {
            trade_type: call.text("trade_type").to_owned(),
            prepay_id: String::new(),
            prepaid_ms: scene.now,
            presign_failure: presign_failure(scene, call),
            contract: Some(contract),
        }),
        state: TradeState::NotPay,
        paid: None,
        failure: None,
        refunds: Vec::new(),
        refund_outcome: RefundState::Success,
        v3: None,
    })
}

/// What cannot be signed can be paid nevertheless, on the ordinary page.
fn presign_failure(scene: &Scene<'_>, call: &Call) -> Option<Failure> {
    let template = scene.settings.template(scene.mch_id(), call.text("plan_id"));
    let usable = template.is_some_and(|template| {
        !template.disabled
            && (template.appids.is_empty() || template.appids.iter().any(|one| one == call.text("appid")))
    });
    (!usable).then(|| Failure::new("SYSTEMERROR", "system error"))
}

fn expiry(call: &Call, now: Ms) -> Result<Option<Ms>, Refusal> {
    let time = |name: &str| match call.get(name).map(from_compact) {
        Some(None) => Err(Refusal::business("PARAM_ERROR", "时间格式错误")),
        Some(time) => Ok(time),
        None => Ok(None),
    };
    let start = time("time_start")?.unwrap_or(now);
    let expires = time("time_expire")?;
    match expires {
        Some(expires) if expires < start.saturating_add(MINUTE) => {
            Err(Refusal::business("PARAM_ERROR", "time_expire时间过短，刷卡至少1分钟"))
        }
        expires => Ok(expires),
    }
}

/// `wx`, the time, 20 more.
pub(super) fn new_prepay_id(now: Ms) -> String {
    let random: String = nonce().chars().take(20).collect();
    format!("wx{}{random}", compact(now))
}

fn answer(call: &Call, cashier: &Cashier, endpoint: &str) -> V2Fields {
    let mut fields = success(call);
    fields.set("prepay_id", &cashier.prepay_id);
    fields.set("trade_type", &cashier.trade_type);
    match cashier.trade_type.as_str() {
        "NATIVE" => fields.set("code_url", &code_url(cashier)),
        "MWEB" => fields.set("mweb_url", &mweb_url(cashier, endpoint)),
        _ => {}
    }
    if let Some(failure) = &cashier.presign_failure {
        fields.set("contract_result_code", "FAIL");
        fields.set("contract_err_code", &failure.err_code);
        fields.set("contract_err_code_des", &failure.err_code_des);
    } else {
        fields.set("contract_result_code", "SUCCESS");
        for echo in ["plan_id", "request_serial", "contract_code", "contract_display_account"] {
            fields.set(echo, call.text(echo));
        }
    }
    fields.set("out_trade_no", call.text("out_trade_no"));
    fields
}

/// What the QR code says. Its short word is the end of the prepay_id.
pub(super) fn code_url(cashier: &Cashier) -> String {
    format!("weixin://wxpay/bizpayurl?pr={}", short(cashier))
}

pub(super) fn short(cashier: &Cashier) -> String {
    cashier.prepay_id.chars().rev().take(9).collect::<Vec<_>>().into_iter().rev().collect()
}

/// In truth at `wx.tenpay.com`; here on this machine, so that a browser gets there.
pub(super) fn mweb_url(cashier: &Cashier, endpoint: &str) -> String {
    let package = short(cashier);
    format!("{endpoint}/cgi-bin/mmpayweb-bin/checkmweb?prepay_id={}&package={package}", cashier.prepay_id)
}
