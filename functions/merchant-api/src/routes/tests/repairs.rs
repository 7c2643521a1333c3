//! Repairs of abnormal refunds.

use counterparty::{TEST_MERCHANT, WechatPay};
use domain::{Order, RefundState};
use serde_json::{Value, json};

use super::town::V3_REFUND;
use super::*;

const PATH: &str = "/v1/10000100/refunds/R1/abnormal";
const REPAIR: &str = "/v3/refund/domestic/refunds/50000000001/apply-abnormal-refund";
const CARD: &str = "6222021001122337483";
const NAME: &str = "张三丰";

fn to_user() -> Value {
    json!({ "type": "user_bank_card", "bank_type": "ICBC_DEBIT", "bank_account": CARD, "real_name": NAME })
}

fn amounts(told: &Value) -> Value {
    let amount = json!({ "total": 1800, "refund": 1800, "payer_total": 1800, "payer_refund": 1800, "currency": "CNY" });
    let mut told = told.clone();
    told["amount"] = amount;
    told
}

impl Town {
    /// A refund R1 whose money waits.
    async fn abnormal(&self) -> Order {
        let order = self.bought(1800).await;
        let wanted = json!({ "out_trade_no": order.out_trade_no, "out_refund_no": "R1", "amount": 1800 });
        self.post("/v1/10000100/refunds", wanted, at("09:00")).await;
        self.says_of_refund(&format!("{V3_REFUND}/R1"), &order, amounts(&json!({ "status": "ABNORMAL" })));
        let told = self.get("/v1/10000100/refunds/R1", at("09:10")).await;
        assert_eq!(told.state(), "abnormal", "{told:?}");
        order
    }

    fn takes_repair(&self, order: &Order) {
        self.says_of_refund(REPAIR, order, amounts(&json!({ "status": "PROCESSING", "out_refund_no": "R1" })));
    }

    /// Everything that is on record, and what WeChat was sent.
    fn everything(&self) -> String {
        let store = self.memory.store();
        let rows: Vec<_> = store.refunds().map(|row| serde_json::to_string(&row.value).unwrap()).collect();
        let journal = store.journal().map(|journaled| &journaled.entry);
        let told: Vec<_> =
            journal.map(|entry| format!("{:?} {}", entry.fact, String::from_utf8_lossy(&entry.body))).collect();
        format!("{rows:?} {told:?} {:?} {store:?}", self.wechat.asked())
    }
}

#[tokio::test]
async fn the_users_card_reaches_wechat_encrypted_and_nobody_else() {
    let town = Town::new();
    let order = town.abnormal().await;
    town.takes_repair(&order);
    let told = town.post(PATH, to_user(), at("09:20")).await;
    assert_eq!((told.status, told.state()), (202, "repairing"), "{told:?}");
    let asked = town.wechat.asked().into_iter().find(|asked| asked.path == REPAIR).unwrap();
    let sent: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!((&sent["type"], &sent["bank_type"]), (&"USER_BANK_CARD".into(), &"ICBC_DEBIT".into()));
    let wechat = WechatPay::test_merchant().unwrap();
    let opened = |name: &str| wechat.open_sensitive(TEST_MERCHANT.public_key_id, sent[name].as_str().unwrap()).unwrap();
    assert_eq!((opened("bank_account").as_str(), opened("real_name").as_str()), (CARD, NAME));
    let everything = town.everything();
    assert!(everything.contains("apply-abnormal-refund"), "it shows the request that is on record");
    assert!(!everything.contains(CARD) && !everything.contains(NAME));
    let done = json!({ "status": "SUCCESS", "success_time": "2026-01-01T09:25:00+08:00" });
    town.says_of_refund(&format!("{V3_REFUND}/R1"), &order, amounts(&done));
    assert_eq!(town.get("/v1/10000100/refunds/R1", at("09:30")).await.state(), "succeeded");
}

#[tokio::test]
async fn the_merchants_card_needs_no_number() {
    let town = Town::new();
    let order = town.abnormal().await;
    town.takes_repair(&order);
    let told = town.post(PATH, json!({ "type": "merchant_bank_card" }), at("09:20")).await;
    assert_eq!((told.status, told.state()), (202, "repairing"), "{told:?}");
    let asked = town.wechat.asked().into_iter().find(|asked| asked.path == REPAIR).unwrap();
    let sent: Value = serde_json::from_str(&asked.body).unwrap();
    assert_eq!(sent, json!({ "out_refund_no": "R1", "type": "MERCHANT_BANK_CARD" }));
}

