//! The whole stack: isolation, restarts, kills.

use std::io::BufRead;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use aws_sdk_sqs::types::QueueAttributeName;
use host::lambda::LogSink;
use host::{Stack, StackConfig, StartError, Store};
use serde_json::Value;

use crate::function::{Gate, spec};
use crate::lambda::has_ended;
use crate::{clients, dynamodb, takes_less_than};

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
    // Between its two lives anybody may take a port.
    for _ in 0..10 {
        let folder = tempfile::tempdir().unwrap();
        let in_folder = || StackConfig { store: Store::Folder(folder.path().to_owned()), ..StackConfig::default() };
        let first = Stack::start(in_folder()).await.unwrap();
        dynamodb::create_table(&clients::dynamodb(&first.dynamodb.endpoint())).await;
        first.clock.set_offset_ms(5_000).unwrap();
        let ports @ [dynamodb_port, sqs_port, secrets_port] = ports(&first);
        first.shutdown().await;

        let second = match Stack::start(StackConfig { dynamodb_port, sqs_port, secrets_port, ..in_folder() }).await {
            Ok(second) => second,
            Err(StartError::PortInUse { .. }) => continue,
            Err(other) => panic!("{other}"),
        };
        assert_eq!(self::ports(&second), ports);
        let client = clients::dynamodb(&second.dynamodb.endpoint());
        assert_eq!(client.list_tables().send().await.unwrap().table_names(), ["outbox"]);
        assert_eq!(second.clock.offset_ms(), 5_000);
        second.shutdown().await;
        return;
    }
    panic!("each time one of its ports was taken");
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
    for behaviour in ["http", "watchful"] {
        takes_less_than(Duration::from_secs(2), async || {
            let folder = tempfile::tempdir().unwrap();
            let gate = Gate::in_folder(folder.path());
            let mut stack = KilledStack::start(behaviour, folder.path());
            let busy = tokio::spawn(reqwest::get(format!("{}hold", stack.url)));
            let mut pids = gate.reached("in", 1).await;
            let answer = reqwest::get(&stack.url).await.unwrap().bytes().await.unwrap();
            pids.push(serde_json::from_slice::<Value>(&answer).unwrap()["pid"].clone());
            assert_ne!(pids[0], pids[1], "one is busy, one is idle");
            stack.kill();
            let killed = Instant::now();
            if behaviour == "http" {
                // It does not watch its standard input, and ends at the end of its invocation.
                gate.open();
            }
            assert!(busy.await.unwrap().is_err());
            for pid in &pids {
                has_ended(pid).await;
            }
            killed.elapsed()
        })
        .await;
    }
}

/// The ports of DynamoDB, SQS and Secrets Manager.
fn ports(stack: &Stack) -> [u16; 3] {
    let endpoints = [stack.dynamodb.endpoint(), stack.sqs.endpoint(), stack.secrets.endpoint()];
    endpoints.map(|endpoint| endpoint.rsplit(':').next().unwrap().parse().unwrap())
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
        let store = Store::Folder(folder.clone().into());
        let mut stack = Stack::start(StackConfig { store, ..StackConfig::default() }).await.unwrap();
        let gate = Gate::in_folder(Path::new(&folder));
        let function = gate.before(spec("f", &std::env::var("SERVE_BEHAVIOUR").unwrap()));
        let lambda = stack.run(vec![function], vec![], LogSink::discard()).await.unwrap();
        println!("f listens at {}", lambda.url("f").unwrap());
        println!("DynamoDB listens at {}", stack.dynamodb.endpoint());
        println!("SQS listens at {}", stack.sqs.endpoint());
        std::future::pending::<()>().await;
    });
}
