//! What is not sent: WeChat would refuse it, or take it for something else.

use domain::{ContractCode, Fen, OutTradeNo, Timestamp};
use proptest::prelude::*;
use wechat::*;

use super::support::*;

fn refused(change: impl FnOnce(&mut v3::Order)) -> Option<&'static str> {
    let mut order = order(v3::Payment::App);
    change(&mut order);
    order.prepare(&keys(), &at()).err().map(|invalid| invalid.field)
}

#[test]
fn an_order_is_checked_field_by_field() {
    let han = |count: usize| "汉".repeat(count);
    assert_eq!(refused(|_| ()), None);
    assert_eq!(refused(|order| order.description = han(127)), None, "characters are counted, not bytes");
    assert_eq!(refused(|order| order.description = han(128)), Some("description"));
    assert_eq!(refused(|order| order.description = String::new()), Some("description"));
    assert_eq!(refused(|order| order.description = "会员 😀".to_owned()), Some("description"));
    assert_eq!(refused(|order| order.description = "a\nb".to_owned()), Some("description"));
    assert_eq!(refused(|order| order.attach = Some(han(128))), None);
    assert_eq!(refused(|order| order.attach = Some(han(129))), Some("attach"));
    assert_eq!(refused(|order| order.attach = Some(String::new())), Some("attach"));
    assert_eq!(refused(|order| order.total = Fen::ZERO), Some("amount.total"));
    for (number, field) in
        [("12345", Some("out_trade_no")), ("123456", None), ("a_b-c*d|e", None), ("123456@", Some("out_trade_no"))]
    {
        assert_eq!(refused(|order| order.out_trade_no = OutTradeNo::parse(number).unwrap()), field, "{number}");
    }
}

#[test]
fn an_order_can_be_paid_from_a_minute_to_seven_days_ahead() {
    let week = 7 * 24 * 3600;
    for (ahead, fits) in [(59, false), (60, true), (week, true), (week + 1, false), (-1, false)] {
        let end = Timestamp::from_second(NOW + ahead).unwrap();
        let field = refused(|order| order.time_expire = Some(end));
        assert_eq!(field, (!fits).then_some("time_expire"), "{ahead}");
    }
    assert_eq!(refused(|order| order.time_expire = None), None);
}

#[test]
fn an_address_is_https_or_loopback_and_has_no_query() {
    for (url, fits) in [
        ("https://pay.example.com/v3/1", true),
        ("http://127.0.0.1:9010/v3/1", true),
        ("http://pay.example.com/v3/1", false),
        ("https://pay.example.com/v3/1?a=b", false),
        ("https://pay.example.com/v3/1#a", false),
    ] {
        let notify_url = url.to_owned();
        assert_eq!(refused(|order| order.notify_url.clone_from(&notify_url)), (!fits).then_some("notify_url"), "{url}");
        let refund = v3::Refund { notify_url, ..refund() };
        assert_eq!(refund.prepare(&keys(), &at()).is_ok(), fits, "{url}");
    }
    let long = |bytes: usize| format!("https://pay.example.com/{}", "a".repeat(bytes - 24));
    assert_eq!(refused(|order| order.notify_url = long(255)), None);
    assert_eq!(refused(|order| order.notify_url = long(256)), Some("notify_url"));
    assert!(v3::Refund { notify_url: long(256), ..refund() }.prepare(&keys(), &at()).is_ok());
    assert!(v3::Refund { notify_url: long(257), ..refund() }.prepare(&keys(), &at()).is_err());
}

#[test]
fn what_needs_the_users_address_has_it() {
    let h5 = v3::Payment::H5 { kind: v3::H5Kind::Wap };
    assert_eq!(refused(|order| order.client_ip = None), None);
    assert_eq!(refused(|order| (order.payment, order.client_ip) = (h5, None)), Some("scene_info.payer_client_ip"));
    let device = |order: &mut v3::Order| order.more.device_id = Some("1".to_owned());
    assert_eq!(
        refused(|order| {
            device(order);
            order.client_ip = None;
        }),
        Some("scene_info.payer_client_ip")
    );
    let mapped = v3::Order { client_ip: Some("::ffff:12.1.1.12".parse().unwrap()), ..order(v3::Payment::App) };
    assert_eq!(json(&mapped.prepare(&keys(), &at()).unwrap())["scene_info"]["payer_client_ip"], "12.1.1.12");
}

