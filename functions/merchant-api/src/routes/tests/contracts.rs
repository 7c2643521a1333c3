use domain::{ContractState, Order, OrderState};
use serde_json::json;

use super::town::{CLOSE, CONTRACT_QUERY, DELETE, ORDER_QUERY};
use super::*;

#[tokio::test]
async fn a_termination_is_on_record_first_and_ends_with_wechats_word() {
    let town = Town::new();
    let contract = town.signed().await;
    town.wechat.on(DELETE, fields(&[]));
    town.says_of_contract(&contract, "1", &[("contract_termination_mode", "3")]);
    let path = format!("/v1/10000100/contracts/{}/termination", contract.contract_code);
    let told = town.post(&path, json!({ "remark": "用户要求" }), at("23:00")).await;
    assert_eq!((told.status, told.state()), (200, "terminated"), "{told:?}");
    assert_eq!(told.body["termination_reason"], "merchant_api");
    let asked = town.wechat.asked();
    assert_eq!(asked.iter().map(|asked| asked.path.as_str()).collect::<Vec<_>>(), [DELETE, CONTRACT_QUERY]);
    assert_eq!(asked[0].fields["contract_termination_remark"], "用户要求");
    let again = town.post(&path, json!({}), at("23:01")).await;
    assert_eq!((again.status, again.state()), (200, "terminated"));
    assert_eq!(town.asked(DELETE), 1);
}

#[tokio::test]
async fn a_termination_that_wechat_does_not_answer_is_accepted_and_nothing_is_charged_from_there() {
    let town = Town::new();
    let contract = town.signed().await;
    town.wechat.on(DELETE, Reply::Silence);
    let path = format!("/v1/10000100/contracts/{}/termination", contract.contract_code);
    let told = town.post(&path, json!({}), at("09:00")).await;
    assert_eq!((told.status, told.state()), (202, "terminating"));
    assert!(town.contract(&contract).check.is_some(), "the worker goes on");
    let body = json!({ "contract_code": contract.contract_code, "period": 1 });
    let charge = town.post("/v1/10000100/deductions", body, at("09:01")).await;
    assert_eq!((charge.status, charge.code()), (409, "contract_ended"));
}

#[tokio::test]
async fn what_was_never_signed_cannot_be_terminated() {
    let town = Town::new();
    let mut contract = Town::new().signed().await;
    contract.state = ContractState::Pending;
    town.put(Some(&contract), None, None).await;
    let path = format!("/v1/10000100/contracts/{}/termination", contract.contract_code);
    let told = town.post(&path, json!({}), at("09:00")).await;
    assert_eq!((told.status, told.code()), (409, "contract_not_signed"));
    let wrong = town.post(&path, json!({ "remark": "a&b" }), at("09:00")).await;
    assert_eq!((wrong.status, wrong.body["field"].as_str()), (400, Some("remark")));
    assert!(town.wechat.asked().is_empty());
}

#[tokio::test]
async fn a_contract_is_told_with_its_outcome_and_asked_for_only_while_it_is_open() {
    let town = Town::new();
    let contract = town.signed().await;
    let path = format!("/v1/10000100/contracts/{}", contract.contract_code);
    let told = town.get(&path, at("09:00")).await;
    assert_eq!((told.status, told.state(), told.body["outcome"].as_str()), (200, "signed", Some("signed")));
    assert_eq!(told.body["product"], "vip-monthly");
    assert!(town.wechat.asked().is_empty());
    assert_eq!(town.get("/v1/10000100/contracts/UNKNOWN", at("09:00")).await.status, 404);
}

#[tokio::test]
async fn an_unpaid_order_is_closed_and_a_young_one_by_the_worker() {
    let town = Town::new();
    let (_, order) = town.paid(1800).await;
    let number = order.out_trade_no.to_string();
    let open = |town: &Town, created_at| {
        let order = Order {
            out_trade_no: domain::OutTradeNo::parse(&number.replace("F0", "P0009A09")).unwrap(),
            kind: domain::OrderKind::PayAndSign,
            state: OrderState::Requested,
            transaction_id: None,
            paid_at: None,
            created_at,
            ..order.clone()
        };
        let _ = town;
        order
    };
    let young = open(&town, at("09:00"));
    town.put(None, Some(&young), None).await;
    let path = format!("/v1/10000100/orders/{}/close", young.out_trade_no);
    let told = town.post(&path, json!({}), at("09:02")).await;
    assert_eq!((told.status, told.state()), (202, "closing"));
    assert_eq!(town.asked(CLOSE), 0);
    town.wechat.on(CLOSE, fields(&[]));
    town.wechat.on(ORDER_QUERY, fields(&[("trade_state", "CLOSED")]));
    let told = town.post(&path, json!({}), at("09:06")).await;
    assert_eq!((told.status, told.state()), (200, "closed"));
    let paid = town.post(&format!("/v1/10000100/orders/{number}/close"), json!({}), at("09:06")).await;
    assert_eq!((paid.status, paid.code()), (409, "order_paid"));
}
