//! What an issuer of the app's tokens shares with papay: put, changed and retired by the rules of every other key.

use jsonwebtoken::{Algorithm, EncodingKey, Header};
use papay::Config;
use papay::token::{TokenUser, token};
use serde_json::json;

use super::desk::{Desk, THIRD, fine, refused};
use crate::harness::{MCH_ID, answered};

const FIRST: &str = "the-first-secret-of-the-issuer-01";

#[tokio::test(flavor = "multi_thread")]
async fn an_issuers_secret_changes_while_tokens_by_the_one_before_are_still_taken() {
    let desk = Desk::open();
    let next = desk.path("third.txt");
    let issuer = |args: &[&str]| desk.keys(&[&["issuer"], args].concat());
    assert_eq!(taken(&desk).await, [true, false]);
    fine(&issuer(&["stage", "0", "--key-file", &next]));
    desk.wait("61s");
    assert_eq!(taken(&desk).await, [true, true]);
    let rotated = fine(&issuer(&["rotate", "0"]));
    assert!(rotated.contains("papay keys issuer retire 0"), "{rotated}");
    desk.wait("61s");
    assert_eq!(taken(&desk).await, [true, true]);
    let early = refused(&issuer(&["retire", "0"]));
    assert!(early.contains("too early: until ") && early.contains("the issuer's tokens of before"), "{early}");
    desk.wait("25h");
    assert_eq!(taken(&desk).await, [true, true]);
    fine(&issuer(&["retire", "0"]));
    desk.wait("11m");
    assert_eq!(taken(&desk).await, [false, true]);
}

#[test]
fn an_issuers_secret_is_put_and_retired_by_the_rules_of_every_other_key() {
    let desk = Desk::open();
    let (first, second) = (desk.file("first.txt", &format!("{FIRST}\n")), desk.path("third.txt"));
    let issuer = |args: &[&str]| desk.keys(&[&["issuer"], args].concat());
    let none = refused(&issuer(&["rotate", "app", "--key-file", &second]));
    assert!(none.contains("there is none yet: papay keys issuer import puts the first one"), "{none}");
    let short = desk.file("short.txt", &FIRST[2..]);
    let short = refused(&issuer(&["import", "app", "--key-file", &short]));
    assert!(short.contains("secret: has 31 bytes instead of at least 32"), "{short}");
    assert!(refused(&issuer(&["import", "app"])).contains("no key was given"));
    assert!(fine(&issuer(&["show", "app"])).contains("HS256 secret           none"));

    let written = fine(&issuer(&["import", "app", "--key-file", &first]));
    assert!(written.contains("written to papay/issuers/app") && !written.contains(FIRST), "{written}");
    assert!(fine(&issuer(&["import", "app", "--key-file", &first])).contains("nothing to write"));
    let other = refused(&issuer(&["import", "app", "--key-file", &second]));
    assert!(other.contains("another one is in force: papay keys issuer stage NAME"), "{other}");
    fine(&issuer(&["rotate", "app", "--key-file", &second]));
    assert!(fine(&issuer(&["show", "app"])).contains("in force, and another one beside it"));
    let third = desk.file("another.txt", &FIRST.to_uppercase());
    let full = refused(&issuer(&["rotate", "app", "--key-file", &third]));
    assert!(
        full.contains("another key stands beside the one in force: papay keys issuer retire NAME, first"),
        "{full}"
    );
    let now = fine(&issuer(&["retire", "app", "--now"]));
    assert!(now.contains("they are refused from now on"), "{now}");
    let none = refused(&issuer(&["retire", "app"]));
    assert!(none.contains("secret.previous: there is none to retire"), "{none}");
}

#[test]
fn a_secret_typed_in_the_place_of_an_issuers_name_is_not_printed() {
    let desk = Desk::open();
    for verb in ["import", "show", "stage", "rotate", "retire"] {
        let said = refused(&desk.keys(&["issuer", verb, THIRD]));
        assert!(said.contains("the issuer's name: 1 to 31 letters"), "{said}");
    }
}

/// Whether sign-api takes tokens by the secret that the stack begins with, and by the new one.
async fn taken(desk: &Desk) -> [bool; 2] {
    let (config, user) = (Config::read(Config::default_path()).unwrap(), "alice");
    let mch_id = config.merchants.iter().find(|mch_id| mch_id.as_str() == MCH_ID).unwrap();
    let expires = domain::Timestamp::from_second(4_000_000_000).unwrap();
    let of_before = token(&config, mch_id, &TokenUser { user: user.to_owned(), ..TokenUser::default() }, expires);
    let issuer = config.issuers.iter().find(|issuer| issuer.merchants.contains(mch_id)).unwrap();
    let claims = json!({ "iss": issuer.issuer, "aud": issuer.audience, "sub": user, "exp": expires.as_second() });
    let key = EncodingKey::from_secret(THIRD.as_bytes());
    let new = jsonwebtoken::encode(&Header::new(Algorithm::HS256), &claims, &key);
    let mut taken = [false; 2];
    for (taken, token) in taken.iter_mut().zip([of_before.unwrap(), new.unwrap()]) {
        let url = format!("{}v1/{MCH_ID}/orders/0", desk.dev.running().apis["sign-api"]);
        let (status, _) = answered(reqwest::Client::new().get(url).bearer_auth(token)).await;
        assert!([401, 404].contains(&status), "{status}");
        *taken = status == 404;
    }
    taken
}
