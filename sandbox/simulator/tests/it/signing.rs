//! Pure signing in its four forms, and the ends of contracts.

use counterparty::SignType;
use serde_json::{Map, Value, json};

use crate::bench::{APPID, Bench, Fields, MCH_ID, MINUTE};

fn offer(bench: &Bench, number: &str) -> Fields {
    Fields::default()
        .with("appid", APPID)
        .with("mch_id", MCH_ID)
        .with("plan_id", "12535")
        .with("contract_code", number)
        .with("request_serial", &format!("1{}", number.bytes().map(u64::from).sum::<u64>()))
        .with("contract_display_account", "微信代扣用户A")
        .with("notify_url", &bench.sink.url("/signing"))
        .with("version", "1.0")
        .with("timestamp", &bench.timestamp())
}

fn query_string(bench: &Bench, fields: &Fields, sign_type: SignType) -> String {
    let mut query = form_urlencoded::Serializer::new(String::new());
    bench.signed(fields, sign_type).iter().for_each(|(name, value)| {
        query.append_pair(name, value);
    });
    query.finish()
}

#[tokio::test]
async fn a_page_inside_wechat_is_opened_signed_and_told() {
    let bench = Bench::start().await;
    let url = |fields: &Fields| {
        format!("https://api.mch.weixin.qq.com/papay/entrustweb?{}", query_string(&bench, fields, SignType::Md5))
    };
    let fields = offer(&bench, "A1");
    assert!(
        bench
            .refused_open(json!({ "entrustweb": url(&fields.clone().with("nonce_str", "n")) }))
            .await
            .contains("参数构造错误")
    );
    assert!(bench.refused_open(json!({ "entrustweb": url(&fields).replace("%3A", "%3a") })).await.contains("编码"));
    assert!(
        bench
            .refused_open(json!({ "entrustweb": url(&fields.clone().with("outerid", &"9".repeat(900))) }))
            .await
            .contains("1024")
    );
    let opened = bench.control.post("/open", json!({ "entrustweb": url(&fields) })).await.unwrap();
    assert_eq!(opened["contract_code"], "A1");
    assert_eq!(bench.contract_state("A1", "12535").await, "-25");
    let signed = bench.act("/contracts/A1/sign", json!({ "user": "alice" })).await;
    let told = bench.sink.wait("/signing", 1).await.remove(0);
    assert_eq!((told.get("contract_id"), told.get("change_type")), (signed["contract_id"].as_str(), Some("ADD")));
    assert_eq!(bench.contract_state("A1", "12535").await, "0");
    let again = offer(&bench, "A2");
    bench.control.post("/open", json!({ "entrustweb": url(&again) })).await.unwrap();
    assert!(bench.refused("/contracts/A2/sign", json!({ "user": "alice" })).await.starts_with("already_signed"));
    bench.pass(6 * MINUTE);
    assert!(bench.refused_open(json!({ "entrustweb": url(&again) })).await.contains("timestamp"));
}

#[tokio::test]
async fn an_app_launches_within_two_minutes_and_may_repeat_the_same_call_for_two_hours() {
    let bench = Bench::start().await;
    let fields = offer(&bench, "B1").with("return_app", "Y");
    let id = |answer: &counterparty::V2Fields| answer.get("pre_entrustweb_id").unwrap().to_owned();
    let first = bench.call("/papay/preentrustweb", &fields).await;
    assert!(first.get("miniprogram_path").unwrap().ends_with(&id(&first)));
    bench.pass(2 * MINUTE + 1);
    assert!(bench.refused_open(json!({ "pre_entrustweb_id": id(&first) })).await.contains("2 minutes"));
    bench.pass(60 * MINUTE);
    let second = bench.call("/papay/preentrustweb", &fields).await;
    bench.control.post("/open", json!({ "pre_entrustweb_id": id(&second) })).await.unwrap();
    bench.act("/contracts/B1/sign", json!({})).await;
    bench.pass(60 * MINUTE);
    let third = bench
        .call("/papay/preentrustweb", &offer(&bench, "B2").with("timestamp", fields.0.get("timestamp").unwrap()))
        .await;
    assert_eq!(third.get("err_code"), Some("PARAM_ERROR"));
    let hmac = offer(&bench, "B3").with("sign_type", "HMAC-SHA256");
    let answer = bench.call_as("/papay/preentrustweb", &hmac, SignType::HmacSha256).await;
    assert_eq!(answer.get("result_code"), Some("SUCCESS"));
    for (plan_id, code) in [("99999", "PARAM_ERROR"), ("12538", "INVALID_REQUEST")] {
        let answer = bench.call("/papay/preentrustweb", &offer(&bench, "B4").with("plan_id", plan_id)).await;
        assert_eq!(answer.get("err_code"), Some(code));
    }
}

