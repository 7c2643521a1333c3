//! A Lambda function stands still between two invocations, and its connections are closed while it does.

use std::io::{Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::time::Duration;

use wechat::*;

use crate::support::*;

/// Answers one request on each connection, keeps it open for a moment as if more could come, and closes it.
fn serve(connections: usize) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let origin = format!("http://{}", listener.local_addr().unwrap());
    std::thread::spawn(move || listener.incoming().take(connections).flatten().for_each(answer));
    origin
}

fn answer(mut socket: TcpStream) {
    let mut request = [0; 8192];
    let _ = socket.read(&mut request).unwrap();
    let body = signed(&[]);
    let head = format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\n\r\n", body.len());
    socket.write_all(head.as_bytes()).unwrap();
    socket.write_all(&body).unwrap();
    std::thread::sleep(Duration::from_millis(20));
}

/// The runtime has one thread, and it sleeps: nobody sees that connections are closed before the next request is sent.
fn stand_still() {
    std::thread::sleep(Duration::from_millis(80));
}

fn client() -> Client {
    Client::new(Hosts::parse(&format!("{},{}", serve(100), serve(100))).unwrap()).unwrap()
}

#[tokio::test(flavor = "current_thread")]
async fn a_connection_that_was_closed_meanwhile_does_not_put_a_deduction_in_doubt() {
    let (client, keys) = (client(), keys());
    let prepared = deduction().prepare(&keys, &at()).unwrap();
    for round in 0..5 {
        assert_eq!(client.send(&prepared, &keys, now()).await, Ok(DeductionAccepted), "round {round}");
        stand_still();
    }
}

#[tokio::test(flavor = "current_thread")]
async fn what_may_be_sent_twice_gets_through_when_both_hosts_have_closed_their_connections() {
    let (client, keys) = (client(), keys());
    let prepared = CloseOrder { appid: appid(), out_trade_no: out_trade_no() }.prepare(&keys, &at()).unwrap();
    let send = || client.send(&prepared, &keys, now());
    assert_eq!(send().await, Ok(CloseAnswer::Closed));
    stand_still();
    // One of them finds the closed connection and goes to the other host: then both hosts have one.
    let (one, other) = tokio::join!(send(), send());
    assert_eq!((one, other), (Ok(CloseAnswer::Closed), Ok(CloseAnswer::Closed)));
    stand_still();
    assert_eq!(send().await, Ok(CloseAnswer::Closed));
}
