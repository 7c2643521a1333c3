//! Signed requests that others made: built here, they have the same fields and the same signature.
//!
//! Some of them hold a value that this crate would not send (an address without scheme, a JSAPI order without openid). Those are
//! built by it, and then given the sample's value.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use domain::{
    AppId, ContractCode, ContractId, Fen, OpenId, OutRefundNo, OutTradeNo, PlanId, RefundId, Timestamp, TransactionId,
};
use verify::{ApiV2Key, Generations, MerchantKeys, SignAlgorithm, V2Fields, WechatpayKeys};

use crate::fields::Fields;
use crate::*;

type Map = BTreeMap<String, String>;

#[test]
fn contractorder_is_signed_as_the_sample() {
    let order = ContractOrder {
        appid: appid(),
        out_trade_no: OutTradeNo::parse("123456").unwrap(),
        body: "Ipad mini 16G 白色".to_owned(),
        detail: Some("Ipad mini 16G 白色".to_owned()),
        attach: None,
        total: Fen::new(888),
        client_ip: "123.12.12.123".parse().unwrap(),
        time_start: None,
        time_expire: None,
        notify_url: "https://weixin.qq.com".to_owned(),
        contract_notify_url: "https://yoursite.com".to_owned(),
        payment: Payment::Jsapi { openid: OpenId::parse("any").unwrap() },
        signing: signing("123", "100001256", 1000, "微信代扣"),
        no_credit: false,
        goods_tag: None,
        device_info: Some("013467007045764".to_owned()),
    };
    let fields = order.fields(&keys(), &at("5K8264ILTKCH16CQ2502SI8ZNMTM67VS")).unwrap();
    // The sample has no openid, which a JSAPI order needs, and a fee_type, which is not in the page's table.
    same_as("signed-contractorder-request.xml", &fields.without("openid").replaced("fee_type", "CNY"));
}

#[test]
fn preentrustweb_is_signed_as_the_sample() {
    let request = PreEntrustWeb {
        appid: appid(),
        signing: signing("12535", "100000", 1000, "微信代扣"),
        notify_url: "https://weixin.qq.com".to_owned(),
        return_app: true,
    };
    let prepared = request.prepare(&keys(), &at_time(1_414_488_825)).unwrap();
    same_body("signed-preentrustweb-request.xml", prepared.body());
}

#[test]
fn querycontract_is_signed_as_the_samples() {
    let by_id = ContractRef::Id(ContractId::parse("201509160000028648").unwrap());
    let prepared = QueryContract { appid: appid(), contract: by_id }.prepare(&keys(), &at("a")).unwrap();
    same_body("signed-querycontract-request-by-contract-id.xml", prepared.body());
    let by_plan = contract("123", "1023658866");
    let prepared = QueryContract { appid: appid(), contract: by_plan }.prepare(&keys(), &at("a")).unwrap();
    same_body("signed-querycontract-request-by-plan.xml", prepared.body());
}

#[test]
fn deletecontract_is_signed_as_the_samples() {
    let delete = |contract| DeleteContract { appid: appid(), contract, remark: "原因".to_owned() };
    let by_id = ContractRef::Id(ContractId::parse("100005698").unwrap());
    let prepared = delete(by_id).prepare(&keys(), &at("a")).unwrap();
    same_body("signed-deletecontract-request-by-contract-id.xml", prepared.body());
    let prepared = delete(contract("12251", "1234")).prepare(&keys(), &at("a")).unwrap();
    same_body("signed-deletecontract-request-by-plan.xml", prepared.body());
}

#[test]
fn the_order_queries_are_signed_as_the_samples() {
    let nonce = at("ec2316275641faa3aacf3cc599e8730f");
    let order = OrderRef::OutTradeNo(OutTradeNo::parse("1415757673").unwrap());
    let prepared = OrderQuery { appid: appid(), order }.prepare(&keys(), &nonce).unwrap();
    same_body("signed-orderquery-request-by-out-trade-no.xml", prepared.body());
    let order = OrderRef::TransactionId(TransactionId::parse("1008450740201411110005820873").unwrap());
    let prepared = OrderQuery { appid: appid(), order: order.clone() }.prepare(&keys(), &nonce).unwrap();
    same_body("signed-orderquery-request.xml", prepared.body());
    let nonce = at("0b9f35f484df17a732e537c37708d1d0");
    let prepared = PapOrderQuery { appid: appid(), order }.prepare(&keys(), &nonce).unwrap();
    same_body("signed-paporderquery-request.xml", prepared.body());
    assert_eq!(prepared.as_order_query().body(), prepared.body());
}

