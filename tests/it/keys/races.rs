//! Two operators at once: nobody's change is lost, and whoever was slower hears of it.

use domain::MchId;
use papay::keys::{self, ApiKey, KeyStore};
use serde_json::json;

use super::desk::{API_V2, Desk, NEW_MCH_ID, THIRD, fine};
use crate::harness::MCH_ID;

const SOMEBODY_ELSE: &str = "somebody else has changed it since it was read";

#[tokio::test(flavor = "multi_thread")]
async fn what_somebody_else_has_changed_meanwhile_is_not_lost() {
    let desk = Desk::open();
    let store = KeyStore::local(&desk.dev.running()).unwrap();
    let mch_id = MchId::parse(MCH_ID).unwrap();
    let read = store.read(&mch_id).await.unwrap().unwrap();
    let mut ours = read.clone();
    keys::stage(&mut ours, ApiKey::V2, THIRD).unwrap();

    let v3 = desk.path("v3.txt");
    fine(&desk.keys(&["stage", "api-v3", "--mch-id", MCH_ID, "--key-file", &v3]));
    let slower = store.write(&mch_id, &read, &ours).await.unwrap_err();
    assert_eq!(slower.field, "papay/10000100/verify");
    assert!(slower.problem.starts_with(SOMEBODY_ELSE), "{slower}");
    let shown = desk.shown(MCH_ID);
    assert_eq!(
        [&shown["api_v2_key"], &shown["api_v3_key"]],
        [&json!({ "has_previous": false }), &json!({ "has_previous": true })],
        "theirs stands"
    );

    let again = store.read(&mch_id).await.unwrap().unwrap();
    let mut ours = again.clone();
    keys::stage(&mut ours, ApiKey::V2, THIRD).unwrap();
    store.write(&mch_id, &again, &ours).await.unwrap();
    let shown = desk.shown(MCH_ID);
    assert_eq!([&shown["api_v2_key"], &shown["api_v3_key"]], [&json!({ "has_previous": true }); 2], "both stand");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_first_imports_the_second_is_refused() {
    let desk = Desk::open();
    let store = KeyStore::local(&desk.dev.running()).unwrap();
    let mch_id = MchId::parse(NEW_MCH_ID).unwrap();
    assert!(store.read(&mch_id).await.unwrap().is_none());
    let mut ours = keys::Held::default();
    let mut given = keys::Given::default();
    given.api_v2_key(THIRD).unwrap();
    keys::import(&mut ours, given, &mch_id).unwrap();

    let v2 = desk.path("v2.txt");
    fine(&desk.keys(&["import", "--mch-id", NEW_MCH_ID, "--api-v2-key-file", &v2]));
    let slower = store.write(&mch_id, &keys::Held::default(), &ours).await.unwrap_err();
    assert!(slower.problem.starts_with(SOMEBODY_ELSE), "{slower}");
    let stands = store.read(&mch_id).await.unwrap().unwrap();
    assert_eq!(stands.verify.api_v2_key.unwrap().current, API_V2);
}
