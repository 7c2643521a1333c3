//! A key of before stays as long as WeChat may use it.

use serde_json::json;

use super::desk::{Desk, fine, refused};
use crate::harness::MCH_ID;

#[test]
fn a_key_of_before_stays_for_25_hours_unless_it_must_go_now() {
    let desk = Desk::open();
    let third = desk.path("third.txt");
    let at = |args: &[&str]| desk.keys(&[args, &["--mch-id", MCH_ID]].concat());
    fine(&at(&["rotate", "api-v2", "--key-file", &third]));
    let too_early = || {
        let early = refused(&at(&["retire", "api-v2"]));
        assert!(early.contains("too early: until ") && early.contains("wait; or, after a leak, --now"), "{early}");
        assert_eq!(desk.shown(MCH_ID)["api_v2_key"], json!({ "has_previous": true }), "it is still there");
    };
    too_early();
    desk.wait("24h");
    desk.wait("50m");
    too_early();
    // Another change, of another key, a minute before the time is over.
    let v3 = desk.path("v3.txt");
    fine(&at(&["rotate", "api-v3", "--key-file", &v3]));
    desk.wait("11m");
    let retired = fine(&at(&["retire", "api-v2"]));
    assert!(!retired.contains("refused"), "{retired}");
    assert!(retired.contains("WeChat must have changed over 25 hours ago, too"), "the store does not know: {retired}");
    let early = refused(&at(&["retire", "api-v3"]));
    assert!(early.contains("too early: until "), "each key has its own time: {early}");
    let now = fine(&at(&["retire", "api-v3", "--now"]));
    assert!(now.contains("WeChat may send notices") && now.contains("they are refused from now on"), "{now}");
    assert_eq!(desk.shown(MCH_ID)["api_v3_key"], json!({ "has_previous": false }));
}
