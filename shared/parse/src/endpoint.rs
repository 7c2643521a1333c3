//! One function for each callback endpoint.

use domain::{Cause, Evidence, Fact, FactBody, MchId, SignatureAlgorithm};
use verify::{Content, Proof, SignAlgorithm, V3Event, Verified};

use crate::ParseError;
use crate::v2::{self, Fields};
use crate::v3::{self, event};

/// Reads what came to the deduction endpoint: the V2 payment notice of a pay-and-sign order, or the V2 notice of a deduction.
///
/// Success needs `return_code` and `result_code` SUCCESS, `trade_state` absent, SUCCESS or REFUND, `transaction_id` and `total_fee`.
///
/// ```
/// use domain::{FactBody, MchId, PaymentResult};
/// # use verify::{ApiV2Key, Generations, MerchantKeys, SignAlgorithm, WechatpayKeys, sign::v2::{Field, signed_xml}};
/// # let key = ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d")?;
/// # let fields = [("return_code", "SUCCESS"), ("result_code", "SUCCESS"), ("mch_id", "10000100"), ("out_trade_no", "123456"),
/// #     ("transaction_id", "4200000000202512010000000001"), ("total_fee", "888"), ("time_end", "20251201100000")];
/// # let body = signed_xml(&fields.map(|(name, value)| Field::text(name, value)), &key, SignAlgorithm::Md5)?;
/// # let keys = MerchantKeys::new("10000100", Some(Generations::only(key)), None, WechatpayKeys::default())?;
/// # let body = body.as_bytes();
/// let verified = keys.verify_v2(body)?;
/// let fact = parse::deduction(&MchId::parse("10000100")?, &verified)?;
/// let FactBody::Payment(payment) = fact.body else { panic!("a payment") };
/// assert_eq!(payment.out_trade_no.as_str(), "123456");
/// assert!(matches!(payment.result, PaymentResult::Succeeded { total, .. } if total.get() == 888));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ParseError`], whose variants say whether the message is to be refused or held.
pub fn deduction(mch_id: &MchId, verified: &Verified<'_>) -> Result<Fact, ParseError> {
    let fields = match verified.content() {
        Content::V2(fields) => Fields::new(fields),
        Content::V2Refund { .. } => return Err(wrong(v2::Kind::Refund.name())),
        Content::V3(event) => return Err(wrong(&event.event_type)),
    };
    match fields.kind() {
        Some(kind @ (v2::Kind::Contract | v2::Kind::Refund)) => Err(wrong(kind.name())),
        Some(v2::Kind::Payment) | None => {
            fields.check_author()?;
            fields.check_merchant(mch_id)?;
            Ok(notified(mch_id, verified, FactBody::Payment(v2::payment::notice(fields)?)))
        }
    }
}

/// Reads what came to the contract endpoint: V2 ADD and DELETE, V3 `ENTRUST.SIGN` and `ENTRUST.TERMINATE`; the retention question
/// of WeChat (解约挽留) is only noted. A notice of a password-exempt contract (免密支付) is a reason to ask, no more.
///
/// ```
/// use domain::{ContractChange, FactBody, MchId};
/// # use verify::{ApiV2Key, Generations, MerchantKeys, SignAlgorithm, WechatpayKeys, sign::v2::{Field, signed_xml}};
/// # let key = ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d")?;
/// # let fields = [("return_code", "SUCCESS"), ("result_code", "SUCCESS"), ("mch_id", "10000100"), ("contract_code", "100001256"),
/// #     ("plan_id", "123"), ("openid", "onqOjjmM1tad-3ROpncN-yUfa6ua"), ("contract_id", "202512010000000001"),
/// #     ("change_type", "ADD"), ("operate_time", "2025-12-01 10:00:00")];
/// # let body = signed_xml(&fields.map(|(name, value)| Field::text(name, value)), &key, SignAlgorithm::Md5)?;
/// # let keys = MerchantKeys::new("10000100", Some(Generations::only(key)), None, WechatpayKeys::default())?;
/// # let body = body.as_bytes();
/// let verified = keys.verify_v2(body)?;
/// let fact = parse::contract(&MchId::parse("10000100")?, &verified)?;
/// let FactBody::Contract(contract) = fact.body else { panic!("a contract") };
/// let ContractChange::Signed { at: Some(at), .. } = contract.change else { panic!("signed") };
/// assert_eq!(at.to_string(), "2025-12-01T02:00:00Z", "WeChat writes Beijing time");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ParseError`], whose variants say whether the message is to be refused or held.
pub fn contract(mch_id: &MchId, verified: &Verified<'_>) -> Result<Fact, ParseError> {
    let body = match verified.content() {
        Content::V2(fields) => contract_v2(mch_id, Fields::new(fields))?,
        Content::V2Refund { .. } => return Err(wrong(v2::Kind::Refund.name())),
        Content::V3(event) => contract_v3(mch_id, event)?,
    };
    Ok(notified(mch_id, verified, body))
}

