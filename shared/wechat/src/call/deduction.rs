//! Deduct (申请扣款): `POST /pay/pappayapply`. The answer is an acceptance; what became of it a notice tells, or a query.

use std::net::IpAddr;

use domain::{AppId, ContractId, Fen, OutTradeNo};

use crate::answer::Received;
use crate::errors::tables;
use crate::fields::Fields;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment, check};

/// A deduction under a signed contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PapPayApply {
    /// One of the merchant's applications.
    pub appid: AppId,
    /// Our number, 6 to 32 characters: it is deducted at most once.
    pub out_trade_no: OutTradeNo,
    /// WeChat's number of the contract.
    pub contract_id: ContractId,
    /// What the user reads, at most 127 bytes.
    pub body: String,
    /// Its details, at most 8192 bytes.
    pub detail: Option<String>,
    /// Comes back unchanged; at most 127 bytes, neither `&` nor `=`.
    pub attach: Option<String>,
    /// At least 1 fen; what was announced at most.
    pub total: Fen,
    /// The server's address, IPv4.
    pub client_ip: IpAddr,
    /// Where the result is told, failures too.
    pub notify_url: String,
    /// For coupons.
    pub goods_tag: Option<String>,
    /// An entry for electronic invoices.
    pub receipt: bool,
}

/// Accepted, not deducted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DeductionAccepted;

impl PapPayApply {
    /// Checks and signs the request.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, at: &Moment) -> Result<Prepared<Self>, Invalid> {
        super::prepared(&self.fields(keys, at)?, keys)
    }

    pub(crate) fn fields(&self, keys: &Keys, at: &Moment) -> Result<Fields, Invalid> {
        check::out_trade_no(self.out_trade_no.as_str())?;
        let fields = Fields::new(&self.appid, keys)
            .with("nonce_str", at.nonce())
            .text("body", &self.body, 127)?
            .optional_text("detail", self.detail.as_deref(), 8192)?
            .optional_text("attach", self.attach.as_deref(), 127)?
            .with("out_trade_no", self.out_trade_no.as_str())
            .amount("total_fee", self.total)?
            .with("fee_type", "CNY")
            .with("spbill_create_ip", check::ipv4("spbill_create_ip", self.client_ip)?)
            .optional_text("goods_tag", self.goods_tag.as_deref(), 32)?
            .notify_url("notify_url", &self.notify_url)?
            .with("trade_type", "PAP")
            .text("contract_id", self.contract_id.as_str(), 32)?;
        Ok(fields.with_optional("receipt", self.receipt.then_some("Y")))
    }
}

impl sealed::Known for PapPayApply {}

impl Call for PapPayApply {
    type Answer = DeductionAccepted;

    const ROUTE: Route = Route {
        name: "pappayapply",
        path: "/pay/pappayapply",
        form: Form::V2,
        certificate: false,
        // Money: whether the first one was accepted is asked before a second is sent.
        repeatable: false,
        asks_only: false,
        errors: tables::PAP_PAY_APPLY,
    };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        received.v2()?.success().map(|_| DeductionAccepted)
    }
}
