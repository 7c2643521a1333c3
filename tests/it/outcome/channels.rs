//! A subscription is paid and signed in every channel, with launch parameters that WeChat opens as the client hands them over.

use std::time::Duration;

use serde_json::json;

use super::rows::ACTIVE;
use super::scene::Scene;
use crate::harness::Town;

/// Each channel, what the client does, and how WeChat says that it was paid.
const CHANNELS: [(&str, &str, &str); 5] = [
    ("app", "App", "APP"),
    ("official_account", "Jsapi", "JSAPI"),
    ("mini_program", "Jsapi", "JSAPI"),
    ("native", "Native", "NATIVE"),
    ("h5", "Mweb", "MWEB"),
];

#[tokio::test(flavor = "multi_thread")]
async fn a_subscription_is_paid_and_signed_in_every_channel() {
    let mut town = Town::start().await;
    for (channel, launch, trade_type) in CHANNELS {
        let user = channel.replace('_', "");
        let scene = Scene::begin_in(town, &user, "/subscriptions", channel).await;
        assert_eq!(scene.begun["launch"]["type"], launch, "{}", scene.begun);
        scene.pay(json!({ "user": format!("wx-{user}") })).await;
        let scene = scene.ends(ACTIVE, Duration::from_secs(6)).await;
        let dump = scene.town.dump().await;
        let order = dump.state(crate::harness::MCH_ID, 'O', &scene.order);
        assert!(format!("{order:?}").contains(&format!("\"{trade_type}\"")), "{channel}: {order:?}");
        town = scene.town;
    }
    town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn parameters_that_anybody_changed_on_the_way_open_nothing() {
    let mut town = Town::start().await;
    for (channel, field, other) in [
        ("app", "prepayid", "wx20260301100000000000000000000000"),
        ("app", "timestamp", "1"),
        ("mini_program", "package", "prepay_id=wx20260301100000000000000000000000"),
        ("official_account", "nonceStr", "another"),
    ] {
        let user = format!("{channel}{field}").replace('_', "");
        let mut scene = Scene::begin_in(town, &user, "/subscriptions", channel).await;
        scene.begun["launch"]["params"][field] = json!(other);
        let opening = if channel == "app" { "app" } else { "jsapi" };
        let opening = json!({ opening: scene.begun["launch"]["params"] });
        assert!(scene.town.stack.simulator.control().post("/open", opening).await.is_err(), "{channel} {field}");
        town = scene.town;
    }
    town.stop().await;
}
