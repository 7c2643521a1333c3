//! Answers, with their signature or without.

use counterparty::{Answer, Error, SignType, V2Fields, WechatPay, v2_unsigned_answer};

use super::form::Form;
use super::tables::H5_ENTRUST_WEB;
use crate::model::Failure;
use crate::rules::{Refusal, nonce};

/// Who is answered, and how: as he has signed.
pub(crate) struct Addressee<'a> {
    pub(crate) form: &'a Form,
    pub(crate) wechat: Option<&'a WechatPay>,
    pub(crate) appid: &'a str,
    pub(crate) sign_type: SignType,
}

/// The answer to a call.
pub(crate) fn reply(to: &Addressee<'_>, outcome: Result<V2Fields, Refusal>) -> Result<Answer, Error> {
    let is_h5 = to.form.path == H5_ENTRUST_WEB.path;
    match (outcome, to.wechat) {
        (Err(Refusal::Communication(text)), _) => communication(&text),
        (Err(Refusal::Business(failure)), _) if is_h5 => h5_failure(&failure),
        (Ok(fields), _) if is_h5 => v2_unsigned_answer(&fields),
        (Ok(fields), Some(wechat)) => wechat.v2_answer(&fields, to.sign_type),
        (Err(Refusal::Business(failure)), Some(wechat)) => {
            wechat.v2_answer(&business(to.appid, wechat.mch_id(), &failure), to.sign_type)
        }
        (Err(Refusal::Unsigned(failure) | Refusal::Business(failure)), _) => unsigned(&failure),
        (Ok(_), None) => communication("商户号mch_id不存在"),
    }
}

/// The algorithm of an answer, from the `sign` of the call: also where that is wrong.
pub(crate) fn algorithm_of(fields: &V2Fields) -> SignType {
    match fields.get("sign").map(str::len) {
        Some(64) => SignType::HmacSha256,
        _ => SignType::Md5,
    }
}

fn communication(text: &str) -> Result<Answer, Error> {
    let mut fields = V2Fields::new();
    fields.set("return_code", "FAIL");
    fields.set("return_msg", text);
    v2_unsigned_answer(&fields)
}

fn business(appid: &str, mch_id: &str, failure: &Failure) -> V2Fields {
    let mut fields = V2Fields::new();
    fields.set("return_code", "SUCCESS");
    fields.set("return_msg", "OK");
    fields.set("appid", appid);
    fields.set("mch_id", mch_id);
    fields.set("nonce_str", &nonce());
    fields.set("result_code", "FAIL");
    fields.set("err_code", &failure.err_code);
    fields.set("err_code_des", &failure.err_code_des);
    fields
}

fn unsigned(failure: &Failure) -> Result<Answer, Error> {
    let mut fields = V2Fields::new();
    fields.set("return_code", "SUCCESS");
    fields.set("result_code", "FAIL");
    fields.set("err_code", &failure.err_code);
    fields.set("err_code_des", &failure.err_code_des);
    v2_unsigned_answer(&fields)
}

/// `result_msg` is the code, or for rules of the template their text.
fn h5_failure(failure: &Failure) -> Result<Answer, Error> {
    let text = if failure.err_code == "INVALID_REQUEST" { &failure.err_code_des } else { &failure.err_code };
    let mut fields = V2Fields::new();
    fields.set("return_code", "SUCCESS");
    fields.set("return_msg", "OK");
    fields.set("result_code", "FAIL");
    fields.set("result_msg", text);
    v2_unsigned_answer(&fields)
}