#[tokio::test]
async fn a_browser_gets_a_page_that_can_be_visited_once_within_ten_minutes() {
    let bench = Bench::start().await;
    let visit = |number: &'static str, sign_type: SignType| {
        let fields = offer(&bench, number).with("clientip", "12.1.1.12");
        let url = bench.url(&format!("/papay/h5entrustweb?{}", query_string(&bench, &fields, sign_type)));
        let client = bench.client.clone();
        async move {
            let body = client.get(url).send().await.unwrap().bytes().await.unwrap();
            counterparty::V2Fields::read(&body).unwrap()
        }
    };
    let wrong = visit("C1", SignType::Md5).await;
    assert_eq!((wrong.get("result_msg"), wrong.get("redirect_url")), (Some("SIGN_ERROR"), None));
    let answer = visit("C1", SignType::HmacSha256).await;
    assert_eq!(answer.get("sign"), None);
    let redirect_url = answer.get("redirect_url").unwrap();
    bench.control.post("/open", json!({ "h5": redirect_url })).await.unwrap();
    assert!(bench.refused_open(json!({ "h5": redirect_url })).await.contains("visited before"));
    bench.act("/contracts/C1/sign", json!({})).await;
    assert_eq!(bench.sink.wait("/signing", 1).await[0].get("sign").map(str::len), Some(64));
    let answer = visit("C2", SignType::HmacSha256).await;
    bench.pass(10 * MINUTE + 1);
    assert!(bench.refused_open(json!({ "h5": answer.get("redirect_url").unwrap() })).await.contains("10 minutes"));
}

#[tokio::test]
async fn the_mini_program_takes_signed_data_without_version_and_nonce() {
    let bench = Bench::start().await;
    let data = |fields: &Fields| -> Map<String, Value> {
        bench.signed(fields, SignType::Md5).iter().map(|(name, value)| (name.to_owned(), value.into())).collect()
    };
    let with_version = offer(&bench, "D1");
    assert!(bench.refused_open(json!({ "mini_program": data(&with_version) })).await.contains("参数构造错误"));
    let right = with_version.without("version");
    bench.control.post("/open", json!({ "mini_program": data(&right) })).await.unwrap();
    bench.act("/contracts/D1/sign", json!({})).await;
    bench.sink.wait("/signing", 1).await;
}

#[tokio::test]
async fn the_sdks_open_wechats_own_signing_mini_program_and_no_other() {
    let bench = Bench::start().await;
    let answer = bench.call("/papay/preentrustweb", &offer(&bench, "F1").with("return_app", "Y")).await;
    let (name, path) = (answer.get("miniprogram_username").unwrap(), answer.get("miniprogram_path").unwrap());
    let launch = |name: &str, path: &str, kind: u8| json!({ "WXLaunchMiniProgram": { "userName": name, "path": path, "miniprogramType": kind } });
    for wrong in [launch("gh_another", path, 0), launch(name, "pages/index/index", 0), launch(name, path, 1)] {
        assert!(bench.refused_open(wrong).await.contains("signing mini program"));
    }
    assert_eq!(bench.control.post("/open", launch(name, path, 0)).await.unwrap()["contract_code"], "F1");
    bench.act("/contracts/F1/sign", json!({})).await;

    let fields = offer(&bench, "F2").without("version");
    let data: Map<_, _> =
        bench.signed(&fields, SignType::Md5).iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
    let navigate = |appid: &str, path: &str| json!({ "navigateToMiniProgram": { "appId": appid, "path": path, "extraData": data } });
    for wrong in [navigate("wx2421b1c4370ec43b", "pages/index/index"), navigate("wxbd687630cd02ce1d", "pages/other")] {
        assert!(bench.refused_open(wrong).await.contains("signing mini program"));
    }
    let right = navigate("wxbd687630cd02ce1d", "pages/index/index");
    assert_eq!(bench.control.post("/open", right).await.unwrap()["contract_code"], "F2");
    bench.act("/contracts/F2/sign", json!({})).await;
}