#[test]
fn the_details_of_an_order_are_checked_too() {
    let goods = |id: &str, quantity: u32| v3::Goods {
        merchant_goods_id: id.to_owned(),
        wechatpay_goods_id: None,
        goods_name: None,
        quantity,
        unit_price: Fen::new(1),
    };
    let detail = |goods_detail: Vec<v3::Goods>| {
        refused(|order| order.more.detail = Some(v3::Detail { goods_detail, ..Default::default() }))
    };
    assert_eq!(detail(vec![goods("a-1_B", 1)]), None);
    assert_eq!(detail(Vec::new()), Some("detail.goods_detail"));
    assert_eq!(detail(vec![goods("a.1", 1)]), Some("merchant_goods_id"));
    assert_eq!(detail(vec![goods("a", 0)]), Some("quantity"));
    assert_eq!(detail(vec![goods("a", 1); 200]), Some("detail"), "6144 bytes");
    assert_eq!(refused(|order| order.more.goods_tag = Some("x".repeat(33))), Some("goods_tag"));
    let store = v3::Store { id: String::new(), name: None, area_code: None, address: None };
    assert_eq!(refused(|order| order.more.store = Some(store)), Some("store_info.id"));
    assert_eq!(refused(|order| order.more.app.app_name = Some("x".repeat(65))), Some("h5_info.app_name"));
}

#[test]
fn a_refund_is_checked_field_by_field() {
    let refused = |change: fn(&mut v3::Refund)| {
        let mut refund = refund();
        change(&mut refund);
        refund.prepare(&keys(), &at()).err().map(|invalid| invalid.field)
    };
    assert_eq!(refused(|_| ()), None);
    assert_eq!(refused(|refund| refund.refund = Fen::ZERO), Some("amount.refund"));
    assert_eq!(refused(|refund| refund.refund = Fen::new(1801)), Some("amount.refund"));
    assert_eq!(refused(|refund| refund.refund = Fen::new(1800)), None);
    assert_eq!(refused(|refund| refund.reason = Some("退".repeat(26))), None, "78 bytes");
    assert_eq!(refused(|refund| refund.reason = Some("退".repeat(27))), Some("reason"), "81 bytes");
    let available = |amount| v3::RefundFrom::Available { amount: Fen::new(amount) };
    let unavailable = |amount| v3::RefundFrom::Unavailable { amount: Fen::new(amount) };
    let from = |from: Vec<v3::RefundFrom>| {
        let more = v3::RefundDetails { from, goods: Vec::new() };
        v3::Refund { more, ..refund() }
            .prepare(&keys(), &at())
            .map(|prepared| json(&prepared)["amount"]["from"].clone())
    };
    assert_eq!(
        from(vec![available(400), unavailable(500)]).unwrap(),
        serde_json::json!([{"account": "AVAILABLE", "amount": 400}, {"account": "UNAVAILABLE", "amount": 500}])
    );
    for wrong in [
        vec![available(400)],
        vec![available(400), available(500)],
        vec![available(900), unavailable(0)],
        vec![available(u64::MAX), unavailable(901)],
    ] {
        assert_eq!(from(wrong).unwrap_err().field, "amount.from");
    }
}

#[test]
fn a_repair_goes_to_a_debit_card() {
    let with = |bank: &str, account: &str, name: &str| {
        let to = v3::RepairTo::UserBankCard {
            bank_type: bank.to_owned(),
            bank_account: account.to_owned(),
            real_name: name.to_owned(),
        };
        repair(to).prepare(&keys(), &at()).err().map(|invalid| invalid.field)
    };
    let account = "6222021001122337483";
    assert_eq!(with("ICBC_DEBIT", account, "张三"), None);
    for bank in ["ICBC_CREDIT", "_DEBIT", "", "icbc_DEBIT", "INDUSTRIALBANK_DEBIT"] {
        assert_eq!(with(bank, account, "张三"), Some("bank_type"), "{bank}");
    }
    for account in ["", "1234", "6222 0210 0112", "62220210011223374a"] {
        assert_eq!(with("ICBC_DEBIT", account, "张三"), Some("bank_account"), "{account}");
    }
    assert_eq!(with("ICBC_DEBIT", account, ""), Some("real_name"));
}

