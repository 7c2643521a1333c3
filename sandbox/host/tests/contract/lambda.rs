//! The Lambda host, through the real Lambda runtime.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use bytes::Bytes;
use host::lambda::{Endpoints, FunctionSpec, InvokeError, LambdaHost, LogSink};
use reqwest::Client;
use serde_json::Value;
use tokio::task::JoinHandle;

use crate::function::{Gate, TIMEOUT, spec};
use crate::{takes_less_than, wait_until};

async fn start(functions: Vec<FunctionSpec>) -> LambdaHost {
    LambdaHost::start(functions, &Endpoints::default(), LogSink::discard()).await.unwrap()
}

async fn start_one(behaviour: &str) -> (LambdaHost, String) {
    let host = start(vec![spec("f", behaviour)]).await;
    let url = host.url("f").unwrap().to_owned();
    (host, url)
}

async fn json(response: reqwest::Response) -> Value {
    serde_json::from_slice(&response.bytes().await.unwrap()).unwrap()
}

#[tokio::test]
async fn a_function_url_event_has_payload_format_2_0() {
    let (_host, url) = start_one("event").await;
    let request = Client::new()
        .post(format!("{url}v3/10000100?b=2&a=1&a=%E4%BA%8C"))
        .header("Content-Type", "application/json")
        .header("Wechatpay-Serial", "one")
        .header("Wechatpay-Serial", "two")
        .header("Cookie", "x=1; y=2")
        .header("User-Agent", "Mozilla/4.0")
        .header("Host", "callbacks.example.com:8443")
        .body("{\"id\":\"中\"}");
    let before = real_now_ms();
    let seen = json(request.send().await.unwrap()).await;
    let while_it_ran = before..=real_now_ms();
    let event = &seen["event"];
    assert_eq!(event["version"], "2.0");
    assert_eq!(event["routeKey"], "$default");
    assert_eq!(event["rawPath"], "/v3/10000100");
    assert_eq!(event["rawQueryString"], "b=2&a=1&a=%E4%BA%8C");
    assert_eq!(event["queryStringParameters"], serde_json::json!({ "a": "1,二", "b": "2" }));
    assert_eq!(event["cookies"], serde_json::json!(["x=1", "y=2"]));
    assert_eq!(event["headers"]["wechatpay-serial"], "one,two");
    assert_eq!(event["headers"]["content-length"], "12");
    assert!(event["headers"].get("cookie").is_none());
    assert!(event["headers"].as_object().unwrap().keys().all(|name| *name == name.to_lowercase()));
    assert_eq!(event["body"], "{\"id\":\"中\"}");
    assert_eq!(event["isBase64Encoded"], false);
    let context = &event["requestContext"];
    assert_eq!(context["http"]["method"], "POST");
    assert_eq!(context["http"]["path"], "/v3/10000100");
    assert_eq!(context["http"]["protocol"], "HTTP/1.1");
    assert_eq!(context["http"]["sourceIp"], "127.0.0.1");
    assert_eq!(context["http"]["userAgent"], "Mozilla/4.0");
    assert_eq!(context["domainName"], "callbacks.example.com");
    assert_eq!(context["stage"], "$default");
    assert!(context["requestId"].as_str().unwrap().len() == 36);
    assert!(context["time"].as_str().unwrap().ends_with(" +0000"));
    let epoch = context["timeEpoch"].as_i64().unwrap();
    assert!(while_it_ran.contains(&epoch), "{while_it_ran:?} {epoch}");
    let deadline = seen["context"]["deadline"].as_i64().unwrap();
    assert!(while_it_ran.contains(&(deadline - TIMEOUT.as_millis() as i64)), "{while_it_ran:?} {deadline}");
    assert_eq!(seen["context"]["arn"], "arn:aws:lambda:us-east-1:000000000000:function:f");
}

#[tokio::test]
async fn the_bytes_of_a_body_reach_the_function_whatever_its_content_type() {
    let (_host, url) = start_one("http").await;
    let xml = "<xml><a>中</a></xml>".as_bytes();
    let bytes = serde_json::json!(xml);
    for (content_type, kind) in [
        (Some("text/xml"), "text"),
        (Some("application/json; charset=utf-8"), "text"),
        (Some("application/xml"), "text"),
        (Some("application/x-www-form-urlencoded"), "binary"),
        (Some("application/octet-stream"), "binary"),
        (None, "binary"),
    ] {
        let mut request = Client::new().post(format!("{url}v2/10000100")).body(xml);
        if let Some(content_type) = content_type {
            request = request.header("Content-Type", content_type);
        }
        let seen = json(request.send().await.unwrap()).await;
        assert_eq!((&seen["body"], &seen["bytes"]), (&kind.into(), &bytes), "{content_type:?}");
    }
    let seen = json(Client::new().get(&url).send().await.unwrap()).await;
    assert_eq!((&seen["method"], &seen["body"]), (&"GET".into(), &"empty".into()));
}

#[tokio::test]
async fn repeated_headers_and_cookies_reach_the_function() {
    let (_host, url) = start_one("http").await;
    let request = Client::new().post(format!("{url}a/b?c=d%20e"));
    let request = request.header("Wechatpay-Serial", "one").header("Wechatpay-Serial", "two").header("Cookie", "x=1");
    let seen = json(request.send().await.unwrap()).await;
    assert_eq!(seen["serial"], serde_json::json!(["one,two"]));
    assert_eq!(seen["cookie"], serde_json::json!(["x=1"]));
    assert_eq!((&seen["path"], &seen["query"]), (&"/a/b".into(), &"c=d%20e".into()));
}

