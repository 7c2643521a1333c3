//! Notices of APIv3.

use super::*;

fn transaction(name: &str) -> V3Notice {
    V3Notice::new("TRANSACTION.SUCCESS", "transaction", "支付成功", sample_v3(name))
}

fn documented_payment(appid: &str, trade_type: TradeType) -> FactBody {
    let number = "1217752501201407033233368018";
    let result = succeeded(number, 100, "oUpF8uMuAJO_M2pxb1Q9zNjWeS6o", Some(trade_type), "2018-06-08T02:34:56Z");
    let FactBody::Payment(stated) = payment(number, appid, None, result) else { unreachable!() };
    FactBody::Payment(PaymentFact { attach: Some("自定义数据".to_owned()), ..stated })
}

#[test]
fn the_attach_of_a_v3_payment_is_stated_where_there_is_one() {
    let attach = |value: Value| {
        let notice = transaction("notice_transaction_success.resource").with("attach", value);
        match read_v3(parse::payment, &notice, "1230000109").unwrap().body {
            FactBody::Payment(payment) => payment.attach,
            other => panic!("{other:?}"),
        }
    };
    assert_eq!(attach(json!("campaign & <42>")).as_deref(), Some("campaign & <42>"));
    assert_eq!((attach(json!("")), attach(Value::Null)), (None, None));
}

#[test]
fn a_v3_payment_notice_states_a_payment() {
    let direct = read_v3(parse::payment, &transaction("notice_transaction_success.resource"), "1230000109").unwrap();
    assert_eq!(direct, v3("1230000109", documented_payment("wxd678efh567hg6787", TradeType::App)));
    let name = "notice_transaction_success_partner.resource";
    let partner = read_v3(parse::payment, &transaction(name), "1230000109").unwrap();
    assert_eq!(partner, v3("1230000109", documented_payment("wx8888888888888888", TradeType::Jsapi)));
}

#[test]
fn blanks_around_an_openid_do_not_matter() {
    let stray = json!({ "sp_openid": "\toUpF8uMuAJO_M2pxb1Q9zNjWeS6o\t" });
    let notice = transaction("notice_transaction_success_partner.resource").with("payer", stray);
    let partner = read_v3(parse::payment, &notice, "1230000109").unwrap();
    assert_eq!(partner, v3("1230000109", documented_payment("wx8888888888888888", TradeType::Jsapi)));
}

#[test]
fn a_failed_v3_deduction_carries_its_trade_state() {
    let fact = read_v3(parse::payment, &V3Notice::deduction_failed(&Numbers::example(NOW)), "10000100").unwrap();
    assert_eq!(result_of(fact), failed("PAY_FAIL"));
    let closed = V3Notice::deduction_failed(&Numbers::example(NOW)).with("trade_state", "CLOSED");
    assert_eq!(result_of(read_v3(parse::payment, &closed, "10000100").unwrap()), PaymentResult::Closed);
}

#[test]
fn a_refunded_v3_transaction_was_paid() {
    let notice = transaction("notice_transaction_success.resource").with("trade_state", "REFUND");
    let result = result_of(read_v3(parse::payment, &notice, "1230000109").unwrap());
    assert!(matches!(result, PaymentResult::Succeeded { refunded: true, .. }));
}

fn documented_refund(result: RefundResult) -> FactBody {
    FactBody::Refund(RefundFact {
        out_refund_no: OutRefundNo::parse("7752501201407033233368018").unwrap(),
        refund_id: Some(RefundId::parse("50200207182018070300011301001").unwrap()),
        out_trade_no: Some(OutTradeNo::parse("20150806125346").unwrap()),
        transaction_id: Some(TransactionId::parse("1008450740201411110005820873").unwrap()),
        refund: Some(Fen::new(999)),
        total: Some(Fen::new(999)),
        said_at: at("2025-12-01T02:00:00Z"),
        result,
    })
}

#[test]
fn a_v3_refund_notice_states_its_result_and_when_it_was_made() {
    let succeeded = RefundResult::Succeeded { at: at("2018-06-08T02:34:56Z") };
    for name in ["notice_refund_success.resource", "notice_refund_success_partner.resource"] {
        let notice = V3Notice::new("REFUND.SUCCESS", "refund", "退款成功", sample_v3(name));
        let fact = read_v3(parse::refund, &notice, "1900000100").unwrap();
        assert_eq!(fact, v3("1900000100", documented_refund(succeeded.clone())), "{name}");
    }
    for (status, result) in [
        ("ABNORMAL", RefundResult::Abnormal),
        ("CLOSED", RefundResult::Closed),
        ("PROCESSING", RefundResult::Processing),
    ] {
        let resource = sample_v3("notice_refund_success.resource");
        let notice = V3Notice::new(&format!("REFUND.{status}"), "refund", "退款", resource);
        let notice = notice.with("refund_status", status).without("success_time");
        let fact = read_v3(parse::refund, &notice, "1900000100").unwrap();
        assert_eq!(fact, v3("1900000100", documented_refund(result)), "{status}");
    }
}

