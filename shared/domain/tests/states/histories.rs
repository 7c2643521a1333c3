//! Payment x contract (V2 page, section 11): what is told, in the order of the table and in every order of its notices, once and
//! twice, and where it ends.
//!
//! ```text
//! pay add delete refund     notices; runs of them are told in every order
//! ?paid ?signed ?absent …   answers to our questions
//! +refund                   our API opens a refund of everything; +closing, +terminating: it begins to close, to terminate;
//!                           +presign, +already: WeChat placed the order without signing; +deduct: it opens a deduction
//! !order !refund            asserts that a question about it is due now
//! @30m                      so much later
//! ```

use std::collections::BTreeSet;

use domain::{
    Cause, Check, ContractChange, ContractState, Decision, Event, Evidence, Fact, FactBody, Loaded, Opened, Order,
    OrderKind, OrderState, PaymentResult, PaymentStatus, RefundResult, RefundState, SignatureAlgorithm,
    TerminationReason, Timestamp, decide, outcome,
};

use crate::build::{
    AMOUNT, after, contract, contract_body, fact, order, payment_body, refund, refund_body, said, time, transaction,
};
use crate::every::calls;
use crate::words::{label, short};

/// The rows of section 11, and what goes beyond it. `reason` is why it was not signed, or why it ended.
const TABLE: &str = "
    told                                        | order     | contract   | outcome         | reason         | events
    # paid, signed
    pay add                                     | paid      | signed     | active          | -              | payment.succeeded contract.signed settled(active)
    # paid, not signed: the user did not tick it
    pay ?absent @30m ?absent                    | paid      | not_signed | paid_not_signed | declined       | payment.succeeded contract.not_signed settled(paid_not_signed)
    pay ?not_signed @30m ?not_signed            | paid      | not_signed | paid_not_signed | declined       | payment.succeeded contract.not_signed settled(paid_not_signed)
    # paid, not signed: the user has a contract of this plan already
    +already pay @30m ?absent                   | paid      | not_signed | paid_not_signed | already_signed | payment.succeeded contract.not_signed settled(paid_not_signed)
    +already ?closed                            | closed    | not_signed | closed          | already_signed | payment.closed contract.not_signed settled(closed)
    # paid, signing in progress
    pay ?in_progress                            | paid      | pending    | paid_signing    | -              | payment.succeeded
    pay ?in_progress @30m ?in_progress add      | paid      | signed     | active          | -              | payment.succeeded contract.signed settled(active)
    # paid, pre-signing failed at the order
    +presign pay @30m ?absent                   | paid      | not_signed | paid_not_signed | presign_failed | payment.succeeded contract.not_signed settled(paid_not_signed)
    +presign pay add                            | paid      | signed     | active          | -              | payment.succeeded contract.signed settled(active)
    +presign ?closed                            | closed    | not_signed | closed          | presign_failed | payment.closed contract.not_signed settled(closed)
    +presign @5m ?not_found                     | closed    | not_signed | closed          | presign_failed | payment.closed contract.not_signed settled(closed)
    # paid, signed, ADD lost
    pay ?absent ?signed                         | paid      | signed     | active          | -              | payment.succeeded contract.signed settled(active)
    # paid, notice lost, signed: the ADD alone makes us ask
    add !order ?paid                            | paid      | signed     | active          | -              | contract.signed payment.succeeded settled(active)
    # not paid yet
    ?unpaid ?absent ?unpaid                     | requested | pending    | pending         | -              |
    ?undecided              | requested | pending    | pending         | -              |
    # the user's card failed: he may try another one
    ?failed                                     | requested | pending    | pending         | -              |
    ?failed pay add                             | paid      | signed     | active          | -              | payment.succeeded contract.signed settled(active)
    # closed
    +closing ?closed ?absent                    | closed    | not_signed | closed          | unpaid         | payment.closed settled(closed)
    # paid, signed, then refunded
    pay add +refund refund                      | refunded  | signed     | refunded        | -              | payment.succeeded contract.signed settled(active) refund.succeeded settled(refunded)
    pay +refund refund add                      | refunded  | signed     | refunded        | -              | payment.succeeded refund.succeeded settled(refunded) contract.signed
    pay add +refund refund delete               | refunded  | terminated | refunded        | user           | payment.succeeded contract.signed settled(active) refund.succeeded settled(refunded) contract.terminated
    # paid, signed, then terminated by the user at once
    pay add delete                              | paid      | terminated | terminated      | user           | payment.succeeded contract.signed settled(active) contract.terminated settled(terminated)
    pay add ?terminated                         | paid      | terminated | terminated      | merchant_api   | payment.succeeded contract.signed settled(active) contract.terminated settled(terminated)

    # settled as not signed, and signed after all
    pay @30m ?absent add                        | paid      | signed     | signed_later    | -              | payment.succeeded contract.not_signed settled(paid_not_signed) contract.signed settled(signed_later)
    # closed, and paid after all: money is real
    +closing ?closed pay add                    | paid      | signed     | active          | -              | payment.closed settled(closed) payment.succeeded contract.signed settled(active)
    +closing ?closed pay @30m ?absent           | paid      | not_signed | paid_not_signed | declined       | payment.closed settled(closed) payment.succeeded contract.not_signed settled(paid_not_signed)
    +closing ?closed add !order ?paid           | paid      | signed     | active          | -              | payment.closed settled(closed) contract.signed settled(signed) payment.succeeded settled(active)
    # closing lost its race
    +closing pay add                            | paid      | signed     | active          | -              | payment.succeeded contract.signed settled(active)
    # WeChat never heard of the order that we close
    +closing ?not_found                         | closing   | pending    | pending         | -              |
    +closing @5m ?not_found                     | closed    | not_signed | closed          | unpaid         | payment.closed settled(closed)
    # the termination that we asked for, and the one that WeChat did not hear
    pay add +terminating @2m ?signed            | paid      | terminating | active         | -              | payment.succeeded contract.signed settled(active)
    pay add +terminating ?signed delete         | paid      | terminated | terminated      | user           | payment.succeeded contract.signed settled(active) contract.terminated settled(terminated)
    pay add +terminating delete                 | paid      | terminated | terminated      | user           | payment.succeeded contract.signed settled(active) contract.terminated settled(terminated)
    pay add +terminating @30m ?signed           | paid      | terminating | active         | -              | payment.succeeded contract.signed settled(active)
    # DELETE lost: the daily question finds it
    pay add @1d ?not_signed                     | paid      | terminated | terminated      | other          | payment.succeeded contract.signed settled(active) contract.terminated settled(terminated)
    # an answer that was asked before the ADD came, and decided after it
    pay add ?not_signed ?absent                 | paid      | signed     | active          | -              | payment.succeeded contract.signed settled(active)
    # refunded on the merchant platform; the payment notice was lost
    add platform_refund !refund ?refund !order ?refunded @30m ?refund | refunded | signed | refunded | -      | contract.signed payment.succeeded settled(active) refund.succeeded settled(refunded)
    # refunded on the merchant platform, found by the order's own query
    pay add ?refunded !order ?refund | refunded | signed  | refunded        | -              | payment.succeeded contract.signed settled(active) refund.succeeded settled(refunded)

    # pure signing
    =pure add                                   | -         | signed     | signed          | -              | contract.signed settled(signed)
    =pure @2m ?absent @10m ?absent @30m ?absent | -         | pending    | pending         | -              |
    =pure @2m ?absent @10m ?absent @30m ?absent @2h ?absent | - | not_signed | closed      | declined       | contract.not_signed settled(closed)
    =pure @2m ?absent @10m ?absent @30m ?absent @2h ?absent add | - | signed | signed      | -              | contract.not_signed settled(closed) contract.signed settled(signed)
    =pure add delete                            | -         | terminated | terminated      | user           | contract.signed settled(signed) contract.terminated settled(terminated)

    # a deduction
    =deduction pay                              | paid      | signed     | active          | -              | deduction.succeeded
    =deduction fail !order ?failed              | failed    | signed     | active          | -              | deduction.failed
    =deduction fail !order ?paid                | paid      | signed     | active          | -              | deduction.succeeded
    =signed +deduct ?accepted pay               | paid      | signed     | active          | -              | deduction.succeeded
    # the end of the contract overtook a deduction that never left us
    =signed +deduct +terminating @5m ?not_found | failed    | terminating | active         | -              | deduction.failed
    =signed +deduct @5m ?not_found              | created   | signed     | active          | -              |
    =deduction ?failed pay                      | paid      | signed     | active          | -              | deduction.failed deduction.succeeded
    =deduction ?accepted ?accepted pay          | paid      | signed     | active          | -              | deduction.succeeded
    =deduction pay ?not_found                   | paid      | signed     | active          | -              | deduction.succeeded
    =deduction delete pay                       | paid      | terminated | terminated      | user           | contract.terminated settled(terminated) deduction.succeeded
