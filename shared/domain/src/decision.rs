//! What follows from a fact.

use jiff::Timestamp;

use crate::{
    Called, Contract, ContractCode, ContractState, Event, ExemptContract, ExemptKey, Fact, FactBody, Order,
    OutRefundNo, OutTradeNo, Refund, Refusal, contract, exempt, opened, order, outcome, refund,
};

/// The items that a fact is about.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Keys {
    /// An order.
    pub order: Option<OutTradeNo>,
    /// A contract.
    pub contract: Option<ContractCode>,
    /// A refund.
    pub refund: Option<OutRefundNo>,
    /// A password-exempt contract.
    pub exempt: Option<ExemptKey>,
}

/// What is on record of them.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Loaded {
    /// The order, if there is one.
    pub order: Option<Order>,
    /// The contract of the fact, or of the order.
    pub contract: Option<Contract>,
    /// The refund.
    pub refund: Option<Refund>,
    /// The password-exempt contract.
    pub exempt: Option<ExemptContract>,
}

/// The next state of each item that changes; `None` stays as it is.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Changes {
    /// The order.
    pub order: Option<Order>,
    /// The contract.
    pub contract: Option<Contract>,
    /// The refund.
    pub refund: Option<Refund>,
    /// The password-exempt contract.
    pub exempt: Option<ExemptContract>,
}

/// What follows.
#[derive(Clone, Debug, PartialEq)]
pub enum Decision {
    /// State changes, and events tell of it.
    Apply {
        /// The next states.
        changes: Box<Changes>,
        /// In the order in which they are to be read. Empty where nobody outside need know.
        events: Vec<Event>,
        /// The business key: it names the fact, not the delivery. `None` where the same fact may rightly come again
        /// (a query that only schedules the next one).
        key: Option<String>,
    },
    /// It cannot be believed by itself: a due check is set to now, and the query's answer will book it.
    Ask(Box<Changes>),
    /// The state already says so.
    Duplicate,
    /// Older than what we know, or overtaken by it: recorded, not applied.
    Stale,
    /// It differs from what is on record: nothing changes, a person must look.
    Contradiction(Contradiction),
    /// It is about something that we do not know.
    Unknown(Unknown),
    /// A call of our own that must not happen: nothing changes.
    Refused(Refusal),
    /// Understood, and nothing follows.
    Noted,
}

/// In which field a verified message and our record contradict each other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Contradiction {
    /// The amount: V2 `total_fee`, V3 `amount.total`, or a refund's.
    Amount,
    /// `appid`
    AppId,
    /// `plan_id`
    Plan,
    /// `transaction_id`
    TransactionId,
    /// `out_trade_no` of a refund.
    OutTradeNo,
    /// `contract_id`
    ContractId,
    /// `refund_id`
    RefundId,
    /// `openid` of an order that was made for one user.
    OpenId,
    /// `attach`, the caller's metadata.
    Attach,
    /// `trade_type`
    TradeType,
    /// Signed by a weaker algorithm than the order was.
    WeakerAlgorithm,
    /// WeChat's own states contradict each other (closed after paid).
    State,
}

impl Contradiction {
    /// A stable label for metrics, logs and events.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Amount => "amount",
            Self::AppId => "appid",
            Self::Plan => "plan_id",
            Self::TransactionId => "transaction_id",
            Self::OutTradeNo => "out_trade_no",
            Self::ContractId => "contract_id",
            Self::RefundId => "refund_id",
            Self::OpenId => "openid",
            Self::Attach => "attach",
            Self::TradeType => "trade_type",
            Self::WeakerAlgorithm => "weaker_algorithm",
            Self::State => "state",
        }
    }
}

/// What it is that we do not know.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Unknown {
    /// The order.
    Order,
    /// The contract.
    Contract,
}

impl Unknown {
    /// A stable label for metrics, logs and events.
    #[must_use]
    pub fn label(self) -> &'static str {
        match self {
            Self::Order => "unknown_order",
            Self::Contract => "unknown_contract",
        }
    }
}

impl Changes {
    /// Whether nothing differs from what is on record but the checks.
    fn only_check(&self, loaded: &Loaded) -> bool {
        fn same<T: PartialEq>(next: Option<&T>, on_record: Option<&T>, with_check_of: impl Fn(&T, &T) -> T) -> bool {
            match (next, on_record) {
                (None, _) => true,
                (Some(next), Some(on_record)) => with_check_of(next, on_record) == *on_record,
                (Some(_), None) => false,
            }
        }
        same(self.order.as_ref(), loaded.order.as_ref(), |next, was| Order { check: was.check.clone(), ..next.clone() })
            && same(self.contract.as_ref(), loaded.contract.as_ref(), |next, was| Contract {
                check: was.check.clone(),
                ..next.clone()
            })
            && same(self.refund.as_ref(), loaded.refund.as_ref(), |next, was| Refund {
                check: was.check.clone(),
                ..next.clone()
            })
            && same(self.exempt.as_ref(), loaded.exempt.as_ref(), |next, was| ExemptContract {
                check: was.check.clone(),
                ..next.clone()
            })
    }
}

