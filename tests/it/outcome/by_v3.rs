//! The first payment of a subscription, which APIv2 made, given back by APIv3: for merchants that are configured so.

use serde_json::json;

use super::rows::{ACTIVE, SECONDS};
use super::scene::{End, Scene};
use crate::harness::{MCH_ID, Town, attribute};

#[tokio::test(flavor = "multi_thread")]
async fn a_first_payment_is_given_back_by_v3_and_its_notice_books_it() {
    let town = Town::start_with(vec![("PAPAY_REFUNDS_BY_V3".to_owned(), MCH_ID.to_owned())]).await;
    let scene = Scene::begin(town, "alice", "vip-monthly").await;
    scene.pay(json!({ "user": "wx-alice" })).await;
    scene.comes_to("active", SECONDS).await;
    let refund = json!({ "out_trade_no": scene.order, "out_refund_no": "all", "amount": 1800 });
    let (status, told) = scene.back_end("/refunds", "all", &refund).await;
    assert_eq!(status, 202, "{told}");
    scene.is_paid_as("refunded", SECONDS).await;
    let notices = scene.town.stack.simulator.control().get(&format!("/{MCH_ID}/notices?number=all")).await.unwrap();
    let [notice] = &notices.as_array().unwrap()[..] else { panic!("{notices}") };
    assert_eq!((&notice["protocol"], &notice["state"]), (&json!("v3"), &json!("accepted")), "{notice}");
    assert_eq!(attribute(scene.town.dump().await.state(MCH_ID, 'R', "all"), "state"), "succeeded");
    let end = End {
        outcome: "refunded",
        payment: "refunded",
        trade_state: "REFUND",
        events: &[
            "contract.signed",
            "payment.succeeded",
            "refund.succeeded",
            "subscription.settled",
            "subscription.settled",
        ],
        ..ACTIVE
    };
    let scene = scene.ends(end, SECONDS).await;
    let refunded = scene.told("refund.succeeded");
    assert_eq!(refunded["cause"], "callback", "nobody had to ask: {refunded}");
    scene.stop().await;
}
