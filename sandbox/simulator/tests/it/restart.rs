//! What a restart keeps.

use host::Store;
use host::clock::Clock;
use serde_json::{Value, json};

use crate::bench::{Bench, MONDAY_AT_TEN};

#[tokio::test]
async fn a_restart_keeps_orders_contracts_and_the_notices_that_are_on_their_way() {
    let data = tempfile::tempdir().unwrap();
    let store = || Store::Folder(data.path().to_owned());
    let clock = Clock::standing_at(MONDAY_AT_TEN);
    let before = Bench::start_on(store(), clock.clone()).await;
    let order = before.order("A1");
    before.call("/pay/contractorder", &order).await;
    before.control.post("/faults", json!({ "on": "notice", "times": 9, "fault": "lost" })).await.unwrap();
    before.act("/orders/A1F000/pay", json!({ "user": "alice" })).await;
    let is_lost = |notice: &Value| notice["deliveries"][0]["fault"] == "lost";
    before.row_when("/notices", |notices| notices.as_array().unwrap().iter().any(is_lost)).await;
    let (mut sink, simulator) = (before.sink, before.simulator);
    simulator.shutdown().await;

    let after = Bench::start_on(store(), clock).await;
    assert_eq!(after.trade_state("/pay/orderquery", "A1F000").await, "SUCCESS");
    assert_eq!(after.contract_state("A1", "12535").await, "0");
    sink.sender = after.control.clone();
    after.pass(15_000);
    sink.wait("/payment", 1).await;
    sink.wait("/signing", 1).await;
    after.call("/pay/contractorder", &after.order("A2")).await;
    let paid = after.act("/orders/A2F000/pay", json!({ "user": "alice" })).await;
    assert_eq!(paid["not_signed"], "already_signed");
}
