//! What a ledger promises.

use domain::{Contract, ExemptContract, Keys, MchId, Order, Refund, Stream};
use record::{Commit, CommitError, Expected, JournalKey, Ledger, Row, Rows, Write};

use super::parts::{Parts, quarantine_stream};
use super::sample::{about, event, events, fresh, journal, next, routed};
use crate::generate::Generator;

/// How many generated items make the round trip: enough for each optional field to be there and not.
const ROUND_TRIPS: usize = 24;

/// Everything that a ledger promises.
pub async fn ledger(ledger: &impl Ledger, seed: u64) {
    let generator = &mut Generator::new(seed);
    what_was_never_written_is_not_there(ledger, generator).await;
    what_was_committed_is_loaded_field_by_field(ledger, generator).await;
    what_a_later_state_leaves_out_is_gone(ledger, generator).await;
    what_exists_is_not_created_again(ledger, generator).await;
    only_the_version_that_was_read_is_replaced(ledger, generator).await;
    a_business_key_is_written_once(ledger, generator).await;
    a_sequence_is_given_once(ledger, generator).await;
    nothing_is_written_when_any_condition_fails(ledger, generator).await;
    a_held_message_waits_under_its_subject_until_it_is_released(ledger, generator).await;
    a_quarantine_head_counts_and_knows_what_it_holds(ledger, generator).await;
    two_merchants_with_equal_numbers_do_not_meet(ledger, generator).await;
    an_empty_transaction_is_refused(ledger, generator).await;
}

async fn what_was_never_written_is_not_there(ledger: &impl Ledger, generator: &mut Generator) {
    let keys =
        keys(&generator.any_order(), &generator.any_contract(), &generator.any_refund(), &generator.any_exempt());
    assert_eq!(ledger.load(&generator.mch_id(), &keys).await, Ok(Rows::default()));
    assert_eq!(ledger.load(&generator.mch_id(), &Keys::default()).await, Ok(Rows::default()));
}

async fn what_was_committed_is_loaded_field_by_field(ledger: &impl Ledger, generator: &mut Generator) {
    for _ in 0..ROUND_TRIPS {
        let (order, contract, refund) = (generator.any_order(), generator.any_contract(), generator.any_refund());
        let exempt = generator.any_exempt();
        let keys = keys(&order, &contract, &refund, &exempt);
        let written = Commit {
            order: Some(Write { routed: routed(generator), version: 3, ..fresh(order) }),
            contract: Some(Write { routed: routed(generator), version: 2, ..fresh(contract) }),
            refund: Some(fresh(refund)),
            exempt: Some(fresh(exempt)),
            ..Commit::empty(generator.mch_id())
        };
        assert_eq!(ledger.commit(&written).await, Ok(()));
        let loaded = ledger.load(&generator.mch_id(), &keys).await.unwrap();
        assert_eq!(loaded.order, written.order.map(row));
        assert_eq!(loaded.contract, written.contract.map(row));
        assert_eq!(loaded.refund, written.refund.map(row));
        assert_eq!(loaded.exempt, written.exempt.map(row));
    }
}

async fn what_a_later_state_leaves_out_is_gone(ledger: &impl Ledger, generator: &mut Generator) {
    for _ in 0..ROUND_TRIPS {
        let (order, contract, refund) = (generator.any_order(), generator.any_contract(), generator.any_refund());
        let exempt = generator.any_exempt();
        let keys = keys(&order, &contract, &refund, &exempt);
        let later_order = Order { out_trade_no: order.out_trade_no.clone(), ..generator.any_order() };
        let later_contract = Contract { contract_code: contract.contract_code.clone(), ..generator.any_contract() };
        let later_refund = Refund { out_refund_no: refund.out_refund_no.clone(), ..generator.any_refund() };
        let later_exempt = ExemptContract {
            service_id: exempt.service_id,
            contract_code: exempt.contract_code.clone(),
            ..generator.any_exempt()
        };
        let first = Commit {
            order: Some(Write { routed: routed(generator), ..fresh(order) }),
            contract: Some(Write { routed: routed(generator), ..fresh(contract) }),
            refund: Some(fresh(refund)),
            exempt: Some(fresh(exempt)),
            ..Commit::empty(generator.mch_id())
        };
        assert_eq!(ledger.commit(&first).await, Ok(()));
        let second = Commit {
            order: Some(Write { routed: routed(generator), ..next(later_order, 1) }),
            contract: Some(Write { routed: routed(generator), version: 5, ..next(later_contract, 1) }),
            refund: Some(next(later_refund, 1)),
            exempt: Some(next(later_exempt, 1)),
            ..Commit::empty(generator.mch_id())
        };
        assert_eq!(ledger.commit(&second).await, Ok(()));
        let loaded = ledger.load(&generator.mch_id(), &keys).await.unwrap();
        assert_eq!(loaded.order, second.order.map(row));
        assert_eq!(loaded.contract, second.contract.map(row));
        assert_eq!(loaded.refund, second.refund.map(row));
        assert_eq!(loaded.exempt, second.exempt.map(row));
    }
}

