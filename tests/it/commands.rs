//! The commands as a user meets them in a terminal.

use std::process::Output;

use counterparty::fixtures;
use papay::stack::tables;

use crate::harness::{Dev, Dump, papay, poll};

#[test]
fn without_a_stack_each_command_says_how_to_start_one() {
    let folder = tempfile::tempdir().unwrap();
    for args in [&["trigger", "payment-v2"][..], &["events"], &["show", "X"], &["clock", "+1h"]] {
        let output = papay(folder.path(), args);
        assert_eq!(output.status.code(), Some(1), "{args:?}");
        assert!(stderr(&output).contains("cargo run -- dev"), "{args:?}: {}", stderr(&output));
    }
}

#[test]
fn a_wrong_name_is_answered_with_the_near_ones() {
    let folder = tempfile::tempdir().unwrap();
    let output = papay(folder.path(), &["trigger", "paymnt-v2"]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("payment-v2"), "{}", stderr(&output));
    assert!(stderr(&output).contains("--list"), "{}", stderr(&output));
}

#[test]
fn the_list_names_every_notification() {
    let folder = tempfile::tempdir().unwrap();
    let list = stdout(&papay(folder.path(), &["trigger", "--list"]));
    for fixture in fixtures::all() {
        let line = list.lines().find(|line| line.split_whitespace().next() == Some(fixture.name));
        assert!(line.is_some_and(|line| line.contains(fixture.description)), "{}", fixture.name);
    }
}

#[test]
fn a_second_stack_and_a_taken_port_are_refused_with_the_way_out() {
    let (folder, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let dev = Dev::start(folder.path());
    let second = dev.papay(&["dev", "--ports", "0"]);
    assert_eq!(second.status.code(), Some(1));
    assert!(stderr(&second).contains("in use"), "{}", stderr(&second));
    assert!(stderr(&second).contains("--data"), "{}", stderr(&second));
    let taken: u16 = dev.running().dynamodb.rsplit(':').next().unwrap().parse().unwrap();
    let port_taken = papay(other.path(), &["dev", "--ports", &(taken - 1).to_string()]);
    assert_eq!(port_taken.status.code(), Some(1));
    assert!(stderr(&port_taken).contains(&format!("port {taken} is in use")), "{}", stderr(&port_taken));
    assert!(stderr(&port_taken).contains("--ports"), "{}", stderr(&port_taken));
}

#[test]
fn a_wrong_configuration_stops_with_its_field() {
    let folder = tempfile::tempdir().unwrap();
    let config = folder.path().join("papay.toml");
    std::fs::write(&config, "merchants = []\nconsumers = []\n").unwrap();
    let output = papay(folder.path(), &["dev", "--ports", "0", "--config", &config.to_string_lossy()]);
    assert_eq!(output.status.code(), Some(1));
    assert!(stderr(&output).contains("merchants: at least one is needed"), "{}", stderr(&output));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_story_of_a_subscription_can_be_told_command_by_command() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path());
    let paid = dev.papay(&["trigger", "payment-v2", "--seed"]);
    assert!(paid.status.success(), "{}", stdout(&paid));
    assert!(stdout(&paid).contains("WeChat sees 200 after "), "{}", stdout(&paid));
    let added = dev.papay(&["trigger", "contract-add"]);
    assert!(added.status.success(), "about the same subscription: {}", stdout(&added));

    let database = dev.running().clients().unwrap().dynamodb;
    let drained = async || Dump::of(&database, &tables::names()).await.pending().is_empty();
    poll("the relay has published", drained).await;
    let peeked = stdout(&dev.papay(&["events", "--peek"]));
    let received = stdout(&dev.papay(&["events"]));
    assert_eq!(types(&peeked), types(&received), "a peek takes nothing");
    let expected = ["payment.succeeded", "contract.signed", "subscription.settled"];
    assert_eq!(types(&received), expected.map(|name| format!("papay.{name}.v1")));
    assert_eq!(types(&stdout(&dev.papay(&["events", "--consumer", "ledger"]))), ["papay.payment.succeeded.v1"]);
    assert_eq!(stdout(&dev.papay(&["events"])), "");

    let code = std::fs::read_to_string(folder.path().join("last-seeded")).unwrap();
    let by_contract = stdout(&dev.papay(&["show", &code]));
    let by_order = stdout(&dev.papay(&["show", &format!("{code}F0")]));
    assert_eq!(by_contract, by_order, "one story, whatever it is asked by");
    for part in [r#""state":"signed""#, r#""state":"paid""#, r#""outcome":"applied""#, "papay.contract.signed.v1"] {
        assert!(by_contract.contains(part), "{part}: {by_contract}");
    }
    assert!(!by_contract.contains("onqOjjmM1tad"), "the user is nobody's business: {by_contract}");

    let asked = dev.papay(&["trigger", "deduction-failure", "--seed"]);
    assert!(asked.status.success());
    assert!(stdout(&asked).contains("due check"), "{}", stdout(&asked));
    assert!(stdout(&asked).contains("no event follows"), "{}", stdout(&asked));
}

