use std::fmt::Display;

use ask::{AskError, Asker, tell_of_contradiction};
use domain::{
    BillEvent, Cause, Date, Evidence, Fact, FactBody, Keys as Numbered, MchId, Order, OutRefundNo, OutTradeNo, Refund,
    RefundFact, RefundId, RefundResult, RefundState, Timestamp,
};
use futures_util::future::join_all;
use parse::bill::{Bill, BillEntry, BillRefund, BillRow};
use record::{Backoff, DueItem, Ledger, Receipt, RecordError};
use setup::telemetry;
use wechat::{Keys, Transport};

use crate::asked::Wanted;
use crate::bill::{Uncompared, fetch, unasked};
use crate::compare::difference;
use crate::missing::{self, Days, Numbers};

/// Lines that are compared together.
const TOGETHER: usize = 16;

/// Differences of one bill that are told one by one; a merchant number that is shared with another system has more, and the metric counts
/// them all.
const MOST_TOLD: usize = 1_000;

/// Refunds that somebody made on the merchant platform, and of which the bill told first: WeChat notifies their end at the address that is
/// typed in there (protocol, 9.3), and did not until the day after. What the alarm `silence-refund-by-hand` looks at. One that is still
/// being processed is not notified yet, and does not count; one of which a notice told is on record before its bill, whether a question
/// has confirmed it or not.
const BY_HAND_UNTOLD: &str = "RefundsByHandUntold";

/// Compares bills with the ledger.
pub(crate) struct Reconciler<'a, L, B, T, D, C> {
    pub(crate) asker: &'a Asker<L, B, T>,
    pub(crate) days: &'a D,
    pub(crate) clock: C,
}

/// One merchant's bill.
struct OfDay<'a> {
    keys: &'a Keys,
    mch_id: &'a MchId,
    day: Date,
    /// Whether what WeChat was asked in vain is told, too.
    is_last: bool,
}

