//! Orders, contracts and refunds.

use domain::{
    Channel, Contract, ContractCode, ContractState, DeductionNotice, ExemptContract, ExemptMode, ExemptState, Fen,
    FirstPayment, NotSignedReason, Order, OrderKind, OrderState, Outcome, PaymentStatus, Protocol, Refund,
    RefundOrigin, RefundState, SCHEMA, SignatureAlgorithm, TerminationReason, TradeType,
};

use super::Generator;

const ORDER_STATES: [OrderState; 9] = [
    OrderState::Created,
    OrderState::Requested,
    OrderState::Accepted,
    OrderState::Closing,
    OrderState::Paid,
    OrderState::PartlyRefunded,
    OrderState::Refunded,
    OrderState::Failed,
    OrderState::Closed,
];

const CONTRACT_STATES: [ContractState; 6] = [
    ContractState::Created,
    ContractState::Pending,
    ContractState::Signed,
    ContractState::NotSigned,
    ContractState::Terminating,
    ContractState::Terminated,
];

const EXEMPT_STATES: [ExemptState; 7] = [
    ExemptState::Created,
    ExemptState::Offered,
    ExemptState::Refused,
    ExemptState::NotSigned,
    ExemptState::Signed,
    ExemptState::Terminating,
    ExemptState::Terminated,
];

const REFUND_STATES: [RefundState; 8] = [
    RefundState::Reported,
    RefundState::Created,
    RefundState::Processing,
    RefundState::Succeeded,
    RefundState::Closed,
    RefundState::Abnormal,
    RefundState::Repairing,
    RefundState::Rejected,
];

const REASONS: [TerminationReason; 7] = [
    TerminationReason::Expired,
    TerminationReason::User,
    TerminationReason::MerchantApi,
    TerminationReason::MerchantPlatform,
    TerminationReason::AccountCancelled,
    TerminationReason::CustomerService,
    TerminationReason::Other,
];

const OUTCOMES: [Outcome; 9] = [
    Outcome::Pending,
    Outcome::PaidSigning,
    Outcome::Active,
    Outcome::PaidNotSigned,
    Outcome::SignedLater,
    Outcome::Signed,
    Outcome::Refunded,
    Outcome::Closed,
    Outcome::Terminated,
];

impl Generator {
    /// An order of any kind in any state, with its optional fields there or not.
    pub fn any_order(&mut self) -> Order {
        let kind = self.one_of(&[OrderKind::PayAndSign, OrderKind::Deduction, OrderKind::OneOff]);
        let code = (kind != OrderKind::OneOff).then(|| self.contract_code());
        let mut order = self.order(kind, code.as_ref());
        order.state = self.one_of(&ORDER_STATES);
        order.contract_id = self.option(Self::contract_id);
        order.openid = self.option(Self::openid);
        order.attach = self.option(Self::text);
        order.product = self.option(Self::product);
        order.channel = self.option(|it| it.one_of(&Channel::ALL));
        order.request = self.option(Self::request);
        order.user = self.option(Self::user);
        order.refunded_elsewhere = self.rng.bool();
        order.launch = self.option(Self::launch);
        order.refunds = self.rng.u32(0..3);
        order.last_refund_at = self.option(Self::time);
        order.transaction_id = self.option(Self::transaction_id);
        order.trade_type =
            self.option(|it| it.one_of(&[TradeType::App, TradeType::Jsapi, TradeType::Pap, TradeType::Other]));
        order.paid_at = self.option(Self::time);
        order.failure = self.option(|_| "NOTENOUGH".to_owned());
        order.refunded = Fen::new(self.rng.u64(..=order.amount.get()));
        order.reserved = Fen::new(self.rng.u64(..=order.amount.minus(order.refunded).get()));
        order.expires_at = self.option(Self::time);
        order.check = self.option(Self::check);
        order
    }