#[test]
fn the_exit_code_tells_whether_the_outcome_was_the_one_that_is_owed() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path());
    for wrong in ["altered", "stale", "from-the-future", "signtest", "oversized", "hostile-xml", "doubled-header"] {
        let output = dev.papay(&["trigger", wrong, "--seed"]);
        assert_eq!(output.status.code(), Some(0), "refused, as it should be: {}", stdout(&output));
        assert!(stdout(&output).contains("As expected: failure"), "{}", stdout(&output));
    }
    let unknown = dev.papay(&["trigger", "payment-v3", "--contract-code", "01M8000000000000NONE"]);
    assert_eq!(unknown.status.code(), Some(1), "no such order");
    assert!(stdout(&unknown).contains("--seed"), "{}", stdout(&unknown));
    let seeded_late = dev.papay(&["trigger", "payment-v3", "--contract-code", "01M8000000000000NONE", "--seed"]);
    assert_eq!(seeded_late.status.code(), Some(0));
    assert!(stdout(&seeded_late).contains("is now: applied"), "what was held is decided: {}", stdout(&seeded_late));
    let twice = dev.papay(&["trigger", "payment-v2", "--seed", "--repeat", "3"]);
    assert_eq!(stdout(&twice).matches("WeChat sees 200").count(), 3, "{}", stdout(&twice));
    let other = dev.papay(&["trigger", "payment-v2", "--seed", "--mch-id", "10000200"]);
    assert!(other.status.success(), "{}", stdout(&other));
    let nobody = dev.papay(&["trigger", "payment-v2", "--mch-id", "1"]);
    assert!(stderr(&nobody).contains("merchant 1 is not configured"), "{}", stderr(&nobody));
}

#[test]
fn the_clock_moves_for_the_functions_too() {
    let folder = tempfile::tempdir().unwrap();
    let dev = Dev::start(folder.path());
    assert!(dev.papay(&["trigger", "payment-v3", "--seed"]).status.success());
    let moved = stdout(&dev.papay(&["clock", "+2d"]));
    assert!(moved.contains("moved by"), "{moved}");
    // Signed by WeChat two days later: fresh only for a function whose clock moved, too.
    let later = dev.papay(&["trigger", "payment-v3", "--seed"]);
    assert!(later.status.success(), "{}", stdout(&later));
    let reset = stdout(&dev.papay(&["clock", "reset"]));
    assert!(reset.contains("the system's time"), "{reset}");
    let wrong = dev.papay(&["clock", "tomorrow"]);
    assert!(stderr(&wrong).contains("+2h"), "{}", stderr(&wrong));
}

fn types(lines: &str) -> Vec<String> {
    let event = |line: &str| serde_json::from_str::<serde_json::Value>(line).unwrap();
    lines.lines().map(|line| event(line)["type"].as_str().unwrap().to_owned()).collect()
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

fn stderr(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}
