//! Items and facts about one subscription: contract, first order, and a refund of it.

use domain::{
    AppId, Cause, Check, Contract, ContractChange, ContractCode, ContractFact, ContractId, ContractState, Evidence,
    ExemptChange, ExemptContract, ExemptFact, ExemptMode, ExemptState, Fact, FactBody, Fen, FirstPayment, Loaded,
    MchId, OpenId, Order, OrderKind, OrderState, OutRefundNo, OutTradeNo, PaymentFact, PaymentResult, PaymentStatus,
    PlanId, Protocol, Refund, RefundFact, RefundId, RefundOrigin, RefundResult, RefundState, RequestText, SCHEMA,
    Schedule, SignatureAlgorithm, Timestamp, TransactionId, UserId,
};

pub(crate) const AMOUNT: Fen = Fen::new(1_800);
/// When everything here began, Unix seconds.
const START: i64 = 1_764_554_400;

/// So many seconds after the start.
pub(crate) fn time(seconds: i64) -> Timestamp {
    Timestamp::from_second(START + seconds).unwrap()
}

pub(crate) fn said(seconds: i64) -> Option<Timestamp> {
    Some(time(seconds))
}

/// The time of every decision in a grid: a minute after the payment.
pub(crate) fn now() -> Timestamp {
    time(60)
}

pub(crate) fn mch_id() -> MchId {
    MchId::parse("10000100").unwrap()
}

pub(crate) fn appid() -> AppId {
    AppId::parse("wx2421b1c4370ec43b").unwrap()
}

pub(crate) fn code() -> ContractCode {
    ContractCode::parse("01JD3Q0VZC5W8K2M7N4P").unwrap()
}

/// Of another attempt.
pub(crate) fn other_code() -> ContractCode {
    ContractCode::parse("01JC0000000000000000").unwrap()
}

pub(crate) fn contract_id() -> ContractId {
    ContractId::parse("202512010000000001").unwrap()
}

pub(crate) fn openid() -> OpenId {
    OpenId::parse("onqOjjmM1tad-3ROpncN-yUfa6ua").unwrap()
}

pub(crate) fn plan_id() -> PlanId {
    PlanId::parse("12535").unwrap()
}

pub(crate) fn transaction() -> TransactionId {
    TransactionId::parse("4200000000202512010000000001").unwrap()
}

pub(crate) fn refund_id() -> RefundId {
    RefundId::parse("50000000002025120200000000001").unwrap()
}

pub(crate) fn out_refund_no() -> OutRefundNo {
    OutRefundNo::parse("01JD3Q0VZC5W8K2M7N4PF0R1").unwrap()
}

pub(crate) fn first_order() -> OutTradeNo {
    code().first_order().unwrap()
}

pub(crate) fn number(kind: OrderKind) -> OutTradeNo {
    match kind {
        OrderKind::PayAndSign => first_order(),
        OrderKind::Deduction => OutTradeNo::parse("01JD3Q0VZC5W8K2M7N4PP0001A01").unwrap(),
        OrderKind::OneOff => OutTradeNo::parse("20251201-0001").unwrap(),
    }
}

/// An order as it is on record in this state, with a scheduled check while it is open.
pub(crate) fn order(kind: OrderKind, state: OrderState) -> Order {
    let blank = Order {
        schema: SCHEMA,
        mch_id: mch_id(),
        out_trade_no: number(kind),
        kind,
        protocol: Protocol::V2,
        appid: appid(),
        amount: AMOUNT,
        signature: SignatureAlgorithm::Md5,
        contract_code: (kind != OrderKind::OneOff).then(code),
        contract_id: (kind == OrderKind::Deduction).then(contract_id),
        openid: None,
        attach: Some("metadata".to_owned()),
        product: None,
        channel: None,
        request: None,
        user: None,
        launch: None,
        state,
        transaction_id: None,
        trade_type: None,
        paid_at: None,
        failure: None,
        refunded: Fen::ZERO,
        reserved: Fen::ZERO,
        refunds: 0,
        last_refund_at: None,
        refunded_elsewhere: false,
        created_at: time(0),
        expires_at: None,
        check: None,
    };
    match state {
        OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing => {
            Order { check: Some(Schedule::Order.first(time(0))), ..blank }
        }
        OrderState::Paid => Order { transaction_id: Some(transaction()), paid_at: said(5), ..blank },
        OrderState::PartlyRefunded => Order {
            transaction_id: Some(transaction()),
            paid_at: said(5),
            refunded: Fen::new(AMOUNT.get() / 3),
            ..blank
        },
        OrderState::Refunded => {
            Order { transaction_id: Some(transaction()), paid_at: said(5), refunded: AMOUNT, ..blank }
        }
        OrderState::Failed => Order { failure: Some("NOTENOUGH".to_owned()), ..blank },
        OrderState::Closed => blank,
    }
}

