//! What stands in the way of another attempt to sign, for how long, and whom its guards point at.

use domain::{
    Called, Cause, Changes, Check, Contract, ContractChange, ContractState, Decision, Event, Evidence, Fact, FactBody,
    Guard, Loaded, Moved, NotSignedReason, OpenId, Order, OrderKind, OrderState, Outcome, PaymentResult, PaymentStatus,
    Schedule, SignatureAlgorithm, Timestamp, decide, decide_in_passing, outcome,
};

use crate::build::{
    after, code, contract, contract_body, fact, first_order, mch_id, order, other_code, payment_body, time,
};
use crate::every::launch;
use crate::words::short;

fn openid() -> OpenId {
    OpenId::parse("onqOjjmM1tad-3ROpncN-paidIt0").unwrap()
}

fn paid(order: &Order) -> FactBody {
    let result = PaymentResult::Succeeded {
        transaction_id: crate::build::transaction(),
        total: order.amount,
        openid: Some(openid()),
        trade_type: None,
        paid_at: None,
        refunded: false,
    };
    payment_body(order, result)
}

/// An attempt with a first order, both in these states.
fn attempt(state: ContractState, order_state: OrderState) -> Loaded {
    let payment = if order_state == OrderState::Closed { PaymentStatus::Closed } else { PaymentStatus::Unpaid };
    let not_signed_reason = (state == ContractState::NotSigned).then_some(NotSignedReason::Unpaid);
    let contract = Contract { not_signed_reason, check: None, ..contract(state, Some(payment)) };
    Loaded { order: Some(order(OrderKind::PayAndSign, order_state)), contract: Some(contract), ..Loaded::default() }
}

/// An offer without payment, good until then.
fn offered(until: Option<Timestamp>) -> Loaded {
    let contract = Contract { offered_until: until, ..contract(ContractState::Pending, None) };
    Loaded { contract: Some(contract), ..Loaded::default() }
}

fn tell(cause: Cause, body: FactBody) -> Fact {
    fact(cause, Evidence::Signed(SignatureAlgorithm::Md5), body)
}

fn call(called: Called) -> Fact {
    Fact::ours(mch_id(), FactBody::Called(called))
}

#[track_caller]
fn applied(loaded: &Loaded, fact: &Fact, now: Timestamp) -> (Changes, Vec<&'static str>) {
    match decide(loaded, fact, now) {
        Decision::Apply { changes, events, .. } => (*changes, events.iter().map(short).collect()),
        other => panic!("{other:?}"),
    }
}

fn presign_failed() -> Fact {
    let unsigned = Some(NotSignedReason::PresignFailed);
    call(Called::OrderPlaced { out_trade_no: first_order(), launch: launch(), unsigned })
}

fn absent() -> Fact {
    fact(Cause::Query, Evidence::Unsigned, contract_body(ContractChange::Absent))
}

#[test]
fn an_attempt_that_was_offered_stands_in_the_way_until_its_order_is_closed() {
    let offered = attempt(ContractState::Pending, OrderState::Requested);
    let (changes, events) = applied(&offered, &presign_failed(), time(400));
    let closing = after(&offered, &changes);
    let contract = closing.contract.as_ref().unwrap();
    assert_eq!((closing.order.as_ref().unwrap().state, events), (OrderState::Closing, vec![]));
    assert!(contract.is_live(), "what was handed out before can still be paid");
    assert_eq!(contract.not_signed_reason, Some(NotSignedReason::PresignFailed));

    let closed = tell(Cause::Query, payment_body(closing.order.as_ref().unwrap(), PaymentResult::Closed));
    let (changes, events) = applied(&closing, &closed, time(460));
    let ended = changes.contract.unwrap();
    assert_eq!(events, ["payment.closed", "contract.not_signed", "settled"]);
    assert_eq!((ended.state, ended.is_live()), (ContractState::NotSigned, false));
    assert_eq!(ended.not_signed_reason, Some(NotSignedReason::PresignFailed));
}

