//! What is refused before it is sent, and what a prepared request is.

use domain::{AppId, ContractCode, ContractId, Fen, OutTradeNo, Timestamp};
use proptest::prelude::*;
use verify::V2Fields;
use wechat::*;

use crate::support::*;

fn refused_field<T: std::fmt::Debug>(result: Result<T, Invalid>) -> &'static str {
    result.unwrap_err().field
}

#[test]
fn what_breaks_a_rule_is_refused_by_the_name_of_its_field() {
    let base = || contract_order(Payment::App);
    let of = |change: &dyn Fn(&mut ContractOrder)| {
        let mut order = base();
        change(&mut order);
        refused_field(order.prepare(&keys(), &at()))
    };
    assert!(base().prepare(&keys(), &at()).is_ok());
    assert_eq!(of(&|o| o.out_trade_no = OutTradeNo::parse("12345").unwrap()), "out_trade_no");
    assert_eq!(of(&|o| o.body = String::new()), "body");
    assert_eq!(of(&|o| o.body = "汉".repeat(43)), "body");
    assert_eq!(of(&|o| o.body = "会员😀".to_owned()), "body");
    assert_eq!(of(&|o| o.detail = Some("a=b".to_owned())), "detail");
    assert_eq!(of(&|o| o.attach = Some("a&b".to_owned())), "attach");
    assert_eq!(of(&|o| o.attach = Some("a".repeat(128))), "attach");
    assert_eq!(of(&|o| o.total = Fen::ZERO), "total_fee");
    assert_eq!(of(&|o| o.client_ip = "2001:db8::1".parse().unwrap()), "spbill_create_ip");
    assert_eq!(of(&|o| o.time_expire = Some(Timestamp::from_second(NOW + 299).unwrap())), "time_expire");
    assert_eq!(of(&|o| o.notify_url = "https://pay.example.com/v2?mch=1".to_owned()), "notify_url");
    assert_eq!(of(&|o| o.contract_notify_url = "http://pay.example.com/v2".to_owned()), "contract_notify_url");
    assert_eq!(of(&|o| o.goods_tag = Some(" tag".to_owned())), "goods_tag");
    assert_eq!(of(&|o| o.device_info = Some("a\nb".to_owned())), "device_info");
    assert_eq!(of(&|o| o.payment = Payment::Native { product_id: String::new() }), "product_id");
    assert_eq!(of(&|o| o.payment = Payment::Native { product_id: "p".repeat(33) }), "product_id");
    assert_eq!(of(&|o| o.signing.contract_code = ContractCode::parse("A-1").unwrap()), "contract_code");
    assert_eq!(of(&|o| o.signing.contract_code = ContractCode::parse(&"A".repeat(33)).unwrap()), "contract_code");
    assert_eq!(of(&|o| o.signing.request_serial = 0), "request_serial");
    assert_eq!(of(&|o| o.signing.request_serial = 1_000_000_000_000), "request_serial");
    assert_eq!(of(&|o| o.signing.display_account = "张 三".to_owned()), "contract_display_account");
    assert_eq!(of(&|o| o.signing.outerid = Some("a=b".to_owned())), "contract_outerid");
}

#[test]
fn the_other_requests_are_checked_too() {
    let (keys, at) = (keys(), at());
    assert_eq!(refused_field(PapPayApply { total: Fen::ZERO, ..deduction() }.prepare(&keys, &at)), "total_fee");
    let long = ContractId::parse(&"c".repeat(33)).unwrap();
    assert_eq!(refused_field(PapPayApply { contract_id: long, ..deduction() }.prepare(&keys, &at)), "contract_id");
    let separator = ContractId::parse("a=b").unwrap();
    assert_eq!(refused_field(PapPayApply { contract_id: separator, ..deduction() }.prepare(&keys, &at)), "contract_id");
    assert_eq!(refused_field(Refund { refund: Fen::new(1801), ..refund() }.prepare(&keys, &at)), "refund_fee");
    assert_eq!(refused_field(Refund { refund: Fen::ZERO, ..refund() }.prepare(&keys, &at)), "refund_fee");
    let long = Some("汉".repeat(27));
    assert_eq!(refused_field(Refund { reason: long, ..refund() }.prepare(&keys, &at)), "refund_desc");
    let empty = DeleteContract { remark: String::new(), ..termination() };
    assert_eq!(refused_field(empty.prepare(&keys, &at)), "contract_termination_remark");
    let free = PreDeductionNotice { estimated: Fen::ZERO, ..notice() };
    assert_eq!(refused_field(free.prepare(&keys, &at)), "estimated_amount.amount");
    let unable = Keys::new(keys.merchant.clone());
    assert_eq!(refused_field(notice().prepare(&unable, &at)), "key");
}

