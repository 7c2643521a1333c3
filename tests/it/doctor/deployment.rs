//! A deployment: the local stack's functions behind TLS, its queues and secrets, and an account that says how they are set up.

use std::process::Command;

use aws_sdk_sqs::types::QueueAttributeName;
use axum::Router;
use http::StatusCode;
use papay::doctor::{ALARMS, Entry, FUNCTIONS};
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::Said;
use super::recorded::{Account, Answers, refusal};
use crate::harness::{Authority, Door, MCH_ID, Town};
use crate::keys::alone;

const STACK: &str = "shop";

/// Where a stranger is turned away by AWS itself.
async fn guarded() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let endpoint = format!("http://{}", listener.local_addr().unwrap());
    let router = Router::new().fallback(async || StatusCode::FORBIDDEN);
    tokio::spawn(async move { axum::serve(listener, router).await });
    endpoint
}

pub(super) struct Deployed {
    pub(super) town: Town,
    pub(super) account: Account,
    pub(super) authority: Authority,
    folder: tempfile::TempDir,
}

impl Deployed {
    /// As the template makes it.
    pub(super) async fn start() -> Self {
        Self::of(Town::start().await).await
    }

    /// The same of these functions.
    pub(super) async fn of(town: Town) -> Self {
        let (authority, folder) = (Authority::new(), tempfile::tempdir().unwrap());
        std::fs::write(folder.path().join("roots.pem"), authority.pem()).unwrap();
        let mut answers = Answers::new();
        let mut urls = std::collections::BTreeMap::new();
        for (name, entry) in FUNCTIONS {
            let behind = match entry {
                Entry::PublicUrl => town.stack.lambda.url(name).unwrap().trim_end_matches('/').to_owned(),
                Entry::GuardedUrl => guarded().await,
                Entry::Mapping | Entry::Schedule(_) => continue,
            };
            urls.insert(name, format!("{}/", Door::open(&authority, &behind).await.endpoint));
        }
        let (verify, work) = (&town.stack.queues, town.stack.host.sqs.queue_url("work"));
        let variables = json!({
            "PAPAY_MERCHANTS": MCH_ID,
            "PAPAY_ISSUERS": json!(town.config.issuers).to_string(),
            "PAPAY_SECRET_PREFIX": "papay/",
            "PAPAY_TABLE_LEDGER": "shop-ledger", "PAPAY_TABLE_INBOX": "shop-inbox", "PAPAY_TABLE_OUTBOX": "shop-outbox",
            "PAPAY_QUEUES": json!(verify).to_string(),
            "PAPAY_QUEUE_WORK": work,
            "PAPAY_WECHAT_HOSTS": town.stack.simulator.endpoint(),
            "PAPAY_URL_DEDUCTION": urls["deduction-callback"], "PAPAY_URL_PAYMENT": urls["payment-callback"],
            "PAPAY_URL_CONTRACT": urls["contract-callback"], "PAPAY_URL_REFUND": urls["refund-callback"],
        });
        for (name, entry) in FUNCTIONS {
            answers.extend(function(name, entry, urls.get(name), &variables));
        }
        answers.insert("alarms".to_owned(), json!({ "MetricAlarms": ALARMS.map(alarm).to_vec() }));
        let subscribed = json!(["arn:aws:sns:ap-east-1:123456789012:shop-alarms:1", "PendingConfirmation"]);
        answers.insert("topic shop-alarms".to_owned(), subscribed);
        for (table, indexes) in
            [("ledger", &["due", "by_contract", "by_day"][..]), ("inbox", &[]), ("outbox", &["pending"])]
        {
            answers.insert(format!("table shop-{table}"), described(indexes));
        }
        let deployed = Self { town, account: Account::open(answers).await, authority, folder };
        deployed.protect_queues().await;
        deployed
    }

