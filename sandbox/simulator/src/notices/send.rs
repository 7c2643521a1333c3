//! One delivery, as WeChat makes it or as a fault spoils it.

use std::time::{Duration, Instant};

use counterparty::{SignType, V2Fields};

use super::raw;
use crate::config::Merchant;
use crate::faults::Misbehaviour;
use crate::model::{Message, Notice};

/// What WeChat has seen of a delivery.
#[derive(Clone)]
pub(crate) struct Sent {
    pub(crate) status: Option<u16>,
    pub(crate) accepted: bool,
    /// Why it was not made at all.
    pub(crate) refused: Option<&'static str>,
    pub(crate) ms: u64,
}

/// Follows no redirect: WeChat takes one as a refusal.
pub(crate) fn client() -> reqwest::Client {
    let builder = reqwest::Client::builder().redirect(reqwest::redirect::Policy::none()).no_proxy();
    builder.build().unwrap_or_default()
}

/// Makes a delivery; twice where that is the fault.
pub(crate) async fn send(
    client: &reqwest::Client,
    merchant: Option<&Merchant>,
    notice: &Notice,
    fault: Option<&Misbehaviour>,
) -> Vec<Sent> {
    if !is_loopback(&notice.url) {
        return vec![Sent::never("not a loopback address")];
    }
    match fault {
        Some(Misbehaviour::Lost) => vec![Sent::never("lost")],
        Some(Misbehaviour::Double) => {
            let (one, two) = tokio::join!(post(client, notice, &notice.message), post(client, notice, &notice.message));
            vec![one, two]
        }
        Some(Misbehaviour::WrongSignature) => {
            let spoiled = merchant.and_then(|merchant| spoiled(merchant, notice));
            match spoiled {
                Some(message) => vec![post(client, notice, &message).await],
                None => vec![Sent::never("nothing to spoil")],
            }
        }
        Some(Misbehaviour::Slow { ms }) => vec![raw::slow(notice, Duration::from_millis(*ms)).await],
        Some(Misbehaviour::Disconnect) => vec![raw::hang_up(notice).await],
        _ => vec![post(client, notice, &notice.message).await],
    }
}

/// The word of a fault, for the list of deliveries.
pub(crate) fn name(fault: &Misbehaviour) -> String {
    match serde_json::to_value(fault) {
        Ok(serde_json::Value::String(name)) => name,
        Ok(serde_json::Value::Object(members)) => members.keys().next().cloned().unwrap_or_default(),
        _ => String::new(),
    }
}

impl Sent {
    fn never(why: &'static str) -> Self {
        Self { status: None, accepted: false, refused: Some(why), ms: 0 }
    }

    pub(super) fn answered(notice: &Notice, started: Instant, answer: Option<(u16, Vec<u8>)>) -> Self {
        let ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        let accepted = answer.as_ref().is_some_and(|(status, body)| is_accepted(notice, *status, body));
        Self { status: answer.map(|(status, _)| status), accepted, refused: None, ms }
    }
}

async fn post(client: &reqwest::Client, notice: &Notice, message: &Message) -> Sent {
    let started = Instant::now();
    let content_type = content_type(notice);
    let patience = Duration::from_millis(notice.kind.patience_ms());
    let mut request = client.post(&notice.url).timeout(patience).header("Content-Type", content_type);
    for (name, value) in &message.headers {
        request = request.header(name, value);
    }
    let answer = async {
        let response = request.body(message.body.clone()).send().await.ok()?;
        let status = response.status().as_u16();
        Some((status, response.bytes().await.ok()?.to_vec()))
    };
    Sent::answered(notice, started, answer.await)
}

pub(super) fn content_type(notice: &Notice) -> &'static str {
    if notice.is_v3 { "application/json" } else { "text/xml" }
}

