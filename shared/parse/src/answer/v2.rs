//! Answers of V2 queries.

use domain::{
    ContractChange, ContractCode, ContractFact, Evidence, Fact, FactBody, MchId, OutRefundNo, OutTradeNo, PaymentFact,
    PaymentResult, RefundFact, RefundResult,
};
use verify::V2Answer;

use super::{AnswerError, answered, check_asked};
use crate::endpoint::evidence;
use crate::v2::{self, Fields};
use crate::{ParseError, field};

/// Reads the answer of `orderquery` or `paporderquery`.
///
/// ```
/// use domain::{FactBody, MchId, OutTradeNo, PaymentResult};
/// # use verify::{ApiV2Key, Generations, MerchantKeys, SignAlgorithm, WechatpayKeys, sign::v2::{Field, signed_xml}};
/// # let key = ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d")?;
/// # let fields = [("return_code", "SUCCESS"), ("result_code", "SUCCESS"), ("mch_id", "10000100"), ("out_trade_no", "123456"),
/// #     ("trade_state", "NOTPAY")];
/// # let body = signed_xml(&fields.map(|(name, value)| Field::text(name, value)), &key, SignAlgorithm::Md5)?;
/// # let keys = MerchantKeys::new("10000100", Some(Generations::only(key)), None, WechatpayKeys::default())?;
/// # let body = body.as_bytes();
/// let answer = keys.verify_v2_answer(body)?;
/// let fact = parse::answer::v2_order(&MchId::parse("10000100")?, &OutTradeNo::parse("123456")?, &answer)?;
/// assert!(matches!(fact.body, FactBody::Payment(payment) if payment.result == PaymentResult::Unpaid));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AnswerError`]. ORDERNOTEXIST is none: the fact says that the order was not found.
pub fn v2_order(mch_id: &MchId, asked: &OutTradeNo, answer: &V2Answer<'_>) -> Result<Fact, AnswerError> {
    let opened = Opened::new(mch_id, answer);
    let payment = match opened.fields() {
        Ok(fields) => v2::payment::answer(fields)?,
        Err(AnswerError::Refused { code }) if code == "ORDERNOTEXIST" => {
            let result = PaymentResult::NotFound;
            PaymentFact { out_trade_no: asked.clone(), appid: None, contract_id: None, attach: None, result }
        }
        Err(error) => return Err(error),
    };
    check_asked("out_trade_no", asked, &payment.out_trade_no)?;
    Ok(answered(mch_id, opened.evidence, FactBody::Payment(payment)))
}

/// Reads the answer of `querycontract`. `-25`, which comes without signature, says that no such contract is known.
///
/// ```
/// use domain::{ContractChange, ContractCode, Evidence, FactBody, MchId};
/// # use verify::{MerchantKeys, WechatpayKeys};
/// # let keys = MerchantKeys::new("10000100", None, None, WechatpayKeys::default())?;
/// let answer = keys.verify_v2_answer(
///     b"<xml><return_code>SUCCESS</return_code><result_code>FAIL</result_code><err_code>-25</err_code></xml>",
/// )?;
/// let fact = parse::answer::v2_contract(&MchId::parse("10000100")?, &ContractCode::parse("1005")?, &answer)?;
/// assert_eq!(fact.evidence, Evidence::Unsigned);
/// assert!(matches!(fact.body, FactBody::Contract(contract) if contract.change == ContractChange::Absent));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AnswerError`].
pub fn v2_contract(mch_id: &MchId, asked: &ContractCode, answer: &V2Answer<'_>) -> Result<Fact, AnswerError> {
    let opened = Opened::new(mch_id, answer);
    let contract = match opened.fields() {
        Ok(fields) => v2::contract::answer(fields)?,
        Err(AnswerError::Refused { code }) if code == "-25" => ContractFact {
            contract_code: asked.clone(),
            contract_id: None,
            plan_id: None,
            appid: None,
            openid: None,
            change: ContractChange::Absent,
        },
        Err(error) => return Err(error),
    };
    check_asked("contract_code", asked, &contract.contract_code)?;
    Ok(answered(mch_id, opened.evidence, FactBody::Contract(contract)))
}

/// Reads the answer of `refundquery` about one refund, of this order.
///
/// ```
/// use domain::{FactBody, MchId, OutRefundNo, OutTradeNo, RefundResult};
/// # use verify::{ApiV2Key, Generations, MerchantKeys, SignAlgorithm, WechatpayKeys, sign::v2::{Field, signed_xml}};
/// # let key = ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d")?;
/// # let fields = [("return_code", "SUCCESS"), ("result_code", "SUCCESS"), ("mch_id", "10000100"), ("out_trade_no", "1415757673"),
/// #     ("refund_count", "1"), ("out_refund_no_0", "1415701182"), ("refund_fee_0", "1"), ("refund_status_0", "PROCESSING")];
/// # let body = signed_xml(&fields.map(|(name, value)| Field::text(name, value)), &key, SignAlgorithm::Md5)?;
/// # let keys = MerchantKeys::new("10000100", Some(Generations::only(key)), None, WechatpayKeys::default())?;
/// # let body = body.as_bytes();
/// let answer = keys.verify_v2_answer(body)?;
/// let (order, refund) = (OutTradeNo::parse("1415757673")?, OutRefundNo::parse("1415701182")?);
/// let fact = parse::answer::v2_refund(&MchId::parse("10000100")?, &order, &refund, &answer)?;
/// assert!(matches!(fact.body, FactBody::Refund(refund) if refund.result == RefundResult::Processing));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AnswerError`]. REFUNDNOTEXIST is none: the fact says that the refund was not found.
pub fn v2_refund(
    mch_id: &MchId,
    order: &OutTradeNo,
    asked: &OutRefundNo,
    answer: &V2Answer<'_>,
) -> Result<Fact, AnswerError> {
    let fact = v2_refund_of_any_order(mch_id, order, asked, answer)?;
    if let FactBody::Refund(refund) = &fact.body {
        check_asked("out_trade_no", &Some(order), &refund.out_trade_no.as_ref())?;
    }
    Ok(fact)
}

