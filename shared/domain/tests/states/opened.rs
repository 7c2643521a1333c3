//! What may be put on record, before WeChat is asked, beside what is there already.

use domain::{
    Contract, ContractState, Decision, Fact, FactBody, Fen, Loaded, MchId, Opened, Order, OrderKind, OrderState,
    OutTradeNo, PaymentStatus, Refund, RefundOrigin, RefundState, Refusal, Timestamp, decide,
};

use crate::build::{
    AMOUNT, code, contract, first_order, mch_id, now, number, order, out_refund_no, refund, refunded_order, time,
};
use crate::every::{contract_states, openings, order_states, refund_states};
use crate::grid::check;
use crate::words::{Subject, label, word};

const PART: Fen = Fen::new(600);

fn opened_at(loaded: &Loaded, opened: Opened, now: Timestamp) -> Decision {
    decide(loaded, &Fact::ours(mch_id(), FactBody::Opened(opened)), now)
}

fn attempt() -> (Contract, Order) {
    (contract(ContractState::Created, Some(PaymentStatus::Unpaid)), order(OrderKind::PayAndSign, OrderState::Created))
}

fn open_attempt(contract: Contract, order: Option<Order>) -> Opened {
    Opened::Attempt { contract: Box::new(contract), order: order.map(Box::new) }
}

#[test]
fn an_attempt_is_new_in_every_part() {
    let (contract, order) = attempt();
    let pair = || open_attempt(contract.clone(), Some(order.clone()));
    let Decision::Apply { changes, events, key } = opened_at(&Loaded::default(), pair(), now()) else { panic!() };
    assert_eq!((changes.contract.as_ref(), changes.order.as_ref()), (Some(&contract), Some(&order)));
    assert_eq!((events, key), (Vec::new(), Some(format!("contract#{}#OPENED", code()))));
    for loaded in [
        Loaded { contract: Some(contract.clone()), ..Loaded::default() },
        Loaded { order: Some(order.clone()), ..Loaded::default() },
    ] {
        assert_eq!(opened_at(&loaded, pair(), now()), Decision::Refused(Refusal::Exists));
    }
}

#[test]
fn the_rows_of_an_attempt_fit_together() {
    let (contract, order) = attempt();
    let other = OutTradeNo::parse("20251201-0001").unwrap();
    let pure = Contract { payment: None, ..contract.clone() };
    let wrong = [
        open_attempt(Contract { state: ContractState::Pending, ..contract.clone() }, Some(order.clone())),
        open_attempt(contract.clone(), Some(Order { state: OrderState::Requested, ..order.clone() })),
        open_attempt(contract.clone(), Some(Order { contract_code: None, ..order.clone() })),
        open_attempt(contract.clone(), Some(Order { out_trade_no: other, ..order.clone() })),
        open_attempt(contract.clone(), Some(Order { mch_id: MchId::parse("10000200").unwrap(), ..order.clone() })),
        open_attempt(contract.clone(), None),
        open_attempt(pure.clone(), Some(order)),
        open_attempt(Contract { mch_id: MchId::parse("10000200").unwrap(), ..pure.clone() }, None),
    ];
    for opened in wrong {
        let decision = opened_at(&Loaded::default(), opened.clone(), now());
        assert_eq!(decision, Decision::Refused(Refusal::Inconsistent), "{opened:?}");
    }
    assert!(matches!(opened_at(&Loaded::default(), open_attempt(pure, None), now()), Decision::Apply { .. }));
}

#[test]
fn a_deduction_starts_only_from_a_contract_in_force() {
    let rows: Vec<String> = contract_states().into_iter().map(label).collect();
    let grid = "
    state       free                busy                    other                 paid
    created     Refused(not_signed) Refused(not_signed)     Refused(not_signed)   Refused(not_signed)
    pending     Refused(not_signed) Refused(not_signed)     Refused(not_signed)   Refused(not_signed)
    signed      Apply(created)      Refused(open_deduction) Refused(inconsistent) Refused(period_paid)
    not_signed  Refused(not_signed) Refused(not_signed)     Refused(not_signed)   Refused(not_signed)
    terminating Refused(ended)      Refused(ended)          Refused(ended)        Refused(ended)
    terminated  Refused(ended)      Refused(ended)          Refused(ended)        Refused(ended)
    ";
    check(grid, &rows, &["free", "busy", "other", "paid"], |row, column| {
        let state = contract_states().into_iter().find(|state| label(*state) == row).unwrap();
        let mut contract = contract(state, Some(PaymentStatus::Paid));
        let mut deduction = order(OrderKind::Deduction, OrderState::Created);
        match column {
            "busy" => contract.open_deduction = Some(first_order()),
            "other" => deduction.contract_id = None,
            "paid" => contract.paid_periods = [1].into(),
            _ => {}
        }
        let loaded = Loaded { contract: Some(contract), ..Loaded::default() };
        word(Subject::Order, &loaded, &opened_at(&loaded, Opened::Deduction { order: Box::new(deduction) }, now()))
    });
}

