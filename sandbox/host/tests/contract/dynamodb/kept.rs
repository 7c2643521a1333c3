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
