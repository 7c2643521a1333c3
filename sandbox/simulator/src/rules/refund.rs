//! `POST /secapi/pay/refund`, and refunds by hand on the merchant platform.

use std::collections::BTreeMap;

use counterparty::V2Fields;

use super::{Call, Refusal, Refused, Scene, nonce, success, telling};
use crate::model::{Job, Key, Order, Refund, RefundState, Source, TradeState, V3Refund, key};
use crate::time::{DAY, Ms};

/// Partial refunds of one order.
const MOST_PARTS: usize = 50;
/// Refunds are possible so long after payment.
const LATEST: Ms = 365 * DAY;
/// Whose money it is, unless the call says otherwise.
const USUAL_ACCOUNT: &str = "REFUND_SOURCE_UNSETTLED_FUNDS";

/// Accepts a refund. The same number again is the same refund.
pub(crate) fn refund(scene: &mut Scene<'_>, call: &Call) -> Result<V2Fields, Refusal> {
    if call.get("transaction_id").is_none() && call.get("out_trade_no").is_none() {
        return Err(Refusal::business("LACK_PARAMS", "缺少参数transaction_id或out_trade_no"));
    }
    let absent = match call.get("transaction_id") {
        Some(_) => Refusal::business("INVALID_TRANSACTIONID", "无效transaction_id"),
        None => Refusal::business("ORDERNOTEXIST", "订单号不存在"),
    };
    let order = scene.order_of(call).ok_or(absent)?.clone();
    let refund_key = key(scene.mch_id(), call.text("out_refund_no"));
    if let Some(known) = scene.world.refunds.get(&refund_key) {
        check_repetition(known, &order, call)?;
        return Ok(answer(call, known));
    }
    if call.number("total_fee") != order.total_fee {
        return Err(Refusal::business("PARAM_ERROR", "订单金额total_fee与原订单不一致"));
    }
    let wanted = Wanted {
        out_refund_no: call.text("out_refund_no").to_owned(),
        refund_fee: call.number("refund_fee"),
        account: call.get("refund_account").unwrap_or(USUAL_ACCOUNT).to_owned(),
        notify_url: call.get("notify_url").map(ToOwned::to_owned),
        request: call.content(),
        source: Source::Api,
        v3: None,
    };
    let refund = accept(scene, &order, wanted).map_err(Hindrance::of_v2)?;
    Ok(answer(call, &refund))
}

/// A person refunds on the merchant platform. Answers the refund's number.
pub(crate) fn platform_refund(
    scene: &mut Scene<'_>,
    out_trade_no: &str,
    amount: Option<u64>,
    out_refund_no: Option<&str>,
) -> Result<String, Refused> {
    let order = scene.world.order(scene.mch_id(), out_trade_no).ok_or(Refused::Unknown)?.clone();
    let out_refund_no = match out_refund_no {
        Some(number) if scene.world.refunds.contains_key(&key(scene.mch_id(), number)) => {
            return Err(Refused::rule("the refund number is used"));
        }
        Some(number) => number.to_owned(),
        None => format!("P{}", nonce()),
    };
    let base = &scene.callbacks.refund;
    let wanted = Wanted {
        out_refund_no: out_refund_no.clone(),
        refund_fee: amount.unwrap_or_else(|| order.total_fee.saturating_sub(refunded(scene, &order))),
        account: USUAL_ACCOUNT.to_owned(),
        notify_url: (!base.is_empty()).then(|| format!("{base}/v2/{}", scene.mch_id())),
        request: BTreeMap::new(),
        source: Source::VendorPlatform,
        v3: None,
    };
    accept(scene, &order, wanted).map_err(|hindrance| Refused::rule(hindrance.described()))?;
    Ok(out_refund_no)
}

/// Decides a refund now, whatever was planned for it. Told where that changes its state: of a repair that comes to nothing while the refund
/// has stayed abnormal nobody hears.
pub(crate) fn settle(scene: &mut Scene<'_>, out_refund_no: &str, state: RefundState) -> Result<(), Refused> {
    let refund_key = key(scene.mch_id(), out_refund_no);
    let now = scene.now;
    let refund = scene.world.refunds.get_mut(&refund_key).ok_or(Refused::Unknown)?;
    match (refund.state, state) {
        (RefundState::Processing, _) | (RefundState::Change, RefundState::Success) => {}
        (RefundState::Change, RefundState::Change) if refund.is_under_repair() => {}
        _ => return Err(Refused::rule("the refund has come to its end")),
    }
    let is_news = state != refund.state;
    refund.state = state;
    refund.ended_ms = (state != RefundState::Processing).then_some(now);
    if let Some(v3) = refund.v3.as_mut().filter(|_| state != RefundState::Processing) {
        v3.under_repair = false;
    }
    let refund = refund.clone();
    if is_news {
        telling::refunded(scene, &refund)?;
    }
    Ok(())
}

