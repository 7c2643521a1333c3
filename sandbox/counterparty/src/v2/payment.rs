//! The payment notice of a pay-and-sign order: <https://pay.weixin.qq.com/doc/v2/merchant/4011937248> (APP),
//! 4011935221 (JSAPI), 4011937152. Sent on success only.

use super::{V2Fields, V2Notice};
use crate::numbers::derived_nonce;
use crate::{Error, Numbers};

/// How the user pays; a deduction is [`TradeType::Pap`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum TradeType {
    /// In the merchant's app.
    App,
    /// In an official account or a mini program.
    Jsapi,
    /// By QR code.
    Native,
    /// In a browser outside WeChat. V3 uses the same word, `MWEB`.
    Mweb,
    /// Automatic deduction.
    Pap,
}

impl TradeType {
    /// The word on the wire.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::App => "APP",
            Self::Jsapi => "JSAPI",
            Self::Native => "NATIVE",
            Self::Mweb => "MWEB",
            Self::Pap => "PAP",
        }
    }
}

/// 支付结果通知 of a `contractorder` payment.
#[derive(Clone)]
pub struct PaymentNotice(V2Fields);

impl PaymentNotice {
    /// A successful payment of the whole amount in cash.
    ///
    /// # Errors
    /// A time outside the calendar.
    pub fn new(numbers: &Numbers, trade_type: TradeType) -> Result<Self, Error> {
        let mut fields = paid(numbers)?;
        fields.set("trade_type", trade_type.as_str());
        Ok(Self(fields))
    }

    /// The `attach` of the order comes back unchanged.
    #[must_use]
    pub fn attach(self, attach: &str) -> Self {
        self.with("attach", attach)
    }

    /// A recharge-free coupon (代金券) of so many fen paid part of the amount: `cash_fee` and `settlement_total_fee` shrink, `total_fee` does not.
    #[must_use]
    pub fn coupon(mut self, total: u64, coupon: u64) -> Self {
        let cash = total.saturating_sub(coupon);
        self.0.set_number("cash_fee", cash);
        self.0.set_number("settlement_total_fee", cash);
        self.0.set_number("coupon_fee", coupon);
        self.0.set_number("coupon_count", 1);
        self.0.set("coupon_type_0", "NO_CASH");
        self.0.set("coupon_id_0", "10000");
        self.0.set_number("coupon_fee_0", coupon);
        self
    }
}

impl V2Notice for PaymentNotice {
    fn fields(&self) -> &V2Fields {
        &self.0
    }

    fn fields_mut(&mut self) -> &mut V2Fields {
        &mut self.0
    }
}

/// The fields that say that money came in, common to payments and deductions.
pub(super) fn paid(numbers: &Numbers) -> Result<V2Fields, Error> {
    let mut fields: V2Fields = [
        ("appid", numbers.appid.clone()),
        ("bank_type", "OTHERS".to_owned()),
        ("cash_fee", numbers.total.to_string()),
        ("fee_type", "CNY".to_owned()),
        ("is_subscribe", "N".to_owned()),
        ("mch_id", numbers.mch_id.clone()),
        ("nonce_str", derived_nonce(&numbers.seed("paid"))),
        ("openid", numbers.openid.clone()),
        ("out_trade_no", numbers.out_trade_no.clone()),
        ("result_code", "SUCCESS".to_owned()),
        ("return_code", "SUCCESS".to_owned()),
        ("time_end", numbers.compact_time()?),
    ]
    .into_iter()
    .collect();
    fields.set_number("total_fee", numbers.total);
    fields.set("transaction_id", &numbers.transaction_id);
    Ok(fields)
}
