//! Over real sockets: fallback host, time-outs, one repetition with identical bytes, disconnects.

use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse as _;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;
use wechat::*;

use crate::support::*;

/// What a host does with each request, in turn; the last one again and again.
#[derive(Clone)]
enum Deed {
    Answer(u16, Vec<u8>),
    /// Says nothing for this long.
    Sleep(Duration),
}

/// A WeChat on loopback that remembers what it was sent.
#[derive(Clone, Default)]
struct Host {
    deeds: Arc<Mutex<Vec<Deed>>>,
    seen: Arc<Mutex<Vec<(String, String)>>>,
}

impl Host {
    async fn start(deeds: Vec<Deed>) -> (Self, String) {
        let host = Self { deeds: Arc::new(Mutex::new(deeds)), seen: Arc::default() };
        let router = Router::new().fallback(deed).with_state(host.clone());
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let origin = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, router).await });
        (host, origin)
    }

    fn seen(&self) -> Vec<(String, String)> {
        self.seen.lock().unwrap().clone()
    }
}

async fn deed(State(host): State<Host>, uri: Uri, body: Bytes) -> axum::response::Response {
    host.seen.lock().unwrap().push((uri.to_string(), String::from_utf8(body.to_vec()).unwrap()));
    let deed = {
        let mut deeds = host.deeds.lock().unwrap();
        if deeds.len() > 1 { deeds.remove(0) } else { deeds[0].clone() }
    };
    match deed {
        Deed::Answer(status, body) => (StatusCode::from_u16(status).unwrap(), body).into_response(),
        Deed::Sleep(time) => {
            tokio::time::sleep(time).await;
            StatusCode::OK.into_response()
        }
    }
}

/// A port that nobody listens on.
async fn nobody() -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    format!("http://{}", listener.local_addr().unwrap())
}

/// A host that reads a request and hangs up; it counts.
async fn hanging_up() -> (Arc<Mutex<u32>>, String) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    let count = Arc::new(Mutex::new(0));
    let counted = Arc::clone(&count);
    tokio::spawn(async move {
        while let Ok((mut socket, _)) = listener.accept().await {
            let mut buffer = [0; 8192];
            if socket.read(&mut buffer).await.is_ok_and(|read| read > 0) {
                *counted.lock().unwrap() += 1;
            }
            let _ = socket.shutdown().await;
        }
    });
    (count, origin)
}

fn client(first: &str, second: &str) -> Client {
    let hosts = Hosts::parse(&format!("{first},{second}")).unwrap();
    Client::new(hosts).unwrap().with_timeout(Duration::from_millis(300))
}

fn not_paid() -> Deed {
    Deed::Answer(200, signed(&[("out_trade_no", out_trade_no().as_str()), ("trade_state", "NOTPAY")]))
}

fn silence() -> Deed {
    Deed::Sleep(Duration::from_secs(5))
}

fn accepted() -> Deed {
    Deed::Answer(200, signed(&[]))
}

#[tokio::test]
async fn a_host_that_cannot_be_reached_is_replaced_by_the_other() {
    let (host, origin) = Host::start(vec![accepted()]).await;
    let prepared = deduction().prepare(&keys(), &at()).unwrap();
    let sent = client(&nobody().await, &origin).send(&prepared, &keys(), now()).await;
    assert_eq!(sent, Ok(DeductionAccepted), "nothing had been sent, so even a deduction may be");
    assert_eq!(host.seen(), [("/pay/pappayapply".to_owned(), prepared.body().to_owned())]);
}

#[tokio::test]
async fn what_reached_nobody_did_not_happen() {
    let prepared = deduction().prepare(&keys(), &at()).unwrap();
    let error = client(&nobody().await, &nobody().await).send(&prepared, &keys(), now()).await.unwrap_err();
    assert_eq!((error.kind, error.next), (ErrorKind::NotSent, Next::RepeatSame));
}

#[tokio::test]
async fn a_silent_host_is_given_up_in_time_and_the_other_gets_identical_bytes() {
    let (first, first_origin) = Host::start(vec![silence()]).await;
    let (second, second_origin) = Host::start(vec![not_paid()]).await;
    let prepared = order_query().prepare(&keys(), &at()).unwrap();
    let started = Instant::now();
    let told = client(&first_origin, &second_origin).send(&prepared, &keys(), now()).await.unwrap();
    assert!(started.elapsed() < Duration::from_secs(3), "{:?}", started.elapsed());
    assert_eq!(told.text("trade_state"), Some("NOTPAY"));
    assert_eq!(first.seen(), second.seen());
    assert_eq!(first.seen(), [("/pay/orderquery".to_owned(), prepared.body().to_owned())]);
}

