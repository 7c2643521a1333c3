//! Purchases, their refunds and password-exempt contracts: what APIv3 answers.

use std::sync::{Arc, LazyLock};

use ask::fake::{FakeWeChat, MCH_ID, Reply};
use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, Occasion, TEST_MERCHANT, WechatPay};
use domain::{
    ExemptContract, ExemptState, Fen, Order, OrderKind, OrderState, Refund, RefundState, RequestText, Schedule,
};
use record::{Commit, Expected, Write};
use serde_json::{Value, json};
use verify::sign::v3::MerchantSigner;
use verify::{ApiV3Key, Generations, MerchantKeys, WechatpayKeys};
use wechat::{Incoming, Keys, Moment, OrderRef, v3};

use super::world::half;
use super::*;

pub(super) const ORDERS: &str = "/v3/pay/transactions/out-trade-no";
const APP: &str = "/v3/pay/transactions/app";
pub(super) const REFUNDS: &str = "/v3/refund/domestic/refunds";
pub(super) const REFUND_ID: &str = "50000000001";
pub(super) const TRANSACTION: &str = "4200001234202601010000000001";

/// What verifies V2 and V3 answers, and signs both.
pub(super) fn keys() -> Keys {
    static KEYS: LazyLock<Keys> = LazyLock::new(|| {
        let v3 = Generations::only(ApiV3Key::parse(TEST_MERCHANT.api_v3_key).unwrap());
        let mut wechatpay = WechatpayKeys::default();
        wechatpay.insert_public_key(TEST_MERCHANT.public_key_id, TEST_MERCHANT.public_key_pem).unwrap();
        let merchant = MerchantKeys::new(MCH_ID, FakeWeChat::keys().v2.clone(), Some(v3), wechatpay).unwrap();
        let signer = MerchantSigner::new(MCH_ID, MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap();
        Keys::new(Arc::new(merchant)).with_signer(Arc::new(signer))
    });
    KEYS.clone()
}

pub(super) fn signed(status: u16, body: &str, now: i64) -> Incoming {
    static WECHAT: LazyLock<WechatPay> = LazyLock::new(|| WechatPay::test_merchant().unwrap());
    let answer = WECHAT.v3_answer(status, body.as_bytes().to_vec(), None, &Occasion::derived(now, body)).unwrap();
    Incoming { status, headers: answer.headers, body: answer.body }
}

impl World {
    /// A purchase for half an hour.
    pub(super) async fn purchase(&self, state: OrderState) -> Order {
        let blank = Order {
            state,
            created_at: at(0),
            expires_at: Some(minutes(30)),
            check: Some(Schedule::Order.first(at(0))),
            ..self.generator.borrow_mut().order(OrderKind::OneOff, None)
        };
        let order = v3::Order {
            appid: blank.appid.clone(),
            out_trade_no: blank.out_trade_no.clone(),
            description: "礼品卡".to_owned(),
            total: blank.amount,
            payment: v3::Payment::App,
            notify_url: "https://example.com/v3/10000100".to_owned(),
            time_expire: blank.expires_at,
            attach: None,
            client_ip: None,
            more: v3::OrderDetails::default(),
        };
        let request = order.prepare(&keys(), &Moment::new(at(0))).unwrap();
        let order = Order { request: Some(RequestText::new(request.to_text())), ..blank };
        self.put(None, Some(&order), None).await;
        order
    }

    /// A refund of half of a paid purchase.
    pub(super) async fn refund_of_purchase(&self, state: RefundState) -> (Order, Refund) {
        let blank = Order {
            transaction_id: Some(domain::TransactionId::parse(TRANSACTION).unwrap()),
            state: OrderState::Paid,
            created_at: at(0),
            paid_at: Some(at(0)),
            ..self.generator.borrow_mut().order(OrderKind::OneOff, None)
        };
        let amount = half(blank.amount);
        let order = Order { reserved: amount, refunds: 1, ..blank };
        let blank = self.generator.borrow_mut().refund(&order, amount);
        let request = v3::Refund {
            order: OrderRef::OutTradeNo(order.out_trade_no.clone()),
            out_refund_no: blank.out_refund_no.clone(),
            total: order.amount,
            refund: amount,
            reason: None,
            notify_url: "https://example.com/v3/10000100".to_owned(),
            more: v3::RefundDetails::default(),
        };
        let request = request.prepare(&keys(), &Moment::new(at(0))).unwrap();
        let refund = Refund {
            state,
            request: Some(RequestText::new(request.to_text())),
            created_at: at(0),
            check: Some(Schedule::Refund.first(at(0))),
            ..blank
        };
        self.put(None, Some(&order), Some(&refund)).await;
        (order, refund)
    }

    async fn exempt(&self, state: ExemptState) -> ExemptContract {
        let contract = ExemptContract {
            state,
            created_at: at(0),
            check: Some(Schedule::PreSigning.first(at(0))),
            ..self.generator.borrow_mut().exempt()
        };
        let write =
            Write { value: contract.clone(), expected: Expected::Absent, version: 1, routed: Default::default() };
        let commit = Commit { exempt: Some(write), ..Commit::empty(super::world::mch_id()) };
        record::Ledger::commit(&self.memory.ledger(), &commit).await.unwrap();
        contract
    }

    fn exempt_now(&self) -> ExemptContract {
        self.memory.store().exempt().next().unwrap().value.clone()
    }

    pub(super) fn says_of_order(&self, order: &Order, told: Value) {
        self.wechat.on(&format!("{ORDERS}/{}", order.out_trade_no), of_order(order, told));
    }

    pub(super) fn says_of_v3_refund(&self, order: &Order, refund: &Refund, status: &str) {
        self.wechat.on(&format!("{REFUNDS}/{}", refund.out_refund_no), of_refund(order, refund, status));
    }
}

pub(super) fn of_order(order: &Order, told: Value) -> Reply {
    let mut answer = json!({
        "mchid": MCH_ID, "appid": order.appid, "out_trade_no": order.out_trade_no,
        "amount": { "total": order.amount, "payer_currency": "CNY" },
    });
    answer.as_object_mut().unwrap().extend(told.as_object().unwrap().clone());
    Reply::Json(200, answer)
}

pub(super) fn of_refund(order: &Order, refund: &Refund, status: &str) -> Reply {
    let amount = json!({
        "total": order.amount, "refund": refund.amount, "payer_total": order.amount, "payer_refund": refund.amount,
        "currency": "CNY",
    });
    let answer = json!({
        "refund_id": REFUND_ID, "out_refund_no": refund.out_refund_no, "out_trade_no": order.out_trade_no,
        "transaction_id": TRANSACTION, "status": status, "amount": amount,
    });
    Reply::Json(200, answer)
}

pub(super) fn unknown(code: &str) -> Reply {
    Reply::Json(404, json!({ "code": code, "message": "不存在" }))
}

#[tokio::test]
async fn a_purchase_whose_notice_was_lost_is_found_to_be_paid() {
    let world = World::new();
    let order = world.purchase(OrderState::Requested).await;
    let paid = json!({ "trade_state": "SUCCESS", "transaction_id": TRANSACTION, "trade_type": "APP" });
    world.says_of_order(&order, paid);
    world.sweep(minutes(1)).await;
    let after = world.order(&order);
    assert_eq!((after.state, after.check), (OrderState::Paid, None));
    assert_eq!(world.events(), ["payment.succeeded"]);
    assert!(world.due(minutes(100_000)).is_empty(), "nothing is asked any more");
}

#[tokio::test]
async fn a_purchase_that_was_given_back_by_nobody_we_know_is_marked() {
    let world = World::new();
    let order = world.purchase(OrderState::Requested).await;
    let refunded = json!({ "trade_state": "REFUND", "transaction_id": TRANSACTION, "trade_type": "APP" });
    world.says_of_order(&order, refunded);
    world.sweep(minutes(1)).await;
    let after = world.order(&order);
    assert_eq!((after.state, after.refunded_elsewhere, after.check), (OrderState::Paid, true, None));
}

#[tokio::test]
async fn a_purchase_that_nobody_paid_is_closed_at_its_end_without_waiting() {
    let world = World::new();
    let order = world.purchase(OrderState::Requested).await;
    world.says_of_order(&order, json!({ "trade_state": "NOTPAY" }));
    world.wechat.on(&format!("{ORDERS}/{}/close", order.out_trade_no), Reply::Json(204, json!({})));
    world.live(0..=1_740).await;
    assert_eq!(world.order(&order).state, OrderState::Requested);
    assert!(!world.wechat.take_paths().iter().any(|path| path.ends_with("/close")));
    let path = format!("{ORDERS}/{}", order.out_trade_no);
    world.wechat.once(&path, of_order(&order, json!({ "trade_state": "NOTPAY" })));
    world.says_of_order(&order, json!({ "trade_state": "CLOSED" }));
    world.live(1_741..=1_920).await;
    assert_eq!(world.order(&order).state, OrderState::Closed);
    assert_eq!(world.wechat.take_paths(), [path.clone(), format!("{path}/close"), path]);
    assert_eq!(world.events(), ["payment.closed"]);
}

#[tokio::test]
async fn a_purchase_that_was_paid_while_it_was_being_closed_is_paid() {
    let world = World::new();
    let order = world.purchase(OrderState::Requested).await;
    let path = format!("{ORDERS}/{}", order.out_trade_no);
    world.wechat.once(&path, of_order(&order, json!({ "trade_state": "NOTPAY" })));
    let paid = json!({ "code": "ORDERPAID", "message": "订单已支付" });
    world.wechat.on(&format!("{path}/close"), Reply::Json(400, paid));
    world.says_of_order(&order, json!({ "trade_state": "SUCCESS", "transaction_id": TRANSACTION }));
    world.sweep(minutes(31)).await;
    world.sweep(minutes(40)).await;
    assert_eq!(world.order(&order).state, OrderState::Paid);
    assert_eq!(world.events(), ["payment.succeeded"]);
}

#[tokio::test]
async fn a_purchase_that_never_reached_wechat_is_sent_again_with_the_stored_bytes() {
    let world = World::new();
    let order = world.purchase(OrderState::Created).await;
    world.wechat.on(&format!("{ORDERS}/{}", order.out_trade_no), unknown("ORDER_NOT_EXIST"));
    world.wechat.on(APP, Reply::Json(200, json!({ "prepay_id": "wx20260101" })));
    world.sweep(minutes(1)).await;
    let after = world.order(&order);
    assert_eq!(after.state, OrderState::Requested);
    assert_eq!(after.launch.unwrap().prepay_id.as_deref(), Some("wx20260101"));
    let sent = world.wechat.asked().pop().unwrap();
    let stored = wechat::Prepared::<v3::Order>::from_text(order.request.unwrap().as_str()).unwrap();
    assert_eq!((sent.path.as_str(), sent.body.as_str()), (APP, stored.body()));
}

#[tokio::test]
async fn a_refund_over_v3_is_followed_until_the_money_is_back() {
    let world = World::new();
    let (order, refund) = world.refund_of_purchase(RefundState::Processing).await;
    world.says_of_v3_refund(&order, &refund, "PROCESSING");
    world.live(0..=300).await;
    assert_eq!(world.refund(&refund).state, RefundState::Processing);
    world.says_of_v3_refund(&order, &refund, "SUCCESS");
    world.live(301..=1_020).await;
    assert_eq!(world.refund(&refund).state, RefundState::Succeeded);
    let after = world.order(&order);
    assert_eq!((after.state, after.refunded, after.reserved), (OrderState::PartlyRefunded, refund.amount, Fen::ZERO));
}

#[tokio::test]
async fn a_refund_that_wechat_was_too_busy_for_is_sent_again_once_a_query_says_that_it_is_not_there() {
    let world = World::new();
    let (order, refund) = world.refund_of_purchase(RefundState::Created).await;
    world.wechat.on(&format!("{REFUNDS}/{}", refund.out_refund_no), unknown("RESOURCE_NOT_EXISTS"));
    world.wechat.once(REFUNDS, Reply::Json(429, json!({ "code": "FREQUENCY_LIMITED", "message": "频率限制" })));
    world.sweep(minutes(2)).await;
    assert_eq!(world.refund(&refund).state, RefundState::Created, "it may have been accepted: it is asked for first");
    world.wechat.on(REFUNDS, of_refund(&order, &refund, "PROCESSING"));
    world.sweep(minutes(20)).await;
    assert_eq!(world.refund(&refund).state, RefundState::Processing);
    let paths = world.wechat.take_paths();
    let query = format!("{REFUNDS}/{}", refund.out_refund_no);
    assert_eq!(paths, [query.as_str(), REFUNDS, query.as_str(), REFUNDS]);
}

#[tokio::test]
async fn a_repair_that_was_lost_is_sent_again_and_one_that_wechat_has_is_not() {
    let world = World::new();
    let (order, refund) = world.refund_of_purchase(RefundState::Repairing).await;
    let to = v3::RepairTo::MerchantBankCard;
    let refund_id = domain::RefundId::parse(REFUND_ID).unwrap();
    let repair = v3::AbnormalRefund { refund_id, out_refund_no: refund.out_refund_no.clone(), to };
    let repair = repair.prepare(&keys(), &Moment::new(at(0))).unwrap();
    let wanted = Refund {
        repair: Some(RequestText::new(repair.to_text())),
        repairs: 1,
        repairing_at: Some(at(0)),
        refund_id: domain::RefundId::parse(REFUND_ID).ok(),
        ..refund.clone()
    };
    let next = Write { value: wanted, expected: Expected::Version(1), version: 2, routed: Default::default() };
    let commit = Commit { refund: Some(next), ..Commit::empty(super::world::mch_id()) };
    record::Ledger::commit(&world.memory.ledger(), &commit).await.unwrap();
    let path = format!("{REFUNDS}/{REFUND_ID}/apply-abnormal-refund");
    world.says_of_v3_refund(&order, &refund, "ABNORMAL");
    world.wechat.on(&path, of_refund(&order, &refund, "ABNORMAL"));
    world.sweep(minutes(2)).await;
    let after = world.refund(&refund);
    assert_eq!((after.state, after.repair, after.repairs), (RefundState::Repairing, None, 1), "WeChat has it");
    assert!(world.wechat.take_paths().contains(&path), "it was sent once more");
    world.says_of_v3_refund(&order, &refund, "SUCCESS");
    world.sweep(minutes(20)).await;
    assert_eq!(world.refund(&refund).state, RefundState::Succeeded);
    assert!(!world.wechat.take_paths().contains(&path), "and not again");
}

#[tokio::test]
async fn a_password_exempt_contract_is_signed_by_a_query_and_ended_by_one() {
    let world = World::new();
    let contract = world.exempt(ExemptState::Offered).await;
    let path = format!(
        "/v3/password-exempt-contract/contracts/service-id/{}/out-contract-code/{}",
        contract.service_id, contract.contract_code
    );
    let told = |state: &str| {
        let answer = json!({
            "mchid": MCH_ID, "service_id": contract.service_id, "out_contract_code": contract.contract_code,
            "contract_id": "202601010001", "openid": "oUpF8uMuAJO", "contract_state": state,
            "contract_signed_time": "2026-01-01T09:05:00+08:00",
        });
        Reply::Json(200, answer)
    };
    world.wechat.on(&path, unknown("RESOURCE_NOT_EXISTS"));
    world.live(0..=600).await;
    assert_eq!(world.exempt_now().state, ExemptState::Offered, "the user may still agree");
    world.wechat.on(&path, told("SIGNED"));
    world.live(601..=1_920).await;
    let signed = world.exempt_now();
    assert_eq!((signed.state, signed.contract_id.unwrap().as_str()), (ExemptState::Signed, "202601010001"));
    world.wechat.on(&path, told("TERMINATED"));
    world.sweep(minutes(26 * 60)).await;
    assert_eq!(world.exempt_now().state, ExemptState::Terminated, "no notice was needed");
    assert!(world.events().is_empty());
}

#[tokio::test]
async fn a_password_exempt_contract_that_the_user_declined_is_given_up_when_its_session_is_over() {
    let world = World::new();
    let contract = world.exempt(ExemptState::Offered).await;
    let path = format!(
        "/v3/password-exempt-contract/contracts/service-id/{}/out-contract-code/{}",
        contract.service_id, contract.contract_code
    );
    world.wechat.on(&path, unknown("RESOURCE_NOT_EXISTS"));
    world.live(0..=7_200).await;
    assert_eq!(world.exempt_now().state, ExemptState::Offered);
    world.live(7_201..=7_680).await;
    let after = world.exempt_now();
    assert_eq!((after.state, after.check), (ExemptState::NotSigned, None));
}

#[tokio::test]
async fn a_user_who_declined_a_password_exempt_contract_is_known_though_wechat_signs_no_refusal() {
    let world = World::new();
    let contract = world.exempt(ExemptState::Offered).await;
    let path = format!(
        "/v3/password-exempt-contract/contracts/service-id/{}/out-contract-code/{}",
        contract.service_id, contract.contract_code
    );
    let unsigned = json!({ "code": "RESOURCE_NOT_EXISTS", "message": "不存在" });
    world.wechat.on(&path, Reply::UnsignedJson(404, unsigned));
    world.live(0..=7_680).await;
    let after = world.exempt_now();
    assert_eq!((after.state, after.check), (ExemptState::NotSigned, None));
}
