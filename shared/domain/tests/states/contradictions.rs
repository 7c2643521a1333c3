//! Where a verified message and our record differ: nothing changes, whatever the state.

use domain::{
    AppId, Cause, Channel, ContractChange, ContractFact, ContractId, Decision, Evidence, Fact, FactBody, Fen, Loaded,
    OpenId, Order, OrderKind, OrderState, OutTradeNo, PaymentFact, PaymentResult, PaymentStatus, PlanId, RefundFact,
    RefundId, RefundState, SignatureAlgorithm, TradeType, TransactionId, decide,
};

use crate::build::{
    AMOUNT, contract, contract_body, fact, now, order, payment_body, refund, refund_body, refunded_order,
};
use crate::every::{
    algorithms, causes, contract_changes, contract_states, order_kinds, order_states, payment_results, refund_results,
    refund_states,
};
use crate::words::{Subject, word};

const SIGNED: Evidence = Evidence::Signed(SignatureAlgorithm::Md5);

fn other_transaction() -> TransactionId {
    TransactionId::parse("4200000000202512010000000002").unwrap()
}

/// What follows from the payment fact, after `edit`, for an order in every state.
#[track_caller]
fn of_orders(result: &PaymentResult, prepare: fn(&mut Order), edit: fn(&mut PaymentFact), expected: &str) {
    for kind in order_kinds() {
        for state in order_states() {
            for cause in causes() {
                let mut order = order(kind, state);
                prepare(&mut order);
                let FactBody::Payment(mut told) = payment_body(&order, result.clone()) else { unreachable!() };
                edit(&mut told);
                let loaded = Loaded { order: Some(order), ..Loaded::default() };
                let fact = fact(cause, SIGNED, FactBody::Payment(told));
                let told = word(Subject::Order, &loaded, &decide(&loaded, &fact, now()));
                assert_eq!(told, expected, "{kind:?} {state:?} {cause:?}");
            }
        }
    }
}

fn success() -> PaymentResult {
    payment_results().into_iter().find(|(name, _)| *name == "succeeded").unwrap().1
}

#[test]
fn an_amount_that_is_not_the_orders() {
    let edit = |told: &mut PaymentFact| {
        if let PaymentResult::Succeeded { total, .. } = &mut told.result {
            *total = Fen::new(AMOUNT.get() - 1);
        }
    };
    of_orders(&success(), |_| {}, edit, "Contradiction(amount)");
}

#[test]
fn another_transaction_than_the_one_that_paid() {
    let paid = |order: &mut Order| order.transaction_id = Some(other_transaction());
    of_orders(&success(), paid, |_| {}, "Contradiction(transaction_id)");
}

#[test]
fn another_user_than_the_order_was_made_for() {
    let made_for = |order: &mut Order| order.openid = Some(OpenId::parse("oUpF8uMuAJO").unwrap());
    let paid_by = |told: &mut PaymentFact| {
        if let PaymentResult::Succeeded { openid, .. } = &mut told.result {
            *openid = Some(OpenId::parse("oUpF8uMuAJP").unwrap());
        }
    };
    of_orders(&success(), made_for, paid_by, "Contradiction(openid)");
}

#[test]
fn another_application_and_another_contract_whatever_is_said() {
    for (_, result) in payment_results() {
        let app = |told: &mut PaymentFact| told.appid = Some(AppId::parse("wxd678efh567hg6787").unwrap());
        of_orders(&result, |_| {}, app, "Contradiction(appid)");
        let known = |order: &mut Order| order.contract_id = Some(ContractId::parse("1").unwrap());
        let named = |told: &mut PaymentFact| told.contract_id = Some(ContractId::parse("2").unwrap());
        of_orders(&result, known, named, "Contradiction(contract_id)");
    }
}

