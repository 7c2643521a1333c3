//! What callers send.

mod pre_signings;
mod repairs;

use domain::{Fen, InvalidValue, MchId, OutTradeNo, Timestamp};
use http_api::Problem;
use record::Idempotency;
use serde::Deserialize;
use utoipa::ToSchema;

pub(crate) use pre_signings::{PreSigningRequest, exempt_key};
pub(crate) use repairs::RepairRequest;

/// A call of a back end that may make it.
#[derive(Clone, Debug)]
pub(crate) struct Call {
    pub(crate) mch_id: MchId,
    pub(crate) principal: String,
    /// Method and path below the merchant, with names for numbers: part of what an idempotency key is for.
    pub(crate) route: &'static str,
    pub(crate) key: String,
    pub(crate) body_hash: [u8; 32],
    pub(crate) now: Timestamp,
    pub(crate) traceparent: Option<String>,
}

impl Call {
    pub(crate) fn idempotency(&self) -> Result<Idempotency, InvalidValue> {
        Idempotency::new(&self.principal, self.route, &self.key, self.body_hash)
    }

    /// The call with a hash of its body that nobody can guess the body from: for bodies with a card's number.
    pub(crate) fn discreet(self, keys: &wechat::Keys) -> Result<Self, Problem> {
        let signer = keys.signer.as_ref().ok_or_else(Problem::internal)?;
        let body_hash = signer.fingerprint(&self.body_hash).map_err(|_| Problem::internal())?;
        Ok(Self { body_hash, ..self })
    }
}

/// A deduction to be made now. Its number follows from contract, period and attempt.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct DeductionRequest {
    /// The contract to charge.
    #[schema(example = "01JD8K6M2QZ4XW7RTNBV")]
    pub(crate) contract_code: String,
    /// The renewal period, 1 to 9999.
    #[schema(example = 1)]
    pub(crate) period: u16,
    /// The attempt within the period, 1 to 99; one after the first is possible once the one before it failed.
    #[serde(default = "first")]
    #[schema(example = 1)]
    pub(crate) attempt: u8,
    /// In fen; without it the price of the contract's product.
    pub(crate) amount: Option<u64>,
    /// What the user reads, at most 127 bytes; without it the title of the contract's product.
    pub(crate) description: Option<String>,
    /// Comes back in status and events: at most 127 bytes, neither `&` nor `=`.
    pub(crate) metadata: Option<String>,
}

fn first() -> u8 {
    1
}

/// A deduction to be announced to the user (预扣费通知), two days before it is made.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct NoticeRequest {
    /// The contract that will be charged.
    pub(crate) contract_code: String,
    /// In fen: what will be charged at most; without it the price of the contract's product.
    pub(crate) amount: Option<u64>,
}

/// The end of a contract.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct TerminationRequest {
    /// Why, for WeChat's records: at most 256 bytes.
    pub(crate) remark: Option<String>,
}

/// A refund.
#[derive(Clone, Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct RefundRequest {
    /// The order.
    pub(crate) out_trade_no: String,
    /// The caller's number of the refund, 1 to 64 letters, digits and `_ - * | @`. The same number is never a second refund.
    pub(crate) out_refund_no: String,
    /// In fen, at most what was paid and not given back.
    pub(crate) amount: u64,
    /// What the user reads, at most 80 bytes.
    pub(crate) reason: Option<String>,
    /// Whether the order's contract ends as well: a refund alone does not end it.
    #[serde(default)]
    pub(crate) terminate: bool,
}

/// A body without members.
#[derive(Clone, Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct Nothing {}

/// An amount to be charged or given back.
pub(crate) fn amount(fen: u64) -> Result<Fen, InvalidValue> {
    // As WeChat's own field, which is an int.
    if (1..=2_147_483_647).contains(&fen) {
        Ok(Fen::new(fen))
    } else {
        Err(InvalidValue { field: "amount", rule: "1 to 2147483647 fen" })
    }
}

/// The number of the attempt before this one.
pub(crate) fn attempt_before(
    wanted: &DeductionRequest,
    contract_code: &domain::ContractCode,
) -> Option<Result<OutTradeNo, InvalidValue>> {
    let before = wanted.attempt.checked_sub(1).filter(|attempt| *attempt > 0)?;
    Some(OutTradeNo::deduction(contract_code, wanted.period, before))
}