#[test]
fn a_merchant_without_key_signs_nothing() {
    let merchant = verify::MerchantKeys::new("10000100", None, None, verify::WechatpayKeys::default()).unwrap();
    let keys = Keys::new(std::sync::Arc::new(merchant));
    assert_eq!(refused_field(order_query().prepare(&keys, &at())), "key");
}

/// Table 1.3 of the protocol page: which call takes a nonce, a version, a `sign_type`.
#[test]
fn each_call_takes_the_fields_of_its_page_and_no_other() {
    let (keys, at) = (keys(), at());
    let names = |body: &str| -> Vec<String> {
        let fields = V2Fields::parse_unverified(body.as_bytes()).unwrap();
        fields.iter().map(|(name, _)| name.to_owned()).collect()
    };
    let pay = |payment| names(contract_order(payment).prepare(&keys, &at).unwrap().body());
    let common = [
        "appid",
        "attach",
        "body",
        "contract_appid",
        "contract_code",
        "contract_display_account",
        "contract_mchid",
        "contract_notify_url",
        "mch_id",
        "nonce_str",
        "notify_url",
        "out_trade_no",
        "plan_id",
        "request_serial",
        "sign",
        "spbill_create_ip",
        "time_expire",
        "time_start",
        "total_fee",
        "trade_type",
    ];
    let with = |extra: &[&str]| {
        let mut names: Vec<String> = common.iter().chain(extra).map(|name| (*name).to_owned()).collect();
        names.sort();
        names
    };
    assert_eq!(pay(Payment::App), with(&[]));
    assert_eq!(pay(Payment::Mweb), with(&[]));
    assert_eq!(pay(jsapi()), with(&["openid"]));
    assert_eq!(pay(Payment::Native { product_id: "vip-monthly".to_owned() }), with(&["product_id"]));
    let pap = names(deduction().prepare(&keys, &at).unwrap().body());
    let expected = [
        "appid",
        "body",
        "contract_id",
        "fee_type",
        "mch_id",
        "nonce_str",
        "notify_url",
        "out_trade_no",
        "sign",
        "spbill_create_ip",
        "total_fee",
        "trade_type",
    ];
    assert_eq!(pap, expected);
    let contract = ["appid", "contract_code", "mch_id", "plan_id", "sign", "version"];
    assert_eq!(names(contract_query().prepare(&keys, &at).unwrap().body()), contract);
    let pre = names(pre_entrust().prepare(&keys, &at).unwrap().body());
    assert!(!pre.contains(&"nonce_str".to_owned()) && !pre.contains(&"sign_type".to_owned()), "{pre:?}");
    assert_eq!(pre.len(), 11, "{pre:?}");
    for body in [
        order_query().prepare(&keys, &at).unwrap().body(),
        CloseOrder { appid: appid(), out_trade_no: out_trade_no() }.prepare(&keys, &at).unwrap().body(),
        refund().prepare(&keys, &at).unwrap().body(),
    ] {
        let names = names(body);
        assert!(names.contains(&"nonce_str".to_owned()) && !names.contains(&"version".to_owned()), "{names:?}");
    }
}

#[test]
fn times_are_written_in_beijing_time() {
    let prepared = contract_order(Payment::App).prepare(&keys(), &at()).unwrap();
    let fields = V2Fields::parse_unverified(prepared.body().as_bytes()).unwrap();
    assert_eq!(fields.get("time_start"), Some("20261121091500"));
    assert_eq!(fields.get("time_expire"), Some("20261121094500"));
}

#[test]
fn a_stored_request_is_the_request() {
    let prepared = contract_order(jsapi()).prepare(&keys(), &at()).unwrap();
    let text = prepared.to_text();
    assert_eq!(Prepared::<ContractOrder>::from_text(&text).unwrap(), prepared);
    assert!(Prepared::<PapPayApply>::from_text(&text).is_err(), "another call");
    assert!(Prepared::<ContractOrder>::from_text("{}").is_err());
    assert!(Prepared::<ContractOrder>::from_text(&text.replace("/pay/", "/pey/")).is_err());
}

#[test]
fn nothing_personal_shows_in_debug_output() {
    let order = contract_order(jsapi());
    let prepared = order.prepare(&keys(), &at()).unwrap();
    let shown = format!("{order:?} {prepared:?} {:?} {:?}", keys(), order.payment);
    for secret in ["onqOjj", "张三", "203.0.113.7", "192006250b4c"] {
        assert!(!shown.contains(secret), "{shown}");
    }
}