/// Reads what came to the payment endpoint: V3 `TRANSACTION.SUCCESS` and `TRANSACTION.FAIL`; `SECURITY_ECHO.SUCCESS` is only
/// noted, and a notice of a password-exempt contract (免密支付) is a reason to ask.
///
/// ```
/// use counterparty::{Numbers, Occasion, TEST_MERCHANT, TradeType, V3Notice, WechatPay};
/// use domain::{FactBody, MchId};
/// # use verify::{ApiV3Key, Generations, MerchantKeys, V3Headers, WechatpayKeys};
/// # let mut wechatpay = WechatpayKeys::default();
/// # wechatpay.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem)?;
/// # let v3 = Generations::only(ApiV3Key::parse(TEST_MERCHANT.api_v3_key)?);
/// # let keys = MerchantKeys::new(TEST_MERCHANT.mch_id, None, Some(v3), wechatpay)?;
/// let now = 1_764_554_400;
/// let notice = V3Notice::payment(&Numbers::example(now), TradeType::App)?;
/// let request = notice.signed(&WechatPay::test_merchant()?, &Occasion::derived(now, "example"))?;
/// # let headers = V3Headers {
/// #     timestamp: request.header("Wechatpay-Timestamp"), nonce: request.header("Wechatpay-Nonce"),
/// #     serial: request.header("Wechatpay-Serial"), signature: request.header("Wechatpay-Signature"), signature_type: None,
/// # };
/// let verified = keys.verify_v3(&headers, &request.body, now)?;
/// let mch_id = MchId::parse("10000100")?;
/// let fact = parse::payment(&mch_id, &verified)?;
/// assert!(matches!(fact.body, FactBody::Payment(payment) if payment.appid.is_some()));
/// assert!(parse::refund(&mch_id, &verified).is_err(), "each endpoint accepts its own kinds alone");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ParseError`], whose variants say whether the message is to be refused or held.
pub fn payment(mch_id: &MchId, verified: &Verified<'_>) -> Result<Fact, ParseError> {
    let event = match verified.content() {
        Content::V2(fields) => return Err(wrong_v2(Fields::new(fields))),
        Content::V2Refund { .. } => return Err(wrong(v2::Kind::Refund.name())),
        Content::V3(event) => event,
    };
    let kind = match event::Kind::of(event) {
        Ok(kind) => kind,
        // What its notices are called is not documented.
        Err(error) => match v3::exempt::reported(mch_id, event)? {
            Some(fact) => return Ok(notified(mch_id, verified, FactBody::Exempt(fact))),
            None => return Err(error),
        },
    };
    let body = match kind {
        event::Kind::Transaction => {
            kind.check_envelope(event)?;
            FactBody::Payment(v3::transaction::notice(mch_id, event)?)
        }
        event::Kind::Echo => noted(mch_id, kind, event)?,
        event::Kind::Refund | event::Kind::Contract | event::Kind::Retention => return Err(wrong(&event.event_type)),
    };
    Ok(notified(mch_id, verified, body))
}

