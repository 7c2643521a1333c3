//! Every way in which a token proves nobody.

use super::*;
use forge::{encode, signed, token};

#[tokio::test]
async fn a_token_of_another_form_is_refused() {
    let users = users("HS256", &ring([SECRET.fetched(None)]));
    let admit = async |header: Option<&str>| {
        let mut headers = HeaderMap::new();
        headers.extend(header.map(|value| (AUTHORIZATION, value.parse().unwrap())));
        users.admit(&MchId::parse("10000100").unwrap(), &headers, at(NOW)).await.unwrap_err().code()
    };
    assert_eq!(admit(None).await, "token_missing");
    let good = token(&SECRET, None, &claims());
    for wrong in ["Basic YTpi", "Bearer", &good, "Bearer a.b", "Bearer a.b.c.d", "Bearer ..", "Bearer a.%.c"] {
        assert_eq!(admit(Some(wrong)).await, "token_invalid", "{wrong}");
    }
    assert_eq!(admit(Some(&format!("Bearer {}", "a".repeat(9000)))).await, "token_invalid");
}

#[tokio::test]
async fn a_token_sent_twice_is_refused() {
    let users = users("HS256", &ring([SECRET.fetched(None)]));
    let mut headers = HeaderMap::new();
    for _ in 0..2 {
        headers.append(AUTHORIZATION, format!("Bearer {}", token(&SECRET, None, &claims())).parse().unwrap());
    }
    let refused = users.admit(&MchId::parse("10000100").unwrap(), &headers, at(NOW)).await.unwrap_err();
    assert_eq!(refused.code(), "token_invalid");
}

#[tokio::test]
async fn each_claim_that_is_needed_must_be_there_and_be_right() {
    let users = users("HS256", &ring([SECRET.fetched(None)]));
    let with = |name: &str, value: Value| {
        let mut claims = claims();
        claims[name] = value;
        token(&SECRET, None, &claims)
    };
    let without = |name: &str| {
        let mut claims = claims();
        claims.as_object_mut().unwrap().remove(name);
        token(&SECRET, None, &claims)
    };
    for name in ["iss", "aud", "exp", "sub"] {
        assert_eq!(reason(&users, &without(name)).await.0, "token_invalid", "without {name}");
        assert_eq!(reason(&users, &with(name, json!(["x"]))).await.0, "token_invalid", "{name} is a list");
        assert_eq!(reason(&users, &with(name, Value::Null)).await.0, "token_invalid", "{name} is null");
    }
    assert_eq!(reason(&users, &with("aud", "another".into())).await.1, "aud: the audience of this API");
    assert!(admit(&users, &with("aud", json!(["another", "papay"]))).await.is_ok(), "one of several audiences");
    assert_eq!(reason(&users, &with("iss", "https://evil.example".into())).await.1, "iss is not known");
    assert_eq!(reason(&users, &with("sub", "".into())).await.0, "token_invalid");
    assert_eq!(reason(&users, &with("sub", "a#b".into())).await.0, "token_invalid");
    assert_eq!(reason(&users, &with("display_account", "a&b=c".into())).await.0, "token_invalid");
    assert_eq!(reason(&users, &with("openid", "a b".into())).await.0, "token_invalid");
    assert_eq!(reason(&users, &with("nbf", json!(NOW + 60))).await.1, "nbf: not in the future");
}

#[tokio::test]
async fn a_token_that_has_expired_is_refused_by_the_clock_that_it_is_given() {
    let users = users("HS256", &ring([SECRET.fetched(None)]));
    let token = token(&SECRET, None, &claims());
    assert!(admit_at(&users, &token, NOW + 600).await.is_ok(), "clocks may differ by half a minute");
    assert_eq!(admit_at(&users, &token, NOW + 630).await.unwrap_err().code(), "token_expired");
}

#[tokio::test]
async fn a_token_for_another_merchant_is_refused() {
    let users = users("HS256", &ring([SECRET.fetched(None)]));
    let mut headers = HeaderMap::new();
    headers.insert(AUTHORIZATION, format!("Bearer {}", token(&SECRET, None, &claims())).parse().unwrap());
    let refused = users.admit(&MchId::parse("10000200").unwrap(), &headers, at(NOW)).await.unwrap_err();
    assert_eq!((refused.status().as_u16(), refused.code()), (403, "other_merchant"));
}

#[tokio::test]
async fn a_changed_byte_anywhere_is_refused() {
    let rsa = Rsa::new();
    let users = users("RS256", &ring([rsa.fetched(Some("k1"))]));
    let good = token(&rsa, Some("k1"), &claims());
    for part in 0..3 {
        let mut parts: Vec<String> = good.split('.').map(str::to_owned).collect();
        let first = if parts[part].starts_with('f') { "g" } else { "f" };
        parts[part].replace_range(..1, first);
        assert!(admit(&users, &parts.join(".")).await.is_err(), "part {part}");
    }
    let other = token(&Rsa::new(), Some("k1"), &claims());
    assert_eq!(reason(&users, &other).await.1, "the signature does not verify");
}

#[tokio::test]
async fn no_token_chooses_its_algorithm() {
    let (rsa, ec) = (Rsa::new(), Ec::new());
    let header = |alg: &str| json!({ "typ": "JWT", "alg": alg, "kid": "k1" });
    let by_rsa = users("RS256", &ring([rsa.fetched(Some("k1"))]));
    // The public key as a shared secret.
    let confused = signed(&&*rsa.public_der(), &header("HS256"), &claims());
    assert_eq!(reason(&by_rsa, &confused).await.1, "alg is not its issuer's");
    let components = rsa.jwk()["n"].as_str().unwrap().to_owned();
    assert!(admit(&by_rsa, &signed(&&*components, &header("HS256"), &claims())).await.is_err());
    for algorithm in ["none", "None", "HS256", "ES256", "RS384", "PS256", "EdDSA", ""] {
        let told = reason(&by_rsa, &signed(&rsa, &header(algorithm), &claims())).await;
        assert_eq!(told.1, "alg is not its issuer's", "{algorithm}");
    }
    let unsigned =
        format!("{}.{}.", encode(header("none").to_string().as_bytes()), encode(claims().to_string().as_bytes()));
    assert_eq!(reason(&by_rsa, &unsigned).await.1, "alg is not its issuer's");
    // A key of another kind under the same name.
    let mixed = users("RS256", &ring([ec.fetched(Some("k1"))]));
    assert!(admit(&mixed, &signed(&ec, &header("RS256"), &claims())).await.is_err());
}

#[tokio::test]
async fn a_key_inside_the_token_and_an_extension_that_we_do_not_know_are_not_believed() {
    let (rsa, attacker) = (Rsa::new(), Rsa::new());
    let users = users("RS256", &ring([rsa.fetched(Some("k1"))]));
    let embedded = json!({ "alg": "RS256", "kid": "k1", "jwk": attacker.jwk(), "jku": "https://evil.example/keys" });
    assert_eq!(reason(&users, &signed(&attacker, &embedded, &claims())).await.1, "the signature does not verify");
    let critical = json!({ "alg": "RS256", "kid": "k1", "crit": ["b64"], "b64": false });
    assert_eq!(reason(&users, &signed(&rsa, &critical, &claims())).await.1, "crit names an extension");
}

#[test]
fn a_short_secret_is_no_secret() {
    assert!(Fetched::shared(&"x".repeat(31)).is_none());
    assert!(Fetched::shared(&"x".repeat(32)).is_some());
}
