//! An earlier release's own program and this one's work on the same data by turns. `.ci/long releases` makes the earlier one.

use std::path::Path;

use papay::consumer::{ConsumerRule, Verdict};
use publish::envelope::CloudEvent;

use super::day::{Client, REFUNDING, SIGNED, UNPAID, UNPAID_V3, tell};
use crate::harness::{Dev, MCH_ID, PROGRAM, attribute, poll};

/// A notification, whether its story is put on record first, and the code of what it is about.
type Told = (&'static str, bool, &'static str);

/// A turn: what is told meanwhile, and whose program hears it.
const TURNS: [(Whose, &[Told]); 3] = [
    (
        Whose::New,
        &[
            ("payment-v2", true, SIGNED),
            ("altered", true, UNPAID),
            ("altered-v3", true, UNPAID_V3),
            ("wrong-endpoint-v3", true, REFUNDING),
        ],
    ),
    (Whose::Old, &[("contract-add", false, SIGNED), ("payment-v2", false, UNPAID), ("payment-v3", false, UNPAID_V3)]),
    (
        Whose::New,
        &[("contract-delete", false, SIGNED), ("contract-add", false, UNPAID), ("refund-success", false, REFUNDING)],
    ),
];

#[derive(Clone, Copy, PartialEq, Debug)]
enum Whose {
    New,
    Old,
}

#[tokio::test(flavor = "multi_thread")]
#[ignore = "needs an earlier release's program: .ci/long releases"]
async fn releases_work_on_the_same_data_by_turns_and_no_consumer_notices() {
    let earlier = std::env::var_os("PAPAY_RELEASE_PROGRAM").expect(".ci/long releases runs this");
    let data = tempfile::tempdir().unwrap();
    let mut rules = [("membership", ConsumerRule::default()), ("ledger", ConsumerRule::default())];
    let mut code = String::new();
    for (whose, told) in TURNS {
        let program = if whose == Whose::New { Path::new(PROGRAM) } else { Path::new(&earlier) };
        let dev = Dev::start_program(program, data.path());
        for (name, seed, code) in told {
            let args = [*name, "--contract-code", code, "--seed"];
            tell(&dev, &args[..if *seed { 4 } else { 3 }]);
        }
        // The same key, whoever is asked: the same attempt.
        let begun = Client::of(&dev).await.subscription_of_bob().await;
        assert!(code.is_empty() || code == begun, "{whose:?}: {begun} is not {code}");
        code = begun;
        poll("every event is published", async || dev.dump().await.pending().is_empty()).await;
        for (consumer, rule) in &mut rules {
            let heard = dev.papay(&["events", "--consumer", consumer]);
            for line in String::from_utf8(heard.stdout).unwrap().lines() {
                let event: CloudEvent = serde_json::from_str(line).unwrap();
                assert_eq!(rule.judge(&event), Verdict::Next, "{whose:?}: {consumer}: {}", event.id);
                println!("{whose:?}: {consumer} hears {} {}", event.event_type, event.id);
            }
        }
        dev.kill();
    }
    let dev = Dev::start(data.path());
    let dump = dev.dump().await;
    for (kind, number, state) in [
        ('C', SIGNED.to_owned(), "terminated"),
        ('C', UNPAID.to_owned(), "signed"),
        ('O', format!("{UNPAID}F0"), "paid"),
        ('O', UNPAID_V3.to_owned(), "paid"),
        ('O', REFUNDING.to_owned(), "refunded"),
        ('R', format!("{REFUNDING}R1"), "succeeded"),
    ] {
        assert_eq!(attribute(dump.state(MCH_ID, kind, &number), "state"), state, "{kind} {number}");
        println!("{kind} {number} is {state}");
    }
}
