//! The order, contract or refund that a notification is about, put on record as the APIs will do it.

use counterparty::Numbers;
use domain::{
    AppId, Changes, Contract, ContractCode, ContractId, ContractState, Fen, FirstPayment, InvalidValue, MchId, Order,
    OrderKind, OrderState, OutRefundNo, OutTradeNo, Outcome, PaymentStatus, PlanId, Protocol, Refund, RefundOrigin,
    RefundState, SCHEMA, Schedule, SignatureAlgorithm, Timestamp, TransactionId,
};
use record::{DynamoLedger, Jitter, RecordError, Recorded, Recorder, Routing, Tables};

use crate::Clients;
use crate::story::Story;

/// The rows could not be put on record.
#[derive(Debug, thiserror::Error)]
pub enum SeedError {
    /// A number breaks its rule.
    #[error(transparent)]
    Number(#[from] InvalidValue),
    /// The ledger did not take them.
    #[error(transparent)]
    Record(#[from] RecordError),
}

/// Puts a story on record, unless it is there already; answers what became of messages that were held for want of it.
///
/// # Errors
/// [`SeedError`]
pub async fn seed(
    clients: &Clients,
    tables: &Tables,
    routing: &Routing,
    story: Story,
    numbers: &Numbers,
    now: Timestamp,
) -> Result<Vec<Recorded>, SeedError> {
    let ledger = DynamoLedger::new(clients.dynamodb.clone(), tables.clone());
    let recorder = Recorder::new(ledger, Jitter, routing.clone());
    let mch_id = MchId::parse(&numbers.mch_id)?;
    let mut revisited = Vec::new();
    for rows in rows(story, numbers, now)? {
        match recorder.create(&mch_id, rows, now, domain::decide).await {
            Ok(outcomes) => revisited.extend(outcomes),
            Err(RecordError::Exists) => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(revisited)
}

/// The rows of a story, one transaction an element.
///
/// # Errors
/// A number breaks its rule.
pub fn rows(story: Story, numbers: &Numbers, now: Timestamp) -> Result<Vec<Changes>, InvalidValue> {
    let make = Maker { numbers, now };
    Ok(match story {
        Story::Nothing => Vec::new(),
        Story::PayAndSign => vec![Changes {
            order: Some(make.order(OrderKind::PayAndSign, Protocol::V2)?),
            contract: Some(make.contract(ContractState::Pending, Some(PaymentStatus::Unpaid))?),
            ..Changes::default()
        }],
        Story::Signing => vec![Changes {
            order: Some(make.paid(OrderKind::PayAndSign, Protocol::V2)?),
            contract: Some(make.contract(ContractState::Pending, Some(PaymentStatus::Paid))?),
            ..Changes::default()
        }],
        Story::Signed => vec![Changes {
            order: Some(make.paid(OrderKind::PayAndSign, Protocol::V2)?),
            contract: Some(make.contract(ContractState::Signed, Some(PaymentStatus::Paid))?),
            ..Changes::default()
        }],
        Story::Offered => {
            vec![Changes { contract: Some(make.contract(ContractState::Pending, None)?), ..Changes::default() }]
        }
        Story::Deduction => make.deduction(Protocol::V2)?,
        Story::DeductionV3 => make.deduction(Protocol::V3)?,
        Story::OneOff => {
            vec![Changes { order: Some(make.order(OrderKind::OneOff, Protocol::V3)?), ..Changes::default() }]
        }
        Story::Refund => vec![Changes {
            order: Some(make.refunding(OrderKind::OneOff, Protocol::V3)?),
            refund: Some(make.refund(Protocol::V3)?),
            ..Changes::default()
        }],
        Story::RefundV2 => vec![Changes {
            order: Some(make.refunding(OrderKind::PayAndSign, Protocol::V2)?),
            contract: Some(make.contract(ContractState::Signed, Some(PaymentStatus::Paid))?),
            refund: Some(make.refund(Protocol::V2)?),
            ..Changes::default()
        }],
    })
}

/// Makes rows of one set of numbers.
struct Maker<'a> {
    numbers: &'a Numbers,
    now: Timestamp,
}

impl Maker<'_> {
    /// An order that WeChat knows and nobody has paid.
    fn order(&self, kind: OrderKind, protocol: Protocol) -> Result<Order, InvalidValue> {
        let Self { numbers, now } = self;
        let contract_code = match kind {
            OrderKind::PayAndSign | OrderKind::Deduction => Some(ContractCode::parse(&numbers.contract_code)?),
            OrderKind::OneOff => None,
        };
        Ok(Order {
            schema: SCHEMA,
            mch_id: MchId::parse(&numbers.mch_id)?,
            out_trade_no: OutTradeNo::parse(&numbers.out_trade_no)?,
            kind,
            protocol,
            appid: AppId::parse(&numbers.appid)?,
            amount: Fen::new(numbers.total),
            signature: match protocol {
                Protocol::V2 => SignatureAlgorithm::Md5,
                Protocol::V3 => SignatureAlgorithm::Rsa,
            },
            contract_code,
            contract_id: None,
            openid: None,
            attach: None,
            product: None,
            channel: None,
            request: None,
            launch: None,
            state: OrderState::Requested,
            transaction_id: None,
            trade_type: None,
            paid_at: None,
            failure: None,
            refunded: Fen::ZERO,
            reserved: Fen::ZERO,
            refunds: 0,
            last_refund_at: None,
            refunded_elsewhere: false,
            user: None,
            created_at: *now,
            expires_at: None,
            check: Some(Schedule::Order.first(*now)),
        })
    }

    fn paid(&self, kind: OrderKind, protocol: Protocol) -> Result<Order, InvalidValue> {
        Ok(Order {
            state: OrderState::Paid,
            transaction_id: Some(TransactionId::parse(&self.numbers.transaction_id)?),
            paid_at: Some(self.now),
            check: None,
            ..self.order(kind, protocol)?
        })
    }

    fn refunding(&self, kind: OrderKind, protocol: Protocol) -> Result<Order, InvalidValue> {
        Ok(Order { reserved: Fen::new(self.numbers.refund), ..self.paid(kind, protocol)? })
    }

    fn contract(&self, state: ContractState, first: Option<PaymentStatus>) -> Result<Contract, InvalidValue> {
        let Self { numbers, now } = self;
        let code = ContractCode::parse(&numbers.contract_code)?;
        let paid = first == Some(PaymentStatus::Paid);
        let is_signed = state == ContractState::Signed;
        let payment = match (first, code.first_order()) {
            (Some(status), Some(out_trade_no)) => {
                Some(FirstPayment { out_trade_no, status, paid_at: paid.then_some(*now), payer: None, late: false })
            }
            _ => None,
        };
        let schedule = match (is_signed, paid) {
            (true, _) => Some(Schedule::SignedContract),
            (false, true) => Some(Schedule::ContractAfterPayment),
            (false, false) if first.is_none() => Some(Schedule::ContractAfterOffer),
            (false, false) => None,
        };
        Ok(Contract {
            schema: SCHEMA,
            mch_id: MchId::parse(&numbers.mch_id)?,
            contract_code: code,
            plan_id: PlanId::parse(&numbers.plan_id)?,
            appid: AppId::parse(&numbers.appid)?,
            contract_id: is_signed.then(|| ContractId::parse(&numbers.contract_id)).transpose()?,
            openid: None,
            user: None,
            product: None,
            channel: None,
            request_serial: None,
            display_account: None,
            metadata: None,
            request: None,
            launch: None,
            offered_until: None,
            open_deduction: None,
            paid_periods: std::collections::BTreeSet::new(),
            notice: None,
            state,
            payment,
            not_signed_reason: None,
            existing: None,
            signed_at: is_signed.then_some(*now),
            expires_at: None,
            terminating_at: None,
            terminated_at: None,
            termination_reason: None,
            settled: is_signed.then_some(if paid { Outcome::Active } else { Outcome::Signed }),
            created_at: *now,
            check: schedule.map(|schedule| schedule.first(*now)),
        })
    }

    /// The contract with its first order, and an accepted deduction.
    fn deduction(&self, protocol: Protocol) -> Result<Vec<Changes>, InvalidValue> {
        let numbers = self.numbers;
        let first = Story::Signed.numbers(&numbers.mch_id, &numbers.contract_code, numbers.now);
        let first = Numbers { contract_id: numbers.contract_id.clone(), ..first };
        let mut rows = rows(Story::Signed, &first, self.now)?;
        let deduction = Order {
            state: OrderState::Accepted,
            contract_id: Some(ContractId::parse(&numbers.contract_id)?),
            ..self.order(OrderKind::Deduction, protocol)?
        };
        rows.push(Changes { order: Some(deduction), ..Changes::default() });
        Ok(rows)
    }

    fn refund(&self, protocol: Protocol) -> Result<Refund, InvalidValue> {
        let Self { numbers, now } = self;
        Ok(Refund {
            schema: SCHEMA,
            mch_id: MchId::parse(&numbers.mch_id)?,
            out_refund_no: OutRefundNo::parse(&numbers.out_refund_no)?,
            out_trade_no: OutTradeNo::parse(&numbers.out_trade_no)?,
            refund_id: None,
            origin: RefundOrigin::Api,
            protocol,
            amount: Fen::new(numbers.refund),
            state: RefundState::Processing,
            repairs: 0,
            repairing_at: None,
            repair: None,
            ends_contract: false,
            given_up: false,
            succeeded_at: None,
            failure: None,
            reason: None,
            request: None,
            created_at: *now,
            check: Some(Schedule::Refund.first(*now)),
        })
    }
}