";

#[test]
fn every_row_ends_as_it_says_in_every_order_of_its_notices_once_and_twice() {
    let rows = TABLE.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#')).skip(1);
    let mut histories = 0;
    for row in rows {
        let cells: Vec<&str> = row.split('|').map(str::trim).collect();
        let [told, order, contract, outcome, reason, events] = cells.as_slice() else { panic!("{row}") };
        let told: Vec<&str> = told.split_whitespace().collect();
        for ordered in orders_of_notices(&told) {
            for times in [1, 2] {
                let history = History::of(&ordered, times);
                let place = format!("{ordered:?} x {times}");
                assert_eq!(history.order(), *order, "order of {place}");
                assert_eq!(history.contract(), *contract, "contract of {place}");
                assert_eq!(history.outcome(), *outcome, "outcome of {place}");
                assert_eq!(history.reason(), *reason, "reason of {place}");
                history.check_events(&ordered, *told.as_slice() == ordered, events, &place);
                histories += 1;
            }
        }
    }
    assert!(histories > 100, "{histories}");
}

/// The table's order, and every other order of each run of notices.
fn orders_of_notices<'a>(told: &[&'a str]) -> BTreeSet<Vec<&'a str>> {
    let Some(start) = told.iter().position(|word| is_notice(word)) else { return BTreeSet::from([told.to_vec()]) };
    let (before, rest) = told.split_at(start);
    let end = rest.iter().position(|word| !is_notice(word)).unwrap_or(rest.len());
    let (run, after) = rest.split_at(end);
    let mut all = BTreeSet::new();
    for run in permutations(run) {
        for after in orders_of_notices(after) {
            all.insert([before, &run, &after].concat());
        }
    }
    all
}

