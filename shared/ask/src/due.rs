//! What a due check asks for.

use domain::{
    Check, Contract, ContractChange, ContractState, Keys, MchId, Order, OrderKind, OrderState, PaymentResult, Refund,
    RefundResult, RefundState, Timestamp, Unanswered,
};
use jiff::SignedDuration;
use jiff::civil::Time;
use jiff::tz::{Offset, TimeZone};
use record::{Backoff, DueItem, Ledger, Rows};
use wechat::Transport;

use crate::order::{is_closeable, is_over};
use crate::{AskError, Asker};

/// `contractorder` holds `time_start`; whether WeChat takes an old one is not documented.
const PAY_AND_SIGN_REPEATS: SignedDuration = SignedDuration::from_mins(4);

/// A deduction that did not reach WeChat within a day is given up: nobody expects it any more.
const DEDUCTION_REPEATS: SignedDuration = SignedDuration::from_hours(24);

/// What WeChat is told of a termination that has to be asked for again.
const REMARK: &str = "商户申请解约";

impl<L: Ledger, B: Backoff, T: Transport> Asker<L, B, T> {
    /// Does what the check of this item asks for, if its time has come. Says which checks it moved, of the item and of those that belong
    /// to it, and to when.
    ///
    /// # Errors
    ///
    /// [`AskError`]. Unless the ledger failed, the check is on record for later: in a minute, and later each time.
    pub async fn due(
        &self,
        keys: &wechat::Keys,
        mch_id: &MchId,
        item: &DueItem,
        now: Timestamp,
    ) -> Result<Vec<(DueItem, Timestamp)>, AskError> {
        let wanted = related(item);
        let rows = self.recorder.rows(mch_id, &wanted).await?;
        if !check_of(&rows, item).is_some_and(|check| check.is_due(now)) {
            return Ok(Vec::new());
        }
        if let Err(error) = self.ask_for(keys, mch_id, item, &rows, now).await {
            let why = if error.may_pass() { Unanswered::Silence } else { Unanswered::Refused };
            self.recorder.unanswered(mch_id, &item.keys(), why, now).await?;
            report_overdue(&rows, item, now);
            return Err(error);
        }
        let mut after = self.recorder.rows(mch_id, &wanted).await?;
        if check_of(&after, item) == check_of(&rows, item) {
            self.recorder.answered_in_vain(mch_id, &item.keys(), now).await?;
            after = self.recorder.rows(mch_id, &wanted).await?;
        }
        report_given_up(&rows, &after);
        report_overdue(&after, item, now);
        let (before, mut moved) = (checks(&rows), checks(&after));
        // What did not move has a message of its own.
        moved.retain(|check| !before.contains(check));
        Ok(moved)
    }

    async fn ask_for(
        &self,
        keys: &wechat::Keys,
        mch_id: &MchId,
        item: &DueItem,
        rows: &Rows,
        now: Timestamp,
    ) -> Result<(), AskError> {
        match (item, &rows.order, &rows.contract, &rows.refund) {
            (DueItem::Order(_), Some(order), contract, _) => {
                self.due_order(keys, &order.value, contract.as_ref().map(|row| &row.value), now).await
            }
            (DueItem::Contract(_), _, Some(contract), _) => self.due_contract(keys, &contract.value, now).await,
            (DueItem::Refund(_), _, _, Some(refund)) => {
                let wanted = Keys { order: Some(refund.value.out_trade_no.clone()), ..Keys::default() };
                match self.recorder.rows(mch_id, &wanted).await?.order {
                    Some(order) => self.due_refund(keys, &refund.value, &order.value, now).await,
                    None => Ok(()),
                }
            }
            (DueItem::Exempt(_), ..) => match &rows.exempt {
                Some(contract) => self.due_exempt(keys, &contract.value, now).await,
                None => Ok(()),
            },
            (DueItem::Order(_) | DueItem::Contract(_) | DueItem::Refund(_) | DueItem::Certificates, ..) => Ok(()),
        }
    }

    async fn due_order(
        &self,
        keys: &wechat::Keys,
        order: &Order,
        contract: Option<&Contract>,
        now: Timestamp,
    ) -> Result<(), AskError> {
        if order.is_paid() {
            // Asked for since it is refunded, in part or in whole.
            self.refunds_of(keys, order, now).await?;
            self.query_order(keys, order, now, domain::decide).await?;
            return Ok(());
        }
        let (told, _) = self.query_order(keys, order, now, domain::decide).await?;
        if is_over(order, &told, now) && told.is_open() {
            self.closing(order, now).await?;
            if told.is_unpaid() && is_closeable(order, now) {
                self.close_and_ask(keys, order, now).await?;
            }
        } else if order.state == OrderState::Created && told.result == PaymentResult::NotFound {
            self.repeat_order(keys, order, contract, now).await?;
        }
        Ok(())
    }

