//! What a ledger promises to those who open rows.

use record::{
    Commit, CommitError, Done, DueItem, Expected, GuardWrite, JournalKey, Pointer, Standing, Unchanged, Write,
    Writeahead,
};

use super::sample::{fresh, guard, idempotency, next};
use crate::generate::Generator;

/// Everything that such a ledger promises beside [`super::ledger`].
pub async fn writeahead(ledger: &impl Writeahead, seed: u64) {
    let generator = &mut Generator::new(seed);
    nothing_stands_in_the_way_at_first(ledger, generator).await;
    a_callers_key_is_used_once_and_tells_what_came_of_it(ledger, generator).await;
    a_guard_moves_from_what_was_read(ledger, generator).await;
    a_guard_moves_whatever_it_was_where_wechat_has_decided(ledger, generator).await;
    nothing_is_written_beside_a_contract_that_changed(ledger, generator).await;
    calls_are_counted_by_principal_and_minute(ledger, generator).await;
    an_item_is_asked_about_once_in_a_pause(ledger, generator).await;
}

async fn nothing_stands_in_the_way_at_first(ledger: &impl Writeahead, generator: &mut Generator) {
    let (record, guards) = (idempotency(generator), [guard(generator, None).key, guard(generator, None).key]);
    let standing = ledger.standing(&generator.mch_id(), Some(&record.key), &guards).await;
    assert_eq!(standing, Ok(Standing { done: None, guards: vec![None, None] }));
    let nothing = ledger.standing(&generator.mch_id(), None, &[]).await;
    assert_eq!(nothing, Ok(Standing::default()));
}

async fn a_callers_key_is_used_once_and_tells_what_came_of_it(ledger: &impl Writeahead, generator: &mut Generator) {
    let record = idempotency(generator);
    let commit = Commit { idempotency: Some(record.clone()), ..Commit::empty(generator.mch_id()) };
    assert_eq!(ledger.commit(&commit).await, Ok(()));
    assert_eq!(ledger.commit(&commit).await, Err(CommitError::Conflict));
    let done = Done { body_hash: record.body_hash, resource: record.resource };
    let standing = ledger.standing(&generator.mch_id(), Some(&record.key), &[]).await.unwrap();
    assert_eq!(standing.done, Some(done));
    let other = JournalKey { entry: format!("{}2", record.key.entry), ..record.key };
    assert_eq!(ledger.standing(&generator.mch_id(), Some(&other), &[]).await.unwrap().done, None);
}

async fn a_guard_moves_from_what_was_read(ledger: &impl Writeahead, generator: &mut Generator) {
    let first = guard(generator, Some(Expected::Absent));
    let moved = |expected, generator: &mut Generator| GuardWrite {
        expected: Some(expected),
        contract_code: generator.contract_code(),
        key: first.key.clone(),
    };
    assert_eq!(point(ledger, &moved(Expected::Version(1), generator)).await, Err(CommitError::Conflict), "none yet");
    assert_eq!(point(ledger, &first).await, Ok(()));
    assert_eq!(pointer(ledger, &first.key).await, Some((first.contract_code.to_string(), 1)));
    assert_eq!(point(ledger, &first).await, Err(CommitError::Conflict), "it is there");
    assert_eq!(point(ledger, &moved(Expected::Version(2), generator)).await, Err(CommitError::Conflict), "never read");
    let second = moved(Expected::Version(1), generator);
    assert_eq!(point(ledger, &second).await, Ok(()));
    assert_eq!(pointer(ledger, &first.key).await, Some((second.contract_code.to_string(), 2)));
    assert_eq!(point(ledger, &second).await, Err(CommitError::Conflict), "moved since");
    let other = guard(generator, None).key;
    let both = ledger.standing(&generator.mch_id(), None, &[other, first.key]).await.unwrap().guards;
    assert_eq!(both, [None, Some(Pointer { contract_code: second.contract_code, version: 2 })], "in their order");
}

async fn a_guard_moves_whatever_it_was_where_wechat_has_decided(ledger: &impl Writeahead, generator: &mut Generator) {
    let first = guard(generator, None);
    assert_eq!(point(ledger, &first).await, Ok(()));
    assert_eq!(pointer(ledger, &first.key).await, Some((first.contract_code.to_string(), 1)), "there was none");
    let second = GuardWrite { contract_code: generator.contract_code(), ..first.clone() };
    assert_eq!(point(ledger, &second).await, Ok(()));
    assert_eq!(pointer(ledger, &first.key).await, Some((second.contract_code.to_string(), 2)));
    let stale = GuardWrite { expected: Some(Expected::Version(1)), ..first };
    assert_eq!(point(ledger, &stale).await, Err(CommitError::Conflict), "who read it before has lost");
}

