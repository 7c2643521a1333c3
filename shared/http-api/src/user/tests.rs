mod forge;
mod refusals;
mod rotation;

use std::collections::BTreeMap;
use std::sync::Mutex;

use record::RecordError;
use serde_json::{Value, json};

use super::*;
use crate::Counted;
use forge::{Ec, Rsa, Signer};

const NOW: i64 = 1_795_000_000;
const ISSUER: &str = "https://id.example.com";
const SECRET: &str = "a shared secret of thirty-two bytes and more";

/// Counts without a ledger.
#[derive(Default)]
struct Counter(Mutex<BTreeMap<String, u64>>);

impl Limiter for Counter {
    fn count<'a>(&'a self, mch_id: &'a MchId, principal: &'a str, now: Timestamp) -> Counted<'a> {
        let key = format!("{mch_id}#{principal}#{}", now.as_second() / 60);
        let mut counts = self.0.lock().unwrap();
        let count = counts.entry(key).or_insert(0);
        *count += 1;
        let count = *count;
        Box::pin(async move { Ok::<_, RecordError>(count) })
    }
}

/// Keys that a test replaces, and how often they were fetched.
#[derive(Default)]
struct Ring {
    keys: Mutex<Vec<Fetched>>,
    fetches: Mutex<u32>,
    down: Mutex<bool>,
}

impl KeySource for Ring {
    fn fetch(&self) -> std::pin::Pin<Box<dyn Future<Output = Result<Vec<Fetched>, KeySourceError>> + Send + '_>> {
        *self.fetches.lock().unwrap() += 1;
        let keys = match *self.down.lock().unwrap() {
            true => Err(KeySourceError("down".to_owned())),
            false => Ok(self.keys.lock().unwrap().clone()),
        };
        Box::pin(async { keys })
    }
}

fn env(algorithm: &str, rate: &str) -> Env {
    let place = if algorithm == "HS256" { "secret" } else { "jwks" };
    let issuers = json!([{
        "issuer": ISSUER, "audience": "papay", "merchants": ["10000100"], "algorithm": algorithm,
        place: "https://id.example.com/keys",
    }]);
    let variables = [("PAPAY_ISSUERS", issuers.to_string()), (RATE, rate.to_owned())];
    let variables = variables.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
    Env::of(variables, Arc::new(setup::SystemClock))
}

/// Users of one issuer with these keys.
fn users(algorithm: &str, ring: &Arc<Ring>) -> Arc<Users> {
    let source: Arc<dyn KeySource> = ring.clone();
    Users::over(&env(algorithm, "3"), move |_| source.clone(), Arc::new(Counter::default())).unwrap()
}

fn ring(keys: impl IntoIterator<Item = Fetched>) -> Arc<Ring> {
    Arc::new(Ring { keys: Mutex::new(keys.into_iter().collect()), ..Ring::default() })
}

fn claims() -> Value {
    json!({ "iss": ISSUER, "aud": "papay", "sub": "alice", "exp": NOW + 600 })
}

fn at(seconds: i64) -> Timestamp {
    Timestamp::from_second(seconds).unwrap()
}

async fn admit_at(users: &Users, token: &str, now: i64) -> Result<User, Problem> {
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {token}").parse().unwrap());
    users.admit(&MchId::parse("10000100").unwrap(), &headers, at(now)).await
}

async fn admit(users: &Users, token: &str) -> Result<User, Problem> {
    admit_at(users, token, NOW).await
}

async fn reason(users: &Users, token: &str) -> (&'static str, String) {
    let problem = admit(users, token).await.unwrap_err();
    let response = axum::response::IntoResponse::into_response(problem.clone());
    let body = axum::body::to_bytes(response.into_body(), 4096).await.unwrap();
    let body: Value = serde_json::from_slice(&body).unwrap();
    (problem.code(), body["detail"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn each_algorithm_recognises_its_users() {
    let (rsa, ec) = (Rsa::new(), Ec::new());
    let signers: [(&str, &dyn Signer); 3] = [("RS256", &rsa), ("ES256", &ec), ("HS256", &SECRET)];
    for (algorithm, signer) in signers {
        let users = users(algorithm, &ring([signer.fetched(Some("k1"))]));
        let mut told = claims();
        told["openid"] = "oPlain".into();
        told["openids"] = json!({ "wxa": "oA" });
        told["display_account"] = "张三42".into();
        let user = admit(&users, &forge::token(signer, Some("k1"), &told)).await.unwrap();
        assert_eq!((user.id.as_str(), user.issuer.as_str(), user.mch_id.as_str()), ("alice", ISSUER, "10000100"));
        let appid = |text| AppId::parse(text).unwrap();
        assert_eq!(user.openid(&appid("wxa")).unwrap().as_str(), "oA");
        assert_eq!(user.openid(&appid("wxb")).unwrap().as_str(), "oPlain");
        assert_eq!(user.openid_of(&appid("wxb")), None);
        assert_eq!(user.display_account.as_deref(), Some("张三42"));
    }
}

#[tokio::test]
async fn a_user_has_so_many_calls_in_a_minute_and_another_user_has_his_own() {
    let users = users("HS256", &ring([SECRET.fetched(None)]));
    let alice = forge::token(&SECRET, None, &claims());
    let mut other = claims();
    other["sub"] = "bob".into();
    for _ in 0..3 {
        assert!(admit(&users, &alice).await.is_ok());
    }
    let refused = admit(&users, &alice).await.unwrap_err();
    assert_eq!((refused.status().as_u16(), refused.code()), (429, "too_many_requests"));
    let response = axum::response::IntoResponse::into_response(refused);
    assert_eq!(response.headers()["retry-after"], (60 - NOW % 60).to_string().as_str());
    assert!(admit(&users, &forge::token(&SECRET, None, &other)).await.is_ok());
    assert!(admit_at(&users, &alice, NOW + 60).await.is_ok());
}

#[test]
fn a_wrong_issuer_stops_the_function_and_is_named() {
    let read = |issuers: Value| {
        let variables = BTreeMap::from([("PAPAY_ISSUERS".to_owned(), issuers.to_string())]);
        let env = Env::of(variables, Arc::new(setup::SystemClock));
        let source: Arc<dyn KeySource> = ring([]);
        Users::over(&env, move |_| source.clone(), Arc::new(Counter::default())).map(|_| ()).unwrap_err().to_string()
    };
    let issuer = |changes: Value| {
        let mut issuer =
            json!({ "issuer": "a", "audience": "papay", "merchants": ["1"], "algorithm": "HS256", "secret": "s" });
        issuer.as_object_mut().unwrap().extend(changes.as_object().unwrap().clone());
        issuer
    };
    let both = read(json!([issuer(json!({ "jwks": "https://a.example/keys" }))]));
    assert!(both.contains("none has both"), "{both}");
    let rsa_with_secret = read(json!([issuer(json!({ "algorithm": "RS256" }))]));
    assert!(rsa_with_secret.contains("RS256 and ES256 have jwks"), "{rsa_with_secret}");
    assert!(read(json!([issuer(json!({ "algorithm": "none" }))])).contains("PAPAY_ISSUERS"));
    assert!(read(json!([issuer(json!({ "merchants": [] }))])).contains("at least one"));
    assert!(read(json!([issuer(json!({})), issuer(json!({ "merchants": ["2"] }))])).contains("twice"));
    assert!(read(json!([issuer(json!({})), issuer(json!({ "issuer": "b" }))])).contains("PAPAY_ISSUERS[1]: merchants"));
}