/// V2: 200, and an XML that says SUCCESS with nothing around it. V3: 200 or 204.
fn is_accepted(notice: &Notice, status: u16, body: &[u8]) -> bool {
    if notice.is_v3 {
        return matches!(status, 200 | 204);
    }
    let says_success = || V2Fields::read(body).is_ok_and(|fields| fields.get("return_code") == Some("SUCCESS"));
    status == 200 && body.starts_with(b"<xml>") && body.ends_with(b"</xml>") && says_success()
}

/// The same notice under another key; a refund's, which is not signed, with a seal that does not open.
fn spoiled(merchant: &Merchant, notice: &Notice) -> Option<Message> {
    const ANOTHER_KEY: &str = "00000000000000000000000000000000";
    let mut message = notice.message.clone();
    if notice.is_v3 {
        message.body.push(' ');
        return Some(message);
    }
    let mut fields = V2Fields::read(notice.message.body.as_bytes()).ok()?;
    if let Some(sealed) = fields.get("req_info").map(str::to_owned) {
        let (kept, _) = sealed.split_at_checked(sealed.len().checked_sub(24)?)?;
        let broken = format!("{kept}{}", "A".repeat(24));
        fields.set("req_info", &broken);
        message.body = String::from_utf8(fields.render("xml").ok()?).ok()?;
        return Some(message);
    }
    let sign_type = match fields.get("sign").map(str::len) {
        Some(64) => SignType::HmacSha256,
        _ => SignType::Md5,
    };
    let request = merchant.wechat.clone().with_api_v2_key(ANOTHER_KEY).v2_request(&fields, sign_type).ok()?;
    message.body = request.body_lossy();
    Some(message)
}

/// Nothing leaves this machine.
fn is_loopback(url: &str) -> bool {
    let Ok(url) = reqwest::Url::parse(url) else { return false };
    url.scheme() == "http" && matches!(url.host_str(), Some("127.0.0.1" | "localhost" | "[::1]"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::{NoticeKind, NoticeState};

    fn notice(kind: NoticeKind) -> Notice {
        Notice {
            id: 1,
            kind,
            mch_id: "10000100".to_owned(),
            numbers: Vec::new(),
            url: "http://127.0.0.1:9/v2/10000100".to_owned(),
            is_v3: kind == NoticeKind::Retention,
            message: Message { headers: Vec::new(), body: String::new() },
            state: NoticeState::Waiting,
            next_at_ms: Some(0),
            after: None,
            swapped_ms: None,
            deliveries: Vec::new(),
            doubles: Vec::new(),
        }
    }

    #[test]
    fn a_notice_is_accepted_by_the_documented_answer_alone() {
        const SUCCESS: &str =
            "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>";
        let payment = notice(NoticeKind::Payment);
        for (status, body, expected) in [
            (200, SUCCESS.to_owned(), true),
            (500, SUCCESS.to_owned(), false),
            (302, SUCCESS.to_owned(), false),
            (200, SUCCESS.replace("SUCCESS", "FAIL"), false),
            (200, format!("\u{feff}{SUCCESS}"), false),
            (200, format!("<html>{SUCCESS}</html>"), false),
            (200, String::new(), false),
            (204, String::new(), false),
        ] {
            assert_eq!(is_accepted(&payment, status, body.as_bytes()), expected, "{status} {body}");
        }
        let retention = notice(NoticeKind::Retention);
        assert!(is_accepted(&retention, 204, b"") && !is_accepted(&retention, 401, b""));
    }

    #[test]
    fn only_addresses_of_this_machine_are_sent_to() {
        for (url, expected) in [
            ("http://127.0.0.1:9711/v2/10000100", true),
            ("http://localhost/v2", true),
            ("http://[::1]:9711/v2", true),
            ("http://papay.example/v2", false),
            ("http://127.0.0.1.papay.example/v2", false),
            ("http://127.0.0.1@papay.example/v2", false),
            ("https://127.0.0.1/v2", false),
            ("papay", false),
        ] {
            assert_eq!(is_loopback(url), expected, "{url}");
        }
    }
}
