//! What happens by itself when its time has come: deductions, refunds, signings that took a while.

use super::signing::make_signed;
use super::{Refused, Scene, refund, telling, v3};
use crate::config::{Callbacks, Settings};
use crate::model::{ContractState, Failure, Form, Job, Order, Paid, TradeState, World};
use crate::time::Ms;

/// Does everything that is due. Answers what could not be done, which a healthy simulator never has.
pub(crate) fn run_due(world: &mut World, settings: &Settings, callbacks: &Callbacks, now: Ms) -> Vec<Refused> {
    let mut failed = Vec::new();
    while let Some((at, job)) = world.jobs.first().cloned().filter(|(at, _)| *at <= now) {
        world.jobs.remove(&(at, job.clone()));
        let key = match &job {
            Job::Sign(key) | Job::Deduct(key) | Job::Settle(key) | Job::Close(key) => key.clone(),
        };
        let mch_id = key.split('/').next().unwrap_or_default();
        // A merchant that was taken out of the configuration since.
        let Some(merchant) = settings.merchants.get(mch_id) else { continue };
        // Things happen at their time, even if the clock has jumped over it.
        let mut scene = Scene { world, settings, callbacks, merchant, now: at };
        let done = match job {
            Job::Sign(contract) => finish_signing(&mut scene, &contract),
            Job::Deduct(order) => deduct(&mut scene, &order),
            Job::Settle(refund) => refund::finish(&mut scene, &refund),
            Job::Close(order) => {
                v3::close_unpaid(&mut scene, &order);
                Ok(())
            }
        };
        failed.extend(done.err());
    }
    failed
}

fn finish_signing(scene: &mut Scene<'_>, key: &str) -> Result<(), Refused> {
    let contract = scene.world.contracts.get(key).ok_or(Refused::Unknown)?;
    let Form::Order { out_trade_no } = &contract.form else { return Ok(()) };
    let order = scene.world.order(&contract.mch_id, out_trade_no).ok_or(Refused::Unknown)?;
    let Some(paid) = order.paid.clone() else { return Ok(()) };
    let (mch_id, plan_id) = (contract.mch_id.clone(), contract.plan_id.clone());
    // Meanwhile the user may have signed in another way.
    if scene.world.live(&mch_id, &plan_id, &paid.user).is_some() {
        if let Some(contract) = scene.world.contracts.get_mut(key) {
            contract.state = ContractState::Cancelled;
        }
        return Ok(());
    }
    make_signed(scene, key, &paid.user, paid.openid).map(|_| ())
}

fn deduct(scene: &mut Scene<'_>, key: &str) -> Result<(), Refused> {
    let order = scene.world.orders.get(key).ok_or(Refused::Unknown)?.clone();
    let contract = order.deducted_from().and_then(|key| scene.world.contracts.get(key));
    let contract = contract.ok_or(Refused::Unknown)?.clone();
    if order.state != TradeState::Accept {
        return Ok(());
    }
    let user = contract.signed.as_ref().map(|signed| signed.user.clone()).unwrap_or_default();
    let failure = match contract.state {
        ContractState::Signed => scene.world.users.get(&user).and_then(|user| user.deduction.clone()),
        _ => Some(Failure::new("CONTRACT_NOT_EXIST", "签约协议不存在")),
    };
    match failure {
        Some(failure) => {
            change(scene, key, |order| {
                order.state = TradeState::PayFail;
                order.failure = Some(failure.clone());
            });
            telling::not_deducted(scene, &order, &contract, &failure)?;
        }
        None => {
            let openid = scene.world.openid(&order.appid, &user);
            let transaction_id = scene.world.new_transaction_id(scene.now);
            let paid = Paid { transaction_id, at_ms: scene.now, user, openid, coupon: 0 };
            scene.world.transactions.insert(paid.transaction_id.clone(), key.to_owned());
            change(scene, key, |order| {
                order.state = TradeState::Success;
                order.paid = Some(paid.clone());
            });
            // One success ends the cycle: the next one needs a notice of its own.
            if let Some(contract) = scene.world.contracts.get_mut(&contract.key()) {
                contract.notice = None;
            }
            telling::deducted(scene, &order, &paid, &contract)?;
        }
    }
    Ok(())
}

fn change(scene: &mut Scene<'_>, key: &str, how: impl FnOnce(&mut Order)) {
    if let Some(order) = scene.world.orders.get_mut(key) {
        how(order);
    }
}
