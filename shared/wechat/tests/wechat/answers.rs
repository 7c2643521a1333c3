//! What answers say, by the samples.

use domain::{ContractChange, ContractCode, Evidence, FactBody, OutRefundNo, PaymentResult, RefundResult};
use wechat::*;

use crate::support::*;

#[tokio::test]
async fn an_order_is_taken_and_offered_as_the_samples_say() {
    let answer = answered(&prepared_order(), sample("signed-contractorder-response.xml")).await.unwrap();
    assert_eq!(answer.offer, Offer::Jsapi { prepay_id: "wx201410272009395522657a690389285100".to_owned() });
    assert_eq!(answer.presign, Presign::Offered, "the sample has no contract_result_code");
    let answer = answered(&prepared_order(), sample("synthetic-contractorder-response-app.xml")).await.unwrap();
    assert_eq!(answer.offer, Offer::App { prepay_id: "wx05105658848717592ad201873521868360".to_owned() });
    assert_eq!(answer.presign, Presign::Offered);
}

#[tokio::test]
async fn an_order_that_will_sign_nothing_says_so() {
    let answer = answered(&prepared_order(), sample("synthetic-contractorder-response-presign-failed.xml")).await;
    let failed = Presign::Failed { code: "SYSTEMERROR".to_owned(), description: "system error".to_owned() };
    assert_eq!(answer.unwrap().presign, failed);
    let body = signed(&[
        ("prepay_id", "wx1"),
        ("trade_type", "APP"),
        ("contract_result_code", "FAIL"),
        ("contract_err_code", "CONTRACT_EXIST"),
        ("contract_err_code_des", "已签约"),
    ]);
    assert_eq!(answered(&prepared_order(), body).await.unwrap().presign, Presign::AlreadySigned);
}

#[tokio::test]
async fn each_trade_type_has_its_offer_and_a_missing_one_is_unreadable() {
    let answer = |fields: &[(&str, &str)]| {
        let mut all = vec![("prepay_id", "wx1")];
        all.extend(fields);
        signed(&all)
    };
    let native = answer(&[("trade_type", "NATIVE"), ("code_url", "weixin://wxpay/bizpayurl?pr=abc")]);
    let native = answered(&prepared_order(), native).await.unwrap().offer;
    assert!(matches!(native, Offer::Native { code_url, .. } if code_url == "weixin://wxpay/bizpayurl?pr=abc"));
    let url = "https://wx.tenpay.com/cgi-bin/mmpayweb-bin/checkmweb?prepay_id=wx1&package=1";
    let mweb = answered(&prepared_order(), answer(&[("trade_type", "MWEB"), ("mweb_url", url)])).await.unwrap().offer;
    assert!(matches!(mweb, Offer::Mweb { mweb_url, .. } if mweb_url == url));
    for (body, field) in [
        (answer(&[("trade_type", "NATIVE")]), "code_url"),
        (answer(&[("trade_type", "MWEB")]), "mweb_url"),
        (answer(&[("trade_type", "MICROPAY")]), "trade_type"),
        (signed(&[("trade_type", "APP")]), "prepay_id"),
    ] {
        let error = answered(&prepared_order(), body).await.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Unreadable, Some(field)));
        assert_eq!(error.next, Next::RepeatSame, "the order may have been taken");
    }
}

