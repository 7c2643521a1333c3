//! The samples of the protocol page: built here the requests have the same content, and the answers read.

use domain::{
    ContractCode, FactBody, Fen, OpenId, OutRefundNo, OutTradeNo, PaymentResult, RefundId, RefundResult, Timestamp,
    TransactionId,
};
use serde_json::Value;
use wechat::*;

use super::support as s;
use super::support::*;

const NUMBER: &str = "1217752501201407033233368018";
const MERCHANT: &str = "1230000109";

/// The merchant of the samples, an hour before its orders expire.
fn prepared<C>(prepare: impl Fn(&Keys, &Moment) -> Result<Prepared<C>, Invalid>) -> Prepared<C> {
    let time: Timestamp = "2018-06-08T09:34:56+08:00".parse().unwrap();
    let at = Moment::with_nonce(time, "5K8264ILTKCH16CQ2502SI8ZNMTM67VS").unwrap();
    prepare(&keys_of(MERCHANT, s::public_key()), &at).unwrap()
}

fn sample_order(payment: v3::Payment) -> v3::Order {
    let some = |text: &str| Some(text.to_owned());
    v3::Order {
        appid: app("wxd678efh567hg6787"),
        out_trade_no: OutTradeNo::parse(NUMBER).unwrap(),
        description: "Image形象店-深圳腾大-QQ公仔".to_owned(),
        total: Fen::new(100),
        notify_url: "https://www.weixin.qq.com/wxpay/pay.php".to_owned(),
        time_expire: Some("2018-06-08T10:34:56+08:00".parse().unwrap()),
        attach: some("自定义数据说明"),
        client_ip: Some("14.23.150.211".parse().unwrap()),
        more: v3::OrderDetails {
            goods_tag: some("WXG"),
            support_fapiao: Some(false),
            detail: Some(v3::Detail {
                cost_price: Some(Fen::new(608_800)),
                invoice_id: some("微信123"),
                goods_detail: vec![v3::Goods {
                    merchant_goods_id: "1246464644".to_owned(),
                    wechatpay_goods_id: some("1001"),
                    goods_name: some("iPhoneX 256G"),
                    quantity: 1,
                    unit_price: Fen::new(528_800),
                }],
            }),
            device_id: some("013467007045764"),
            store: Some(v3::Store {
                id: "0001".to_owned(),
                name: some("腾讯大厦分店"),
                area_code: some("440305"),
                address: some("广东省深圳市南山区科技中一道10000号"),
            }),
            app: match payment {
                v3::Payment::H5 { .. } => v3::H5App {
                    app_name: some("王者荣耀"),
                    app_url: some("https://pay.qq.com"),
                    bundle_id: some("com.tencent.wzryiOS"),
                    package_name: some("com.tencent.tmgp.sgame"),
                },
                _ => v3::H5App::default(),
            },
            profit_sharing: Some(false),
        },
        payment,
    }
}

fn bare(payment: v3::Payment) -> v3::Order {
    let (time_expire, attach, client_ip, more) = (None, None, None, v3::OrderDetails::default());
    v3::Order { time_expire, attach, client_ip, more, ..sample_order(payment) }
}

#[test]
fn orders_are_those_of_the_samples() {
    let h5 = v3::Payment::H5 { kind: v3::H5Kind::Ios };
    let jsapi = v3::Payment::Jsapi { openid: OpenId::parse("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o").unwrap() };
    for (name, path, order, mch_id) in [
        ("app_order", "app", sample_order(v3::Payment::App), MERCHANT),
        ("app_order_minimal", "app", bare(v3::Payment::App), MERCHANT),
        ("native_order", "native", sample_order(v3::Payment::Native), MERCHANT),
        ("h5_order", "h5", sample_order(h5), MERCHANT),
        ("jsapi_order", "jsapi", bare(jsapi), "1900007291"),
    ] {
        let prepared = prepared(|_, at| order.prepare(&keys_of(mch_id, s::public_key()), at));
        let mut expected = sample(&format!("{name}.request"));
        // We name the currency always; the minimal sample does not.
        expected["amount"]["currency"] = "CNY".into();
        assert_eq!(json(&prepared), expected, "{name}");
        assert_eq!(prepared.target(), format!("/v3/pay/transactions/{path}"));
    }
}

#[test]
fn the_documented_jsapi_order_has_the_documented_bytes() {
    let jsapi = v3::Payment::Jsapi { openid: OpenId::parse("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o").unwrap() };
    let keys = keys_of("1900007291", s::public_key());
    let prepared = bare(jsapi).prepare(&keys, &at()).unwrap();
    let cases = vector("request_signing_docs.json");
    let body = cases["cases"].as_array().unwrap().iter().find(|case| case["id"] == "body").unwrap();
    let message = body["message"].as_str().unwrap();
    let head = "POST\n/v3/pay/transactions/jsapi\n1554208460\n593BEC0C930BF1AFEB40B4A08C8FB242\n";
    assert_eq!(message, format!("{head}{}\n", prepared.body()));
}

