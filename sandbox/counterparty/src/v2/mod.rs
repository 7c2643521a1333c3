//! APIv2: one level of XML, signed inside by the APIv2 key.

mod contract;
mod deduction;
mod fields;
mod payment;
mod refund;

pub use contract::{ContractChange, ContractNotice};
pub use deduction::DeductionNotice;
pub(crate) use fields::signature;
pub use fields::{SignType, V2Fields};
pub use payment::{PaymentNotice, TradeType};
pub use refund::{RefundNoticeV2, RefundResultV2};

use crate::numbers::derived_nonce;
use crate::request::common_headers;
use crate::{Answer, Error, Protocol, SignedRequest, WechatPay};

/// `https://pay.weixin.qq.com/doc/v2/merchant/4011937248`: notices arrive as `text/xml`.
pub(crate) const CONTENT_TYPE: &str = "text/xml";

/// What every signed V2 notice can do.
pub trait V2Notice: Sized {
    /// The fields so far, without `sign`.
    fn fields(&self) -> &V2Fields;

    /// The same, to be changed.
    fn fields_mut(&mut self) -> &mut V2Fields;

    /// Adds or replaces a field. WeChat adds fields without notice, so any name will do.
    #[must_use]
    fn with(mut self, name: &str, value: &str) -> Self {
        self.fields_mut().set(name, value);
        self
    }

    /// Leaves a field out.
    #[must_use]
    fn without(mut self, name: &str) -> Self {
        self.fields_mut().remove(name);
        self
    }

    /// The notice as WeChat sends it, signed over every non-empty field.
    ///
    /// # Errors
    /// A field name that XML does not know.
    fn signed(&self, wechat: &WechatPay, sign_type: SignType) -> Result<SignedRequest, Error> {
        wechat.v2_request(self.fields(), sign_type)
    }
}

impl WechatPay {
    /// The `sign` of these fields (<https://pay.weixin.qq.com/doc/v2/merchant/4011985891>).
    #[must_use]
    pub fn v2_sign(&self, fields: &V2Fields, sign_type: SignType) -> String {
        fields.signature(self.api_v2_key(), sign_type)
    }

    /// Any V2 message as a request of WeChat, with its `sign`.
    ///
    /// # Errors
    /// A field name that XML does not know.
    pub fn v2_request(&self, fields: &V2Fields, sign_type: SignType) -> Result<SignedRequest, Error> {
        v2_unsigned_request(&self.v2_signed_fields(fields, sign_type))
    }

    /// WeChat's answer to a V2 call of the merchant: HTTP 200, XML, with its `sign`.
    ///
    /// # Errors
    /// A field name that XML does not know.
    pub fn v2_answer(&self, fields: &V2Fields, sign_type: SignType) -> Result<Answer, Error> {
        v2_unsigned_answer(&self.v2_signed_fields(fields, sign_type))
    }

    fn v2_signed_fields(&self, fields: &V2Fields, sign_type: SignType) -> V2Fields {
        let mut fields = fields.clone();
        fields.remove("sign");
        let sign = self.v2_sign(&fields, sign_type);
        fields.set("sign", &sign);
        fields
    }
}

/// An answer without `sign`, as WeChat gives with `return_code` FAIL and for `querycontract` errors.
///
/// # Errors
/// A field name that XML does not know.
pub fn v2_unsigned_answer(fields: &V2Fields) -> Result<Answer, Error> {
    let headers = vec![("Content-Type".to_owned(), CONTENT_TYPE.to_owned())];
    Ok(Answer { status: 200, headers, body: fields.render("xml")? })
}

/// A request with these fields as they are, signed or not.
pub(crate) fn v2_unsigned_request(fields: &V2Fields) -> Result<SignedRequest, Error> {
    let body = fields.render("xml")?;
    Ok(SignedRequest {
        protocol: Protocol::V2,
        headers: common_headers(&derived_nonce(&String::from_utf8_lossy(&body))),
        content_type: CONTENT_TYPE,
        body,
    })
}
