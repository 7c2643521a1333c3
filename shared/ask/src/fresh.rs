//! The rows as they are now: asked for because somebody wants to know, not because a check is due.

use std::time::Duration;

use domain::{
    Contract, ContractState, ExemptContract, ExemptState, Keys, MchId, Order, OrderState, PaymentStatus, RefundState,
    Timestamp,
};
use record::{Backoff, DueItem, RecordError, Recorded, Rows, Writeahead};
use wechat::Transport;

use crate::recent::PAUSE;
use crate::{AskError, Asker};

/// How long somebody waits for WeChat before what is on record has to do.
const PATIENCE: Duration = Duration::from_secs(3);

impl<L: Writeahead, B: Backoff, T: Transport> Asker<L, B, T> {
    /// The rows, after asking WeChat for what is open of them. Only queries; nothing that somebody asked for in the last five
    /// seconds, nothing that is settled. What WeChat does not answer leaves them as they are on record.
    ///
    /// # Errors
    ///
    /// [`RecordError`]: the ledger cannot be read.
    pub async fn fresh(
        &self,
        keys: &wechat::Keys,
        mch_id: &MchId,
        wanted: &Keys,
        now: Timestamp,
    ) -> Result<Rows, RecordError> {
        let rows = self.recorder.rows(mch_id, wanted).await?;
        match tokio::time::timeout(PATIENCE, self.pull(keys, mch_id, wanted, rows.clone(), now)).await {
            Ok(pulled) => pulled,
            // An answer may have been recorded before the time was over.
            Err(_) => self.recorder.rows(mch_id, wanted).await,
        }
    }

    async fn pull(
        &self,
        keys: &wechat::Keys,
        mch_id: &MchId,
        wanted: &Keys,
        mut rows: Rows,
        now: Timestamp,
    ) -> Result<Rows, RecordError> {
        if let Some(order) = rows.order.as_ref().map(|row| &row.value).filter(|order| is_open(order))
            && self.may_ask(mch_id, DueItem::Order(order.out_trade_no.clone()), now).await?
        {
            tried(self.order(keys, order, now).await);
            rows = self.recorder.rows(mch_id, wanted).await?;
        }
        // A payment that was just found is what the contract waits for.
        if let Some(contract) = rows.contract.as_ref().map(|row| &row.value).filter(|contract| may_change(contract))
            && self.may_ask(mch_id, DueItem::Contract(contract.contract_code.clone()), now).await?
        {
            tried(self.contract(keys, contract, now).await);
            rows = self.recorder.rows(mch_id, wanted).await?;
        }
        if let Some(exempt) = rows.exempt.as_ref().map(|row| &row.value).filter(|contract| is_undecided(contract))
            && self.may_ask(mch_id, DueItem::Exempt(exempt.key()), now).await?
        {
            tried(self.exempt(keys, exempt, now).await);
            rows = self.recorder.rows(mch_id, wanted).await?;
        }
        self.pull_refund(keys, mch_id, wanted, rows, now).await
    }

    /// Whether nobody asked a moment ago: this process knows of itself, and the ledger of all.
    async fn may_ask(&self, mch_id: &MchId, item: DueItem, now: Timestamp) -> Result<bool, RecordError> {
        if self.recent.asked(mch_id, &item, now) || !self.recorder.ledger().may_ask(mch_id, &item, PAUSE, now).await? {
            return Ok(false);
        }
        self.recent.note(mch_id, &item, now);
        Ok(true)
    }

    async fn pull_refund(
        &self,
        keys: &wechat::Keys,
        mch_id: &MchId,
        wanted: &Keys,
        rows: Rows,
        now: Timestamp,
    ) -> Result<Rows, RecordError> {
        let Some(refund) = rows.refund.as_ref().map(|row| &row.value) else { return Ok(rows) };
        let open = matches!(
            refund.state,
            RefundState::Reported
                | RefundState::Created
                | RefundState::Processing
                | RefundState::Repairing
                // A person may have settled it.
                | RefundState::Abnormal
        );
        if !open || !self.may_ask(mch_id, DueItem::Refund(refund.out_refund_no.clone()), now).await? {
            return Ok(rows);
        }
        let of_order = Keys { order: Some(refund.out_trade_no.clone()), ..Keys::default() };
        if let Some(order) = self.recorder.rows(mch_id, &of_order).await?.order {
            tried(self.refund(keys, refund, &order.value, now).await);
        }
        self.recorder.rows(mch_id, wanted).await
    }
}

fn tried(asked: Result<Recorded, AskError>) {
    if let Err(error) = asked {
        metrics::counter!("AskFailed", "reason" => error.label()).increment(1);
        tracing::warn!(%error, "WeChat was asked in vain; what is on record has to do");
    }
}

fn is_open(order: &Order) -> bool {
    matches!(order.state, OrderState::Created | OrderState::Requested | OrderState::Accepted | OrderState::Closing)
}

fn is_undecided(contract: &ExemptContract) -> bool {
    matches!(contract.state, ExemptState::Created | ExemptState::Offered | ExemptState::Terminating)
}

/// Signing is settled after the payment; before it there is nothing to ask for.
fn may_change(contract: &Contract) -> bool {
    match contract.state {
        ContractState::Created | ContractState::Pending => {
            contract.payment.as_ref().is_none_or(|payment| payment.status == PaymentStatus::Paid)
        }
        ContractState::Terminating => true,
        ContractState::Signed | ContractState::NotSigned | ContractState::Terminated => false,
    }
}
