//! Password-exempt contracts for payments that were made elsewhere.

use serde_json::{Value, json};

use super::*;

const PATH: &str = "/v1/10000100/pre-signings";
const CONTRACT: &str = "/v1/10000100/pre-signings/20535/A1";
const FAMILY: &str = "/v3/password-exempt-contract/contracts";
const QUERY: &str = "/v3/password-exempt-contract/contracts/service-id/20535/out-contract-code/A1";

fn sign(family: &str) -> String {
    format!("{FAMILY}/{family}/pre-entrust-sign/pay-redirect-sign")
}

fn normal() -> Value {
    json!({
        "mode": "normal", "service_id": 20_535, "out_contract_code": "A1", "prepay_id": "wx2016", "openid": "oAlice",
        "display_account": "微信用户A", "appid": "wx2421b1c4370ec43b",
    })
}

fn for_merchant(mode: &str) -> Value {
    let mut wanted = normal();
    wanted["mode"] = json!(mode);
    wanted["sub_mchid"] = json!("1900000109");
    wanted["sub_appid"] = json!("wxd930ea5d5a258f4f");
    wanted
}

fn known(state: &str) -> Value {
    let mut told = json!({
        "mchid": "10000100", "contract_id": "2026010100000001", "appid": "wx2421b1c4370ec43b", "openid": "oAlice",
        "service_id": 20_535, "out_contract_code": "A1", "contract_state": state,
        "contract_signed_time": "2026-01-01T09:05:00+08:00",
    });
    if state == "TERMINATED" {
        told["contract_terminate_info"] = json!({
            "contract_termination_mode": "MCH_API_TERMINATE", "contract_terminated_time": "2026-01-01T09:20:00+08:00",
        });
    }
    told
}

impl Town {
    fn takes_pre_signing(&self, family: &str) {
        self.wechat.on(&sign(family), Reply::Json(200, json!({ "mchid": "10000100" })));
    }

    fn last_sent(&self) -> Value {
        serde_json::from_str(&self.wechat.asked().pop().unwrap().body).unwrap()
    }
}

#[tokio::test]
async fn each_kind_of_caller_pre_signs_by_its_own_call() {
    for (mode, family) in [("qs", "qs"), ("normal", "normal"), ("service_provider", "service-provider")] {
        let town = Town::new();
        town.takes_pre_signing(family);
        let wanted = if mode == "normal" { normal() } else { for_merchant(mode) };
        let told = town.post(PATH, wanted, at("09:00")).await;
        assert_eq!((told.status, told.state(), &told.body["mode"]), (200, "offered", &mode.into()), "{told:?}");
        let sent = town.last_sent();
        assert_eq!((&sent["prepay_id"], &sent["service_id"]), (&"wx2016".into(), &20_535.into()));
        assert_eq!(sent["notify_url"], "https://contract.example.com/v3/10000100");
        match mode {
            "normal" => assert_eq!((&sent["openid"], sent.get("sub_mchid")), (&"oAlice".into(), None)),
            "qs" => assert_eq!((&sent["sub_mchid"], &sent["openid"]), (&"1900000109".into(), &"oAlice".into())),
            _ => assert_eq!((&sent["sub_mchid"], &sent["sp_openid"]), (&"1900000109".into(), &"oAlice".into())),
        }
    }
}

#[tokio::test]
async fn without_a_prepay_id_it_is_signed_in_wechats_mini_program_and_each_call_gives_a_session() {
    for (mode, family) in [("qs", "qs"), ("normal", "normal"), ("service_provider", "service-provider")] {
        let town = Town::new();
        let session = |id: &str| {
            let told = json!({
                "mchid": "10000100", "service_id": 20_535, "out_contract_code": "A1", "pre_entrustweb_id": id,
                "sign_mp_appid": "wxbd687630cd02ce1d", "sign_mp_path": "pages/PwdExemptContract/index",
            });
            Reply::Json(200, told)
        };
        let call = format!("{FAMILY}/{family}/pre-entrust-sign/mini-program");
        let mut wanted = if mode == "normal" { normal() } else { for_merchant(mode) };
        wanted.as_object_mut().unwrap().remove("prepay_id");
        for (id, minute) in [("first", "09:00"), ("second", "09:30")] {
            town.wechat.on(&call, session(id));
            let told = town.post_with("k", PATH, wanted.clone(), at(minute)).await;
            assert_eq!((told.status, told.state()), (200, "offered"), "{told:?}");
            let expected = json!({
                "pre_entrustweb_id": id, "appid": "wxbd687630cd02ce1d", "path": "pages/PwdExemptContract/index",
            });
            assert_eq!(told.body["session"], expected);
            assert_eq!(town.last_sent().get("prepay_id"), None);
        }
        let sent = town.wechat.asked();
        assert!(sent.len() == 2 && sent[0].body == sent[1].body, "{sent:?}");
    }
}

