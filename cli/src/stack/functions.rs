//! The functions: which crate each is, how its process is started, what invokes it.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use host::lambda::FunctionSpec;
use host::pollers::{StreamTrigger, Trigger};
use record::Tables;
use serde_json::json;
use setup::Env;

use super::{Ports, queues};
use crate::config::{Config, SECRET_PREFIX};

/// The stack's name: the template calls its functions by it, a hyphen, and the name of their crate.
pub const STACK: &str = "papay";

/// The four callback functions.
pub const CALLBACKS: [&str; 4] = ["deduction-callback", "contract-callback", "payment-callback", "refund-callback"];

/// The function that the outbox table's stream wakes.
pub const RELAY: &str = "outbox-relay";

/// The function that runs every minute.
pub const SWEEPER: &str = "sweeper";

/// The function that compares WeChat's daily bills with the ledger.
pub const BILL_RECONCILER: &str = "bill-reconciler";

/// The app's API.
pub const SIGN_API: &str = "sign-api";

/// The function that asks WeChat what is due.
pub const WORKER: &str = "worker";

/// The API of the merchant's back end.
pub const MERCHANT_API: &str = "merchant-api";

/// The one caller of the APIs on a laptop: the same routes without SigV4, on loopback only.
const LOCAL_PRINCIPAL: &str = "local";

/// The variable with the file of the movable clock's offset; only `papay function` knows it.
pub const CLOCK_VARIABLE: &str = "PAPAY_CLOCK_FILE";

/// The variables that say where WeChat sends what, and the function behind each.
const NOTIFY_URLS: [(&str, &str); 4] = [
    ("PAPAY_URL_DEDUCTION", "deduction-callback"),
    ("PAPAY_URL_PAYMENT", "payment-callback"),
    ("PAPAY_URL_CONTRACT", "contract-callback"),
    ("PAPAY_URL_REFUND", "refund-callback"),
];

/// WeChat waits 5 s; a callback answers within 3.
const CALLBACK_TIMEOUT: Duration = Duration::from_secs(5);

/// An API's call waits for WeChat twice.
const API_TIMEOUT: Duration = Duration::from_secs(15);

/// Below the queues' deduplication window of five minutes.
const BACKGROUND_TIMEOUT: Duration = Duration::from_secs(60);

/// Below the work queue's visibility time-out of 60 s.
const WORKER_TIMEOUT: Duration = Duration::from_secs(30);

/// The longest that Lambda lets a function run.
const BILL_TIMEOUT: Duration = Duration::from_secs(900);

/// When bills are compared, as hour and minute in UTC: 10:30 in Beijing, when WeChat has made them, and 14:30.
const BILL_TIMES: [(u8, u8); 2] = [(2, 30), (6, 30)];

/// Jobs that the worker gets at once.
const WORKER_BATCH: usize = 10;

/// Runs the function of that name until Lambda stops it; `None` where there is no such function.
pub async fn run(name: &str, env: Env) -> Option<Result<(), Box<dyn std::error::Error + Send + Sync>>> {
    Some(match name {
        "deduction-callback" => deduction_callback::run(env).await,
        "contract-callback" => contract_callback::run(env).await,
        "payment-callback" => payment_callback::run(env).await,
        "refund-callback" => refund_callback::run(env).await,
        RELAY => outbox_relay::run(env).await,
        SWEEPER => sweeper::run(env).await,
        SIGN_API => sign_api::run(env).await,
        WORKER => worker::run(env).await,
        MERCHANT_API => merchant_api::run(env).await,
        BILL_RECONCILER => bill_reconciler::run(env).await,
        _ => return None,
    })
}

