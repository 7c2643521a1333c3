//! What a back end can have done. The steps of each are in a file of its own.

mod contracts;
mod deductions;
mod notices;
mod orders;
mod pre_signings;
mod refunds;
mod repairs;

use std::net::Ipv4Addr;

use ask::Asker;
use domain::{
    Called, Contract, ContractCode, ContractState, ExemptKey, Fact, FactBody, Fen, Keys, MchId, Order, OutRefundNo,
    OutTradeNo, Timestamp,
};
use futures_util::future::BoxFuture;
use http_api::Problem;
use record::{Backoff, Known, Once, Receipt, Recorded, Rows, Writeahead};
use setup::{Catalogue, NotifyBase, Product};
use wechat::Transport;

use crate::problems;
use crate::requests::{
    Call, DeductionRequest, NoticeRequest, PreSigningRequest, RefundRequest, RepairRequest, TerminationRequest,
};
use crate::views::{ContractView, ExemptView, NoticeView, OrderView, PreSigningView, RefundView};

/// What a call comes to, and whether it is decided: what is not, goes on by itself.
pub(crate) struct Answer<V> {
    pub(crate) view: V,
    pub(crate) decided: bool,
}

pub(crate) type Answered<'a, V> = BoxFuture<'a, Result<V, Problem>>;

/// The calls of a back end, behind one type: handlers are not generic.
pub(crate) trait Merchant: Send + Sync {
    fn deduct<'a>(&'a self, call: &'a Call, wanted: &'a DeductionRequest) -> Answered<'a, Answer<OrderView>>;
    fn announce<'a>(&'a self, call: &'a Call, wanted: &'a NoticeRequest) -> Answered<'a, NoticeView>;
    fn order<'a>(&'a self, call: &'a Call, number: OutTradeNo) -> Answered<'a, OrderView>;
    fn close<'a>(&'a self, call: &'a Call, number: OutTradeNo) -> Answered<'a, Answer<OrderView>>;
    fn contract<'a>(&'a self, call: &'a Call, code: ContractCode) -> Answered<'a, ContractView>;
    fn terminate<'a>(
        &'a self,
        call: &'a Call,
        code: ContractCode,
        wanted: &'a TerminationRequest,
    ) -> Answered<'a, Answer<ContractView>>;
    fn give_back<'a>(&'a self, call: &'a Call, wanted: &'a RefundRequest) -> Answered<'a, Answer<RefundView>>;
    fn refund<'a>(&'a self, call: &'a Call, number: OutRefundNo) -> Answered<'a, RefundView>;
    fn repair<'a>(
        &'a self,
        call: &'a Call,
        number: OutRefundNo,
        wanted: &'a RepairRequest,
    ) -> Answered<'a, Answer<RefundView>>;
    fn pre_sign<'a>(&'a self, call: &'a Call, wanted: &'a PreSigningRequest) -> Answered<'a, Answer<PreSigningView>>;
    fn pre_signing<'a>(&'a self, call: &'a Call, key: ExemptKey) -> Answered<'a, ExemptView>;
    fn end_exempt<'a>(
        &'a self,
        call: &'a Call,
        key: ExemptKey,
        wanted: &'a TerminationRequest,
    ) -> Answered<'a, Answer<ExemptView>>;
}

/// The keys of a merchant, if it is configured; after another look at its secrets where a time is given.
pub(crate) type KeysOf =
    Box<dyn for<'a> Fn(&'a MchId, Option<Timestamp>) -> BoxFuture<'a, Option<wechat::Keys>> + Send + Sync>;

/// Ledger, WeChat, keys, catalogue, and where WeChat is to notify us.
pub(crate) struct Business<L, B, T> {
    pub(crate) asker: Asker<L, B, T>,
    pub(crate) keys: KeysOf,
    pub(crate) catalogue: Catalogue,
    pub(crate) deductions: NotifyBase,
    pub(crate) contracts: NotifyBase,
    pub(crate) refunds: NotifyBase,
    /// Whose pay-and-sign orders are refunded by APIv3.
    pub(crate) refunds_by_v3: Vec<MchId>,
    /// What deductions name as the server's address.
    pub(crate) server_ip: Ipv4Addr,
}

impl<L: Writeahead, B: Backoff, T: Transport> Merchant for Business<L, B, T> {
    fn deduct<'a>(&'a self, call: &'a Call, wanted: &'a DeductionRequest) -> Answered<'a, Answer<OrderView>> {
        Box::pin(self.deduct_now(call, wanted))
    }

    fn announce<'a>(&'a self, call: &'a Call, wanted: &'a NoticeRequest) -> Answered<'a, NoticeView> {
        Box::pin(self.announce_now(call, wanted))
    }

    fn order<'a>(&'a self, call: &'a Call, number: OutTradeNo) -> Answered<'a, OrderView> {
        Box::pin(self.order_status(call, number))
    }

    fn close<'a>(&'a self, call: &'a Call, number: OutTradeNo) -> Answered<'a, Answer<OrderView>> {
        Box::pin(self.close_now(call, number))
    }

    fn contract<'a>(&'a self, call: &'a Call, code: ContractCode) -> Answered<'a, ContractView> {
        Box::pin(self.contract_status(call, code))
    }

    fn terminate<'a>(
        &'a self,
        call: &'a Call,
        code: ContractCode,
        wanted: &'a TerminationRequest,
    ) -> Answered<'a, Answer<ContractView>> {
        Box::pin(self.terminate_now(call, code, wanted))
    }

    fn give_back<'a>(&'a self, call: &'a Call, wanted: &'a RefundRequest) -> Answered<'a, Answer<RefundView>> {
        Box::pin(self.give_back_now(call, wanted))
    }

    fn refund<'a>(&'a self, call: &'a Call, number: OutRefundNo) -> Answered<'a, RefundView> {
        Box::pin(self.refund_status(call, number))
    }

    fn repair<'a>(
        &'a self,
        call: &'a Call,
        number: OutRefundNo,
        wanted: &'a RepairRequest,
    ) -> Answered<'a, Answer<RefundView>> {
        Box::pin(self.repair_now(call, number, wanted))
    }

    fn pre_sign<'a>(&'a self, call: &'a Call, wanted: &'a PreSigningRequest) -> Answered<'a, Answer<PreSigningView>> {
        Box::pin(self.pre_sign_now(call, wanted))
    }

    fn pre_signing<'a>(&'a self, call: &'a Call, key: ExemptKey) -> Answered<'a, ExemptView> {
        Box::pin(self.pre_signing_status(call, key))
    }

    fn end_exempt<'a>(
        &'a self,
        call: &'a Call,
        key: ExemptKey,
        wanted: &'a TerminationRequest,
    ) -> Answered<'a, Answer<ExemptView>> {
        Box::pin(self.end_exempt_now(call, key, wanted))
    }
}

