//! What must be there and able to do its work before anything goes wrong: alarms that reach somebody, and issuers' secrets.

use papay::doctor::ALARMS;
use serde_json::{Value, json};

use super::deployment::Deployed;
use super::recorded::refusal;

#[tokio::test(flavor = "multi_thread")]
async fn an_alarm_that_goes_off_cannot_judge_or_reaches_nobody_is_not_well() {
    let deployed = Deployed::start().await;
    let while_alarms = async |change: &dyn Fn(&mut Value)| {
        deployed.while_changed("alarms", |answer| change(&mut answer["MetricAlarms"])).await
    };
    let at = |index: usize| format!("alarm: {}", ALARMS[index]);
    let off = while_alarms(&|alarms| alarms[0]["StateValue"] = json!("ALARM")).await;
    off.has("failure", &at(0), "goes off");
    assert_eq!((off.code, off.complaints()), (2, vec![at(0)]));
    let undecided = while_alarms(&|alarms| {
        alarms[3]["StateValue"] = json!("INSUFFICIENT_DATA");
        alarms[3]["TreatMissingData"] = json!("notBreaching");
    });
    let undecided = undecided.await;
    undecided.has("unchecked", &at(3), "CloudWatch has not judged it");
    assert_eq!((undecided.code, undecided.complaints()), (1, vec![at(3)]));
    let mute = while_alarms(&|alarms| alarms[1]["AlarmActions"] = json!([])).await;
    mute.has("failure", &at(1), "tells nobody");
    let elsewhere =
        while_alarms(&|alarms| alarms[1]["AlarmActions"] = json!(["arn:aws:lambda:ap-east-1:123456789012:function:f"]));
    elsewhere.await.has("unchecked", &at(1), "something else than a topic");
    let fewer = while_alarms(&|alarms| drop(alarms.as_array_mut().unwrap().pop())).await;
    fewer.has("failure", &at(ALARMS.len() - 1), "is not there");
    let blind = deployed.while_changed("alarms", |answer| *answer = refusal("AccessDenied")).await;
    blind.has("unchecked", "alarm: shop", "may not ask: cloudwatch:DescribeAlarms");

    let topic = "alarm topic: shop-alarms";
    let while_topic = async |answer: Value| deployed.while_changed("topic shop-alarms", |told| *told = answer).await;
    deployed.doctor().await.has("ok", topic, "1 subscriptions are confirmed, 1 are not");
    let unconfirmed = while_topic(json!(["PendingConfirmation"])).await;
    unconfirmed.has("failure", topic, "none of 1 subscriptions is confirmed");
    assert_eq!((unconfirmed.code, unconfirmed.complaints()), (2, vec![topic.to_owned()]));
    while_topic(json!([])).await.has("failure", topic, "nobody is subscribed");
    while_topic(refusal("NotFound")).await.has("failure", topic, "is not there");
    let denied = while_topic(refusal("AuthorizationError")).await;
    denied.has("unchecked", topic, "may not ask: sns:ListSubscriptionsByTopic");
    assert_eq!((denied.code, denied.complaints()), (1, vec![topic.to_owned()]));
    deployed.town.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_issuers_secret_that_is_missing_unreadable_or_short_is_told_and_never_shown() {
    let deployed = Deployed::start().await;
    let name = "papay/issuers/0";
    let at = format!("issuer's secret: {name}");
    let secrets = &deployed.town.stack.host.secrets;
    let short = "a-secret-that-can-be-guessed";
    let good = json!({ "current": "a-secret-of-the-issuer-0000000001", "previous": null });
    for (previous, level) in [(Value::Null, "ok"), (json!(short), "failure")] {
        secrets.put(name, json!({ "current": good["current"], "previous": previous }).to_string());
        let said = deployed.doctor().await;
        said.has(level, &at, if level == "ok" { "there" } else { "has under 32 bytes" });
        assert!(!said.all.contains(short), "{}", said.all);
    }
    secrets.put(name, json!({ "current": short }).to_string());
    let said = deployed.doctor().await;
    said.has("failure", &at, "has under 32 bytes");
    assert!(!said.all.contains(short) && said.code == 2, "{}", said.all);
    secrets.put(name, short);
    let unreadable = deployed.doctor().await;
    unreadable.has("failure", &at, "not the documented JSON");
    assert!(!unreadable.all.contains(short), "{}", unreadable.all);
    secrets.put(name, good.to_string());
    deployed.doctor().await.is_well();

    let issuers = async |text: &str| {
        let change = |answer: &mut Value| answer["Environment"]["Variables"]["PAPAY_ISSUERS"] = json!(text);
        deployed.while_changed("configuration shop-sign-api", change).await
    };
    let one = |secret: Value| json!([{ "issuer": "a", "algorithm": "HS256", "secret": secret }]).to_string();
    let gone = issuers(&one(json!("papay/issuers/gone"))).await;
    gone.has("failure", "issuer's secret: papay/issuers/gone", "is not there");
    issuers("[{}").await.has("failure", "issuers: shop", "not the documented JSON");
    issuers(&one(Value::Null)).await.has("left_out", "issuers: shop", "none shares a secret");
    deployed.town.stop().await;
}
