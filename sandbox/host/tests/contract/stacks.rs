//! The whole stack: isolation, restarts, kills.

use std::io::BufRead;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
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
async fn a_folder_belongs_to_one_stack_at_a_time() {
    let folder = tempfile::tempdir().unwrap();
    let start = || {
        let store = Store::Folder(folder.path().to_owned());
        Stack::start(StackConfig { store, ..StackConfig::default() })
    };
    let first = start().await.unwrap();
    let error = start().await.err().unwrap().to_string();
    assert_eq!(error, format!("the data folder {} is in use by another process", folder.path().display()));
    first.shutdown().await;
    start().await.unwrap();
}

#[tokio::test]
async fn tables_and_queues_survive_a_kill_of_the_stack() {
    let folder = tempfile::tempdir().unwrap();
    let mut killed = KilledStack::start("http", folder.path());
    let client = clients::dynamodb(&killed.dynamodb);
    dynamodb::create_table(&client).await;
    let queues = clients::sqs(&killed.sqs);
    let url = queues.create_queue().queue_name("q").send().await.unwrap().queue_url.unwrap();
    for seq in 0..50 {
        let put = client.put_item().table_name(dynamodb::TABLE).set_item(Some(dynamodb::key("a", seq)));
        put.send().await.unwrap();
        queues.send_message().queue_url(&url).message_body(seq.to_string()).send().await.unwrap();
    }
    killed.kill();
    let store = Store::Folder(folder.path().to_owned());
    let stack = Stack::start(StackConfig { store, ..StackConfig::default() }).await.unwrap();
    let client = clients::dynamodb(&stack.dynamodb.endpoint());
    let items = client.scan().table_name(dynamodb::TABLE).send().await.unwrap();
    assert_eq!(items.count(), 50);
    let get = clients::sqs(&stack.sqs.endpoint()).get_queue_attributes().queue_url(&url);
    let counts = get.attribute_names(QueueAttributeName::All).send().await.unwrap().attributes.unwrap();
    assert_eq!(counts[&QueueAttributeName::ApproximateNumberOfMessages], "50");
}

#[tokio::test]
async fn function_processes_end_soon_after_their_host_is_killed() {
    let folder = tempfile::tempdir().unwrap();
    // The one that does not watch its standard input ends at the end of its invocation, after 300 ms.
    for (behaviour, path) in [("http", "pause"), ("watchful", "slow")] {
        let mut stack = KilledStack::start(behaviour, folder.path());
        let pid_of = async || {
            let answer = reqwest::get(&stack.url).await.unwrap().bytes().await.unwrap();
            serde_json::from_slice::<Value>(&answer).unwrap()["pid"].clone()
        };
        let busy_pid = pid_of().await;
        let busy = tokio::spawn(reqwest::get(format!("{}{path}", stack.url)));
        tokio::time::sleep(Duration::from_millis(50)).await;
        let idle_pid = pid_of().await;
        assert_ne!(busy_pid, idle_pid);
        stack.kill();
        let killed = Instant::now();
        assert!(busy.await.unwrap().is_err());
        while is_alive(&busy_pid) || is_alive(&idle_pid) {
            assert!(killed.elapsed() < Duration::from_secs(2), "{behaviour}: {busy_pid} or {idle_pid} is still alive");
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
        println!("{behaviour}: both ended {:?} after their host", killed.elapsed());
    }
}

/// A stack in a process of its own.
struct KilledStack {
    process: Child,
    url: String,
    dynamodb: String,
    sqs: String,
}

impl KilledStack {
    fn start(behaviour: &str, folder: &Path) -> Self {
        let mut process = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "stacks::serve", "--ignored", "--nocapture"])
            .env("SERVE_FOLDER", folder)
            .env("SERVE_BEHAVIOUR", behaviour)
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let lines = std::io::BufReader::new(process.stdout.take().unwrap()).lines().map_while(Result::ok);
        let mut addresses = lines.filter_map(|line| Some(line.split_once(" listens at ")?.1.to_owned()));
        let mut next = || addresses.next().unwrap();
        let (url, dynamodb, sqs) = (next(), next(), next());
        drop(addresses);
        Self { process, url, dynamodb, sqs }
    }

    fn kill(&mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

impl Drop for KilledStack {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

#[test]
#[ignore = "the stack that another test kills"]
fn serve() {
    let Some(folder) = std::env::var_os("SERVE_FOLDER") else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let store = Store::Folder(folder.into());
        let mut stack = Stack::start(StackConfig { store, ..StackConfig::default() }).await.unwrap();
        let function = spec("f", &std::env::var("SERVE_BEHAVIOUR").unwrap());
        let lambda = stack.run(vec![function], vec![], LogSink::discard()).await.unwrap();
        println!("f listens at {}", lambda.url("f").unwrap());
        println!("DynamoDB listens at {}", stack.dynamodb.endpoint());
        println!("SQS listens at {}", stack.sqs.endpoint());
        std::future::pending::<()>().await;
    });
}