#[test]
fn the_other_requests_are_those_of_the_samples() {
    let number = || OutTradeNo::parse(NUMBER).unwrap();
    let close = prepared(|keys, at| v3::CloseOrder { out_trade_no: number() }.prepare(keys, at));
    assert_eq!(json(&close), sample("order_close.request"));
    assert_eq!(close.target(), format!("/v3/pay/transactions/out-trade-no/{NUMBER}/close"));

    let refund = |order: OrderRef| v3::Refund {
        order,
        out_refund_no: OutRefundNo::parse(NUMBER).unwrap(),
        total: Fen::new(888),
        refund: Fen::new(888),
        reason: Some("商品已售完".to_owned()),
        notify_url: "https://weixin.qq.com".to_owned(),
        more: v3::RefundDetails::default(),
    };
    let by_transaction = refund(OrderRef::TransactionId(TransactionId::parse(NUMBER).unwrap()));
    let by_transaction = prepared(|keys, at| by_transaction.prepare(keys, at));
    assert_eq!(json(&by_transaction), sample("refund.request"));
    let goods = v3::RefundedGoods {
        merchant_goods_id: NUMBER.to_owned(),
        wechatpay_goods_id: Some("1001".to_owned()),
        goods_name: Some("iPhone6s 16G".to_owned()),
        unit_price: Fen::new(528_800),
        refund_amount: Fen::new(528_800),
        refund_quantity: 1,
    };
    let by_order = v3::Refund {
        refund: Fen::new(444),
        more: v3::RefundDetails { from: Vec::new(), goods: vec![goods] },
        ..refund(OrderRef::OutTradeNo(number()))
    };
    assert_eq!(json(&prepared(|keys, at| by_order.prepare(keys, at))), sample("refund_by_out_trade_no.request"));
    assert_eq!(by_transaction.target(), "/v3/refund/domestic/refunds");

    // The ciphertexts of the samples are dummies.
    let without_sealed = |mut body: Value, names: &[&str]| {
        names.iter().for_each(|name| drop(body.as_object_mut().unwrap().remove(*name).unwrap()));
        body
    };
    let to = s::card();
    let refund_id = RefundId::parse("50000000382019052709732678859").unwrap();
    let repair = v3::AbnormalRefund { refund_id, out_refund_no: OutRefundNo::parse(NUMBER).unwrap(), to };
    let repair = prepared(|keys, at| repair.prepare(keys, at));
    let sealed = ["bank_account", "real_name"];
    assert_eq!(without_sealed(json(&repair), &sealed), without_sealed(sample("refund_abnormal.request"), &sealed));
    assert_eq!(repair.target(), "/v3/refund/domestic/refunds/50000000382019052709732678859/apply-abnormal-refund");

    let notify_url = Some("https://www.weixin.qq.com/v3/test".to_owned());
    let echo = v3::SecurityEcho { message: "hello".to_owned(), notify_url };
    let echo = prepared(|keys, at| echo.prepare(keys, at));
    let sealed = ["encrypted_echo_message"];
    assert_eq!(without_sealed(json(&echo), &sealed), without_sealed(sample("security_echo.request"), &sealed));
}

#[test]
fn queries_have_their_numbers_in_the_address_and_escaped() {
    let target = |order: OrderRef| {
        prepared(|keys, at| v3::OrderQuery { order: order.clone() }.prepare(keys, at)).target().to_owned()
    };
    assert_eq!(
        target(OrderRef::TransactionId(TransactionId::parse(NUMBER).unwrap())),
        format!("/v3/pay/transactions/id/{NUMBER}?mchid=1230000109")
    );
    assert_eq!(
        target(OrderRef::OutTradeNo(OutTradeNo::parse("a|b*c@d_e-f").unwrap())),
        "/v3/pay/transactions/out-trade-no/a%7Cb%2Ac%40d_e-f?mchid=1230000109"
    );
    let refund = v3::RefundQuery { out_refund_no: OutRefundNo::parse("a|b@c").unwrap() };
    let refund = prepared(|keys, at| refund.prepare(keys, at));
    assert_eq!((refund.target(), refund.body()), ("/v3/refund/domestic/refunds/a%7Cb%40c", ""));
}