#[test]
fn what_was_offered_and_paid_before_it_was_closed_can_be_signed() {
    let offered = attempt(ContractState::Pending, OrderState::Requested);
    let closing = after(&offered, &applied(&offered, &presign_failed(), time(400)).0);
    let (changes, events) = applied(&closing, &tell(Cause::Callback, paid(closing.order.as_ref().unwrap())), time(410));
    let waiting = changes.contract.unwrap();
    assert_eq!((events, waiting.state), (vec!["payment.succeeded"], ContractState::Pending));
    assert_eq!(waiting.check, Some(Schedule::ContractAfterPayment.first(time(410))));
    let add = tell(Cause::Callback, contract_body(ContractChange::Signed { at: None, expires_at: None }));
    let loaded = Loaded { contract: Some(waiting), ..Loaded::default() };
    let signed = applied(&loaded, &add, time(420)).0.contract.unwrap();
    assert_eq!((signed.state, signed.not_signed_reason), (ContractState::Signed, None));
}

#[test]
fn a_late_payment_takes_the_users_guard_back_unless_another_contract_is_in_force() {
    let closed = attempt(ContractState::NotSigned, OrderState::Closed);
    let fact = tell(Cause::Callback, paid(closed.order.as_ref().unwrap()));
    let reopened = applied(&closed, &fact, time(500)).0.contract.unwrap();
    assert_eq!((reopened.state, reopened.not_signed_reason), (ContractState::Pending, None));
    let payment = reopened.payment.clone().unwrap();
    assert_eq!((payment.late, payment.payer), (true, Some(openid())));
    let guard = Guard::User(reopened.plan_id.clone(), reopened.user.clone().unwrap());
    let moved = |yields, code| Moved { guard: guard.clone(), contract_code: code, yields };
    let before = closed.contract.unwrap();
    assert_eq!(Guard::moved(&before, &reopened), [moved(true, code())]);

    // Signed after all: WeChat has decided, whatever else was begun meanwhile.
    let add = tell(Cause::Callback, contract_body(ContractChange::Signed { at: None, expires_at: None }));
    let loaded = Loaded { contract: Some(reopened.clone()), ..Loaded::default() };
    let signed = applied(&loaded, &add, time(520)).0.contract.unwrap();
    let payer = Guard::Payer(signed.plan_id.clone(), signed.appid.clone(), signed.openid.clone().unwrap());
    let payer = Moved { guard: payer, contract_code: code(), yields: false };
    assert_eq!(Guard::moved(&reopened, &signed), [moved(false, code()), payer.clone()]);

    // In its time, nobody can have begun another one.
    let in_time = Contract { payment: None, ..reopened };
    assert_eq!(Guard::moved(&in_time, &Contract { payment: None, ..signed }), [payer]);
}

#[test]
fn each_offer_begins_the_questions_anew_and_puts_none_off() {
    let again = |check: Option<Check>, now: Timestamp| {
        let pending = Contract { check, ..contract(ContractState::Pending, None) };
        let loaded = Loaded { contract: Some(pending), ..Loaded::default() };
        let fact = call(Called::ContractOffered { contract_code: code(), launch: None, until: time(700) });
        applied(&loaded, &fact, now).0.contract.unwrap()
    };
    let next = again(Some(Check::new(time(7_200), 3)), time(400));
    assert_eq!(
        (next.check, next.offered_until),
        (Some(Schedule::ContractAfterOffer.first(time(400))), Some(time(700)))
    );
    let due = again(Some(Check::new(time(410), 3)), time(400));
    assert_eq!(due.check, Some(Check::new(time(410), 0)));
    assert_eq!(again(None, time(400)).check, Some(Schedule::ContractAfterOffer.first(time(400))));
}

#[test]
fn an_abandoned_signing_gives_way_once_nobody_can_begin_to_sign() {
    let loaded = offered(Some(time(120)));
    let withdrawn = || call(Called::OfferWithdrawn { contract_code: code() });
    assert_eq!(decide(&loaded, &withdrawn(), time(119)), Decision::Stale, "the user may just have begun");
    let (changes, events) = applied(&loaded, &withdrawn(), time(120));
    let ended = changes.contract.unwrap();
    assert_eq!(events, ["contract.not_signed", "settled"]);
    assert_eq!((ended.is_live(), ended.not_signed_reason), (false, Some(NotSignedReason::Declined)));
    assert_eq!(ended.check, loaded.contract.as_ref().unwrap().check, "a lost ADD is still found");
    let again = Loaded { contract: Some(ended), ..Loaded::default() };
    assert_eq!(decide(&again, &withdrawn(), time(121)), Decision::Duplicate);

    assert_eq!(decide_in_passing(&loaded, &absent(), time(120)), Decision::Duplicate, "it may be offered again");
    assert_eq!(decide(&offered(None), &withdrawn(), time(7_000)), Decision::Stale, "of an earlier release");
}

