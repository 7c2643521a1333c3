//! The pages that a user sees.

use serde_json::json;

use crate::bench::Bench;

impl Bench {
    async fn page(&self, path: &str) -> String {
        self.client.get(self.url(path)).send().await.unwrap().text().await.unwrap()
    }

    async fn press(&self, path: &str, form: &str) -> String {
        let request = self.client.post(self.url(path)).header("Content-Type", "application/x-www-form-urlencoded");
        request.body(form.to_owned()).send().await.unwrap().text().await.unwrap()
    }
}

#[tokio::test]
async fn the_cashier_shows_amount_and_switch_and_its_buttons_do_what_they_say() {
    let bench = Bench::start().await;
    bench.call("/pay/contractorder", &bench.order("A1").with("body", "<b>月度</b>会员")).await;
    let page = bench.page("/cashier/10000100/A1F000").await;
    for text in ["¥18.00", "自动续费", "支付", "取消", "密码错误", "微信代扣用户A", "&lt;b&gt;月度&lt;/b&gt;会员"]
    {
        assert!(page.contains(text), "{text}: {page}");
    }
    let page = bench.press("/cashier/10000100/A1F000", "act=wrong-password").await;
    assert!(page.contains("支付密码错误"), "{page}");
    let page = bench.press("/cashier/10000100/A1F000", "act=cancel").await;
    assert!(page.contains("已取消支付"), "{page}");
    let page = bench.press("/cashier/10000100/A1F000", "act=pay&sign=on&user=alice").await;
    assert!(page.contains("支付成功") && page.contains("已开通") && page.contains("alice"), "{page}");
    bench.call("/pay/contractorder", &bench.order("A2")).await;
    let page = bench.press("/cashier/10000100/A2F000", "act=pay&user=bob").await;
    assert!(page.contains("支付成功") && page.contains("未开通"), "{page}");
    let page = bench.page("/").await;
    assert!(page.contains("/cashier/10000100/A1F000") && page.contains("/signing/10000100/A1"), "{page}");
    let page = bench.press("/signing/10000100/A1", "act=terminate").await;
    assert!(page.contains("自动续费已关闭"), "{page}");
}

#[tokio::test]
async fn a_page_without_the_switch_is_shown_where_nothing_can_be_signed() {
    let bench = Bench::start().await;
    bench.call("/pay/contractorder", &bench.order("B1").with("plan_id", "99999")).await;
    let page = bench.page("/cashier/10000100/B1F000").await;
    assert!(page.contains("¥18.00") && !page.contains("type=\"checkbox\""), "{page}");
}

#[tokio::test]
async fn a_foreign_page_or_a_rebound_name_gets_nothing() {
    let bench = Bench::start().await;
    bench.call("/pay/contractorder", &bench.order("C1")).await;
    for (header, value) in [("Origin", "https://evil.example"), ("Host", "evil.example")] {
        for path in ["/cashier/10000100/C1F000", "/control/10000100/orders/C1F000/pay"] {
            let request = bench.client.post(bench.url(path)).header(header, value).json(&json!({}));
            assert_eq!(request.send().await.unwrap().status(), 403, "{header} {path}");
        }
    }
    let response = bench.client.get(bench.url("/cashier/10000100/C1F000")).send().await.unwrap();
    let policy = response.headers()["content-security-policy"].to_str().unwrap();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert_eq!(bench.trade_state("/pay/orderquery", "C1F000").await, "NOTPAY");
}

#[tokio::test]
async fn what_does_not_exist_is_unknown() {
    let bench = Bench::start().await;
    for path in ["/cashier/10000100/NOBODYS1", "/signing/10000100/NOBODYS1", "/papay/h5/NOBODYS1"] {
        assert_eq!(bench.client.get(bench.url(path)).send().await.unwrap().status(), 404, "{path}");
    }
    for path in ["/10000100/orders/NOBODYS1/pay", "/10000100/orders/NOBODYS1/explode", "/19999999/orders/A/pay"] {
        assert_eq!(bench.control.post(path, json!({})).await.unwrap_err().status, 404, "{path}");
    }
}