async fn what_exists_is_not_created_again(ledger: &impl Ledger, generator: &mut Generator) {
    let parts = Parts::new(generator);
    assert_eq!(ledger.commit(&parts.all()).await, Ok(()));
    for part in parts.each() {
        assert_eq!(ledger.commit(&part).await, Err(CommitError::Conflict), "{part:?}");
    }
}

async fn only_the_version_that_was_read_is_replaced(ledger: &impl Ledger, generator: &mut Generator) {
    let parts = Parts::new(generator);
    for part in parts.each_at(Expected::Version(1)) {
        assert_eq!(ledger.commit(&part).await, Err(CommitError::Conflict), "there is nothing yet: {part:?}");
    }
    assert_eq!(ledger.commit(&parts.all()).await, Ok(()));
    for part in parts.each_at(Expected::Version(2)) {
        assert_eq!(ledger.commit(&part).await, Err(CommitError::Conflict), "never read: {part:?}");
    }
    for part in parts.each_at(Expected::Version(1)) {
        assert_eq!(ledger.commit(&part).await, Ok(()), "as read: {part:?}");
        assert_eq!(ledger.commit(&part).await, Err(CommitError::Conflict), "replaced since: {part:?}");
    }
}

async fn a_business_key_is_written_once(ledger: &impl Ledger, generator: &mut Generator) {
    let subject = format!("O#{}", generator.out_trade_no());
    let first = journal(generator, &subject, "payment#1#SUCCESS", "applied");
    let mut commit = Commit { journal: Some(first.clone()), ..Commit::empty(generator.mch_id()) };
    assert_eq!(ledger.commit(&commit).await, Ok(()));
    assert_eq!(ledger.commit(&commit).await, Err(CommitError::Conflict));
    commit.journal = Some(journal(generator, &subject, "payment#1#FAIL", "applied"));
    assert_eq!(ledger.commit(&commit).await, Ok(()), "another fact of the same subject");
    let again = record::JournalEntry { unique: false, ..first };
    commit.journal = Some(again);
    assert_eq!(ledger.commit(&commit).await, Ok(()), "what need not be unique may be written over");
}

async fn a_sequence_is_given_once(ledger: &impl Ledger, generator: &mut Generator) {
    let stream = Stream::contract(&generator.mch_id(), &generator.contract_code());
    let now = generator.time();
    let entry = event(generator, &stream, 7, now, &["all"]);
    let commit = events(&generator.mch_id(), vec![entry]);
    assert_eq!(ledger.commit(&commit).await, Ok(()));
    assert_eq!(ledger.commit(&commit).await, Err(CommitError::Conflict));
}

async fn nothing_is_written_when_any_condition_fails(ledger: &impl Ledger, generator: &mut Generator) {
    for failing in 0..Parts::COUNT {
        let parts = Parts::new(generator);
        let taken = parts.each().swap_remove(failing);
        assert_eq!(ledger.commit(&taken).await, Ok(()));
        assert_eq!(ledger.commit(&parts.all()).await, Err(CommitError::Conflict), "part {failing} exists");
        for (index, part) in parts.each().into_iter().enumerate().filter(|(index, _)| *index != failing) {
            assert_eq!(ledger.commit(&part).await, Ok(()), "part {index} was written although part {failing} failed");
        }
    }
}

