//! The daily bill: asked for, fetched from WeChat's own host alone, and believed if it is whole.

use serde_json::json;
use wechat::*;

use super::support::*;

const BILL: &[u8] = b"bill";
const HOST: &str = "https://api.mch.weixin.qq.com";
const FILE: &str = "/v3/billdownload/file?token=6XIv5TUPto7pByrTQKhd6kwvyKLG2uY2wMMR8cNXqaA_Cv_isgaUtBzp4QtiozLO";

fn hash() -> String {
    verify::sha1(BILL).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn asked() -> Prepared<v3::TradeBill> {
    v3::TradeBill { day: "2026-11-20".parse().unwrap() }.prepare(&keys(), &at()).unwrap()
}

fn named(url: &str, hash_type: &str, hash: &str) -> String {
    json!({ "hash_type": hash_type, "hash_value": hash, "download_url": url }).to_string()
}

async fn file(url: &str) -> v3::BillFile {
    match told(&asked(), [signed(200, &named(url, "SHA1", &hash()))]).await.unwrap() {
        v3::BillAnswer::Made(file) => file,
        other => panic!("{other:?}"),
    }
}

async fn fetched(
    url: &str,
    answers: impl IntoIterator<Item = Result<Incoming, Failure>>,
) -> (Result<Vec<u8>, CallError>, Vec<crate::support::Sent>) {
    let (file, script) = (file(url).await, Script::new(answers));
    let fetched = Client::over(Hosts::default(), &script).download(&file, &keys(), now()).await;
    (fetched, script.sent())
}

#[tokio::test]
async fn a_bill_is_asked_for_by_its_day_and_fetched_with_a_signature_over_path_and_query() {
    assert_eq!(asked().target(), "/v3/bill/tradebill?bill_date=2026-11-20&bill_type=ALL");
    let (bill, sent) = fetched(&format!("{HOST}{FILE}"), [status(200, BILL.to_vec())]).await;
    assert_eq!(bill.unwrap(), BILL, "the file itself is not signed");
    assert_eq!(sent.len(), 1);
    assert_eq!(sent[0].url, format!("{HOST}{FILE}"));
    assert!(sent[0].headers["authorization"].starts_with("WECHATPAY2-SHA256-RSA2048 "), "{:?}", sent[0].headers);
}

#[tokio::test]
async fn a_bill_whose_hash_is_another_is_not_believed() {
    let (bill, _) = fetched(&format!("{HOST}{FILE}"), [status(200, b"bile".to_vec())]).await;
    let error = bill.unwrap_err();
    assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Unbelievable, Some("another hash")));
}

#[tokio::test]
async fn a_bill_at_a_host_that_is_not_wechats_is_not_asked_for() {
    for origin in [
        "https://bills.example.com",
        "http://api.mch.weixin.qq.com",
        "https://api.mch.weixin.qq.com:8443",
        "https://api.mch.weixin.qq.com.example.com",
        "https://user@api.mch.weixin.qq.com",
    ] {
        let (bill, sent) = fetched(&format!("{origin}{FILE}"), []).await;
        let error = bill.unwrap_err();
        assert_eq!((error.kind, error.code.as_deref()), (ErrorKind::Unbelievable, Some("another host")), "{origin}");
        assert!(sent.is_empty(), "{origin}");
    }
}

#[tokio::test]
async fn a_file_that_did_not_come_is_asked_for_once_more_and_a_refusal_is_not() {
    let url = format!("{HOST}{FILE}");
    let (bill, sent) = fetched(&url, [Err(Failure::Lost), status(200, BILL.to_vec())]).await;
    assert_eq!((bill.unwrap(), sent.len()), (BILL.to_vec(), 2));
    let gone = error_body("NO_AUTH", "下载链接无效或已过期");
    let (bill, sent) = fetched(&url, [status(403, gone.into_bytes())]).await;
    assert_eq!((bill.unwrap_err().meaning, sent.len()), (Meaning::NotPermitted, 1));
}

#[tokio::test]
async fn that_there_is_no_bill_and_that_it_is_being_made_are_answers() {
    for (code, expected) in
        [("NO_STATEMENT_EXIST", v3::BillAnswer::Nothing), ("STATEMENT_CREATING", v3::BillAnswer::Creating)]
    {
        let answer = signed(400, &error_body(code, "账单"));
        assert_eq!(told(&asked(), [answer]).await.unwrap(), expected);
    }
    let error = told(&asked(), [signed(400, &error_body("INVALID_REQUEST", "参数错误"))]).await.unwrap_err();
    assert_eq!(error.meaning, Meaning::Misconfigured);
}

#[tokio::test]
async fn an_answer_that_names_no_file_or_no_sha1_or_that_nobody_signed_is_no_answer() {
    let url = format!("{HOST}{FILE}");
    for body in [
        named(&url, "MD5", &hash()),
        named(&url, "SHA1", "abc"),
        named(&url, "SHA1", &"+f".repeat(20)),
        named("/v3/billdownload/file", "SHA1", &hash()),
        "{}".to_owned(),
    ] {
        assert_eq!(told(&asked(), [signed(200, &body)]).await.unwrap_err().kind, ErrorKind::Unreadable, "{body}");
    }
    let unsigned = status(200, named(&url, "SHA1", &hash()).into_bytes());
    assert_eq!(told(&asked(), [unsigned]).await.unwrap_err().kind, ErrorKind::Unbelievable);
}

#[tokio::test]
async fn the_address_of_a_bill_is_not_shown() {
    let file = file(&format!("{HOST}{FILE}")).await;
    assert_eq!(format!("{file:?}"), format!("BillFile {{ origin: {HOST:?}, .. }}"));
}
