use serde_json::json;

use super::town::{BILLING, SUPPORT};
use super::*;

#[tokio::test]
async fn a_principal_does_what_its_grant_says_and_nothing_else() {
    let town = Town::new();
    let (contract, order) = town.paid(1800).await;
    let code = &contract.contract_code;
    let posts = [
        ("/v1/10000100/deductions".to_owned(), json!({ "contract_code": code, "period": 1 })),
        ("/v1/10000100/pre-deduction-notices".to_owned(), json!({ "contract_code": code })),
        (format!("/v1/10000100/contracts/{code}/termination"), json!({})),
        (format!("/v1/10000100/orders/{}/close", order.out_trade_no), json!({})),
        (
            "/v1/10000100/refunds".to_owned(),
            json!({ "out_trade_no": order.out_trade_no, "out_refund_no": "R1", "amount": 1 }),
        ),
    ];
    for (path, body) in posts {
        let told = town.call(SUPPORT, "POST", &path, Some("k"), Some(body), at("09:00")).await;
        assert_eq!((told.status, told.code()), (403, "not_allowed"), "{path}");
    }
    let path = format!("/v1/10000100/contracts/{code}");
    assert_eq!(town.call(SUPPORT, "GET", &path, None, None, at("09:00")).await.status, 200);
    assert!(town.wechat.asked().is_empty());
}

#[tokio::test]
async fn a_principal_without_grant_and_another_merchant_find_nothing() {
    let town = Town::new();
    let contract = town.signed().await;
    let path = format!("/v1/10000100/contracts/{}", contract.contract_code);
    let nobody = town.call("arn:aws:iam::999999999999:user/mallory", "GET", &path, None, None, at("09:00")).await;
    assert_eq!(nobody.status, 404);
    let elsewhere = town.call(BILLING, "GET", &path.replace("10000100", "10000200"), None, None, at("09:00")).await;
    assert_eq!(elsewhere.status, 404);
}

#[tokio::test]
async fn every_post_needs_an_idempotency_key() {
    let town = Town::new();
    let contract = town.signed().await;
    for path in [
        "/v1/10000100/deductions".to_owned(),
        "/v1/10000100/refunds".to_owned(),
        "/v1/10000100/pre-deduction-notices".to_owned(),
        format!("/v1/10000100/contracts/{}/termination", contract.contract_code),
    ] {
        let told = town.call(BILLING, "POST", &path, None, Some(json!({})), at("09:00")).await;
        assert_eq!((told.status, told.code()), (400, "idempotency_key_missing"), "{path}");
    }
}