#[tokio::test]
async fn the_answers_about_orders_become_facts() {
    let answer = answered(&query("1415757673"), sample("signed-orderquery-response-success.xml")).await.unwrap();
    assert_eq!(answer.attach(), Some("订单额外描述"));
    let fact = answer.fact(&mch_id(), &number("1415757673")).unwrap();
    assert!(fact.evidence.proves());
    let FactBody::Payment(payment) = fact.body else { panic!() };
    assert!(matches!(payment.result, PaymentResult::Succeeded { total, .. } if total.get() == 1));
    let answer = answered(&query("123456"), sample("synthetic-orderquery-response-notpay.xml")).await.unwrap();
    let fact = answer.fact(&mch_id(), &number("123456")).unwrap();
    assert!(matches!(fact.body, FactBody::Payment(payment) if payment.result == PaymentResult::Unpaid));
    let order = OrderRef::OutTradeNo(number("1415757673"));
    let deduction = PapOrderQuery { appid: appid(), order }.prepare(&keys(), &at()).unwrap();
    let answer = answered(&deduction, sample("signed-paporderquery-response-success.xml")).await.unwrap();
    let fact = answer.fact(&mch_id(), &number("1415757673")).unwrap();
    assert!(matches!(fact.body, FactBody::Payment(paid) if matches!(paid.result, PaymentResult::Succeeded { .. })));
    let answer = answered(&query("123456"), refused("ORDERNOTEXIST", "订单不存在")).await.unwrap();
    assert!(answer.is_not_found() && answer.proven());
    let fact = answer.fact(&mch_id(), &number("123456")).unwrap();
    assert!(matches!(fact.body, FactBody::Payment(payment) if payment.result == PaymentResult::NotFound));
}

#[tokio::test]
async fn the_answers_about_contracts_become_facts() {
    let code = ContractCode::parse("1023658866").unwrap();
    let contract = ContractRef::Code { plan_id: domain::PlanId::parse("123").unwrap(), contract_code: code.clone() };
    let prepared = QueryContract { appid: appid(), contract }.prepare(&keys(), &at()).unwrap();
    let answer = answered(&prepared, sample("signed-querycontract-response-terminated.xml")).await.unwrap();
    let fact = answer.fact(&mch_id(), &code).unwrap();
    let FactBody::Contract(told) = fact.body else { panic!() };
    assert!(matches!(told.change, ContractChange::Terminated { .. }));

    let live = ContractCode::parse("100001256").unwrap();
    let contract = ContractRef::Code { plan_id: domain::PlanId::parse("123").unwrap(), contract_code: live.clone() };
    let signed = QueryContract { appid: appid(), contract }.prepare(&keys(), &at()).unwrap();
    let answer = answered(&signed, sample("synthetic-querycontract-response-signed.xml")).await.unwrap();
    let fact = answer.fact(&mch_id(), &live).unwrap();
    assert!(matches!(fact.body, FactBody::Contract(told) if matches!(told.change, ContractChange::Signed { .. })));

    let answer = answered(&prepared, sample("community-querycontract-response-not-found.xml")).await.unwrap();
    assert!(!answer.proven());
    let fact = answer.fact(&mch_id(), &code).unwrap();
    assert_eq!(fact.evidence, Evidence::Unsigned, "TLS alone speaks for it");
    assert!(matches!(fact.body, FactBody::Contract(told) if told.change == ContractChange::Absent));
}

#[tokio::test]
async fn the_answers_about_refunds_become_facts() {
    let refund = RefundRef::RefundId(domain::RefundId::parse("2008450740201411110000174436").unwrap());
    let prepared = RefundQuery { appid: appid(), refund, offset: None }.prepare(&keys(), &at()).unwrap();
    let answer = answered(&prepared, sample("signed-refundquery-response-processing.xml")).await.unwrap();
    let (order, number) = (number("1415757673"), OutRefundNo::parse("1415701182").unwrap());
    let fact = answer.fact(&mch_id(), &order, &number).unwrap();
    assert!(matches!(fact.body, FactBody::Refund(refund) if refund.result == RefundResult::Processing));
    assert_eq!(answer.facts(&mch_id(), &order).unwrap().len(), 1);
    assert_eq!(answer.body(), sample("signed-refundquery-response-processing.xml"));
    let answer = answered(&prepared, refused("REFUNDNOTEXIST", "退款不存在")).await.unwrap();
    assert!(answer.facts(&mch_id(), &order).unwrap().is_empty());
}

