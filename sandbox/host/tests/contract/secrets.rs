//! Secrets Manager over the real SDK.

use std::collections::BTreeMap;

use aws_sdk_secretsmanager::Client;
use aws_sdk_secretsmanager::operation::create_secret::CreateSecretError;
use aws_sdk_secretsmanager::operation::get_secret_value::GetSecretValueError;
use host::clock::Clock;
use host::secrets::Secrets;

use crate::clients;

const NAME: &str = "papay/10000100/callback";

async fn start() -> (Secrets, Client) {
    let secrets = BTreeMap::from([(NAME.to_owned(), r#"{"current":"1"}"#.to_owned())]);
    let secrets = Secrets::start(secrets, 0, Clock::in_memory()).await.unwrap();
    let client = clients::secrets(&secrets.endpoint());
    (secrets, client)
}

#[tokio::test]
async fn a_secret_is_found_by_its_name_and_by_its_arn() {
    let (_secrets, client) = start().await;
    let by_name = client.get_secret_value().secret_id(NAME).send().await.unwrap();
    assert_eq!((by_name.name(), by_name.secret_string()), (Some(NAME), Some(r#"{"current":"1"}"#)));
    assert!(by_name.version_id().is_some() && by_name.created_date().is_some());
    let by_arn = client.get_secret_value().secret_id(by_name.arn().unwrap()).send().await.unwrap();
    assert_eq!(by_arn.secret_string(), by_name.secret_string());
}

#[tokio::test]
async fn a_new_value_is_current_and_the_one_before_it_previous() {
    let (secrets, client) = start().await;
    client.put_secret_value().secret_id(NAME).secret_string(r#"{"current":"2"}"#).send().await.unwrap();
    let get = |stage: &str| client.get_secret_value().secret_id(NAME).version_stage(stage).send();
    assert_eq!(get("AWSCURRENT").await.unwrap().secret_string(), Some(r#"{"current":"2"}"#));
    assert_eq!(get("AWSPREVIOUS").await.unwrap().secret_string(), Some(r#"{"current":"1"}"#));
    secrets.put(NAME, "3");
    assert_eq!(get("AWSCURRENT").await.unwrap().secret_string(), Some("3"));
}

#[tokio::test]
async fn a_label_is_moved_only_from_the_version_that_has_it() {
    let (secrets, client) = start().await;
    let get = |stage: &str| client.get_secret_value().secret_id(NAME).version_stage(stage).send();
    let read = get("AWSCURRENT").await.unwrap().version_id.unwrap();
    let put = client.put_secret_value().secret_id(NAME).secret_string("mine").version_stages("AWSPENDING");
    let mine = put.send().await.unwrap().version_id.unwrap();
    assert_eq!(get("AWSCURRENT").await.unwrap().version_id(), Some(read.as_str()), "it is not in force yet");
    let promote = |from: &str| {
        let update = client.update_secret_version_stage().secret_id(NAME).version_stage("AWSCURRENT");
        update.move_to_version_id(&mine).remove_from_version_id(from).send()
    };
    promote(&read).await.unwrap();
    assert_eq!(get("AWSCURRENT").await.unwrap().secret_string(), Some("mine"));
    assert_eq!(get("AWSPREVIOUS").await.unwrap().version_id(), Some(read.as_str()));
    secrets.put(NAME, "another's");
    let late = promote(&mine).await.unwrap_err().into_service_error();
    assert!(late.is_invalid_parameter_exception(), "{late:?}");
    assert_eq!(get("AWSCURRENT").await.unwrap().secret_string(), Some("another's"));
}

#[tokio::test]
async fn a_secret_that_does_not_exist_is_a_typed_error_until_it_is_made() {
    let (_secrets, client) = start().await;
    let get = || client.get_secret_value().secret_id("new").send();
    let error = get().await.unwrap_err().into_service_error();
    assert!(matches!(error, GetSecretValueError::ResourceNotFoundException(_)), "{error:?}");
    let put = client.put_secret_value().secret_id("new").secret_string("x").send().await.unwrap_err();
    assert!(put.into_service_error().is_resource_not_found_exception());
    let create = || client.create_secret().name("new").secret_string("x").send();
    create().await.unwrap();
    assert_eq!(get().await.unwrap().secret_string(), Some("x"));
    let error = create().await.unwrap_err().into_service_error();
    assert!(matches!(error, CreateSecretError::ResourceExistsException(_)), "{error:?}");
}

#[tokio::test]
async fn requests_are_counted_and_can_be_made_to_fail() {
    let (secrets, client) = start().await;
    let get = || client.get_secret_value().secret_id(NAME).send();
    get().await.unwrap();
    secrets.set_down(true);
    let error = get().await.unwrap_err().into_service_error();
    assert!(matches!(error, GetSecretValueError::InternalServiceError(_)), "{error:?}");
    secrets.set_down(false);
    get().await.unwrap();
    assert_eq!(secrets.requests(), 3);
}

#[tokio::test]
async fn web_pages_are_refused() {
    let (secrets, _) = start().await;
    let post = reqwest::Client::new().post(secrets.endpoint()).header("x-amz-target", "secretsmanager.GetSecretValue");
    let post = post.header("Host", "evil.example").body(format!(r#"{{"SecretId":"{NAME}"}}"#));
    let response = post.send().await.unwrap();
    assert_eq!(response.status(), 403);
    assert!(!response.text().await.unwrap().contains("current"));
}