#[test]
fn a_pre_signing_is_checked_field_by_field() {
    let user = v3::User::default();
    let caller = |user| v3::PreSignCaller::Qs { appid: appid(), sub_appid: appid(), sub_mchid: merchant("1"), user };
    let known = v3::User { openid: None, sub_openid: Some(domain::OpenId::parse("o1").unwrap()) };
    let pre_sign = |user: v3::User, code: &str, account: &str| v3::PreSign {
        caller: caller(user),
        service_id: 1,
        out_contract_code: ContractCode::parse(code).unwrap(),
        notify_url: NOTIFY_URL.to_owned(),
        display_account: account.to_owned(),
        after: v3::PreSignAfter::MiniProgram,
    };
    let refused = |pre_sign: v3::PreSign| pre_sign.prepare(&keys(), &at()).err().map(|invalid| invalid.field);
    assert_eq!(refused(pre_sign(known.clone(), "C1", "会员")), None);
    assert_eq!(refused(pre_sign(user, "C1", "会员")), Some("openid"));
    assert_eq!(refused(pre_sign(known.clone(), "C-1", "会员")), Some("out_contract_code"));
    assert_eq!(refused(pre_sign(known.clone(), &"C".repeat(33), "会员")), Some("out_contract_code"));
    assert_eq!(refused(pre_sign(known.clone(), "C1", &"会".repeat(33))), Some("contract_display_account"));
    let long = v3::PreSignAfter::Payment { prepay_id: "x".repeat(65) };
    assert_eq!(refused(v3::PreSign { after: long, ..pre_sign(known, "C1", "会员") }), Some("prepay_id"));
    let remark = |remark: String| {
        let end =
            v3::ExemptTermination { service_id: 1, out_contract_code: ContractCode::parse("C1").unwrap(), remark };
        end.prepare(&keys(), &at()).is_ok()
    };
    assert!(remark("x".repeat(256)) && !remark("x".repeat(257)) && !remark(String::new()));
}

proptest! {
    /// What is checked goes on the wire as it was given, whatever JSON has to escape, and comes back from the ledger the same.
    #[test]
    fn text_that_passes_arrives_unchanged(description in any::<String>(), attach in any::<String>()) {
        let order = v3::Order { description: description.clone(), attach: Some(attach.clone()), ..order(v3::Payment::App) };
        if let Ok(prepared) = order.prepare(&keys(), &at()) {
            let body = json(&prepared);
            prop_assert_eq!((body["description"].as_str(), body["attach"].as_str()), (Some(&*description), Some(&*attach)));
            prop_assert!(description.chars().count() <= 127 && attach.chars().count() <= 128);
            prop_assert!(prepared.body().chars().all(|c| c.len_utf8() <= 3 && !c.is_control()));
            prop_assert_eq!(Prepared::<v3::Order>::from_text(&prepared.to_text()).unwrap(), prepared);
        }
    }

    #[test]
    fn text_that_wechat_does_not_take_is_refused(
        before in "[a-z汉字]{0,20}", bad in "[\u{0}-\u{1f}\u{7f}\u{80}-\u{9f}\u{1F600}-\u{1F64F}\u{20000}-\u{20010}]", after in "[a-z汉字]{0,20}"
    ) {
        let text = format!("{before}{bad}{after}");
        prop_assert_eq!(refused(|order| order.description.clone_from(&text)), Some("description"));
        prop_assert_eq!(refused(|order| order.attach = Some(text)), Some("attach"));
    }

    /// A number with characters that an address escapes is asked for as itself.
    #[test]
    fn a_number_in_an_address_is_the_number(number in "[0-9A-Za-z_|*@-]{1,32}") {
        let query = v3::OrderQuery { order: OrderRef::OutTradeNo(OutTradeNo::parse(&number).unwrap()) };
        let prepared = query.prepare(&keys(), &at()).unwrap();
        let path = prepared.target().strip_prefix("/v3/pay/transactions/out-trade-no/").unwrap();
        let escaped = path.strip_suffix("?mchid=10000100").unwrap();
        prop_assert!(escaped.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"%-_.~".contains(&byte)), "{}", escaped);
        let read: String = url_decoded(escaped);
        prop_assert_eq!(read, number);
    }
}

/// By hand, so that it is not the client's own way of reading.
fn url_decoded(escaped: &str) -> String {
    let mut parts = escaped.split('%');
    let mut text = parts.next().unwrap().to_owned();
    for part in parts {
        text.push(u8::from_str_radix(&part[..2], 16).unwrap().into());
        text.push_str(&part[2..]);
    }
    text
}