    /// A fresh order that WeChat was asked for, of a contract or without one.
    pub fn order(&mut self, kind: OrderKind, code: Option<&ContractCode>) -> Order {
        let out_trade_no = match (kind, code) {
            (OrderKind::PayAndSign, Some(code)) => self.first_order(code),
            (OrderKind::Deduction, Some(code)) => {
                let (period, attempt) = (self.rng.u16(1..100), self.rng.u8(1..10));
                self.deduction(code, period, attempt)
            }
            (OrderKind::OneOff, _) | (_, None) => self.out_trade_no(),
        };
        let v3 = kind == OrderKind::OneOff;
        Order {
            schema: SCHEMA,
            mch_id: self.mch_id(),
            out_trade_no,
            kind,
            protocol: if v3 { Protocol::V3 } else { Protocol::V2 },
            appid: self.appid(),
            amount: self.amount(),
            signature: if v3 { SignatureAlgorithm::Rsa } else { SignatureAlgorithm::HmacSha256 },
            contract_code: code.cloned(),
            contract_id: None,
            openid: None,
            attach: None,
            product: None,
            channel: None,
            request: None,
            user: None,
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
            created_at: self.time(),
            expires_at: None,
            check: None,
        }
    }

    /// A contract in any state, with its optional fields there or not.
    pub fn any_contract(&mut self) -> Contract {
        let code = self.contract_code();
        let mut contract = self.contract(&code);
        contract.state = self.one_of(&CONTRACT_STATES);
        contract.contract_id = self.option(Self::contract_id);
        contract.openid = self.option(Self::openid);
        contract.user = self.option(Self::user);
        contract.product = self.option(Self::product);
        contract.channel = self.option(|it| it.one_of(&Channel::ALL));
        contract.request_serial = self.option(|it| it.rng.u64(1..1_000_000_000_000));
        contract.display_account = self.option(|_| "会员张三".to_owned());
        contract.metadata = self.option(Self::text);
        contract.request = self.option(Self::request);
        contract.launch = self.option(Self::launch);
        contract.open_deduction = self.option(|it| it.deduction(&code, 1, 1));
        contract.paid_periods = (0..self.rng.u8(0..4)).map(|_| self.rng.u16(1..10_000)).collect();
        contract.notice = self.option(|it| {
            let notice = DeductionNotice::asked(it.amount(), it.time());
            DeductionNotice { confirmed_at: it.option(Self::time), ..notice }
        });
        contract.payment = self.option(|it| FirstPayment {
            out_trade_no: it.first_order(&code),
            status: it.one_of(&[
                PaymentStatus::Unpaid,
                PaymentStatus::Paid,
                PaymentStatus::PartlyRefunded,
                PaymentStatus::Refunded,
                PaymentStatus::Closed,
            ]),
            paid_at: it.option(Self::time),
            payer: it.option(Self::openid),
            late: it.rng.bool(),
        });
        contract.offered_until = self.option(Self::time);
        contract.existing = self.option(Self::contract_code);
        contract.not_signed_reason = self.option(|it| {
            it.one_of(&[
                NotSignedReason::Unpaid,
                NotSignedReason::PresignFailed,
                NotSignedReason::AlreadySigned,
                NotSignedReason::Declined,
            ])
        });
        contract.signed_at = self.option(Self::time);
        contract.expires_at = self.option(Self::time);
        contract.terminating_at = self.option(Self::time);
        contract.terminated_at = self.option(Self::time);
        contract.termination_reason = self.option(|it| it.one_of(&REASONS));
        contract.settled = self.option(|it| it.one_of(&OUTCOMES));
        contract.check = self.option(Self::check);
        contract
    }

    /// A contract that was offered with its first order, unpaid and unsigned.
    pub fn contract(&mut self, code: &ContractCode) -> Contract {
        Contract {
            schema: SCHEMA,
            mch_id: self.mch_id(),
            contract_code: code.clone(),
            plan_id: self.plan_id(),
            appid: self.appid(),
            contract_id: None,
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
            state: ContractState::Pending,
            payment: Some(FirstPayment {
                out_trade_no: self.first_order(code),
                status: PaymentStatus::Unpaid,
                paid_at: None,
                payer: None,
                late: false,
            }),
            not_signed_reason: None,
            existing: None,
            signed_at: None,
            expires_at: None,
            terminating_at: None,
            terminated_at: None,
            termination_reason: None,
            settled: None,
            created_at: self.time(),
            check: None,
        }
    }

