//! `POST /pay/pappayapply`: acceptance of a deduction. The result comes later.

use counterparty::V2Fields;

use super::{Call, Refusal, Scene, success};
use crate::config::{Mode, Template};
use crate::model::{Contract, ContractState, Job, Key, Order, OrderKind, PreNotice, RefundState, TradeState, key};
use crate::time::{DAY, HOUR, Ms, day, is_daytime};

/// The first deduction is executed at once, without notice, so long after signing.
const FIRST_AT_ONCE: Ms = 12 * HOUR;
/// The notice of the default mode comes so long before.
const NOTICE: Ms = DAY;
/// Calls in a day for one user and template, good and bad.
const CALLS_PER_DAY: u32 = 300;
/// The first deductible day, the day of the pre-notice being 1.
const FIRST_DAY: i64 = 3;

/// Accepts a deduction, or says why not.
pub(crate) fn apply(scene: &mut Scene<'_>, call: &Call) -> Result<V2Fields, Refusal> {
    let key = key(scene.mch_id(), call.text("out_trade_no"));
    if let Some(order) = scene.world.orders.get(&key) {
        return Err(repeated(order, call));
    }
    let contract = wanted(scene, call)?;
    let template = scene.settings.template(&contract.mch_id, &contract.plan_id).cloned();
    let template = template.ok_or_else(|| Refusal::business("INVALID_REQUEST", "签约模版信息不存在"))?;
    count_call(scene, &contract)?;
    if !is_daytime(scene.now) {
        return Err(Refusal::business("INVALID_REQUEST", "请在7:00-22:00之间发起扣款"));
    }
    let amount = call.number("total_fee");
    check_amount(&template, amount)?;
    let past = Past::of(scene, &contract);
    past.check(&template, contract.signed.as_ref().map(|signed| signed.at_ms), amount, scene.now)?;
    let wait = wait(scene, &template, &contract, &past, amount)?;
    place(scene, call, key, contract.key(), wait);
    Ok(success(call))
}

/// The first and the last deductible day of a pre-notice.
pub(super) fn deductible(notice: &PreNotice) -> (i64, i64) {
    let first = day(notice.at_ms).saturating_add(FIRST_DAY - 1);
    (first, first.saturating_add(notice.days).saturating_sub(1))
}

fn repeated(order: &Order, call: &Call) -> Refusal {
    match order.state {
        _ if order.deducted_from().is_none() => Refusal::business("OUT_TRADE_NO_USED", "商户订单号重复"),
        TradeState::Success => Refusal::business("ORDERPAID", "订单已支付"),
        TradeState::Closed | TradeState::PayFail => Refusal::business("ORDERCLOSED", "订单已关闭"),
        _ if order.request != call.content() => Refusal::business("INVALID_REQUEST", "201 商户订单号重复"),
        _ => Refusal::business("ORDER_ACCEPTED", "订单已受理"),
    }
}

fn wanted(scene: &Scene<'_>, call: &Call) -> Result<Contract, Refusal> {
    let absent = || Refusal::business("CONTRACT_NOT_EXIST", "签约协议不存在");
    let contract = scene.contract_of(call).filter(|contract| contract.mch_id == scene.mch_id()).ok_or_else(absent)?;
    let signed = contract.signed.as_ref().filter(|_| contract.state == ContractState::Signed).ok_or_else(absent)?;
    if scene.now > signed.expires_ms {
        return Err(Refusal::business("CONTRACTERROR", "签约协议已过期"));
    }
    Ok(contract.clone())
}

fn count_call(scene: &mut Scene<'_>, contract: &Contract) -> Result<(), Refusal> {
    let today = day(scene.now);
    let Some(contract) = scene.world.contracts.get_mut(&contract.key()) else { return Ok(()) };
    if contract.calls.day != today {
        (contract.calls.day, contract.calls.count) = (today, 0);
    }
    contract.calls.count = contract.calls.count.saturating_add(1);
    match contract.calls.count > CALLS_PER_DAY {
        true => Err(Refusal::business("FREQUENCY_LIMITED", "频率限制")),
        false => Ok(()),
    }
}