#[tokio::test]
async fn a_binary_answer_with_cookies_arrives_as_it_was_sent() {
    let (_host, url) = start_one("http").await;
    let response = reqwest::get(format!("{url}binary")).await.unwrap();
    assert_eq!(response.status(), 201);
    assert_eq!(response.headers()["content-type"], "application/octet-stream");
    let cookies: Vec<_> = response.headers().get_all("set-cookie").iter().collect();
    assert_eq!(cookies, ["a=1", "b=2"]);
    assert_eq!(response.bytes().await.unwrap().as_ref(), [0xff, 0x00, 0xfe]);
}

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
async fn a_function_that_cannot_start_is_502_and_says_why_in_its_log() {
    let lines = Arc::new(Mutex::new(Vec::new()));
    let sink = lines.clone();
    let log = LogSink::new(move |function, line| sink.lock().unwrap().push(format!("{function}: {line}")));
    let missing = FunctionSpec { url_port: Some(0), ..FunctionSpec::new("missing", "/nonexistent/bootstrap") };
    let host = LambdaHost::start(vec![spec("f", "no-init"), missing], &Endpoints::default(), log).await.unwrap();
    assert_eq!(reqwest::get(host.url("f").unwrap()).await.unwrap().status(), 502);
    assert_eq!(reqwest::get(host.url("missing").unwrap()).await.unwrap().status(), 502);
    for line in [
        "f: [host] f did not start: exit status",
        "the table name is missing",
        "missing did not start: /nonexistent/bootstrap: No such file",
    ] {
        wait_until(line, async || lines.lock().unwrap().join("\n").contains(line)).await;
    }
}

#[tokio::test]
async fn a_body_over_six_megabytes_is_413_and_an_answer_over_it_502() {
    let (_host, url) = start_one("http").await;
    let six_mb = 6 * 1024 * 1024;
    let post = |body: Vec<u8>| {
        Client::new().post(format!("{url}binary")).header("Content-Type", "text/plain").body(body).send()
    };
    assert_eq!(post(vec![b'x'; six_mb + 1]).await.unwrap().status(), 413);
    // The event around the body counts.
    assert_eq!(post(vec![b'x'; six_mb - 100]).await.unwrap().status(), 413);
    assert_eq!(post(vec![b'x'; 5 * 1024 * 1024]).await.unwrap().status(), 201);
    assert_eq!(reqwest::get(format!("{url}huge")).await.unwrap().status(), 502);
}

#[tokio::test]
async fn a_function_sees_lambdas_variables_and_nothing_of_the_developers_environment() {
    let (_host, url) = start_one("http").await;
    let seen = json(reqwest::get(&url).await.unwrap()).await;
    assert_eq!(seen["clean"], true);
    assert_eq!(seen["region"], "us-east-1");
}

#[tokio::test]
async fn an_invocation_without_a_url_reports_what_went_wrong() {
    let host = start(vec![spec("f", "scripted")]).await;
    // `RECORD` is missing: the handler panics.
    let failed = host.invoke("f", "{}").await.unwrap_err();
    assert!(matches!(failed, InvokeError::Failed { .. }), "{failed}");
    let none = host.invoke("g", "{}").await.unwrap_err();
    assert!(matches!(none, InvokeError::NoSuchFunction(_)), "{none}");
    let large = host.invoke("f", vec![b' '; host::lambda::PAYLOAD_LIMIT + 1]).await.unwrap_err();
    assert!(matches!(large, InvokeError::PayloadTooLarge { .. }), "{large}");
}

#[tokio::test]
async fn the_output_of_a_process_is_in_the_log_file_of_its_function() {
    let folder = tempfile::tempdir().unwrap();
    let log = LogSink::files_in(folder.path());
    let host = LambdaHost::start(vec![spec("f", "event")], &Endpoints::default(), log).await.unwrap();
    host.invoke("f", "{}").await.unwrap();
    host.shutdown().await;
    let text = async || std::fs::read_to_string(folder.path().join("f.log")).unwrap_or_default();
    wait_until("its line is in the file", async || text().await.contains("a line for the log\n")).await;
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

#[tokio::test]
async fn a_taken_url_port_is_named() {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let port = taken.local_addr().unwrap().port();
    let function = FunctionSpec { url_port: Some(port), ..spec("f", "http") };
    let error = LambdaHost::start(vec![function], &Endpoints::default(), LogSink::discard()).await.err().unwrap();
    assert!(error.to_string().starts_with(&format!("port {port} is in use: ")), "{error}");
}

/// So many invocations, of which none waits for another one's answer.
fn at_once(host: &LambdaHost, count: usize) -> Vec<JoinHandle<Bytes>> {
    let call = |host: LambdaHost| async move { host.invoke("f", "{}").await.unwrap() };
    (0..count).map(|_| tokio::spawn(call(host.clone()))).collect()
}

fn real_now_ms() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis() as i64
}

pub(crate) async fn has_ended(pid: &Value) {
    wait_until(&format!("process {pid} ends"), async || !is_alive(pid)).await;
}

/// Whether a process runs: it is neither gone nor a zombie without threads.
fn is_alive(pid: &Value) -> bool {
    let is_zombie = |stat: String| stat.contains(") Z ");
    let threads = || std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !is_zombie(stat) || threads() > 1)
}
