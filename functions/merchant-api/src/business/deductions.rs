//! A deduction, made now.

use ask::Sent;
use domain::{
    Contract, ContractCode, Fen, Keys, Order, OrderKind, OrderState, OutTradeNo, Protocol, RequestText, SCHEMA,
    Schedule, SignatureAlgorithm,
};
use http_api::Problem;
use record::{Backoff, Opened, Opening, Writeahead};
use wechat::{Moment, PapPayApply, Transport};

use super::{Answer, Business};
use crate::requests::{Call, DeductionRequest, attempt_before};
use crate::views::OrderView;
use crate::{problems, window};

/// What is to be deducted.
struct Charge<'a> {
    out_trade_no: &'a OutTradeNo,
    amount: Fen,
    description: String,
    metadata: Option<String>,
}

impl<L: Writeahead, B: Backoff, T: Transport> Business<L, B, T> {
    /// Window, contract, the attempt before; then on record, and only then WeChat.
    pub(super) async fn deduct_now(
        &self,
        call: &Call,
        wanted: &DeductionRequest,
    ) -> Result<Answer<OrderView>, Problem> {
        let keys = self.keys(call).await?;
        let contract_code = ContractCode::parse(&wanted.contract_code)?;
        let out_trade_no = OutTradeNo::deduction(&contract_code, wanted.period, wanted.attempt)?;
        // A repetition is answered at any time of the day.
        if self.is_repeated(call).await? {
            return Ok(answer(&self.order_row(call, &out_trade_no).await?));
        }
        self.check_is_new(call, &out_trade_no).await?;
        window::check(call.now)?;
        self.check_attempt_before(call, wanted, &contract_code).await?;
        let contract = self.in_force(call, &keys, &contract_code).await?;
        let charge = self.charge(&contract, wanted, &out_trade_no)?;
        let order = self.new_order(call, &keys, &contract, charge)?;
        let opening = Opening {
            mch_id: call.mch_id.clone(),
            opened: domain::Opened::Deduction { order: Box::new(order.clone()) },
            idempotency: Some(call.idempotency()?),
            openid: None,
            traceparent: call.traceparent.clone(),
        };
        match self.asker.recorder().open(&opening, call.now).await? {
            Opened::Opened => {
                let sent = self.asker.send_order(&keys, &order, call.now).await.map_err(problems::unanswered)?;
                if let Sent::Withheld = sent {
                    self.asker.give_up(&order, call.now).await.map_err(problems::unanswered)?;
                }
                Ok(answer(&self.order_row(call, &out_trade_no).await?))
            }
            Opened::AlreadyDone { .. } => Ok(answer(&self.order_row(call, &out_trade_no).await?)),
            Opened::OnRecord { .. } => Err(made_already(&out_trade_no)),
            Opened::KeyReused => Err(Problem::key_reused()),
            Opened::Refused(refusal) => Err(problems::refused(&refusal)),
            Opened::Live { .. } | Opened::Unknown(_) => Err(Problem::not_found()),
        }
    }

    /// Another call for the same attempt is refused, whatever it says.
    async fn check_is_new(&self, call: &Call, out_trade_no: &OutTradeNo) -> Result<(), Problem> {
        let keys = Keys { order: Some(out_trade_no.clone()), ..Keys::default() };
        match self.rows(call, &keys).await?.order {
            Some(_) => Err(made_already(out_trade_no)),
            None => Ok(()),
        }
    }

    /// A number is dead once its deduction failed; before that, another attempt could charge twice.
    async fn check_attempt_before(
        &self,
        call: &Call,
        wanted: &DeductionRequest,
        contract_code: &ContractCode,
    ) -> Result<(), Problem> {
        let Some(before) = attempt_before(wanted, contract_code).transpose()? else { return Ok(()) };
        let keys = Keys { order: Some(before.clone()), ..Keys::default() };
        let state = self.rows(call, &keys).await?.order.map(|row| row.value.state);
        match state {
            Some(OrderState::Failed) => Ok(()),
            Some(OrderState::Paid | OrderState::PartlyRefunded | OrderState::Refunded) => {
                Err(Problem::conflict("period_paid", "The period is paid").with("out_trade_no", before.as_str()))
            }
            Some(_) | None => {
                Err(Problem::conflict("attempt_before_not_failed", "The attempt before this one has not failed")
                    .with("out_trade_no", before.as_str()))
            }
        }
    }

    fn charge<'a>(
        &self,
        contract: &Contract,
        wanted: &DeductionRequest,
        out_trade_no: &'a OutTradeNo,
    ) -> Result<Charge<'a>, Problem> {
        let title = || self.product(contract).map(|product| product.title.clone());
        let description = wanted.description.clone().or_else(title).ok_or_else(|| {
            Problem::invalid("description", "must be there: the contract's product is not in the catalogue")
        })?;
        let amount = self.amount(contract, wanted.amount)?;
        Ok(Charge { out_trade_no, amount, description, metadata: wanted.metadata.clone() })
    }

    fn new_order(
        &self,
        call: &Call,
        keys: &wechat::Keys,
        contract: &Contract,
        charge: Charge<'_>,
    ) -> Result<Order, Problem> {
        let contract_id = contract.contract_id.clone().ok_or_else(Problem::internal)?;
        let request = PapPayApply {
            appid: contract.appid.clone(),
            out_trade_no: charge.out_trade_no.clone(),
            contract_id: contract_id.clone(),
            body: charge.description,
            detail: None,
            attach: charge.metadata.clone(),
            total: charge.amount,
            client_ip: self.server_ip.into(),
            notify_url: self.deductions.v2(&call.mch_id),
            goods_tag: None,
            receipt: false,
        };
        let request = request.prepare(keys, &Moment::new(call.now)).map_err(|error| {
            // WeChat's names of what the caller names otherwise.
            let field = match error.field {
                "body" => "description",
                "attach" => "metadata",
                "total_fee" => "amount",
                other => other,
            };
            Problem::invalid(field, error.rule)
        })?;
        Ok(Order {
            schema: SCHEMA,
            mch_id: call.mch_id.clone(),
            out_trade_no: charge.out_trade_no.clone(),
            kind: OrderKind::Deduction,
            protocol: Protocol::V2,
            appid: contract.appid.clone(),
            amount: charge.amount,
            signature: SignatureAlgorithm::Md5,
            contract_code: Some(contract.contract_code.clone()),
            contract_id: Some(contract_id),
            openid: None,
            attach: charge.metadata,
            product: contract.product.clone(),
            channel: None,
            request: Some(RequestText::new(request.to_text())),
            launch: None,
            state: OrderState::Created,
            transaction_id: None,
            trade_type: None,
            paid_at: None,
            failure: None,
            refunded: Fen::ZERO,
            reserved: Fen::ZERO,
            refunds: 0,
            last_refund_at: None,
            refunded_elsewhere: false,
            user: None,
            created_at: call.now,
            expires_at: None,
            check: Some(Schedule::Deduction.first(call.now)),
        })
    }
}

fn answer(order: &Order) -> Answer<OrderView> {
    let decided = order.is_paid() || matches!(order.state, OrderState::Failed | OrderState::Closed);
    Answer { view: order.into(), decided }
}

fn made_already(out_trade_no: &OutTradeNo) -> Problem {
    Problem::conflict("deduction_exists", "This attempt of the period was made already")
        .with("out_trade_no", out_trade_no.as_str())
}