/// A refund's time has come.
pub(super) fn finish(scene: &mut Scene<'_>, refund_key: &str) -> Result<(), Refused> {
    let refund = scene.world.refunds.get(refund_key).ok_or(Refused::Unknown)?;
    let planned = scene.world.orders.get(&refund.order).map(|order| order.refund_outcome).unwrap_or_default();
    let repaired = refund.v3.as_ref().filter(|v3| v3.under_repair).map(|v3| v3.repair_outcome);
    let is_open = repaired.is_some() || refund.state == RefundState::Processing;
    let outcome = repaired.unwrap_or(planned);
    if !is_open || outcome == RefundState::Processing {
        return Ok(());
    }
    let out_refund_no = refund.out_refund_no.clone();
    settle(scene, &out_refund_no, outcome)
}

/// A refund that nothing is against yet.
pub(super) struct Wanted {
    pub(super) out_refund_no: String,
    pub(super) refund_fee: u64,
    pub(super) account: String,
    pub(super) notify_url: Option<String>,
    pub(super) request: BTreeMap<String, String>,
    pub(super) source: Source,
    pub(super) v3: Option<V3Refund>,
}

/// What is against a refund, whoever asks for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Hindrance {
    NotPaid,
    TooLate,
    TooManyParts,
    TooMuch,
}

impl Hindrance {
    pub(super) fn described(self) -> &'static str {
        match self {
            Self::NotPaid => "订单未支付，不能退款",
            Self::TooLate => "订单已经超过退款期限",
            Self::TooManyParts => "部分退款次数超过50次",
            Self::TooMuch => "累计退款金额大于支付金额",
        }
    }

    fn of_v2(self) -> Refusal {
        let code = if self == Self::TooLate { "TRADE_OVERDUE" } else { "ERROR" };
        Refusal::business(code, self.described())
    }
}

fn check_repetition(known: &Refund, order: &Order, call: &Call) -> Result<(), Refusal> {
    let is_same_order = known.order == key(&order.mch_id, &order.out_trade_no);
    if known.refund_fee != call.number("refund_fee") || known.total_fee != call.number("total_fee") {
        return Err(Refusal::business("REFUND_FEE_MISMATCH", "订单金额或退款金额与之前请求不一致，请核实后再试"));
    }
    match is_same_order && known.source == Source::Api {
        true => Ok(()),
        false => Err(Refusal::business("ERROR", "商户退款单号重复")),
    }
}

/// Begins a refund, unless something is against it.
pub(super) fn accept(scene: &mut Scene<'_>, order: &Order, wanted: Wanted) -> Result<Refund, Hindrance> {
    let paid = order.paid.as_ref().filter(|_| order.state == TradeState::Success).ok_or(Hindrance::NotPaid)?;
    if scene.now > paid.at_ms.saturating_add(LATEST) {
        return Err(Hindrance::TooLate);
    }
    if order.refunds.len() >= MOST_PARTS {
        return Err(Hindrance::TooManyParts);
    }
    if wanted.refund_fee == 0 || refunded(scene, order).saturating_add(wanted.refund_fee) > order.total_fee {
        return Err(Hindrance::TooMuch);
    }
    let refund_key = key(&order.mch_id, &wanted.out_refund_no);
    let order_key = key(&order.mch_id, &order.out_trade_no);
    let refund = Refund {
        mch_id: order.mch_id.clone(),
        appid: order.appid.clone(),
        out_refund_no: wanted.out_refund_no,
        refund_id: scene.world.new_refund_id(scene.now),
        order: order_key.clone(),
        out_trade_no: order.out_trade_no.clone(),
        transaction_id: paid.transaction_id.clone(),
        refund_fee: wanted.refund_fee,
        total_fee: order.total_fee,
        account: wanted.account,
        notify_url: wanted.notify_url,
        request: wanted.request,
        source: wanted.source,
        made_ms: scene.now,
        state: RefundState::Processing,
        ended_ms: None,
        v3: wanted.v3,
    };
    if let Some(order) = scene.world.orders.get_mut(&order_key) {
        order.refunds.push(refund_key.clone());
    }
    remember(scene, refund_key, &refund);
    Ok(refund)
}

fn remember(scene: &mut Scene<'_>, refund_key: Key, refund: &Refund) {
    let at = scene.now.saturating_add(scene.settings.pace.refund_ms);
    scene.world.jobs.insert((at, Job::Settle(refund_key.clone())));
    scene.world.refunds.insert(refund_key, refund.clone());
}

/// Fen that are, or are to be, back at the user.
fn refunded(scene: &Scene<'_>, order: &Order) -> u64 {
    let refunds = order.refunds.iter().filter_map(|key| scene.world.refunds.get(key));
    refunds.filter(|refund| refund.state != RefundState::RefundClose).map(|refund| refund.refund_fee).sum()
}

fn answer(call: &Call, refund: &Refund) -> V2Fields {
    let mut fields = success(call);
    fields.set("transaction_id", &refund.transaction_id);
    fields.set("out_trade_no", &refund.out_trade_no);
    fields.set("out_refund_no", &refund.out_refund_no);
    fields.set("refund_id", &refund.refund_id);
    fields.set_number("refund_fee", refund.refund_fee);
    fields.set_number("total_fee", refund.total_fee);
    fields.set("fee_type", "CNY");
    fields.set_number("cash_fee", refund.total_fee);
    fields.set_number("cash_refund_fee", refund.refund_fee);
    fields.set_number("coupon_refund_fee", 0);
    fields.set_number("coupon_refund_count", 0);
    fields
}