async fn a_held_message_waits_under_its_subject_until_it_is_released(ledger: &impl Ledger, generator: &mut Generator) {
    let number = generator.out_trade_no();
    let (subject, longer) = (format!("O#{number}"), format!("O#{number}9"));
    let fact = generator.any_fact();
    let (first, second) = ("held#0a", "held#0b");
    let held = [
        about(generator, &subject, second, "unknown", Some(fact.clone())),
        about(generator, &subject, first, "unknown", Some(generator.clone().any_fact())),
    ];
    let others = [
        about(generator, &subject, "held#0c", "contradiction", Some(fact.clone())),
        about(generator, &subject, "payment#1#SUCCESS", "applied", Some(fact.clone())),
        about(generator, &longer, first, "unknown", Some(fact)),
    ];
    for entry in held.iter().chain(&others) {
        let commit = Commit { journal: Some(entry.clone()), ..Commit::empty(generator.mch_id()) };
        assert_eq!(ledger.commit(&commit).await, Ok(()));
    }
    let found = ledger.held(&generator.mch_id(), &subject).await.unwrap();
    let expected: Vec<_> = [&held[1], &held[0]]
        .map(|entry| record::Held {
            key: entry.key.clone(),
            fact: entry.fact.clone().unwrap(),
            receipt: record::Receipt {
                body: entry.body.clone(),
                body_hash: entry.body_hash,
                received_at: entry.received_at,
                traceparent: entry.traceparent.clone(),
            },
        })
        .into();
    assert_eq!(found, expected, "the messages of this subject that wait, by key, and no others");
    for _ in 0..2 {
        assert_eq!(ledger.release(&held[0].key, "applied").await, Ok(()), "a second release is harmless");
        let found = ledger.held(&generator.mch_id(), &subject).await.unwrap();
        assert_eq!(found, expected[..1], "what was released does not wait any more");
    }
    let stream = Stream::quarantine(&generator.mch_id(), 0);
    let nowhere = JournalKey { entry: "held#0d".to_owned(), ..held[0].key.clone() };
    assert!(ledger.release(&nowhere, "applied").await.is_err(), "nothing is there to be released");
    assert_eq!(ledger.load_quarantine(&stream, &nowhere).await.unwrap().held, None, "and nothing came of it");
    let quarantine = ledger.load_quarantine(&stream, &held[0].key).await.unwrap();
    assert_eq!(quarantine.held.as_deref(), Some("then_applied"), "what was released stays in the journal");
}

async fn a_quarantine_head_counts_and_knows_what_it_holds(ledger: &impl Ledger, generator: &mut Generator) {
    let stream = quarantine_stream(generator);
    let key = format!("held#{}", generator.contract_code());
    let entry = journal(generator, "N", &key, "not_understood");
    let nothing = ledger.load_quarantine(&stream, &entry.key).await.unwrap();
    assert_eq!((nothing.head.version, nothing.head.routed.len(), nothing.held), (0, 0, None));
    let mut write = Write { routed: routed(generator), ..fresh(()) };
    for version in 1..4 {
        let key = JournalKey { entry: format!("{}{version}", entry.key.entry), ..entry.key.clone() };
        let entry = record::JournalEntry { key: key.clone(), ..entry.clone() };
        let commit = Commit {
            journal: Some(entry),
            quarantine: Some((stream.clone(), write.clone())),
            ..Commit::empty(generator.mch_id())
        };
        assert_eq!(ledger.commit(&commit).await, Ok(()));
        assert_eq!(ledger.commit(&commit).await, Err(CommitError::Conflict));
        let quarantine = ledger.load_quarantine(&stream, &key).await.unwrap();
        assert_eq!(quarantine.head, row(write));
        assert_eq!(quarantine.held.as_deref(), Some("not_understood"));
        write = Write { routed: routed(generator), ..next((), version) };
    }
}

async fn two_merchants_with_equal_numbers_do_not_meet(ledger: &impl Ledger, generator: &mut Generator) {
    let other = MchId::parse(&format!("{}0", generator.mch_id())).unwrap();
    let parts = Parts::new(generator);
    assert_eq!(ledger.commit(&parts.all()).await, Ok(()));
    let keys = keys(&parts.order, &parts.contract, &parts.refund, &parts.exempt);
    assert_eq!(ledger.load(&other, &keys).await, Ok(Rows::default()));
    let theirs = Commit { order: Some(fresh(parts.order.clone())), ..Commit::empty(other.clone()) };
    assert_eq!(ledger.commit(&theirs).await, Ok(()));
    assert!(ledger.load(&other, &keys).await.unwrap().contract.is_none());
}

async fn an_empty_transaction_is_refused(ledger: &impl Ledger, generator: &mut Generator) {
    let refused = ledger.commit(&Commit::empty(generator.mch_id())).await;
    assert!(matches!(refused, Err(CommitError::Unavailable(_))), "{refused:?}");
}

fn keys(order: &Order, contract: &Contract, refund: &Refund, exempt: &ExemptContract) -> Keys {
    Keys {
        order: Some(order.out_trade_no.clone()),
        contract: Some(contract.contract_code.clone()),
        refund: Some(refund.out_refund_no.clone()),
        exempt: Some(exempt.key()),
    }
}

fn row<T>(write: Write<T>) -> Row<T> {
    Row { value: write.value, version: write.version, routed: write.routed }
}
