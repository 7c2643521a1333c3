use domain::{ContractState, Fen, Order, OrderKind, OrderState, OutTradeNo, Protocol, RefundResult};
use record::{Receipt, Recorder, Routing};
use serde_json::{Value, json};
use testkit::generate::Generator;
use testkit::memory::NoWait;

use super::racing::{Lost, Racing};
use super::town::{DELETE, REFUND, REFUND_QUERY, V3_REFUND};
use super::*;

const REFUNDS: &str = "/v1/10000100/refunds";

#[tokio::test]
async fn a_refund_is_reserved_sent_and_followed() {
    let town = Town::new();
    let (_, order) = town.paid(1800).await;
    let told = town.post(REFUNDS, wanted(&order, "R1", 800), at("09:00")).await;
    assert_eq!((told.status, told.state()), (202, "processing"), "{told:?}");
    let sent = town.wechat.asked().into_iter().find(|asked| asked.path == REFUND).unwrap();
    assert_eq!((sent.fields["refund_fee"].as_str(), sent.fields["total_fee"].as_str()), ("800", "1800"));
    assert_eq!(sent.fields["notify_url"], "https://refund.example.com/v2/10000100");
    assert_eq!(row(&town, &order).reserved, Fen::new(800));
    says_refunded(&town, &order, "R1", 800);
    let told = town.get(&format!("{REFUNDS}/R1"), at("09:10")).await;
    assert_eq!((told.status, told.state()), (200, "succeeded"));
    let after = row(&town, &order);
    assert_eq!((after.state, after.refundable()), (OrderState::PartlyRefunded, Fen::new(1000)));
}

#[tokio::test]
async fn twenty_refunds_at_once_never_give_back_more_than_was_paid() {
    let lost = Lost::default();
    let town = Town::over(|memory| Racing::without_pauses(memory, &lost));
    let (_, order) = town.paid(1800).await;
    let told = town.twenty_refunds_at_once(&order, 500).await;
    let accepted = told.iter().filter(|told| told.status == 202).count();
    assert!(
        accepted >= 1 && lost.count() >= 19,
        "all of them had read before the first wrote: {} {told:?}",
        lost.count()
    );
    assert!(told.iter().all(|told| [202, 409, 503].contains(&told.status)), "{told:?}");
    assert!(told.iter().all(|told| told.status != 409 || told.code() == "more_than_refundable"), "{told:?}");
    assert_eq!(town.asked(REFUND), accepted, "WeChat heard of no other");
    assert_eq!(row(&town, &order).reserved, Fen::new(500 * u64::try_from(accepted).unwrap()));
    let later = town.twenty_refunds_in_turn(&order, 500).await;
    assert_eq!((accepted + later, row(&town, &order).reserved), (3, Fen::new(1500)));
}

#[tokio::test]
async fn of_twenty_refunds_at_once_one_is_taken_and_the_others_are_too_soon() {
    let lost = Lost::default();
    let town = Town::over(|memory| Racing::of(memory, &lost));
    let (_, order) = town.paid(1800).await;
    let told = town.twenty_refunds_at_once(&order, 5).await;
    assert_eq!(told.iter().filter(|told| told.status == 202).count(), 1, "{told:?}");
    assert_eq!(told.iter().filter(|told| told.code() == "refund_too_soon").count(), 19, "{told:?}");
    assert!(lost.count() >= 19, "each of the others was allowed until it lost: {}", lost.count());
    assert_eq!((town.asked(REFUND), row(&town, &order).reserved), (1, Fen::new(5)));
}

#[tokio::test]
async fn more_than_is_left_is_refused_with_what_is_left() {
    let town = Town::new();
    let (_, order) = town.paid(1800).await;
    town.post(REFUNDS, wanted(&order, "R1", 1000), at("09:00")).await;
    let told = town.post(REFUNDS, wanted(&order, "R2", 801), at("09:05")).await;
    assert_eq!((told.status, told.code()), (409, "more_than_refundable"));
    assert_eq!(told.body["refundable"], 800);
    let soon = town.post(REFUNDS, wanted(&order, "R3", 800), at("09:00")).await;
    assert_eq!((soon.status, soon.code()), (409, "refund_too_soon"));
    let left = town.post(REFUNDS, wanted(&order, "R4", 800), at("09:05")).await;
    assert_eq!(left.status, 202);
}