#[test]
fn a_v3_sign_notice_states_a_signing() {
    let notice = V3Notice::new("ENTRUST.SIGN", "entrust", "签约成功", sample_v3("notice_entrust.resource"));
    let change = ContractChange::Signed { at: at("2020-09-10T05:29:35Z"), expires_at: at("2021-09-10T05:29:35Z") };
    let (appid, openid) = (Some("wxd678efh567hg6787"), "o-MYE42l80oelYMDE34nYD456Xoy");
    let body = contract("wxwtdk20200910100000", "123124412412423431", "12535", appid, openid, change);
    assert_eq!(read_v3(parse::contract, &notice, "1900000109").unwrap(), v3("1900000109", body));
}

#[test]
fn a_v3_termination_notice_states_when_and_why() {
    for (mode, reason) in [
        ("USER_TERMINATE", TerminationReason::User),
        ("MCH_API_TERMINATE", TerminationReason::MerchantApi),
        ("API", TerminationReason::MerchantApi),
        ("WEPAY_WEB_TERMINATE", TerminationReason::MerchantPlatform),
        ("CUSTOMER_SERVICE_TERMINATE", TerminationReason::CustomerService),
        ("SYSTEM_TERMINATE", TerminationReason::Other),
        ("SOMETHING_NEW", TerminationReason::Other),
    ] {
        let notice = V3Notice::contract_terminated(&Numbers::example(NOW), mode).unwrap();
        let fact = read_v3(parse::contract, &notice, TEST_MERCHANT.mch_id).unwrap();
        let FactBody::Contract(contract) = fact.body else { panic!("a contract") };
        assert_eq!(contract.change, ContractChange::Terminated { at: at("2025-12-01T02:00:00Z"), reason }, "{mode}");
    }
}

#[test]
fn a_plan_id_may_be_text() {
    let notice = V3Notice::contract_signed(&Numbers::example(NOW)).unwrap().with("plan_id", "12535");
    let FactBody::Contract(contract) = read_v3(parse::contract, &notice, TEST_MERCHANT.mch_id).unwrap().body else {
        panic!("a contract")
    };
    assert_eq!(contract.plan_id.unwrap().as_str(), "12535");
}

#[test]
fn what_nothing_follows_from_is_noted() {
    let noted = |event_type: &str| v3("10000100", FactBody::Noted { event_type: event_type.to_owned() });
    let resource = sample_v3("notice_security_echo.resource");
    let echo = V3Notice::new("SECURITY_ECHO.SUCCESS", "security", "回调通知成功", resource);
    for endpoint in [parse::payment, parse::refund] {
        assert_eq!(read_v3(endpoint, &echo, "10000100").unwrap(), noted("SECURITY_ECHO.SUCCESS"));
    }
    let retention = V3Notice::termination_retention(&Numbers::example(NOW)).unwrap();
    let fact = read_v3(parse::contract, &retention, "10000100").unwrap();
    assert_eq!(fact, noted("ENTRUST.TERMINATE_RETENTION"));
}