    /// A refund in any state, with its optional fields there or not.
    pub fn any_refund(&mut self) -> Refund {
        let order = self.any_order();
        let amount = Fen::new(self.rng.u64(1..=order.amount.get()));
        let mut refund = self.refund(&order, amount);
        refund.state = self.one_of(&REFUND_STATES);
        refund.refund_id = self.option(Self::refund_id);
        refund.origin = self.one_of(&[RefundOrigin::Api, RefundOrigin::Platform]);
        refund.repairs = self.rng.u32(0..3);
        refund.repairing_at = self.option(Self::time);
        refund.succeeded_at = self.option(Self::time);
        refund.failure = self.option(|_| "NOTENOUGH".to_owned());
        refund.given_up = self.rng.bool();
        refund.reason = self.option(|_| "不想要了".to_owned());
        refund.request = self.option(Self::request);
        refund.repair = self.option(Self::request);
        refund.check = self.option(Self::check);
        refund
    }

    /// A refund that WeChat accepted. Its amount has to be reserved on the order.
    pub fn refund(&mut self, order: &Order, amount: Fen) -> Refund {
        Refund {
            schema: SCHEMA,
            mch_id: order.mch_id.clone(),
            out_refund_no: self.out_refund_no(),
            out_trade_no: order.out_trade_no.clone(),
            refund_id: None,
            origin: RefundOrigin::Api,
            protocol: order.protocol,
            amount,
            state: RefundState::Processing,
            repairs: 0,
            repairing_at: None,
            succeeded_at: None,
            failure: None,
            reason: None,
            request: None,
            repair: None,
            ends_contract: false,
            given_up: false,
            created_at: self.time(),
            check: None,
        }
    }

    /// A password-exempt contract in any state, with its optional fields there or not.
    pub fn any_exempt(&mut self) -> ExemptContract {
        let mut contract = self.exempt();
        contract.mode = self.one_of(&[ExemptMode::Qs, ExemptMode::Normal, ExemptMode::ServiceProvider]);
        contract.sub_mch_id = self.option(|it| it.mch_id());
        contract.sub_appid = self.option(Self::appid);
        contract.out_trade_no = self.option(Self::out_trade_no);
        contract.user = self.option(Self::user);
        contract.contract_id = self.option(Self::contract_id);
        contract.openid = self.option(Self::openid);
        contract.request = self.option(Self::request);
        contract.state = self.one_of(&EXEMPT_STATES);
        contract.failure = self.option(|_| "NO_AUTH".to_owned());
        contract.signed_at = self.option(Self::time);
        contract.terminating_at = self.option(Self::time);
        contract.terminated_at = self.option(Self::time);
        contract.termination_reason = self.option(|it| it.one_of(&REASONS));
        contract.check = self.option(Self::check);
        contract
    }

    /// A password-exempt contract of the merchant itself, which WeChat was not asked for yet.
    pub fn exempt(&mut self) -> ExemptContract {
        ExemptContract {
            schema: SCHEMA,
            mch_id: self.mch_id(),
            service_id: self.rng.u64(1..1_000_000),
            contract_code: self.contract_code(),
            mode: ExemptMode::Normal,
            appid: self.appid(),
            sub_mch_id: None,
            sub_appid: None,
            out_trade_no: None,
            user: None,
            contract_id: None,
            openid: None,
            request: Some(self.request()),
            state: ExemptState::Created,
            failure: None,
            signed_at: None,
            terminating_at: None,
            terminated_at: None,
            termination_reason: None,
            created_at: self.time(),
            check: None,
        }
    }
}
