use domain::{
    Cause, Contract, ContractState, Fact, FactBody, Fen, OrderState, OutTradeNo, PaymentFact, PaymentResult,
    TransactionId,
};
use record::{Receipt, Recorder, Routing};
use serde_json::{Value, json};
use testkit::memory::NoWait;

use super::town::{CONTRACT_QUERY, DEDUCT, DEDUCTION_QUERY, DELETE};
use super::*;

const DEDUCTIONS: &str = "/v1/10000100/deductions";

#[tokio::test]
async fn a_deduction_is_on_record_with_its_bytes_and_accepted() {
    let town = Town::new();
    let contract = town.signed().await;
    let told = town.post(DEDUCTIONS, wanted(&contract, 1, 1), at("09:00")).await;
    assert_eq!((told.status, told.state()), (202, "accepted"), "{told:?}");
    let number = format!("{}P0001A01", contract.contract_code);
    assert_eq!(told.body["out_trade_no"], number);
    assert_eq!(told.body["amount"], 1800, "the price of the product");
    let asked = town.wechat.asked();
    let sent = asked.iter().find(|asked| asked.path == DEDUCT).unwrap();
    assert_eq!(sent.fields["out_trade_no"], number);
    assert_eq!(sent.fields["notify_url"], "https://deduction.example.com/v2/10000100");
    assert_eq!((sent.fields["trade_type"].as_str(), sent.fields["spbill_create_ip"].as_str()), ("PAP", "198.51.100.7"));
    let order = town.orders().pop().unwrap();
    assert!(order.request.unwrap().as_str().contains(&sent.body));
    assert_eq!(town.contract(&contract).open_deduction.map(String::from), Some(number));
}

#[tokio::test]
async fn outside_the_window_nothing_is_asked_and_the_next_window_is_told() {
    let town = Town::new();
    let contract = town.signed().await;
    for time in ["06:59", "22:00", "23:30"] {
        let told = town.post(DEDUCTIONS, wanted(&contract, 1, 1), at(time)).await;
        assert_eq!((told.status, told.code()), (409, "outside_window"), "{time}");
    }
    let told = town.post(DEDUCTIONS, wanted(&contract, 1, 1), at("22:30")).await;
    assert_eq!(told.body["next_window"], "2026-01-01T23:00:00Z", "seven in the morning in Beijing");
    assert!(town.wechat.asked().is_empty() && town.orders().is_empty());
}

#[tokio::test]
async fn the_same_call_again_is_the_same_deduction_also_at_night() {
    let town = Town::new();
    let contract = town.signed().await;
    let first = town.post_with("k1", DEDUCTIONS, wanted(&contract, 1, 1), at("09:00")).await;
    let again = town.post_with("k1", DEDUCTIONS, wanted(&contract, 1, 1), at("23:00")).await;
    assert_eq!((again.status, &again.body), (202, &first.body));
    assert_eq!(town.asked(DEDUCT), 1);
    let other = town.post_with("k1", DEDUCTIONS, wanted(&contract, 2, 1), at("09:01")).await;
    assert_eq!((other.status, other.code()), (409, "idempotency_key_reused"));
}

#[tokio::test]
async fn a_second_call_for_the_same_period_is_refused() {
    let town = Town::new();
    let contract = town.signed().await;
    town.post(DEDUCTIONS, wanted(&contract, 1, 1), at("09:00")).await;
    let second = town.post(DEDUCTIONS, wanted(&contract, 1, 1), at("09:01")).await;
    assert_eq!((second.status, second.code()), (409, "deduction_exists"));
    let next_attempt = town.post(DEDUCTIONS, wanted(&contract, 1, 2), at("09:01")).await;
    assert_eq!((next_attempt.status, next_attempt.code()), (409, "attempt_before_not_failed"));
    let next_period = town.post(DEDUCTIONS, wanted(&contract, 2, 1), at("09:01")).await;
    assert_eq!((next_period.status, next_period.code()), (409, "deduction_open"));
    assert_eq!(next_period.body["out_trade_no"], format!("{}P0001A01", contract.contract_code));
    assert_eq!(town.asked(DEDUCT), 1);
}

