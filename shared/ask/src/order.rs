//! Orders: what became of one, closing it, and the refunds of a paid one.

use domain::{Called, Fact, FactBody, Order, OrderKind, OrderState, PaymentFact, PaymentResult, Protocol, Timestamp};
use jiff::SignedDuration;
use record::{Backoff, DecideFn, Ledger, Recorded};
use wechat::{
    CloseAnswer, CloseOrder, Keys, Moment, Next, OrderAnswer, OrderQuery, OrderRef, PapOrderQuery, RefundQuery,
    RefundRef, Transport, v3,
};

use crate::untold::{self, count};
use crate::v3::{Answered, trade_state};
use crate::{AskError, Asker};

/// V2 closes no order that is younger (protocol, 5.3).
const CLOSEABLE_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// `paporderquery` knows the deductions of one month (protocol, 5.2), the shortest of which has so many days.
const DEDUCTIONS_ARE_KNOWN_FOR: SignedDuration = SignedDuration::from_hours(28 * 24);

/// Refunds that an order can have (protocol, 9.1): a bound on the pages of one question.
const MOST_REFUNDS: u32 = 50;

/// What a query told of an order.
pub(crate) struct Told {
    pub(crate) result: PaymentResult,
    /// WeChat's own word.
    pub(crate) trade_state: Option<String>,
}

impl<L: Ledger, B: Backoff, T: Transport> Asker<L, B, T> {
    /// Asks what became of an order, and records it.
    ///
    /// # Errors
    ///
    /// [`AskError`]
    pub async fn order(&self, keys: &Keys, order: &Order, now: Timestamp) -> Result<Recorded, AskError> {
        self.query_order(keys, order, now, domain::decide_in_passing).await.map(|(_, recorded)| recorded)
    }

    pub(crate) async fn query_order(
        &self,
        keys: &Keys,
        order: &Order,
        now: Timestamp,
        decide: DecideFn,
    ) -> Result<(Told, Recorded), AskError> {
        let (Answered { fact, body }, trade_state) = match order.protocol {
            Protocol::V2 => {
                let answer = self.order_answer(keys, order, now).await?;
                let fact = answer.fact(&order.mch_id, &order.out_trade_no)?;
                let answered = Answered { fact, body: answer.body().to_vec() };
                (answered, answer.text("trade_state").map(str::to_owned))
            }
            Protocol::V3 => {
                let answered = self.v3_order(keys, order, now).await?;
                let trade_state = trade_state(&answered.body);
                (answered, trade_state)
            }
        };
        let recorded = self.record(&fact, &body, now, decide).await?;
        count(&recorded, untold::by_payment(order, &fact));
        let result = match fact.body {
            FactBody::Payment(payment) => payment.result,
            _ => PaymentResult::Undecided { trade_state: String::new() },
        };
        Ok((Told { result, trade_state }, recorded))
    }

    /// A deduction has a query of its own, with fall-backs; the order that a user pays must not be asked for by it.
    async fn order_answer(&self, keys: &Keys, order: &Order, now: Timestamp) -> Result<OrderAnswer, AskError> {
        let (appid, at) = (order.appid.clone(), Moment::new(now));
        let number = OrderRef::OutTradeNo(order.out_trade_no.clone());
        let young = now.duration_since(order.created_at) < DEDUCTIONS_ARE_KNOWN_FOR;
        Ok(match order.kind {
            OrderKind::Deduction if young => {
                let query = PapOrderQuery { appid, order: number }.prepare(keys, &at)?;
                self.call_about_deduction(&query, keys, now).await?
            }
            OrderKind::Deduction | OrderKind::PayAndSign | OrderKind::OneOff => {
                let query = OrderQuery { appid, order: number }.prepare(keys, &at)?;
                self.call(&query, keys, now).await?
            }
        })
    }

    /// Closes an order that nobody paid: Closing is written first, and WeChat is asked once more after it. An order that is too young
    /// is closed when its check comes.
    ///
    /// # Errors
    ///
    /// [`AskError`]
    pub async fn close(&self, keys: &Keys, order: &Order, now: Timestamp) -> Result<Recorded, AskError> {
        let recorded = self.closing(order, now).await?;
        let refused = matches!(recorded, Recorded::Refused(_));
        if refused || !is_closeable(order, now) {
            return Ok(recorded);
        }
        self.close_and_ask(keys, order, now).await
    }

    /// From here it is asked for often, and closed as soon as nobody is paying it.
    pub(crate) async fn closing(&self, order: &Order, now: Timestamp) -> Result<Recorded, AskError> {
        let out_trade_no = order.out_trade_no.clone();
        let asked = Fact::ours(order.mch_id.clone(), FactBody::Called(Called::ClosingAsked { out_trade_no }));
        self.record_ours(&asked, now).await
    }

