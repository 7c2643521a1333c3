//! Notices that are not as they should be.

use std::time::Duration;

use serde_json::json;

use super::end::PAID;
use super::scene::{SECOND, Scene};

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_that_nobody_signed_books_nothing_and_wechats_next_one_does() {
    let scene = Scene::of_a_book().await;
    scene.notices_meet("payment", json!("wrong_signature"), 1).await;
    scene.pay().await;
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    scene.hears_every_notice(&scene.order, Duration::from_secs(15)).await;
    let first = scene.notices(&scene.order).await[0]["deliveries"][0].clone();
    assert_eq!(first["status"], 401, "{first}");
    scene.ends(PAID).await;
    scene.stop().await;
}
