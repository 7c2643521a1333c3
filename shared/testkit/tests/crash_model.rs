//! The crash model: the real code survives what the mutants do not.

use testkit::model::{Budgets, Design, Pair, Scenario, explore, mutants};

#[test]
fn a_payment_and_an_add_survive_every_interleaving_and_every_crash() {
    survives(Pair::PaymentAndAdd.scenario());
}

#[test]
fn an_add_and_a_delete_survive_every_interleaving_and_every_crash() {
    survives(Pair::AddAndDelete.scenario());
}

#[test]
fn a_late_payment_notice_and_a_refund_survive_every_interleaving_and_every_crash() {
    survives(Pair::PaymentAndRefund.scenario());
}

#[test]
fn the_failure_and_the_success_of_a_deduction_survive_every_interleaving_and_every_crash() {
    survives(Pair::FailureAndSuccess.scenario());
}

#[test]
fn two_equal_payments_survive_every_interleaving_and_every_crash() {
    survives(Pair::TwoEqualPayments.scenario());
}

#[test]
fn a_deduction_and_a_delete_survive_every_interleaving_and_every_crash() {
    survives(Pair::DeductionAndDelete.scenario());
}

#[test]
fn an_add_and_a_query_survive_every_interleaving_and_every_crash() {
    survives(Pair::AddAndQuery.scenario());
}

#[test]
fn a_deduction_and_a_termination_survive_every_interleaving_and_every_crash() {
    survives(Pair::DeductionAndTermination.scenario());
}

#[test]
fn a_late_payment_and_an_add_survive_every_interleaving_and_every_crash_and_guard_their_user() {
    survives(Pair::LatePaymentAndAdd.scenario());
}

#[test]
fn a_failed_effect_or_a_lost_answer_at_any_step_changes_nothing_in_the_end() {
    for pair in Pair::ALL {
        survives(pair.with(|it| *it = Budgets { deliveries: 1, faults: 1, ..*it }));
    }
}

#[test]
fn an_index_that_lags_behind_changes_nothing_in_the_end() {
    for pair in Pair::ALL {
        survives(pair.with(|it| *it = Budgets { deliveries: 1, lag: true, ..*it }));
    }
}

#[test]
fn a_clock_that_jumps_beyond_the_deduplication_window_changes_nothing_in_the_end() {
    for pair in Pair::ALL {
        survives(pair.with(|it| *it = Budgets { deliveries: 1, jumps: 1, ..*it }));
    }
}

#[test]
fn queues_that_answer_a_drain_in_any_order_change_nothing_in_the_end() {
    for pair in Pair::ALL {
        survives(pair.with(|it| *it = Budgets { deliveries: 1, sweeps: 0, any_order: true, ..*it }));
    }
}

#[test]
fn queues_that_answer_two_drains_in_any_order_change_nothing_in_the_end() {
    // One or two events: with three, a million states tell no more.
    for pair in [Pair::FailureAndSuccess, Pair::TwoEqualPayments, Pair::AddAndQuery] {
        survives(pair.with(|it| *it = Budgets { deliveries: 1, any_order: true, ..*it }));
    }
}

#[test]
fn every_mutant_is_caught() {
    for mutant in mutants() {
        let (explored, failures) = explore(&mutant.design, &mutant.scenario);
        let found: Vec<_> = failures.keys().copied().collect();
        println!("{}: {found:?} in {}: {explored}", mutant.design.name, mutant.scenario.name);
        assert_eq!(found, mutant.violations, "{}", mutant.design.name);
    }
}

fn survives(scenario: Scenario) {
    let (explored, failures) = explore(&Design::REAL, &scenario);
    println!("{}: {explored}", scenario.name);
    if let Some(failure) = failures.values().next() {
        panic!("{}: {failure}", scenario.name);
    }
}
