//! Rows that are opened over the real SDK: races that are sure to happen, and the index of what is due.

mod refunds;

use aws_sdk_dynamodb::types::AttributeValue;
use domain::{
    Called, Check, Contract, ContractState, Fact, FactBody, Keys, Order, OrderKind, OrderState, OutTradeNo, Timestamp,
    UserId,
};
use record::{
    Commit, Due, DueItem, Expected, Idempotency, Ledger, Once, Opened, Opening, Receipt, Recorded, Write, due_shards,
};
use testkit::generate::Generator;
use tokio::sync::Barrier;

use crate::harness::Ground;

const NOW: i64 = 1_795_000_000;

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn attempt(generator: &mut Generator, user: &UserId, like: &Contract) -> Opening {
    let code = generator.contract_code();
    let contract = Contract {
        state: ContractState::Created,
        user: Some(user.clone()),
        plan_id: like.plan_id.clone(),
        ..generator.contract(&code)
    };
    let order = Order { state: OrderState::Created, ..generator.order(OrderKind::PayAndSign, Some(&code)) };
    let opened = domain::Opened::Attempt { contract: Box::new(contract), order: Some(Box::new(order)) };
    Opening { mch_id: generator.mch_id(), opened, idempotency: None, openid: None, traceparent: None }
}

fn deduction(generator: &mut Generator, contract: &Contract, period: u16) -> Opening {
    let order = Order {
        state: OrderState::Created,
        out_trade_no: OutTradeNo::deduction(&contract.contract_code, period, 1).unwrap(),
        contract_id: contract.contract_id.clone(),
        ..generator.order(OrderKind::Deduction, Some(&contract.contract_code))
    };
    let opened = domain::Opened::Deduction { order: Box::new(order) };
    Opening { mch_id: generator.mch_id(), opened, idempotency: None, openid: None, traceparent: None }
}

/// A signed contract on record.
async fn signed(ground: &Ground, generator: &mut Generator) -> Contract {
    let code = generator.contract_code();
    let contract_id = Some(generator.contract_id());
    let contract = Contract { state: ContractState::Signed, contract_id, ..generator.contract(&code) };
    put(ground, Commit { contract: Some(fresh(contract.clone())), ..Commit::empty(generator.mch_id()) }).await;
    contract
}

fn fresh<T>(value: T) -> Write<T> {
    Write { value, expected: Expected::Absent, version: 1, routed: Default::default() }
}

async fn put(ground: &Ground, commit: Commit) {
    ground.ledger().commit(&commit).await.unwrap();
}

async fn contract(ground: &Ground, like: &Contract) -> Contract {
    let keys = Keys { contract: Some(like.contract_code.clone()), ..Keys::default() };
    ground.ledger().load(&like.mch_id, &keys).await.unwrap().contract.unwrap().value
}

#[tokio::test(flavor = "multi_thread")]
async fn thirty_attempts_of_one_user_at_once_are_one() {
    let ground = Ground::start().await;
    let mut generator = Generator::new(1);
    let (user, like) = (generator.user(), generator.any_contract());
    let openings: Vec<_> = (0..30).map(|_| attempt(&mut generator, &user, &like)).collect();
    let outcomes = all_at_once(&ground, &openings).await;
    let opened: Vec<_> = outcomes.iter().zip(&openings).filter(|(outcome, _)| **outcome == Opened::Opened).collect();
    assert_eq!(opened.len(), 1, "{outcomes:?}");
    let winner = opened[0].1.opened.number();
    let told =
        |outcome: &&Opened| matches!(outcome, Opened::Live { contract_code } if contract_code.as_str() == winner);
    assert_eq!(outcomes.iter().filter(told).count(), 29, "{outcomes:?}");
    let dump = ground.dump().await;
    // The contract, its order, and the guard.
    assert_eq!(dump.ledger.len(), 3, "{:?}", dump.ledger.keys());
}

