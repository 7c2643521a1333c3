//! Who may come in.

use super::*;

#[tokio::test]
async fn web_pages_are_refused() {
    let f = Fixture::memory().await;
    let list = || {
        let post = reqwest::Client::new().post(f.dynamodb.endpoint()).body("{}");
        let post = post.header("x-amz-target", "DynamoDB_20120810.ListTables");
        let post = post.header("Authorization", "AWS4-HMAC-SHA256 Credential=local/20260101/us-east-1/dynamodb/aws4_request, SignedHeaders=host, Signature=0");
        post.header("Content-Type", "application/x-amz-json-1.0").header("x-amz-date", "20260101T000000Z")
    };
    let answer = list().send().await.unwrap();
    assert_eq!(answer.status(), 200, "{}", answer.text().await.unwrap());
    assert_eq!(list().header("Host", "evil.example").send().await.unwrap().status(), 403);
    let foreign = list().header("Origin", "https://evil.example").send().await.unwrap();
    assert_eq!(foreign.status(), 403);
    assert!(!foreign.headers().contains_key("access-control-allow-origin"));
}
