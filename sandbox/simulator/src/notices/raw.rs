//! Deliveries that no HTTP client makes: a body that stops half way, a caller who hangs up.

use std::time::{Duration, Instant};

use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use super::send::{Sent, content_type};
use crate::model::Notice;

/// How long the caller stays after its last byte, so that the request is read before the connection ends.
const FAREWELL: Duration = Duration::from_millis(300);

/// The second half of the body comes after a pause. WeChat waits for the answer as ever.
pub(super) async fn slow(notice: &Notice, pause: Duration) -> Sent {
    let started = Instant::now();
    let patience = Duration::from_millis(notice.kind.patience_ms()).saturating_add(pause);
    let answer = tokio::time::timeout(patience, exchange(notice, pause)).await;
    Sent::answered(notice, started, answer.ok().flatten())
}

/// The whole notice is delivered, and nobody reads the answer.
pub(super) async fn hang_up(notice: &Notice) -> Sent {
    let started = Instant::now();
    if let Some(stream) = written(notice, Duration::ZERO).await {
        tokio::time::sleep(FAREWELL).await;
        drop(stream);
    }
    Sent::answered(notice, started, None)
}

async fn exchange(notice: &Notice, pause: Duration) -> Option<(u16, Vec<u8>)> {
    let mut stream = written(notice, pause).await?;
    let mut answer = Vec::new();
    stream.read_to_end(&mut answer).await.ok()?;
    let end = answer.windows(4).position(|window| window == b"\r\n\r\n")?;
    let (head, body) = answer.split_at_checked(end.checked_add(4)?)?;
    let head = std::str::from_utf8(head).ok()?;
    let status = head.split(' ').nth(1)?.parse().ok()?;
    Some((status, body.to_vec()))
}

async fn written(notice: &Notice, pause: Duration) -> Option<TcpStream> {
    let url = reqwest::Url::parse(&notice.url).ok()?;
    let (host, port) = (url.host_str()?, url.port_or_known_default()?);
    let mut stream = TcpStream::connect((host.trim_matches(['[', ']']), port)).await.ok()?;
    let body = notice.message.body.as_bytes();
    let mut head = format!("POST {} HTTP/1.1\r\nHost: {host}:{port}\r\nConnection: close\r\n", url.path());
    head.push_str(&format!("Content-Type: {}\r\nContent-Length: {}\r\n", content_type(notice), body.len()));
    for (name, value) in &notice.message.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    head.push_str("\r\n");
    let (first, second) = body.split_at(body.len() / 2);
    stream.write_all(head.as_bytes()).await.ok()?;
    stream.write_all(first).await.ok()?;
    tokio::time::sleep(pause).await;
    stream.write_all(second).await.ok()?;
    Some(stream)
}
