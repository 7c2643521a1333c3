//! Orders: pay-and-sign (支付中签约), deduction (扣款), one-off.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::decision::settle;
use crate::{
    AppId, Cause, Changes, Check, Contract, ContractCode, ContractId, Contradiction, Decision, Event, Evidence, Fact,
    Fen, MchId, OpenId, OutTradeNo, PaymentFact, PaymentResult, PaymentStatus, Schedule, TradeType, TransactionId,
};

/// Which protocol an order was made with; its queries and refunds follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Protocol {
    /// APIv2: XML.
    V2,
    /// APIv3: JSON.
    V3,
}

/// The algorithm of a signature, weakest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignatureAlgorithm {
    /// V2 `MD5`.
    Md5,
    /// V2 `HMAC-SHA256`.
    HmacSha256,
    /// V3 `WECHATPAY2-SHA256-RSA2048`.
    Rsa,
}

/// What an order is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderKind {
    /// The first payment of a subscription, signed for while paying (`pay/contractorder`).
    PayAndSign,
    /// An automatic deduction (`pay/pappayapply`).
    Deduction,
    /// A purchase without a contract (V3).
    OneOff,
}

/// The state of an order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderState {
    /// On record; WeChat was not asked yet.
    Created,
    /// WeChat was asked.
    Requested,
    /// WeChat accepted a deduction and waits up to 24 hours.
    Accepted,
    /// We are closing it.
    Closing,
    /// Paid.
    Paid,
    /// Paid, and part of it given back.
    PartlyRefunded,
    /// Paid, and all of it given back.
    Refunded,
    /// A deduction failed for good.
    Failed,
    /// Closed unpaid.
    Closed,
}

/// An order on record.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Order {
    /// The layout of this item.
    pub schema: u32,
    /// The merchant.
    pub mch_id: MchId,
    /// The merchant's number.
    pub out_trade_no: OutTradeNo,
    /// What it is for.
    pub kind: OrderKind,
    /// How it was made.
    pub protocol: Protocol,
    /// The application that it was made under.
    pub appid: AppId,
    /// What is to be paid.
    pub amount: Fen,
    /// The algorithm that the order was signed with; a notice signed by a weaker one is a contradiction.
    pub signature: SignatureAlgorithm,
    /// The contract that it belongs to.
    pub contract_code: Option<ContractCode>,
    /// WeChat's number of that contract, for a deduction.
    pub contract_id: Option<ContractId>,
    /// The user that it was made for, where that was said (JSAPI).
    pub openid: Option<OpenId>,
    /// The caller's metadata, as sent in `attach`.
    pub attach: Option<String>,
    /// Where it stands.
    pub state: OrderState,
    /// WeChat's number, once paid.
    pub transaction_id: Option<TransactionId>,
    /// How it was paid.
    pub trade_type: Option<TradeType>,
    /// When it was paid.
    pub paid_at: Option<Timestamp>,
    /// WeChat's code of the failure.
    pub failure: Option<String>,
    /// Given back so far.
    pub refunded: Fen,
    /// Promised to refunds that are not decided.
    pub reserved: Fen,
    /// When it was put on record.
    pub created_at: Timestamp,
    /// Until when the user can pay.
    pub expires_at: Option<Timestamp>,
    /// When to ask WeChat.
    pub check: Option<Check>,
}

impl Order {
    /// Whether the money came, whatever became of it since.
    #[must_use]
    pub fn is_paid(&self) -> bool {
        match self.state {
            OrderState::Paid | OrderState::PartlyRefunded | OrderState::Refunded => true,
            OrderState::Created
            | OrderState::Requested
            | OrderState::Accepted
            | OrderState::Closing
            | OrderState::Failed
            | OrderState::Closed => false,
        }
    }

    /// What may still be refunded: paid, not given back and not promised.
    #[must_use]
    pub fn refundable(&self) -> Fen {
        if self.is_paid() { self.amount.minus(self.refunded).minus(self.reserved) } else { Fen::ZERO }
    }
}

pub(crate) fn decide(
    order: &Order,
    contract: Option<&Contract>,
    fact: &Fact,
    payment: &PaymentFact,
    now: Timestamp,
) -> Decision {
    if let Some(contradiction) = contradiction(order, fact, payment) {
        return Decision::Contradiction(contradiction);
    }
    match &payment.result {
        PaymentResult::Succeeded { .. } => succeeded(order, contract, fact, payment, now),
        PaymentResult::Failed { code } => failed(order, fact, code, contract, now),
        PaymentResult::Closed => closed(order, fact, contract, now),
        PaymentResult::Accepted => accepted(order, fact, now),
        PaymentResult::Unpaid | PaymentResult::NotFound | PaymentResult::Undecided { .. } => {
            undecided(order, fact, now)
        }
    }
}

