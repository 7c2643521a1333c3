//! Each endpoint accepts its own kinds and its own merchant alone.

use counterparty::{
    ContractNotice, DeductionNotice, Numbers, PaymentNotice, RefundNoticeV2, RefundResult, RefundResultV2, SignType,
    TradeType, V2Fields, V2Notice as _, V3Notice,
};
use domain::{Fact, MchId};
use parse::ParseError;
use verify::Verified;

use crate::support::{
    Endpoint, NOW, keys, mch_id, read_notice, read_sealed, read_v2, read_v2_for, read_v3, sample_v2, sample_v3, vector,
    wechat,
};

const ALL: [(&str, Endpoint); 4] = [
    ("deduction", parse::deduction),
    ("contract", parse::contract),
    ("payment", parse::payment),
    ("refund", parse::refund),
];

fn numbers() -> Numbers {
    Numbers::example(NOW)
}

/// The names of the endpoints that accept what `send` sends; all others must refuse it as misdirected.
fn accepted_by(send: impl Fn(Endpoint) -> Result<Fact, ParseError>) -> Vec<&'static str> {
    let mut accepting = Vec::new();
    for (name, endpoint) in ALL {
        match send(endpoint) {
            Ok(_) => accepting.push(name),
            Err(ParseError::WrongEndpoint { .. }) => {}
            Err(other) => panic!("{name}: {other}"),
        }
    }
    accepting
}

#[test]
fn each_kind_of_v2_notice_is_accepted_at_one_endpoint_alone() {
    let payment = PaymentNotice::new(&numbers(), TradeType::App).unwrap();
    assert_eq!(accepted_by(|endpoint| read_notice(endpoint, &payment)), ["deduction"]);
    let failure = DeductionNotice::failure(&numbers(), "NOTENOUGH", "余额不足");
    assert_eq!(accepted_by(|endpoint| read_notice(endpoint, &failure)), ["deduction"]);
    let add = ContractNotice::signed_up(&numbers()).unwrap();
    assert_eq!(accepted_by(|endpoint| read_notice(endpoint, &add)), ["contract"]);
    let delete = ContractNotice::terminated(&numbers(), 2).unwrap();
    assert_eq!(accepted_by(|endpoint| read_notice(endpoint, &delete)), ["contract"]);
    let refund = RefundNoticeV2::new(&numbers(), RefundResultV2::Success).unwrap();
    let request = refund.sealed(wechat()).unwrap();
    let verified = keys().verify_v2_refund(&request.body).unwrap();
    assert_eq!(accepted_by(|endpoint| endpoint(&mch_id("10000100"), &verified)), ["refund"]);
}

#[test]
fn each_kind_of_v3_notice_is_accepted_where_it_belongs_alone() {
    let accepted = |notice: V3Notice| accepted_by(|endpoint| read_v3(endpoint, &notice, "10000100"));
    assert_eq!(accepted(V3Notice::payment(&numbers(), TradeType::App).unwrap()), ["payment"]);
    assert_eq!(accepted(V3Notice::deduction_failed(&numbers())), ["payment"]);
    for result in [RefundResult::Success, RefundResult::Abnormal, RefundResult::Closed] {
        assert_eq!(accepted(V3Notice::refund(&numbers(), result).unwrap()), ["refund"]);
    }
    assert_eq!(accepted(V3Notice::contract_signed(&numbers()).unwrap()), ["contract"]);
    assert_eq!(accepted(V3Notice::contract_terminated(&numbers(), "USER_TERMINATE").unwrap()), ["contract"]);
    assert_eq!(accepted(V3Notice::termination_retention(&numbers()).unwrap()), ["contract"]);
    assert_eq!(accepted(V3Notice::security_echo("papay")), ["payment", "refund"]);
}

#[test]
fn a_misdirected_notice_is_named() {
    let refund = V3Notice::refund(&numbers(), RefundResult::Success).unwrap();
    let error = read_v3(parse::payment, &refund, "10000100").unwrap_err();
    assert_eq!(error, ParseError::WrongEndpoint { event: "REFUND.SUCCESS".to_owned() });
    let add = ContractNotice::signed_up(&numbers()).unwrap();
    let error = read_notice(parse::deduction, &add).unwrap_err();
    assert_eq!(error, ParseError::WrongEndpoint { event: "V2 contract notice".to_owned() });
}

#[test]
fn an_event_type_that_we_do_not_know_is_not_understood() {
    for event_type in
        ["PAPAY.SIGN", "ENTRUST.SIGNING", "ENTRUST.TERMINATE_INQUIRY", "TRANSACTION", "transaction.success"]
    {
        let notice = V3Notice::payment(&numbers(), TradeType::App).unwrap().event_type(event_type);
        for endpoint in [parse::contract, parse::payment, parse::refund] {
            let error = read_v3(endpoint, &notice, "10000100").unwrap_err();
            assert_eq!(error.to_string(), "not understood: event_type: one that is known here", "{event_type}");
        }
    }
}

/// Answers to our refund calls carry transaction, order and amount, and are signed with the same key.
#[test]
fn an_answer_about_a_refund_does_not_pass_for_a_payment() {
    for name in ["signed-refund-response", "signed-refundquery-response-processing"] {
        let mut answer = sample_v2(name);
        answer.set("total_fee", "1");
        let error = read_v2(parse::deduction, &answer).unwrap_err();
        assert_eq!(error, ParseError::WrongEndpoint { event: "V2 refund notice".to_owned() }, "{name}");
    }
}

