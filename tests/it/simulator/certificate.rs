//! A V2 refund over TLS with the merchant's certificate, from the secret to the ledger: WeChat wants to see it for this call alone.

use ask::{Asker, Sent, wechat_keys};
use domain::{
    Fen, MchId, Opened, Order, OrderKind, OrderState, OutTradeNo, Refund, RefundState, RequestText, SignatureAlgorithm,
};
use record::{DynamoLedger, Jitter, Opening};
use serde_json::json;
use setup::SigningKeys;
use testkit::generate::Generator;
use wechat::{Client, Hosts, Http, Keys, OrderRef, Prepared};

use super::desk::{Desk, appid, mch_id, nowhere};
use crate::harness::{Authority, Door, Ground, Identity, MCH_ID};

/// A paid order at WeChat, the ledger that knows of it, and a door between them.
struct Counter {
    desk: Desk,
    ground: Ground,
    door: Door,
    asker: Asker<DynamoLedger, Jitter>,
    order: Order,
}

impl Counter {
    async fn start(authority: &Authority) -> Self {
        let (desk, ground) = (Desk::start().await, Ground::start().await);
        desk.subscribe("CODET1", "12535").await;
        let door = Door::open(authority, &desk.endpoint()).await;
        let client = Client::over(Hosts::parse(&door.endpoint).unwrap(), Http::trusting(authority.roots()).unwrap());
        let asker = Asker::new(ground.recorder(), client);
        let order = Order {
            mch_id: mch_id(),
            out_trade_no: OutTradeNo::parse("CODET1F0").unwrap(),
            appid: appid(),
            amount: Fen::new(1_800),
            signature: SignatureAlgorithm::Md5,
            created_at: desk.now(),
            ..Generator::new(1).order(OrderKind::PayAndSign, None)
        };
        let rows = domain::Changes { order: Some(order.clone()), ..domain::Changes::default() };
        asker.recorder().create(&mch_id(), rows, desk.now(), domain::decide).await.unwrap();
        Self { desk, ground, door, asker, order }
    }

    /// The order on record, after WeChat was asked for it.
    async fn paid(&self, keys: &Keys) -> Order {
        self.asker.order(keys, &self.order, self.desk.now()).await.unwrap();
        let wanted = domain::Keys { order: Some(self.order.out_trade_no.clone()), ..domain::Keys::default() };
        let order = self.asker.recorder().rows(&mch_id(), &wanted).await.unwrap().order.unwrap().value;
        assert_eq!(order.state, OrderState::Paid);
        order
    }

    /// A refund on record, with the request that makes it.
    async fn opened(&self, order: &Order, keys: &Keys) -> Refund {
        let amount = Fen::new(800);
        let blank = Generator::new(2).refund(order, amount);
        let request = wechat::Refund {
            appid: order.appid.clone(),
            order: OrderRef::OutTradeNo(order.out_trade_no.clone()),
            out_refund_no: blank.out_refund_no.clone(),
            total: order.amount,
            refund: amount,
            reason: None,
            from_recharge: false,
            notify_url: Some(nowhere()),
        };
        let request: Prepared<wechat::Refund> = request.prepare(keys, &self.desk.at()).unwrap();
        let refund = Refund {
            state: RefundState::Created,
            created_at: self.desk.now(),
            request: Some(RequestText::new(request.to_text())),
            ..blank
        };
        let opening = Opening {
            mch_id: mch_id(),
            opened: Opened::Refund { refund: Box::new(refund.clone()) },
            idempotency: None,
            openid: None,
            traceparent: None,
        };
        let opened = self.asker.recorder().open(&opening, self.desk.now()).await.unwrap();
        assert_eq!(opened, record::Opened::Opened);
        refund
    }

    async fn on_record(&self, refund: &Refund) -> Refund {
        let wanted = domain::Keys { refund: Some(refund.out_refund_no.clone()), ..domain::Keys::default() };
        self.asker.recorder().rows(&mch_id(), &wanted).await.unwrap().refund.unwrap().value
    }