/// What the message states and our record says otherwise.
fn contradiction(order: &Order, fact: &Fact, payment: &PaymentFact) -> Option<Contradiction> {
    if payment.appid.as_ref().is_some_and(|appid| *appid != order.appid) {
        return Some(Contradiction::AppId);
    }
    if differs(payment.contract_id.as_ref(), order.contract_id.as_ref()) {
        return Some(Contradiction::ContractId);
    }
    let weaker = |algorithm| algorithm < order.signature;
    if matches!((fact.cause, fact.evidence), (Cause::Callback, Evidence::Signed(algorithm)) if weaker(algorithm)) {
        return Some(Contradiction::WeakerAlgorithm);
    }
    let PaymentResult::Succeeded { transaction_id, total, openid, .. } = &payment.result else { return None };
    if *total != order.amount {
        Some(Contradiction::Amount)
    } else if differs(Some(transaction_id), order.transaction_id.as_ref()) {
        Some(Contradiction::TransactionId)
    } else if differs(openid.as_ref(), order.openid.as_ref()) {
        Some(Contradiction::OpenId)
    } else {
        None
    }
}

/// Both are known, and they are not the same.
pub(crate) fn differs<T: PartialEq>(told: Option<&T>, known: Option<&T>) -> bool {
    matches!((told, known), (Some(told), Some(known)) if told != known)
}

fn succeeded(
    order: &Order,
    contract: Option<&Contract>,
    fact: &Fact,
    payment: &PaymentFact,
    now: Timestamp,
) -> Decision {
    let PaymentResult::Succeeded { transaction_id, trade_type, paid_at, refunded, .. } = &payment.result else {
        return Decision::Stale;
    };
    match order.state {
        // Any unpaid state: money is real.
        OrderState::Created
        | OrderState::Requested
        | OrderState::Accepted
        | OrderState::Closing
        | OrderState::Failed
        | OrderState::Closed => {
            if !fact.evidence.proves() {
                return ask(order, fact, now);
            }
            let mut next = order.clone();
            next.state = OrderState::Paid;
            next.transaction_id = Some(transaction_id.clone());
            next.trade_type = *trade_type;
            next.paid_at = Some(paid_at.unwrap_or(now));
            next.failure = None;
            // Paid and refunded since: the refunds are asked for at once.
            next.check = refunded.then(|| Check::asked(None, now));
            let mut events = vec![Event::paid(&next, fact.cause)];
            let contract = first_payment(&next, contract, PaymentStatus::Paid, &mut events, fact, now);
            let key = format!("payment#{}#{transaction_id}#SUCCESS", order.out_trade_no);
            apply(next, contract, events, Some(key))
        }
        OrderState::Paid if *refunded && order.check.is_none() && order.reserved == Fen::ZERO => ask(order, fact, now),
        OrderState::Paid | OrderState::PartlyRefunded | OrderState::Refunded => {
            nothing_new(order, fact, now, Decision::Duplicate)
        }
    }
}

fn failed(order: &Order, fact: &Fact, code: &str, contract: Option<&Contract>, now: Timestamp) -> Decision {
    match order.state {
        OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing => {
            match (fact.cause, order.kind) {
                // The official samples of a failure contradict each other: ask before booking one.
                (Cause::Callback, _) => ask(order, fact, now),
                // An unsigned error is no proof that money did not move.
                _ if !fact.evidence.proves() => ask(order, fact, now),
                // The user may try again with another card until the order is closed.
                (_, OrderKind::PayAndSign | OrderKind::OneOff) => undecided(order, fact, now),
                (Cause::Query | Cause::Bill | Cause::Api, OrderKind::Deduction) => {
                    end(order, fact, Some(code), contract, now)
                }
            }
        }
        OrderState::Failed | OrderState::Closed => nothing_new(order, fact, now, Decision::Duplicate),
        OrderState::Paid | OrderState::PartlyRefunded | OrderState::Refunded => overtaken(order, fact, now),
    }
}

fn closed(order: &Order, fact: &Fact, contract: Option<&Contract>, now: Timestamp) -> Decision {
    match order.state {
        OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing => match fact.cause {
            Cause::Query | Cause::Bill | Cause::Api if fact.evidence.proves() => end(order, fact, None, contract, now),
            Cause::Callback | Cause::Query | Cause::Bill | Cause::Api => ask(order, fact, now),
        },
        OrderState::Failed | OrderState::Closed => nothing_new(order, fact, now, Decision::Duplicate),
        OrderState::Paid | OrderState::PartlyRefunded | OrderState::Refunded => overtaken(order, fact, now),
    }
}

/// A late failure notice of a paid order is old news; a proved answer that says so contradicts what was proved.
fn overtaken(order: &Order, fact: &Fact, now: Timestamp) -> Decision {
    match fact.cause {
        Cause::Query | Cause::Bill | Cause::Api if fact.evidence.proves() => {
            Decision::Contradiction(Contradiction::State)
        }
        Cause::Callback | Cause::Query | Cause::Bill | Cause::Api => nothing_new(order, fact, now, Decision::Stale),
    }
}