    /// The policy that the template gives every queue.
    async fn protect_queues(&self) {
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Sid": "EncryptedTransportOnly", "Effect": "Deny", "Principal": "*", "Action": "sqs:*", "Resource": "*",
            "Condition": { "Bool": { "aws:SecureTransport": "false" } },
        }] });
        for name in ["membership.fifo", "ledger.fifo", "work"] {
            self.policy(name, &policy.to_string()).await;
        }
    }

    async fn policy(&self, queue: &str, policy: &str) {
        let url = self.town.stack.host.sqs.queue_url(queue);
        let set = self.town.clients().sqs.set_queue_attributes().queue_url(url);
        set.attributes(QueueAttributeName::Policy, policy).send().await.unwrap();
    }

    /// What doctor says once somebody has compared the templates' addresses.
    pub(super) async fn doctor(&self) -> Said {
        self.doctor_with(&["--templates-compared"]).await
    }

    async fn doctor_with(&self, args: &[&str]) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_papay"));
        command.args(["doctor", "--json", "--stack", STACK]).args(args);
        let host = &self.town.stack.host;
        alone(&mut command, self.folder.path())
            .env("PAPAY_CA_BUNDLE", self.folder.path().join("roots.pem"))
            .env("AWS_REGION", "ap-east-1")
            .env("AWS_ACCESS_KEY_ID", "operator")
            .env("AWS_SECRET_ACCESS_KEY", "secret")
            .env("AWS_ENDPOINT_URL", &self.account.endpoint)
            .env("AWS_ENDPOINT_URL_SQS", host.sqs.endpoint())
            .env("AWS_ENDPOINT_URL_SECRETS_MANAGER", host.secrets.endpoint());
        Said::of(&tokio::task::spawn_blocking(move || command.output().unwrap()).await.unwrap())
    }

    /// What doctor says while the account answers otherwise. Where a function is configured otherwise, that is what was deployed last.
    pub(super) async fn while_changed(&self, name: &str, change: impl FnOnce(&mut Value)) -> Said {
        let before = self.account.change(name, change);
        let latest = name.strip_prefix("configuration ").map(|function| {
            let changed = self.account.change(name, |_| ());
            (format!("latest {function}"), changed)
        });
        let deployed = latest.map(|(name, changed)| {
            let before = self.account.change(&name, |answer| *answer = changed);
            (name, before)
        });
        let said = self.doctor().await;
        for (name, before) in [(name.to_owned(), before)].into_iter().chain(deployed) {
            self.account.change(&name, |answer| *answer = before);
        }
        said
    }
}

/// Of all that the functions are told.
const FINGERPRINT: &str = "0123456789abcdef";

/// What Lambda answers about a function that is as the template makes it.
fn function(name: &str, entry: Entry, url: Option<&String>, variables: &Value) -> Answers {
    let function = format!("{STACK}-{name}");
    let configured = json!({ "FunctionName": function, "State": "Active", "LastUpdateStatus": "Successful",
        "CodeSha256": "c0de", "Architectures": ["arm64"], "MemorySize": 256, "Timeout": 15,
        "Layers": [{ "Arn": "arn:aws:lambda:ap-east-1:123456789012:layer:shop-catalogue:1" }],
        "Environment": { "Variables": variables }, "Description": FINGERPRINT });
    let mut latest = configured.clone();
    latest["Description"] = json!(format!("What it is for. ({FINGERPRINT})"));
    let mut answers = Answers::from([
        (format!("configuration {function}"), configured.clone()),
        (format!("latest {function}"), latest),
        (format!("concurrency {function}"), json!({ "ReservedConcurrentExecutions": 100 })),
    ]);
    if let Some(url) = url {
        let auth = if entry == Entry::PublicUrl { "NONE" } else { "AWS_IAM" };
        let arn = format!("arn:aws:lambda:ap-east-1:123456789012:function:{function}:live");
        let configured = json!({ "FunctionUrl": url, "FunctionArn": arn, "AuthType": auth,
            "CreationTime": "2026-01-01T00:00:00Z", "LastModifiedTime": "2026-01-01T00:00:00Z" });
        answers.insert(format!("url {function}"), configured);
    }
    let statements = match entry {
        Entry::PublicUrl => json!([
            { "Sid": "UrlPublicPermissions", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunctionUrl",
              "Condition": { "StringEquals": { "lambda:FunctionUrlAuthType": "NONE" } } },
            { "Sid": "URLInvokeAllowPublicAccess", "Effect": "Allow", "Principal": "*", "Action": "lambda:InvokeFunction",
              "Condition": { "Bool": { "lambda:InvokedViaFunctionUrl": "true" } } },
        ]),
        Entry::Schedule(_) => json!([{ "Effect": "Allow", "Principal": { "Service": "events.amazonaws.com" },
            "Action": "lambda:InvokeFunction" }]),
        Entry::GuardedUrl | Entry::Mapping => Value::Null,
    };
    if statements.is_array() {
        let policy = json!({ "Version": "2012-10-17", "Id": "default", "Statement": statements });
        answers.insert(format!("policy {function}"), json!({ "Policy": policy.to_string(), "RevisionId": "1" }));
    }
    if entry == Entry::Mapping {
        let mapping = json!({ "UUID": "u", "State": "Enabled", "FunctionResponseTypes": ["ReportBatchItemFailures"],
            "EventSourceArn": "arn:aws:sqs:ap-east-1:123456789012:shop-work", "LastProcessingResult": "OK" });
        answers.insert(format!("mappings {function}"), json!({ "EventSourceMappings": [mapping] }));
    }
    answers
}

