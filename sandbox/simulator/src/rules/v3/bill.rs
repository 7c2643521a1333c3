//! `GET /v3/bill/tradebill`, and the file that it names.
//!
//! A bill tells of the day as it stood at nine in the morning after: of what was paid, and of the refunds that were asked for.

use aws_lc_rs::digest;
use serde_json::json;

use super::{Refusal, Reply, Request};
use crate::model::{Order, Paid, Refund, RefundState, World};
use crate::rules::Scene;
use crate::time::{DAY, HOUR, MINUTE, Ms, day, from_date, spaced};

/// After the beginning of its day: when a bill stands still, and when it can be fetched.
const STANDS_STILL: Ms = DAY + 9 * HOUR;
const IS_MADE: Ms = DAY + 10 * HOUR;

/// Three months.
const DAYS_KEPT: i64 = 90;

/// How long a link lives.
const LINK_LIFE: Ms = 5 * MINUTE;

/// The columns of `ALL`, with those that newer bills append.
const COLUMNS: &str = "交易时间,公众账号ID,商户号,特约商户号,设备号,微信订单号,商户订单号,用户标识,交易类型,交易状态,付款银行,货币种类,\
应结订单金额,代金券金额,微信退款单号,商户退款单号,退款金额,充值券退款金额,退款类型,退款状态,商品名称,商户数据包,手续费,费率,订单金额,\
申请退款金额,费率备注";

const TOTALS: &str = "总交易单数,应结订单总金额,退款总金额,充值券退款总金额,手续费总金额,订单总金额,申请退款总金额";

/// Where the bill of a day can be fetched.
pub(crate) fn trade_bill(scene: &mut Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    let wrong = |what: &str| Err(Refusal::new("PARAM_ERROR", what));
    let Some(begins) = from_date(request.parameter("bill_date")) else { return wrong("bill_date格式错误") };
    if !matches!(request.parameter("bill_type"), "" | "ALL") {
        return wrong("模拟器只提供bill_type为ALL的账单");
    }
    if !request.parameter("tar_type").is_empty() {
        return wrong("模拟器不提供压缩的账单");
    }
    if !(1..=DAYS_KEPT).contains(&day(scene.now).saturating_sub(day(begins))) {
        return wrong("bill_date只能是今天之前三个月内的日期");
    }
    if scene.now < begins.saturating_add(IS_MADE) {
        return Err(Refusal::new("STATEMENT_CREATING", "账单生成中，请稍后再试"));
    }
    let Some(bill) = bill(scene.world, scene.mch_id(), begins) else {
        return Err(Refusal::new("NO_STATEMENT_EXIST", "账单文件不存在"));
    };
    let hash = digest::digest(&digest::SHA1_FOR_LEGACY_USE_ONLY, bill.as_bytes());
    let token = format!("{begins}.{}", scene.now);
    Ok(Reply::Json(json!({
        "hash_type": "SHA1",
        "hash_value": hex::encode(hash),
        "download_url": format!("{}/v3/billdownload/file?token={token}", scene.settings.endpoint),
    })))
}

/// The file: of the merchant that asks, whoever was given the link.
pub(crate) fn bill_file(scene: &mut Scene<'_>, request: &Request) -> Result<Reply, Refusal> {
    let gone = || Refusal::new("NO_AUTH", "下载链接无效或已过期");
    let (begins, made) = request.parameter("token").split_once('.').ok_or_else(gone)?;
    let (begins, made): (Ms, Ms) = begins.parse().ok().zip(made.parse().ok()).ok_or_else(gone)?;
    if !(0..=LINK_LIFE).contains(&scene.now.saturating_sub(made)) {
        return Err(gone());
    }
    bill(scene.world, scene.mch_id(), begins).map(Reply::File).ok_or_else(gone)
}

/// Sums in fen.
#[derive(Default)]
struct Sums {
    rows: u64,
    settled: u64,
    ordered: u64,
    refunded: u64,
}

