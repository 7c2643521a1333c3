//! What WeChat Pay remembers. Plain data: the rules are in `rules`.

mod contract;
mod exempt;
mod frequency;
mod keys;
mod merchant_keys;
mod notice;
mod order;
mod refund;
mod user;

use std::collections::{BTreeMap, BTreeSet};

use counterparty::{Error, MerchantKey};
use serde::{Deserialize, Serialize};

pub(crate) use contract::{Calls, Contract, ContractState, Ended, Form, PreNotice, Signed};
pub(crate) use exempt::{Exempt, ExemptEnded, ExemptSigned, ExemptState};
pub(crate) use frequency::Frequency;
pub(crate) use keys::{KeyMode, Keys};
use merchant_keys::MerchantKeys;
pub(crate) use notice::{Delivery, Message, Notice, NoticeKind, NoticeState};
pub(crate) use order::{Cashier, Failure, Order, OrderKind, PREPAY_LIFE, Paid, TradeState, V3Order};
pub(crate) use refund::{Refund, RefundState, Source, V3Refund};
pub(crate) use user::User;

use crate::config::Merchant;
use crate::time::{Ms, date};

/// `<mch_id>/<number>`.
pub(crate) type Key = String;

/// The key of a merchant's number.
pub(crate) fn key(mch_id: &str, number: &str) -> Key {
    format!("{mch_id}/{number}")
}

/// Everything.
#[derive(Default, Serialize, Deserialize)]
#[serde(default)]
pub(crate) struct World {
    pub(crate) orders: BTreeMap<Key, Order>,
    pub(crate) contracts: BTreeMap<Key, Contract>,
    pub(crate) refunds: BTreeMap<Key, Refund>,
    /// Password-exempt contracts.
    pub(crate) exempt: BTreeMap<Key, Exempt>,
    /// By merchant.
    pub(crate) keys: BTreeMap<String, Keys>,
    pub(crate) notices: BTreeMap<u64, Notice>,
    pub(crate) users: BTreeMap<String, User>,
    /// Users by appid and openid.
    openids: BTreeMap<Key, String>,
    /// Orders by transaction_id.
    pub(crate) transactions: BTreeMap<String, Key>,
    /// Contracts by contract_id.
    pub(crate) contract_ids: BTreeMap<String, Key>,
    /// Deductions by contract.
    pub(crate) deductions: BTreeMap<Key, Vec<Key>>,
    /// The live contract of a merchant, template and user: there is at most one.
    pub(crate) live: BTreeMap<String, Key>,
    /// Which contract_code took a merchant's request_serial.
    pub(crate) serials: BTreeMap<Key, String>,
    /// What happens by itself, and when.
    pub(crate) jobs: BTreeSet<(Ms, Job)>,
    /// Notices that are not accepted yet.
    pub(crate) waiting: BTreeSet<u64>,
    last_id: u64,
    /// Refunds of V3 in this second, by merchant. Nobody remembers them for longer.
    #[serde(skip)]
    pub(crate) refund_calls: BTreeMap<String, Frequency>,
}

/// What happens by itself.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Job {
    /// A signing that took its time comes to its end.
    Sign(Key),
    /// A deduction is executed.
    Deduct(Key),
    /// A refund comes to its end.
    Settle(Key),
    /// An order that nobody has paid is closed.
    Close(Key),
}

impl World {
    pub(crate) fn next_id(&mut self) -> u64 {
        self.last_id = self.last_id.saturating_add(1);
        self.last_id
    }

    /// `4200000000` and 18 digits.
    pub(crate) fn new_transaction_id(&mut self, now: Ms) -> String {
        format!("4200000000{}{:010}", date(now), self.next_id())
    }

    /// 18 digits.
    pub(crate) fn new_contract_id(&mut self, now: Ms) -> String {
        format!("{}{:010}", date(now), self.next_id())
    }

    /// 29 digits.
    pub(crate) fn new_refund_id(&mut self, now: Ms) -> String {
        format!("5000000000{}{:011}", date(now), self.next_id())
    }

    /// The order of that number, or the deduction.
    pub(crate) fn order(&self, mch_id: &str, out_trade_no: &str) -> Option<&Order> {
        self.orders.get(&key(mch_id, out_trade_no))
    }

    /// The contract of that number, signed or not.
    pub(crate) fn contract(&self, mch_id: &str, contract_code: &str) -> Option<&Contract> {
        self.contracts.get(&key(mch_id, contract_code))
    }

    /// The live contract of a user for a template.
    pub(crate) fn live(&self, mch_id: &str, plan_id: &str, user: &str) -> Option<&Contract> {
        self.live.get(&live_key(mch_id, plan_id, user)).and_then(|key| self.contracts.get(key))
    }

    pub(crate) fn set_live(&mut self, contract: &Contract, user: &str) {
        self.live.insert(live_key(&contract.mch_id, &contract.plan_id, user), contract.key());
    }

    pub(crate) fn unset_live(&mut self, contract: &Contract) {
        if let Some(signed) = &contract.signed {
            self.live.remove(&live_key(&contract.mch_id, &contract.plan_id, &signed.user));
        }
    }

    /// The keys of a merchant.
    pub(crate) fn keys_of(&mut self, mch_id: &str) -> &mut Keys {
        self.keys.entry(mch_id.to_owned()).or_default()
    }

    /// The keys of a merchant's whose certificates are in force, the newest first.
    pub(crate) fn merchant_keys(&self, merchant: &Merchant) -> Result<Vec<MerchantKey>, Error> {
        match self.keys.get(merchant.wechat.mch_id()) {
            Some(keys) => keys.merchant.in_force(merchant.key.as_ref()),
            None => Ok(merchant.key.iter().cloned().collect()),
        }
    }

    /// Puts a notice on its way, for the first delivery at once.
    pub(crate) fn send(&mut self, mut notice: Notice) -> u64 {
        notice.id = self.next_id();
        self.waiting.insert(notice.id);
        let id = notice.id;
        self.notices.insert(id, notice);
        id
    }
}

fn live_key(mch_id: &str, plan_id: &str, user: &str) -> String {
    format!("{mch_id}/{plan_id}/{user}")
}
