//! What no notice told is found by asking: index of due checks, sweeper, work queue, worker and simulator as they run together.

use std::time::Duration;

use counterparty::Numbers;
use papay::story::Story;
use serde_json::json;

use crate::harness::{MCH_ID, Town, poll};

/// Templates of the local stack: one whose deductions WeChat announces itself, and one whose deductions we announce.
const NOTICE_24H: &str = "12535";
const PRE_NOTICE: &str = "12536";

impl Town {
    /// An order that a user pays and signs with.
    async fn ordered(&self, plan_id: &str) -> Numbers {
        let numbers = Numbers { plan_id: plan_id.to_owned(), ..self.numbers(Story::PayAndSign) };
        self.seed(Story::PayAndSign, &numbers).await;
        self.place(&numbers, plan_id).await;
        numbers
    }

    /// The refund ends, its notice is accepted, and the question that the notice asks for has its minute: the sweeper may have looked a
    /// moment before.
    pub(crate) async fn refunds(&self, out_refund_no: &str) {
        self.move_clock(Duration::from_secs(1)).await;
        let path = format!("/{MCH_ID}/notices?number={out_refund_no}");
        poll("the notice of the refund is accepted", async || {
            let notices = self.stack.simulator.control().get(&path).await.unwrap();
            notices.as_array().unwrap().iter().any(|notice| notice["state"] == "accepted")
        })
        .await;
        self.move_clock(Duration::from_secs(61)).await;
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_whose_notices_are_all_lost_is_paid_and_signed_by_questions_alone() {
    let town = Town::start().await;
    town.ask_wechat();
    town.loses("payment").await;
    town.loses("contract_add").await;
    let numbers = town.ordered(NOTICE_24H).await;
    town.wechat(&format!("/orders/{}/pay", numbers.out_trade_no), json!({ "user": "alice" })).await;
    town.move_clock(Duration::from_secs(90)).await;
    town.hear(&["papay.payment.succeeded.v1", "papay.contract.signed.v1", "papay.subscription.settled.v1"]).await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_order_that_is_too_young_to_be_closed_is_closed_by_the_worker() {
    let town = Town::start().await;
    town.ask_wechat();
    let numbers = town.ordered(NOTICE_24H).await;
    let close = format!("/orders/{}/close", numbers.out_trade_no);
    let (status, told) = town.back_end(&close, "c1", json!({})).await;
    assert_eq!((status, told["state"].as_str()), (202, Some("closing")), "{told}");
    town.move_clock(Duration::from_secs(6 * 60)).await;
    town.hear(&["papay.payment.closed.v1", "papay.subscription.settled.v1"]).await;
    let path = format!("/{MCH_ID}/orders/{}", numbers.out_trade_no);
    assert_eq!(town.stack.simulator.control().get(&path).await.unwrap()["state"], "CLOSED");
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_charges_a_user_without_money_and_gives_back_what_was_paid_with_the_contract() {
    let town = Town::start().await;
    town.ask_wechat();
    town.wait_for_the_morning().await;
    let numbers = town.ordered(NOTICE_24H).await;
    town.wechat(&format!("/orders/{}/pay", numbers.out_trade_no), json!({ "user": "alice" })).await;
    town.hear(&["papay.payment.succeeded.v1", "papay.contract.signed.v1"]).await;

    // A deduction that fails, and of which no notice comes.
    town.loses("deduction").await;
    let no_money = json!({ "deduction": { "err_code": "NOTENOUGH" } });
    town.stack.simulator.control().post("/users/alice", no_money).await.unwrap();
    let wanted =
        json!({ "contract_code": numbers.contract_code, "period": 1, "amount": 100, "description": "月度会员" });
    let (status, told) = town.back_end("/deductions", "d1", wanted.clone()).await;
    assert_eq!((status, told["state"].as_str()), (202, Some("accepted")), "{told}");
    let (status, told) = town.back_end("/deductions", "d2", wanted).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("deduction_exists")), "{told}");
    town.move_clock(Duration::from_secs(90)).await;
    town.hear(&["papay.deduction.failed.v1"]).await;

    // The first payment goes back, and the contract ends with it.
    let refund = json!({
        "out_trade_no": numbers.out_trade_no, "out_refund_no": format!("R{}", numbers.contract_code),
        "amount": numbers.total, "terminate": true,
    });
    let (status, told) = town.back_end("/refunds", "r1", refund).await;
    assert_eq!((status, told["contract_state"].as_str()), (202, Some("terminated")), "{told}");
    town.refunds(&format!("R{}", numbers.contract_code)).await;
    town.hear(&["papay.refund.succeeded.v1"]).await;
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deduction_is_announced_to_the_user_and_the_same_notice_again_is_known() {
    let town = Town::start().await;
    town.wait_for_the_morning().await;
    let numbers = town.ordered(PRE_NOTICE).await;
    town.wechat(&format!("/orders/{}/pay", numbers.out_trade_no), json!({ "user": "alice" })).await;
    town.hear(&["papay.contract.signed.v1"]).await;
    let wanted = json!({ "contract_code": numbers.contract_code, "amount": 1800 });
    let notice = |key| town.back_end("/pre-deduction-notices", key, wanted.clone());
    let (status, first) = notice("n1").await;
    assert_eq!((status, &first["sent"], &first["amount"]), (200, &json!(true), &json!(1800)), "{first}");
    for key in ["n1", "n2"] {
        assert_eq!(notice(key).await, (200, first.clone()), "{key}");
    }
    let more = json!({ "contract_code": numbers.contract_code, "amount": 1801 });
    let (status, told) = town.back_end("/pre-deduction-notices", "n1", more.clone()).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("idempotency_key_reused")));
    let (status, told) = town.back_end("/pre-deduction-notices", "n3", more).await;
    assert_eq!((status, told["code"].as_str(), told["amount"].as_u64()), (409, Some("notice_differs"), Some(1800)));
    let deduct = |amount: u64| json!({ "contract_code": numbers.contract_code, "period": 1, "amount": amount, "description": "会员" });
    let (status, told) = town.back_end("/deductions", "d1", deduct(1801)).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("more_than_noticed")), "{told}");
    let (status, told) = town.back_end("/deductions", "d2", deduct(1800)).await;
    assert_eq!((status, told["code"].as_str()), (409, Some("too_early")), "{told}");
    assert_eq!(told["first_day"], first["first_day"]);
    town.stop().await;
}