#[tokio::test]
async fn nothing_is_charged_unless_wechat_itself_says_that_the_contract_is_in_force() {
    let town = Town::new();
    let contract = town.signed().await;
    for answer in ["9", "unsigned -25"] {
        match answer {
            "9" => town.says_of_contract(&contract, "9", &[]),
            _ => town.wechat.on(CONTRACT_QUERY, Reply::RefusesUnsigned("-25")),
        }
        let told = town.post(DEDUCTIONS, wanted(&contract, 1, 1), at("09:00")).await;
        assert_eq!(told.status, 409, "{answer}: {told:?}");
        assert_eq!(town.contract(&contract).state, ContractState::Signed, "{answer}: no proof of the end either");
    }
    assert_eq!(town.asked(DEDUCT), 0);
    assert!(town.orders().is_empty());
}

#[tokio::test]
async fn after_a_failure_the_next_attempt_is_possible_and_after_a_payment_none() {
    let town = Town::new();
    let contract = town.signed().await;
    town.wechat.on(DEDUCT, Reply::Refuses("RULELIMIT"));
    let failed = town.post(DEDUCTIONS, wanted(&contract, 1, 1), at("09:00")).await;
    assert_eq!((failed.status, failed.state()), (200, "failed"));
    assert_eq!(failed.body["failure"], "RULELIMIT");
    town.wechat.on(DEDUCT, fields(&[]));
    let second = town.post(DEDUCTIONS, wanted(&contract, 1, 2), at("09:10")).await;
    assert_eq!((second.status, second.state()), (202, "accepted"));
    says_paid(&town);
    let path = format!("{DEDUCTIONS}/{}", second.body["out_trade_no"].as_str().unwrap());
    assert_eq!(town.get(&path, at("09:20")).await.state(), "paid");
    let third = town.post(DEDUCTIONS, wanted(&contract, 1, 3), at("09:30")).await;
    assert_eq!((third.status, third.code()), (409, "period_paid"));
}

#[tokio::test]
async fn an_attempt_that_failed_and_is_proven_paid_after_all_ends_its_period() {
    let town = Town::new();
    let contract = town.signed().await;
    town.wechat.on(DEDUCT, Reply::Refuses("RULELIMIT"));
    for attempt in [1, 2] {
        let failed = town.post(DEDUCTIONS, wanted(&contract, 1, attempt), at("09:00")).await;
        assert_eq!((failed.status, failed.state()), (200, "failed"), "{failed:?}");
    }
    town.wechat.on(DEDUCT, fields(&[]));
    proven_paid(&town, &contract, 1).await;
    let calls = town.asked(DEDUCT);
    let third = town.post(DEDUCTIONS, wanted(&contract, 1, 3), at("09:30")).await;
    assert_eq!((third.status, third.code()), (409, "period_paid"), "{third:?}");
    assert_eq!(town.asked(DEDUCT), calls);
    let next = town.post(DEDUCTIONS, wanted(&contract, 2, 1), at("09:30")).await;
    assert_eq!((next.status, next.state()), (202, "accepted"), "the next period is charged");
}

/// WeChat says, signed, that this attempt of the first period was paid.
async fn proven_paid(town: &Town, contract: &Contract, attempt: u8) {
    let payment = PaymentFact {
        out_trade_no: OutTradeNo::deduction(&contract.contract_code, 1, attempt).unwrap(),
        appid: None,
        contract_id: None,
        attach: None,
        result: PaymentResult::Succeeded {
            transaction_id: TransactionId::parse("4200001234202601010000000001").unwrap(),
            total: Fen::new(1800),
            openid: None,
            trade_type: None,
            paid_at: Some(at("09:00")),
            refunded: false,
        },
    };
    let fact = Fact { cause: Cause::Bill, ..Fact::ours(contract.mch_id.clone(), FactBody::Payment(payment)) };
    let receipt = Receipt::ours(&fact, at("09:20"), None);
    let recorder = Recorder::new(town.memory.ledger(), NoWait, Routing::default());
    recorder.apply(&fact, &receipt, at("09:20"), domain::decide).await.unwrap();
}

#[tokio::test]
async fn of_two_deductions_at_once_one_is_made() {
    let town = Town::new();
    let contract = town.signed().await;
    let (one, other) = (wanted(&contract, 1, 1), wanted(&contract, 2, 1));
    let (one, other) = tokio::join!(town.post(DEDUCTIONS, one, at("09:00")), town.post(DEDUCTIONS, other, at("09:00")));
    let mut statuses = [one.status, other.status];
    statuses.sort_unstable();
    assert_eq!(statuses, [202, 409], "{one:?} {other:?}");
    assert_eq!((town.asked(DEDUCT), town.orders().len()), (1, 1));
}

