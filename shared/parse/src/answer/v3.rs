//! Answers of V3 queries.

use domain::{
    ContractCode, Evidence, Fact, FactBody, MchId, OutRefundNo, OutTradeNo, PaymentFact, PaymentResult, RefundFact,
    RefundResult,
};
use verify::{Proof, V3Answer};

use super::{AnswerError, answered, check_asked};
use crate::endpoint::evidence;
use crate::v3;

/// Reads the 200 answer of the order query.
///
/// ```
/// use domain::{FactBody, MchId, OutTradeNo, PaymentResult};
/// # use counterparty::{Occasion, TEST_MERCHANT, WechatPay};
/// # use verify::{MerchantKeys, V3Headers, WechatpayKeys};
/// # let mut wechatpay = WechatpayKeys::default();
/// # wechatpay.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem)?;
/// # let keys = MerchantKeys::new(TEST_MERCHANT.mch_id, None, None, wechatpay)?;
/// # let now = 1_764_554_400;
/// let body = r#"{"mchid":"10000100","out_trade_no":"123456","trade_state":"NOTPAY"}"#;
/// # let sent = WechatPay::test_merchant()?.v3_answer(200, body.into(), None, &Occasion::derived(now, "example"))?;
/// # let header = |name| sent.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
/// # let headers = V3Headers {
/// #     timestamp: header("Wechatpay-Timestamp"), nonce: header("Wechatpay-Nonce"),
/// #     serial: header("Wechatpay-Serial"), signature: header("Wechatpay-Signature"), signature_type: None,
/// # };
/// let answer = keys.verify_v3_answer(&headers, body.as_bytes(), now)?;
/// let fact = parse::answer::v3_order(&MchId::parse("10000100")?, &OutTradeNo::parse("123456")?, &answer)?;
/// assert!(matches!(fact.body, FactBody::Payment(payment) if payment.result == PaymentResult::Unpaid));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AnswerError::Unreadable`].
pub fn v3_order(mch_id: &MchId, asked: &OutTradeNo, answer: &V3Answer<'_>) -> Result<Fact, AnswerError> {
    let payment = v3::transaction::answer(mch_id, answer.body())?;
    check_asked("out_trade_no", asked, &payment.out_trade_no)?;
    Ok(answered(mch_id, evidence(answer.proof()), FactBody::Payment(payment)))
}

/// WeChat knows no such order (404 `ORDER_NOT_EXIST`), signed or not.
///
/// ```
/// use domain::{Evidence, FactBody, MchId, OutTradeNo, PaymentResult};
/// let fact = parse::answer::v3_order_absent(&MchId::parse("10000100")?, &OutTradeNo::parse("123456")?, None);
/// assert_eq!(fact.evidence, Evidence::Unsigned);
/// assert!(matches!(fact.body, FactBody::Payment(payment) if payment.result == PaymentResult::NotFound));
/// # Ok::<(), domain::InvalidValue>(())
/// ```
#[must_use]
pub fn v3_order_absent(mch_id: &MchId, asked: &OutTradeNo, proof: Option<&Proof>) -> Fact {
    let (out_trade_no, result) = (asked.clone(), PaymentResult::NotFound);
    let payment = PaymentFact { out_trade_no, appid: None, contract_id: None, attach: None, result };
    answered(mch_id, evidence_of_error(proof), FactBody::Payment(payment))
}

/// Reads the 200 answer of the refund query, of a refund's application or of its repair: all three have one form.
///
/// ```
/// use domain::{FactBody, MchId, OutRefundNo, OutTradeNo, RefundResult};
/// # use counterparty::{Occasion, TEST_MERCHANT, WechatPay};
/// # use verify::{MerchantKeys, V3Headers, WechatpayKeys};
/// # let mut wechatpay = WechatpayKeys::default();
/// # wechatpay.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem)?;
/// # let keys = MerchantKeys::new(TEST_MERCHANT.mch_id, None, None, wechatpay)?;
/// # let now = 1_764_554_400;
/// let body = r#"{"out_refund_no":"R1","refund_id":"5","out_trade_no":"123456","transaction_id":"42",
///     "status":"PROCESSING","amount":{"total":888,"refund":888,"currency":"CNY"}}"#;
/// # let sent = WechatPay::test_merchant()?.v3_answer(200, body.into(), None, &Occasion::derived(now, "example"))?;
/// # let header = |name| sent.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
/// # let headers = V3Headers {
/// #     timestamp: header("Wechatpay-Timestamp"), nonce: header("Wechatpay-Nonce"),
/// #     serial: header("Wechatpay-Serial"), signature: header("Wechatpay-Signature"), signature_type: None,
/// # };
/// let answer = keys.verify_v3_answer(&headers, body.as_bytes(), now)?;
/// let (order, refund) = (OutTradeNo::parse("123456")?, OutRefundNo::parse("R1")?);
/// let fact = parse::answer::v3_refund(&MchId::parse("10000100")?, &order, &refund, &answer)?;
/// assert!(matches!(fact.body, FactBody::Refund(refund) if refund.result == RefundResult::Processing));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AnswerError::Unreadable`].
pub fn v3_refund(
    mch_id: &MchId,
    order: &OutTradeNo,
    asked: &OutRefundNo,
    answer: &V3Answer<'_>,
) -> Result<Fact, AnswerError> {
    let refund = v3::refund::answer(answer.body())?;
    check_asked("out_trade_no", &Some(order), &refund.out_trade_no.as_ref())?;
    refund_asked(mch_id, asked, refund, answer)
}

