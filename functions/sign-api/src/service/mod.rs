//! The app's calls, one module for each question.

mod attempt;
mod begin;
mod bought;
mod cashier;
mod draft;
mod goods;
mod invitation;
mod offer;
mod pull;
mod purchase;
mod refusal;
mod retire;
mod status;
mod terminate;
mod wanted;

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::pin::Pin;
use std::sync::{Mutex, PoisonError};

use ask::Asker;
use domain::{Contract, ContractCode, Fact, FactBody, InvalidValue, Keys, MchId, Order, OutTradeNo, Timestamp};
use http_api::{Arrival, Problem, User};
use record::{Backoff, Idempotency, Receipt, RecordError, Recorded, Writeahead};
use setup::Catalogue;
use wechat::Transport;

use wanted::Mode;

use crate::view::{Attempt, Checkout, NewAttempt, NewPurchase, Purchase, Subscription, Termination};

/// What a call comes to.
pub(crate) type Answered<'a, T> = Pin<Box<dyn Future<Output = Result<T, Problem>> + Send + 'a>>;

/// Who calls, when, and with which key.
#[derive(Clone, Debug)]
pub(crate) struct Caller {
    pub(crate) user: User,
    pub(crate) arrival: Arrival,
    pub(crate) key: String,
    pub(crate) body_hash: [u8; 32],
}

impl Caller {
    /// The key, as this user's for this route.
    pub(crate) fn idempotency(&self, route: &str) -> Result<Idempotency, InvalidValue> {
        Idempotency::new(self.user.id.as_str(), route, &self.key, self.body_hash)
    }
}

/// The calls, whatever ledger and whatever way to WeChat are behind them.
pub(crate) trait SignApi: Send + Sync {
    /// Pay and sign. Answers whether the attempt is new, and the attempt.
    fn subscribe<'a>(&'a self, caller: &'a Caller, wanted: &'a NewAttempt) -> Answered<'a, (bool, Attempt)>;
    /// Sign only.
    fn sign<'a>(&'a self, caller: &'a Caller, wanted: &'a NewAttempt) -> Answered<'a, (bool, Attempt)>;
    /// What became of it.
    fn status<'a>(
        &'a self,
        user: &'a User,
        arrival: &'a Arrival,
        contract_code: &'a ContractCode,
    ) -> Answered<'a, Subscription>;
    /// Ends it. Answers whether it has ended.
    fn terminate<'a>(
        &'a self,
        caller: &'a Caller,
        contract_code: &'a ContractCode,
        why: &'a Termination,
    ) -> Answered<'a, (bool, Subscription)>;
    /// Buys one-off. Answers whether the purchase is new.
    fn buy<'a>(&'a self, caller: &'a Caller, wanted: &'a NewPurchase) -> Answered<'a, (bool, Checkout)>;
    /// What became of a purchase.
    fn purchase_status<'a>(
        &'a self,
        user: &'a User,
        arrival: &'a Arrival,
        number: &'a OutTradeNo,
    ) -> Answered<'a, Purchase>;
    /// Closes it. Answers whether it is closed.
    fn close<'a>(&'a self, caller: &'a Caller, number: &'a OutTradeNo) -> Answered<'a, (bool, Purchase)>;
}

/// A merchant: keys, and where WeChat is to call.
#[derive(Clone, Debug)]
pub(crate) struct Merchant {
    pub(crate) keys: wechat::Keys,
    /// Payments of pay-and-sign orders.
    pub(crate) payment_url: String,
    /// Signings.
    pub(crate) contract_url: String,
    /// Payments of purchases.
    pub(crate) purchase_url: String,
    /// Password-exempt contracts.
    pub(crate) exempt_url: String,
}

/// A merchant's keys as the secret store has them now, asked for at most once a minute.
pub(crate) type LookAgain = Box<dyn for<'a> Fn(&'a MchId, Timestamp) -> Looked<'a> + Send + Sync>;

/// What comes of looking again; `None` where there is nothing that can be used.
pub(crate) type Looked<'a> = Pin<Box<dyn Future<Output = Option<wechat::Keys>> + Send + 'a>>;

/// The calls over a ledger and a way to WeChat.
pub(crate) struct Service<L, B, T> {
    /// The ledger, and WeChat.
    pub(crate) asker: Asker<L, B, T>,
    pub(crate) merchants: Mutex<BTreeMap<MchId, Merchant>>,
    pub(crate) keys: LookAgain,
    pub(crate) catalogue: Catalogue,
    pub(crate) server_ip: Ipv4Addr,
}