    /// The function that made the order may have died before its call.
    async fn repeat_order(
        &self,
        keys: &wechat::Keys,
        order: &Order,
        contract: Option<&Contract>,
        now: Timestamp,
    ) -> Result<(), AskError> {
        let age = now.duration_since(order.created_at);
        let number = order.out_trade_no.as_str();
        match order.kind {
            OrderKind::PayAndSign if age < PAY_AND_SIGN_REPEATS => {
                self.send_order(keys, order, now).await?.report("order", number);
            }
            OrderKind::Deduction if age >= DEDUCTION_REPEATS => {
                self.give_up(order, now).await?;
            }
            // Nothing is charged outside the window, nor once the contract shall end.
            OrderKind::Deduction
                if is_deduction_time(now)
                    && contract.is_some_and(|contract| contract.state == ContractState::Signed) =>
            {
                self.send_order(keys, order, now).await?.report("order", number);
            }
            // Its time is not over, or it would be closed.
            OrderKind::OneOff => {
                self.send_order(keys, order, now).await?.report("order", number);
            }
            OrderKind::PayAndSign | OrderKind::Deduction => {}
        }
        Ok(())
    }

    async fn due_contract(&self, keys: &wechat::Keys, contract: &Contract, now: Timestamp) -> Result<(), AskError> {
        let (change, _) = self.query_contract(keys, contract, now, domain::decide).await?;
        let goes_on = matches!(change, ContractChange::Signed { .. } | ContractChange::InProgress);
        if contract.state == ContractState::Terminating && goes_on {
            self.delete_and_ask(keys, contract, REMARK, now).await?;
        }
        Ok(())
    }

    async fn due_refund(
        &self,
        keys: &wechat::Keys,
        refund: &Refund,
        order: &Order,
        now: Timestamp,
    ) -> Result<(), AskError> {
        let (result, _) = self.query_refund(keys, refund, order, now, domain::decide).await?;
        // The same number is never a second refund.
        let lost = refund.state == RefundState::Created && result == RefundResult::NotFound;
        if lost && refund.request.is_some() && !refund.is_overdue(now) {
            self.send_refund(keys, refund, now).await?.report("refund", refund.out_refund_no.as_str());
        } else if result == RefundResult::Abnormal && refund.awaits_repair(now) {
            self.repeat_repair(keys, refund, now).await?.report("repair", refund.out_refund_no.as_str());
        }
        Ok(())
    }
}

/// Deductions are made from 07:00 to 22:00 in Beijing (protocol, 7.3).
fn is_deduction_time(now: Timestamp) -> bool {
    let beijing = now.to_zoned(TimeZone::fixed(Offset::constant(8))).time();
    (Time::constant(7, 0, 0, 0)..Time::constant(22, 0, 0, 0)).contains(&beijing)
}

/// The item and what belongs to it: an order brings its contract by itself.
fn related(item: &DueItem) -> Keys {
    match item {
        DueItem::Contract(code) => Keys { contract: Some(code.clone()), order: code.first_order(), ..Keys::default() },
        DueItem::Order(_) | DueItem::Refund(_) | DueItem::Exempt(_) | DueItem::Certificates => item.keys(),
    }
}

fn check_of<'r>(rows: &'r Rows, item: &DueItem) -> Option<&'r Check> {
    match item {
        DueItem::Order(_) => rows.order.as_ref()?.value.check.as_ref(),
        DueItem::Contract(_) => rows.contract.as_ref()?.value.check.as_ref(),
        DueItem::Refund(_) => rows.refund.as_ref()?.value.check.as_ref(),
        DueItem::Exempt(_) => rows.exempt.as_ref()?.value.check.as_ref(),
        // The worker keeps them fresh each time that it runs, and is woken for it.
        DueItem::Certificates => None,
    }
}

/// What WeChat does not know, or does not settle, however long it is asked, is nobody's plan: somebody must look.
fn report_given_up(before: &Rows, after: &Rows) {
    let order = |rows: &Rows| rows.order.as_ref().is_some_and(|row| row.value.is_given_up());
    let refund = |rows: &Rows| rows.refund.as_ref().is_some_and(|row| row.value.is_given_up());
    for (kind, was, is) in [("order", order(before), order(after)), ("refund", refund(before), refund(after))] {
        if is && !was {
            metrics::counter!("GivenUp", "kind" => kind).increment(1);
            tracing::error!(kind, "given up: WeChat does not know it, or does not settle it");
        }
    }
}

/// What no answer that can be believed ends is told of at each question, so once a day, until somebody has looked.
fn report_overdue(rows: &Rows, item: &DueItem, now: Timestamp) {
    let overdue = match item {
        DueItem::Order(_) => rows.order.as_ref().is_some_and(|row| row.value.is_overdue(now)),
        DueItem::Refund(_) => rows.refund.as_ref().is_some_and(|row| row.value.is_overdue(now)),
        DueItem::Contract(_) | DueItem::Exempt(_) | DueItem::Certificates => false,
    };
    if overdue {
        metrics::counter!("GivenUp", "kind" => item.kind()).increment(1);
        tracing::error!(kind = item.kind(), "overdue: WeChat decides nothing, and no answer proves it; it stays open");
    }
}

fn checks(rows: &Rows) -> Vec<(DueItem, Timestamp)> {
    let order = rows.order.as_ref().map(|row| (DueItem::Order(row.value.out_trade_no.clone()), &row.value.check));
    let contract =
        rows.contract.as_ref().map(|row| (DueItem::Contract(row.value.contract_code.clone()), &row.value.check));
    let refund = rows.refund.as_ref().map(|row| (DueItem::Refund(row.value.out_refund_no.clone()), &row.value.check));
    let exempt = rows.exempt.as_ref().map(|row| (DueItem::Exempt(row.value.key()), &row.value.check));
    let all = [order, contract, refund, exempt].into_iter().flatten();
    all.filter_map(|(item, check)| Some((item, check.as_ref()?.due_at))).collect()
}