#[test]
fn only_the_period_that_is_paid_is_not_charged_again() {
    let decide = |attempt: &str| {
        let out_trade_no = domain::OutTradeNo::parse(&format!("01JD3Q0VZC5W8K2M7N4P{attempt}")).unwrap();
        let deduction = Order { out_trade_no, ..order(OrderKind::Deduction, OrderState::Created) };
        let paid = Contract { paid_periods: [2].into(), ..contract(ContractState::Signed, Some(PaymentStatus::Paid)) };
        let loaded = Loaded { contract: Some(paid), ..Loaded::default() };
        opened_at(&loaded, Opened::Deduction { order: Box::new(deduction) }, now())
    };
    for attempt in ["P0002A01", "P0002A03", "P0002A99"] {
        assert_eq!(decide(attempt), Decision::Refused(Refusal::PeriodPaid), "{attempt}");
    }
    for attempt in ["P0001A01", "P0003A01", "P0022A01"] {
        assert!(matches!(decide(attempt), Decision::Apply { .. }), "{attempt}");
    }
}

#[test]
fn a_deduction_is_noted_on_its_contract() {
    let signed = contract(ContractState::Signed, Some(PaymentStatus::Paid));
    let deduction = || Box::new(order(OrderKind::Deduction, OrderState::Created));
    let loaded = Loaded { contract: Some(signed), ..Loaded::default() };
    let Decision::Apply { changes, .. } = opened_at(&loaded, Opened::Deduction { order: deduction() }, now()) else {
        panic!()
    };
    assert_eq!(changes.contract.unwrap().open_deduction, Some(number(OrderKind::Deduction)));
    let nobody = opened_at(&Loaded::default(), Opened::Deduction { order: deduction() }, now());
    assert_eq!(nobody, Decision::Unknown(domain::Unknown::Contract));
    for wrong in
        [Order { kind: OrderKind::PayAndSign, ..*deduction() }, Order { state: OrderState::Requested, ..*deduction() }]
    {
        let decision = opened_at(&loaded, Opened::Deduction { order: Box::new(wrong) }, now());
        assert_eq!(decision, Decision::Refused(Refusal::Inconsistent));
    }
}

#[test]
fn the_same_deduction_asked_for_twice_is_one() {
    for state in order_states() {
        let known = order(OrderKind::Deduction, state);
        let signed = contract(ContractState::Signed, Some(PaymentStatus::Paid));
        let loaded = Loaded { order: Some(known), contract: Some(signed), ..Loaded::default() };
        let again = order(OrderKind::Deduction, OrderState::Created);
        let more = Order { amount: AMOUNT.plus(PART), ..again.clone() };
        let decide = |order: Order| opened_at(&loaded, Opened::Deduction { order: Box::new(order) }, now());
        assert_eq!(decide(again), Decision::Duplicate, "{state:?}");
        assert_eq!(decide(more), Decision::Refused(Refusal::Exists), "{state:?}");
    }
}

fn open_refund(amount: Fen) -> Opened {
    Opened::Refund { refund: Box::new(refund(RefundState::Created, amount)) }
}

#[test]
fn a_refund_needs_a_paid_order_with_money_left() {
    let rows: Vec<String> = order_states().into_iter().map(label).collect();
    let grid = "
    state           part                      whole                         more
    created         Refused(not_paid)         Refused(not_paid)             Refused(not_paid)
    requested       Refused(not_paid)         Refused(not_paid)             Refused(not_paid)
    accepted        Refused(not_paid)         Refused(not_paid)             Refused(not_paid)
    closing         Refused(not_paid)         Refused(not_paid)             Refused(not_paid)
    paid            Apply(created/paid)       Apply(created/paid)           Refused(more_than_refundable)
    partly_refunded Apply(created/partly_refunded) Refused(more_than_refundable) Refused(more_than_refundable)
    refunded        Refused(more_than_refundable) Refused(more_than_refundable) Refused(more_than_refundable)
    failed          Refused(not_paid)         Refused(not_paid)             Refused(not_paid)
    closed          Refused(not_paid)         Refused(not_paid)             Refused(not_paid)
    ";
    check(grid, &rows, &["part", "whole", "more"], |row, column| {
        let state = order_states().into_iter().find(|state| label(*state) == row).unwrap();
        let loaded = Loaded { order: Some(order(OrderKind::PayAndSign, state)), ..Loaded::default() };
        let amount = match column {
            "part" => PART,
            "whole" => AMOUNT,
            _ => AMOUNT.plus(Fen::new(1)),
        };
        word(Subject::Refund, &loaded, &opened_at(&loaded, open_refund(amount), now()))
    });
}