async fn nothing_is_written_beside_a_contract_that_changed(ledger: &impl Writeahead, generator: &mut Generator) {
    let contract = generator.any_contract();
    let beside = |version, generator: &mut Generator| Commit {
        order: Some(fresh(generator.any_order())),
        unchanged: vec![Unchanged { contract_code: contract.contract_code.clone(), version }],
        ..Commit::empty(generator.mch_id())
    };
    assert_eq!(ledger.commit(&beside(1, generator)).await, Err(CommitError::Conflict), "there is no such contract");
    let written =
        |write: Write<_>, generator: &Generator| Commit { contract: Some(write), ..Commit::empty(generator.mch_id()) };
    assert_eq!(ledger.commit(&written(fresh(contract.clone()), generator)).await, Ok(()));
    assert_eq!(ledger.commit(&beside(1, generator)).await, Ok(()));
    assert_eq!(ledger.commit(&written(next(contract.clone(), 1), generator)).await, Ok(()), "held on to, not written");
    let late = beside(1, generator);
    assert_eq!(ledger.commit(&late).await, Err(CommitError::Conflict));
    let order = late.order.map(|write| write.value.out_trade_no);
    let keys = domain::Keys { order, ..domain::Keys::default() };
    assert_eq!(ledger.load(&generator.mch_id(), &keys).await.unwrap().order, None);
}

async fn calls_are_counted_by_principal_and_minute(ledger: &impl Writeahead, generator: &mut Generator) {
    let (mch_id, alice, bob) = (generator.mch_id(), generator.user(), generator.user());
    let at = |second| domain::Timestamp::from_second(second).unwrap();
    for calls in 1..4 {
        assert_eq!(ledger.count(&mch_id, alice.as_str(), at(60)).await, Ok(calls));
    }
    assert_eq!(ledger.count(&mch_id, alice.as_str(), at(119)).await, Ok(4), "the same minute");
    assert_eq!(ledger.count(&mch_id, alice.as_str(), at(120)).await, Ok(1), "the next one");
    assert_eq!(ledger.count(&mch_id, bob.as_str(), at(60)).await, Ok(1), "somebody else");
    let other = domain::MchId::parse(&format!("{mch_id}0")).unwrap();
    assert_eq!(ledger.count(&other, alice.as_str(), at(60)).await, Ok(1), "at another merchant");
}

async fn an_item_is_asked_about_once_in_a_pause(ledger: &impl Writeahead, generator: &mut Generator) {
    let (mch_id, contract) = (generator.mch_id(), generator.any_contract());
    let item = DueItem::Contract(contract.contract_code.clone());
    let second = |second: i64| domain::Timestamp::from_second(1_795_000_000 + second).unwrap();
    let may_ask = async |at| ledger.may_ask(&mch_id, &item, domain::SignedDuration::from_secs(5), second(at)).await;
    assert_eq!(may_ask(0).await, Ok(false), "there is no such item, and none comes of it");
    let commit = Commit { contract: Some(fresh(contract.clone())), ..Commit::empty(mch_id.clone()) };
    assert_eq!(ledger.commit(&commit).await, Ok(()));
    assert_eq!((may_ask(0).await, may_ask(0).await, may_ask(4).await), (Ok(true), Ok(false), Ok(false)));
    assert_eq!((may_ask(5).await, may_ask(6).await), (Ok(true), Ok(false)));
    assert_eq!(
        (may_ask(4).await, may_ask(0).await),
        (Ok(false), Ok(false)),
        "another process's clock is a little behind"
    );
    assert_eq!(may_ask(-60).await, Ok(true), "the clock went back");
    let written = Commit { contract: Some(next(contract.clone(), 1)), ..Commit::empty(mch_id.clone()) };
    assert_eq!(ledger.commit(&written).await, Ok(()), "whoever read it before can still write it");
    assert_eq!(may_ask(-59).await, Ok(false), "and his write leaves it where it is");
}

async fn point(ledger: &impl Writeahead, write: &GuardWrite) -> Result<(), CommitError> {
    let mch_id = Generator::new(0).mch_id();
    ledger.commit(&Commit { guards: vec![write.clone()], ..Commit::empty(mch_id) }).await
}

async fn pointer(ledger: &impl Writeahead, key: &str) -> Option<(String, u64)> {
    let mch_id = Generator::new(0).mch_id();
    let standing = ledger.standing(&mch_id, None, &[key.to_owned()]).await.unwrap();
    standing.guards.into_iter().next()?.map(|pointer| (pointer.contract_code.to_string(), pointer.version))
}