    pub(crate) async fn close_and_ask(&self, keys: &Keys, order: &Order, now: Timestamp) -> Result<Recorded, AskError> {
        match self.ask_to_close(keys, order, now).await {
            Ok(_) => {}
            // It was paid just before, or WeChat wants more time: what is true is what the query says.
            Err(AskError::Call(error)) if error.next == Next::QueryFirst => {}
            Err(error) => return Err(error),
        }
        self.order(keys, order, now).await
    }

    async fn ask_to_close(&self, keys: &Keys, order: &Order, now: Timestamp) -> Result<CloseAnswer, AskError> {
        let (out_trade_no, at) = (order.out_trade_no.clone(), Moment::new(now));
        Ok(match order.protocol {
            Protocol::V2 => {
                let close = CloseOrder { appid: order.appid.clone(), out_trade_no };
                self.call(&close.prepare(keys, &at)?, keys, now).await?
            }
            Protocol::V3 => self.call(&v3::CloseOrder { out_trade_no }.prepare(keys, &at)?, keys, now).await?,
        })
    }

    /// The refunds of a paid order: those that were made elsewhere are found here.
    pub(crate) async fn refunds_of(&self, keys: &Keys, order: &Order, now: Timestamp) -> Result<(), AskError> {
        if order.protocol == Protocol::V3 {
            // V3 has no list: the refunds that we know of have questions of their own, and others mark the order.
            return Ok(());
        }
        let mut read = 0;
        loop {
            let query = RefundQuery {
                appid: order.appid.clone(),
                refund: RefundRef::OutTradeNo(order.out_trade_no.clone()),
                offset: (read > 0).then_some(read),
            };
            let answer = self.call(&query.prepare(keys, &Moment::new(now))?, keys, now).await?;
            let facts = answer.facts(&order.mch_id, &order.out_trade_no)?;
            for fact in &facts {
                let recorded = self.record(fact, answer.body(), now, domain::decide).await?;
                count(&recorded, untold::by_list(order, fact));
            }
            let page = u32::try_from(facts.len()).unwrap_or(u32::MAX);
            let total = answer.text("total_refund_count").and_then(|text| text.parse().ok()).unwrap_or(page);
            read = read.saturating_add(page);
            if page == 0 || read >= total || read >= MOST_REFUNDS {
                return Ok(());
            }
        }
    }

    /// Ends a deduction that WeChat never got, and that is not sent any more: nobody expects it after a day, nor once its contract ended.
    ///
    /// # Errors
    ///
    /// [`AskError::Record`]
    pub async fn give_up(&self, order: &Order, now: Timestamp) -> Result<Recorded, AskError> {
        let payment = PaymentFact {
            out_trade_no: order.out_trade_no.clone(),
            appid: None,
            contract_id: None,
            attach: None,
            result: PaymentResult::Failed { code: "NOT_SENT".to_owned() },
        };
        self.record_ours(&Fact::ours(order.mch_id.clone(), FactBody::Payment(payment)), now).await
    }
}

/// Whether the time of an open order is over, or we had begun to close it.
pub(crate) fn is_over(order: &Order, told: &Told, now: Timestamp) -> bool {
    // A deduction that is too young to be closed is Closing until it can be.
    let failed_and_left_open = || order.check.as_ref().is_some_and(|check| check.asked) && told.is_unpaid();
    match (order.state, order.kind) {
        (OrderState::Closing, _) => true,
        (
            OrderState::Created | OrderState::Requested | OrderState::Accepted,
            OrderKind::PayAndSign | OrderKind::OneOff,
        ) => order.expires_at.is_some_and(|expires_at| expires_at <= now),
        // A failure notice said that it failed, and WeChat has not closed it (protocol, 7.3).
        (OrderState::Created | OrderState::Requested | OrderState::Accepted, OrderKind::Deduction) => {
            failed_and_left_open()
        }
        _ => false,
    }
}

impl Told {
    /// Whether nothing is decided by this answer.
    pub(crate) fn is_open(&self) -> bool {
        match self.result {
            PaymentResult::Succeeded { .. } | PaymentResult::Closed => false,
            PaymentResult::Failed { .. }
            | PaymentResult::Unpaid
            | PaymentResult::Accepted
            | PaymentResult::NotFound
            | PaymentResult::Undecided { .. } => true,
        }
    }

    /// Whether WeChat says that nobody paid, and that nobody is paying at this moment.
    pub(crate) fn is_unpaid(&self) -> bool {
        match self.result {
            PaymentResult::Unpaid => self.trade_state.as_deref() == Some("NOTPAY"),
            // The user may try another card, until the time is over.
            PaymentResult::Failed { .. } | PaymentResult::NotFound => true,
            PaymentResult::Succeeded { .. }
            | PaymentResult::Closed
            | PaymentResult::Accepted
            | PaymentResult::Undecided { .. } => false,
        }
    }
}

pub(crate) fn is_closeable(order: &Order, now: Timestamp) -> bool {
    order.protocol == Protocol::V3 || now.duration_since(order.created_at) >= CLOSEABLE_AFTER
}