#[tokio::test]
async fn a_number_is_one_refund_however_often_and_by_whomever_it_is_named() {
    let town = Town::new();
    let (_, order) = town.paid(1800).await;
    let first = town.post_with("k", REFUNDS, wanted(&order, "R1", 500), at("09:00")).await;
    let again = town.post_with("k", REFUNDS, wanted(&order, "R1", 500), at("09:10")).await;
    let anew = town.post(REFUNDS, wanted(&order, "R1", 500), at("09:10")).await;
    assert_eq!((again.status, &again.body), (202, &first.body));
    assert_eq!((anew.status, &anew.body), (202, &first.body));
    let other = town.post(REFUNDS, wanted(&order, "R1", 600), at("09:10")).await;
    assert_eq!((other.status, other.code()), (409, "number_used"));
    assert_eq!(town.asked(REFUND), 1);
}

#[tokio::test]
async fn a_refund_that_wechat_refuses_for_good_is_rejected_and_can_be_asked_for_again() {
    let town = Town::new();
    let (_, order) = town.paid(1800).await;
    town.wechat.on(REFUND, Reply::Refuses("USER_ACCOUNT_ABNORMAL"));
    let told = town.post(REFUNDS, wanted(&order, "R1", 1800), at("09:00")).await;
    assert_eq!((told.status, told.state()), (200, "rejected"));
    assert_eq!(told.body["failure"], "USER_ACCOUNT_ABNORMAL");
    assert_eq!(row(&town, &order).refundable(), order.amount);
    town.wechat.on(REFUND, fields(&[("refund_id", "50000000001")]));
    // The minute between two refunds is counted from the call, whatever came of it.
    let soon = town.post(REFUNDS, wanted(&order, "R2", 1800), at("09:00")).await;
    assert_eq!((soon.status, soon.code()), (409, "refund_too_soon"));
    assert_eq!(soon.body["possible_at"], "2026-01-01T01:01:00Z");
    let again = town.post(REFUNDS, wanted(&order, "R2", 1800), at("09:01")).await;
    assert_eq!((again.status, again.state()), (202, "processing"), "{again:?}");
    assert_eq!((town.asked(REFUND), row(&town, &order).reserved), (2, order.amount));
}

#[tokio::test]
async fn a_refund_ends_the_contract_where_that_is_asked_for_and_only_there() {
    let town = Town::new();
    let (contract, order) = town.paid(1800).await;
    let told = town.post(REFUNDS, wanted(&order, "R1", 100), at("09:00")).await;
    assert_eq!(told.body.get("contract_state"), None);
    assert_eq!(town.contract(&contract).state, ContractState::Signed);
    town.wechat.on(DELETE, fields(&[]));
    town.says_of_contract(&contract, "1", &[("contract_termination_mode", "3")]);
    let mut body = wanted(&order, "R2", 1700);
    body["terminate"] = json!(true);
    let told = town.post(REFUNDS, body, at("09:05")).await;
    assert_eq!((told.status, told.body["contract_state"].as_str()), (202, Some("terminated")), "{told:?}");
    assert_eq!(town.asked(DELETE), 1);
}

#[tokio::test]
async fn a_refund_that_is_to_end_the_contract_waits_until_its_signing_is_decided() {
    let town = Town::new();
    let (contract, order) = town.paid_while(ContractState::Pending, 1800).await;
    town.wechat.on(DELETE, fields(&[]));
    let mut body = wanted(&order, "R1", 1800);
    body["terminate"] = json!(true);
    town.says_of_contract(&contract, "9", &[]);
    let told = town.post(REFUNDS, body.clone(), at("09:00")).await;
    assert_eq!((told.status, told.code()), (409, "signing_undecided"), "{told:?}");
    assert_eq!((town.asked(REFUND), row(&town, &order).reserved), (0, Fen::ZERO));
    town.says_of_contract(&contract, "0", &[]);
    let told = town.post(REFUNDS, body, at("09:01")).await;
    assert_eq!((told.status, told.body["contract_state"].as_str()), (202, Some("terminating")), "{told:?}");
    assert_eq!((town.asked(REFUND), town.asked(DELETE)), (1, 1));
}

