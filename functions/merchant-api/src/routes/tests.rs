//! The API over a ledger in memory and a WeChat that answers what it is told to.

mod contracts;
mod deductions;
mod gap;
mod keys;
mod pre_signings;
mod principals;
mod purchases;
mod racing;
mod refunds;
mod repairs;
mod town;

use town::{Reply, Town, at, fields};

#[test]
fn the_document_in_the_repository_is_that_of_the_code() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi/merchant-api.json");
    let document = format!("{}\n", super::openapi().unwrap());
    if std::env::var_os("PAPAY_WRITE_OPENAPI").is_some() {
        std::fs::write(path, &document).unwrap();
    }
    let committed = std::fs::read_to_string(path).unwrap_or_default();
    assert!(committed == document, "docs/openapi/merchant-api.json is old: run this test with PAPAY_WRITE_OPENAPI=1");
}

#[test]
fn the_document_is_openapi_3_1_and_names_every_route() {
    let document: serde_json::Value = serde_json::from_str(&super::openapi().unwrap()).unwrap();
    assert!(document["openapi"].as_str().unwrap().starts_with("3.1."));
    let mut routes = Vec::new();
    for (path, methods) in document["paths"].as_object().unwrap() {
        routes.extend(methods.as_object().unwrap().keys().map(|method| format!("{method} {path}")));
    }
    routes.sort();
    assert_eq!(
        routes,
        [
            "get /v1/{mch_id}/contracts/{contract_code}",
            "get /v1/{mch_id}/deductions/{out_trade_no}",
            "get /v1/{mch_id}/orders/{out_trade_no}",
            "get /v1/{mch_id}/pre-signings/{service_id}/{out_contract_code}",
            "get /v1/{mch_id}/refunds/{out_refund_no}",
            "post /v1/{mch_id}/contracts/{contract_code}/termination",
            "post /v1/{mch_id}/deductions",
            "post /v1/{mch_id}/orders/{out_trade_no}/close",
            "post /v1/{mch_id}/pre-deduction-notices",
            "post /v1/{mch_id}/pre-signings",
            "post /v1/{mch_id}/pre-signings/{service_id}/{out_contract_code}/termination",
            "post /v1/{mch_id}/refunds",
            "post /v1/{mch_id}/refunds/{out_refund_no}/abnormal",
        ]
    );
}
