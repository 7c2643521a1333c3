//! Notices of deductions to come (预扣费通知).

use domain::{Called, Contract, ContractCode, ContractState, DeductionNotice, Fact, FactBody, Fen, Timestamp};
use http_api::Problem;
use record::{Backoff, Receipt, Writeahead};
use wechat::{CallError, ErrorKind, Moment, Next, PreDeductionNotice, Transport};

use super::Business;
use crate::requests::{Call, NoticeRequest};
use crate::views::NoticeView;
use crate::{problems, window};

impl<L: Writeahead, B: Backoff, T: Transport> Business<L, B, T> {
    /// Tells the user, through WeChat, what will be deducted at most. On record before WeChat is asked, of a contract in force only; WeChat
    /// knows the same notice again.
    pub(super) async fn announce_now(&self, call: &Call, wanted: &NoticeRequest) -> Result<NoticeView, Problem> {
        let keys = self.keys(call).await?;
        let code = ContractCode::parse(&wanted.contract_code)?;
        let named = match self.made_before(call).await? {
            Some(named) => named,
            None => self.open_notice(call, &keys, &code, wanted).await?,
        };
        let (contract, notice) = self.notice(call, &code, &named).await?;
        if notice.confirmed_at.is_some() || window::check(call.now).is_err() {
            return Ok(NoticeView::new(&contract, &notice));
        }
        // It may have been ended since the notice was put on record.
        if contract.state != ContractState::Signed {
            return Err(problems::not_in_force(contract.state));
        }
        if !notice.is_in_force(call.now) {
            return Err(over());
        }
        self.send_notice(call, &keys, &contract, notice.amount).await?;
        let (contract, notice) = self.notice(call, &code, &named).await?;
        Ok(NoticeView::new(&contract, &notice))
    }

    /// On record with the caller's key, which is this notice's from here; answers its name.
    async fn open_notice(
        &self,
        call: &Call,
        keys: &wechat::Keys,
        code: &ContractCode,
        wanted: &NoticeRequest,
    ) -> Result<String, Problem> {
        window::check(call.now)?;
        let contract = self.in_force(call, keys, code).await?;
        let amount = self.amount(&contract, wanted.amount)?;
        // In one cycle the same amount is the same notice.
        let running = contract.notice.as_ref().filter(|notice| notice.is_in_force(call.now));
        let named = name(code, amount, running.map_or(call.now, |notice| notice.asked_at));
        let asked = Called::NoticeAsked { contract_code: code.clone(), amount };
        self.about_to(call, asked, &named).await?;
        Ok(named)
    }

    /// The contract and its notice, if it is still the one of this name.
    async fn notice(
        &self,
        call: &Call,
        code: &ContractCode,
        named: &str,
    ) -> Result<(Contract, DeductionNotice), Problem> {
        let contract = self.contract_row(call, code).await?;
        let notice = contract.notice.clone().filter(|notice| name(code, notice.amount, notice.asked_at) == named);
        Ok((contract, notice.ok_or_else(over)?))
    }

    async fn send_notice(
        &self,
        call: &Call,
        keys: &wechat::Keys,
        contract: &Contract,
        amount: Fen,
    ) -> Result<(), Problem> {
        let notice = PreDeductionNotice {
            appid: contract.appid.clone(),
            contract_id: contract.contract_id.clone().ok_or_else(Problem::internal)?,
            estimated: amount,
        };
        let prepared = notice.prepare(keys, &Moment::new(call.now)).map_err(|error| problems::invalid(&error))?;
        let contract_code = contract.contract_code.clone();
        match self.asker.call(&prepared, keys, call.now).await {
            Ok(sent) => self.note(call, Called::NoticeSent { contract_code, amount, already: sent.already }).await,
            Err(error) => {
                if is_final(&error) {
                    let code = error.code.clone().unwrap_or_else(|| "FAIL".to_owned());
                    self.note(call, Called::NoticeRefused { contract_code, amount, code }).await?;
                }
                Err(problems::called(&error))
            }
        }
    }

    async fn note(&self, call: &Call, called: Called) -> Result<(), Problem> {
        let fact = Fact::ours(call.mch_id.clone(), FactBody::Called(called));
        let receipt = Receipt::ours(&fact, call.now, call.traceparent.clone());
        self.asker.recorder().apply(&fact, &receipt, call.now, domain::decide).await?;
        Ok(())
    }
}

/// WeChat refused it, signed, and will refuse the same again.
fn is_final(error: &CallError) -> bool {
    matches!(error.kind, ErrorKind::Refused { proven: true }) && matches!(error.next, Next::NewNumber | Next::Stop)
}

/// What an idempotency key of a notice is for: a cycle has one notice, and begins days after the one before it. The day rather than the
/// moment, so that two calls with one key at once agree.
fn name(code: &ContractCode, amount: Fen, asked_at: Timestamp) -> String {
    format!("{code}#{}#{amount}", window::day(asked_at))
}

/// The key was used for a notice that is no more.
fn over() -> Problem {
    Problem::conflict("notice_over", "WeChat refused this notice, or its cycle is over")
}
