//! Purchases whose payment invites to a password-exempt contract.

use super::wechat::Fault;
use super::*;

const SIGN: &str = "/v3/password-exempt-contract/contracts/normal/pre-entrust-sign/pay-redirect-sign";

async fn coffee(stage: &Stage, key: &str) -> Answer {
    stage.buy("alice", key, "coffee", "mini_program").await
}

fn invitation(answer: &Answer) -> &str {
    answer.body["pre_signing"]["status"].as_str().unwrap_or("none")
}

#[tokio::test]
async fn the_payment_invites_before_anybody_can_pay() {
    let stage = Stage::new();
    let bought = coffee(&stage, "k").await;
    assert_eq!((bought.status, invitation(&bought)), (201, "offered"), "{bought:?}");
    assert_eq!(stage.wechat.calls(), ["/v3/pay/transactions/jsapi", SIGN]);
    let asked: Value = serde_json::from_str(&stage.wechat.sent(SIGN)[0]).unwrap();
    let package = bought.body["launch"]["params"]["package"].as_str().unwrap();
    assert_eq!(package, format!("prepay_id={}", asked["prepay_id"].as_str().unwrap()));
    assert_eq!((&asked["service_id"], &asked["openid"]), (&20_535.into(), &"oMinialice".into()));
    assert_eq!((&asked["appid"], &asked["contract_display_account"]), (&"wxmini".into(), &"alice".into()));
    assert_eq!(asked["out_contract_code"], bought.number().strip_suffix("S0").unwrap());
    assert_eq!(asked["notify_url"], "https://sign.example.com/v3/10000100");
}

#[tokio::test]
async fn a_refused_invitation_leaves_an_order_that_can_be_paid() {
    let stage = Stage::new();
    stage.wechat.fail(SIGN, Fault::Denies(403, "NO_AUTH"));
    let bought = coffee(&stage, "k").await;
    assert_eq!((bought.status, invitation(&bought)), (201, "failed"), "{bought:?}");
    assert_eq!(bought.body["pre_signing"]["wechat_code"], "NO_AUTH");
    assert_eq!(bought.body["launch"]["type"], "Jsapi");
    assert_eq!(invitation(&coffee(&stage, "k").await), "failed");
    assert_eq!(stage.wechat.sent(SIGN).len(), 1, "a refusal is not asked for again");
    stage.wechat.pay(&bought.number());
    stage.pass(6);
    assert_eq!(stage.bought("alice", &bought.number()).await.body["status"], "paid");
}

#[tokio::test]
async fn an_invitation_that_nobody_answered_is_said_and_made_by_the_next_call() {
    let stage = Stage::new();
    stage.wechat.fail(SIGN, Fault::AnswerLost);
    stage.wechat.fail(SIGN, Fault::AnswerLost);
    let bought = coffee(&stage, "k").await;
    assert_eq!((bought.status, invitation(&bought)), (201, "undecided"), "{bought:?}");
    assert_eq!(bought.body["launch"]["type"], "Jsapi");
    let again = coffee(&stage, "k").await;
    assert_eq!((again.status, invitation(&again)), (200, "offered"));
    let sent = stage.wechat.sent(SIGN);
    assert!(sent.iter().all(|body| *body == sent[0]), "byte for byte");
}

#[tokio::test]
async fn a_fresh_prepay_id_has_an_invitation_of_its_own_and_the_same_contract() {
    let stage = Stage::new();
    coffee(&stage, "k").await;
    coffee(&stage, "k").await;
    assert_eq!(stage.wechat.sent(SIGN).len(), 1, "the session is open");
    stage.pass(7_200);
    assert_eq!(invitation(&coffee(&stage, "k").await), "offered");
    let sent: Vec<Value> = stage.wechat.sent(SIGN).iter().map(|body| serde_json::from_str(body).unwrap()).collect();
    assert_eq!((sent.len(), &sent[0]["out_contract_code"]), (2, &sent[1]["out_contract_code"]));
    assert_ne!(sent[0]["prepay_id"], sent[1]["prepay_id"]);
}

#[tokio::test]
async fn who_agreed_is_found_by_the_question_alone() {
    let stage = Stage::new();
    let number = coffee(&stage, "k").await.number();
    stage.wechat.pay(&number);
    stage.wechat.sign_exempt(number.strip_suffix("S0").unwrap());
    stage.pass(6);
    let paid = stage.bought("alice", &number).await;
    assert_eq!((&paid.body["status"], invitation(&paid)), (&"paid".into(), "signed"), "{paid:?}");
}

#[tokio::test]
async fn without_openid_account_or_session_nobody_is_invited_and_everybody_can_pay() {
    let stage = Stage::new();
    for channel in ["native", "h5", "app"] {
        // The token names no openid of the app.
        let bought = stage.buy("alice", channel, "coffee", channel).await;
        assert_eq!((bought.status, invitation(&bought)), (201, "not_possible"), "{channel}: {bought:?}");
        assert!(bought.body["launch"].is_object());
    }
    let claims = json!({
        "iss": "app", "aud": "papay", "sub": "carol", "exp": START + 600, "openids": { "wxmini": "oMinicarol" },
    });
    let headers = [("Idempotency-Key", "k"), ("Content-Type", "application/json")];
    let body = r#"{"product": "coffee", "channel": "mini_program"}"#;
    let call = request(Method::POST, "/v1/10000100/orders", &token_of(&claims), &headers, body);
    let bought = stage.send(call).await;
    assert_eq!((bought.status, invitation(&bought)), (201, "not_possible"), "{bought:?}");
    assert!(stage.wechat.sent(SIGN).is_empty());
    let plain = stage.buy("alice", "album", "album", "app").await;
    assert_eq!(plain.body.get("pre_signing"), None, "the product has no such service");
}