#[test]
fn an_offer_that_nobody_got_gives_way_in_five_minutes() {
    let created = contract(ContractState::Created, None);
    assert_eq!(created.offer_ends_at(), Some(time(300)));
    let loaded = Loaded { contract: Some(created), ..Loaded::default() };
    let withdrawn = call(Called::OfferWithdrawn { contract_code: code() });
    assert_eq!(decide(&loaded, &withdrawn, time(299)), Decision::Stale, "a function may be at it");
    assert!(matches!(decide(&loaded, &withdrawn, time(300)), Decision::Apply { .. }));
    let with_payment = contract(ContractState::Pending, Some(PaymentStatus::Unpaid));
    assert_eq!(with_payment.offer_ends_at(), None, "its order ends it");
    let loaded = Loaded { contract: Some(with_payment), ..Loaded::default() };
    assert_eq!(decide(&loaded, &withdrawn, time(300)), Decision::Stale);
}

#[test]
fn a_payer_who_had_a_contract_already_is_told_so_at_once_and_guarded_by_it() {
    let unpaid = attempt(ContractState::Pending, OrderState::Requested);
    let found = || call(Called::SignedBefore { contract_code: code(), existing: other_code() });
    assert_eq!(decide(&unpaid, &found(), time(10)), Decision::Stale, "nothing is settled before it is paid");
    let paying = tell(Cause::Callback, paid(unpaid.order.as_ref().unwrap()));
    let waiting = after(&unpaid, &applied(&unpaid, &paying, time(20)).0);
    let Decision::Apply { changes, events, key } = decide(&waiting, &found(), time(30)) else { panic!() };
    let settled = changes.contract.unwrap();
    assert_eq!(settled.not_signed_reason, Some(NotSignedReason::AlreadySigned));
    assert_eq!((outcome(&settled), settled.existing.clone()), (Outcome::PaidNotSigned, Some(other_code())));
    assert_eq!(key, Some(format!("contract#{}#NOT_SIGNED", code())));
    let [Event::ContractNotSigned(told), Event::SubscriptionSettled(told_outcome)] = &events[..] else { panic!() };
    assert_eq!(told.contract.existing_contract_code, Some(other_code()));
    assert_eq!(told_outcome.contract.existing_contract_code, Some(other_code()));
    let user = Guard::User(settled.plan_id.clone(), settled.user.clone().unwrap());
    let moved = Moved { guard: user, contract_code: other_code(), yields: false };
    assert_eq!(Guard::moved(waiting.contract.as_ref().unwrap(), &settled), [moved]);

    let loaded = Loaded { contract: Some(settled), ..Loaded::default() };
    assert_eq!(decide(&loaded, &found(), time(40)), Decision::Duplicate);
    let itself = call(Called::SignedBefore { contract_code: code(), existing: code() });
    assert_eq!(decide(&waiting, &itself, time(30)), Decision::Stale);
    // The other one was ended, and WeChat signed this one after all.
    let add = tell(Cause::Callback, contract_body(ContractChange::Signed { at: None, expires_at: None }));
    let signed = applied(&loaded, &add, time(90)).0.contract.unwrap();
    assert_eq!((outcome(&signed), signed.existing), (Outcome::SignedLater, None));
}

#[test]
fn an_open_order_is_asked_for_however_long_it_stays_open() {
    let last = Some(Check::new(time(90_000), 5));
    let open = Order { check: last, ..order(OrderKind::PayAndSign, OrderState::Requested) };
    let unpaid = tell(Cause::Query, payment_body(&open, PaymentResult::Unpaid));
    let loaded = Loaded { order: Some(open), ..Loaded::default() };
    let next = applied(&loaded, &unpaid, time(90_000)).0.order.unwrap();
    assert_eq!(next.check.map(|check| check.due_at), Some(time(90_000 + 86_400)));
}