fn accepted(order: &Order, fact: &Fact, now: Timestamp) -> Decision {
    match order.state {
        OrderState::Created | OrderState::Requested if fact.evidence.proves() => {
            let moved = match fact.cause {
                Cause::Query => scheduled(order, now),
                Cause::Callback | Cause::Bill | Cause::Api => order.clone(),
            };
            apply(Order { state: OrderState::Accepted, ..moved }, None, Vec::new(), None)
        }
        OrderState::Accepted => nothing_new(order, fact, now, Decision::Duplicate),
        OrderState::Created
        | OrderState::Requested
        | OrderState::Closing
        | OrderState::Paid
        | OrderState::PartlyRefunded
        | OrderState::Refunded
        | OrderState::Failed
        | OrderState::Closed => undecided(order, fact, now),
    }
}

/// Nothing is decided yet: ask again later, and at once where a notice said so.
fn undecided(order: &Order, fact: &Fact, now: Timestamp) -> Decision {
    match order.state {
        OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing => match fact.cause {
            Cause::Callback => ask(order, fact, now),
            Cause::Query | Cause::Bill | Cause::Api => nothing_new(order, fact, now, Decision::Duplicate),
        },
        OrderState::Paid
        | OrderState::PartlyRefunded
        | OrderState::Refunded
        | OrderState::Failed
        | OrderState::Closed => nothing_new(order, fact, now, Decision::Stale),
    }
}

/// Nothing changes but the check that was answered, if one was due: left alone it would stay due. Only a query answers it; a notice
/// could be replayed until the schedule ran out.
fn nothing_new(order: &Order, fact: &Fact, now: Timestamp, otherwise: Decision) -> Decision {
    let due = order.check.as_ref().is_some_and(|check| check.is_due(now));
    match fact.cause {
        Cause::Query if due => apply(scheduled(order, now), None, Vec::new(), None),
        Cause::Callback | Cause::Query | Cause::Bill | Cause::Api => otherwise,
    }
}

fn scheduled(order: &Order, now: Timestamp) -> Order {
    let check = order.check.as_ref().and_then(|check| schedule(order).after_answer(check, now));
    Order { check, ..order.clone() }
}

/// A deduction that is open is followed until it is final; nobody closes it.
fn schedule(order: &Order) -> Schedule {
    match (order.state, order.kind) {
        (
            OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing,
            OrderKind::Deduction,
        ) => Schedule::Deduction,
        (
            OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing,
            OrderKind::PayAndSign | OrderKind::OneOff,
        )
        | (
            OrderState::Paid
            | OrderState::PartlyRefunded
            | OrderState::Refunded
            | OrderState::Failed
            | OrderState::Closed,
            _,
        ) => Schedule::Order,
    }
}

/// The end of an unpaid order: a deduction has failed, anything else is closed.
fn end(order: &Order, fact: &Fact, code: Option<&str>, contract: Option<&Contract>, now: Timestamp) -> Decision {
    let mut next = order.clone();
    next.state = match order.kind {
        OrderKind::Deduction => OrderState::Failed,
        OrderKind::PayAndSign | OrderKind::OneOff => OrderState::Closed,
    };
    next.failure = code.map(str::to_owned).or(next.failure);
    next.check = None;
    let mut events = vec![Event::not_paid(&next, fact.cause)];
    let contract = first_payment(&next, contract, PaymentStatus::Closed, &mut events, fact, now);
    let key = format!("payment#{}##{}", order.out_trade_no, if code.is_some() { "FAIL" } else { "CLOSED" });
    apply(next, contract, events, Some(key))
}

/// What a payment means for the contract that was offered with it.
pub(crate) fn first_payment(
    order: &Order,
    contract: Option<&Contract>,
    status: PaymentStatus,
    events: &mut Vec<Event>,
    fact: &Fact,
    now: Timestamp,
) -> Option<Contract> {
    let contract = contract.filter(|contract| contract.first_order() == Some(&order.out_trade_no))?;
    let mut next = contract.clone();
    next.first_order_became(status, order.paid_at, now);
    settle(&mut next, events, fact);
    Some(next)
}

fn ask(order: &Order, fact: &Fact, now: Timestamp) -> Decision {
    if fact.is_unproved_answer() || order.check.as_ref().is_some_and(|check| check.asked) {
        return nothing_new(order, fact, now, Decision::Duplicate);
    }
    let next = Order { check: Some(Check::asked(order.check.as_ref(), now)), ..order.clone() };
    Decision::Ask(Box::new(Changes { order: Some(next), ..Changes::default() }))
}

fn apply(order: Order, contract: Option<Contract>, events: Vec<Event>, key: Option<String>) -> Decision {
    Decision::Apply { changes: Box::new(Changes { order: Some(order), contract, refund: None }), events, key }
}
