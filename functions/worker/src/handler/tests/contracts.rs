//! Contracts: in force, ended, and being ended.

use std::net::{IpAddr, Ipv4Addr};

use ask::fake::{FakeWeChat, Reply, fields};
use domain::{
    Called, Contract, ContractChange, ContractState, Fact, FactBody, NotSignedReason, Order, Outcome, TerminationReason,
};
use record::Recorded;
use wechat::{ContractOrder, Keys, Moment, Payment, Prepared, Signing};

use super::world::{CONTRACT_QUERY, DELETE, ORDER_QUERY, mch_id};
use super::*;

#[tokio::test]
async fn a_contract_in_force_is_asked_for_once_a_day_by_wechats_number() {
    let world = World::new();
    let contract = world.signed();
    world.put(Some(&contract), None, None).await;
    world.says_of_contract(&contract, "0", &[]);
    for day in 0..3 {
        world.sweep(minutes(day * 24 * 60 + 1)).await;
        world.sweep(minutes(day * 24 * 60 + 2)).await;
    }
    let asked = world.wechat.asked();
    assert_eq!(asked.len(), 3);
    assert!(
        asked
            .iter()
            .all(|asked| asked.fields.get("contract_id") == contract.contract_id.clone().map(String::from).as_ref())
    );
    assert!(asked.iter().all(|asked| !asked.fields.contains_key("contract_code")));
}

#[tokio::test]
async fn a_termination_of_which_no_notice_came_is_found_with_its_reason() {
    for (mode, reason) in [
        ("1", TerminationReason::Expired),
        ("2", TerminationReason::User),
        ("3", TerminationReason::MerchantApi),
        ("4", TerminationReason::MerchantPlatform),
        ("5", TerminationReason::AccountCancelled),
        ("7", TerminationReason::CustomerService),
        ("6", TerminationReason::Other),
    ] {
        let world = World::new();
        let contract = world.signed();
        world.put(Some(&contract), None, None).await;
        world.says_of_contract(
            &contract,
            "1",
            &[("contract_termination_mode", mode), ("contract_terminated_time", "2026-01-01 08:00:00")],
        );
        world.sweep(minutes(1)).await;
        let after = world.contract(&contract.contract_code);
        assert_eq!((after.state, after.termination_reason), (ContractState::Terminated, Some(reason)), "mode {mode}");
        assert_eq!(world.outcome(&contract), Outcome::Terminated);
    }
}

#[tokio::test]
async fn a_termination_whose_call_was_lost_is_asked_for_again_until_wechat_has_ended_it() {
    let world = World::new();
    let contract = world.signed();
    world.put(Some(&contract), None, None).await;
    let contract_code = contract.contract_code.clone();
    let asked = Fact::ours(mch_id(), FactBody::Called(Called::TerminationAsked { contract_code }));
    world.notified(&asked, at(0)).await;
    world.says_of_contract(&contract, "0", &[]);
    world.wechat.on(DELETE, Reply::Silence);
    world.live(1..=60).await;
    assert!(world.wechat.take_paths().contains(&DELETE.to_owned()));
    assert_eq!(world.contract(&contract.contract_code).state, ContractState::Terminating);
    world.wechat.on(DELETE, fields(&[]));
    let ended = [("contract_termination_mode", "3"), ("contract_terminated_time", "2026-01-01 09:02:00")];
    world.says_of_contract(&contract, "1", &ended);
    world.live(61..=240).await;
    assert_eq!(world.contract(&contract.contract_code).state, ContractState::Terminated);
}

#[tokio::test]
async fn a_termination_that_wechat_does_not_carry_out_for_hours_is_undone_by_no_answer() {
    let world = World::new();
    let contract = world.signed();
    world.put(Some(&contract), None, None).await;
    let contract_code = contract.contract_code.clone();
    let asked = Fact::ours(mch_id(), FactBody::Called(Called::TerminationAsked { contract_code }));
    world.notified(&asked, at(0)).await;
    world.says_of_contract(&contract, "0", &[]);
    world.wechat.on(DELETE, Reply::Silence);
    world.live(1..=3 * 3600).await;
    assert_eq!(world.contract(&contract.contract_code).state, ContractState::Terminating);
    let deletes = world.wechat.take_paths().iter().filter(|path| *path == DELETE).count();
    assert!(deletes > 3, "asked for again and again: {deletes}");
}

#[tokio::test]
async fn an_offer_without_payment_that_nobody_takes_ends_as_not_signed() {
    let world = World::new();
    let contract = Contract {
        state: ContractState::Pending,
        contract_id: None,
        signed_at: None,
        check: Some(domain::Schedule::ContractAfterOffer.first(at(0))),
        ..world.signed()
    };
    world.put(Some(&contract), None, None).await;
    world.wechat.on(CONTRACT_QUERY, Reply::RefusesUnsigned("-25"));
    world.live(0..=3 * 3600).await;
    assert_eq!(world.contract(&contract.contract_code).state, ContractState::NotSigned);
    assert_eq!(world.outcome(&contract), Outcome::Closed);
}

