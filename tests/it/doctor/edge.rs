//! Addresses for each merchant, and a deployment behind a distribution: paths, filter and origin secret as `edge.yaml` has them.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use http::{Method, StatusCode, Uri};
use papay::doctor::FUNCTIONS;
use serde_json::{Value, json};
use tokio::net::TcpListener;

use super::deployment::Deployed;
use crate::harness::{Door, MCH_ID, OTHER_MCH_ID, Town};

const ORIGIN_SECRET: &str = "a-secret-of-the-distribution-0001";

const FUNCTION_OF: [(&str, &str); 5] = [
    ("deduction", "deduction-callback"),
    ("contract", "contract-callback"),
    ("payment", "payment-callback"),
    ("refund", "refund-callback"),
    ("app", "sign-api"),
];

#[derive(Clone)]
struct Edge {
    behind: Arc<BTreeMap<&'static str, String>>,
    /// `OtherAddresses=Block`, and none of WeChat's addresses asks.
    blocks: Arc<AtomicBool>,
    http: reqwest::Client,
}

impl Edge {
    /// In front of these functions; its address.
    async fn open(town: &Town) -> (Self, String) {
        let behind = FUNCTION_OF.map(|(part, function)| (part, town.stack.lambda.url(function).unwrap().to_owned()));
        let edge = Self { behind: Arc::new(behind.into()), blocks: Arc::default(), http: reqwest::Client::new() };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let endpoint = format!("http://{}", listener.local_addr().unwrap());
        let router = Router::new().fallback(pass).with_state(edge.clone());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (edge, endpoint)
    }
}

/// The filter's first rule, then the viewer function, then the origin.
async fn pass(State(edge): State<Edge>, method: Method, uri: Uri, body: Bytes) -> Response {
    let path = uri.path();
    if edge.blocks.load(Ordering::Relaxed) && !path.starts_with("/app/") {
        return StatusCode::FORBIDDEN.into_response();
    }
    let parts = path.strip_prefix('/').and_then(|path| path.split_once('/')).filter(|(_, rest)| !rest.is_empty());
    let Some((origin, rest)) = parts.and_then(|(first, rest)| Some((edge.behind.get(first)?, rest))) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let request = edge.http.request(method, format!("{}/{rest}", origin.trim_end_matches('/'))).body(body);
    let answer = request.header("x-origin-verify", ORIGIN_SECRET).send().await.unwrap();
    (answer.status(), answer.bytes().await.unwrap()).into_response()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_deployment_behind_a_distribution_is_well_and_where_only_wechat_is_let_in_it_is_unchecked() {
    let template = include_str!("../../../edge.yaml");
    let viewer_function = r"match(/^\/(deduction|contract|payment|refund|app)(\/.+)$/)";
    assert!(template.contains(viewer_function), "the edge of this test takes other paths than the template's");
    let town = Town::start_with(vec![("PAPAY_ORIGIN_SECRETS".to_owned(), ORIGIN_SECRET.to_owned())]).await;
    let deployed = Deployed::of(town).await;
    let (edge, behind) = Edge::open(&deployed.town).await;
    let domain = Door::open(&deployed.authority, &behind).await.endpoint;
    let told = |variables: &mut Value| {
        variables["PAPAY_ORIGIN_SECRETS"] = json!(ORIGIN_SECRET);
        for part in ["deduction", "contract", "payment", "refund"] {
            variables[format!("PAPAY_URL_{}", part.to_uppercase())] = json!(format!("{domain}/{part}"));
        }
    };
    in_every_function(&deployed, told);

    let well = deployed.doctor().await;
    well.is_well();
    for (part, version) in [("deduction", "v2"), ("contract", "v2"), ("payment", "v3"), ("refund", "v2")] {
        let at = format!("reachable: {part}-callback");
        well.has("ok", &at, &format!("{domain}/{part}/{version}/{MCH_ID} answers 405"));
        well.has("ok", &at, "answers 403");
    }
    well.has("ok", "reachable: sign-api", &format!("{domain}/app/v1/{MCH_ID}/orders/0 answers 401"));
    assert!(!well.all.contains(ORIGIN_SECRET), "{}", well.all);

    edge.blocks.store(true, Ordering::Relaxed);
    let blocked = deployed.doctor().await;
    let callbacks = ["deduction", "payment", "contract", "refund"].map(|part| format!("reachable: {part}-callback"));
    for callback in &callbacks {
        blocked.has("unchecked", callback, "answers 403");
    }
    assert_eq!((blocked.code, blocked.complaints()), (1, callbacks.to_vec()));
    edge.blocks.store(false, Ordering::Relaxed);

    in_every_function(&deployed, |variables| variables["PAPAY_URL_REFUND"] = json!(format!("{domain}/refunds")));
    let misled = deployed.doctor().await;
    misled.has("failure", "reachable: refund-callback", &format!("{domain}/refunds/v2/{MCH_ID} answers 404"));
    assert_eq!((misled.code, misled.complaints()), (2, vec!["reachable: refund-callback".to_owned()]));
    deployed.town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn every_address_is_asked_for_each_merchant_and_for_none_that_nobody_knows() {
    let deployed = Deployed::start().await;
    let both = format!("{MCH_ID},{OTHER_MCH_ID}");
    in_every_function(&deployed, |variables| variables["PAPAY_MERCHANTS"] = json!(both));
    let said = deployed.doctor().await;
    said.is_well();
    for mch_id in [MCH_ID, OTHER_MCH_ID] {
        said.has("ok", "reachable: contract-callback", &format!("/v2/{mch_id} answers 405"));
        said.has("ok", "reachable: sign-api", &format!("/v1/{mch_id}/orders/0 answers 401"));
    }
    in_every_function(&deployed, |variables| drop(variables.as_object_mut().unwrap().remove("PAPAY_MERCHANTS")));
    let unknown = deployed.doctor().await;
    unknown.has("unchecked", "reachable: shop", "for no merchant that is known");
    assert_eq!((unknown.code, unknown.complaints().len()), (1, 2), "{}", unknown.all);
    deployed.town.stop().await;
}

fn in_every_function(deployed: &Deployed, change: impl Fn(&mut Value)) {
    for (name, _) in FUNCTIONS {
        for what in ["configuration", "latest"] {
            let answer = format!("{what} shop-{name}");
            deployed.account.change(&answer, |answer| change(&mut answer["Environment"]["Variables"]));
        }
    }
}
