//! Prints signed notifications as JSON lines, for judges written by others (`tests/judges`).
//!
//! First a line with keys and numbers, then one line for each fixture, each variant and each answer.

use std::io::{self, Write as _};
use std::time::{SystemTime, UNIX_EPOCH};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use counterparty::fixtures::{self, Expected, Reason};
use counterparty::{
    Answer, ContractNotice, DeductionNotice, Error, Numbers, Occasion, PaymentNotice, PlatformCertificate, Protocol,
    SignType, SignedRequest, TEST_MERCHANT, Tamper, TradeType, V2Fields, V2Notice as _, V3Notice, WechatPay,
};
use serde_json::{Value, json};

const NOW: i64 = 1_795_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let numbers = Numbers::example(NOW);
    let mut lines = vec![keys_and_numbers(&numbers)];
    for fixture in fixtures::all() {
        let request = fixtures::build(fixture.name, &numbers)?;
        let judgement = judgement(fixture.expected);
        lines.push(notice(fixture.name, judgement, &request));
        if judgement == "genuine" && !fixture.name.starts_with("refund-v2") {
            lines.push(notice(&format!("{}, altered", fixture.name), "forged", &altered(request)?));
        }
    }
    lines.extend(variants(&numbers)?);
    lines.extend(answers(&numbers)?);
    let mut out = io::stdout().lock();
    for line in lines {
        writeln!(out, "{line}")?;
    }
    Ok(())
}

/// One bit of a signed value is turned. (Not of a V2 refund notice: nothing protects that one.)
fn altered(request: SignedRequest) -> Result<SignedRequest, Error> {
    const VALUE: &[u8] = b"<![CDATA[";
    let in_value = request.body.windows(VALUE.len()).position(|window| window == VALUE).map(|at| at + VALUE.len());
    let at = in_value.unwrap_or(request.body.len() / 2);
    WechatPay::test_merchant()?.tampered(request, Tamper::AlteredByte(at))
}

/// What a judge that knows signatures and seals, and nothing else of papay, has to say.
fn judgement(expected: Expected) -> &'static str {
    match expected {
        Expected::Accepted
        | Expected::AcceptedPendingQuery
        | Expected::AcceptedWithoutEffect
        | Expected::NotUnderstood
        // Genuine, and refused for what it is about.
        | Expected::Refused(Reason::OtherMerchant | Reason::WrongEndpoint) => "genuine",
        Expected::Refused(
            Reason::Signature | Reason::Probe | Reason::Unsigned | Reason::Undecryptable | Reason::UnknownSerial,
        ) => "forged",
        // Refused for its form or its age: a judge need not agree.
        Expected::Refused(_) => "other",
    }
}

fn variants(numbers: &Numbers) -> Result<Vec<Value>, Error> {
    let wechat = WechatPay::test_merchant()?;
    let mut lines = Vec::new();
    let mut push = |name: String, request: SignedRequest| lines.push(notice(&name, "genuine", &request));
    for sign_type in [SignType::Md5, SignType::HmacSha256] {
        for trade_type in [TradeType::App, TradeType::Jsapi, TradeType::Native, TradeType::Mweb] {
            let payment = PaymentNotice::new(numbers, trade_type)?.attach("支付测试 & <值> ]]> \"引号\"");
            push(format!("{sign_type:?} {trade_type:?}"), payment.signed(&wechat, sign_type)?);
        }
        push(format!("{sign_type:?} deduction"), DeductionNotice::success(numbers)?.signed(&wechat, sign_type)?);
        push(format!("{sign_type:?} contract"), ContractNotice::terminated(numbers, 7)?.signed(&wechat, sign_type)?);
    }
    let occasion = Occasion::derived(NOW, "variants");
    let payment = || V3Notice::payment(numbers, TradeType::Jsapi);
    let detailed =
        payment()?.with("attach", "自定义数据 😀").with("promotion_detail", json!([{"name": "单品惠-6", "amount": 1}]));
    push("v3 with everything".to_owned(), detailed.signed(&wechat, &occasion)?);
    push("v3 empty associated_data".to_owned(), payment()?.associated_data(Some("")).signed(&wechat, &occasion)?);
    push("v3 no associated_data".to_owned(), payment()?.associated_data(None).signed(&wechat, &occasion)?);
    push("v3 new envelope member".to_owned(), payment()?.with_envelope("新", "值").signed(&wechat, &occasion)?);
    Ok(lines)
}

