//! Notices: their schedules by the moved clock, and their order.

use std::time::{Duration, Instant};

use serde_json::json;

use crate::bench::{Bench, HOUR, MINUTE};

const SECOND: i64 = 1_000;

/// The clock waits no longer for a notice that is on its way.
const LONGEST_PASSAGE: Duration = Duration::from_secs(5);

#[tokio::test]
async fn a_payment_notice_is_sent_again_at_the_documented_times_and_not_before() {
    let bench = Bench::start().await;
    bench.sink.refuse(true);
    bench.call("/pay/contractorder", &bench.order("A1")).await;
    bench.act("/orders/A1F000/pay", json!({ "sign": false })).await;
    bench.sink.wait("/payment", 1).await;
    let pauses =
        [15 * SECOND, 15 * SECOND, 30 * SECOND, 3 * MINUTE, 10 * MINUTE, 20 * MINUTE, 30 * MINUTE, 30 * MINUTE];
    for (at, pause) in pauses.into_iter().enumerate() {
        bench.pass(pause - 1);
        bench.sink.wait("/payment", at + 1).await;
        bench.pass(1);
        bench.sink.wait("/payment", at + 2).await;
    }
    bench.sink.refuse(false);
    bench.pass(HOUR);
    let before = pauses.len() + 1;
    bench.sink.wait("/payment", before + 1).await;
    bench.pass(24 * HOUR);
    bench.sink.wait("/payment", before + 1).await;
    let first = bench.sink.at("/payment").remove(0);
    assert!(bench.sink.at("/payment").iter().all(|body| *body == first), "the same bytes each time");
}

#[tokio::test]
async fn each_kind_is_given_up_after_its_own_number_of_deliveries() {
    let bench = Bench::start().await;
    bench.sink.refuse(true);
    bench.call("/pay/contractorder", &bench.order("B1")).await;
    bench.act("/orders/B1F000/pay", json!({})).await;
    bench.pass(2 * HOUR);
    bench.sink.wait("/signing", 30).await;
    bench.pass(24 * HOUR);
    bench.sink.wait("/payment", 16).await;
    bench.sink.wait("/signing", 30).await;
    let notices = bench.row("/notices?number=B1F000").await;
    for notice in notices.as_array().unwrap() {
        assert_eq!((&notice["state"], &notice["next_at_ms"]), (&json!("given_up"), &json!(null)));
    }
}

#[tokio::test]
async fn either_notice_can_be_the_first_and_the_other_waits_for_its_acceptance() {
    let bench = Bench::start().await;
    for (at, (first, expected)) in
        [("contract", ["/signing", "/payment"]), ("payment", ["/payment", "/signing"])].into_iter().enumerate()
    {
        let number = format!("C{at}");
        bench.call("/pay/contractorder", &bench.order(&number)).await;
        bench.act(&format!("/orders/{number}F000/pay"), json!({ "first": first })).await;
        bench.sink.wait("/payment", at + 1).await;
        bench.sink.wait("/signing", at + 1).await;
        assert_eq!(bench.sink.order()[2 * at..], expected);
    }
}

#[tokio::test]
async fn a_notice_never_leaves_this_machine() {
    let bench = Bench::start().await;
    let order = bench.order("D1").with("notify_url", "http://papay.example/payment");
    bench.call("/pay/contractorder", &order).await;
    bench.act("/orders/D1F000/pay", json!({ "sign": false })).await;
    let notices = bench.row_when("/notices?number=D1F000", |notices| notices[0]["deliveries"][0].is_object()).await;
    assert_eq!(notices[0]["deliveries"][0]["fault"], "not a loopback address");
}

#[tokio::test]
async fn the_clock_leaps_under_no_notice_that_is_on_its_way() {
    let bench = Bench::start().await;
    // Where the machine held up all of it for longer than the clock waits, nothing is shown: it is done again.
    for number in (0..10).map(|at| format!("L1{at}")) {
        bench.sink.hold(true);
        let arrived = bench.sink.at("/payment").len();
        bench.call("/pay/contractorder", &bench.order(&number)).await;
        bench.act(&format!("/orders/{number}F000/pay"), json!({ "sign": false })).await;
        let path = format!("/notices?number={number}F000");
        bench.sink.arrived("/payment", arrived + 1).await;
        let (before, control, started) = (bench.clock.now_ms(), bench.control.clone(), Instant::now());
        let moved = tokio::spawn(async move { control.post("/clock", json!({ "advance_ms": HOUR })).await.unwrap() });
        tokio::time::sleep(Duration::from_millis(300)).await;
        let (now, has_moved) = (bench.clock.now_ms(), moved.is_finished());
        bench.sink.hold(false);
        moved.await.unwrap();
        let notices = bench.row(&path).await;
        if started.elapsed() < LONGEST_PASSAGE {
            assert_eq!((now, has_moved), (before, false), "the notice is not answered yet");
            assert_eq!((&notices[0]["kind"], &notices[0]["state"]), (&json!("payment"), &json!("accepted")));
            assert_eq!(bench.clock.now_ms(), before + HOUR);
            return;
        }
    }
    panic!("each time it took longer than the clock waits");
}

#[tokio::test]
async fn a_notice_that_is_long_on_its_way_does_not_stop_the_clock() {
    let bench = Bench::start().await;
    let fault = json!({ "on": "notice", "kind": "payment", "fault": { "slow": { "ms": 60_000 } } });
    bench.control.post("/faults", fault).await.unwrap();
    bench.call("/pay/contractorder", &bench.order("L2")).await;
    bench.act("/orders/L2F000/pay", json!({ "sign": false })).await;
    let before = bench.clock.now_ms();
    let advance = json!({ "advance_ms": HOUR });
    let moved = tokio::time::timeout(Duration::from_secs(30), bench.control.post("/clock", advance)).await;
    moved.expect("the notice takes a minute").unwrap();
    assert_eq!(bench.clock.now_ms(), before + HOUR);
}
