//! Keys that change, and a JWKS over HTTP.

use axum::Router;
use axum::routing::get;

use super::*;
use forge::token;

#[tokio::test]
async fn an_unknown_key_is_looked_for_at_most_once_a_minute() {
    let (old, new) = (Rsa::new(), Rsa::new());
    let ring = ring([old.fetched(Some("old"))]);
    let users = users("RS256", &ring);
    assert!(admit(&users, &token(&old, Some("old"), &claims())).await.is_ok());
    let renewed = token(&new, Some("new"), &claims());
    for _ in 0..5 {
        assert_eq!(reason(&users, &renewed).await.1, "kid is not among its issuer's keys");
    }
    assert_eq!(*ring.fetches.lock().unwrap(), 1, "asked in this minute already");
    *ring.keys.lock().unwrap() = vec![old.fetched(Some("old")), new.fetched(Some("new"))];
    assert!(admit_at(&users, &renewed, NOW + 60).await.is_ok());
    assert!(admit_at(&users, &token(&old, Some("old"), &claims()), NOW + 60).await.is_ok(), "both while they rotate");
    assert_eq!(*ring.fetches.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_key_that_was_withdrawn_is_refused_ten_minutes_later() {
    let (old, new) = (Ec::new(), Ec::new());
    let ring = ring([old.fetched(Some("old"))]);
    let users = users("ES256", &ring);
    let mut lasting = claims();
    lasting["exp"] = (NOW + 9_000).into();
    let token = token(&old, Some("old"), &lasting);
    assert!(admit(&users, &token).await.is_ok());
    *ring.keys.lock().unwrap() = vec![new.fetched(Some("new"))];
    assert!(admit_at(&users, &token, NOW + 599).await.is_ok());
    assert_eq!(admit_at(&users, &token, NOW + 600).await.unwrap_err().code(), "token_invalid");
}

#[tokio::test]
async fn a_secret_that_was_replaced_is_found_by_the_signature_that_failed() {
    let ring = ring([SECRET.fetched(None)]);
    let users = users("HS256", &ring);
    assert!(admit(&users, &token(&SECRET, None, &claims())).await.is_ok());
    let renewed = "another shared secret of thirty-two bytes or more";
    *ring.keys.lock().unwrap() = vec![renewed.fetched(None), SECRET.fetched(None)];
    let token = token(&renewed, None, &claims());
    assert_eq!(admit(&users, &token).await.unwrap_err().code(), "token_invalid");
    assert!(admit_at(&users, &token, NOW + 60).await.is_ok());
}

#[tokio::test]
async fn an_issuer_that_is_down_locks_out_nobody_whom_it_vouched_for() {
    let rsa = Rsa::new();
    let ring = ring([rsa.fetched(Some("k1"))]);
    let users = users("RS256", &ring);
    *ring.down.lock().unwrap() = true;
    let mut lasting = claims();
    lasting["exp"] = (NOW + 9_000).into();
    let token = token(&rsa, Some("k1"), &lasting);
    let refused = admit(&users, &token).await.unwrap_err();
    assert_eq!((refused.status().as_u16(), refused.code()), (503, "keys_unavailable"));
    *ring.down.lock().unwrap() = false;
    assert!(admit_at(&users, &token, NOW + 5).await.is_ok());
    *ring.down.lock().unwrap() = true;
    assert!(admit_at(&users, &token, NOW + 4_000).await.is_ok(), "the old keys stay in force");
}

/// A server of one key set, which a test replaces.
async fn jwks_server(keys: Arc<Mutex<Value>>) -> String {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let served = keys.clone();
    let router = Router::new()
        .route("/keys", get(async move || axum::Json(served.lock().unwrap().clone())))
        .route("/long", get(async || "x".repeat(70_000)))
        .route("/elsewhere", get(async || axum::response::Redirect::temporary("/keys")));
    tokio::spawn(async move { axum::serve(listener, router).await });
    format!("http://{address}")
}

fn named(signer: &dyn Signer, id: &str, more: Value) -> Value {
    let mut jwk = signer.jwk();
    jwk["kid"] = id.into();
    jwk.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    jwk
}

#[tokio::test]
async fn keys_come_by_http_and_rotate() {
    let (old, new) = (Rsa::new(), Rsa::new());
    let keys = Arc::new(Mutex::new(json!({ "keys": [named(&old, "old", json!({ "alg": "RS256" }))] })));
    let url = format!("{}/keys", jwks_server(keys.clone()).await);
    let source: Arc<dyn KeySource> = Arc::new(HttpKeys::new(&url, SigningAlgorithm::Rs256).unwrap());
    let users = Users::over(&env("RS256", "99"), move |_| source.clone(), Arc::new(Counter::default())).unwrap();
    assert!(admit(&users, &token(&old, Some("old"), &claims())).await.is_ok());
    *keys.lock().unwrap() = json!({ "keys": [named(&new, "new", json!({}))] });
    assert!(admit_at(&users, &token(&new, Some("new"), &claims()), NOW + 61).await.is_ok());
    assert!(admit_at(&users, &token(&old, Some("old"), &claims()), NOW + 61).await.is_err());
}

#[tokio::test]
async fn a_key_of_a_set_is_used_for_its_own_purpose_only() {
    let (rsa, ec) = (Rsa::new(), Ec::new());
    let keys = json!({ "keys": [
        named(&rsa, "good", json!({})),
        named(&rsa, "seals", json!({ "use": "enc" })),
        named(&rsa, "other", json!({ "alg": "RS512" })),
        named(&ec, "curve", json!({})),
        named(&SECRET, "shared", json!({})),
        { "kty": "new kind", "kid": "unreadable" },
    ] });
    let server = jwks_server(Arc::new(Mutex::new(keys))).await;
    let fetched = async |path: &str, algorithm| {
        HttpKeys::new(&format!("{server}{path}"), algorithm)
            .unwrap()
            .fetch()
            .await
            .map(|keys| keys.into_iter().filter_map(|key| key.id).collect::<Vec<_>>())
    };
    assert_eq!(fetched("/keys", SigningAlgorithm::Rs256).await.unwrap(), ["good"]);
    assert_eq!(fetched("/keys", SigningAlgorithm::Es256).await.unwrap(), ["curve"]);
    for refused in ["/long", "/elsewhere", "/nothing"] {
        assert!(fetched(refused, SigningAlgorithm::Rs256).await.is_err(), "{refused}");
    }
}

#[test]
fn keys_are_not_fetched_in_the_clear_from_another_machine() {
    for wrong in ["http://id.example.com/keys", "ftp://id.example.com/keys", "/keys", ""] {
        assert!(HttpKeys::new(wrong, SigningAlgorithm::Rs256).is_err(), "{wrong}");
    }
    assert!(HttpKeys::new("https://id.example.com/keys", SigningAlgorithm::Rs256).is_ok());
}