#[tokio::test]
async fn one_attempt_asked_for_twenty_times_at_once_is_charged_once() {
    let town = Town::new();
    let contract = town.signed().await;
    let calls = (0..20).map(|_| town.post(DEDUCTIONS, wanted(&contract, 1, 1), at("09:00")));
    let told = futures_util::future::join_all(calls).await;
    assert_eq!(told.iter().filter(|told| told.status == 202).count(), 1);
    assert!(told.iter().all(|told| told.status == 202 || told.status == 409 || told.status == 503));
    assert_eq!(town.asked(DEDUCT), 1);
}

#[tokio::test]
async fn only_a_contract_in_force_is_charged() {
    for (state, code) in [
        (ContractState::Created, "contract_not_signed"),
        (ContractState::Pending, "contract_not_signed"),
        (ContractState::NotSigned, "contract_not_signed"),
        (ContractState::Terminating, "contract_ended"),
        (ContractState::Terminated, "contract_ended"),
    ] {
        let town = Town::new();
        let mut contract = Town::new().signed().await;
        contract.state = state;
        town.put(Some(&contract), None, None).await;
        let told = town.post(DEDUCTIONS, wanted(&contract, 1, 1), at("09:00")).await;
        assert_eq!((told.status, told.code()), (409, code), "{state:?}");
        assert!(town.wechat.asked().is_empty());
    }
    let told = Town::new().post(DEDUCTIONS, wanted(&Town::new().signed().await, 1, 1), at("09:00")).await;
    assert_eq!(told.status, 404);
}

#[tokio::test]
async fn a_termination_that_only_wechat_knows_of_is_found_before_anything_is_charged() {
    let town = Town::new();
    let contract = town.signed().await;
    town.says_of_contract(&contract, "1", &[("contract_termination_mode", "2")]);
    let told = town.post(DEDUCTIONS, wanted(&contract, 1, 1), at("09:00")).await;
    assert_eq!((told.status, told.code()), (409, "contract_ended"));
    assert_eq!(town.contract(&contract).state, ContractState::Terminated);
    assert_eq!(town.asked(DEDUCT), 0);
}

#[tokio::test]
async fn nothing_is_charged_while_wechat_does_not_say_whether_the_contract_is_in_force() {
    let town = Town::new();
    let contract = town.signed().await;
    town.wechat.on(CONTRACT_QUERY, Reply::Silence);
    let told = town.post(DEDUCTIONS, wanted(&contract, 1, 1), at("09:00")).await;
    assert_eq!((told.status, told.code()), (503, "unavailable"));
    assert!(town.orders().is_empty());
}

#[tokio::test]
async fn a_deduction_whose_answer_was_lost_is_on_record_and_found() {
    let town = Town::new();
    let contract = town.signed().await;
    town.wechat.on(DEDUCT, Reply::Silence);
    let told = town.post(DEDUCTIONS, wanted(&contract, 1, 1), at("09:00")).await;
    assert_eq!((told.status, told.state()), (202, "created"));
    says_paid(&town);
    let path = format!("{DEDUCTIONS}/{}", told.body["out_trade_no"].as_str().unwrap());
    let found = town.get(&path, at("09:01")).await;
    assert_eq!((found.status, found.state()), (200, "paid"));
    assert_eq!(town.contract(&contract).open_deduction, None);
}

#[tokio::test]
async fn of_termination_and_deduction_at_once_nothing_is_charged_after_the_termination() {
    for first in ["termination", "deduction"] {
        let town = Town::new();
        let contract = town.signed().await;
        town.wechat.on(DELETE, fields(&[]));
        let termination = format!("/v1/10000100/contracts/{}/termination", contract.contract_code);
        let end = town.post(&termination, json!({}), at("09:00"));
        let charge = town.post(DEDUCTIONS, wanted(&contract, 1, 1), at("09:00"));
        let (end, charge) = match first {
            "termination" => tokio::join!(end, charge),
            _ => {
                let (charge, end) = tokio::join!(charge, end);
                (end, charge)
            }
        };
        assert!([200, 202].contains(&end.status), "{end:?}");
        let made = town.orders().len();
        match charge.status {
            202 => assert_eq!(made, 1, "it began before the termination was on record"),
            _ => assert_eq!((charge.status, charge.code(), made, town.asked(DEDUCT)), (409, "contract_ended", 0, 0)),
        }
        let later = town.post(DEDUCTIONS, wanted(&contract, 7, 1), at("09:01")).await;
        assert_eq!((later.status, later.code()), (409, "contract_ended"));
    }
}

