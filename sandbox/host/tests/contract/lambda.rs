//! The Lambda host, through the real Lambda runtime.

mod processes;
mod url;

use std::sync::{Arc, Mutex};

use host::lambda::{Endpoints, FunctionSpec, InvokeError, LambdaHost, LogSink};
use reqwest::Client;
use serde_json::Value;

use crate::function::spec;
use crate::wait_until;

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

pub(crate) async fn has_ended(pid: &Value) {
    wait_until(&format!("process {pid} ends"), async || !is_alive(pid)).await;
}

/// Whether a process runs: it is neither gone nor a zombie without threads.
fn is_alive(pid: &Value) -> bool {
    let is_zombie = |stat: String| stat.contains(") Z ");
    let threads = || std::fs::read_dir(format!("/proc/{pid}/task")).map_or(0, Iterator::count);
    std::fs::read_to_string(format!("/proc/{pid}/stat")).is_ok_and(|stat| !is_zombie(stat) || threads() > 1)
}