/// The bill of a merchant's day, if there is anything in it.
fn bill(world: &World, mch_id: &str, begins: Ms) -> Option<String> {
    let of_day = |at: Ms| (begins..begins.saturating_add(DAY)).contains(&at);
    let paid = world.orders.values().filter(|order| order.mch_id == mch_id);
    let paid = paid.filter_map(|order| order.paid.as_ref().filter(|paid| of_day(paid.at_ms)).map(|paid| (order, paid)));
    let refunds = world.refunds.values().filter(|refund| refund.mch_id == mch_id && of_day(refund.made_ms));
    let mut sums = Sums::default();
    let mut lines: Vec<(Ms, String)> =
        paid.map(|(order, paid)| (paid.at_ms, payment(order, paid, &mut sums))).collect();
    lines.extend(refunds.filter_map(|refund| {
        let order = world.orders.get(&refund.order)?;
        let paid = order.paid.as_ref()?;
        Some((refund.made_ms, given_back((order, paid), refund, begins.saturating_add(STANDS_STILL), &mut sums)))
    }));
    if lines.is_empty() {
        return None;
    }
    lines.sort();
    let lines: Vec<String> = lines.into_iter().map(|(_, line)| line).collect();
    let Sums { rows, settled, ordered, refunded } = sums;
    let (rows, refunded) = (rows.to_string(), yuan(refunded));
    let totals = [&rows, &yuan(settled), &refunded, "0.00", "0.00000", &yuan(ordered), &refunded];
    Some(format!("\u{feff}{COLUMNS}\r\n{}\r\n{TOTALS}\r\n{}\r\n", lines.join("\r\n"), written(&totals)))
}

fn payment(order: &Order, paid: &Paid, sums: &mut Sums) -> String {
    let settled = order.total_fee.saturating_sub(paid.coupon);
    sums.rows = sums.rows.saturating_add(1);
    sums.settled = sums.settled.saturating_add(settled);
    sums.ordered = sums.ordered.saturating_add(order.total_fee);
    let amounts = [yuan(settled), yuan(paid.coupon), yuan(order.total_fee)];
    line(order, paid, paid.at_ms, "SUCCESS", &amounts, ["0", "0", "0.00", "", ""])
}

fn given_back((order, paid): (&Order, &Paid), refund: &Refund, stands_still: Ms, sums: &mut Sums) -> String {
    sums.rows = sums.rows.saturating_add(1);
    sums.refunded = sums.refunded.saturating_add(refund.refund_fee);
    let status = match refund.state {
        _ if refund.ended_ms.is_none_or(|ended| ended > stands_still) => "PROCESSING",
        RefundState::Processing => "PROCESSING",
        RefundState::Success => "SUCCESS",
        RefundState::Change => "CHANGE",
        RefundState::RefundClose => "FAIL",
    };
    let nothing = [yuan(0), yuan(0), yuan(0)];
    let amount = yuan(refund.refund_fee);
    let words = [refund.refund_id.as_str(), &refund.out_refund_no, &amount, "ORIGINAL", status];
    line(order, paid, refund.made_ms, "REFUND", &nothing, words)
}

fn line(order: &Order, paid: &Paid, at: Ms, state: &str, amounts: &[String; 3], refund: [&str; 5]) -> String {
    let [settled, coupon, ordered] = amounts;
    let [refund_id, out_refund_no, refunded, kind, status] = refund;
    // A V2 call says `body`, one of V3 `description`.
    let goods = order.asked("body").or(order.asked("description")).unwrap_or_default();
    written(&[
        &spaced(at),
        &order.appid,
        &order.mch_id,
        "0",
        order.asked("device_info").unwrap_or_default(),
        &paid.transaction_id,
        &order.out_trade_no,
        &paid.openid,
        order.trade_type(),
        state,
        "OTHERS",
        "CNY",
        settled,
        coupon,
        refund_id,
        out_refund_no,
        refunded,
        "0.00",
        kind,
        status,
        goods,
        order.asked("attach").unwrap_or_default(),
        "0.00000",
        "0.60%",
        ordered,
        refunded,
        "",
    ])
}

/// Each value with its back-tick.
fn written(values: &[&str]) -> String {
    values.iter().map(|value| format!("`{value}")).collect::<Vec<_>>().join(",")
}

/// Fen as yuan.
fn yuan(fen: u64) -> String {
    format!("{}.{:02}", fen / 100, fen % 100)
}