#[tokio::test]
async fn what_breaks_a_rule_is_told_by_the_callers_own_name() {
    let town = Town::new();
    let contract = town.signed().await;
    let with = |name: &str, value: Value| {
        let mut body = wanted(&contract, 1, 1);
        body[name] = value;
        body
    };
    for (body, field) in [
        (with("amount", json!(0)), "amount"),
        (with("amount", json!(2_147_483_648_u64)), "amount"),
        (with("metadata", json!("a=b&c=d")), "metadata"),
        (with("description", json!("长".repeat(43))), "description"),
        (with("contract_code", json!("a b")), "contract_code"),
        (with("period", json!(0)), "out_trade_no"),
        (with("price", json!(1)), "."),
    ] {
        let told = town.post(DEDUCTIONS, body, at("09:00")).await;
        assert_eq!((told.status, told.code()), (400, "invalid_field"), "{field}: {told:?}");
        assert!(field == "." || field == "out_trade_no" || told.body["field"] == field, "{field}: {told:?}");
    }
    assert!(town.orders().is_empty());
    assert_eq!(town.asked(DEDUCT), 0);
}

#[tokio::test]
async fn a_notice_goes_out_within_the_window_to_a_contract_in_force_only() {
    let town = Town::new();
    let contract = town.signed().await;
    let path = "/v1/10000100/pre-deduction-notices";
    let body = json!({ "contract_code": contract.contract_code });
    let night = town.post(path, body.clone(), at("05:00")).await;
    assert_eq!((night.status, night.code()), (409, "outside_window"));
    town.says_of_contract(&contract, "1", &[("contract_termination_mode", "2")]);
    let ended = town.post(path, body, at("09:00")).await;
    assert_eq!((ended.status, ended.code()), (409, "contract_ended"));
}

fn wanted(contract: &Contract, period: u16, attempt: u8) -> Value {
    json!({ "contract_code": contract.contract_code, "period": period, "attempt": attempt })
}

fn says_paid(town: &Town) {
    town.wechat.on(
        DEDUCTION_QUERY,
        fields(&[
            ("trade_state", "SUCCESS"),
            ("transaction_id", "4200001234202601010000000001"),
            ("total_fee", "1800"),
            ("trade_type", "PAP"),
        ]),
    );
}

#[tokio::test]
async fn a_deduction_in_each_state_is_told_as_it_is() {
    let town = Town::new();
    let contract = town.signed().await;
    let made = town.post(DEDUCTIONS, wanted(&contract, 1, 1), at("09:00")).await;
    town.wechat.on(DEDUCTION_QUERY, fields(&[("trade_state", "PAY_FAIL"), ("err_code", "NOTENOUGH")]));
    let path = format!("{DEDUCTIONS}/{}", made.body["out_trade_no"].as_str().unwrap());
    let told = town.get(&path, at("09:10")).await;
    assert_eq!((told.state(), told.body["failure"].as_str()), ("failed", Some("NOTENOUGH")));
    assert_eq!(town.orders().pop().unwrap().state, OrderState::Failed);
    assert_eq!(town.get(&format!("{DEDUCTIONS}/NOBODYS"), at("09:10")).await.status, 404);
}

#[tokio::test]
async fn a_deduction_that_fails_for_want_of_a_contract_has_the_contract_asked_for_at_once() {
    for (code, now) in [("CONTRACT_NOT_EXIST", true), ("CONTRACTERROR", true), ("RULELIMIT", false)] {
        let town = Town::new();
        let contract = town.signed().await;
        town.wechat.on(DEDUCT, Reply::Refuses(code));
        let told = town.post(DEDUCTIONS, wanted(&contract, 1, 1), at("09:00")).await;
        assert_eq!((told.status, told.state(), told.body["failure"].as_str()), (200, "failed", Some(code)));
        let due = town.contract(&contract).check.is_some_and(|check| check.is_due(at("09:00")));
        assert_eq!(due, now, "{code}");
    }
}