#[tokio::test]
async fn what_is_not_paid_or_not_known_cannot_be_refunded() {
    let town = Town::new();
    let (_, order) = town.paid(1800).await;
    let unknown = json!({ "out_trade_no": "UNKNOWN1", "out_refund_no": "R1", "amount": 1 });
    assert_eq!(town.post(REFUNDS, unknown, at("09:00")).await.status, 404);
    let other = Town::new();
    let unpaid = Order { state: OrderState::Requested, transaction_id: None, ..order };
    other.put(None, Some(&unpaid), None).await;
    let told = other.post(REFUNDS, wanted(&unpaid, "R1", 1), at("09:00")).await;
    assert_eq!((told.status, told.code()), (409, "order_not_paid"));
    assert!(other.wechat.asked().is_empty());
}

#[tokio::test]
async fn a_pay_and_sign_order_is_refunded_by_v3_where_that_is_configured_and_v3s_notice_books_it() {
    let town = Town::refunding_by_v3();
    let (_, order) = town.paid(1800).await;
    town.says_of_refund(V3_REFUND, &order, json!({ "status": "PROCESSING" }));
    let told = town.post(REFUNDS, wanted(&order, "R1", 800), at("09:00")).await;
    assert_eq!((told.status, told.state()), (202, "processing"), "{told:?}");
    let asked = town.wechat.asked();
    let [sent] = &asked[..] else { panic!("{asked:?}") };
    let body: Value = serde_json::from_str(&sent.body).unwrap();
    assert_eq!((sent.path.as_str(), &body["out_trade_no"]), (V3_REFUND, &order.out_trade_no.as_str().into()));
    assert_eq!(body["notify_url"], "https://refund.example.com/v3/10000100");
    let refund = town.memory.store().refunds().next().unwrap().value.clone();
    assert_eq!((refund.protocol, order.protocol), (Protocol::V3, Protocol::V2));

    let result = RefundResult::Succeeded { at: Some(at("09:05")) };
    let notice = Generator::new(9).refund_changed(&refund, &order, result, Some(at("09:05")));
    let receipt = Receipt { body: Vec::new(), body_hash: [3; 32], received_at: at("09:05"), traceparent: None };
    let recorder = Recorder::new(town.memory.ledger(), NoWait, Routing::default());
    let recorded = recorder.apply(&notice, &receipt, at("09:05"), domain::decide).await.unwrap();
    assert_eq!(recorded.label(), "applied");
    let after = row(&town, &order);
    assert_eq!((after.state, after.refunded, after.reserved), (OrderState::PartlyRefunded, Fen::new(800), Fen::ZERO));
}

#[tokio::test]
async fn a_deduction_is_refunded_by_v2_whatever_is_configured() {
    let town = Town::refunding_by_v3();
    let (contract, first) = town.paid(1800).await;
    let number = OutTradeNo::deduction(&contract.contract_code, 1, 1).unwrap();
    let deduction = Order { out_trade_no: number, kind: OrderKind::Deduction, ..first };
    town.put(None, Some(&deduction), None).await;
    let told = town.post(REFUNDS, wanted(&deduction, "R1", 800), at("09:00")).await;
    assert_eq!((told.status, town.asked(REFUND), town.asked(V3_REFUND)), (202, 1, 0), "{told:?}");
}

fn wanted(order: &Order, number: &str, amount: u64) -> Value {
    json!({ "out_trade_no": order.out_trade_no, "out_refund_no": number, "amount": amount })
}

fn row(town: &Town, order: &Order) -> Order {
    town.orders().into_iter().find(|row| row.out_trade_no == order.out_trade_no).unwrap()
}

fn says_refunded(town: &Town, order: &Order, number: &str, amount: u64) {
    town.wechat.on(
        REFUND_QUERY,
        fields(&[
            ("out_trade_no", order.out_trade_no.as_str()),
            ("transaction_id", order.transaction_id.as_ref().unwrap().as_str()),
            ("total_fee", &order.amount.to_string()),
            ("refund_count", "1"),
            ("out_refund_no_0", number),
            ("refund_id_0", "50000000001"),
            ("refund_fee_0", &amount.to_string()),
            ("refund_status_0", "SUCCESS"),
        ]),
    );
}
