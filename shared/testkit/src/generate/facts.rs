//! Facts, about given items and about any.

use domain::{
    Called, Cause, Contract, ContractChange, ContractFact, ContractId, Evidence, ExemptChange, ExemptFact, Fact,
    FactBody, NotSignedReason, Opened, Order, PaymentFact, PaymentResult, Protocol, Refund, RefundFact, RefundResult,
    TerminationReason, Timestamp, TradeType, TransactionId,
};

use super::Generator;

impl Generator {
    /// The notice of an order that was paid as it was made.
    pub fn paid(&mut self, order: &Order, transaction_id: &TransactionId, at: Timestamp) -> Fact {
        self.payment(
            order,
            PaymentResult::Succeeded {
                transaction_id: transaction_id.clone(),
                total: order.amount,
                openid: order.openid.clone(),
                trade_type: Some(TradeType::App),
                paid_at: Some(at),
                refunded: false,
            },
        )
    }

    /// A signed notice about an order.
    pub fn payment(&mut self, order: &Order, result: PaymentResult) -> Fact {
        let body = FactBody::Payment(PaymentFact {
            out_trade_no: order.out_trade_no.clone(),
            appid: Some(order.appid.clone()),
            contract_id: order.contract_id.clone(),
            attach: order.attach.clone().filter(|_| order.protocol == Protocol::V3),
            result,
        });
        self.notice(Evidence::Signed(order.signature), body)
    }

    /// The notice of a contract that was signed (ADD).
    pub fn signed(&mut self, contract: &Contract, contract_id: &ContractId, at: Timestamp) -> Fact {
        let change = ContractChange::Signed { at: Some(at), expires_at: None };
        self.contract_changed(contract, Some(contract_id), change)
    }

    /// The notice of a contract that ended (DELETE).
    pub fn terminated(&mut self, contract: &Contract, contract_id: &ContractId, at: Timestamp) -> Fact {
        let change = ContractChange::Terminated { at: Some(at), reason: TerminationReason::User };
        self.contract_changed(contract, Some(contract_id), change)
    }

    /// A signed notice about a contract.
    pub fn contract_changed(
        &mut self,
        contract: &Contract,
        contract_id: Option<&ContractId>,
        change: ContractChange,
    ) -> Fact {
        let body = FactBody::Contract(ContractFact {
            contract_code: contract.contract_code.clone(),
            contract_id: contract_id.cloned(),
            plan_id: Some(contract.plan_id.clone()),
            appid: None,
            openid: contract.openid.clone(),
            change,
        });
        self.notice(Evidence::Signed(domain::SignatureAlgorithm::Md5), body)
    }

    /// A signed notice about a refund.
    pub fn refund_changed(
        &mut self,
        refund: &Refund,
        order: &Order,
        result: RefundResult,
        said_at: Option<Timestamp>,
    ) -> Fact {
        let body = FactBody::Refund(RefundFact {
            out_refund_no: refund.out_refund_no.clone(),
            refund_id: refund.refund_id.clone(),
            out_trade_no: Some(order.out_trade_no.clone()),
            transaction_id: order.transaction_id.clone(),
            refund: Some(refund.amount),
            total: Some(order.amount),
            said_at,
            result,
        });
        self.notice(Evidence::Signed(domain::SignatureAlgorithm::Rsa), body)
    }

    /// What an order is that nothing is decided of.
    pub fn one_open_result(&mut self) -> PaymentResult {
        let undecided = PaymentResult::Undecided { trade_state: "SOMETHING_NEW".to_owned() };
        self.one_of(&[PaymentResult::Unpaid, PaymentResult::Accepted, PaymentResult::NotFound, undecided])
    }

    /// What a query answered.
    #[must_use]
    pub fn answered(mut fact: Fact) -> Fact {
        fact.cause = Cause::Query;
        fact
    }

    /// A fact of any kind and content, about nothing in particular.
    pub fn any_fact(&mut self) -> Fact {
        let mut fact = match self.rng.u8(..7) {
            0 => self.any_payment(),
            1 => self.any_contract_change(),
            2 => self.any_refund_change(),
            3 => self.any_opening(),
            4 => self.any_call(),
            5 => self.any_exempt_change(),
            _ => {
                let evidence = Evidence::Signed(domain::SignatureAlgorithm::Rsa);
                self.notice(evidence, FactBody::Noted { event_type: "SECURITY_ECHO.SUCCESS".to_owned() })
            }
        };
        fact.cause = self.one_of(&[Cause::Callback, Cause::Query, Cause::Bill, Cause::Api]);
        fact.evidence = self.one_of(&[
            Evidence::Signed(domain::SignatureAlgorithm::Md5),
            Evidence::Signed(domain::SignatureAlgorithm::HmacSha256),
            Evidence::Signed(domain::SignatureAlgorithm::Rsa),
            Evidence::Decrypted,
            Evidence::Unsigned,
            Evidence::Ours,
        ]);
        fact
    }

