//! Refunds, by the protocol that the order was made with, or by APIv3 where that is configured.

use ask::{Sent, Terminated};
use domain::{
    Contract, ContractState, Fen, Keys, Order, OrderKind, OutRefundNo, OutTradeNo, Protocol, Refund, RefundOrigin,
    RefundState, Refusal, RequestText, SCHEMA, Schedule,
};
use http_api::Problem;
use record::{Backoff, Opened, Opening, Writeahead};
use wechat::{Invalid, Moment, OrderRef, Transport};

use super::{Answer, Business};
use crate::problems;
use crate::requests::{Call, RefundRequest, amount};
use crate::views::RefundView;

/// What WeChat is told of a contract that ends with a refund.
const REMARK: &str = "退款并解约";

impl<L: Writeahead, B: Backoff, T: Transport> Business<L, B, T> {
    pub(super) async fn refund_status(&self, call: &Call, number: OutRefundNo) -> Result<RefundView, Problem> {
        let keys = self.keys(call).await?;
        let wanted = Keys { refund: Some(number), ..Keys::default() };
        let rows = self.asker.fresh(&keys, &call.mch_id, &wanted, call.now).await?;
        rows.refund.map(|row| RefundView::new(&row.value, None)).ok_or_else(Problem::not_found)
    }

    /// The amount is reserved on the order before WeChat is asked, so that however many ask at once, no more than was paid is given back.
    pub(super) async fn give_back_now(
        &self,
        call: &Call,
        wanted: &RefundRequest,
    ) -> Result<Answer<RefundView>, Problem> {
        let keys = self.keys(call).await?;
        let out_trade_no = OutTradeNo::parse(&wanted.out_trade_no)?;
        let out_refund_no = OutRefundNo::parse(&wanted.out_refund_no)?;
        let order = self.order_row(call, &out_trade_no).await?;
        if !self.is_repeated(call).await? {
            self.open_refund(call, &keys, &order, &out_refund_no, wanted).await?;
        }
        let refund = self.refund_row(call, &out_refund_no).await?;
        if refund.origin == RefundOrigin::Platform {
            // WeChat has another refund under this number, and the row tells of that one.
            return Err(problems::refused(&Refusal::Exists));
        }
        let contract = match wanted.terminate && refund.state != RefundState::Rejected {
            true => self.end_contract(call, &keys, &order).await?,
            false => None,
        };
        Ok(answer(&refund, contract.as_ref()))
    }

    /// On record with the caller's key, and only then WeChat.
    async fn open_refund(
        &self,
        call: &Call,
        keys: &wechat::Keys,
        order: &Order,
        out_refund_no: &OutRefundNo,
        wanted: &RefundRequest,
    ) -> Result<(), Problem> {
        if wanted.terminate {
            self.check_signing_is_decided(call, keys, order).await?;
        }
        let refund = self.new_refund(call, keys, order, out_refund_no.clone(), wanted)?;
        let opening = Opening {
            mch_id: call.mch_id.clone(),
            opened: domain::Opened::Refund { refund: Box::new(refund.clone()) },
            idempotency: Some(call.idempotency()?),
            openid: None,
            traceparent: call.traceparent.clone(),
        };
        match self.asker.recorder().open(&opening, call.now).await? {
            Opened::Opened => {
                let sent = self.asker.send_refund(keys, &refund, call.now).await.map_err(problems::unanswered)?;
                if let Sent::Refused(error) | Sent::Unknown(error) = sent {
                    tracing::warn!(%out_refund_no, %error, "a refund was not accepted");
                }
                Ok(())
            }
            Opened::AlreadyDone { .. } => Ok(()),
            // The number is the refund's identity, whoever names it again; the key is this refund's from here.
            Opened::OnRecord { resource } => self.keep_key(call, &resource).await,
            Opened::KeyReused => Err(Problem::key_reused()),
            Opened::Refused(refusal) => Err(problems::refused(&refusal)),
            Opened::Live { .. } | Opened::Unknown(_) => Err(Problem::not_found()),
        }
    }

    /// A contract that is signed a moment after its order was refunded would renew, and nobody would end it.
    async fn check_signing_is_decided(&self, call: &Call, keys: &wechat::Keys, order: &Order) -> Result<(), Problem> {
        let Some(code) = &order.contract_code else { return Ok(()) };
        let contract = self.contract_row(call, code).await?;
        if !is_undecided(&contract) {
            return Ok(());
        }
        self.asker.contract(keys, &contract, call.now).await.map_err(problems::unanswered)?;
        match is_undecided(&self.contract_row(call, code).await?) {
            false => Ok(()),
            true => {
                Err(Problem::conflict("signing_undecided", "WeChat has not decided yet whether the contract is signed")
                    .with("contract_code", code.as_str())
                    .retry_after(60))
            }
        }
    }