fn check_amount(template: &Template, amount: u64) -> Result<(), Refusal> {
    if template.amount.is_some_and(|fixed| fixed != amount) {
        return Err(Refusal::business("RULELIMIT", "扣款金额与模版固定金额不一致"));
    }
    if amount > template.limit() {
        return Err(Refusal::business("RULELIMIT", "扣款金额超过模版限额"));
    }
    Ok(())
}

/// What was deducted from a contract before.
struct Past {
    /// Moment and amount of each success.
    paid: Vec<(Ms, u64)>,
    is_undecided: bool,
}

impl Past {
    fn of(scene: &Scene<'_>, contract: &Contract) -> Self {
        let keys = scene.world.deductions.get(&contract.key());
        let orders: Vec<&Order> = keys.into_iter().flatten().filter_map(|key| scene.world.orders.get(key)).collect();
        let paid = orders.iter().filter_map(|order| Some((order.paid.as_ref()?.at_ms, order.total_fee)));
        let is_undecided = orders.iter().any(|order| order.state == TradeState::Accept);
        Self { paid: paid.collect(), is_undecided }
    }

    fn check(&self, template: &Template, signed_ms: Option<Ms>, amount: u64, now: Ms) -> Result<(), Refusal> {
        if self.is_undecided {
            return Err(Refusal::business("INVALID_REQUEST", "存在未完成的扣款订单，请勿重复发起"));
        }
        let limit = |des: &str| Err(Refusal::business("RULELIMIT", des));
        let today = self.paid.iter().filter(|(at, _)| day(*at) == day(now));
        if count(today.clone()) >= template.per_day {
            return limit("当日扣款成功次数已达上限");
        }
        let spent: u64 = today.map(|(_, fee)| fee).sum();
        if spent.saturating_add(amount) > template.daily_amount {
            return limit("当日扣款金额已达上限");
        }
        let Some(signed_ms) = signed_ms else { return Ok(()) };
        let length = Ms::from(template.period_days.max(1)).saturating_mul(DAY);
        let period = |at: Ms| at.saturating_sub(signed_ms).div_euclid(length);
        if count(self.paid.iter().filter(|(at, _)| period(*at) == period(now))) >= template.per_period {
            return limit("本周期扣款成功次数已达上限");
        }
        Ok(())
    }
}

fn count<'a>(deductions: impl Iterator<Item = &'a (Ms, u64)>) -> u32 {
    u32::try_from(deductions.count()).unwrap_or(u32::MAX)
}

/// How long an accepted deduction waits.
fn wait(scene: &Scene<'_>, template: &Template, contract: &Contract, past: &Past, amount: u64) -> Result<Ms, Refusal> {
    let signed_ms = contract.signed.as_ref().map_or(scene.now, |signed| signed.at_ms);
    let is_first = past.paid.is_empty() && scene.now < signed_ms.saturating_add(FIRST_AT_ONCE);
    match (&contract.notice, template.mode) {
        (None, _) if is_first => Ok(scene.settings.pace.deduction_ms),
        (_, Mode::Notice24h) => Ok(NOTICE),
        (None, Mode::PreNotice) => Err(Refusal::business("INVALID_REQUEST", "需要先下发扣费前通知才能扣费")),
        (Some(notice), Mode::PreNotice) => {
            check_notice(notice, amount, scene.now)?;
            Ok(scene.settings.pace.deduction_ms)
        }
    }
}

fn check_notice(notice: &PreNotice, amount: u64, now: Ms) -> Result<(), Refusal> {
    let (first, last) = deductible(notice);
    if !(first..=last).contains(&day(now)) {
        return Err(Refusal::business("INVALID_REQUEST", "不在扣费前通知的可扣款日期内"));
    }
    match amount > notice.amount {
        true => Err(Refusal::business("RULELIMIT", "扣款金额超过扣费前通知的金额")),
        false => Ok(()),
    }
}