    fn any_payment(&mut self) -> Fact {
        let order = self.any_order();
        let result = match self.rng.u8(..7) {
            0 => PaymentResult::Succeeded {
                transaction_id: self.transaction_id(),
                total: order.amount,
                openid: self.option(Self::openid),
                trade_type: self.option(|it| it.one_of(&[TradeType::App, TradeType::Native, TradeType::Mweb])),
                paid_at: self.option(Self::time),
                refunded: self.rng.bool(),
            },
            1 => PaymentResult::Failed { code: "NOTENOUGH".to_owned() },
            2 => PaymentResult::Closed,
            3 => PaymentResult::Unpaid,
            4 => PaymentResult::Accepted,
            5 => PaymentResult::NotFound,
            _ => PaymentResult::Undecided { trade_state: "SOMETHING_NEW".to_owned() },
        };
        self.payment(&order, result)
    }

    fn any_contract_change(&mut self) -> Fact {
        let contract = self.any_contract();
        let id = self.option(Self::contract_id);
        let change = match self.rng.u8(..5) {
            0 => ContractChange::Signed { at: self.option(Self::time), expires_at: self.option(Self::time) },
            1 => ContractChange::Terminated { at: self.option(Self::time), reason: TerminationReason::User },
            2 => ContractChange::NotSigned,
            3 => ContractChange::Absent,
            _ => ContractChange::InProgress,
        };
        self.contract_changed(&contract, id.as_ref(), change)
    }

    fn any_refund_change(&mut self) -> Fact {
        let (refund, order) = (self.any_refund(), self.any_order());
        let result = match self.rng.u8(..6) {
            0 => RefundResult::Succeeded { at: self.option(Self::time) },
            1 => RefundResult::Processing,
            2 => RefundResult::Closed,
            3 => RefundResult::Abnormal,
            4 => RefundResult::Rejected { code: "NOTENOUGH".to_owned() },
            _ => RefundResult::NotFound,
        };
        let said_at = self.option(Self::time);
        self.refund_changed(&refund, &order, result, said_at)
    }

    fn any_exempt_change(&mut self) -> Fact {
        let contract = self.any_exempt();
        let change = match self.rng.u8(..5) {
            0 => ExemptChange::Signed { at: self.option(Self::time) },
            1 => ExemptChange::Terminated { at: self.option(Self::time), reason: TerminationReason::User },
            2 => ExemptChange::Absent,
            3 => ExemptChange::Reported,
            _ => ExemptChange::Undecided { state: "SOMETHING_NEW".to_owned() },
        };
        let body = FactBody::Exempt(ExemptFact {
            key: contract.key(),
            contract_id: contract.contract_id,
            appid: self.option(|_| contract.appid),
            openid: contract.openid,
            change,
        });
        self.notice(Evidence::Signed(domain::SignatureAlgorithm::Rsa), body)
    }

    fn any_opening(&mut self) -> Fact {
        let opened = match self.rng.u8(..5) {
            0 => Opened::Attempt {
                contract: Box::new(self.any_contract()),
                order: self.option(|it| Box::new(it.any_order())),
            },
            1 => Opened::Deduction { order: Box::new(self.any_order()) },
            2 => Opened::Purchase { order: Box::new(self.any_order()) },
            3 => Opened::Exempt { contract: Box::new(self.any_exempt()) },
            _ => Opened::Refund { refund: Box::new(self.any_refund()) },
        };
        Fact::ours(self.mch_id(), FactBody::Opened(opened))
    }

    fn any_call(&mut self) -> Fact {
        let (out_trade_no, contract_code, code) = (self.out_trade_no(), self.contract_code(), "NOAUTH".to_owned());
        let amount = self.amount();
        let (out_refund_no, key) = (self.out_refund_no(), self.any_exempt().key());
        let called = match self.rng.u8(..16) {
            0 => {
                let reasons = [NotSignedReason::PresignFailed, NotSignedReason::AlreadySigned];
                let unsigned = self.option(|it| it.one_of(&reasons));
                Called::OrderPlaced { out_trade_no, launch: self.launch(), unsigned }
            }
            1 => Called::OrderRefused { out_trade_no, code },
            2 => Called::ClosingAsked { out_trade_no },
            3 => Called::ContractOffered { contract_code, launch: self.option(Self::launch), until: self.time() },
            4 => Called::ContractRefused { contract_code, code },
            5 => Called::TerminationAsked { contract_code },
            6 => Called::NoticeAsked { contract_code, amount },
            7 => Called::NoticeSent { contract_code, amount, already: self.rng.bool() },
            8 => Called::NoticeRefused { contract_code, amount, code },
            9 => Called::RepairAsked { out_refund_no, out_trade_no, request: self.request() },
            10 => Called::ExemptOffered { key },
            11 => Called::ExemptRefused { key, code },
            12 => Called::ExemptTerminationAsked { key },
            13 => Called::OfferWithdrawn { contract_code },
            14 => Called::RefundPutOff { out_refund_no, out_trade_no, code },
            _ => Called::SignedBefore { contract_code, existing: self.contract_code() },
        };
        Fact::ours(self.mch_id(), FactBody::Called(called))
    }

    fn notice(&self, evidence: Evidence, body: FactBody) -> Fact {
        Fact { mch_id: self.mch_id(), cause: Cause::Callback, evidence, body }
    }
}
