//! The same for V3: every call of `wechat::v3` is taken by the simulator, and every answer of the simulator is believed.

use std::time::Duration;

use domain::{Fen, OpenId, OutRefundNo, OutTradeNo, RefundId};
use serde_json::{Value, json};
use wechat::v3::{
    AbnormalRefund, Certificates, CloseOrder, ExemptQuery, ExemptState, ExemptTermination, H5Kind, Order, OrderDetails,
    OrderQuery, Payment, PreSign, PreSignAfter, PreSignCaller, Refund, RefundDetails, RefundQuery, RepairTo,
    SecurityEcho,
};
use wechat::{CloseAnswer, OrderRef};

use super::desk::{APPID, Desk, appid, contract_code, mch_id, nowhere, said};

const MINUTE: Duration = Duration::from_secs(60);

fn number(text: &str) -> OutTradeNo {
    OutTradeNo::parse(text).unwrap()
}

fn refund_number(text: &str) -> OutRefundNo {
    OutRefundNo::parse(text).unwrap()
}

fn fen(amount: &str) -> Fen {
    Fen::parse("total", amount).unwrap()
}

impl Desk {
    fn purchase(&self, out_trade_no: &str, payment: Payment) -> Order {
        Order {
            appid: appid(),
            out_trade_no: number(out_trade_no),
            description: "电子书".to_owned(),
            total: fen("990"),
            payment,
            notify_url: nowhere(),
            time_expire: Some(self.now() + jiff::SignedDuration::from_mins(30)),
            attach: Some("支付测试".to_owned()),
            client_ip: Some("123.12.12.123".parse().unwrap()),
            more: OrderDetails::default(),
        }
    }

    async fn alice(&self) -> OpenId {
        let known = self.control().get(&format!("/openids/{APPID}/alice")).await.unwrap();
        OpenId::parse(known["openid"].as_str().unwrap()).unwrap()
    }

    async fn buy(&self, out_trade_no: &str) {
        let prepared = self.purchase(out_trade_no, Payment::App).prepare(&self.keys, &self.at()).unwrap();
        self.client.send(&prepared, &self.keys, self.now()).await.unwrap();
        self.act(&format!("/orders/{out_trade_no}/pay"), json!({})).await;
    }

    /// What our query makes of an order.
    async fn purchase_state(&self, out_trade_no: &str) -> String {
        let query = OrderQuery { order: OrderRef::OutTradeNo(number(out_trade_no)) };
        let query = query.prepare(&self.keys, &self.at()).unwrap();
        let answer = self.client.send(&query, &self.keys, self.now()).await.unwrap();
        said(answer.fact(&mch_id(), &number(out_trade_no)).unwrap())
    }

    /// What our application, or our query, makes of a refund.
    async fn give_back(&self, out_trade_no: &str, out_refund_no: &str) -> String {
        let refund = Refund {
            order: OrderRef::OutTradeNo(number(out_trade_no)),
            out_refund_no: refund_number(out_refund_no),
            total: fen("990"),
            refund: fen("400"),
            reason: Some("不想要了".to_owned()),
            notify_url: nowhere(),
            more: RefundDetails::default(),
        };
        let refund = refund.prepare(&self.keys, &self.at()).unwrap();
        let answer = self.client.send(&refund, &self.keys, self.now()).await.unwrap();
        said(answer.fact(&mch_id(), &number(out_trade_no), &refund_number(out_refund_no)).unwrap())
    }

    async fn refund_state(&self, out_trade_no: &str, out_refund_no: &str) -> String {
        let query = RefundQuery { out_refund_no: refund_number(out_refund_no) };
        let query = query.prepare(&self.keys, &self.at()).unwrap();
        let answer = self.client.send(&query, &self.keys, self.now()).await.unwrap();
        said(answer.fact(&mch_id(), &number(out_trade_no), &refund_number(out_refund_no)).unwrap())
    }

    async fn keys_of_wechat(&self, what: &str, body: Value) -> Value {
        self.act(&format!("/keys/{what}"), body).await
    }
}

#[tokio::test]
async fn a_v3_order_is_taken_in_every_channel_and_wechat_opens_what_the_client_is_given() {
    let desk = Desk::start().await;
    let openid = desk.alice().await;
    for (out_trade_no, payment, kind) in [
        ("A10001", Payment::App, "app"),
        ("A10002", Payment::Jsapi { openid }, "jsapi"),
        ("A10003", Payment::Native, "code_url"),
        ("A10004", Payment::H5 { kind: H5Kind::Wap }, "mweb_url"),
    ] {
        let prepared = desk.purchase(out_trade_no, payment).prepare(&desk.keys, &desk.at()).unwrap();
        let first = desk.client.send(&prepared, &desk.keys, desk.now()).await.unwrap();
        desk.pass(Duration::from_secs(2));
        let second = desk.client.send(&prepared, &desk.keys, desk.now()).await.unwrap();
        assert!(first != second, "{out_trade_no}: the stored body gives a fresh offer");
        let launch = second.launch(&appid(), &desk.keys, &desk.at(), None).unwrap();
        let params = serde_json::to_value(&launch).unwrap()["params"].clone();
        let handed_out = params.get(kind).unwrap_or(&params).clone();
        let opened = desk.open(json!({ kind: handed_out })).await;
        assert_eq!(opened["out_trade_no"], out_trade_no);
        desk.act(&format!("/orders/{out_trade_no}/pay"), json!({})).await;
        assert_eq!(desk.purchase_state(out_trade_no).await, "succeeded", "{out_trade_no}");
    }
}