fn permutations<'a>(words: &[&'a str]) -> Vec<Vec<&'a str>> {
    let Some((first, rest)) = words.split_first() else { return vec![Vec::new()] };
    let mut all = Vec::new();
    for shorter in permutations(rest) {
        for place in 0..=shorter.len() {
            let mut longer = shorter.clone();
            longer.insert(place, *first);
            all.push(longer);
        }
    }
    all
}

/// `platform_refund` and a deduction's notices are told in their own order: each asserts what it left behind.
fn is_notice(word: &str) -> bool {
    matches!(word, "pay" | "add" | "delete" | "refund")
}

/// What is on record, and what was told of it.
struct History {
    loaded: Loaded,
    now: Timestamp,
    events: Vec<String>,
    keys: BTreeSet<String>,
}

impl History {
    fn of(told: &[&str], times: u32) -> Self {
        let mut history = Self { loaded: first(told), now: time(60), events: Vec::new(), keys: BTreeSet::new() };
        for word in told {
            history.take(word, times);
        }
        history
    }

    fn take(&mut self, word: &str, times: u32) {
        match word.split_at(1) {
            ("=", _) => {}
            ("@", pause) => self.now = self.now.checked_add(seconds(pause)).unwrap(),
            ("+", action) => self.act(action),
            ("!", subject) => self.assert_asked(subject),
            ("?", answer) => {
                // A question takes its time, and so is due when it is answered.
                self.make_due();
                self.tell(Cause::Query, answer, 1);
            }
            _ => self.tell(Cause::Callback, word, times),
        }
    }