/// As [`v3_refund`], for a refund of which nobody knows whose it is: the answer names its order.
///
/// # Errors
/// [`AnswerError::Unreadable`].
pub fn v3_refund_of_any_order(mch_id: &MchId, asked: &OutRefundNo, answer: &V3Answer<'_>) -> Result<Fact, AnswerError> {
    refund_asked(mch_id, asked, v3::refund::answer(answer.body())?, answer)
}

fn refund_asked(
    mch_id: &MchId,
    asked: &OutRefundNo,
    refund: RefundFact,
    answer: &V3Answer<'_>,
) -> Result<Fact, AnswerError> {
    check_asked("out_refund_no", asked, &refund.out_refund_no)?;
    Ok(answered(mch_id, evidence(answer.proof()), FactBody::Refund(refund)))
}

/// WeChat knows no such refund (404 `RESOURCE_NOT_EXISTS`), signed or not. The fact names its order all the same: what is on record is
/// found by the order.
///
/// ```
/// use domain::{FactBody, MchId, OutRefundNo, OutTradeNo, RefundResult};
/// let (order, refund) = (OutTradeNo::parse("123456")?, OutRefundNo::parse("R1")?);
/// let fact = parse::answer::v3_refund_absent(&MchId::parse("10000100")?, &order, &refund, None);
/// assert!(matches!(fact.body, FactBody::Refund(refund) if refund.result == RefundResult::NotFound));
/// # Ok::<(), domain::InvalidValue>(())
/// ```
#[must_use]
pub fn v3_refund_absent(mch_id: &MchId, order: &OutTradeNo, asked: &OutRefundNo, proof: Option<&Proof>) -> Fact {
    let refund = RefundFact {
        out_refund_no: asked.clone(),
        refund_id: None,
        out_trade_no: Some(order.clone()),
        transaction_id: None,
        refund: None,
        total: None,
        said_at: None,
        result: RefundResult::NotFound,
    };
    answered(mch_id, evidence_of_error(proof), FactBody::Refund(refund))
}

/// Whether WeChat always signs its errors is not documented.
fn evidence_of_error(proof: Option<&Proof>) -> Evidence {
    proof.map_or(Evidence::Unsigned, evidence)
}

/// Reads the 200 answer of the contract query. The answer of a termination has the same form, but still says SIGNED.
///
/// ```
/// use domain::{ContractChange, ContractCode, FactBody, MchId};
/// # use counterparty::{Occasion, TEST_MERCHANT, WechatPay};
/// # use verify::{MerchantKeys, V3Headers, WechatpayKeys};
/// # let mut wechatpay = WechatpayKeys::default();
/// # wechatpay.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem)?;
/// # let keys = MerchantKeys::new(TEST_MERCHANT.mch_id, None, None, wechatpay)?;
/// # let now = 1_764_554_400;
/// let body = r#"{"mchid":"10000100","out_contract_code":"1005","contract_state":"SIGNED"}"#;
/// # let sent = WechatPay::test_merchant()?.v3_answer(200, body.into(), None, &Occasion::derived(now, "example"))?;
/// # let header = |name| sent.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str());
/// # let headers = V3Headers {
/// #     timestamp: header("Wechatpay-Timestamp"), nonce: header("Wechatpay-Nonce"),
/// #     serial: header("Wechatpay-Serial"), signature: header("Wechatpay-Signature"), signature_type: None,
/// # };
/// let answer = keys.verify_v3_answer(&headers, body.as_bytes(), now)?;
/// let fact = parse::answer::v3_contract(&MchId::parse("10000100")?, &ContractCode::parse("1005")?, &answer)?;
/// assert!(matches!(fact.body, FactBody::Contract(told) if matches!(told.change, ContractChange::Signed { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AnswerError::Unreadable`].
pub fn v3_contract(mch_id: &MchId, asked: &ContractCode, answer: &V3Answer<'_>) -> Result<Fact, AnswerError> {
    let contract = v3::contract::answer(mch_id, answer.body())?;
    check_asked("out_contract_code", asked, &contract.contract_code)?;
    Ok(answered(mch_id, evidence(answer.proof()), FactBody::Contract(contract)))
}