/// What follows from `fact`, given what is on record: pure and total.
///
/// The keys of `loaded` must be those of [`Fact::keys`], and the contract that the order names.
#[must_use]
pub fn decide(loaded: &Loaded, fact: &Fact, now: Timestamp) -> Decision {
    match &fact.body {
        FactBody::Payment(payment) => match &loaded.order {
            Some(known) => order::decide(known, loaded.contract.as_ref(), fact, payment, now),
            None => Decision::Unknown(Unknown::Order),
        },
        FactBody::Contract(contract) => match &loaded.contract {
            Some(known) => contract::decide(known, loaded.order.as_ref(), fact, contract, now),
            None => Decision::Unknown(Unknown::Contract),
        },
        FactBody::Refund(refund) => match (&loaded.refund, &loaded.order) {
            (known, Some(order)) => refund::decide(known.as_ref(), order, loaded.contract.as_ref(), fact, refund, now),
            (_, None) => Decision::Unknown(Unknown::Order),
        },
        FactBody::Exempt(told) => match &loaded.exempt {
            Some(known) => exempt::decide(known, fact, told, now),
            None => Decision::Unknown(Unknown::Contract),
        },
        // An answer that proves nothing.
        FactBody::Opened(_) | FactBody::Called(_) if !fact.evidence.proves() => Decision::Stale,
        FactBody::Opened(opened) if *opened.mch_id() != fact.mch_id => Decision::Refused(Refusal::Inconsistent),
        FactBody::Opened(opened) => opened::decide(loaded, opened, now),
        FactBody::Called(called) => decide_call(loaded, fact, called, now),
        FactBody::Noted { .. } => Decision::Noted,
    }
}

/// [`decide`], for an answer that no due check asked for: a look of the app must not use up a schedule that closes, repeats and
/// ends, however often it comes. What changes nothing but a check is a duplicate.
#[must_use]
pub fn decide_in_passing(loaded: &Loaded, fact: &Fact, now: Timestamp) -> Decision {
    let decision = decide(loaded, fact, now);
    let only_check = matches!(
        &decision,
        Decision::Apply { changes, events, key: None } if events.is_empty() && changes.only_check(loaded)
    );
    if only_check { Decision::Duplicate } else { decision }
}

fn decide_call(loaded: &Loaded, fact: &Fact, called: &Called, now: Timestamp) -> Decision {
    let contract = loaded.contract.as_ref();
    let of_order = |decide: &dyn Fn(&Order) -> Decision| match &loaded.order {
        Some(order) => decide(order),
        None => Decision::Unknown(Unknown::Order),
    };
    let of_contract = |decide: &dyn Fn(&Contract) -> Decision| match &loaded.contract {
        Some(contract) => decide(contract),
        None => Decision::Unknown(Unknown::Contract),
    };
    let of_refund = |decide: &dyn Fn(&Refund) -> Decision| match &loaded.refund {
        Some(refund) => decide(refund),
        None => Decision::Refused(Refusal::Inconsistent),
    };
    let of_exempt = |decide: &dyn Fn(&ExemptContract) -> Decision| match &loaded.exempt {
        Some(contract) => decide(contract),
        None => Decision::Unknown(Unknown::Contract),
    };
    match called {
        Called::OrderPlaced { launch, unsigned, .. } => of_order(&|order| match unsigned {
            None => order::placed(order, contract, launch),
            Some(reason) => order::placed_unsigned(order, contract, *reason, fact, now),
        }),
        Called::OrderRefused { code, .. } => of_order(&|order| order::refused(order, contract, fact, code, now)),
        Called::ClosingAsked { .. } => of_order(&|order| order::closing_asked(order, now)),
        Called::ContractOffered { launch, until, .. } => {
            of_contract(&|contract| contract::offered(contract, launch.as_ref(), *until, now))
        }
        Called::ContractRefused { .. } => of_contract(&|contract| contract::refused(contract, fact)),
        Called::OfferWithdrawn { .. } => of_contract(&|contract| contract::withdrawn(contract, fact, now)),
        Called::SignedBefore { existing, .. } => of_contract(&|it| contract::signed_before(it, existing, fact)),
        Called::TerminationAsked { .. } => of_contract(&|contract| contract::termination_asked(contract, now)),
        Called::NoticeAsked { amount, .. } => of_contract(&|it| contract::noticed::asked(it, *amount, now)),
        Called::NoticeSent { amount, already, .. } => {
            of_contract(&|it| contract::noticed::sent(it, *amount, *already, now))
        }
        Called::NoticeRefused { amount, .. } => of_contract(&|it| contract::noticed::refused(it, *amount)),
        Called::RepairAsked { request, .. } => of_refund(&|refund| refund::repair_asked(refund, request, now)),
        Called::RefundPutOff { code, .. } => of_refund(&|refund| refund::put_off(refund, code)),
        Called::ExemptOffered { .. } => of_exempt(&exempt::offered),
        Called::ExemptRefused { code, .. } => of_exempt(&|contract| exempt::refused(contract, code)),
        Called::ExemptTerminationAsked { .. } => of_exempt(&|contract| exempt::termination_asked(contract, now)),
    }
}

/// The event of a subscription whose settled outcome changed, and its record on the contract.
pub(crate) fn settle(contract: &mut Contract, events: &mut Vec<Event>, fact: &Fact) {
    let outcome = outcome(contract);
    if outcome.is_settled() && contract.settled != Some(outcome) {
        contract.settled = Some(outcome);
        events.push(Event::subscription_settled(contract, outcome, fact.cause));
    }
    if contract.state == ContractState::Terminated {
        contract.check = None;
    }
}
