//! One user signs one plan once: whom the guards point at, whatever comes late.

use domain::{Called, Cause, Contract, ContractChange, ContractState, FactBody, OpenId, PaymentResult, UserId};
use record::{Opened, Opening, Recorded};

use super::place::{Place, contract_of};

#[tokio::test]
async fn a_user_has_one_live_attempt_of_a_plan() {
    let mut place = Place::new();
    let (alice, bob) = (place.generator.user(), place.generator.user());
    let first = place.attempt(&alice, None);
    assert_eq!(place.open(&first).await, Opened::Opened);
    let contract = contract_of(&first).clone();
    let live = Opened::Live { contract_code: contract.contract_code.clone() };
    let second = place.attempt(&alice, Some(&contract));
    assert_eq!(place.open(&second).await, live);
    let found = |user: UserId| {
        let (place, contract) = (&place, contract.clone());
        async move {
            let live = place.recorder.live(&contract.mch_id, &contract.plan_id, &contract.appid, Some(&user), None);
            live.await.unwrap().map(|row| row.value.contract_code)
        }
    };
    assert_eq!(found(alice.clone()).await, Some(contract.contract_code.clone()));
    assert_eq!(found(bob.clone()).await, None);
    let his = place.attempt(&bob, Some(&contract));
    assert_eq!(place.open(&his).await, Opened::Opened, "another user");
    let other_plan = place.attempt(&alice, None);
    assert_eq!(place.open(&other_plan).await, Opened::Opened, "another plan");
    // It came to nothing: the way is free.
    assert!(matches!(place.unsigned(&contract).await, Recorded::Applied { .. }));
    assert_eq!(place.open(&second).await, Opened::Opened);
    let third = place.attempt(&alice, Some(&contract));
    let live = Opened::Live { contract_code: contract_of(&second).contract_code.clone() };
    assert_eq!(place.open(&third).await, live);
}

#[tokio::test]
async fn a_payer_who_signed_before_has_a_live_contract_whoever_asks() {
    let mut place = Place::new();
    let (alice, bob, openid) = (place.generator.user(), place.generator.user(), place.generator.openid());
    let first = place.attempt(&alice, None);
    assert_eq!(place.open(&first).await, Opened::Opened);
    let contract = contract_of(&first).clone();
    let at = Some(place.now);
    place.changed(&contract, Some(&openid), ContractChange::Signed { at, expires_at: None }).await;
    let opening = |place: &mut Place, openid: &OpenId| Opening {
        openid: Some(openid.clone()),
        ..place.attempt(&bob, Some(&contract))
    };
    let same_payer = opening(&mut place, &openid);
    let live = Opened::Live { contract_code: contract.contract_code.clone() };
    assert_eq!(place.open(&same_payer).await, live, "the ADD revealed who signed");
    let terminated = Contract { contract_id: place.row(&contract).await.contract_id, ..contract.clone() };
    let id = terminated.contract_id.clone().unwrap();
    let fact = place.generator.terminated(&terminated, &id, place.now);
    assert!(matches!(place.tell(fact.body, Cause::Callback).await, Recorded::Applied { .. }));
    assert_eq!(place.open(&same_payer).await, Opened::Opened, "it has ended");
}

#[tokio::test]
async fn a_late_signing_takes_its_users_guard_back() {
    let mut place = Place::new();
    let alice = place.generator.user();
    let first = place.attempt(&alice, None);
    assert_eq!(place.open(&first).await, Opened::Opened);
    let contract = contract_of(&first).clone();
    place.unsigned(&contract).await;
    let second = place.attempt(&alice, Some(&contract));
    assert_eq!(place.open(&second).await, Opened::Opened);
    let at = Some(place.now);
    place.changed(&contract, None, ContractChange::Signed { at, expires_at: None }).await;
    place.unsigned(contract_of(&second)).await;
    let third = place.attempt(&alice, Some(&contract));
    let live = Opened::Live { contract_code: contract.contract_code.clone() };
    assert_eq!(place.open(&third).await, live, "the first attempt was signed after all");
}

#[tokio::test]
async fn an_attempt_that_is_paid_late_takes_its_users_guard_back() {
    let mut place = Place::new();
    let alice = place.generator.user();
    let first = place.opened(&alice, None).await;
    place.unsigned(&first).await;
    assert!(matches!(place.paid(&first, None).await, Recorded::Applied { .. }));
    assert_eq!(place.row(&first).await.state, ContractState::Pending, "open again");
    assert_eq!(place.live_for(&alice, &first).await, Some(first.contract_code.clone()));
}

