//! Products whose payment invites to paying without a password from then on (免密支付).

use std::time::{Duration, Instant};

use serde_json::json;

use super::end::PAID;
use super::scene::{MINUTE, SECOND, Scene};
use crate::harness::{DEADLINE, Item, MCH_ID, Town, attribute};

impl Scene {
    /// Waits until the app sees the invitation there, moving the clock between the looks.
    async fn invitation_comes_to(&self, status: &str, step: Duration) {
        let started = Instant::now();
        loop {
            let seen = self.status().await;
            if seen["pre_signing"]["status"] == status {
                return;
            }
            assert!(started.elapsed() < DEADLINE, "waited for {status}: {seen}");
            self.time_passes(step).await;
        }
    }

    /// The number of the password-exempt contract, `<service_id>#<out_contract_code>`, and its row.
    async fn exempt_row(&self) -> (String, Item) {
        let prefix = format!("{MCH_ID}#X#");
        let dump = self.town.dump().await;
        let mut rows = dump.ledger.iter().filter_map(|(key, item)| Some((key.strip_prefix(&prefix)?, item)));
        let (number, item) = rows.next().unwrap();
        (number.to_owned(), item.clone())
    }

    /// What WeChat has told of the contract so far was acknowledged at its first try. It is so often.
    async fn has_acknowledged(&self, notices: usize) {
        let (number, _) = self.exempt_row().await;
        let code = number.split_once('#').unwrap().1.to_owned();
        self.hears_every_notice(&code, SECOND).await;
        let told = self.notices(&code).await;
        assert_eq!(told.len(), notices, "{told:#?}");
        for notice in told {
            let deliveries = notice["deliveries"].as_array().unwrap();
            assert_eq!((deliveries.len(), &deliveries[0]["status"]), (1, &json!(204)), "{notice:#}");
        }
    }

    /// The bodies in the contract's journal that came by callback and were a reason to ask.
    async fn kept_reasons_to_ask(&self) -> usize {
        let (number, _) = self.exempt_row().await;
        let dump = self.town.dump().await;
        let journal = dump.journal(MCH_ID, &format!("X#{number}"));
        journal.iter().filter(|entry| attribute(entry, "outcome") == "asked" && entry.contains_key("body")).count()
    }