impl<L: Writeahead, B: Backoff, T: Transport> SignApi for Service<L, B, T> {
    fn subscribe<'a>(&'a self, caller: &'a Caller, wanted: &'a NewAttempt) -> Answered<'a, (bool, Attempt)> {
        Box::pin(async move {
            self.look_again(&caller.user.mch_id, caller.arrival.now).await;
            self.begin(caller, wanted, Mode::PayAndSign).await
        })
    }

    fn sign<'a>(&'a self, caller: &'a Caller, wanted: &'a NewAttempt) -> Answered<'a, (bool, Attempt)> {
        Box::pin(async move {
            self.look_again(&caller.user.mch_id, caller.arrival.now).await;
            self.begin(caller, wanted, Mode::SignOnly).await
        })
    }

    fn status<'a>(
        &'a self,
        user: &'a User,
        arrival: &'a Arrival,
        contract_code: &'a ContractCode,
    ) -> Answered<'a, Subscription> {
        Box::pin(async move {
            self.look_again(&user.mch_id, arrival.now).await;
            self.tell_status(user, arrival, contract_code).await
        })
    }

    fn terminate<'a>(
        &'a self,
        caller: &'a Caller,
        contract_code: &'a ContractCode,
        why: &'a Termination,
    ) -> Answered<'a, (bool, Subscription)> {
        Box::pin(async move {
            self.look_again(&caller.user.mch_id, caller.arrival.now).await;
            self.end(caller, contract_code, why).await
        })
    }

    fn buy<'a>(&'a self, caller: &'a Caller, wanted: &'a NewPurchase) -> Answered<'a, (bool, Checkout)> {
        Box::pin(async move {
            self.look_again(&caller.user.mch_id, caller.arrival.now).await;
            self.buy_now(caller, wanted).await
        })
    }

    fn purchase_status<'a>(
        &'a self,
        user: &'a User,
        arrival: &'a Arrival,
        number: &'a OutTradeNo,
    ) -> Answered<'a, Purchase> {
        Box::pin(async move {
            self.look_again(&user.mch_id, arrival.now).await;
            self.tell_purchase(user, arrival, number).await
        })
    }

    fn close<'a>(&'a self, caller: &'a Caller, number: &'a OutTradeNo) -> Answered<'a, (bool, Purchase)> {
        Box::pin(async move {
            self.look_again(&caller.user.mch_id, caller.arrival.now).await;
            self.close_purchase(caller, number).await
        })
    }
}

/// A contract and its first order as they are on record.
#[derive(Clone, Debug)]
pub(crate) struct Found {
    pub(crate) contract: Contract,
    pub(crate) order: Option<Order>,
}

impl Found {
    fn subscription(&self, arrival: &Arrival) -> Subscription {
        Subscription::of(&self.contract, self.order.as_ref(), arrival.now)
    }

    fn without_launch(&self, arrival: &Arrival) -> Attempt {
        Attempt { subscription: self.subscription(arrival), launch: None, launch_valid_until: None }
    }
}

impl<L: Writeahead, B: Backoff, T: Transport> Service<L, B, T> {
    pub(crate) fn merchant(&self, mch_id: &MchId) -> Result<Merchant, Problem> {
        let merchants = self.merchants.lock().unwrap_or_else(PoisonError::into_inner);
        merchants.get(mch_id).cloned().ok_or_else(Problem::not_found)
    }

    /// A signature that did not fit, ours or WeChat's, may mean that the keys were changed: the next call looks.
    async fn look_again(&self, mch_id: &MchId, now: Timestamp) {
        if !self.asker.distrusts(mch_id) {
            return;
        }
        let Some(keys) = (self.keys)(mch_id, now).await else { return };
        let mut merchants = self.merchants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(merchant) = merchants.get_mut(mch_id) {
            merchant.keys = keys;
        }
    }

    /// The user's contract of this number. Another user's is not there.
    pub(crate) async fn own(&self, user: &User, contract_code: &ContractCode) -> Result<Found, Problem> {
        let found = self.find(&user.mch_id, contract_code).await?.ok_or_else(Problem::not_found)?;
        if found.contract.user.as_ref() == Some(&user.id) { Ok(found) } else { Err(Problem::not_found()) }
    }

    pub(crate) async fn find(&self, mch_id: &MchId, code: &ContractCode) -> Result<Option<Found>, RecordError> {
        let keys = Keys { contract: Some(code.clone()), order: code.first_order(), ..Keys::default() };
        let rows = self.asker.recorder().rows(mch_id, &keys).await?;
        Ok(rows.contract.map(|row| Found { contract: row.value, order: rows.order.map(|row| row.value) }))
    }

    /// Records what a call of ours taught us or is about to do.
    pub(crate) async fn note(&self, mch_id: &MchId, body: FactBody, arrival: &Arrival) -> Result<Recorded, Problem> {
        let fact = Fact::ours(mch_id.clone(), body);
        let receipt = Receipt::ours(&fact, arrival.now, arrival.traceparent.clone());
        Ok(self.asker.recorder().apply(&fact, &receipt, arrival.now, domain::decide).await?)
    }
}