#[test]
fn closeorder_is_signed_as_the_sample() {
    let request = CloseOrder { appid: appid(), out_trade_no: OutTradeNo::parse("1415983244").unwrap() };
    let prepared = request.prepare(&keys(), &at("4ca93f17ddf3443ceabf72f26d64fe0e")).unwrap();
    same_body("signed-closeorder-request.xml", prepared.body());
}

#[test]
fn pappayapply_is_signed_as_the_sample() {
    let request = PapPayApply {
        appid: appid(),
        out_trade_no: OutTradeNo::parse("217752501201407033233368018").unwrap(),
        contract_id: ContractId::parse("Wx15463511252015071056489715").unwrap(),
        body: "水电代扣".to_owned(),
        detail: None,
        attach: None,
        total: Fen::new(888),
        client_ip: "8.8.8.8".parse().unwrap(),
        notify_url: "https://yoursite.com/wxpay.html".to_owned(),
        goods_tag: None,
        receipt: false,
    };
    let fields = request.fields(&keys(), &at("5K8264ILTKCH16CQ2502SI8ZNMTM67VS")).unwrap();
    // The sample's address is plain http, which we send for loopback alone.
    same_as("signed-pappayapply-request.xml", &fields.replaced("notify_url", "http://yoursite.com/wxpay.html"));
}

#[test]
fn the_refund_calls_are_signed_as_the_samples() {
    let refund = Refund {
        appid: appid(),
        order: OrderRef::TransactionId(TransactionId::parse("4008450740201411110005820873").unwrap()),
        out_refund_no: OutRefundNo::parse("1415701182").unwrap(),
        total: Fen::new(1),
        refund: Fen::new(1),
        reason: None,
        from_recharge: false,
        notify_url: None,
    };
    let prepared = refund.prepare(&keys(), &at("6cefdb308e1e2e8aabd48cf79e546a02")).unwrap();
    same_body("signed-refund-request.xml", prepared.body());
    let refund = RefundRef::RefundId(RefundId::parse("2008450740201411110000174436").unwrap());
    let query = RefundQuery { appid: appid(), refund, offset: None };
    let prepared = query.prepare(&keys(), &at("0b9f35f484df17a732e537c37708d1d0")).unwrap();
    same_body("signed-refundquery-request-by-refund-id.xml", prepared.body());
}

#[test]
fn entrustweb_is_signed_as_the_vector() {
    let request = EntrustWeb {
        appid: appid(),
        signing: signing("106", "122", 123, "name1"),
        notify_url: "https://www.qq.com/test/papay".to_owned(),
        return_web: false,
    };
    let fields =
        request.fields(&keys(), &at_time(1_414_488_825)).unwrap().replaced("notify_url", "www.qq.com/test/papay");
    assert_eq!(fields.sign(&keys(), SignAlgorithm::Md5).unwrap(), "EB82C3E01B0DB4639921AE07F5A1E68F");
}

#[test]
fn h5entrustweb_is_signed_as_the_vectors() {
    let request = H5EntrustWeb {
        appid: appid(),
        signing: signing("106", "122", 123, "name1"),
        notify_url: "https://www.qq.com/test/papay".to_owned(),
        client_ip: "12.1.1.12".parse().unwrap(),
        return_appid: Some(AppId::parse("wxcbda96de0b165542").unwrap()),
    };
    let fields =
        request.fields(&keys(), &at_time(1_414_488_825)).unwrap().replaced("notify_url", "www.qq.com/test/papay");
    let hmac = SignAlgorithm::HmacSha256;
    assert_eq!(fields.sign(&keys(), hmac).unwrap(), "211AFAFF9BF4DE757BD281F3BEF39D06EC8BB710B1E2A07A3614CD63CEE08FCF");
    assert_eq!(
        fields.replaced("sign_type", "HMAC-SHA256").sign(&keys(), hmac).unwrap(),
        "CE76472E3C209CB2B3F6FC6A649B6849D4BCC78F4A4A820EEF4D5A55EF3F2660"
    );
    let prepared = request.prepare(&keys(), &at_time(1_414_488_825)).unwrap();
    assert_eq!(prepared.target().rsplit_once("&sign=").unwrap().1.len(), 64);
    assert!(!prepared.target().contains("sign_type"));
}