#[test]
fn another_attach_whatever_is_said() {
    let other = |told: &mut PaymentFact| told.attach = Some("another".to_owned());
    for (_, result) in payment_results() {
        of_orders(&result, |_| {}, other, "Contradiction(attach)");
        of_orders(&result, |order| order.attach = None, other, "Contradiction(attach)");
    }
    let order = Order { attach: Some(" metadata ".to_owned()), ..order(OrderKind::OneOff, OrderState::Requested) };
    let FactBody::Payment(mut told) = payment_body(&order, success()) else { unreachable!() };
    told.attach = Some("metadata".to_owned());
    let loaded = Loaded { order: Some(order), ..Loaded::default() };
    let decision = decide(&loaded, &fact(Cause::Callback, SIGNED, FactBody::Payment(told)), now());
    assert!(matches!(decision, Decision::Apply { .. }), "blanks around it do not matter: {decision:?}");
}

#[test]
fn another_trade_type_than_the_channels() {
    let paid_by = |word: &str| {
        let mut result = success();
        if let PaymentResult::Succeeded { trade_type, .. } = &mut result {
            *trade_type = Some(TradeType::read(word));
        }
        result
    };
    for channel in Channel::ALL {
        for word in ["APP", "JSAPI", "NATIVE", "MWEB", "PAP", "A_NEW_WORD"] {
            let order = Order { channel: Some(channel), ..crate::build::purchase(OrderState::Requested) };
            let body = payment_body(&order, paid_by(word));
            let loaded = Loaded { order: Some(order), ..Loaded::default() };
            let rsa = Evidence::Signed(SignatureAlgorithm::Rsa);
            let told = word_of(&loaded, &decide(&loaded, &fact(Cause::Callback, rsa, body), now()));
            let fits = word == channel.trade_type() || word == "A_NEW_WORD";
            assert_eq!(told == "Contradiction(trade_type)", !fits, "{channel} {word}: {told}");
        }
    }
    // Where nothing is known of the channel nothing is compared.
    for kind in order_kinds() {
        let order = order(kind, OrderState::Requested);
        let body = payment_body(&order, paid_by("MWEB"));
        let loaded = Loaded { order: Some(order), ..Loaded::default() };
        assert!(matches!(decide(&loaded, &fact(Cause::Callback, SIGNED, body), now()), Decision::Apply { .. }));
    }
}

fn word_of(loaded: &Loaded, decision: &Decision) -> String {
    word(Subject::Order, loaded, decision)
}

#[test]
fn what_a_message_does_not_say_contradicts_nothing() {
    let silent = |told: &mut PaymentFact| {
        told.appid = None;
        told.contract_id = None;
    };
    for kind in order_kinds() {
        let order = order(kind, OrderState::Requested);
        let FactBody::Payment(mut told) = payment_body(&order, success()) else { unreachable!() };
        silent(&mut told);
        let loaded = Loaded { order: Some(order), ..Loaded::default() };
        let decision = decide(&loaded, &fact(Cause::Callback, SIGNED, FactBody::Payment(told)), now());
        assert!(matches!(decision, Decision::Apply { .. }), "{kind:?}");
    }
}

/// Notices of payment must be signed as well as the order was; answers come over TLS, and say what they are asked.
#[test]
fn a_weaker_algorithm_contradicts_a_payment_notice() {
    for made_with in algorithms() {
        for signed_with in algorithms() {
            for state in order_states() {
                for (name, result) in payment_results() {
                    for cause in causes() {
                        let order = Order { signature: made_with, ..order(OrderKind::PayAndSign, state) };
                        let fact = fact(cause, Evidence::Signed(signed_with), payment_body(&order, result.clone()));
                        let loaded = Loaded { order: Some(order), ..Loaded::default() };
                        let told = word(Subject::Order, &loaded, &decide(&loaded, &fact, now()));
                        let weaker = cause == Cause::Callback && signed_with < made_with;
                        assert_eq!(told == "Contradiction(weaker_algorithm)", weaker, "{state:?} {name}: {told}");
                    }
                }
            }
        }
    }
}