#[tokio::test]
async fn two_silent_hosts_are_asked_once_each() {
    let (first, first_origin) = Host::start(vec![silence()]).await;
    let (second, second_origin) = Host::start(vec![silence()]).await;
    let prepared = contract_order(Payment::App).prepare(&keys(), &at()).unwrap();
    let error = client(&first_origin, &second_origin).send(&prepared, &keys(), now()).await.unwrap_err();
    assert_eq!(
        (error.kind, error.meaning, error.next),
        (ErrorKind::NoAnswer, Meaning::OutcomeUnknown, Next::RepeatSame)
    );
    assert_eq!((first.seen().len(), second.seen().len()), (1, 1));
}

#[tokio::test]
async fn what_may_have_been_done_stays_in_doubt_when_the_second_host_cannot_be_reached() {
    let (_, first) = Host::start(vec![silence()]).await;
    let prepared = contract_order(Payment::App).prepare(&keys(), &at()).unwrap();
    let error = client(&first, &nobody().await).send(&prepared, &keys(), now()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoAnswer);
    let refusal = Deed::Answer(200, unsigned(&[("return_code", "FAIL"), ("return_msg", "签名错误")]));
    let (_, second) = Host::start(vec![refusal]).await;
    let error = client(&first, &second).send(&prepared, &keys(), now()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoAnswer, "nobody signed that it was refused");
}

#[tokio::test]
async fn a_refund_whose_first_try_was_lost_stays_in_doubt_though_the_second_is_refused_with_a_signature() {
    let (_, first) = Host::start(vec![silence()]).await;
    let (_, second) = Host::start(vec![Deed::Answer(200, refused("INVALID_REQUEST", "订单已全额退款"))]).await;
    let prepared = refund().prepare(&keys(), &at()).unwrap();
    let error = client(&first, &second).send(&prepared, &keys(), now()).await.unwrap_err();
    assert_eq!((error.kind, error.next), (ErrorKind::NoAnswer, Next::RepeatSame), "the first may have caused it");
}

#[tokio::test]
async fn what_the_other_host_says_of_a_query_counts_while_the_first_is_silent() {
    let (_, first) = Host::start(vec![silence()]).await;
    let (_, second) = Host::start(vec![Deed::Answer(200, refused("ORDERNOTEXIST", ""))]).await;
    let prepared = order_query().prepare(&keys(), &at()).unwrap();
    let error = client(&first, &second).send(&prepared, &keys(), now()).await;
    let alone = client(&second, &second).send(&prepared, &keys(), now()).await;
    assert_eq!(format!("{error:?}"), format!("{alone:?}"));
    assert!(!matches!(error, Err(CallError { kind: ErrorKind::NoAnswer, .. })), "{error:?}");
}

#[tokio::test]
async fn what_may_not_be_repeated_is_sent_once() {
    let (keys, at) = (keys(), at());
    let (count, origin) = hanging_up().await;
    let client = client(&origin, &origin);
    let error = client.send(&deduction().prepare(&keys, &at).unwrap(), &keys, now()).await.unwrap_err();
    assert_eq!((error.kind, error.next), (ErrorKind::NoAnswer, Next::QueryFirst));
    let error = client.send(&termination().prepare(&keys, &at).unwrap(), &keys, now()).await.unwrap_err();
    assert_eq!((error.kind, error.next), (ErrorKind::NoAnswer, Next::QueryFirst));
    let error = client.send(&h5().prepare(&keys, &at).unwrap(), &keys, now()).await.unwrap_err();
    assert_eq!((error.kind, error.next), (ErrorKind::NoAnswer, Next::QueryFirst));
    assert_eq!(*count.lock().unwrap(), 3);
}

#[tokio::test]
async fn a_lost_connection_is_repeated_once_where_that_is_allowed() {
    let (count, origin) = hanging_up().await;
    let error = client(&origin, &origin).send(&refund().prepare(&keys(), &at()).unwrap(), &keys(), now()).await;
    let error = error.unwrap_err();
    assert_eq!((error.kind, error.next), (ErrorKind::NoAnswer, Next::RepeatSame));
    assert_eq!(*count.lock().unwrap(), 2);
}

#[tokio::test]
async fn a_fault_that_wechat_reports_is_repeated_once_with_identical_bytes() {
    let busy = Deed::Answer(200, refused("SYSTEMERROR", "系统繁忙"));
    let (host, origin) = Host::start(vec![busy, Deed::Answer(503, Vec::new()), not_paid()]).await;
    let prepared = order_query().prepare(&keys(), &at()).unwrap();
    let client = client(&origin, &origin);
    let error = client.send(&prepared, &keys(), now()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::Http(503));
    assert!(client.send(&prepared, &keys(), now()).await.is_ok());
    let seen = host.seen();
    assert_eq!(seen.len(), 3);
    assert!(seen.iter().all(|request| *request == seen[0]));
}