#[test]
fn constructed_notices_parse_to_what_their_plaintext_says() {
    let all: Value = serde_json::from_str(&vector("constructed_notices.json")).unwrap();
    let mut wechatpay = WechatpayKeys::default();
    for (id, file) in all["keys"].as_object().unwrap() {
        let pem = vector(file.as_str().unwrap());
        if id.starts_with("PUB_KEY_ID_") {
            wechatpay.insert_public_key(id, &pem).unwrap();
        } else {
            wechatpay.insert_certificate(&pem).unwrap();
        }
    }
    let api_v3_key = ApiV3Key::parse(all["api_v3_key"].as_str().unwrap()).unwrap();
    let keys = MerchantKeys::new("1230000109", None, Some(Generations::only(api_v3_key)), wechatpay).unwrap();
    let accepted = all["notices"].as_array().unwrap().iter().filter(|notice| notice["expect"] == "accept");
    let mut seen = 0;
    for notice in accepted {
        let id = notice["id"].as_str().unwrap();
        let all_headers: Vec<(String, String)> =
            serde_json::from_value::<serde_json::Map<String, Value>>(notice["headers"].clone())
                .unwrap()
                .into_iter()
                .map(|(name, value)| (name, value.as_str().unwrap().to_owned()))
                .collect();
        let body = notice["body"].as_str().unwrap();
        let verified =
            keys.verify_v3(&headers(&all_headers), body.as_bytes(), notice["now"].as_i64().unwrap()).unwrap();
        let plaintext: Value = serde_json::from_str(notice["plaintext"].as_str().unwrap()).unwrap();
        let (endpoint, kind): (crate::support::Endpoint, _) = match id {
            id if id.starts_with("refund") => (parse::refund, "refund"),
            id if id.starts_with("entrust") => (parse::contract, "contract"),
            "unknown-event-type" => {
                for endpoint in [parse::payment, parse::refund, parse::contract] {
                    let error = endpoint(&mch_id("1230000109"), &verified).unwrap_err();
                    assert_eq!(error.to_string(), "not understood: event_type: one that is known here");
                }
                continue;
            }
            _ => (parse::payment, "payment"),
        };
        let fact = endpoint(&mch_id(plaintext["mchid"].as_str().unwrap()), &verified).unwrap();
        assert_eq!(fact.kind(), kind, "{id}");
        match fact.body {
            FactBody::Payment(payment) => assert_eq!(payment.out_trade_no.as_str(), plaintext["out_trade_no"]),
            FactBody::Refund(refund) => {
                assert_eq!(refund.out_refund_no.as_str(), plaintext["out_refund_no"]);
                assert_eq!(refund.said_at, at("2024-08-05T09:33:41Z"), "{id}");
            }
            FactBody::Contract(contract) => {
                assert_eq!(contract.contract_code.as_str(), plaintext["out_contract_code"]);
            }
            FactBody::Exempt(_) | FactBody::Opened(_) | FactBody::Called(_) | FactBody::Noted { .. } => panic!("{id}"),
        }
        seen += 1;
    }
    assert!(seen >= 10, "{seen}");
}

/// Its event type and form are not documented: what is known of it is that it must name the contract.
#[test]
fn a_notice_that_names_a_password_exempt_contract_is_a_reason_to_ask_and_no_more() {
    let resource = |text: &str| serde_json::from_str::<serde_json::Map<String, Value>>(text).unwrap();
    let named = r#"{"mchid":"10000100","service_id":500001,"out_contract_code":"01JD8K6M2QZ4XW7RTNBV","contract_state":"SIGNED"}"#;
    for event_type in ["PASSWORD_EXEMPT.SIGN", "ENTRUST.SIGN", "SOMETHING.NEW"] {
        let notice = V3Notice::new(event_type, "something", "签约", resource(named));
        let endpoints: &[crate::support::Endpoint] =
            if event_type == "ENTRUST.SIGN" { &[parse::contract] } else { &[parse::contract, parse::payment] };
        for endpoint in endpoints {
            let FactBody::Exempt(told) = read_v3(*endpoint, &notice, "10000100").unwrap().body else {
                panic!("exempt")
            };
            assert_eq!(told.key.as_str(), "500001#01JD8K6M2QZ4XW7RTNBV");
            assert_eq!((told.change, told.contract_id, told.openid), (domain::ExemptChange::Reported, None, None));
        }
        assert!(read_v3(parse::contract, &notice, "10000200").is_err(), "another merchant's");
    }
    let unnamed = [
        r#"{"mchid":"10000100","service_id":500001}"#,
        r#"{"mchid":"10000100","out_contract_code":"1005"}"#,
        r#"{"mchid":"10000100","service_id":"x","out_contract_code":"1005"}"#,
        r#"{"mchid":"10000100","service_id":1,"plan_id":12535,"out_contract_code":"1005"}"#,
    ];
    for text in unnamed {
        let notice = V3Notice::new("SOMETHING.NEW", "something", "签约", resource(text));
        for endpoint in [parse::contract, parse::payment] {
            let error = read_v3(endpoint, &notice, "10000100").unwrap_err();
            assert_eq!(error.to_string(), "not understood: event_type: one that is known here", "held: {text}");
        }
    }
    let refunds = V3Notice::new("SOMETHING.NEW", "something", "签约", resource(named));
    assert!(read_v3(parse::refund, &refunds, "10000100").is_err(), "it does not belong to refunds");
}