    fn act(&mut self, action: &str) {
        let called = |name| {
            let found =
                calls(&self.loaded.order.as_ref().unwrap().out_trade_no).into_iter().find(|(word, _)| *word == name);
            FactBody::Called(found.unwrap().1)
        };
        let body = match action {
            "refund" => {
                let refund = Box::new(refund(RefundState::Created, AMOUNT));
                FactBody::Opened(Opened::Refund { refund })
            }
            "closing" => called("closing_asked"),
            "terminating" => called("termination_asked"),
            "presign" => called("presign_failed"),
            "already" => called("already_signed"),
            "deduct" => FactBody::Opened(Opened::Deduction {
                order: Box::new(order(OrderKind::Deduction, OrderState::Created)),
            }),
            other => panic!("{other}"),
        };
        let fact = Fact::ours(self.loaded.contract.as_ref().unwrap().mch_id.clone(), body);
        let Decision::Apply { changes, events, key } = decide(&self.loaded, &fact, self.now) else {
            panic!("{action}")
        };
        assert!(key.is_none_or(|key| self.keys.insert(key)), "{action}");
        self.events.extend(events.iter().map(event_word));
        self.loaded = after(&self.loaded, &changes);
    }

    fn assert_asked(&self, subject: &str) {
        let check = match subject {
            "order" => self.loaded.order.as_ref().unwrap().check.as_ref(),
            "refund" => self.loaded.refund.as_ref().unwrap().check.as_ref(),
            other => panic!("{other}"),
        };
        assert!(check.is_some_and(|check| check.asked && check.is_due(self.now)), "{subject}: {check:?}");
    }

    fn make_due(&mut self) {
        let now = self.now;
        let due = |check: &mut Option<Check>| {
            if let Some(check) = check {
                check.due_at = check.due_at.min(now);
            }
        };
        self.loaded.order.iter_mut().for_each(|order| due(&mut order.check));
        self.loaded.contract.iter_mut().for_each(|contract| due(&mut contract.check));
        self.loaded.refund.iter_mut().for_each(|refund| due(&mut refund.check));
    }

    fn tell(&mut self, cause: Cause, word: &str, times: u32) {
        for time in 0..times {
            let evidence =
                if word == "absent" { Evidence::Unsigned } else { Evidence::Signed(SignatureAlgorithm::HmacSha256) };
            let fact = fact(cause, evidence, said_by(word, self.loaded.order.as_ref()));
            let decision = decide(&self.loaded, &fact, self.now);
            match decision {
                Decision::Apply { changes, events, key } => {
                    assert!(time == 0 || events.is_empty(), "{word} told twice: {events:?}");
                    if let Some(key) = key {
                        assert!(self.keys.insert(key.clone()), "{key} is used twice");
                    }
                    self.events.extend(events.iter().map(event_word));
                    self.loaded = after(&self.loaded, &changes);
                }
                Decision::Ask(changes) => {
                    assert_eq!(time, 0, "{word} told twice asks twice");
                    self.loaded = after(&self.loaded, &changes);
                }
                Decision::Duplicate | Decision::Stale => {}
                other
                @ (Decision::Contradiction(_) | Decision::Unknown(_) | Decision::Refused(_) | Decision::Noted) => {
                    panic!("{word}: {other:?}")
                }
            }
        }
    }

    fn order(&self) -> String {
        self.loaded.order.as_ref().map_or_else(|| "-".to_owned(), |order| label(order.state))
    }

    fn contract(&self) -> String {
        label(self.loaded.contract.as_ref().unwrap().state)
    }

    fn outcome(&self) -> String {
        label(outcome(self.loaded.contract.as_ref().unwrap()))
    }

    fn reason(&self) -> String {
        let contract = self.loaded.contract.as_ref().unwrap();
        let ended = contract.termination_reason.map(label);
        ended.or(contract.not_signed_reason.map(label)).unwrap_or_else(|| "-".to_owned())
    }