#[tokio::test(flavor = "multi_thread")]
async fn two_deductions_of_one_contract_at_once_are_one() {
    let ground = Ground::start().await;
    let mut generator = Generator::new(2);
    let contract = signed(&ground, &mut generator).await;
    let openings: Vec<_> = (1..=10).map(|period| deduction(&mut generator, &contract, period)).collect();
    let outcomes = all_at_once(&ground, &openings).await;
    let refused = |outcome: &&Opened| matches!(outcome, Opened::Refused(domain::Refusal::OpenDeduction(_)));
    assert_eq!(outcomes.iter().filter(refused).count(), 9, "{outcomes:?}");
    assert_eq!(outcomes.iter().filter(|outcome| **outcome == Opened::Opened).count(), 1, "{outcomes:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_terminations_under_one_key_at_once_one_is_recorded() {
    let ground = Ground::start().await;
    let mut generator = Generator::new(4);
    for (body, loser) in [(1, Once::Before), (2, Once::Reused)] {
        let signed = signed(&ground, &mut generator).await;
        let (code, barrier) = (signed.contract_code.as_str(), Barrier::new(2));
        let asked = Called::TerminationAsked { contract_code: signed.contract_code.clone() };
        let asked = Fact::ours(signed.mch_id.clone(), FactBody::Called(asked));
        let once = async |body: u8| {
            let key = Idempotency::new("alice", "POST termination", code, [body; 32]).unwrap();
            let receipt = Receipt::ours(&asked, now(), None);
            ground.together(&barrier).apply_once(&asked, &receipt, &key, code, now()).await.unwrap()
        };
        let told = <[Once; 2]>::from(tokio::join!(once(1), once(body)));
        let recorded = told.iter().filter(|told| matches!(told, Once::Now(Recorded::Applied { .. }))).count();
        assert!(recorded == 1 && told.contains(&loser), "{told:?}");
        assert_eq!(contract(&ground, &signed).await.state, ContractState::Terminating);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deduction_and_a_termination_at_once_are_one_after_the_other() {
    let ground = Ground::start().await;
    let mut generator = Generator::new(3);
    for _ in 0..10 {
        let signed = signed(&ground, &mut generator).await;
        let opening = deduction(&mut generator, &signed, 1);
        let asked = Called::TerminationAsked { contract_code: signed.contract_code.clone() };
        let asked = Fact::ours(signed.mch_id.clone(), FactBody::Called(asked));
        let barrier = Barrier::new(2);
        let terminating = async {
            let recorder = ground.together(&barrier);
            let receipt = Receipt::ours(&asked, now(), None);
            recorder.apply(&asked, &receipt, now(), domain::decide).await.unwrap()
        };
        let opening_recorder = ground.together(&barrier);
        let (opened, terminated) = tokio::join!(opening_recorder.open(&opening, now()), terminating);
        assert!(matches!(terminated, Recorded::Applied { .. }), "{terminated:?}");
        let after = contract(&ground, &signed).await;
        assert_eq!(after.state, ContractState::Terminating);
        match opened.unwrap() {
            Opened::Opened => assert_eq!(after.open_deduction.unwrap().as_str(), opening.opened.number()),
            Opened::Refused(domain::Refusal::Ended) => assert_eq!(after.open_deduction, None),
            other => panic!("{other:?}"),
        }
    }
}

#[tokio::test]
async fn what_is_due_is_found_and_leased() {
    let ground = Ground::start().await;
    let mut generator = Generator::new(4);
    let due_at = |seconds| Some(Check::new(Timestamp::from_second(NOW + seconds).unwrap(), 0));
    let (order, refund) = (generator.order(OrderKind::OneOff, None), generator.any_order());
    let refund = domain::Refund { check: due_at(-1), ..generator.refund(&refund, domain::Fen::new(1)) };
    let order = Order { check: due_at(0), ..order };
    let contract = Contract { check: due_at(1), ..generator.any_contract() };
    let commit = Commit {
        order: Some(fresh(order.clone())),
        contract: Some(fresh(contract.clone())),
        refund: Some(fresh(refund.clone())),
        ..Commit::empty(generator.mch_id())
    };
    put(&ground, commit).await;
    let by = async |seconds| {
        let mut found: Vec<Due> = Vec::new();
        for shard in due_shards() {
            found
                .extend(ground.ledger().due(&shard, Timestamp::from_second(NOW + seconds).unwrap(), 10).await.unwrap());
        }
        found.sort_by_key(|due| due.due_at);
        found
    };
    let due = by(0).await;
    let items: Vec<_> = due.iter().map(|due| due.item.clone()).collect();
    assert_eq!(items, [DueItem::Refund(refund.out_refund_no), DueItem::Order(order.out_trade_no.clone())]);
    assert_eq!(by(1).await.len(), 3);

    let until = Timestamp::from_second(NOW + 300).unwrap();
    assert_eq!(ground.ledger().lease(&due[1], until).await.unwrap(), Some(now()));
    assert_eq!(ground.ledger().lease(&due[1], until).await.unwrap(), None, "it is leased");
    assert_eq!(by(299).await.len(), 2);
    let after = by(300).await;
    let leased = after.iter().find(|due| due.item == DueItem::Order(order.out_trade_no.clone())).unwrap();
    assert_eq!(leased.due_at, until);
    let really = ground.ledger().lease(leased, Timestamp::from_second(NOW + 600).unwrap()).await.unwrap();
    assert_eq!(really, Some(now()), "since when it is due, leases aside");
    let keys = Keys { order: Some(order.out_trade_no.clone()), ..Keys::default() };
    let row = ground.ledger().load(&order.mch_id, &keys).await.unwrap().order.unwrap();
    assert_eq!((row.version, row.value), (1, order), "the item is as it was");
}

#[tokio::test]
async fn an_item_of_the_first_release_is_read_and_written_on() {
    let ground = Ground::start().await;
    let mut generator = Generator::new(5);
    let code = generator.contract_code();
    let contract = generator.contract(&code);
    put(&ground, Commit { contract: Some(fresh(contract.clone())), ..Commit::empty(generator.mch_id()) }).await;
    // It had none of these attributes.
    let later = "#user, #product, #channel, #request_serial, #display_account, #metadata, #request, #launch, #open_deduction, \
         #notice";
    let mut strip = ground.clients.dynamodb.update_item().table_name(&ground.tables.ledger);
    for name in later.split(", ") {
        strip = strip.expression_attribute_names(name, name.trim_start_matches('#'));
    }
    let pk = format!("{}#C#{code}", contract.mch_id);
    strip.key("pk", AttributeValue::S(pk)).update_expression(format!("REMOVE {later}")).send().await.unwrap();
    let keys = Keys { contract: Some(code), ..Keys::default() };
    let row = ground.ledger().load(&contract.mch_id, &keys).await.unwrap().contract.unwrap();
    assert_eq!(row.value, contract);
    let next = Contract { metadata: Some("{}".to_owned()), ..contract };
    let write = Write { value: next.clone(), expected: Expected::Version(1), version: 2, routed: row.routed };
    put(&ground, Commit { contract: Some(write), ..Commit::empty(generator.mch_id()) }).await;
    assert_eq!(ground.ledger().load(&next.mch_id, &keys).await.unwrap().contract.unwrap().value, next);
}

async fn all_at_once(ground: &Ground, openings: &[Opening]) -> Vec<Opened> {
    let barrier = Barrier::new(openings.len());
    let one = async |opening: &Opening| ground.together(&barrier).open(opening, now()).await.unwrap();
    futures_util::future::join_all(openings.iter().map(one)).await
}