#[test]
fn a_refund_reserves_its_amount_and_counts() {
    let paid = order(OrderKind::PayAndSign, OrderState::Paid);
    let loaded = Loaded { order: Some(paid), ..Loaded::default() };
    let Decision::Apply { changes, key, .. } = opened_at(&loaded, open_refund(PART), now()) else { panic!() };
    let order = changes.order.unwrap();
    assert_eq!((order.reserved, order.refunds, order.last_refund_at), (PART, 1, Some(now())));
    assert_eq!(order.refundable(), AMOUNT.minus(PART));
    assert_eq!(changes.refund.unwrap().state, RefundState::Created);
    assert_eq!(key, Some(format!("refund#{}#OPENED", out_refund_no())));
    let nothing = opened_at(&loaded, open_refund(Fen::ZERO), now());
    assert_eq!(nothing, Decision::Refused(Refusal::MoreThanRefundable { refundable: AMOUNT }));
    let nobody = opened_at(&Loaded::default(), open_refund(PART), now());
    assert_eq!(nobody, Decision::Unknown(domain::Unknown::Order));
}

#[test]
fn refunds_of_one_order_keep_their_distance_number_and_time() {
    let decided =
        |order: Order, at| opened_at(&Loaded { order: Some(order), ..Loaded::default() }, open_refund(PART), at);
    let paid = || order(OrderKind::PayAndSign, OrderState::Paid);
    let refused = |decision| match decision {
        Decision::Refused(refusal) => Some(refusal),
        Decision::Apply { .. } => None,
        other => panic!("{other:?}"),
    };
    let after = |seconds| refused(decided(Order { last_refund_at: Some(time(0)), ..paid() }, time(seconds)));
    assert_eq!(after(59), Some(Refusal::RefundTooSoon { at: time(60) }));
    assert_eq!(after(60), None);
    assert_eq!(refused(decided(Order { refunds: 49, ..paid() }, now())), None);
    assert_eq!(refused(decided(Order { refunds: 50, ..paid() }, now())), Some(Refusal::TooManyRefunds));
    let year = 365 * 86_400;
    assert_eq!(refused(decided(paid(), time(5 + year))), None, "to the second after the payment");
    assert_eq!(refused(decided(paid(), time(6 + year))), Some(Refusal::RefundTooLate));
}

#[test]
fn the_same_refund_asked_for_twice_is_one() {
    for state in refund_states() {
        let known = Refund { origin: RefundOrigin::Api, ..refund(state, PART) };
        let decided = |known: &Refund, amount| {
            let order = Some(refunded_order(Some(state), PART));
            opened_at(&Loaded { order, refund: Some(known.clone()), ..Loaded::default() }, open_refund(amount), now())
        };
        assert_eq!(decided(&known, PART), Decision::Duplicate, "{state:?}");
        assert_eq!(decided(&known, AMOUNT), Decision::Refused(Refusal::Exists), "{state:?}");
        // What only notices told of takes no number.
        if !matches!(state, RefundState::Reported | RefundState::Rejected) {
            let theirs = Refund { origin: RefundOrigin::Platform, ..known };
            assert_eq!(decided(&theirs, PART), Decision::Refused(Refusal::Exists), "{state:?}");
        }
    }
    let paid = Some(order(OrderKind::PayAndSign, OrderState::Paid));
    let processing = Opened::Refund { refund: Box::new(refund(RefundState::Processing, PART)) };
    let decision = opened_at(&Loaded { order: paid, ..Loaded::default() }, processing, now());
    assert_eq!(decision, Decision::Refused(Refusal::Inconsistent));
}

#[test]
fn rows_of_another_merchant_are_not_put_on_record() {
    for opened in openings() {
        let fact = Fact::ours(MchId::parse("10000200").unwrap(), FactBody::Opened(opened));
        assert_eq!(decide(&Loaded::default(), &fact, now()), Decision::Refused(Refusal::Inconsistent));
    }
}

#[test]
fn what_is_opened_names_its_items() {
    let numbers =
        [code().to_string(), code().to_string(), number(OrderKind::Deduction).to_string(), out_refund_no().to_string()];
    for (opened, number) in openings().into_iter().zip(numbers) {
        assert_eq!(opened.number(), number);
        let fact = Fact::ours(mch_id(), FactBody::Opened(opened));
        assert_eq!((fact.keys().contract, fact.kind()), (Some(code()), "opened"));
        assert!(fact.subject().contains(code().as_str()), "{}", fact.subject());
        let text = serde_json::to_string(&fact).unwrap();
        assert_eq!(serde_json::from_str::<Fact>(&text).unwrap(), fact);
    }
}