/// A contract's notice may be MD5 although its order was HMAC-SHA256.
#[test]
fn the_algorithm_never_contradicts_a_contract_notice() {
    for state in contract_states() {
        for (name, change) in contract_changes() {
            let told: Vec<String> = algorithms()
                .into_iter()
                .map(|algorithm| {
                    let loaded = Loaded {
                        order: Some(Order {
                            signature: SignatureAlgorithm::Rsa,
                            ..order(OrderKind::PayAndSign, OrderState::Paid)
                        }),
                        contract: Some(contract(state, Some(PaymentStatus::Paid))),
                        ..Loaded::default()
                    };
                    let fact = fact(Cause::Callback, Evidence::Signed(algorithm), contract_body(change.clone()));
                    word(Subject::Contract, &loaded, &decide(&loaded, &fact, now()))
                })
                .collect();
            assert!(told.iter().all(|word| *word == told[0]), "{state:?} {name}: {told:?}");
            assert!(!told[0].contains("weaker"), "{state:?} {name}");
        }
    }
}

#[track_caller]
fn of_contracts(edit: fn(&mut ContractFact), expected: &str) {
    for state in contract_states() {
        for (name, change) in contract_changes() {
            for cause in causes() {
                let FactBody::Contract(mut told) = contract_body(change.clone()) else { unreachable!() };
                edit(&mut told);
                let mut known = contract(state, Some(PaymentStatus::Paid));
                known.contract_id = Some(crate::build::contract_id());
                let loaded = Loaded { contract: Some(known), ..Loaded::default() };
                let fact = fact(cause, SIGNED, FactBody::Contract(told));
                let told = word(Subject::Contract, &loaded, &decide(&loaded, &fact, now()));
                assert_eq!(told, expected, "{state:?} {name} {cause:?}");
            }
        }
    }
}

#[test]
fn another_plan_application_or_contract_number() {
    of_contracts(|told| told.plan_id = Some(PlanId::parse("1").unwrap()), "Contradiction(plan_id)");
    of_contracts(|told| told.appid = Some(AppId::parse("wxd678efh567hg6787").unwrap()), "Contradiction(appid)");
    of_contracts(|told| told.contract_id = Some(ContractId::parse("1").unwrap()), "Contradiction(contract_id)");
}

/// The user who signed is the one that counts (check 12): the payer may have been known under another number.
#[test]
fn the_openid_of_a_signing_is_adopted() {
    let mut known = contract(domain::ContractState::Pending, Some(PaymentStatus::Paid));
    known.openid = Some(OpenId::parse("somebody").unwrap());
    let loaded = Loaded { contract: Some(known), ..Loaded::default() };
    let signed = contract_body(ContractChange::Signed { at: None, expires_at: None });
    let Decision::Apply { changes, .. } = decide(&loaded, &fact(Cause::Callback, SIGNED, signed), now()) else {
        panic!("applied")
    };
    assert_eq!(changes.contract.unwrap().openid, Some(crate::build::openid()));
}

#[track_caller]
fn of_refunds(edit: fn(&mut RefundFact), expected: &str) {
    for state in refund_states().into_iter().filter(|state| *state != RefundState::Reported) {
        for (name, result) in refund_results() {
            for cause in causes() {
                let FactBody::Refund(mut told) = refund_body(AMOUNT, None, result.clone()) else { unreachable!() };
                edit(&mut told);
                let mut known = refund(state, AMOUNT);
                known.refund_id = Some(crate::build::refund_id());
                let order = Some(refunded_order(Some(state), AMOUNT));
                let loaded = Loaded { order, refund: Some(known), ..Loaded::default() };
                let fact = fact(cause, SIGNED, FactBody::Refund(told));
                let told = word(Subject::Refund, &loaded, &decide(&loaded, &fact, now()));
                assert_eq!(told, expected, "{state:?} {name} {cause:?}");
            }
        }
    }
}