    /// The state of the password-exempt contract, on record and at WeChat.
    async fn exempt(&self) -> (String, Option<String>) {
        let (_, item) = self.exempt_row().await;
        let all = self.town.stack.simulator.control().get(&format!("/{MCH_ID}/exempt-contracts")).await.unwrap();
        let at_wechat = all[0]["state"].as_str().map(str::to_owned);
        (attribute(&item, "state"), at_wechat)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payment_invites_before_it_can_be_made_and_signs() {
    let scene = Scene::begin(Town::start().await, "alice", "coffee", "mini_program").await;
    assert_eq!(scene.begun["pre_signing"]["status"], "offered", "{}", scene.begun);
    assert_eq!(
        scene.exempt().await,
        ("offered".to_owned(), Some("offered".to_owned())),
        "before the app had its answer"
    );
    let paid = scene.pay().await;
    assert!(paid["contract_id"].is_string(), "{paid}");
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    scene.has_acknowledged(1).await;
    scene.invitation_comes_to("signed", MINUTE).await;
    scene.ends(PAID).await;
    assert_eq!(scene.exempt().await, ("signed".to_owned(), Some("signed".to_owned())));
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_notice_about_the_contract_is_kept_and_acknowledged_and_a_reason_to_ask_and_no_more() {
    let scene = Scene::begin(Town::start().await, "alice", "coffee", "mini_program").await;
    let (number, _) = scene.exempt_row().await;
    let work = |town: &Town| town.stack.host.sqs.fail_queue(papay::stack::queues::WORK, host::sqs::Fault::RefuseSends);
    // Nobody asks: what is on record came by callback.
    work(&scene.town);
    scene.pay().await;
    scene.has_acknowledged(1).await;
    assert_eq!(scene.kept_reasons_to_ask().await, 1);
    let (_, row) = scene.exempt_row().await;
    assert_eq!(attribute(&row, "state"), "offered", "the form of the notice is not documented: nothing else follows");
    let due: i64 = attribute(&row, "due_at").parse().unwrap();
    assert!(due <= scene.town.now().as_millisecond(), "it is asked for at once");
    // Neither does the app: the worker's question decides.
    scene.town.ask_wechat();
    scene.comes_to_be('X', &number, "signed", MINUTE).await;
    assert_eq!(scene.exempt().await.1.as_deref(), Some("signed"));

    let code = number.split_once('#').unwrap().1;
    work(&scene.town);
    scene.at_wechat(&format!("/{MCH_ID}/exempt-contracts/{code}/terminate"), json!({ "by": "user" })).await;
    scene.has_acknowledged(2).await;
    assert_eq!(scene.kept_reasons_to_ask().await, 2);
    assert_eq!(scene.exempt().await.0, "signed");
    scene.town.ask_wechat();
    scene.comes_to_be('X', &number, "terminated", MINUTE).await;
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_the_notice_about_the_contract_lost_it_is_found_by_asking() {
    let scene = Scene::begin(Town::start().await, "alice", "coffee", "mini_program").await;
    scene.notices_meet("contract_add", json!("lost"), 1_000).await;
    let (number, _) = scene.exempt_row().await;
    scene.pay().await;
    scene.comes_to_be('X', &number, "signed", MINUTE).await;
    assert_eq!(scene.kept_reasons_to_ask().await, 0);
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_who_declines_has_paid_and_signed_nothing() {
    let scene = Scene::begin(Town::start().await, "alice", "coffee", "mini_program").await;
    scene.of_the_order("pay", json!({ "sign": false })).await;
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    scene.ends(PAID).await;
    // Nobody tells of it: the session is over after two hours.
    scene.invitation_comes_to("not_signed", 10 * MINUTE).await;
    assert_eq!(scene.exempt().await, ("not_signed".to_owned(), Some("offered".to_owned())));
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_failed_pre_signing_leaves_the_order_valid() {
    let scene = Scene::begin(Town::start().await, "alice", "coffee-misconfigured", "mini_program").await;
    assert_eq!(
        scene.begun["pre_signing"],
        json!({ "status": "failed", "wechat_code": "PARAM_ERROR" }),
        "{}",
        scene.begun
    );
    let paid = scene.pay().await;
    assert!(paid["contract_id"].is_null(), "{paid}");
    scene.comes_to_be('O', &scene.order, "paid", SECOND).await;
    scene.ends(PAID).await;
    assert_eq!(scene.exempt().await, ("refused".to_owned(), None));
    scene.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_back_end_has_a_contract_signed_in_wechats_mini_program_and_ends_it() {
    let scene = Scene::unbegun(Town::start().await, "alice").await;
    let appid = "wxd678efh567hg6787";
    let user = scene.town.stack.simulator.control().get(&format!("/openids/{appid}/wx-alice")).await.unwrap();
    let wanted = json!({
        "mode": "normal", "service_id": 20_535, "out_contract_code": "A1", "openid": user["openid"],
        "display_account": "微信用户A", "appid": appid,
    });
    let (status, first) = scene.back_end("/pre-signings", "the key", wanted.clone()).await;
    assert_eq!((status, &first["state"]), (200, &json!("offered")), "{first}");
    assert_eq!(first["session"]["path"], "pages/PwdExemptContract/index", "{first}");
    let (_, again) = scene.back_end("/pre-signings", "the key", wanted).await;
    assert!(again["session"]["pre_entrustweb_id"].is_string(), "{again}");
    assert_ne!(again["session"], first["session"], "a session of its own each time");

    scene.at_wechat(&format!("/{MCH_ID}/exempt-contracts/A1/sign"), json!({})).await;
    scene.has_acknowledged(1).await;
    scene.comes_to_be('X', "20535#A1", "signed", MINUTE).await;
    let (status, ended) = scene.back_end("/pre-signings/20535/A1/termination", "end", json!({})).await;
    assert_eq!((status, &ended["state"]), (200, &json!("terminated")), "{ended}");
    assert_eq!(scene.exempt().await, ("terminated".to_owned(), Some("terminated".to_owned())));
    scene.stop().await;
}
