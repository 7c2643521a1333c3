//! The pre-traffic hooks of a deployment, whose requests the template's own program made (`tests/template/probes.py`).

use papay::stack::CALLBACKS;
use serde::Deserialize;
use serde_json::Value;

use super::scene::{stays_quiet, sweep};
use crate::harness::Town;

const PROBES: &str = include_str!("../../template/probes.json");

/// How many functions the hook of the APIs asks.
const APIS: usize = 2;

/// A request of a hook.
#[derive(Deserialize)]
struct Probe {
    function: String,
    /// What the hook wants to hear.
    status: u64,
    event: Value,
}

#[tokio::test(flavor = "multi_thread")]
async fn the_hooks_of_a_deployment_hear_what_they_want_of_the_real_functions_and_no_fault_is_counted() {
    // As deployed: whoever calls merchant-api must have proved himself to AWS.
    let town = Town::start_with(vec![("PAPAY_LOCAL_PRINCIPAL".to_owned(), String::new())]).await;
    let probes: Vec<Probe> = serde_json::from_str(PROBES).unwrap();
    assert_eq!(probes.len(), CALLBACKS.len() + APIS);
    for Probe { function, status, event } in &probes {
        // Each function that changes over has a hook, and each hook asks all of its kind.
        let hooks = if CALLBACKS.contains(&function.as_str()) { CALLBACKS.len() } else { APIS };
        for _ in 0..hooks {
            let answer = town.stack.lambda.invoke(function, event.to_string()).await.unwrap();
            let answer: Value = serde_json::from_slice(&answer).unwrap();
            assert_eq!(answer["statusCode"].as_u64(), Some(*status), "{function}: {answer}");
        }
    }
    sweep(&town).await;
    stays_quiet(&town, "deployment_probe").await;
    town.stop().await;
}
