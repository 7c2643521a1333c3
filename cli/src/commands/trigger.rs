//! `papay trigger`: a notification, sent as WeChat would.

use std::path::Path;
use std::process::ExitCode;

use counterparty::fixtures::{self, Expected, Fixture};
use counterparty::{Numbers, Protocol, SignedRequest, TEST_MERCHANT};
use domain::Timestamp;
use host::clock::Clock;
use papay::seed::seed;
use papay::stack::{Running, tables};
use papay::story::{Story, new_code};
use papay::wechat::{self, Answer, PATIENCE};

use crate::failure::{Failure, running};

/// Send a notification to its callback URL as WeChat would, and show what WeChat sees.
///
/// Without numbers it is about what was seeded last, so that `trigger payment-v2 --seed` and then `trigger contract-add`
/// tell the story of one subscription. Ends with 0 where the outcome is what papay owes the fixture, with 1 otherwise.
#[derive(clap::Args)]
pub(crate) struct Trigger {
    /// The notification's name; `--list` shows all of them.
    #[arg(required_unless_present = "list")]
    fixture: Option<String>,
    /// List the notifications, right and wrong.
    #[arg(long)]
    list: bool,
    /// First put on record what the notification is about, as the APIs will do it.
    #[arg(long)]
    seed: bool,
    /// The merchant: 10000100 or 10000200.
    #[arg(long, default_value = TEST_MERCHANT.mch_id)]
    mch_id: String,
    /// The code that all numbers are made of: what a contract is called, and a one-off order.
    #[arg(long, value_name = "CODE")]
    contract_code: Option<String>,
    /// Another order number than the code's own.
    #[arg(long, value_name = "NUMBER")]
    out_trade_no: Option<String>,
    /// Another refund number than the code's own.
    #[arg(long, value_name = "NUMBER")]
    out_refund_no: Option<String>,
    /// The amount in fen.
    #[arg(long, value_name = "FEN", value_parser = clap::value_parser!(u64).range(1..=100_000_000))]
    total: Option<u64>,
    /// Send it so many times, one after the other, as WeChat does until it is answered with success.
    #[arg(long, default_value_t = 1, value_name = "TIMES", value_parser = clap::value_parser!(u32).range(1..=1000))]
    repeat: u32,
}

