//! What the client is given opens WeChat, in every channel and for as long as the order can be paid.

use std::time::Duration;

use serde_json::json;

use super::end::PAID;
use super::scene::{SECOND, Scene};
use crate::harness::{MCH_ID, Town};
use crate::outcome::opening;

/// Each channel, what the client does, and how WeChat says that it was paid.
const CHANNELS: [(&str, &str, &str); 5] = [
    ("app", "App", "APP"),
    ("official_account", "Jsapi", "JSAPI"),
    ("mini_program", "Jsapi", "JSAPI"),
    ("native", "Native", "NATIVE"),
    ("h5", "Mweb", "MWEB"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_purchase_is_paid_in_every_channel_by_launch_parameters_that_wechat_opens() {
    let mut town = Town::start().await;
    for (channel, launch, trade_type) in CHANNELS {
        let scene = Scene::begin(town, &channel.replace('_', ""), "ebook", channel).await;
        assert_eq!(scene.begun["launch"]["type"], launch, "{}", scene.begun);
        scene.pay().await;
        scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
        scene.ends(PAID).await;
        let dump = scene.town.dump().await;
        let order = dump.state(MCH_ID, 'O', &scene.order);
        assert!(format!("{order:?}").contains(&format!("\"{trade_type}\"")), "{channel}: {order:?}");
        town = scene.town;
    }
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn after_two_hours_the_same_call_gives_a_fresh_launch_of_the_same_order() {
    let town = Town::start().await;
    let mut scene = Scene::begin(town, "alice", "coffee", "app").await;
    let old = opening(&scene.begun["launch"]);
    scene.town.move_clock(Duration::from_secs(2 * 3600 + 60)).await;
    assert_eq!(scene.try_at_wechat("/open", old).await, None, "the first prepay_id has run out");
    let (status, again) = scene.buy("coffee", "app", "purchase of alice").await;
    assert_eq!((status, again["out_trade_no"].as_str()), (200, Some(scene.order.as_str())), "{again}");
    assert_ne!(again["launch"]["params"]["prepayId"], scene.begun["launch"]["params"]["prepayId"]);
    scene.begun = again;
    scene.pay().await;
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    scene.ends(PAID).await;
    let orders = scene.town.stack.simulator.control().get(&format!("/{MCH_ID}/orders")).await.unwrap();
    assert_eq!(orders.as_array().unwrap().len(), 1, "{orders}");
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_anybody_changed_on_the_way_open_nothing() {
    let mut town = Town::start().await;
    for (channel, field) in [("app", "timeStamp"), ("app", "nonceStr"), ("mini_program", "package")] {
        let user = format!("{channel}{field}").replace('_', "");
        let scene = Scene::begin(town, &user, "ebook", channel).await;
        let mut launch = scene.begun["launch"].clone();
        assert!(launch["params"][field].is_string(), "{launch}");
        launch["params"][field] = json!("1");
        assert_eq!(scene.try_at_wechat("/open", opening(&launch)).await, None, "{channel} {field}");
        town = scene.town;
    }
    town.stop().await;
}
