//! The local stack.

use std::path::Path;

use domain::Timestamp;
use host::clock::Clock;
use setup::Misconfigured;

use super::queues::Kind;
use super::urls::Door;
use super::{At, Finding, Report, issuers, keys, probe, queues, tables, urls};
use crate::keys::KeyStore;
use crate::stack::queues::WORK;
use crate::stack::{MERCHANT_API, Running, SIGN_API, tables::names};

/// Looks at the stack that runs on a folder.
///
/// # Errors
/// What the environment says about TLS cannot be used.
pub async fn local(data: &Path, stack: &Running) -> Result<Report, Misconfigured> {
    let http = probe::http()?;
    let clock = Clock::in_folder(data);
    let now = Timestamp::from_millisecond(clock.now_ms()).unwrap_or_default();
    let mut findings = vec![offset(&clock)];
    for (name, url) in &stack.callbacks {
        findings.extend(urls::check(&http, name, url, Door::Callback, &stack.merchants, &stack.simulator).await);
    }
    for (name, door) in [(SIGN_API, Door::App), (MERCHANT_API, Door::LocalBackEnd)] {
        match stack.apis.get(name) {
            Some(url) => {
                findings.extend(urls::check(&http, name, url, door, &stack.merchants, &stack.simulator).await);
            }
            None => findings.push(At::new("reachable", name).failure("does not run", "start `papay dev` again")),
        }
    }
    let clients = stack.clients()?;
    findings.extend(tables::check(&clients.dynamodb, &names(), false).await);
    for (consumer, url) in &stack.queues {
        findings.extend(queues::check(&clients.sqs, consumer, url, Kind::Events, false).await);
    }
    findings.extend(queues::check_named(&clients.sqs, WORK, Kind::Work, false).await);
    let store = KeyStore::local(stack)?;
    for mch_id in &stack.merchants {
        findings.extend(keys::check(&store, mch_id, now, &stack.simulator, probe::http()?).await);
    }
    findings.extend(issuers::secrets(&store, &stack.issuer_secrets).await);
    findings.extend(absent());
    Ok(Report { target: format!("local stack on {}", data.display()), findings })
}

/// The movable clock moves everything in the stack at once; whatever comes from outside it is then early or late.
fn offset(clock: &Clock) -> Finding {
    let at = At::new("clock", "the stack's");
    match clock.offset_ms() {
        0 => at.ok("the system's time"),
        moved => at.warning(format_args!("moved by {} s", moved.div_euclid(1000)), "papay clock reset"),
    }
}

/// What only a deployment has.
fn absent() -> [Finding; 5] {
    [
        ("permissions", "loopback asks nobody who he is"),
        ("event source mappings", "the stack's own pollers, in its own process"),
        ("queue policy", "SQS on a laptop has none"),
        ("alarms", "there are none on a laptop"),
        ("template URLs", "the simulator is told them by the stack itself"),
    ]
    .map(|(check, why)| At::new(check, "local stack").left_out(why))
}
