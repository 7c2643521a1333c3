//! WeChat's rules: what is remembered, a call or an act of a person, and the time, in; an answer, or a refusal, out. Nothing
//! here awaits, reads a clock or knows HTTP.

mod closing;
mod contract_query;
mod deduction;
mod execution;
mod offer;
mod order;
mod order_query;
mod payment;
mod pre_notice;
mod refund;
mod refund_query;
mod signing;
mod telling;
mod termination;
pub(crate) mod v3;

pub(crate) use closing::close_order;
pub(crate) use contract_query::query_contract;
pub(crate) use deduction::apply;
pub(crate) use execution::run_due;
pub(crate) use offer::{
    SIGNING_MINI_PROGRAM, h5_entrustweb, mini_program, open_h5, open_pre_entrust, open_web, pre_entrustweb,
};
pub(crate) use order::contract_order;
pub(crate) use order_query::{order_query, pap_order_query};
pub(crate) use payment::{Payment, cancel, fail, pay, wrong_password};
pub(crate) use pre_notice::{PreNotification, pre_notify};
pub(crate) use refund::{platform_refund, refund, settle};
pub(crate) use refund_query::refund_query;
pub(crate) use signing::{cancel_signing, sign};
pub(crate) use termination::{Ending, delete_contract, terminate};

use std::collections::BTreeMap;

use counterparty::{Numbers, SignType, V2Fields};

use crate::config::{Callbacks, Merchant, Settings};
use crate::model::{Contract, Failure, Order, World, key};
use crate::time::{Ms, seconds};

/// What every rule may look at and change.
pub(crate) struct Scene<'a> {
    pub(crate) world: &'a mut World,
    pub(crate) settings: &'a Settings,
    pub(crate) callbacks: &'a Callbacks,
    pub(crate) merchant: &'a Merchant,
    pub(crate) now: Ms,
}

/// A call of the merchant whose form and signature are right.
pub(crate) struct Call {
    pub(crate) fields: V2Fields,
    pub(crate) sign_type: SignType,
}

/// Why WeChat does not do what a call asks.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// `return_code` FAIL, without signature.
    Communication(String),
    /// `result_code` FAIL, signed.
    Business(Failure),
    /// `result_code` FAIL, not signed: how `querycontract` refuses.
    Unsigned(Failure),
}

impl Refusal {
    pub(crate) fn business(err_code: &str, err_code_des: &str) -> Self {
        Self::Business(Failure::new(err_code, err_code_des))
    }
}

/// Why a person cannot do what he wants, in words.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Refused {
    /// There is nothing of that number.
    Unknown,
    /// A rule is against it.
    Rule(String),
}

impl Refused {
    pub(crate) fn rule(why: impl Into<String>) -> Self {
        Self::Rule(why.into())
    }
}

/// A notice that cannot be written: only a clock outside the calendar does that.
impl From<counterparty::Error> for Refused {
    fn from(error: counterparty::Error) -> Self {
        Self::Rule(error.to_string())
    }
}

impl Call {
    /// A field that is there and not empty.
    pub(crate) fn get(&self, name: &str) -> Option<&str> {
        self.fields.get(name).filter(|value| !value.is_empty())
    }

    /// A field that the form demands.
    pub(crate) fn text(&self, name: &str) -> &str {
        self.get(name).unwrap_or_default()
    }

    /// A field that the form demands to be a number.
    pub(crate) fn number(&self, name: &str) -> u64 {
        self.get(name).and_then(|text| text.parse().ok()).unwrap_or_default()
    }

    pub(crate) fn is_hmac(&self) -> bool {
        self.sign_type == SignType::HmacSha256
    }

    /// What an identical repetition repeats: everything but what is new in each call.
    pub(crate) fn content(&self) -> BTreeMap<String, String> {
        let changing = ["nonce_str", "sign", "timestamp"];
        let kept = self.fields.iter().filter(|(name, value)| !changing.contains(name) && !value.is_empty());
        kept.map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
    }
}

impl Scene<'_> {
    pub(crate) fn mch_id(&self) -> &str {
        self.merchant.wechat.mch_id()
    }

    /// The order that a query means: by transaction_id, which wins, or by out_trade_no.
    fn order_of(&self, call: &Call) -> Option<&Order> {
        let key = match call.get("transaction_id") {
            Some(transaction_id) => self.world.transactions.get(transaction_id)?.clone(),
            None => key(self.mch_id(), call.get("out_trade_no")?),
        };
        self.world.orders.get(&key).filter(|order| order.mch_id == self.mch_id())
    }

    /// The contract that a call means: by contract_id, or by plan_id and contract_code.
    fn contract_of(&self, call: &Call) -> Option<&Contract> {
        match call.get("contract_id") {
            Some(contract_id) => self.world.contracts.get(self.world.contract_ids.get(contract_id)?),
            None => {
                let contract = self.world.contract(self.mch_id(), call.get("contract_code")?)?;
                (contract.plan_id == call.text("plan_id")).then_some(contract)
            }
        }
    }

    /// The time in the form that `counterparty` writes notices with, and nothing else yet.
    fn numbers(&self, appid: &str) -> Numbers {
        Numbers {
            mch_id: self.mch_id().to_owned(),
            appid: appid.to_owned(),
            out_trade_no: String::new(),
            contract_code: String::new(),
            contract_id: String::new(),
            plan_id: String::new(),
            transaction_id: String::new(),
            out_refund_no: String::new(),
            refund_id: String::new(),
            total: 0,
            refund: 0,
            openid: String::new(),
            now: seconds(self.now),
        }
    }
}

/// The beginning of an answer: SUCCESS twice.
pub(crate) fn success(call: &Call) -> V2Fields {
    let mut fields = V2Fields::new();
    fields.set("return_code", "SUCCESS");
    fields.set("return_msg", "OK");
    fields.set("appid", call.text("appid"));
    fields.set("mch_id", call.text("mch_id"));
    fields.set("nonce_str", &nonce());
    fields.set("result_code", "SUCCESS");
    fields
}

pub(crate) fn nonce() -> String {
    uuid::Uuid::new_v4().simple().to_string()
}
