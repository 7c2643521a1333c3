//! The user on the cashier page: pays, cancels, mistypes. What is signed is settled after the payment.

use serde::{Deserialize, Serialize};

use super::signing::make_signed;
use super::{Refused, Scene, telling, v3};
use crate::model::{ContractState, Job, Key, Order, Paid, TradeState, key};
use crate::time::Ms;

/// How the user pays.
#[derive(Debug, Clone, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Payment {
    /// Who he is, unless the order's openid says it.
    pub(crate) user: Option<String>,
    /// The 自动续费 switch.
    pub(crate) sign: bool,
    /// Why nothing is signed though he wanted it.
    pub(crate) reason: Option<NotSigned>,
    /// Which notice goes first; both at once where nothing is said.
    pub(crate) first: Option<First>,
    /// How long the signing takes.
    pub(crate) signing_ms: Ms,
    /// And does not know the contract (-25) instead.
    pub(crate) signing_unknown: bool,
    /// Fen paid by a coupon.
    pub(crate) coupon: u64,
}

/// Of the two notices that belong to one payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum First {
    Payment,
    Contract,
}

/// Why a payment signs nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum NotSigned {
    /// The switch is off.
    UserUnticked,
    /// The user has a live contract of this template.
    AlreadySigned,
    /// The user's account.
    AccountAbnormal,
    /// The user has signed more than 200 items.
    TooManyItems,
    /// The page could not offer it.
    PresignFailed,
}

/// What a payment has led to.
#[derive(Debug, Serialize)]
pub(crate) struct Outcome {
    pub(crate) transaction_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) contract_id: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) not_signed: Option<NotSigned>,
}

impl Default for Payment {
    fn default() -> Self {
        Self { user: None, sign: true, reason: None, first: None, signing_ms: 0, signing_unknown: false, coupon: 0 }
    }
}

/// 支付
pub(crate) fn pay(scene: &mut Scene<'_>, out_trade_no: &str, payment: &Payment) -> Result<Outcome, Refused> {
    let key = key(scene.mch_id(), out_trade_no);
    let order = scene.world.orders.get(&key).ok_or(Refused::Unknown)?.clone();
    if let Some(why) = order.unpayable(scene.now) {
        return Err(Refused::rule(why));
    }
    let (user, openid) = payer(scene, &order, payment);
    let transaction_id = scene.world.new_transaction_id(scene.now);
    let coupon = payment.coupon.min(order.total_fee.saturating_sub(1));
    let paid = Paid { transaction_id: transaction_id.clone(), at_ms: scene.now, user: user.clone(), openid, coupon };
    scene.world.transactions.insert(transaction_id.clone(), key.clone());
    if let Some(order) = scene.world.orders.get_mut(&key) {
        (order.state, order.paid) = (TradeState::Success, Some(paid.clone()));
    }
    let told = telling::payment(scene, &order, &paid)?;
    let (contract_id, not_signed) = settle_signing(scene, &order, payment, &user, told)?;
    Ok(Outcome { transaction_id, contract_id, not_signed })
}

/// 取消
pub(crate) fn cancel(scene: &mut Scene<'_>, out_trade_no: &str) -> Result<(), Refused> {
    unpaid(scene, out_trade_no, TradeState::NotPay)
}

/// 密码错误: the page stays.
pub(crate) fn wrong_password(scene: &mut Scene<'_>, out_trade_no: &str) -> Result<(), Refused> {
    unpaid(scene, out_trade_no, TradeState::UserPaying)
}

/// The bank refuses.
pub(crate) fn fail(scene: &mut Scene<'_>, out_trade_no: &str) -> Result<(), Refused> {
    unpaid(scene, out_trade_no, TradeState::PayError)
}

fn unpaid(scene: &mut Scene<'_>, out_trade_no: &str, state: TradeState) -> Result<(), Refused> {
    let key = key(scene.mch_id(), out_trade_no);
    let order = scene.world.orders.get_mut(&key).ok_or(Refused::Unknown)?;
    match order.unpayable(scene.now) {
        Some(why) => Err(Refused::rule(why)),
        None => {
            // The other words belong to payment codes, in V3.
            order.state = if order.v3.is_some() { TradeState::NotPay } else { state };
            Ok(())
        }
    }
}

/// The user whom the order names, or who stands at the cashier.
fn payer(scene: &mut Scene<'_>, order: &Order, payment: &Payment) -> (String, String) {
    if let Some(openid) = order.asked("openid").filter(|_| order.trade_type() == "JSAPI") {
        return (scene.world.user_of(&order.appid, openid), openid.to_owned());
    }
    if let Some(openid) = v3::pre_signed_for(scene, order).filter(|_| payment.user.is_none()) {
        return (scene.world.user_of(&order.appid, &openid), openid);
    }
    let stranger = || format!("user-{}", order.asked("contract_code").unwrap_or(&order.out_trade_no));
    let user = payment.user.clone().unwrap_or_else(stranger);
    let openid = scene.world.openid(&order.appid, &user);
    (user, openid)
}

fn settle_signing(
    scene: &mut Scene<'_>,
    order: &Order,
    payment: &Payment,
    user: &str,
    told: u64,
) -> Result<(Option<String>, Option<NotSigned>), Refused> {
    let Some(cashier) = order.cashier() else { return Ok((None, None)) };
    let Some(contract) = cashier.contract.clone() else {
        return v3::settle_signing(scene, order, payment, user);
    };
    if let Some(why) = why_not(scene, order, payment, user) {
        set_state(scene, &contract, ContractState::Cancelled);
        return Ok((None, Some(why)));
    }
    if payment.signing_ms > 0 {
        if !payment.signing_unknown {
            set_state(scene, &contract, ContractState::Signing);
        }
        let at = scene.now.saturating_add(payment.signing_ms);
        scene.world.jobs.insert((at, Job::Sign(contract)));
        return Ok((None, None));
    }
    let openid = scene.world.orders.get(&key(&order.mch_id, &order.out_trade_no)).and_then(|order| order.paid.as_ref());
    let openid = openid.map(|paid| paid.openid.clone()).unwrap_or_default();
    let signing = make_signed(scene, &contract, user, openid)?;
    match payment.first {
        Some(First::Payment) => telling::hold_back(scene, signing.notice, told),
        Some(First::Contract) => telling::hold_back(scene, told, signing.notice),
        None => {}
    }
    Ok((Some(signing.contract_id), None))
}

/// The documented reasons why a paid order signs nothing.
fn why_not(scene: &Scene<'_>, order: &Order, payment: &Payment, user: &str) -> Option<NotSigned> {
    let cashier = order.cashier()?;
    let plan_id = order.asked("plan_id").unwrap_or_default();
    if cashier.presign_failure.is_some() {
        return Some(NotSigned::PresignFailed);
    }
    if !payment.sign {
        return Some(NotSigned::UserUnticked);
    }
    if scene.world.live(&order.mch_id, plan_id, user).is_some() {
        return Some(NotSigned::AlreadySigned);
    }
    if scene.world.has_too_many_items(user) {
        return Some(NotSigned::TooManyItems);
    }
    payment.reason
}

fn set_state(scene: &mut Scene<'_>, contract: &Key, state: ContractState) {
    if let Some(contract) = scene.world.contracts.get_mut(contract) {
        contract.state = state;
    }
}
