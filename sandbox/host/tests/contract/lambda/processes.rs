//! Processes: how many there are, how long they live, and how they end.

use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::task::JoinHandle;

use super::*;
use crate::function::Gate;
use crate::takes_less_than;

#[tokio::test]
async fn an_error_or_a_panic_is_502_and_the_same_process_goes_on() {
    let (host, url) = start_one("http").await;
    let before = json(reqwest::get(&url).await.unwrap()).await["pid"].clone();
    for path in ["error", "panic"] {
        let response = reqwest::get(format!("{url}{path}")).await.unwrap();
        assert_eq!(response.status(), 502, "{path}");
        // The reason is for the log alone.
        assert_eq!(response.text().await.unwrap(), "Internal Server Error");
    }
    assert_eq!(json(reqwest::get(&url).await.unwrap()).await["pid"], before);
    assert_eq!(host.processes("f"), 1);
}

#[tokio::test]
async fn a_process_that_exits_is_502_and_the_next_call_gets_a_fresh_one() {
    let (host, url) = start_one("http").await;
    let before = json(reqwest::get(&url).await.unwrap()).await["pid"].clone();
    assert_eq!(reqwest::get(format!("{url}exit")).await.unwrap().status(), 502);
    assert_eq!(host.processes("f"), 0);
    let after = json(reqwest::get(&url).await.unwrap()).await["pid"].clone();
    assert_ne!(after, before);
}

#[tokio::test]
async fn a_process_that_is_killed_between_two_calls_is_not_noticed_by_the_caller() {
    let (_host, url) = start_one("http").await;
    let before = json(reqwest::get(&url).await.unwrap()).await["pid"].clone();
    let killed = std::process::Command::new("kill").args(["-9", &before.to_string()]).status().unwrap();
    assert!(killed.success());
    has_ended(&before).await;
    let after = json(reqwest::get(&url).await.unwrap()).await["pid"].clone();
    assert_ne!(after, before);
}

#[tokio::test]
async fn a_process_that_is_killed_in_the_middle_is_502_and_the_next_call_gets_a_fresh_one() {
    let (host, url) = start_one("http").await;
    let before = json(reqwest::get(&url).await.unwrap()).await["pid"].clone();
    let slow = format!("{url}slow");
    let caller = tokio::spawn(async move { reqwest::get(slow).await.unwrap().status() });
    wait_until("the call ends", async || {
        host.kill("f");
        caller.is_finished()
    })
    .await;
    assert_eq!(caller.await.unwrap(), 502);
    has_ended(&before).await;
    assert_ne!(json(reqwest::get(&url).await.unwrap()).await["pid"], before);
    host.kill("no such function");
}

#[tokio::test]
async fn a_deployment_lets_a_call_end_and_gives_the_next_one_a_fresh_process() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::in_folder(folder.path());
    let host = start(vec![gate.before(spec("f", "http"))]).await;
    let url = host.url("f").unwrap().to_owned();
    let hold = format!("{url}hold");
    let caller = tokio::spawn(async move { json(reqwest::get(hold).await.unwrap()).await });
    gate.reached("in", 1).await;
    host.deploy("f");
    gate.open();
    let before = caller.await.unwrap()["pid"].clone();
    assert_eq!(gate.pids("out"), std::slice::from_ref(&before));
    has_ended(&before).await;
    let after = json(reqwest::get(&url).await.unwrap()).await["pid"].clone();
    assert_ne!(after, before);
    host.deploy("f");
    has_ended(&after).await;
    assert_eq!(host.processes("f"), 0, "what was idle is gone at once");
    host.deploy("no such function");
}

#[tokio::test]
async fn a_time_out_is_502_kills_the_process_and_leaves_the_next_call_a_fresh_one() {
    let limit = Duration::from_millis(400);
    takes_less_than(3 * limit, async || {
        let folder = tempfile::tempdir().unwrap();
        let gate = Gate::in_folder(folder.path());
        let host = start(vec![FunctionSpec { timeout: limit, ..gate.before(spec("f", "http")) }]).await;
        let url = host.url("f").unwrap();
        // So that its time is not the process's start.
        let _ = reqwest::get(url).await.unwrap();
        let started = Instant::now();
        assert_eq!(reqwest::get(format!("{url}slow")).await.unwrap().status(), 502);
        let took = started.elapsed();
        assert!(took >= limit, "{took:?}");
        let killed = gate.pids("started");
        assert!(!killed.iter().any(is_alive), "{killed:?}");
        wait_until("a call is answered within the limit", async || {
            let answer = reqwest::get(url).await.unwrap();
            answer.status() == 200 && !killed.contains(&json(answer).await["pid"])
        })
        .await;
        took
    })
    .await;
}