/// Every function, as processes of `program`, which must be a `papay`.
pub(super) fn specs(program: &Path, ports: &Ports, variables: &[(String, String)]) -> Vec<FunctionSpec> {
    let spec = |name: &str, url_port: Option<u16>, timeout: Duration| FunctionSpec {
        args: vec!["function".to_owned(), name.to_owned()],
        env: std::iter::once(deployed_name(name)).chain(variables.iter().cloned()).collect(),
        url_port,
        timeout,
        ..FunctionSpec::new(name, program)
    };
    let callbacks = CALLBACKS.iter().zip(ports.callbacks);
    let mut specs: Vec<_> = callbacks.map(|(name, port)| spec(name, Some(port), CALLBACK_TIMEOUT)).collect();
    specs.push(spec(SIGN_API, Some(ports.sign_api), API_TIMEOUT));
    // As in AWS: one stream, one shard, one invocation at a time; one minute, one sweep.
    for background in [RELAY, SWEEPER] {
        specs.push(FunctionSpec { max_concurrency: 1, ..spec(background, None, BACKGROUND_TIMEOUT) });
    }
    specs.push(spec(WORKER, None, WORKER_TIMEOUT));
    specs.push(spec(MERCHANT_API, Some(ports.merchant_api), API_TIMEOUT));
    specs.push(FunctionSpec { max_concurrency: 1, ..spec(BILL_RECONCILER, None, BILL_TIMEOUT) });
    specs
}

/// What Lambda calls a function that the template deploys: metrics carry it.
fn deployed_name(name: &str) -> (String, String) {
    ("AWS_LAMBDA_FUNCTION_NAME".to_owned(), format!("{STACK}-{name}"))
}

/// What invokes the functions that have no URL.
pub(super) fn triggers(tables: &Tables, daily: bool) -> Vec<(String, Trigger)> {
    let mut triggers = vec![
        (RELAY.to_owned(), Trigger::Stream(StreamTrigger::inserts(&tables.outbox))),
        (SWEEPER.to_owned(), Trigger::EveryMinute),
        (WORKER.to_owned(), Trigger::Queue { name: queues::WORK.to_owned(), batch: WORKER_BATCH }),
    ];
    if daily {
        triggers.push((BILL_RECONCILER.to_owned(), Trigger::Daily(BILL_TIMES.to_vec())));
    }
    triggers
}

/// The environment of the functions, as the deployment's template sets it.
pub(super) fn variables(
    config: &Config,
    tables: &Tables,
    queues: &BTreeMap<String, String>,
    work: &str,
    clock: Option<&Path>,
) -> Vec<(String, String)> {
    let numbers = |merchants: &'_ [domain::MchId]| merchants.iter().map(ToString::to_string).collect::<Vec<_>>();
    let merchants = numbers(&config.merchants);
    let mut variables = vec![
        ("PAPAY_TABLE_LEDGER", tables.ledger.clone()),
        ("PAPAY_TABLE_INBOX", tables.inbox.clone()),
        ("PAPAY_TABLE_OUTBOX", tables.outbox.clone()),
        ("PAPAY_ROUTING", json!(config.routing).to_string()),
        ("PAPAY_QUEUES", json!(queues).to_string()),
        ("PAPAY_QUEUE_WORK", work.to_owned()),
        ("PAPAY_MERCHANTS", merchants.join(",")),
        ("PAPAY_REFUNDS_BY_V3", numbers(&config.refunds_by_v3).join(",")),
        ("PAPAY_SECRET_PREFIX", SECRET_PREFIX.to_owned()),
        ("PAPAY_ISSUERS", json!(config.issuers).to_string()),
        ("PAPAY_CATALOGUE", config.path.display().to_string()),
    ];
    let all = json!(["read", "deduct", "refund", "terminate", "replay"]);
    let grants = json!([{ "principal": LOCAL_PRINCIPAL, "merchants": merchants, "actions": all }]);
    variables.push(("PAPAY_PRINCIPALS", grants.to_string()));
    variables.push(("PAPAY_LOCAL_PRINCIPAL", LOCAL_PRINCIPAL.to_owned()));
    variables.extend(NOTIFY_URLS.map(|(name, function)| (name, format!("${{url:{function}}}"))));
    variables.extend(clock.map(|file| (CLOCK_VARIABLE, file.display().to_string())));
    variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect()
}