#[test]
fn contracts_are_those_of_the_samples() {
    let code = ContractCode::parse("wxwtdk20200910100000").unwrap();
    let openid = || OpenId::parse("oUpF8uMuAJO_M2pxb1Q9zNjWeS6o").unwrap();
    let pre_sign = |caller, after| {
        let pre_sign = v3::PreSign {
            caller,
            service_id: 12535,
            out_contract_code: code.clone(),
            notify_url: "https://yourapp.com/notify".to_owned(),
            display_account: "微信代扣用户A".to_owned(),
            after,
        };
        prepared(|keys, at| pre_sign.prepare(keys, at))
    };
    let payment = || v3::PreSignAfter::Payment { prepay_id: "wx201410272009395522657a690389285100".to_owned() };
    let wx = || app("wxd678efh567hg6787");
    let user = v3::User { openid: Some(openid()), sub_openid: Some(openid()) };
    let qs = || v3::PreSignCaller::Qs {
        appid: wx(),
        sub_appid: wx(),
        sub_mchid: merchant("1900000109"),
        user: user.clone(),
    };
    let normal = v3::PreSignCaller::Normal { appid: wx(), openid: openid() };
    let root = "/v3/password-exempt-contract/contracts";
    for (name, prepared, path) in [
        ("qs_pay_redirect_sign", pre_sign(qs(), payment()), "qs/pre-entrust-sign/pay-redirect-sign"),
        ("qs_mini_program", pre_sign(qs(), v3::PreSignAfter::MiniProgram), "qs/pre-entrust-sign/mini-program"),
        ("normal_pay_redirect_sign", pre_sign(normal, payment()), "normal/pre-entrust-sign/pay-redirect-sign"),
    ] {
        assert_eq!(json(&prepared), sample(&format!("password_exempt_{name}.request")), "{name}");
        assert_eq!(prepared.target(), format!("{root}/{path}"));
    }
    let provider =
        v3::PreSignCaller::ServiceProvider { sp_appid: wx(), sub_appid: wx(), sub_mchid: merchant("1900000109"), user };
    let provider = pre_sign(provider, payment());
    assert_eq!(provider.target(), format!("{root}/service-provider/pre-entrust-sign/pay-redirect-sign"));
    let names: Vec<String> = json(&provider).as_object().unwrap().keys().cloned().collect();
    assert_eq!(
        names,
        [
            "contract_display_account",
            "notify_url",
            "out_contract_code",
            "prepay_id",
            "service_id",
            "sp_appid",
            "sp_openid",
            "sub_appid",
            "sub_mchid",
            "sub_openid"
        ]
    );

    let remark = "用户解约".to_owned();
    let end = v3::ExemptTermination { service_id: 12535, out_contract_code: code.clone(), remark };
    let end = prepared(|keys, at| end.prepare(keys, at));
    assert_eq!(json(&end), sample("password_exempt_contract_terminate.request"));
    assert_eq!(end.target(), format!("{root}/service-id/12535/out-contract-code/wxwtdk20200910100000/terminate"));
    let query = v3::ExemptQuery { service_id: 12535, out_contract_code: code };
    let query = prepared(|keys, at| query.prepare(keys, at));
    assert_eq!(query.target(), format!("{root}/service-id/12535/out-contract-code/wxwtdk20200910100000"));
}

#[tokio::test]
async fn the_answers_of_the_samples_read() {
    let body = |name: &str| sample(name).to_string();
    let order = |payment| sample_order(payment).prepare(&keys(), &s::at_time("2018-06-08T09:34:56+08:00")).unwrap();
    let h5 = v3::Payment::H5 { kind: v3::H5Kind::Ios };
    let offer = told(&order(v3::Payment::App), [signed(200, &body("app_order.response"))]).await.unwrap();
    assert_eq!(offer.prepay_id(), Some("wx201410272009395522657a690389285100"));
    let offer = told(&order(v3::Payment::Native), [signed(200, &body("native_order.response"))]).await.unwrap();
    assert!(matches!(&offer, Offer::V3Native { code_url } if code_url.starts_with("weixin://wxpay/")), "{offer:?}");
    let offer = told(&order(h5), [signed(200, &body("h5_order.response"))]).await.unwrap();
    assert!(matches!(&offer, Offer::V3H5 { h5_url } if h5_url.starts_with("https://wx.tenpay.com/")), "{offer:?}");

    let number = OutTradeNo::parse(NUMBER).unwrap();
    let keys = keys_of(MERCHANT, s::public_key());
    let query = v3::OrderQuery { order: OrderRef::OutTradeNo(number.clone()) }.prepare(&keys, &at()).unwrap();
    let paid = told(&query, [signed(200, &body("order_query.response"))]).await.unwrap();
    let FactBody::Payment(payment) = paid.fact(&merchant(MERCHANT), &number).unwrap().body else { panic!() };
    assert!(matches!(payment.result, PaymentResult::Succeeded { total, .. } if total == Fen::new(100)));
    assert_eq!(paid.attach().as_deref(), Some("自定义数据"));
    let unpaid = told(&query, [signed(200, &body("order_query.notpay.response"))]).await.unwrap();
    let FactBody::Payment(payment) = unpaid.fact(&merchant(MERCHANT), &number).unwrap().body else { panic!() };
    assert_eq!((payment.result, unpaid.attach()), (PaymentResult::Unpaid, None));

    let refund = OutRefundNo::parse(NUMBER).unwrap();
    let query = v3::RefundQuery { out_refund_no: refund.clone() }.prepare(&keys, &at()).unwrap();
    for name in ["refund.response", "refund_query.response", "refund_abnormal.response"] {
        let answer = told(&query, [signed(200, &body(name))]).await.unwrap();
        let FactBody::Refund(told) = answer.fact(&merchant(MERCHANT), &number, &refund).unwrap().body else { panic!() };
        assert!(matches!(told.result, RefundResult::Succeeded { .. }), "{name}");
    }
}