#[tokio::test]
async fn a_late_payment_comes_before_an_attempt_that_was_begun_meanwhile_and_is_not_signed() {
    let mut place = Place::new();
    let alice = place.generator.user();
    let first = place.opened(&alice, None).await;
    place.unsigned(&first).await;
    let second = place.opened(&alice, Some(&first)).await;
    place.paid(&first, None).await;
    assert_eq!(place.live_for(&alice, &first).await, Some(first.contract_code.clone()), "she would pay twice");
    // It is signed, and the other one comes to nothing.
    place.changed(&first, None, ContractChange::Signed { at: Some(place.now), expires_at: None }).await;
    place.unsigned(&second).await;
    assert_eq!(place.live_for(&alice, &first).await, Some(first.contract_code));
}

#[tokio::test]
async fn a_late_payment_leaves_a_contract_in_force_the_users_own() {
    let mut place = Place::new();
    let alice = place.generator.user();
    let first = place.opened(&alice, None).await;
    place.unsigned(&first).await;
    let second = place.opened(&alice, Some(&first)).await;
    place.changed(&second, None, ContractChange::Signed { at: Some(place.now), expires_at: None }).await;
    place.paid(&first, None).await;
    assert_eq!(place.row(&first).await.state, ContractState::Pending);
    assert_eq!(
        place.live_for(&alice, &first).await,
        Some(second.contract_code.clone()),
        "it can be ended by her alone"
    );
    // WeChat signed the first one all the same: that one renews.
    place.changed(&first, None, ContractChange::Signed { at: Some(place.now), expires_at: None }).await;
    assert_eq!(place.live_for(&alice, &first).await, Some(first.contract_code));
}

#[tokio::test]
async fn a_payer_who_had_the_contract_under_another_account_is_guarded_by_it() {
    let mut place = Place::new();
    let (alice, bob, openid) = (place.generator.user(), place.generator.user(), place.generator.openid());
    let hers = place.opened(&alice, None).await;
    place.changed(&hers, Some(&openid), ContractChange::Signed { at: Some(place.now), expires_at: None }).await;
    let his = place.opened(&bob, Some(&hers)).await;
    place.paid(&his, Some(&openid)).await;
    let payer = place.row(&his).await.payment.unwrap().payer;
    assert_eq!(payer.as_ref(), Some(&openid));
    let found = place.recorder.signed_by(&his.mch_id, &his.plan_id, &his.appid, &openid).await.unwrap().unwrap();
    assert_eq!(found.value.contract_code, hers.contract_code);
    let (contract_code, existing) = (his.contract_code.clone(), hers.contract_code.clone());
    let found = FactBody::Called(Called::SignedBefore { contract_code, existing: existing.clone() });
    assert!(matches!(place.tell(found, Cause::Query).await, Recorded::Applied { events: 2, .. }));
    assert_eq!(place.live_for(&bob, &his).await, Some(existing), "another purchase would be paid and sign nothing");
    let ended = Contract { contract_id: place.row(&hers).await.contract_id, ..hers };
    let fact = place.generator.terminated(&ended, &ended.contract_id.clone().unwrap(), place.now);
    place.tell(fact.body, Cause::Callback).await;
    assert_eq!(place.live_for(&bob, &his).await, None, "it has ended");
}

impl Place {
    /// An attempt of a user that is on record.
    async fn opened(&mut self, user: &UserId, like: Option<&Contract>) -> Contract {
        let opening = self.attempt(user, like);
        assert_eq!(self.open(&opening).await, Opened::Opened);
        contract_of(&opening).clone()
    }

    /// Its first order was paid.
    async fn paid(&mut self, contract: &Contract, payer: Option<&OpenId>) -> Recorded {
        let keys = domain::Keys { order: contract.first_order().cloned(), ..domain::Keys::default() };
        let order = self.recorder.rows(&contract.mch_id, &keys).await.unwrap().order.unwrap().value;
        let transaction_id = self.generator.transaction_id();
        let mut fact = self.generator.paid(&order, &transaction_id, self.now);
        if let FactBody::Payment(payment) = &mut fact.body
            && let PaymentResult::Succeeded { openid, .. } = &mut payment.result
        {
            *openid = payer.cloned();
        }
        self.recorder
            .apply(&fact, &record::Receipt::ours(&fact, self.now, None), self.now, domain::decide)
            .await
            .unwrap()
    }

    /// What stands in the way of another attempt of this user.
    async fn live_for(&self, user: &UserId, like: &Contract) -> Option<domain::ContractCode> {
        let live = self.recorder.live(&like.mch_id, &like.plan_id, &like.appid, Some(user), None).await;
        live.unwrap().map(|row| row.value.contract_code)
    }
}