/// As [`v2_refund`], for a refund of which nobody knows whose it is: the answer names its order, and `order` stands for it where WeChat
/// knows no such refund.
///
/// # Errors
/// [`AnswerError`].
pub fn v2_refund_of_any_order(
    mch_id: &MchId,
    order: &OutTradeNo,
    asked: &OutRefundNo,
    answer: &V2Answer<'_>,
) -> Result<Fact, AnswerError> {
    let opened = Opened::new(mch_id, answer);
    let refund = match opened.fields() {
        Ok(fields) => {
            let mut rows = v2::refund::rows(fields)?.into_iter();
            let row = rows.find(|row| row.out_refund_no == *asked);
            row.ok_or_else(|| ParseError::rule("out_refund_no_0", "the number that was asked for"))?
        }
        Err(AnswerError::Refused { code }) if code == "REFUNDNOTEXIST" => not_found(order, asked),
        Err(error) => return Err(error),
    };
    Ok(answered(mch_id, opened.evidence, FactBody::Refund(refund)))
}

/// Reads the answer of `refundquery` about an order: one fact for each refund of it, none where there is no refund.
///
/// ```
/// use domain::{MchId, OutTradeNo};
/// # use verify::{MerchantKeys, WechatpayKeys};
/// # let keys = MerchantKeys::new("10000100", None, None, WechatpayKeys::default())?;
/// let answer = keys.verify_v2_answer(
///     b"<xml><return_code>SUCCESS</return_code><result_code>FAIL</result_code><err_code>REFUNDNOTEXIST</err_code></xml>",
/// )?;
/// let order = OutTradeNo::parse("1415757673")?;
/// assert!(parse::answer::v2_refunds(&MchId::parse("10000100")?, &order, &answer)?.is_empty());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// [`AnswerError`].
pub fn v2_refunds(mch_id: &MchId, asked: &OutTradeNo, answer: &V2Answer<'_>) -> Result<Vec<Fact>, AnswerError> {
    let opened = Opened::new(mch_id, answer);
    let fields = match opened.fields() {
        Ok(fields) => fields,
        Err(AnswerError::Refused { code }) if code == "REFUNDNOTEXIST" => return Ok(Vec::new()),
        Err(error) => return Err(error),
    };
    check_asked("out_trade_no", asked, &fields.required("out_trade_no", OutTradeNo::parse)?)?;
    let rows = v2::refund::rows(fields)?.into_iter();
    Ok(rows.map(|row| answered(mch_id, opened.evidence, FactBody::Refund(row))).collect())
}

/// It names its order all the same: what is on record is found by the order.
fn not_found(order: &OutTradeNo, asked: &OutRefundNo) -> RefundFact {
    RefundFact {
        out_refund_no: asked.clone(),
        refund_id: None,
        out_trade_no: Some(order.clone()),
        transaction_id: None,
        refund: None,
        total: None,
        said_at: None,
        result: RefundResult::NotFound,
    }
}

/// An answer, and what was proved about it.
struct Opened<'m> {
    mch_id: &'m MchId,
    all: Option<Fields<'m>>,
    evidence: Evidence,
}

impl<'m> Opened<'m> {
    fn new(mch_id: &'m MchId, answer: &'m V2Answer<'_>) -> Self {
        match answer {
            V2Answer::Signed(verified) => match verified.content() {
                verify::Content::V2(fields) => {
                    Self { mch_id, all: Some(Fields::new(fields)), evidence: evidence(verified.proof()) }
                }
                verify::Content::V2Refund { .. } | verify::Content::V3(_) => {
                    Self { mch_id, all: None, evidence: evidence(verified.proof()) }
                }
            },
            V2Answer::Unsigned(fields) => Self { mch_id, all: Some(Fields::new(fields)), evidence: Evidence::Unsigned },
        }
    }

    /// The fields of an answer that succeeded, for this merchant.
    fn fields(&self) -> Result<Fields<'m>, AnswerError> {
        let fields = self.all.ok_or_else(|| ParseError::rule("body", "a V2 answer"))?;
        let refused = |code: Option<&str>| AnswerError::Refused { code: code.unwrap_or("FAIL").to_owned() };
        let err_code = fields.text("err_code");
        let outcome = match (fields.word("return_code")?, fields.text("result_code")) {
            ("SUCCESS", Some("SUCCESS")) => Ok(fields),
            ("SUCCESS" | "FAIL", Some("FAIL")) | ("FAIL", _) => Err(refused(err_code)),
            ("SUCCESS", Some(_)) => return Err(ParseError::rule("result_code", "SUCCESS or FAIL").into()),
            ("SUCCESS", None) => return Err(ParseError::missing("result_code").into()),
            (_, _) => return Err(ParseError::rule("return_code", "SUCCESS or FAIL").into()),
        };
        // Error answers need not name the merchant.
        if outcome.is_ok() || fields.text("mch_id").is_some() {
            field::check_merchant(self.mch_id, "mch_id", fields.text("mch_id"))?;
        }
        outcome
    }
}