/// Reads what came to the refund endpoint: V3 `REFUND.*`, and V2 refund notices, which prove so little that they are only a reason
/// to ask; `SECURITY_ECHO.SUCCESS` is only noted.
///
/// ```
/// use counterparty::{Numbers, RefundNoticeV2, RefundResultV2, TEST_MERCHANT, WechatPay};
/// use domain::{Evidence, FactBody, MchId, RefundResult};
/// # use verify::{ApiV2Key, Generations, MerchantKeys, WechatpayKeys};
/// # let v2 = Generations::only(ApiV2Key::parse(TEST_MERCHANT.api_v2_key)?);
/// # let keys = MerchantKeys::new(TEST_MERCHANT.mch_id, Some(v2), None, WechatpayKeys::default())?;
/// let notice = RefundNoticeV2::new(&Numbers::example(1_764_554_400), RefundResultV2::Success)?;
/// let request = notice.sealed(&WechatPay::test_merchant()?)?;
/// let verified = keys.verify_v2_refund(&request.body)?;
/// let fact = parse::refund(&MchId::parse("10000100")?, &verified)?;
/// assert_eq!(fact.evidence, Evidence::Decrypted);
/// assert!(matches!(fact.body, FactBody::Refund(refund) if matches!(refund.result, RefundResult::Succeeded { .. })));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`ParseError`], whose variants say whether the message is to be refused or held.
pub fn refund(mch_id: &MchId, verified: &Verified<'_>) -> Result<Fact, ParseError> {
    let body = match verified.content() {
        Content::V2(fields) => return Err(wrong_v2(Fields::new(fields))),
        Content::V2Refund { outer, refund } => {
            FactBody::Refund(v2::refund::notice(mch_id, Fields::new(outer), Fields::new(refund))?)
        }
        Content::V3(event) => refund_v3(mch_id, event)?,
    };
    Ok(notified(mch_id, verified, body))
}

fn contract_v2(mch_id: &MchId, fields: Fields<'_>) -> Result<FactBody, ParseError> {
    match fields.kind() {
        Some(kind @ (v2::Kind::Payment | v2::Kind::Refund)) => Err(wrong(kind.name())),
        Some(v2::Kind::Contract) | None => {
            fields.check_author()?;
            fields.check_merchant(mch_id)?;
            Ok(FactBody::Contract(v2::contract::notice(fields)?))
        }
    }
}

fn contract_v3(mch_id: &MchId, event: &V3Event<'_>) -> Result<FactBody, ParseError> {
    let kind = event::Kind::of(event);
    if matches!(kind, Ok(event::Kind::Contract) | Err(_))
        && let Some(fact) = v3::exempt::reported(mch_id, event)?
    {
        return Ok(FactBody::Exempt(fact));
    }
    let kind = kind?;
    match kind {
        event::Kind::Contract => {
            kind.check_envelope(event)?;
            Ok(FactBody::Contract(v3::contract::notice(mch_id, event)?))
        }
        event::Kind::Retention => noted(mch_id, kind, event),
        event::Kind::Transaction | event::Kind::Refund | event::Kind::Echo => Err(wrong(&event.event_type)),
    }
}

fn refund_v3(mch_id: &MchId, event: &V3Event<'_>) -> Result<FactBody, ParseError> {
    let kind = event::Kind::of(event)?;
    match kind {
        event::Kind::Refund => {
            kind.check_envelope(event)?;
            Ok(FactBody::Refund(v3::refund::notice(mch_id, event)?))
        }
        event::Kind::Echo => noted(mch_id, kind, event),
        event::Kind::Transaction | event::Kind::Contract | event::Kind::Retention => Err(wrong(&event.event_type)),
    }
}

fn noted(mch_id: &MchId, kind: event::Kind, event: &V3Event<'_>) -> Result<FactBody, ParseError> {
    kind.check_envelope(event)?;
    event::check_noted(mch_id, event)?;
    Ok(FactBody::Noted { event_type: event.event_type.clone().into_owned() })
}

fn wrong(event: &str) -> ParseError {
    ParseError::WrongEndpoint { event: event.to_owned() }
}

/// A signed V2 message where none belongs.
fn wrong_v2(fields: Fields<'_>) -> ParseError {
    wrong(fields.kind().map_or("V2 message", v2::Kind::name))
}

fn notified(mch_id: &MchId, verified: &Verified<'_>, body: FactBody) -> Fact {
    Fact { mch_id: mch_id.clone(), cause: Cause::Callback, evidence: evidence(verified.proof()), body }
}

/// What `verify` proved, in the words of `domain`.
pub(crate) fn evidence(proof: &Proof) -> Evidence {
    match proof {
        Proof::V2Sign(SignAlgorithm::Md5) => Evidence::Signed(SignatureAlgorithm::Md5),
        Proof::V2Sign(SignAlgorithm::HmacSha256) => Evidence::Signed(SignatureAlgorithm::HmacSha256),
        Proof::V2Decryption => Evidence::Decrypted,
        Proof::WechatpaySignature { .. } => Evidence::Signed(SignatureAlgorithm::Rsa),
    }
}