/// Our own requests are signed with the same key: none of them may come back as a notice.
#[test]
fn no_request_of_ours_passes_for_a_notice() {
    let requests = [
        "signed-closeorder-request",
        "signed-contractorder-request",
        "signed-deletecontract-request-by-contract-id",
        "signed-deletecontract-request-by-plan",
        "signed-orderquery-request",
        "signed-paporderquery-request",
        "signed-pappayapply-request",
        "signed-preentrustweb-request",
        "signed-querycontract-request-by-contract-id",
        "signed-refund-request",
        "signed-refundquery-request-by-refund-id",
    ];
    for name in requests {
        let request = sample_v2(name);
        for (endpoint_name, endpoint) in ALL {
            assert!(read_v2(endpoint, &request).is_err(), "{name} at {endpoint_name}");
        }
    }
}

/// Nor may an answer that only accepts something.
#[test]
fn no_acceptance_passes_for_a_success() {
    for name in ["signed-pappayapply-response", "signed-closeorder-response", "signed-preentrustweb-response"] {
        for (endpoint_name, endpoint) in ALL {
            assert!(read_v2(endpoint, &sample_v2(name)).is_err(), "{name} at {endpoint_name}");
        }
    }
    for name in ["signed-contractorder-response", "synthetic-contractorder-response-app"] {
        if let Ok(fact) = read_v2(parse::deduction, &sample_v2(name)) {
            let domain::FactBody::Payment(payment) = fact.body else { panic!("{name}") };
            assert!(matches!(payment.result, domain::PaymentResult::Failed { .. }), "{name}: a reason to ask, no more");
        }
    }
}

#[test]
fn a_message_about_another_merchant_is_refused_even_under_our_key() {
    let other = mch_id("10000200");
    let wrong = |result: Result<Fact, ParseError>| assert_eq!(result.unwrap_err(), ParseError::WrongMerchant);
    let payment = PaymentNotice::new(&numbers(), TradeType::App).unwrap();
    wrong(read_v2_for(parse::deduction, &other, payment.fields(), SignType::Md5));
    let add = ContractNotice::signed_up(&numbers()).unwrap();
    wrong(read_v2_for(parse::contract, &other, add.fields(), SignType::Md5));
    let document = vector("samples/v2/signed-refund-notice-plaintext.xml");
    wrong(read_sealed(parse::refund, &other, document.as_bytes()));
    let notices: [(Endpoint, V3Notice); 4] = [
        (parse::payment, V3Notice::payment(&numbers(), TradeType::App).unwrap()),
        (parse::refund, V3Notice::refund(&numbers(), RefundResult::Success).unwrap()),
        (parse::contract, V3Notice::contract_signed(&numbers()).unwrap()),
        (parse::contract, V3Notice::termination_retention(&numbers()).unwrap()),
    ];
    for (endpoint, notice) in &notices {
        wrong(read_v3(*endpoint, notice, "10000200"));
    }
}

#[test]
fn a_partners_body_belongs_to_the_partner_and_not_to_its_sub_merchant() {
    let transaction = sample_v3("notice_transaction_success_partner.resource");
    let notice = V3Notice::new("TRANSACTION.SUCCESS", "transaction", "支付成功", transaction);
    assert!(read_v3(parse::payment, &notice, "1230000109").is_ok());
    assert_eq!(read_v3(parse::payment, &notice, "1900000109").unwrap_err(), ParseError::WrongMerchant);
}

#[test]
fn the_merchant_is_checked_before_anything_else_is_told() {
    let check = |endpoint: fn(&MchId, &Verified<'_>) -> Result<Fact, ParseError>, name: &str| {
        let mut fields = V2Fields::new();
        fields.set("return_code", "SUCCESS");
        fields.set("mch_id", "10000200");
        fields.set(name, "?");
        read_v2_for(endpoint, &mch_id("10000100"), &fields, SignType::Md5).unwrap_err()
    };
    assert_eq!(check(parse::deduction, "out_trade_no"), ParseError::WrongMerchant);
    assert_eq!(check(parse::contract, "change_type"), ParseError::WrongMerchant);
}

#[test]
fn what_we_signed_ourselves_is_refused_and_not_held() {
    let sent_back = |fields: &[(&str, &str)]| {
        let mut message = V2Fields::new();
        for (name, value) in fields {
            message.set(name, value);
        }
        [parse::deduction, parse::contract]
            .map(|endpoint| read_v2_for(endpoint, &mch_id("10000100"), &message, SignType::Md5).unwrap_err())
    };
    let jsapi =
        [("appId", "wx1"), ("timeStamp", "1"), ("nonceStr", "n"), ("package", "prepay_id=1"), ("signType", "MD5")];
    let mini_program = [("appid", "wx1"), ("mch_id", "10000100"), ("contract_code", "C1"), ("plan_id", "1")];
    for refused in sent_back(&jsapi).into_iter().chain(sent_back(&mini_program)) {
        assert!(matches!(refused, ParseError::WrongEndpoint { .. }), "{refused}");
    }
}