#[tokio::test]
async fn a_v3_order_is_asked_for_closed_and_refunded_and_its_abnormal_refund_is_repaired() {
    let desk = Desk::start().await;
    assert_eq!(desk.purchase_state("B10001").await, "not_found");
    let prepared = desk.purchase("B10001", Payment::App).prepare(&desk.keys, &desk.at()).unwrap();
    desk.client.send(&prepared, &desk.keys, desk.now()).await.unwrap();
    assert_eq!(desk.purchase_state("B10001").await, "unpaid");
    let close = CloseOrder { out_trade_no: number("B10001") }.prepare(&desk.keys, &desk.at()).unwrap();
    let closed = desk.client.send(&close, &desk.keys, desk.now()).await.unwrap();
    assert!(matches!(closed, CloseAnswer::Closed));
    assert_eq!(desk.purchase_state("B10001").await, "closed");
    desk.buy("B10002").await;
    assert!(desk.client.send(&close_of("B10002", &desk), &desk.keys, desk.now()).await.is_err(), "it is paid");
    assert_eq!(desk.refund_state("B10002", "B2R1").await, "not_found");
    assert_eq!(desk.give_back("B10002", "B2R1").await, "processing");
    desk.pass(MINUTE);
    assert_eq!(desk.refund_state("B10002", "B2R1").await, "succeeded");
    desk.act("/orders/B10002/refund-outcome", json!({ "status": "ABNORMAL" })).await;
    assert_eq!(desk.give_back("B10002", "B2R2").await, "processing");
    desk.pass(MINUTE);
    assert_eq!(desk.refund_state("B10002", "B2R2").await, "abnormal");
    let refund_id = desk.control().get("/10000100/refunds/B2R2").await.unwrap()["refund_id"].clone();
    let repair = AbnormalRefund {
        refund_id: RefundId::parse(refund_id.as_str().unwrap()).unwrap(),
        out_refund_no: refund_number("B2R2"),
        to: RepairTo::UserBankCard {
            bank_type: "ICBC_DEBIT".to_owned(),
            bank_account: "6222000000000000".to_owned(),
            real_name: "张三".to_owned(),
        },
    };
    let repair = repair.prepare(&desk.keys, &desk.at()).unwrap();
    let answer = desk.client.send(&repair, &desk.keys, desk.now()).await.unwrap();
    let told = said(answer.fact(&mch_id(), &number("B10002"), &refund_number("B2R2")).unwrap());
    assert_eq!(told, "abnormal", "it is under way, and that is not seen until it has succeeded");
    desk.pass(MINUTE);
    assert_eq!(desk.refund_state("B10002", "B2R2").await, "succeeded");
}

#[tokio::test]
async fn certificates_are_fetched_and_the_self_test_passes_whichever_key_signs() {
    let desk = Desk::start().await;
    for mode in ["confirmed", "grey", "certificate"] {
        desk.keys_of_wechat("mode", json!({ "mode": mode })).await;
        let new = desk.keys_of_wechat("certificates", json!({})).await["serial"].clone();
        let fetch = Certificates.prepare(&desk.keys, &desk.at()).unwrap();
        let fetched = desk.client.send(&fetch, &desk.keys, desk.now()).await.unwrap();
        assert!(fetched.certificates.iter().any(|one| new == one.serial.as_str()), "{mode}");
        let echo = SecurityEcho { message: "hello".to_owned(), notify_url: None };
        let echo = echo.prepare(&desk.keys, &desk.at()).unwrap();
        assert!(desk.client.send(&echo, &desk.keys, desk.now()).await.unwrap().decrypted, "{mode}");
    }
}

#[tokio::test]
async fn a_password_exempt_contract_is_pre_signed_asked_for_and_ended() {
    let desk = Desk::start().await;
    let openid = desk.alice().await;
    let order = desk.purchase("C10001", Payment::Jsapi { openid: openid.clone() });
    let order = order.prepare(&desk.keys, &desk.at()).unwrap();
    let offer = desk.client.send(&order, &desk.keys, desk.now()).await.unwrap();
    let contract = || ExemptQuery { service_id: 20_535, out_contract_code: contract_code("CODEC1") };
    let asked = async || {
        let query = contract().prepare(&desk.keys, &desk.at()).unwrap();
        let answer = desk.client.send(&query, &desk.keys, desk.now()).await.unwrap();
        answer.contract().map(|contract| contract.state.clone())
    };
    assert_eq!(asked().await, None);
    let pre_sign = PreSign {
        caller: PreSignCaller::Normal { appid: appid(), openid },
        service_id: 20_535,
        out_contract_code: contract_code("CODEC1"),
        notify_url: nowhere(),
        display_account: "微信用户A".to_owned(),
        after: PreSignAfter::Payment { prepay_id: offer.prepay_id().unwrap().to_owned() },
    };
    let pre_sign = pre_sign.prepare(&desk.keys, &desk.at()).unwrap();
    desk.client.send(&pre_sign, &desk.keys, desk.now()).await.unwrap();
    desk.act("/orders/C10001/pay", json!({})).await;
    assert_eq!(asked().await, Some(ExemptState::Signed));
    let end = ExemptTermination {
        service_id: 20_535,
        out_contract_code: contract_code("CODEC1"),
        remark: "用户要求".to_owned(),
    };
    let end = end.prepare(&desk.keys, &desk.at()).unwrap();
    desk.client.send(&end, &desk.keys, desk.now()).await.unwrap();
    assert_eq!(asked().await, Some(ExemptState::Terminated));
}

fn close_of(out_trade_no: &str, desk: &Desk) -> wechat::Prepared<CloseOrder> {
    CloseOrder { out_trade_no: number(out_trade_no) }.prepare(&desk.keys, &desk.at()).unwrap()
}
