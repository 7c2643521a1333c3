//! The whole stack: isolation, restarts, kills.

use std::io::BufRead;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use host::lambda::LogSink;
use host::{Stack, StackConfig, Store};
use serde_json::Value;

use crate::function::spec;
use crate::lambda::is_alive;
use crate::{clients, dynamodb};

#[tokio::test]
async fn eight_stacks_in_one_process_do_not_meet() {
    let mut stacks = Vec::new();
    for _ in 0..8 {
        let mut stack = Stack::start(StackConfig::default()).await.unwrap();
        stack.run(vec![spec("f", "http")], vec![], LogSink::discard()).await.unwrap();
        stacks.push(stack);
    }
    dynamodb::create_table(&clients::dynamodb(&stacks[0].dynamodb.endpoint())).await;
    clients::sqs(&stacks[0].sqs.endpoint()).create_queue().queue_name("q").send().await.unwrap();
    for (n, stack) in stacks.iter().enumerate() {
        let tables = clients::dynamodb(&stack.dynamodb.endpoint()).list_tables().send().await.unwrap();
        let queues = clients::sqs(&stack.sqs.endpoint()).list_queues().send().await.unwrap();
        assert_eq!((tables.table_names().len(), queues.queue_urls().len()), if n == 0 { (1, 1) } else { (0, 0) });
        let url = stack.lambda().unwrap().url("f").unwrap().to_owned();
        assert_eq!(reqwest::get(url).await.unwrap().status(), 200);
    }
    for stack in stacks {
        stack.shutdown().await;
    }
}

#[tokio::test]
async fn a_stack_starts_again_on_the_same_ports_with_its_data() {
    let folder = tempfile::tempdir().unwrap();
    let mut ports = (0, 0, 0);
    for round in 0..2 {
        let config = StackConfig {
            store: Store::Folder(folder.path().to_owned()),
            dynamodb_port: ports.0,
            sqs_port: ports.1,
            secrets_port: ports.2,
            ..StackConfig::default()
        };
        let stack = Stack::start(config).await.unwrap();
        let port = |endpoint: &str| endpoint.rsplit(':').next().unwrap().parse().unwrap();
        ports = (port(&stack.dynamodb.endpoint()), port(&stack.sqs.endpoint()), port(&stack.secrets.endpoint()));
        let client = clients::dynamodb(&stack.dynamodb.endpoint());
        if round == 0 {
            dynamodb::create_table(&client).await;
            stack.clock.set_offset_ms(5_000).unwrap();
        }
        assert_eq!(client.list_tables().send().await.unwrap().table_names(), ["outbox"]);
        assert_eq!(stack.clock.offset_ms(), 5_000);
        stack.shutdown().await;
    }
}

#[tokio::test]
async fn a_function_process_ends_soon_after_its_host_is_killed() {
    let mut host = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "stacks::serve", "--ignored", "--nocapture"])
        .env("SERVE_STACK", "1")
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut lines = std::io::BufReader::new(host.stdout.take().unwrap()).lines().map_while(Result::ok);
    let url = lines.find_map(|line| Some(line.split_once("listens at ")?.1.to_owned())).unwrap();
    let mut pids: Vec<Value> = Vec::new();
    // One is idle when the host dies, one in the middle of an invocation.
    let idle = reqwest::get(&url).await.unwrap().bytes().await.unwrap();
    let busy = tokio::spawn(reqwest::get(format!("{url}pause")));
    tokio::time::sleep(Duration::from_millis(50)).await;
    let second = reqwest::get(&url).await.unwrap().bytes().await.unwrap();
    for answer in [idle, second] {
        pids.push(serde_json::from_slice::<Value>(&answer).unwrap()["pid"].clone());
    }
    assert_ne!(pids[0], pids[1]);
    host.kill().unwrap();
    host.wait().unwrap();
    let killed = Instant::now();
    assert!(busy.await.unwrap().is_err());
    while pids.iter().any(is_alive) {
        assert!(killed.elapsed() < Duration::from_secs(2), "still alive: {pids:?}");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
    println!("both processes ended {:?} after their host", killed.elapsed());
}

#[test]
#[ignore = "the stack that another test kills"]
fn serve() {
    if std::env::var_os("SERVE_STACK").is_none() {
        return;
    }
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let mut stack = Stack::start(StackConfig::default()).await.unwrap();
        let lambda = stack.run(vec![spec("f", "http")], vec![], LogSink::discard()).await.unwrap();
        println!("listens at {}", lambda.url("f").unwrap());
        std::future::pending::<()>().await;
    });
}
