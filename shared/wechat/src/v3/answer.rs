//! V3 answers, from raw bytes to what may be believed.

use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use verify::{Refusal, V3Answer, V3Headers};

use super::numbers;
use crate::answer::Received;
use crate::errors::Said;
use crate::{CallError, Next};

/// Numbers that, where a request and its answer both have them, must be the same: an answer about another order is none.
const NUMBERS: [&str; 7] =
    ["mchid", "out_trade_no", "transaction_id", "out_refund_no", "refund_id", "service_id", "out_contract_code"];

/// An error answer. `detail` may hold anything, and is for people.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Refused {
    code: Option<String>,
    message: String,
}

impl<'a> Received<'a> {
    /// An answer that tells of success, verified and about what was asked for; else WeChat's no.
    pub(crate) fn v3(&self) -> Result<V3Answer<'a>, CallError> {
        match (self.incoming.status, self.v3_verified()) {
            (200 | 204, Ok(answer)) => {
                self.check_v3_numbers(answer.body())?;
                Ok(answer)
            }
            (200 | 204, Err(refusal)) => Err(self.identified(CallError::refusal(self.route, &refusal))),
            (_, verified) => Err(self.v3_refused(verified.err().as_ref())),
        }
    }

    /// As [`Received::v3`], read as JSON.
    pub(crate) fn v3_json<T: DeserializeOwned>(&self) -> Result<T, CallError> {
        serde_json::from_slice(self.v3()?.body()).map_err(|_| CallError::unreadable(self.route, "body"))
    }

    /// Verifies the signature, whatever the answer says.
    pub(crate) fn v3_verified(&self) -> Result<V3Answer<'a>, Refusal> {
        let incoming: &'a _ = self.incoming;
        self.keys.merchant.verify_v3_answer(&self.v3_headers(), &incoming.body, self.now.as_second())
    }

    pub(crate) fn v3_headers(&self) -> V3Headers<'a> {
        let header = |name| self.incoming.header(name);
        V3Headers {
            timestamp: header("wechatpay-timestamp"),
            nonce: header("wechatpay-nonce"),
            serial: header("wechatpay-serial"),
            signature: header("wechatpay-signature"),
            signature_type: header("wechatpay-signature-type"),
        }
    }

    /// An error may be unsigned, but what is there must be right: a wrong signature makes it no error of WeChat's.
    pub(crate) fn v3_refused(&self, unverified: Option<&Refusal>) -> CallError {
        let is_signed = self.v3_headers().signature.is_some();
        let error = match unverified {
            Some(refusal) if is_signed => CallError::refusal(self.route, refusal),
            Some(_) | None => self.v3_said(unverified.is_none()),
        };
        self.identified(error)
    }

    fn v3_said(&self, proven: bool) -> CallError {
        let status = self.incoming.status;
        let refused: Refused = serde_json::from_slice(&self.incoming.body).unwrap_or_default();
        let Some(code) = refused.code.as_deref() else { return CallError::http(self.route, status) };
        let said = Said { code: Some(code), text: &refused.message };
        let error = CallError::v3_refused(self.route, status, said, proven);
        match self.request_id().and_then(numbers::meaning) {
            Some(meaning) if numbers::says_more(error.meaning) => error.meaning(meaning, Next::QueryFirst),
            Some(_) | None => error,
        }
    }

    fn identified(&self, error: CallError) -> CallError {
        error.with_request_id(self.request_id())
    }

    fn request_id(&self) -> Option<&str> {
        self.incoming.header("request-id")
    }

    fn check_v3_numbers(&self, body: &[u8]) -> Result<(), CallError> {
        let Ok(told) = serde_json::from_slice::<Map<String, Value>>(body) else { return Ok(()) };
        let asked = numbers_asked_for(self.target, self.sent);
        let differs = |(name, asked): &&(&str, String)| told.get(*name).is_some_and(|told| text(told) != *asked);
        match asked.iter().find(differs) {
            Some((name, _)) => Err(CallError::unbelievable(self.route, &format!("another {name}"))),
            None => Ok(()),
        }
    }
}

/// From the path, the query string and the body.
fn numbers_asked_for(target: &str, body: &str) -> Vec<(&'static str, String)> {
    let (path, query) = target.split_once('?').unwrap_or((target, ""));
    let refund = if path.ends_with("/apply-abnormal-refund") { "refund_id" } else { "out_refund_no" };
    let mut asked = Vec::new();
    let segments: Vec<&str> = path.split('/').collect();
    for pair in segments.windows(2) {
        let [before, number] = pair else { continue };
        let name = match *before {
            "id" => "transaction_id",
            "out-trade-no" => "out_trade_no",
            "refunds" => refund,
            "service-id" => "service_id",
            "out-contract-code" => "out_contract_code",
            _ => continue,
        };
        asked.push((name, percent_decode_str(number).decode_utf8_lossy().into_owned()));
    }
    asked.extend(query.strip_prefix("mchid=").map(|mchid| ("mchid", mchid.to_owned())));
    let body: Map<String, Value> = serde_json::from_str(body).unwrap_or_default();
    asked.extend(NUMBERS.iter().filter_map(|name| Some((*name, text(body.get(*name)?)))));
    asked
}

fn text(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), |text| text.trim().to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_for_is_found_in_path_query_and_body() {
        let asked = |target: &str, body: &str| -> Vec<String> {
            numbers_asked_for(target, body).into_iter().map(|(name, value)| format!("{name}={value}")).collect()
        };
        assert_eq!(
            asked("/v3/pay/transactions/out-trade-no/a%7Cb?mchid=1230000109", ""),
            ["out_trade_no=a|b", "mchid=1230000109"]
        );
        assert_eq!(asked("/v3/pay/transactions/id/42?mchid=1", ""), ["transaction_id=42", "mchid=1"]);
        assert_eq!(asked("/v3/refund/domestic/refunds/R1", ""), ["out_refund_no=R1"]);
        assert_eq!(
            asked("/v3/refund/domestic/refunds/503/apply-abnormal-refund", r#"{"out_refund_no":"R1"}"#),
            ["refund_id=503", "out_refund_no=R1"]
        );
        assert_eq!(
            asked("/v3/password-exempt-contract/contracts/service-id/12535/out-contract-code/C1", ""),
            ["service_id=12535", "out_contract_code=C1"]
        );
        assert_eq!(
            asked("/v3/password-exempt-contract/contracts/x", r#"{"service_id":12535,"sub_mchid":"1"}"#),
            ["service_id=12535"]
        );
    }
}
