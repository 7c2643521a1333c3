//! The deduction notice (扣款结果通知) of `pappayapply`: <https://pay.weixin.qq.com/doc/v2/merchant/4011987465>.
//! Sent on success and on failure.

use super::payment::paid;
use super::{TradeType, V2Fields, V2Notice};
use crate::numbers::derived_nonce;
use crate::{Error, Numbers};

/// 扣款结果通知.
#[derive(Clone)]
pub struct DeductionNotice(V2Fields);

impl DeductionNotice {
    /// A deduction that succeeded, with the optional `trade_state` and `trade_type`.
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn success(numbers: &Numbers) -> Result<Self, Error> {
        let mut fields = paid(numbers)?;
        fields.set("contract_id", &numbers.contract_id);
        fields.set("trade_state", "SUCCESS");
        fields.set("trade_type", TradeType::Pap.as_str());
        Ok(Self(fields))
    }

    /// A success in the form of the official sample, which has neither `trade_state` nor `trade_type` nor `cash_fee`.
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn success_as_documented(numbers: &Numbers) -> Result<Self, Error> {
        Ok(Self::success(numbers)?.without("trade_state").without("trade_type").without("cash_fee"))
    }

    /// A failure as seen in real traffic (published masked by others): no amount, no transaction, no `trade_state`.
    #[must_use]
    pub fn failure(numbers: &Numbers, err_code: &str, err_code_des: &str) -> Self {
        let fields = [
            ("appid", numbers.appid.clone()),
            ("contract_id", numbers.contract_id.clone()),
            ("err_code", err_code.to_owned()),
            ("err_code_des", err_code_des.to_owned()),
            ("mch_id", numbers.mch_id.clone()),
            ("nonce_str", derived_nonce(&numbers.seed("deduction failure"))),
            ("out_trade_no", numbers.out_trade_no.clone()),
            ("result_code", "FAIL".to_owned()),
            ("return_code", "SUCCESS".to_owned()),
            ("return_msg", "OK".to_owned()),
        ];
        Self(fields.into_iter().collect())
    }

    /// The official failure sample: `result_code` SUCCESS without transaction and amount, probably a slip of the page.
    #[must_use]
    pub fn failure_as_documented(numbers: &Numbers) -> Self {
        Self::failure(numbers, "", "")
            .without("err_code")
            .without("err_code_des")
            .without("return_msg")
            .with("result_code", "SUCCESS")
            .with("bank_type", "CFT")
            .with("fee_type", "CNY")
            .with("is_subscribe", "N")
    }

    /// An oddity of older traffic: `result_code` FAIL with `err_code` 0, 业务成功.
    #[must_use]
    pub fn failure_that_says_zero(numbers: &Numbers) -> Self {
        Self::failure(numbers, "0", "业务成功")
    }

    /// Adds `trade_state` (SUCCESS, REFUND, NOTPAY, CLOSED, ACCEPT, PAY_FAIL).
    #[must_use]
    pub fn trade_state(self, trade_state: &str) -> Self {
        self.with("trade_state", trade_state)
    }

    /// Adds `user_repaid`: the user has paid back an advance.
    #[must_use]
    pub fn user_repaid(self, repaid: bool) -> Self {
        self.with("user_repaid", if repaid { "Y" } else { "N" })
    }
}

impl V2Notice for DeductionNotice {
    fn fields(&self) -> &V2Fields {
        &self.0
    }

    fn fields_mut(&mut self) -> &mut V2Fields {
        &mut self.0
    }
}