impl<L, B, T, D, C> Reconciler<'_, L, B, T, D, C>
where
    L: Ledger,
    B: Backoff,
    T: Transport,
    D: Days,
    C: Fn() -> Timestamp + Sync,
{
    /// Compares the bills of a day of all merchants. What is wrong with one does not keep the others waiting.
    pub(crate) async fn handle<E: Display>(
        &self,
        Wanted { day, is_last }: Wanted,
        merchants: &[MchId],
        keys: impl Fn(&MchId) -> Result<Keys, E>,
    ) -> Result<(), String> {
        let mut failed = Vec::new();
        for mch_id in merchants {
            let compared = match keys(mch_id) {
                Ok(keys) if keys.signer.is_none() => {
                    metrics::counter!("BillsUncompared", "reason" => "no_v3_key").increment(1);
                    tracing::warn!(%mch_id, "without a V3 key no bill is fetched");
                    continue;
                }
                Ok(keys) => Box::pin(self.merchant(&OfDay { keys: &keys, mch_id, day, is_last })).await,
                Err(error) => Err(Uncompared::Keys(error.to_string())),
            };
            let Err(error) = compared else { continue };
            metrics::counter!("BillsUncompared", "reason" => error.label()).increment(1);
            if matches!(error, Uncompared::Creating) && !is_last {
                tracing::warn!(%mch_id, %day, "WeChat is still making the bill; the next run fetches it");
            } else {
                tracing::error!(%mch_id, %day, %error, "the bill was not compared");
                failed.push(format!("{mch_id}: {error}"));
            }
        }
        if failed.is_empty() { Ok(()) } else { Err(failed.join("; ")) }
    }

    async fn merchant(&self, of: &OfDay<'_>) -> Result<(), Uncompared> {
        let bill = Box::pin(fetch(self.asker, of.keys, of.mch_id, of.day, (self.clock)())).await?;
        // Payments first: a refund of one that is not booked yet could not be booked either.
        let (refunds, payments): (Vec<&BillRow>, Vec<&BillRow>) =
            bill.rows.iter().partition(|row| matches!(row.entry, BillEntry::Refund(_)));
        let mut differences = Vec::new();
        for rows in payments.chunks(TOGETHER).chain(refunds.chunks(TOGETHER)) {
            for found in join_all(rows.iter().map(|row| Box::pin(self.line(of, row)))).await {
                differences.extend(found?);
            }
        }
        differences.extend(self.missing(of, &bill).await?);
        let (lines, count) = (bill.rows.len(), differences.len());
        self.tell(of, &differences).await?;
        metrics::counter!("BillsCompared").increment(1);
        metrics::counter!("BillLines").increment(u64::try_from(lines).unwrap_or(u64::MAX));
        tracing::info!(mch_id = %of.mch_id, day = %of.day, lines, differences = count, "the bill was compared");
        Ok(())
    }

    /// What is still different once WeChat was asked.
    async fn line(&self, of: &OfDay<'_>, row: &BillRow) -> Result<Option<BillEvent>, Uncompared> {
        let (order, refund) = self.on_record(of, row).await?;
        let Some(before) = difference(of.day, row, order.as_ref(), refund.as_ref()) else { return Ok(None) };
        let Some(order) = order else { return Ok(Some(before)) };
        let unheard = refund.is_none();
        if let Err(error) = self.ask(of, row, &order, refund).await {
            unasked(error)?;
            return Ok(of.is_last.then_some(before));
        }
        let (order, refund) = self.on_record(of, row).await?;
        if unheard && refund.as_ref().is_some_and(has_ended) {
            metrics::counter!(BY_HAND_UNTOLD).increment(1);
        }
        let after = difference(of.day, row, order.as_ref(), refund.as_ref());
        if after.is_none() {
            metrics::counter!("BillCured", "difference" => before.difference.label()).increment(1);
            tracing::warn!(
                number = before.number(),
                "the bill knew more than the record; the answer to a question is booked"
            );
        }
        Ok(after)
    }

    /// The order and the refund that a line is about. A number that cannot be ours is not on record.
    async fn on_record(&self, of: &OfDay<'_>, row: &BillRow) -> Result<(Option<Order>, Option<Refund>), Uncompared> {
        let refund = match &row.entry {
            BillEntry::Refund(told) => OutRefundNo::parse(&told.out_refund_no).ok(),
            BillEntry::Paid { .. } | BillEntry::Revoked | BillEntry::Other { .. } => None,
        };
        let keys = Numbered { order: OutTradeNo::parse(&row.out_trade_no).ok(), refund, ..Numbered::default() };
        let rows = self.asker.recorder().ledger().load(of.mch_id, &keys).await.map_err(RecordError::from)?;
        Ok((rows.order.map(|row| row.value), rows.refund.map(|row| row.value)))
    }

    async fn ask(&self, of: &OfDay<'_>, row: &BillRow, order: &Order, refund: Option<Refund>) -> Result<(), AskError> {
        let BillEntry::Refund(told) = &row.entry else {
            Box::pin(self.asker.order(of.keys, order, (self.clock)())).await?;
            return Ok(());
        };
        if !order.is_paid() {
            Box::pin(self.asker.order(of.keys, order, (self.clock)())).await?;
        }
        let refund = match refund {
            Some(refund) => Some(refund),
            None => self.reported(of, row, told).await?,
        };
        if let Some(refund) = refund {
            Box::pin(self.asker.refund(of.keys, &refund, order, (self.clock)())).await?;
        }
        Ok(())
    }

    /// A refund that was made on the merchant platform, perhaps: the bill proves nothing, and is a reason to ask.
    async fn reported(&self, of: &OfDay<'_>, row: &BillRow, told: &BillRefund) -> Result<Option<Refund>, RecordError> {
        let (now, mch_id) = ((self.clock)(), of.mch_id.clone());
        let (Ok(out_trade_no), Ok(out_refund_no)) =
            (OutTradeNo::parse(&row.out_trade_no), OutRefundNo::parse(&told.out_refund_no))
        else {
            return Ok(None);
        };
        let fact = RefundFact {
            out_refund_no: out_refund_no.clone(),
            refund_id: RefundId::parse(&told.refund_id).ok(),
            out_trade_no: Some(out_trade_no),
            transaction_id: None,
            refund: Some(told.amount),
            total: None,
            said_at: None,
            result: RefundResult::Processing,
        };
        let fact = Fact { mch_id, cause: Cause::Bill, evidence: Evidence::Unsigned, body: FactBody::Refund(fact) };
        let recorder = self.asker.recorder();
        let receipt = Receipt::ours(&fact, now, telemetry::current_trace());
        let recorded = Box::pin(recorder.apply(&fact, &receipt, now, domain::decide)).await?;
        tell_of_contradiction(&fact, &recorded);
        let keys = Numbered { refund: Some(out_refund_no), ..Numbered::default() };
        Ok(recorder.ledger().load(of.mch_id, &keys).await?.refund.map(|row| row.value))
    }

    /// What is on record of that day and not in its bill.
    async fn missing(&self, of: &OfDay<'_>, bill: &Bill) -> Result<Vec<BillEvent>, Uncompared> {
        let numbers = Numbers::of(bill);
        let (mut differences, mut refunds) = (Vec::new(), Vec::new());
        let items = self.days.of_day(of.mch_id, of.day).await.map_err(RecordError::from)?;
        for some in items.chunks(TOGETHER) {
            for loaded in join_all(some.iter().map(|item| self.loaded(of, item))).await {
                let (order, refund) = loaded?;
                let order = order.filter(|order| missing::belongs(order, of.day) && !numbers.has_order(order));
                differences.extend(order.map(|order| missing::payment_missing(&order, of.day)));
                refunds.extend(refund.filter(|it| missing::ended_on(it, of.day) && !numbers.has_refund(it)));
            }
        }
        for day in missing::earlier(&refunds, of.day) {
            if refunds.is_empty() {
                break;
            }
            let earlier = Box::pin(fetch(self.asker, of.keys, of.mch_id, day, (self.clock)())).await?;
            let numbers = Numbers::of(&earlier);
            refunds.retain(|refund| !numbers.has_refund(refund));
        }
        differences.extend(refunds.iter().map(|refund| missing::refund_missing(refund, of.day)));
        Ok(differences)
    }

    async fn loaded(&self, of: &OfDay<'_>, item: &DueItem) -> Result<(Option<Order>, Option<Refund>), RecordError> {
        let rows = self.asker.recorder().ledger().load(of.mch_id, &item.keys()).await?;
        Ok((rows.order.map(|row| row.value), rows.refund.map(|row| row.value)))
    }

    /// Counts every difference, each time; and tells of it, once.
    async fn tell(&self, of: &OfDay<'_>, differences: &[BillEvent]) -> Result<(), Uncompared> {
        for event in differences {
            metrics::counter!("BillDifferences", "difference" => event.difference.label()).increment(1);
        }
        for event in differences.iter().take(MOST_TOLD) {
            let (mch_id, number, what) = (of.mch_id, event.number(), event.difference.label());
            tracing::error!(%mch_id, day = %of.day, number, differs = what, "the bill and the record differ");
            Box::pin(self.asker.recorder().differed(of.mch_id, event, telemetry::current_trace(), (self.clock)()))
                .await?;
        }
        Ok(())
    }
}

fn has_ended(refund: &Refund) -> bool {
    matches!(refund.state, RefundState::Succeeded | RefundState::Closed | RefundState::Abnormal)
}