    /// A refund alone ends no contract.
    async fn end_contract(&self, call: &Call, keys: &wechat::Keys, order: &Order) -> Result<Option<Contract>, Problem> {
        let Some(code) = &order.contract_code else { return Ok(None) };
        let contract = self.contract_row(call, code).await?;
        if !matches!(contract.state, ContractState::Signed | ContractState::Terminating) {
            return Ok(Some(contract));
        }
        let ended = self.asker.terminate(keys, &contract, REMARK, call.now).await.map_err(problems::unanswered)?;
        if let Terminated::Refused(refusal) = ended {
            tracing::warn!(contract_code = %code, refusal = refusal.label(), "the contract of a refund was not ended");
        }
        Ok(Some(self.contract_row(call, code).await?))
    }

    fn new_refund(
        &self,
        call: &Call,
        keys: &wechat::Keys,
        order: &Order,
        out_refund_no: OutRefundNo,
        wanted: &RefundRequest,
    ) -> Result<Refund, Problem> {
        let amount = amount(wanted.amount)?;
        let protocol = self.refund_protocol(order);
        let request = match protocol {
            Protocol::V2 => self.v2_request(call, keys, order, &out_refund_no, amount, wanted),
            Protocol::V3 => self.v3_request(call, keys, order, &out_refund_no, amount, wanted),
        };
        let request = request.map_err(|error| {
            let field = match error.field {
                "refund_desc" => "reason",
                "refund_fee" | "amount.refund" => "amount",
                other => other,
            };
            Problem::invalid(field, error.rule)
        })?;
        Ok(Refund {
            schema: SCHEMA,
            mch_id: call.mch_id.clone(),
            out_refund_no,
            out_trade_no: order.out_trade_no.clone(),
            refund_id: None,
            origin: RefundOrigin::Api,
            protocol,
            amount,
            request: Some(RequestText::new(request)),
            reason: wanted.reason.clone(),
            state: RefundState::Created,
            repairs: 0,
            repairing_at: None,
            repair: None,
            ends_contract: wanted.terminate,
            given_up: false,
            succeeded_at: None,
            failure: None,
            created_at: call.now,
            check: Some(Schedule::Refund.first(call.now)),
        })
    }

    /// A merchant may have the orders that users paid themselves refunded by APIv3. For deductions only V2's call is documented (V3 page,
    /// 11.1).
    fn refund_protocol(&self, order: &Order) -> Protocol {
        match order.kind {
            OrderKind::PayAndSign if self.refunds_by_v3.contains(&order.mch_id) => Protocol::V3,
            OrderKind::PayAndSign | OrderKind::Deduction | OrderKind::OneOff => order.protocol,
        }
    }

    fn v2_request(
        &self,
        call: &Call,
        keys: &wechat::Keys,
        order: &Order,
        out_refund_no: &OutRefundNo,
        amount: Fen,
        wanted: &RefundRequest,
    ) -> Result<String, Invalid> {
        let request = wechat::Refund {
            appid: order.appid.clone(),
            order: OrderRef::OutTradeNo(order.out_trade_no.clone()),
            out_refund_no: out_refund_no.clone(),
            total: order.amount,
            refund: amount,
            reason: wanted.reason.clone(),
            from_recharge: false,
            notify_url: Some(self.refunds.v2(&call.mch_id)),
        };
        Ok(request.prepare(keys, &Moment::new(call.now))?.to_text())
    }

    fn v3_request(
        &self,
        call: &Call,
        keys: &wechat::Keys,
        order: &Order,
        out_refund_no: &OutRefundNo,
        amount: Fen,
        wanted: &RefundRequest,
    ) -> Result<String, Invalid> {
        let request = wechat::v3::Refund {
            order: OrderRef::OutTradeNo(order.out_trade_no.clone()),
            out_refund_no: out_refund_no.clone(),
            total: order.amount,
            refund: amount,
            reason: wanted.reason.clone(),
            notify_url: self.refunds.v3(&call.mch_id),
            more: wechat::v3::RefundDetails::default(),
        };
        Ok(request.prepare(keys, &Moment::new(call.now))?.to_text())
    }

    pub(super) async fn refund_row(&self, call: &Call, number: &OutRefundNo) -> Result<Refund, Problem> {
        let keys = Keys { refund: Some(number.clone()), ..Keys::default() };
        let row = self.rows(call, &keys).await?.refund;
        row.map(|row| row.value).ok_or_else(Problem::not_found)
    }
}

fn answer(refund: &Refund, contract: Option<&Contract>) -> Answer<RefundView> {
    let decided = matches!(refund.state, RefundState::Succeeded | RefundState::Closed | RefundState::Rejected);
    Answer { view: RefundView::new(refund, contract), decided }
}

fn is_undecided(contract: &Contract) -> bool {
    matches!(contract.state, ContractState::Created | ContractState::Pending)
}