#[tokio::test]
async fn a_repair_is_one_for_its_key_whose_hash_nobody_can_guess_the_card_from() {
    let town = Town::new();
    let order = town.abnormal().await;
    town.takes_repair(&order);
    let first = town.post_with("k", PATH, to_user(), at("09:20")).await;
    let again = town.post_with("k", PATH, to_user(), at("09:21")).await;
    assert_eq!((again.status, &again.body), (202, &first.body));
    assert_eq!(town.asked(REPAIR), 1);
    let mut other = to_user();
    other["bank_account"] = json!("6222021001122337484");
    let reused = town.post_with("k", PATH, other, at("09:22")).await;
    assert_eq!((reused.status, reused.code()), (409, "idempotency_key_reused"));
    let plain = verify::sha256(to_user().to_string().as_bytes());
    assert!(!town.everything().contains(&format!("{plain:?}")));
}

#[tokio::test]
async fn a_key_that_repaired_one_refund_repairs_no_other() {
    let town = Town::new();
    let order = town.abnormal().await;
    town.takes_repair(&order);
    town.post_with("k", PATH, json!({ "type": "merchant_bank_card" }), at("09:20")).await;
    let other =
        town.post_with("k", &PATH.replace("R1", "R2"), json!({ "type": "merchant_bank_card" }), at("09:21")).await;
    assert_eq!((other.status, other.code()), (409, "idempotency_key_reused"), "{other:?}");
}

#[tokio::test]
async fn only_an_abnormal_refund_is_repaired() {
    let town = Town::new();
    let order = town.bought(1800).await;
    let wanted = json!({ "out_trade_no": order.out_trade_no, "out_refund_no": "R1", "amount": 1800 });
    town.post("/v1/10000100/refunds", wanted, at("09:00")).await;
    let told = town.post(PATH, to_user(), at("09:20")).await;
    assert_eq!((told.status, told.code()), (409, "refund_not_abnormal"), "{told:?}");
    let nothing = town.post(&PATH.replace("R1", "R2"), to_user(), at("09:20")).await;
    assert_eq!((nothing.status, nothing.code()), (404, "not_found"));
    assert_eq!(town.asked(REPAIR), 0);
}

#[tokio::test]
async fn a_repair_that_wechat_refuses_leaves_the_refund_abnormal_and_free_for_another_card() {
    for (status, code) in [(400, "INVALID_REQUEST"), (403, "USER_ACCOUNT_ABNORMAL")] {
        let town = Town::new();
        let order = town.abnormal().await;
        town.wechat.once(REPAIR, Reply::Json(status, json!({ "code": code, "message": "银行卡有误" })));
        let told = town.post(PATH, to_user(), at("09:20")).await;
        assert_eq!((told.status, told.state(), &told.body["failure"]), (200, "abnormal", &code.into()), "{told:?}");
        town.takes_repair(&order);
        let mut other = to_user();
        other["bank_account"] = json!("6222021001122337484");
        let told = town.post(PATH, other, at("09:30")).await;
        assert_eq!((told.status, told.state()), (202, "repairing"), "{told:?}");
    }
}

#[tokio::test]
async fn a_repair_that_nobody_answered_goes_on_by_itself() {
    let town = Town::new();
    town.abnormal().await;
    town.wechat.on(REPAIR, Reply::Silence);
    let told = town.post(PATH, to_user(), at("09:20")).await;
    assert_eq!((told.status, told.state()), (202, "repairing"), "{told:?}");
    let refund = town.memory.store().refunds().next().unwrap().value.clone();
    assert_eq!((refund.state, refund.repairs), (RefundState::Repairing, 1));
    assert!(refund.repair.is_some() && refund.check.is_some(), "the worker sends it again");
}

#[tokio::test]
async fn a_card_that_cannot_be_one_is_refused_without_being_repeated() {
    let town = Town::new();
    town.abnormal().await;
    let mut credit = to_user();
    credit["bank_type"] = json!("ICBC_CREDIT");
    let mut short = to_user();
    short["bank_account"] = json!("62220-x");
    let mut nameless = to_user();
    nameless.as_object_mut().unwrap().remove("real_name");
    let mut both = to_user();
    both["type"] = json!("merchant_bank_card");
    for (body, field) in [(credit, "bank_type"), (short, "bank_account"), (nameless, "real_name"), (both, "bank_type")]
    {
        let told = town.post(PATH, body, at("09:20")).await;
        assert_eq!((told.status, &told.body["field"]), (400, &field.into()), "{told:?}");
        assert!(!told.body.to_string().contains("62220"));
    }
    assert_eq!(town.asked(REPAIR), 0);
}