fn answers(numbers: &Numbers) -> Result<Vec<Value>, Error> {
    let wechat = WechatPay::test_merchant()?;
    let occasion = Occasion::derived(NOW, "answers");
    let mut fields = V2Fields::new();
    for (name, value) in [
        ("return_code", "SUCCESS"),
        ("return_msg", "OK"),
        ("result_code", "SUCCESS"),
        ("appid", &numbers.appid),
        ("mch_id", &numbers.mch_id),
        ("nonce_str", &occasion.nonce),
        ("prepay_id", "wx05105658848717592ad201873521868360"),
        ("contract_display_account", "微信代扣"),
    ] {
        fields.set(name, value);
    }
    let body = json!({ "prepay_id": "wx201410272009395522657a690389285100", "说明": "中文" }).to_string();
    let certificate = Some(TEST_MERCHANT.certificate_serial);
    // Judges read the system's clock when they look at a certificate.
    let real_now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(NOW, |since| since.as_secs().cast_signed());
    let issued = PlatformCertificate::issue(real_now - 86_400, real_now + 86_400)?;
    let renewed = wechat.clone().with_platform_certificate(issued.clone())?;
    let list = renewed.v3_certificates(&occasion)?.to_string().into_bytes();
    let mut listed = answer("V3", "v3 certificates", &renewed.v3_answer(200, list, Some(&issued.serial), &occasion)?);
    listed["kind"] = json!("certificates");
    listed["certificate_pem"] = json!(issued.certificate_pem);
    Ok(vec![
        listed,
        answer("V2", "v2 answer", &wechat.v2_answer(&fields, SignType::Md5)?),
        answer("V2", "v2 answer hmac", &wechat.v2_answer(&fields, SignType::HmacSha256)?),
        answer("V3", "v3 answer", &wechat.v3_answer(200, body.clone().into_bytes(), None, &occasion)?),
        answer("V3", "v3 answer certificate", &wechat.v3_answer(200, body.into_bytes(), certificate, &occasion)?),
        answer("V3", "v3 no content", &wechat.v3_no_content(None, &occasion)?),
    ])
}

fn keys_and_numbers(numbers: &Numbers) -> Value {
    json!({
        "kind": "keys",
        "mch_id": TEST_MERCHANT.mch_id,
        "api_v2_key": TEST_MERCHANT.api_v2_key,
        "api_v3_key": TEST_MERCHANT.api_v3_key,
        "public_key_id": TEST_MERCHANT.public_key_id,
        "public_key_pem": TEST_MERCHANT.public_key_pem,
        "certificate_serial": TEST_MERCHANT.certificate_serial,
        "certificate_pem": TEST_MERCHANT.certificate_pem,
        "numbers": {
            "appid": numbers.appid, "out_trade_no": numbers.out_trade_no, "contract_code": numbers.contract_code,
            "out_refund_no": numbers.out_refund_no, "total": numbers.total, "refund": numbers.refund,
        },
    })
}

fn notice(name: &str, judgement: &str, request: &SignedRequest) -> Value {
    let protocol = match request.protocol {
        Protocol::V2 => "V2",
        Protocol::V3 => "V3",
    };
    json!({
        "kind": "notice",
        "name": name,
        "protocol": protocol,
        "judgement": judgement,
        "headers": request.headers,
        "body": STANDARD.encode(&request.body),
    })
}

fn answer(protocol: &str, name: &str, answer: &Answer) -> Value {
    json!({
        "kind": "answer",
        "name": name,
        "protocol": protocol,
        "judgement": "genuine",
        "headers": answer.headers,
        "body": STANDARD.encode(&answer.body),
    })
}