#[tokio::test]
async fn the_acceptances_are_what_the_samples_say() {
    let order = OrderRef::TransactionId(domain::TransactionId::parse("4008450740201411110005820873").unwrap());
    let number = OutRefundNo::parse("1415701182").unwrap();
    let prepared = Refund { order, out_refund_no: number, ..refund() }.prepare(&keys(), &at()).unwrap();
    // Over https a refund shows the certificate; over loopback there is no TLS to show it in.
    let script = Script::new([ok(sample("signed-refund-response.xml"))]);
    let client = Client::over(Hosts::parse("http://127.0.0.1:1").unwrap(), &script);
    let accepted = client.send(&prepared, &keys(), now()).await.unwrap();
    assert_eq!(accepted.refund_id.unwrap().as_str(), "2008450740201411110000174436");
    assert_eq!(accepted.refund.unwrap().get(), 1);

    let prepared = deduction().prepare(&keys(), &at()).unwrap();
    let accepted = answered(&prepared, sample("signed-pappayapply-response.xml")).await;
    assert_eq!(accepted, Ok(DeductionAccepted));

    let contract = ContractRef::Id(domain::ContractId::parse("100005698").unwrap());
    let prepared = DeleteContract { contract, ..termination() }.prepare(&keys(), &at()).unwrap();
    let taken = answered(&prepared, sample("signed-deletecontract-response.xml")).await.unwrap();
    assert_eq!(taken.contract_id.unwrap().as_str(), "100005698");

    let prepared = pre_entrust().prepare(&keys(), &at()).unwrap();
    let offer = answered(&prepared, sample("signed-preentrustweb-response.xml")).await.unwrap();
    assert!(matches!(offer, Offer::PreEntrust { pre_entrustweb_id, miniprogram_path: None, .. }
        if pre_entrustweb_id == "5778aadY9nltAsZzXixCkFIGYnV2V"));

    let close = CloseOrder { appid: appid(), out_trade_no: out_trade_no() }.prepare(&keys(), &at()).unwrap();
    assert_eq!(answered(&close, sample("signed-closeorder-response.xml")).await, Ok(CloseAnswer::Closed));
    assert_eq!(answered(&close, refused("ORDERCLOSED", "")).await, Ok(CloseAnswer::AlreadyClosed));
    assert_eq!(answered(&close, refused("ORDERNOTEXIST", "")).await, Ok(CloseAnswer::NeverPlaced));
}

#[tokio::test]
async fn a_signing_page_is_offered_only_if_both_codes_are_success() {
    let prepared = h5().prepare(&keys(), &at()).unwrap();
    let offer = answered(&prepared, sample("official-h5entrustweb-response.xml")).await.unwrap();
    assert_eq!(offer, Offer::H5 { redirect_url: "https://payapp.weixin.qq.com".to_owned() });
    for (fields, code) in [
        (vec![("return_code", "SUCCESS"), ("result_code", "FAIL"), ("result_msg", "SIGN_ERROR")], "SIGN_ERROR"),
        (vec![("return_code", "FAIL"), ("return_msg", "PARAM_ERROR")], "PARAM_ERROR"),
    ] {
        let mut fields = fields;
        fields.push(("redirect_url", "https://payapp.weixin.qq.com"));
        let error = answered(&prepared, unsigned(&fields)).await.unwrap_err();
        assert_eq!((error.code.as_deref(), error.meaning), (Some(code), Meaning::Misconfigured));
        assert_eq!(error.kind, ErrorKind::Refused { proven: false });
    }
    for url in ["javascript:alert(1)", "http://payapp.weixin.qq.com", ""] {
        let body = unsigned(&[("return_code", "SUCCESS"), ("result_code", "SUCCESS"), ("redirect_url", url)]);
        assert_eq!(answered(&prepared, body).await.unwrap_err().kind, ErrorKind::Unreadable, "{url}");
    }
}