/// A purchase by V3 in this state.
pub(crate) fn purchase(state: OrderState) -> Order {
    Order {
        protocol: Protocol::V3,
        signature: SignatureAlgorithm::Rsa,
        request: Some(RequestText::new("{}")),
        user: Some(UserId::parse("alice").unwrap()),
        ..order(OrderKind::OneOff, state)
    }
}

/// A contract in this state, offered with its first order, or without payment.
pub(crate) fn contract(state: ContractState, payment: Option<PaymentStatus>) -> Contract {
    let signed = matches!(state, ContractState::Signed | ContractState::Terminating | ContractState::Terminated);
    let check = match (state, payment) {
        (ContractState::Terminated | ContractState::NotSigned | ContractState::Created, _) => None,
        (ContractState::Signed | ContractState::Terminating, _) => Some(Schedule::SignedContract.first(time(0))),
        (ContractState::Pending, Some(_)) => Some(Schedule::ContractAfterPayment.first(time(5))),
        (ContractState::Pending, None) => Some(Schedule::ContractAfterOffer.first(time(0))),
    };
    let mut contract = Contract {
        schema: SCHEMA,
        mch_id: mch_id(),
        contract_code: code(),
        plan_id: plan_id(),
        appid: appid(),
        contract_id: signed.then(contract_id),
        openid: signed.then(openid),
        user: Some(UserId::parse("alice").unwrap()),
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
        payment: payment.map(|status| FirstPayment {
            out_trade_no: first_order(),
            status,
            paid_at: match status {
                PaymentStatus::Paid | PaymentStatus::PartlyRefunded | PaymentStatus::Refunded => said(5),
                PaymentStatus::Unpaid | PaymentStatus::Closed => None,
            },
            payer: None,
            late: false,
        }),
        not_signed_reason: (state == ContractState::NotSigned).then_some(domain::NotSignedReason::Declined),
        existing: None,
        signed_at: if signed { said(10) } else { None },
        expires_at: None,
        terminating_at: if state == ContractState::Terminating { said(15) } else { None },
        terminated_at: if state == ContractState::Terminated { said(20) } else { None },
        termination_reason: (state == ContractState::Terminated).then_some(domain::TerminationReason::User),
        settled: None,
        created_at: time(0),
        check,
    };
    contract.settled = Some(domain::outcome(&contract)).filter(|outcome| outcome.is_settled());
    contract
}

/// A refund in this state, of this amount, of the first order.
pub(crate) fn refund(state: RefundState, amount: Fen) -> Refund {
    let check = match state {
        RefundState::Reported => Some(Check::asked(None, time(40))),
        RefundState::Created | RefundState::Processing | RefundState::Repairing => {
            Some(Schedule::Refund.first(time(40)))
        }
        RefundState::Abnormal => Some(Schedule::AbnormalRefund.first(time(40))),
        RefundState::Succeeded | RefundState::Closed | RefundState::Rejected => None,
    };
    let origin = if state == RefundState::Reported { RefundOrigin::Platform } else { RefundOrigin::Api };
    Refund {
        schema: SCHEMA,
        mch_id: mch_id(),
        out_refund_no: out_refund_no(),
        out_trade_no: first_order(),
        refund_id: None,
        origin,
        protocol: Protocol::V2,
        amount,
        state,
        repairs: u32::from(state == RefundState::Repairing),
        repairing_at: if state == RefundState::Repairing { said(50) } else { None },
        succeeded_at: if state == RefundState::Succeeded { said(30) } else { None },
        failure: None,
        reason: None,
        request: None,
        repair: None,
        ends_contract: false,
        given_up: false,
        created_at: time(40),
        check,
    }
}

/// The paid first order as it is on record beside a refund of this amount in this state.
pub(crate) fn refunded_order(state: Option<RefundState>, amount: Fen) -> Order {
    let paid = order(OrderKind::PayAndSign, OrderState::Paid);
    match state {
        Some(RefundState::Created | RefundState::Processing | RefundState::Abnormal | RefundState::Repairing) => {
            Order { reserved: amount, ..paid }
        }
        Some(RefundState::Succeeded) => {
            let state = if amount == AMOUNT { OrderState::Refunded } else { OrderState::PartlyRefunded };
            Order { state, refunded: amount, ..paid }
        }
        Some(RefundState::Reported | RefundState::Closed | RefundState::Rejected) | None => paid,
    }
}