    /// In the table's order exactly its events; in another order the same ones, but for a signing that its own termination has
    /// overtaken, and for the outcomes on the way.
    fn check_events(&self, told: &[&str], as_in_table: bool, expected: &str, place: &str) {
        let expected: Vec<&str> = expected.split_whitespace().collect();
        if as_in_table {
            assert_eq!(self.events, expected, "events of {place}");
            return;
        }
        let at = |word| told.iter().position(|told| *told == word);
        let overtaken = at("delete").is_some() && at("delete") < at("add");
        let counts = |event: &str| !(event.starts_with("settled") || overtaken && event == "contract.signed");
        let mut wanted: Vec<&str> = expected.iter().copied().filter(|event| counts(event)).collect();
        let mut had: Vec<&str> = self.events.iter().map(String::as_str).filter(|event| counts(event)).collect();
        wanted.sort_unstable();
        had.sort_unstable();
        assert_eq!(had, wanted, "events of {place}");
        let last =
            |events: &mut dyn Iterator<Item = String>| events.filter(|event| event.starts_with("settled")).last();
        let wanted = last(&mut expected.iter().map(|event| (*event).to_owned()));
        assert_eq!(last(&mut self.events.iter().cloned()), wanted, "last outcome of {place}");
    }
}

fn event_word(event: &Event) -> String {
    match event {
        Event::SubscriptionSettled(settled) => format!("settled({})", label(settled.outcome)),
        other => short(other).to_owned(),
    }
}

fn seconds(pause: &str) -> jiff::SignedDuration {
    let (number, unit) = pause.split_at(pause.len() - 1);
    let number: i64 = number.parse().unwrap();
    match unit {
        "m" => jiff::SignedDuration::from_mins(number),
        "h" => jiff::SignedDuration::from_hours(number),
        "d" => jiff::SignedDuration::from_hours(24 * number),
        other => panic!("{other}"),
    }
}

/// What is on record at first: a subscription that was offered, or what the first word says.
fn first(told: &[&str]) -> Loaded {
    let offered = |payment| contract(ContractState::Pending, payment);
    let (order_kind, contract) = match told.first().copied() {
        Some("=pure") => (None, offered(None)),
        Some("=signed") => (None, contract(ContractState::Signed, Some(PaymentStatus::Paid))),
        Some("=deduction") => (Some(OrderKind::Deduction), contract(ContractState::Signed, Some(PaymentStatus::Paid))),
        _ => (Some(OrderKind::PayAndSign), offered(Some(PaymentStatus::Unpaid))),
    };
    let order = order_kind.map(|kind| order(kind, OrderState::Requested));
    Loaded { order, contract: Some(contract), ..Loaded::default() }
}

fn said_by(word: &str, order: Option<&Order>) -> FactBody {
    let payment = |result| payment_body(order.unwrap(), result);
    let succeeded = |refunded| PaymentResult::Succeeded {
        transaction_id: transaction(),
        total: AMOUNT,
        openid: None,
        trade_type: None,
        paid_at: said(60),
        refunded,
    };
    match word {
        "pay" | "paid" => payment(succeeded(false)),
        "refunded" => payment(succeeded(true)),
        "fail" | "failed" => payment(PaymentResult::Failed { code: "NOTENOUGH".to_owned() }),
        "closed" => payment(PaymentResult::Closed),
        "unpaid" => payment(PaymentResult::Unpaid),
        "accepted" => payment(PaymentResult::Accepted),
        "not_found" => payment(PaymentResult::NotFound),
        "undecided" => payment(PaymentResult::Undecided { trade_state: word.to_owned() }),
        "add" | "signed" => contract_body(ContractChange::Signed { at: said(61), expires_at: None }),
        "delete" => contract_body(ContractChange::Terminated { at: said(62), reason: TerminationReason::User }),
        "terminated" => {
            contract_body(ContractChange::Terminated { at: said(62), reason: TerminationReason::MerchantApi })
        }
        "not_signed" => contract_body(ContractChange::NotSigned),
        "absent" => contract_body(ContractChange::Absent),
        "in_progress" => contract_body(ContractChange::InProgress),
        "refund" | "platform_refund" => refund_body(AMOUNT, None, RefundResult::Succeeded { at: said(90) }),
        other => panic!("{other}"),
    }
}