impl<L: Writeahead, B: Backoff, T: Transport> Business<L, B, T> {
    async fn keys(&self, call: &Call) -> Result<wechat::Keys, Problem> {
        let look_again = self.asker.distrusts(&call.mch_id).then_some(call.now);
        (self.keys)(&call.mch_id, look_again).await.ok_or_else(Problem::not_found)
    }

    async fn rows(&self, call: &Call, keys: &Keys) -> Result<Rows, Problem> {
        Ok(self.asker.recorder().rows(&call.mch_id, keys).await?)
    }

    async fn order_row(&self, call: &Call, number: &OutTradeNo) -> Result<Order, Problem> {
        let keys = Keys { order: Some(number.clone()), ..Keys::default() };
        let row = self.rows(call, &keys).await?.order;
        row.map(|row| row.value).ok_or_else(Problem::not_found)
    }

    async fn contract_row(&self, call: &Call, code: &ContractCode) -> Result<Contract, Problem> {
        let keys = Keys { contract: Some(code.clone()), ..Keys::default() };
        let row = self.rows(call, &keys).await?.contract;
        row.map(|row| row.value).ok_or_else(Problem::not_found)
    }

    /// Whether the same call was made before.
    async fn is_repeated(&self, call: &Call) -> Result<bool, Problem> {
        Ok(self.made_before(call).await?.is_some())
    }

    /// What the same call was about, if it was made before.
    async fn made_before(&self, call: &Call) -> Result<Option<String>, Problem> {
        match self.asker.recorder().known(&call.mch_id, &call.idempotency()?).await? {
            Known::New => Ok(None),
            Known::Before { resource } => Ok(Some(resource)),
            Known::Reused => Err(Problem::key_reused()),
        }
    }

    /// Keeps the caller's key for something that is on record already, or that leaves nothing there.
    async fn keep_key(&self, call: &Call, resource: &str) -> Result<(), Problem> {
        match self.asker.recorder().claim(&call.mch_id, &call.idempotency()?, resource, call.now).await? {
            Known::New => Ok(()),
            Known::Before { resource: before } if before == resource => Ok(()),
            Known::Before { .. } | Known::Reused => Err(Problem::key_reused()),
        }
    }

    /// Puts on record what we are about to do with this order or contract, and the caller's key with it; nothing where the same call did
    /// so before. Whether it is on record by this very call, and nobody does it but we.
    async fn about_to(&self, call: &Call, called: Called, number: &str) -> Result<bool, Problem> {
        let fact = Fact::ours(call.mch_id.clone(), FactBody::Called(called));
        let receipt = Receipt::ours(&fact, call.now, call.traceparent.clone());
        let asked = call.idempotency()?;
        match self.asker.recorder().apply_once(&fact, &receipt, &asked, number, call.now).await? {
            Once::Now(Recorded::Refused(refusal)) => Err(problems::refused(&refusal)),
            Once::Now(Recorded::Unknown(_)) => Err(Problem::not_found()),
            Once::Now(recorded) => Ok(matches!(recorded, Recorded::Applied { .. })),
            Once::Before => Ok(false),
            Once::Reused => Err(Problem::key_reused()),
        }
    }

    /// A contract in force: on record, and after WeChat was asked, since a termination may be known to WeChat alone.
    async fn in_force(&self, call: &Call, keys: &wechat::Keys, code: &ContractCode) -> Result<Contract, Problem> {
        let contract = self.contract_row(call, code).await?;
        if contract.state != ContractState::Signed {
            return Err(problems::not_in_force(contract.state));
        }
        let in_force = self.asker.is_in_force(keys, &contract, call.now).await.map_err(problems::unanswered)?;
        let contract = self.contract_row(call, code).await?;
        match contract.state {
            ContractState::Signed if in_force => Ok(contract),
            other => Err(problems::not_in_force(other)),
        }
    }

    /// What the contract was signed for.
    fn product(&self, contract: &Contract) -> Option<&Product> {
        let product = self.catalogue.product(contract.product.as_ref()?)?;
        (product.mch_id == contract.mch_id).then_some(product)
    }

    /// What the caller names, or the price of the product.
    fn amount(&self, contract: &Contract, named: Option<u64>) -> Result<Fen, Problem> {
        match named {
            Some(fen) => Ok(crate::requests::amount(fen)?),
            None => self.product(contract).map(|product| product.price).ok_or_else(|| {
                Problem::invalid("amount", "must be there: the contract's product is not in the catalogue")
            }),
        }
    }
}