/// A password-exempt contract in this state, offered with a purchase.
pub(crate) fn exempt(state: ExemptState) -> ExemptContract {
    let signed = matches!(state, ExemptState::Signed | ExemptState::Terminating | ExemptState::Terminated);
    let check = match state {
        ExemptState::Created | ExemptState::Offered => Some(Schedule::PreSigning.first(time(0))),
        ExemptState::Signed => Some(Schedule::SignedContract.first(time(0))),
        ExemptState::Terminating => Some(Schedule::Termination.first(time(15))),
        ExemptState::Refused | ExemptState::NotSigned | ExemptState::Terminated => None,
    };
    ExemptContract {
        schema: SCHEMA,
        mch_id: mch_id(),
        service_id: 500_001,
        contract_code: code(),
        mode: ExemptMode::Normal,
        appid: appid(),
        sub_mch_id: None,
        sub_appid: None,
        out_trade_no: Some(number(OrderKind::OneOff)),
        user: Some(UserId::parse("alice").unwrap()),
        contract_id: signed.then(contract_id),
        openid: signed.then(openid),
        request: Some(RequestText::new("{}")),
        state,
        failure: (state == ExemptState::Refused).then(|| "NO_AUTH".to_owned()),
        signed_at: if signed { said(10) } else { None },
        terminating_at: if state == ExemptState::Terminating { said(15) } else { None },
        terminated_at: if state == ExemptState::Terminated { said(20) } else { None },
        termination_reason: (state == ExemptState::Terminated).then_some(domain::TerminationReason::User),
        created_at: time(0),
        check,
    }
}

/// What is told of it.
pub(crate) fn exempt_body(change: ExemptChange) -> FactBody {
    let named = match change {
        ExemptChange::Signed { .. } | ExemptChange::Terminated { .. } => true,
        ExemptChange::Absent | ExemptChange::Reported | ExemptChange::Undecided { .. } => false,
    };
    FactBody::Exempt(ExemptFact {
        key: exempt(ExemptState::Created).key(),
        contract_id: named.then(contract_id),
        appid: named.then(appid),
        openid: named.then(openid),
        change,
    })
}

pub(crate) fn fact(cause: Cause, evidence: Evidence, body: FactBody) -> Fact {
    Fact { mch_id: mch_id(), cause, evidence, body }
}

pub(crate) fn payment_body(order: &Order, result: PaymentResult) -> FactBody {
    FactBody::Payment(PaymentFact {
        out_trade_no: order.out_trade_no.clone(),
        appid: Some(appid()),
        contract_id: order.contract_id.clone(),
        attach: None,
        result,
    })
}

pub(crate) fn contract_body(change: ContractChange) -> FactBody {
    let named = match change {
        ContractChange::Signed { .. } | ContractChange::Terminated { .. } => true,
        ContractChange::NotSigned | ContractChange::Absent | ContractChange::InProgress => false,
    };
    FactBody::Contract(ContractFact {
        contract_code: code(),
        contract_id: named.then(contract_id),
        plan_id: named.then(plan_id),
        appid: None,
        openid: named.then(openid),
        change,
    })
}

pub(crate) fn refund_body(amount: Fen, said_at: Option<Timestamp>, result: RefundResult) -> FactBody {
    let named = match result {
        RefundResult::NotFound | RefundResult::Rejected { .. } => false,
        RefundResult::Succeeded { .. } | RefundResult::Processing | RefundResult::Closed | RefundResult::Abnormal => {
            true
        }
    };
    FactBody::Refund(RefundFact {
        out_refund_no: out_refund_no(),
        refund_id: named.then(refund_id),
        out_trade_no: Some(first_order()),
        transaction_id: named.then(transaction),
        refund: named.then_some(amount),
        total: named.then_some(AMOUNT),
        said_at,
        result,
    })
}

/// What is on record after these changes.
pub(crate) fn after(loaded: &Loaded, changes: &domain::Changes) -> Loaded {
    Loaded {
        order: changes.order.clone().or_else(|| loaded.order.clone()),
        contract: changes.contract.clone().or_else(|| loaded.contract.clone()),
        refund: changes.refund.clone().or_else(|| loaded.refund.clone()),
        exempt: changes.exempt.clone().or_else(|| loaded.exempt.clone()),
    }
}