fn alarm(name: &str) -> Value {
    json!({ "AlarmName": format!("{STACK}-{name}"), "ActionsEnabled": true, "StateValue": "OK",
        "AlarmActions": ["arn:aws:sns:ap-east-1:123456789012:shop-alarms"], "AlarmDescription": format!("docs/runbook/{name}.md") })
}

fn described(indexes: &[&str]) -> Value {
    let indexes: Vec<Value> =
        indexes.iter().map(|name| json!({ "IndexName": name, "IndexStatus": "ACTIVE" })).collect();
    json!({ "TableStatus": "ACTIVE", "GlobalSecondaryIndexes": indexes, "DeletionProtectionEnabled": true,
        "StreamSpecification": { "StreamEnabled": true, "StreamViewType": "KEYS_ONLY" } })
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_as_the_template_makes_it_is_well_and_each_fault_has_its_own_finding() {
    let deployed = Deployed::start().await;
    let well = deployed.doctor().await;
    well.is_well();
    well.has("left_out", "template URLs: shop", "somebody has compared them");
    well.has("ok", "permissions: shop-payment-callback", "both permissions");
    well.has("ok", "permissions: shop-sweeper", "the alarm sweeper-dead watches");
    well.has("ok", "permissions: shop-bill-reconciler", "the alarm bills-uncompared watches");
    well.has("ok", "reachable: payment-callback", &format!("/v3/{MCH_ID} answers 405"));
    well.has("ok", "issuer's secret: papay/issuers/0", "there");
    well.has("ok", &format!("WeChat: {MCH_ID}"), "echoes, signed and encrypted");

    let blind = deployed.doctor_with(&[]).await;
    blind.has("unchecked", "template URLs: shop", "WeChat does not tell");
    let contracts = deployed.account.change("url shop-contract-callback", |_| ());
    let url = contracts["FunctionUrl"].as_str().unwrap();
    blind.mends("unchecked", "template URLs: shop", &format!("{url}v2/<mch_id>"));
    assert_eq!((blind.code, blind.complaints()), (1, vec!["template URLs: shop".to_owned()]));

    let gone = deployed
        .while_changed("configuration shop-worker", |answer| *answer = refusal("ResourceNotFoundException"))
        .await;
    gone.has("failure", "function: shop-worker", "is not there");
    assert_eq!(gone.code, 2);
    let denied =
        deployed.while_changed("policy shop-sweeper", |answer| *answer = refusal("AccessDeniedException")).await;
    denied.has("unchecked", "permissions: shop-sweeper", "may not ask: lambda:GetPolicy");
    assert_eq!(denied.code, 1, "what could not be checked does not pass");
    let failed = deployed.while_changed("configuration shop-sweeper", |answer| answer["State"] = json!("Failed")).await;
    failed.has("failure", "function: shop-sweeper", "is in state Failed");
    let shut = deployed
        .while_changed("concurrency shop-refund-callback", |answer| answer["ReservedConcurrentExecutions"] = json!(0))
        .await;
    shut.has("failure", "concurrency: shop-refund-callback", "the door is shut");

    let closed = deployed
        .while_changed("policy shop-payment-callback", |answer| *answer = refusal("ResourceNotFoundException"))
        .await;
    closed.has("failure", "permissions: shop-payment-callback", "get 403");
    let open = deployed.while_changed("url shop-merchant-api", |answer| answer["AuthType"] = json!("NONE")).await;
    open.has("failure", "URL: shop-merchant-api", "AuthType is NONE instead of AWS_IAM");
    let asleep = deployed
        .while_changed("mappings shop-outbox-relay", |answer| {
            answer["EventSourceMappings"][0]["State"] = json!("Disabled")
        })
        .await;
    asleep.has("failure", "event source mapping: shop-outbox-relay", "is Disabled");
    let whole = deployed
        .while_changed("mappings shop-worker", |answer| {
            answer["EventSourceMappings"][0]["FunctionResponseTypes"] = json!([])
        })
        .await;
    whole.has("failure", "event source mapping: shop-worker", "takes its whole batch with it");

    let unprotected =
        deployed.while_changed("table shop-ledger", |answer| answer["DeletionProtectionEnabled"] = json!(false)).await;
    unprotected.has("warning", "table: shop-ledger", "is not protected from deletion");
    let streamless = deployed
        .while_changed("table shop-outbox", |answer| answer["StreamSpecification"]["StreamEnabled"] = json!(false))
        .await;
    streamless.has("failure", "table: shop-outbox", "its stream is off");
    deployed.policy("ledger.fifo", "{}").await;
    let insecure = deployed.doctor().await;
    insecure.has("failure", "queue policy: ledger", "does not deny requests without TLS");
    assert_eq!(insecure.complaints(), ["queue policy: ledger"]);
    deployed.protect_queues().await;

    let edge = deployed.while_changed("configuration shop-contract-callback", |answer| {
        let variables = &mut answer["Environment"]["Variables"];
        variables["PAPAY_ORIGIN_SECRETS"] = json!("a-secret-of-the-distribution-0001");
        variables["PAPAY_URL_CONTRACT"] = json!("http://127.0.0.1:1");
    });
    let edge = edge.await;
    edge.has("failure", "reachable: contract-callback", "no connection");
    assert!(!edge.all.contains("a-secret-of"), "{}", edge.all);

    let query = deployed.while_changed("configuration shop-sign-api", |answer| {
        answer["Environment"]["Variables"]["PAPAY_URL_REFUND"] = json!("http://127.0.0.1:1/?a=b");
    });
    let query = query.await;
    query.has("failure", "notify URL: refund-callback", "http://127.0.0.1:1/?a=b");
    query.has("failure", "notify URL: PAPAY_URL_REFUND", "different addresses");
    query.has("failure", "reachable: refund-callback", "no connection");
    deployed.town.stop().await;
}

type Change = fn(&mut Value);

#[tokio::test(flavor = "multi_thread")]
async fn an_alias_that_does_not_serve_what_was_deployed_last_is_a_failure_that_tells_no_value() {
    let deployed = Deployed::start().await;
    let check = "version: shop-sign-api";
    deployed.doctor().await.has("ok", check, "live serves what was deployed last");
    let changes: [(&str, Change); 7] = [
        ("PAPAY_ORIGIN_SECRETS", |latest| {
            latest["Environment"]["Variables"]["PAPAY_ORIGIN_SECRETS"] = json!("a-secret")
        }),
        ("PAPAY_ISSUERS", |latest| {
            latest["Environment"]["Variables"].as_object_mut().unwrap().remove("PAPAY_ISSUERS");
        }),
        ("layers", |latest| {
            latest["Layers"][0]["Arn"] = json!("arn:aws:lambda:ap-east-1:123456789012:layer:shop-catalogue:2")
        }),
        // A `Revision` alone: after a leak, and gone back from.
        ("parameters", |latest| latest["Description"] = json!("What it is for. (fedcba9876543210)")),
        ("code", |latest| latest["CodeSha256"] = json!("0ther")),
        ("architecture", |latest| latest["Architectures"] = json!(["x86_64"])),
        ("memory, timeout", |latest| (latest["MemorySize"], latest["Timeout"]) = (json!(512), json!(10))),
    ];
    for (different, change) in changes {
        let said = deployed.while_changed("latest shop-sign-api", change).await;
        said.has("failure", check, &format!("different: {different}"));
        assert_eq!((said.code, said.complaints()), (2, vec![check.to_owned()]), "{}", said.all);
        assert!(!said.all.contains("a-secret"), "{}", said.all);
    }
    let denied = deployed.while_changed("latest shop-sign-api", |answer| *answer = refusal("AccessDeniedException"));
    denied.await.has("unchecked", check, "may not ask: lambda:GetFunctionConfiguration");
    deployed.town.stop().await;
}

#[test]
fn every_function_and_every_alarm_of_the_template_is_looked_for() {
    let template = include_str!("../../../template.yaml");
    let names = |property: &str| {
        let start = format!("{property}: !Sub \"${{AWS::StackName}}-");
        let lines = template.lines().filter_map(|line| line.trim().strip_prefix(&start));
        let mut names: Vec<&str> = lines.map(|rest| rest.trim_end_matches('"')).collect();
        names.sort_unstable();
        names
    };
    assert_eq!(names("AlarmName"), ALARMS);
    let mut functions = FUNCTIONS.map(|(name, _)| name);
    functions.sort_unstable();
    // The probes and what compares configurations run at deployments only.
    let at_deployments = |name: &str| name.ends_with("-probe") || name == "fingerprint";
    let known: Vec<&str> = names("FunctionName").into_iter().filter(|name| !at_deployments(name)).collect();
    assert_eq!(known, functions);
    for (name, entry) in FUNCTIONS {
        if let Entry::Schedule(alarm) = entry {
            assert!(ALARMS.contains(&alarm), "{name} is watched by {alarm}");
        }
    }
    // What doctor says of an alarm without data rests on this.
    let missing: Vec<&str> =
        template.lines().filter_map(|line| line.trim().strip_prefix("TreatMissingData: ")).collect();
    assert_eq!(missing.len(), ALARMS.len());
    assert!(missing.iter().all(|what| ["notBreaching", "breaching"].contains(what)), "{missing:?}");
}