#[test]
fn an_address_to_sign_at_is_escaped_once_in_upper_case() {
    let request = EntrustWeb {
        appid: AppId::parse("wx426a3015555a46be").unwrap(),
        signing: Signing { display_account: "张三".to_owned(), ..signing() },
        notify_url: "https://www.qq.com/test/papay".to_owned(),
        return_web: true,
    };
    let url = request.url(&keys(), &at(), &Hosts::default()).unwrap();
    let sign = url.rsplit_once("&sign=").unwrap().1.to_owned();
    assert_eq!(
        url,
        format!(
            "https://api.mch.weixin.qq.com/papay/entrustweb?appid=wx426a3015555a46be&contract_code=01JD3Q0VZC5W8K2M7N4P\
             &contract_display_account=%E5%BC%A0%E4%B8%89&mch_id=10000100&notify_url=https%3A%2F%2Fwww.qq.com%2Ftest%2Fpapay\
             &plan_id=12535&request_serial=59000000000&return_web=1&timestamp={NOW}&version=1.0&sign={sign}"
        )
    );
    // The signature covers the raw values: the counterparty, who unescapes them, finds the same one.
    let query = url.split_once('?').unwrap().1;
    let mut fields = counterparty::V2Fields::new();
    for pair in query.split('&').filter(|pair| !pair.starts_with("sign=")) {
        let (name, value) = pair.split_once('=').unwrap();
        fields.set(name, &unescaped(value));
    }
    let wechat = counterparty::WechatPay::test_merchant().unwrap();
    assert_eq!(sign, wechat.v2_sign(&fields, counterparty::SignType::Md5));
}

#[test]
fn an_address_to_sign_at_has_at_most_1024_bytes() {
    let request = |display_account: String, path: usize| EntrustWeb {
        appid: appid(),
        signing: Signing { display_account, ..signing() },
        notify_url: format!("https://pay.example.com/{}", "/".repeat(path)),
        return_web: false,
    };
    let long = "汉".repeat(32);
    let url = request(long.clone(), 60).url(&keys(), &at(), &Hosts::default()).unwrap();
    assert!(url.len() <= 1024, "{}", url.len());
    let refused = request(long, 200).url(&keys(), &at(), &Hosts::default());
    assert_eq!(refused_field(refused), "url");
}

fn unescaped(value: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = value.bytes();
    while let Some(byte) = rest.next() {
        if byte == b'%' {
            let digits: String = rest.by_ref().take(2).map(char::from).collect();
            assert_eq!(digits, digits.to_uppercase());
            bytes.push(u8::from_str_radix(&digits, 16).unwrap());
        } else {
            bytes.push(byte);
        }
    }
    String::from_utf8(bytes).unwrap()
}

proptest! {
    /// Whatever is prepared verifies, says what was meant, and survives being stored.
    #[test]
    fn what_is_prepared_is_what_was_meant(
        body in "\\PC{1,40}", attach in proptest::option::of("\\PC{1,40}"), total in 0u64..100_000, serial in 0u64..2_000_000_000_000,
        account in "[a-z0-9汉字 &]{0,34}", code in "[A-Za-z0-9_]{1,34}",
    ) {
        let order = ContractOrder {
            body: body.clone(),
            attach: attach.clone(),
            total: Fen::new(total),
            signing: Signing {
                display_account: account.clone(),
                contract_code: ContractCode::parse(&code).unwrap(),
                request_serial: serial,
                ..signing()
            },
            ..contract_order(Payment::App)
        };
        if let Ok(prepared) = order.prepare(&keys(), &at()) {
            let again = Prepared::<ContractOrder>::from_text(&prepared.to_text()).unwrap();
            prop_assert_eq!(&again, &prepared);
            let keys = keys();
            let verified = keys.merchant.verify_v2(prepared.body().as_bytes()).unwrap();
            let verify::Content::V2(fields) = verified.content() else { panic!() };
            prop_assert_eq!(fields.get("body"), Some(body.as_str()));
            prop_assert_eq!(fields.get("attach"), attach.as_deref());
            let total = total.to_string();
            prop_assert_eq!(fields.get("total_fee"), Some(total.as_str()));
            for (_, value) in fields.iter().filter(|(name, _)| !name.ends_with("url")) {
                prop_assert!(!value.contains(['&', '=']) && value.chars().all(|c| c.len_utf8() < 4));
            }
        } else {
            let plain = |text: &str| !text.contains(['&', '=']) && text.trim() == text && text.len() <= 127
                && text.chars().all(|c| c.len_utf8() < 4 && !c.is_control());
            let fits = plain(&body) && attach.as_deref().is_none_or(plain) && total >= 1
                && (1..1_000_000_000_000).contains(&serial) && !account.contains([' ', '&'])
                && (1..=32).contains(&account.chars().count()) && code.len() <= 32 && !code.contains('_');
            prop_assert!(!fits, "a request that keeps every rule was refused");
        }
    }

    #[test]
    fn a_stored_text_never_makes_a_panic(text in any::<String>()) {
        let _ = Prepared::<OrderQuery>::from_text(&text);
    }
}
