//! What survives, and who may come in.

use std::process::{Command, Stdio};

use super::*;

#[tokio::test]
async fn a_file_survives_a_kill_of_the_process_that_writes_it() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = Command::new(std::env::current_exe().unwrap())
        .args(["--exact", "dynamodb::kept::serve", "--ignored", "--nocapture"])
        .env("SERVE_FOLDER", folder.path())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let endpoint = endpoint_of(&mut server);
    let client = clients::dynamodb(&endpoint);
    create_table(&client).await;
    for seq in 0..50 {
        client.put_item().table_name(TABLE).set_item(Some(key("a", seq))).send().await.unwrap();
    }
    server.kill().unwrap();
    server.wait().unwrap();
    let f = Fixture::open(&Store::Folder(folder.path().to_owned())).await;
    for seq in 0..50 {
        assert!(f.get("a", seq).await.is_some(), "{seq}");
    }
    f.put(key("a", 50)).await;
}

fn endpoint_of(server: &mut std::process::Child) -> String {
    use std::io::BufRead;
    let lines = std::io::BufReader::new(server.stdout.take().unwrap()).lines();
    let mut endpoints =
        lines.map_while(Result::ok).filter_map(|line| Some(line.split_once("listens at ")?.1.to_owned()));
    endpoints.next().unwrap()
}

#[test]
#[ignore = "the process that another test kills"]
fn serve() {
    let Some(folder) = std::env::var_os("SERVE_FOLDER") else { return };
    tokio::runtime::Runtime::new().unwrap().block_on(async {
        let f = Fixture::open(&Store::Folder(folder.into())).await;
        println!("listens at {}", f.dynamodb.endpoint());
        std::future::pending::<()>().await;
    });
}

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