    /// Refunds that WeChat has.
    async fn at_wechat(&self) -> usize {
        let refunds = self.desk.control().get(&format!("/{MCH_ID}/refunds")).await.unwrap();
        refunds.as_array().unwrap().len()
    }
}

/// What the functions make of a merchant's two secrets.
fn keys(client: Option<&Identity>) -> Keys {
    let verify = json!({ "api_v2_key": { "current": counterparty::TEST_MERCHANT.api_v2_key } }).to_string();
    let sign = client.map(
        |client| json!({ "client": { "certificate": client.certificate_pem, "private_key": client.private_key_pem } }),
    );
    let sign = sign.map(|sign| sign.to_string());
    let mch_id = MchId::parse(MCH_ID).unwrap();
    wechat_keys(&SigningKeys::parse(("verify", &verify), ("sign", sign.as_deref()), &mch_id).unwrap()).unwrap()
}

#[tokio::test]
async fn a_refund_shows_the_merchants_certificate_and_is_followed_until_the_money_left() {
    let authority = Authority::new();
    let counter = Counter::start(&authority).await;
    let merchant = authority.merchant(MCH_ID);
    let keys = keys(Some(&merchant));
    let order = counter.paid(&keys).await;
    let refund = counter.opened(&order, &keys).await;
    let sent = counter.asker.send_refund(&keys, &refund, counter.desk.now()).await.unwrap();
    assert!(matches!(sent, Sent::Accepted), "{sent:?}");
    assert_eq!(counter.on_record(&refund).await.state, RefundState::Processing);
    counter.desk.pass(std::time::Duration::from_secs(1));
    counter.asker.refund(&keys, &refund, &order, counter.desk.now()).await.unwrap();
    assert_eq!(counter.on_record(&refund).await.state, RefundState::Succeeded);
    let shown = Some(merchant.certificate);
    let expected = [("/pay/orderquery", None), ("/secapi/pay/refund", shown), ("/pay/refundquery", None)];
    assert_eq!(counter.door.take_seen(), expected.map(|(path, shown)| (path.to_owned(), shown)));
    let pending = counter.ground.dump().await;
    assert!(pending.outbox.values().any(|entry| format!("{entry:?}").contains("papay.refund.succeeded.v1")));
}

#[tokio::test]
async fn without_a_certificate_nothing_is_sent_and_nothing_is_given_back() {
    let authority = Authority::new();
    let counter = Counter::start(&authority).await;
    let keys = keys(None);
    let order = counter.paid(&keys).await;
    let refund = counter.opened(&order, &keys).await;
    counter.door.take_seen();
    let sent = counter.asker.send_refund(&keys, &refund, counter.desk.now()).await.unwrap();
    assert!(matches!(&sent, Sent::Unknown(error) if error.meaning == wechat::Meaning::Misconfigured), "{sent:?}");
    assert_eq!(counter.door.take_seen(), []);
    assert_eq!((counter.on_record(&refund).await.state, counter.at_wechat().await), (RefundState::Created, 0));
}

#[tokio::test]
async fn a_certificate_that_another_authority_gave_opens_nothing_and_the_right_one_does_later() {
    let authority = Authority::new();
    let counter = Counter::start(&authority).await;
    let stranger = Authority::new().merchant(MCH_ID);
    let (wrong, right) = (keys(Some(&stranger)), keys(Some(&authority.merchant(MCH_ID))));
    let order = counter.paid(&right).await;
    let refund = counter.opened(&order, &right).await;
    let sent = counter.asker.send_refund(&wrong, &refund, counter.desk.now()).await.unwrap();
    assert!(matches!(sent, Sent::Unknown(_)), "{sent:?}");
    assert_eq!((counter.on_record(&refund).await.state, counter.at_wechat().await), (RefundState::Created, 0));
    // The same stored bytes, once the secret was put right.
    let sent = counter.asker.send_refund(&right, &refund, counter.desk.now()).await.unwrap();
    assert!(matches!(sent, Sent::Accepted), "{sent:?}");
    assert_eq!((counter.on_record(&refund).await.state, counter.at_wechat().await), (RefundState::Processing, 1));
}
