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

/// The runtime has one thread, and it sleeps: nobody sees that the connection is closed before the next request is sent.
#[tokio::test(flavor = "current_thread")]
async fn a_connection_that_was_closed_meanwhile_puts_nothing_in_doubt() {
    const ROUNDS: usize = 5;
    let hosts = || Hosts::parse(&format!("{},{}", serve(100), serve(100))).unwrap();
    let (client, keys) = (Client::new(hosts()).unwrap(), keys());
    let deduction = deduction().prepare(&keys, &at()).unwrap();
    let close = CloseOrder { appid: appid(), out_trade_no: out_trade_no() }.prepare(&keys, &at()).unwrap();
    for round in 0..ROUNDS {
        // One that must not be sent twice, and one that may.
        assert_eq!(client.send(&deduction, &keys, now()).await, Ok(DeductionAccepted), "round {round}");
        assert_eq!(client.send(&close, &keys, now()).await, Ok(CloseAnswer::Closed), "round {round}");
        std::thread::sleep(Duration::from_millis(60));
    }
}