impl Trigger {
    pub(crate) async fn run(self, data: &Path) -> Result<ExitCode, Failure> {
        let Some(name) = self.fixture.as_deref().filter(|_| !self.list) else {
            list();
            return Ok(ExitCode::SUCCESS);
        };
        let fixture = fixtures::find(name).ok_or_else(|| unknown(name))?;
        let stack = running(data)?;
        let now_ms = Clock::in_folder(data).now_ms();
        let story = Story::of(fixture);
        let numbers = self.numbers(data, story, now_ms)?;
        let url = url(&stack, fixture, &self.mch_id)?;
        let request = fixtures::build(fixture.name, &numbers).map_err(Failure::new)?;
        println!("{name}: {}\nPOST {url} ({} bytes)", fixture.description, request.body.len());
        if self.seed {
            self.put_on_record(&stack, data, story, &numbers, now_ms).await?;
        }
        describe_numbers(story, &numbers);
        let as_expected = self.send(fixture, &request, &url).await?;
        explain(fixture, as_expected, self.seed);
        Ok(if as_expected { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }

    fn numbers(&self, data: &Path, story: Story, now_ms: i64) -> Result<Numbers, Failure> {
        let seeded_last = || std::fs::read_to_string(data.join(LAST_SEEDED)).ok().filter(|_| !self.seed);
        let code = self.contract_code.clone().or_else(seeded_last).unwrap_or_else(|| new_code(now_ms));
        let mut numbers = story.numbers(&self.mch_id, code.trim(), now_ms.div_euclid(1000));
        if let Some(out_trade_no) = &self.out_trade_no {
            numbers.out_trade_no.clone_from(out_trade_no);
        }
        if let Some(out_refund_no) = &self.out_refund_no {
            numbers.out_refund_no.clone_from(out_refund_no);
        }
        if let Some(total) = self.total {
            (numbers.total, numbers.refund) = (total, total);
        }
        Ok(numbers)
    }

    async fn put_on_record(
        &self,
        stack: &Running,
        data: &Path,
        story: Story,
        numbers: &Numbers,
        now_ms: i64,
    ) -> Result<(), Failure> {
        let now = Timestamp::from_millisecond(now_ms).map_err(Failure::new)?;
        let clients = stack.clients().map_err(Failure::new)?;
        let held = seed(&clients, &tables::names(), &stack.routing, story, numbers, now).await.map_err(Failure::new)?;
        std::fs::write(data.join(LAST_SEEDED), &numbers.contract_code)
            .map_err(|error| Failure::new(format_args!("{LAST_SEEDED}: {error}")))?;
        println!("put on record: {}", what_is_seeded(story));
        for outcome in held {
            println!("a notification that was held for want of it is now: {}", outcome.label());
        }
        Ok(())
    }

    async fn send(&self, fixture: &Fixture, request: &SignedRequest, url: &str) -> Result<bool, Failure> {
        let client = reqwest::Client::new();
        let mut as_expected = true;
        for _ in 0..self.repeat {
            let answer = wechat::send(&client, url, request, PATIENCE).await.map_err(|error| {
                let cause = if error.is_timeout() { "no answer within 5 s" } else { "no answer" };
                Failure::new(format_args!("{cause}: WeChat would send it again"))
                    .next("`papay dev` shows what went wrong")
            })?;
            show(&answer);
            as_expected &= answer.is(fixture.expected, fixture.protocol);
        }
        Ok(as_expected)
    }
}

/// Remembers the code that was seeded last.
const LAST_SEEDED: &str = "last-seeded";

fn url(stack: &Running, fixture: &Fixture, mch_id: &str) -> Result<String, Failure> {
    if !stack.merchants.iter().any(|known| known.as_str() == mch_id) {
        let known: Vec<_> = stack.merchants.iter().map(domain::MchId::as_str).collect();
        return Err(Failure::new(format_args!("merchant {mch_id} is not configured")).next(known.join(", ") + " are"));
    }
    let function = fixture.endpoint.function();
    let base = stack.callbacks.get(function).ok_or_else(|| Failure::new(format_args!("{function} does not run")))?;
    Ok(format!("{}{}", base.trim_end_matches('/'), fixture.path(mch_id)))
}

fn what_is_seeded(story: Story) -> &'static str {
    match story {
        Story::PayAndSign => "an unpaid pay-and-sign order and its contract",
        Story::Deduction | Story::DeductionV3 => "a signed contract and an accepted deduction",
        Story::Signing => "a paid pay-and-sign order whose contract is not signed yet",
        Story::Offered => "a contract that was offered without payment",
        Story::Signed => "a signed contract and its paid first order",
        Story::OneOff => "an unpaid V3 order",
        Story::Refund => "a paid V3 order and a refund that WeChat is processing",
        Story::RefundV2 => "a paid pay-and-sign order and a V2 refund that WeChat is processing",
        Story::Nothing => "nothing, since it is about no order, contract or refund",
    }
}

fn describe_numbers(story: Story, numbers: &Numbers) {
    let Numbers { contract_code, out_trade_no, out_refund_no, .. } = numbers;
    match story {
        Story::PayAndSign | Story::Deduction | Story::DeductionV3 => {
            println!("contract_code {contract_code}  out_trade_no {out_trade_no}");
        }
        Story::Signing | Story::Offered | Story::Signed => println!("contract_code {contract_code}"),
        Story::OneOff => println!("out_trade_no {out_trade_no}"),
        Story::Refund | Story::RefundV2 => println!("out_trade_no {out_trade_no}  out_refund_no {out_refund_no}"),
        Story::Nothing => {}
    }
}

fn show(answer: &Answer) {
    let body = if answer.body.is_empty() { "(no body)" } else { &answer.body };
    println!("\nWeChat sees {} after {} ms\n{body}", answer.status, answer.elapsed.as_millis());
}

fn explain(fixture: &Fixture, as_expected: bool, seeded: bool) {
    println!();
    if !as_expected {
        println!("Not as expected: papay owes it {}.", owed(fixture.expected));
        if !seeded && !matches!(fixture.expected, Expected::Refused(_)) {
            println!("What it is about may not be on record, so that WeChat is to send it again: try --seed.");
        }
        return;
    }
    println!("As expected: {}.", owed(fixture.expected));
    match fixture.expected {
        Expected::Accepted => println!("`cargo run -- events` receives what follows; a repetition changes nothing."),
        Expected::AcceptedPendingQuery => {
            let why = match fixture.protocol {
                Protocol::V2 if fixture.name.starts_with("refund") => "A V2 refund notice is not signed",
                _ => "The documented failure notices contradict each other",
            };
            println!("{why}, so papay books nothing and sets a due check to now: WeChat has to be asked.");
            println!(
                "The worker asks within a minute. The simulator does not know an order that `--seed` made, so that no event follows"
            );
            println!("here; of one that was made through the APIs it does, and the event tells what it said.");
        }
        Expected::AcceptedWithoutEffect | Expected::NotUnderstood | Expected::Refused(_) => {}
    }
}

fn owed(expected: Expected) -> String {
    match expected {
        Expected::Accepted => "success, a new state and its event".to_owned(),
        Expected::AcceptedPendingQuery => "success, and a due check".to_owned(),
        Expected::AcceptedWithoutEffect => "success, and nothing follows".to_owned(),
        Expected::NotUnderstood => "success: it is kept, and an event asks a person to look".to_owned(),
        Expected::Refused(reason) => format!("failure ({reason:?}), and nothing changes"),
    }
}

fn unknown(name: &str) -> Failure {
    let mut near: Vec<_> = fixtures::all().iter().map(|f| (strsim::jaro_winkler(name, f.name), f.name)).collect();
    near.sort_by(|a, b| b.0.total_cmp(&a.0));
    let near: Vec<_> = near.into_iter().take(4).map(|(_, name)| name).collect();
    Failure::new(format_args!("no notification is called {name:?}"))
        .next(format_args!("near: {}; `cargo run -- trigger --list` shows all", near.join(", ")))
}

fn list() {
    for fixture in fixtures::all() {
        let outcome = match fixture.expected {
            Expected::Accepted => "accepted".to_owned(),
            Expected::AcceptedPendingQuery => "accepted, asks WeChat".to_owned(),
            Expected::AcceptedWithoutEffect => "accepted, no effect".to_owned(),
            Expected::NotUnderstood => "kept for a person".to_owned(),
            Expected::Refused(reason) => format!("refused, {reason:?}"),
        };
        println!("{:<29} {:<19} {:<24} {}", fixture.name, fixture.endpoint.function(), outcome, fixture.description);
    }
}