#[tokio::test]
async fn a_refusal_and_an_answer_that_is_not_believed_are_not_repeated() {
    let refusal = Deed::Answer(200, refused("ORDERPAID", ""));
    let forged = Deed::Answer(200, b"<xml><return_code>SUCCESS</return_code></xml>".to_vec());
    let (host, origin) = Host::start(vec![refusal, forged, Deed::Answer(302, Vec::new())]).await;
    let prepared = contract_order(Payment::App).prepare(&keys(), &at()).unwrap();
    let client = client(&origin, &origin);
    let kinds = [ErrorKind::Refused { proven: true }, ErrorKind::Unbelievable, ErrorKind::Http(302)];
    for (count, kind) in kinds.into_iter().enumerate() {
        let error = client.send(&prepared, &keys(), now()).await.unwrap_err();
        assert_eq!((error.kind, host.seen().len()), (kind, count + 1));
    }
}

#[tokio::test]
async fn a_status_proves_nothing_about_money() {
    for (status, next) in
        [(404, Next::QueryFirst), (302, Next::QueryFirst), (502, Next::QueryFirst), (429, Next::RepeatSame)]
    {
        let (host, origin) = Host::start(vec![Deed::Answer(status, Vec::new())]).await;
        let prepared = deduction().prepare(&keys(), &at()).unwrap();
        let error = client(&origin, &origin).send(&prepared, &keys(), now()).await.unwrap_err();
        assert_eq!((error.kind, error.next, host.seen().len()), (ErrorKind::Http(status), next, 1));
    }
}

#[tokio::test]
async fn a_request_goes_out_as_the_protocol_wants_it() {
    let (host, origin) = Host::start(vec![Deed::Answer(
        200,
        unsigned(&[
            ("return_code", "SUCCESS"),
            ("result_code", "SUCCESS"),
            ("redirect_url", "https://payapp.weixin.qq.com/1"),
        ]),
    )])
    .await;
    let prepared = h5().prepare(&keys(), &at()).unwrap();
    client(&origin, &origin).send(&prepared, &keys(), now()).await.unwrap();
    assert_eq!(host.seen(), [(prepared.target().to_owned(), String::new())]);

    let script = Script::new([ok(signed(&[]))]);
    let deduction = deduction().prepare(&keys(), &at()).unwrap();
    Client::over(Hosts::default(), &script).send(&deduction, &keys(), now()).await.unwrap();
    let sent = script.sent().remove(0);
    assert_eq!(sent.url, "https://api.mch.weixin.qq.com/pay/pappayapply");
    assert_eq!(sent.headers["content-type"], "text/xml; charset=utf-8");
    assert!(!sent.headers.contains_key("authorization") && !sent.certified);
}

#[tokio::test]
async fn a_stored_request_is_sent_with_the_bytes_that_were_stored() {
    let (host, origin) = Host::start(vec![accepted()]).await;
    let prepared = deduction().prepare(&keys(), &at()).unwrap();
    let restored = Prepared::<PapPayApply>::from_text(&prepared.to_text()).unwrap();
    client(&origin, &origin).send(&restored, &keys(), now()).await.unwrap();
    assert_eq!(host.seen()[0].1, prepared.body());
}

/// A deduction that `paporderquery` cannot speak of is asked of `orderquery`, in the same words.
#[tokio::test]
async fn a_deduction_is_asked_after_where_it_is_known() {
    let query = PapOrderQuery { appid: appid(), order: OrderRef::OutTradeNo(out_trade_no()) };
    let prepared = query.prepare(&keys(), &at()).unwrap();
    for first in [
        refused("INVALID_REQUEST", "订单不是委托代扣场景"),
        refused("NOAUTH", "商户无此接口权限"),
        refused("ORDERNOTEXIST", "订单不存在"),
        refused("ORDER_TOO_OLD", "订单超过一个月"),
    ] {
        let (host, origin) = Host::start(vec![Deed::Answer(200, first), not_paid()]).await;
        let told = client(&origin, &origin).query_deduction(&prepared, &keys(), now()).await.unwrap();
        assert_eq!(told.text("trade_state"), Some("NOTPAY"));
        let paths: Vec<String> = host.seen().into_iter().map(|(path, _)| path).collect();
        assert_eq!(paths, ["/pay/paporderquery", "/pay/orderquery"]);
        assert_eq!(host.seen()[0].1, host.seen()[1].1);
    }
    let (host, origin) = Host::start(vec![not_paid()]).await;
    assert!(client(&origin, &origin).query_deduction(&prepared, &keys(), now()).await.is_ok());
    assert_eq!(host.seen().len(), 1);
}

#[tokio::test]
async fn an_answer_without_end_is_cut_off() {
    let (_, origin) = Host::start(vec![Deed::Answer(200, vec![b' '; 2 << 20])]).await;
    let prepared = deduction().prepare(&keys(), &at()).unwrap();
    let client = Client::new(Hosts::parse(&origin).unwrap()).unwrap();
    let error = client.send(&prepared, &keys(), now()).await.unwrap_err();
    assert_eq!(error.kind, ErrorKind::NoAnswer);
}