#[tokio::test]
async fn nothing_is_signed_on_a_page_that_was_not_opened_or_was_left() {
    let bench = Bench::start().await;
    bench.call("/papay/preentrustweb", &offer(&bench, "E1")).await;
    assert!(bench.refused("/contracts/E1/sign", json!({})).await.contains("not opened"));
    let mini_program = offer(&bench, "E2").without("version");
    let data: Map<_, _> = bench
        .signed(&mini_program, SignType::Md5)
        .iter()
        .map(|(name, value)| (name.to_owned(), value.into()))
        .collect();
    bench.control.post("/open", json!({ "mini_program": data })).await.unwrap();
    bench.act("/contracts/E2/cancel", json!({})).await;
    assert!(bench.refused("/contracts/E2/sign", json!({})).await.contains("left"));
    assert_eq!(bench.contract_state("E2", "12535").await, "-25");
    assert!(bench.sink.at("/signing").is_empty());
}

#[tokio::test]
async fn a_contract_ends_in_each_documented_mode_and_the_templates_address_is_told() {
    let bench = Bench::start().await;
    for (at, (by, mode)) in
        [("expired", "1"), ("user", "2"), ("platform", "4"), ("account_cancelled", "5"), ("customer_service", "7")]
            .into_iter()
            .enumerate()
    {
        let number = format!("F{at}");
        bench.subscribe(&number, "12535").await.unwrap();
        bench.act(&format!("/contracts/{number}/terminate"), json!({ "by": by })).await;
        let told = bench.sink.wait("/contract/v2/10000100", at + 1).await.remove(at);
        assert_eq!((told.get("change_type"), told.get("contract_termination_mode")), (Some("DELETE"), Some(mode)));
        assert_eq!(bench.contract_state(&number, "12535").await, "1");
    }
    let error = bench.refused("/contracts/F0/terminate", json!({ "by": "user" })).await;
    assert!(error.contains("not in force"), "{error}");
}

#[tokio::test]
async fn a_call_ends_a_contract_by_either_number_and_once() {
    let bench = Bench::start().await;
    let contract_id = bench.subscribe("G1", "12535").await.unwrap();
    let base = Fields::default()
        .with("appid", APPID)
        .with("mch_id", MCH_ID)
        .with("contract_termination_remark", "用户退订")
        .with("version", "1.0");
    let by_id = base.clone().with("contract_id", &contract_id);
    let refused = bench.call("/papay/deletecontract", &by_id.clone().with("nonce_str", "n")).await;
    assert_eq!(refused.get("return_msg"), Some("参数构造错误"));
    let answer = bench.call("/papay/deletecontract", &by_id).await;
    assert_eq!((answer.get("result_code"), answer.get("contract_id")), (Some("SUCCESS"), Some(contract_id.as_str())));
    let again = bench.call("/papay/deletecontract", &by_id).await;
    assert_eq!(again.get("err_code"), Some("INVALID_REQUEST"));
    let told = bench.sink.wait("/contract/v2/10000100", 1).await.remove(0);
    assert_eq!(told.get("contract_termination_mode"), Some("3"));
    bench.subscribe("G2", "12535").await.unwrap();
    let by_code = base.clone().with("plan_id", "12535").with("contract_code", "G2");
    assert_eq!(bench.call("/papay/deletecontract", &by_code).await.get("result_code"), Some("SUCCESS"));
    assert_eq!(bench.call("/papay/deletecontract", &base).await.get("err_code_des"), Some("PARAMETER FAIL"));
}

#[tokio::test]
async fn the_merchant_is_asked_to_keep_a_user_before_the_end_is_told() {
    let bench = Bench::start().await;
    bench.subscribe("H1", "12539").await.unwrap();
    bench.act("/contracts/H1/terminate", json!({ "by": "user" })).await;
    bench.sink.wait_any("/contract/v2/10000100", 2).await;
    let told = bench.sink.at("/contract/v2/10000100");
    assert!(told[0].contains("ENTRUST.TERMINATE_RETENTION"), "{}", told[0]);
    assert!(told[1].contains("DELETE"), "{}", told[1]);
    assert_eq!(bench.contract_state("H1", "12539").await, "1");
}

#[tokio::test]
async fn a_signing_that_takes_time_is_in_progress_until_its_time_has_come() {
    let bench = Bench::start().await;
    bench.call("/pay/contractorder", &bench.order("I1")).await;
    bench.act("/orders/I1F000/pay", json!({ "signing_ms": 30_000 })).await;
    assert_eq!(bench.contract_state("I1", "12535").await, "9");
    bench.pass(30_000);
    assert_eq!(bench.contract_state("I1", "12535").await, "0");
    bench.sink.wait("/signing", 1).await;
}

impl Bench {
    async fn refused_open(&self, opening: Value) -> String {
        let error = self.control.post("/open", opening).await.unwrap_err();
        assert_eq!(error.status, 409, "{error}");
        error.body["refused"].as_str().unwrap().to_owned()
    }
}