#[tokio::test]
async fn calls_at_once_get_a_process_each_up_to_the_limit_and_the_rest_wait() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::in_folder(folder.path());
    let host = start(vec![FunctionSpec { max_concurrency: 2, ..gate.before(spec("f", "holding")) }]).await;
    let calls = at_once(&host, 5);
    gate.reached("in", 2).await;
    assert_eq!(host.processes("f"), 2);
    gate.open();
    let mut pids = std::collections::BTreeSet::new();
    for call in calls {
        pids.insert(call.await.unwrap());
    }
    assert_eq!((pids.len(), gate.pids("started").len(), gate.pids("out").len()), (2, 2, 5));
    assert_eq!(host.processes("f"), 2);
}

#[tokio::test]
async fn an_invocation_goes_on_when_its_caller_is_gone() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::in_folder(folder.path());
    // One process: the next call waits for the end of the first one.
    let host = start(vec![FunctionSpec { max_concurrency: 1, ..gate.before(spec("f", "http")) }]).await;
    let url = host.url("f").unwrap().to_owned();
    let hasty = tokio::spawn(reqwest::get(format!("{url}hold")));
    let held = gate.reached("in", 1).await;
    hasty.abort();
    assert!(hasty.await.unwrap_err().is_cancelled());
    // Time for a wrong host to notice that nobody waits any more.
    tokio::time::sleep(Duration::from_millis(200)).await;
    gate.open();
    assert_eq!(json(reqwest::get(&url).await.unwrap()).await["pid"], held[0]);
    assert_eq!((gate.pids("out"), gate.pids("started")), (held.clone(), held));
    assert_eq!(host.processes("f"), 1);
}

#[tokio::test]
async fn shutting_down_ends_every_process() {
    takes_less_than(Duration::from_secs(2), async || {
        let folder = tempfile::tempdir().unwrap();
        let gate = Gate::in_folder(folder.path());
        let host = start(vec![gate.before(spec("f", "http"))]).await;
        let url = host.url("f").unwrap().to_owned();
        // One is in the middle of an invocation, another one is idle.
        let busy = tokio::spawn(reqwest::get(format!("{url}hold")));
        let mut pids = gate.reached("in", 1).await;
        pids.push(json(reqwest::get(&url).await.unwrap()).await["pid"].clone());
        assert!(pids.iter().all(is_alive) && pids[0] != pids[1], "{pids:?}");
        let started = Instant::now();
        host.shutdown().await;
        let took = started.elapsed();
        assert_eq!(host.processes("f"), 0);
        assert!(!pids.iter().any(is_alive), "{pids:?}");
        assert!(busy.await.unwrap().is_err());
        assert!(reqwest::get(&url).await.is_err());
        took
    })
    .await;
}

#[tokio::test]
async fn idle_processes_are_stopped_but_for_the_last_one() {
    let folder = tempfile::tempdir().unwrap();
    let gate = Gate::in_folder(folder.path());
    let host = start(vec![gate.before(spec("f", "holding"))]).await;
    let calls = at_once(&host, 3);
    gate.reached("in", 3).await;
    gate.open();
    for call in calls {
        call.await.unwrap();
    }
    assert_eq!(host.processes("f"), 3);
    host.stop_idle(Duration::from_secs(3_600));
    assert_eq!(host.processes("f"), 3);
    host.stop_idle(Duration::ZERO);
    assert_eq!(host.processes("f"), 1);
    host.invoke("f", "{}").await.unwrap();
    assert_eq!((host.processes("f"), gate.pids("started").len()), (1, 3));
}

/// So many invocations, of which none waits for another one's answer.
fn at_once(host: &LambdaHost, count: usize) -> Vec<JoinHandle<Bytes>> {
    let call = |host: LambdaHost| async move { host.invoke("f", "{}").await.unwrap() };
    (0..count).map(|_| tokio::spawn(call(host.clone()))).collect()
}
