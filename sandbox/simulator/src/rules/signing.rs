//! The user signs, with or without a payment.

use super::{Refused, Scene, telling};
use crate::model::{Contract, ContractState, Form, Signed, key};

/// What signing leads to.
pub(super) struct Signing {
    pub(super) contract_id: String,
    /// The ADD notice.
    pub(super) notice: u64,
}

/// The user agrees on a page of pure signing. Answers the contract_id.
pub(crate) fn sign(scene: &mut Scene<'_>, contract_code: &str, user: Option<&str>) -> Result<String, Refused> {
    let key = key(scene.mch_id(), contract_code);
    let contract = scene.world.contracts.get(&key).ok_or(Refused::Unknown)?;
    check_page(contract)?;
    let (appid, plan_id) = (contract.appid.clone(), contract.plan_id.clone());
    let user = user.map_or_else(|| format!("user-{contract_code}"), ToOwned::to_owned);
    if scene.world.live(scene.mch_id(), &plan_id, &user).is_some() {
        return Err(Refused::rule("already_signed: 您已开通该服务"));
    }
    if scene.world.has_too_many_items(&user) {
        return Err(Refused::rule("too_many_items: 签约数量已达上限"));
    }
    let openid = scene.world.openid(&appid, &user);
    Ok(make_signed(scene, &key, &user, openid)?.contract_id)
}

/// The user leaves the page: nobody is told.
pub(crate) fn cancel_signing(scene: &mut Scene<'_>, contract_code: &str) -> Result<(), Refused> {
    let key = key(scene.mch_id(), contract_code);
    let contract = scene.world.contracts.get_mut(&key).ok_or(Refused::Unknown)?;
    check_page(contract)?;
    contract.state = ContractState::Cancelled;
    Ok(())
}

/// Puts a contract in force and tells it.
pub(super) fn make_signed(scene: &mut Scene<'_>, key: &str, user: &str, openid: String) -> Result<Signing, Refused> {
    let contract_id = scene.world.new_contract_id(scene.now);
    let contract = scene.world.contracts.get_mut(key).ok_or(Refused::Unknown)?;
    contract.signed = Some(Signed::new(contract_id.clone(), user, openid, scene.now));
    contract.state = ContractState::Signed;
    let contract = contract.clone();
    scene.world.contract_ids.insert(contract_id.clone(), key.to_owned());
    scene.world.set_live(&contract, user);
    let notice = telling::signed(scene, &contract)?;
    Ok(Signing { contract_id, notice })
}

fn check_page(contract: &Contract) -> Result<(), Refused> {
    if matches!(contract.form, Form::Order { .. }) {
        return Err(Refused::rule("this contract is offered on the cashier page of its order"));
    }
    match contract.state {
        ContractState::Offered if !contract.is_opened() => Err(Refused::rule("the signing page was not opened")),
        ContractState::Offered => Ok(()),
        ContractState::Signing | ContractState::Signed => Err(Refused::rule("the contract is signed: 您已开通该服务")),
        ContractState::Terminated => Err(Refused::rule("the contract is terminated")),
        ContractState::Cancelled => Err(Refused::rule("the page was left")),
    }
}