#[tokio::test]
async fn a_pre_signing_is_one_for_its_key_and_a_refusal_is_said() {
    let town = Town::new();
    town.wechat.on(&sign("qs"), Reply::Json(403, json!({ "code": "NO_AUTH", "message": "无权限" })));
    let refused = town.post_with("k", PATH, for_merchant("qs"), at("09:00")).await;
    assert_eq!((refused.status, refused.state(), &refused.body["failure"]), (200, "refused", &"NO_AUTH".into()));
    let again = town.post_with("k", PATH, for_merchant("qs"), at("09:01")).await;
    assert_eq!((again.status, &again.body), (200, &refused.body));
    assert_eq!(town.asked(&sign("qs")), 1);
    let reused = town.post_with("k", PATH, for_merchant("service_provider"), at("09:01")).await;
    assert_eq!((reused.status, reused.code()), (409, "idempotency_key_reused"));
    let other = town.post(PATH, for_merchant("service_provider"), at("09:01")).await;
    assert_eq!((other.status, other.code()), (409, "number_used"), "the number is the contract's identity");
}

#[tokio::test]
async fn what_wechat_did_not_answer_is_sent_again_by_the_same_call() {
    let town = Town::new();
    town.wechat.on(&sign("normal"), Reply::Silence);
    let lost = town.post_with("k", PATH, normal(), at("09:00")).await;
    assert_eq!((lost.status, lost.state()), (202, "created"), "{lost:?}");
    town.takes_pre_signing("normal");
    let again = town.post_with("k", PATH, normal(), at("09:01")).await;
    assert_eq!((again.status, again.state()), (200, "offered"));
    let sent = town.wechat.asked();
    assert!(sent.iter().all(|asked| asked.body == sent[0].body), "byte for byte");
}

#[tokio::test]
async fn a_contract_is_found_by_asking_and_ended_by_asking_again() {
    let town = Town::new();
    town.takes_pre_signing("normal");
    town.post(PATH, normal(), at("09:00")).await;
    town.wechat.on(QUERY, Reply::Json(404, json!({ "code": "RESOURCE_NOT_EXISTS", "message": "协议不存在" })));
    assert_eq!(town.get(CONTRACT, at("09:01")).await.state(), "offered", "not signed yet");
    let early = town.post(&format!("{CONTRACT}/termination"), json!({}), at("09:02")).await;
    assert_eq!((early.status, early.code()), (409, "contract_not_signed"));
    town.wechat.on(QUERY, Reply::Json(200, known("SIGNED")));
    let signed = town.get(CONTRACT, at("09:10")).await;
    assert_eq!((signed.state(), &signed.body["contract_id"]), ("signed", &"2026010100000001".into()), "{signed:?}");
    town.wechat.on(
        &format!("{QUERY}/terminate"),
        Reply::Json(200, json!({ "mchid": "10000100", "service_id": 20_535, "out_contract_code": "A1" })),
    );
    town.wechat.once(QUERY, Reply::Json(200, known("TERMINATED")));
    let ended = town.post_with("e", &format!("{CONTRACT}/termination"), json!({}), at("09:20")).await;
    assert_eq!((ended.status, ended.state()), (200, "terminated"), "{ended:?}");
    assert_eq!(ended.body["termination_reason"], "merchant_api");
    let calls = town.wechat.asked().len();
    assert_eq!(town.post_with("e", &format!("{CONTRACT}/termination"), json!({}), at("09:21")).await.body, ended.body);
    assert_eq!(town.wechat.asked().len(), calls, "ended is ended");
}

#[tokio::test]
async fn the_end_of_a_contract_whose_signing_nobody_told_is_asked_for_first() {
    let town = Town::new();
    town.takes_pre_signing("normal");
    town.post(PATH, normal(), at("09:00")).await;
    town.wechat.once(QUERY, Reply::Json(200, known("SIGNED")));
    town.wechat.on(QUERY, Reply::Json(200, known("TERMINATED")));
    town.wechat.on(
        &format!("{QUERY}/terminate"),
        Reply::Json(200, json!({ "mchid": "10000100", "service_id": 20_535, "out_contract_code": "A1" })),
    );
    let ended = town.post(&format!("{CONTRACT}/termination"), json!({}), at("09:20")).await;
    assert_eq!((ended.status, ended.state()), (200, "terminated"), "{ended:?}");
}

#[tokio::test]
async fn what_a_mode_needs_must_be_there_and_nothing_else() {
    let town = Town::new();
    let without = |mut body: Value, name: &str| {
        body.as_object_mut().unwrap().remove(name);
        body
    };
    let mut long = normal();
    long["out_contract_code"] = json!("A".repeat(33));
    let mut crowded = normal();
    crowded["sub_mchid"] = json!("1900000109");
    for (body, field) in [
        (without(normal(), "openid"), "openid"),
        (without(for_merchant("qs"), "openid"), "openid"),
        (without(for_merchant("qs"), "sub_mchid"), "sub_mchid"),
        (without(for_merchant("service_provider"), "sub_appid"), "sub_appid"),
        (long, "out_contract_code"),
        (crowded, "sub_mchid"),
    ] {
        let told = town.post(PATH, body.clone(), at("09:00")).await;
        assert_eq!((told.status, &told.body["field"]), (400, &field.into()), "{body}: {told:?}");
    }
    assert!(town.wechat.asked().is_empty());
    assert_eq!(town.get(CONTRACT, at("09:00")).await.status, 404);
}