#[test]
fn another_order_transaction_number_or_amount_of_a_refund() {
    let other_order = |told: &mut RefundFact| told.out_trade_no = Some(OutTradeNo::parse("654321").unwrap());
    of_refunds(other_order, "Contradiction(out_trade_no)");
    of_refunds(|told| told.transaction_id = Some(other_transaction()), "Contradiction(transaction_id)");
    of_refunds(|told| told.refund_id = Some(RefundId::parse("1").unwrap()), "Contradiction(refund_id)");
    of_refunds(|told| told.refund = Some(Fen::new(1)), "Contradiction(amount)");
    of_refunds(|told| told.total = Some(Fen::new(1)), "Contradiction(amount)");
}

/// A notice that proves nothing reported it: what it said cannot outweigh the answer.
#[test]
fn nothing_contradicts_a_refund_that_was_only_reported() {
    let mut reported = refund(RefundState::Reported, Fen::new(1));
    reported.refund_id = Some(RefundId::parse("1").unwrap());
    reported.out_trade_no = OutTradeNo::parse("654321").unwrap();
    let loaded = Loaded {
        order: Some(order(OrderKind::PayAndSign, OrderState::Paid)),
        refund: Some(reported),
        ..Loaded::default()
    };
    let answer = refund_body(AMOUNT, None, domain::RefundResult::Succeeded { at: None });
    let decision = decide(&loaded, &fact(Cause::Query, SIGNED, answer), now());
    let Decision::Apply { changes, .. } = decision else { panic!("{decision:?}") };
    let booked = changes.refund.unwrap();
    assert_eq!(booked.amount, AMOUNT);
    assert_eq!(booked.refund_id, Some(crate::build::refund_id()));
    assert_eq!(booked.out_trade_no, crate::build::first_order());
    assert_eq!(changes.order.unwrap().refunded, AMOUNT);
}

#[test]
fn more_than_was_paid_cannot_be_given_back() {
    let more = Fen::new(AMOUNT.get() + 1);
    let paid = order(OrderKind::PayAndSign, OrderState::Paid);
    let loaded = Loaded { order: Some(paid), refund: Some(refund(RefundState::Processing, more)), ..Loaded::default() };
    for (_, result) in refund_results().into_iter().take(4) {
        let decision = decide(&loaded, &fact(Cause::Callback, SIGNED, refund_body(more, None, result)), now());
        assert_eq!(word(Subject::Refund, &loaded, &decision), "Contradiction(amount)");
    }
    let half = Fen::new(AMOUNT.get() / 2 + 1);
    let loaded = Loaded {
        order: Some(Order { refunded: half, ..order(OrderKind::PayAndSign, OrderState::PartlyRefunded) }),

        refund: Some(refund(RefundState::Processing, half)),
        ..Loaded::default()
    };
    let succeeded = refund_body(half, None, domain::RefundResult::Succeeded { at: None });
    let decision = decide(&loaded, &fact(Cause::Callback, SIGNED, succeeded), now());
    assert_eq!(word(Subject::Refund, &loaded, &decision), "Contradiction(amount)", "the sum of two");
}

#[test]
fn what_is_not_on_record_is_unknown() {
    let nothing = Loaded::default();
    let told = |body: FactBody| {
        let fact: Fact = fact(Cause::Callback, SIGNED, body);
        word(Subject::Order, &nothing, &decide(&nothing, &fact, now()))
    };
    let any = order(OrderKind::PayAndSign, OrderState::Requested);
    for (_, result) in payment_results() {
        assert_eq!(told(payment_body(&any, result)), "Unknown(order)");
    }
    for (_, change) in contract_changes() {
        assert_eq!(told(contract_body(change)), "Unknown(contract)");
    }
    for (_, result) in refund_results() {
        assert_eq!(told(refund_body(AMOUNT, None, result)), "Unknown(order)");
    }
    assert_eq!(told(FactBody::Noted { event_type: "SECURITY_ECHO.SUCCESS".to_owned() }), "Noted");
}