#[test]
fn the_mini_program_data_is_signed_as_the_vector() {
    let request = MiniProgramSigning {
        appid: appid(),
        signing: signing("106", "122", 123, "张三"),
        notify_url: "https://www.qq.com/test/papay".to_owned(),
    };
    let Offer::MiniProgram { extra_data } = request.offer(&keys(), &at_time(1_414_488_825)).unwrap() else { panic!() };
    assert_eq!(extra_data["sign"], "1A90937A8F2FF340B42A4ADB806B7D00");
    assert_eq!(extra_data["notify_url"], "https://www.qq.com/test/papay", "raw, not encoded");
    assert!(!extra_data.contains_key("version") && !extra_data.contains_key("nonce_str"));
}

#[test]
fn the_launches_are_signed_as_the_vectors() {
    let at =
        Moment::with_nonce(Timestamp::from_second(1_414_561_699).unwrap(), "5K8264ILTKCH16CQ2502SI8ZNMTM67VS").unwrap();
    let offer = Offer::App { prepay_id: "WX1217752501201407033233368018".to_owned() };
    let Launch::App(app) = offer.launch(&appid(), &keys(), &at, None).unwrap() else { panic!() };
    assert_eq!(app.sign, "C9612FA7A6BA5F51E195D5F9337CA288");
    let at =
        Moment::with_nonce(Timestamp::from_second(1_414_561_699).unwrap(), "e61463f8efa94090b1f366cccfbbb444").unwrap();
    let offer = Offer::Jsapi { prepay_id: "u802345jgfjsdfgsdg888".to_owned() };
    let Launch::Jsapi(jsapi) = offer.launch(&appid(), &keys(), &at, None).unwrap() else { panic!() };
    assert_eq!(jsapi.pay_sign, "A62A01211E36F5D2173A9EE93EBAC56C");
}

#[test]
fn every_signed_request_among_the_samples_is_built_here() {
    let tests = include_str!("vectors.rs");
    let names = std::fs::read_dir(samples()).unwrap().map(|file| file.unwrap().file_name().into_string().unwrap());
    let requests: Vec<String> = names.filter(|name| name.starts_with("signed-") && name.contains("-request")).collect();
    assert_eq!(requests.len(), 13);
    for name in requests {
        assert!(tests.contains(&name), "{name}");
    }
}

fn same_as(sample: &str, fields: &Fields) {
    same_body(sample, &fields.signed_xml(&keys(), SignAlgorithm::Md5).unwrap());
}

/// The same fields with the same values, the signature among them.
fn same_body(sample: &str, ours: &str) {
    let theirs = std::fs::read(samples().join(sample)).unwrap();
    assert_eq!(map(ours.as_bytes()), map(&theirs), "{sample}");
    assert!(keys().merchant.verify_v2(ours.as_bytes()).is_ok(), "{sample}");
}

fn samples() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../tests/vectors/wechat/samples/v2")
}

fn map(body: &[u8]) -> Map {
    let fields = V2Fields::parse_unverified(body).unwrap();
    fields.iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

fn signing(plan_id: &str, contract_code: &str, request_serial: u64, display_account: &str) -> Signing {
    Signing {
        plan_id: PlanId::parse(plan_id).unwrap(),
        contract_code: ContractCode::parse(contract_code).unwrap(),
        request_serial,
        display_account: display_account.to_owned(),
        outerid: None,
    }
}

fn contract(plan_id: &str, contract_code: &str) -> ContractRef {
    ContractRef::Code {
        plan_id: PlanId::parse(plan_id).unwrap(),
        contract_code: ContractCode::parse(contract_code).unwrap(),
    }
}

fn appid() -> AppId {
    AppId::parse("wx2421b1c4370ec43b").unwrap()
}

fn at(nonce: &str) -> Moment {
    Moment::with_nonce(Timestamp::UNIX_EPOCH, nonce).unwrap()
}

fn at_time(seconds: i64) -> Moment {
    Moment::new(Timestamp::from_second(seconds).unwrap())
}

fn keys() -> Keys {
    let v2 = Generations::only(ApiV2Key::parse("192006250b4c09247ec02edce69f6a2d").unwrap());
    Keys::new(Arc::new(MerchantKeys::new("10000100", Some(v2), None, WechatpayKeys::default()).unwrap()))
}