fn place(scene: &mut Scene<'_>, call: &Call, key: Key, contract: Key, wait: Ms) {
    let executes_ms = scene.now.saturating_add(wait);
    let order = Order {
        mch_id: scene.mch_id().to_owned(),
        appid: call.text("appid").to_owned(),
        out_trade_no: call.text("out_trade_no").to_owned(),
        total_fee: call.number("total_fee"),
        notify_url: call.text("notify_url").to_owned(),
        request: call.content(),
        hmac: call.is_hmac(),
        made_ms: scene.now,
        expires_ms: None,
        kind: OrderKind::Deduction { contract: contract.clone(), executes_ms },
        state: TradeState::Accept,
        paid: None,
        failure: None,
        refunds: Vec::new(),
        refund_outcome: RefundState::Success,
        v3: None,
    };
    scene.world.orders.insert(key.clone(), order);
    scene.world.deductions.entry(contract).or_default().push(key.clone());
    scene.world.jobs.insert((executes_ms, Job::Deduct(key)));
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::time::MINUTE;

    /// 2026-03-02 00:00:00 in Beijing.
    const MIDNIGHT: Ms = 1_772_380_800_000;

    #[test]
    fn a_notice_opens_the_third_day_and_as_many_as_it_names() {
        for (days, sent, deducted, expected) in [
            (7, 10 * HOUR, 10 * HOUR, false),
            (7, 10 * HOUR, 2 * DAY - MINUTE, false),
            (7, 10 * HOUR, 2 * DAY, true),
            (7, 21 * HOUR, 2 * DAY, true),
            (7, 10 * HOUR, 9 * DAY - MINUTE, true),
            (7, 10 * HOUR, 9 * DAY, false),
            (1, 10 * HOUR, 3 * DAY - MINUTE, true),
            (1, 10 * HOUR, 3 * DAY, false),
        ] {
            let notice = PreNotice { at_ms: MIDNIGHT + sent, amount: 1800, days };
            let is_open = check_notice(&notice, 1800, MIDNIGHT + deducted).is_ok();
            assert_eq!(is_open, expected, "{days} days, sent {sent}, deducted {deducted}");
            assert!(check_notice(&notice, 1801, MIDNIGHT + deducted).is_err(), "more than it says");
        }
    }

    #[test]
    fn an_amount_is_the_templates_or_below_its_limit() {
        let any = Template::new("1", "1");
        let fixed = Template { amount: Some(1800), ..any.clone() };
        let test = Template { test: true, ..any.clone() };
        for (template, amount, expected) in [
            (&any, 50_000, true),
            (&any, 50_001, false),
            (&fixed, 1800, true),
            (&fixed, 1799, false),
            (&test, 10, true),
            (&test, 11, false),
        ] {
            assert_eq!(check_amount(template, amount).is_ok(), expected, "{amount}");
        }
    }

    #[test]
    fn successes_are_counted_by_day_by_period_and_by_amount() {
        let template = Template { per_day: 2, per_period: 3, daily_amount: 5_000, ..Template::new("1", "1") };
        let signed_ms = MIDNIGHT - 40 * DAY;
        let allowed = |paid: &[(Ms, u64)], amount: u64| {
            let past = Past { paid: paid.to_vec(), is_undecided: false };
            past.check(&template, Some(signed_ms), amount, MIDNIGHT + 10 * HOUR).is_ok()
        };
        let today = MIDNIGHT + 8 * HOUR;
        assert!(allowed(&[], 5_000) && !allowed(&[], 5_001));
        assert!(allowed(&[(today, 1_800)], 3_200) && !allowed(&[(today, 1_800)], 3_201));
        assert!(!allowed(&[(today, 1), (today, 1)], 1), "two today");
        let this_period = signed_ms + 31 * DAY;
        assert!(!allowed(&[(this_period, 1), (this_period, 1), (this_period, 1)], 1), "three in this period");
        let last_period = signed_ms + 29 * DAY;
        assert!(allowed(&[(last_period, 1), (last_period, 1), (last_period, 1)], 1));
        let undecided = Past { paid: Vec::new(), is_undecided: true };
        assert!(undecided.check(&template, Some(signed_ms), 1, today).is_err());
    }
}