#[tokio::test]
async fn an_offer_without_payment_that_was_taken_is_found() {
    let world = World::new();
    let contract = Contract {
        state: ContractState::Pending,
        contract_id: None,
        signed_at: None,
        check: Some(domain::Schedule::ContractAfterOffer.first(at(0))),
        ..world.signed()
    };
    world.put(Some(&contract), None, None).await;
    world.says_of_contract(&contract, "0", &[("openid", "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o")]);
    world.sweep(minutes(3)).await;
    assert_eq!(world.outcome(&contract), Outcome::Signed);
    let asked = world.wechat.asked();
    let code = asked.first().and_then(|asked| asked.fields.get("contract_code"));
    assert_eq!(
        code.map(String::as_str),
        Some(contract.contract_code.as_str()),
        "by our number, since we know no other"
    );
}

#[tokio::test]
async fn a_payer_who_had_a_contract_already_is_found_however_late_wechat_is_asked_first() {
    for unsigned in [Reply::RefusesUnsigned("-25"), fields(&[("contract_state", "1")])] {
        let world = World::new();
        let (hers, openid) = (world.signed(), world.generator.borrow_mut().openid());
        let add = ContractChange::Signed { at: hers.signed_at, expires_at: None };
        let hers = Contract { openid: Some(openid.clone()), ..hers };
        let pending = Contract { state: ContractState::Pending, contract_id: None, check: None, ..hers.clone() };
        world.put(Some(&pending), None, None).await;
        let add = world.generator.borrow_mut().contract_changed(&hers, hers.contract_id.as_ref(), add);
        assert!(matches!(world.notified(&add, at(-86_400)).await, Recorded::Applied { .. }));

        let (his, order) = world.attempt();
        let user = Some(world.generator.borrow_mut().user());
        let his = Contract { plan_id: hers.plan_id.clone(), appid: hers.appid.clone(), user, ..his };
        let order = Order { appid: hers.appid.clone(), ..order };
        world.put(Some(&his), Some(&order), None).await;
        // Paid in the first minute, and nobody was told or asked for long.
        let total = order.amount.to_string();
        let paid = [
            ("trade_state", "SUCCESS"),
            ("transaction_id", "4200001234202601010000000001"),
            ("total_fee", &total),
            ("trade_type", "APP"),
            ("time_end", "20260101090100"),
            ("openid", openid.as_str()),
        ];
        world.wechat.on(ORDER_QUERY, fields(&paid));
        world.says_of_contract(&hers, "0", &[]);
        world.sweep(minutes(46)).await;
        world.wechat.once(CONTRACT_QUERY, unsigned);
        world.sweep(minutes(46)).await;

        let after = world.contract(&his.contract_code);
        assert_eq!(after.not_signed_reason, Some(NotSignedReason::AlreadySigned));
        assert_eq!(after.existing.as_ref(), Some(&hers.contract_code));
        let told: Vec<_> = world.events().into_iter().filter(|event| event == "contract.not_signed").collect();
        assert_eq!(told.len(), 1, "told once, with this reason");
        let recorder = world.asker.recorder();
        let live = recorder.live(&mch_id(), &his.plan_id, &his.appid, his.user.as_ref(), None).await.unwrap();
        let live = live.map(|row| row.value.contract_code);
        assert_eq!(live, Some(hers.contract_code), "another purchase would be paid and sign nothing");
    }
}

/// The request of an attempt, as sign-api stores it.
pub(super) fn contract_order(contract: &Contract, order: &Order) -> Prepared<ContractOrder> {
    ContractOrder {
        appid: order.appid.clone(),
        out_trade_no: order.out_trade_no.clone(),
        body: "月度会员".to_owned(),
        detail: None,
        attach: None,
        total: order.amount,
        client_ip: IpAddr::V4(Ipv4Addr::new(203, 0, 113, 7)),
        time_start: None,
        time_expire: None,
        notify_url: "https://example.com/v2/10000100".to_owned(),
        contract_notify_url: "https://example.com/v2/10000100".to_owned(),
        payment: Payment::App,
        signing: Signing {
            plan_id: contract.plan_id.clone(),
            contract_code: contract.contract_code.clone(),
            request_serial: 1000,
            display_account: "alice".to_owned(),
            outerid: None,
        },
        no_credit: false,
        goods_tag: None,
        device_info: None,
    }
    .prepare(&Keys::new(FakeWeChat::keys()), &Moment::new(at(0)))
    .unwrap()
}
