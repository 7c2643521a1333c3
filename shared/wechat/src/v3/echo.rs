//! Self-test (验证密钥和回调): `POST /v3/security/echo`. One call tries signing, verification and encryption, both ways; with an address a
//! notice `SECURITY_ECHO.SUCCESS` tries that, too.

use serde::{Deserialize, Serialize};

use super::{posted, route};
use crate::answer::Received;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment, check};

/// Asks WeChat to say something back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SecurityEcho {
    /// What: 1 to 64 characters. It is sent twice, plain and encrypted.
    pub message: String,
    /// Where a notice shall come to.
    pub notify_url: Option<String>,
}

/// WeChat said it back, signed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Echoed {
    /// Whether it said it encrypted, too, so that our private key opened it.
    pub decrypted: bool,
}

#[derive(Serialize)]
struct Body<'a> {
    #[serde(skip_serializing_if = "Option::is_none")]
    notify_url: Option<&'a str>,
    echo_message: &'a str,
    encrypted_echo_message: String,
}

/// Of the answer, and of what was sent.
#[derive(Deserialize)]
struct Echo {
    echo_message: String,
    encrypted_echo_message: Option<String>,
}

impl SecurityEcho {
    /// Checks the request and encrypts the message for the key that [`verify::WechatpayKeys::preferred`] names.
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, at: &Moment) -> Result<Prepared<Self>, Invalid> {
        check::characters("echo_message", &self.message, 64)?;
        self.notify_url.as_deref().map_or(Ok(()), |url| check::notify_url("notify_url", url))?;
        let sealing = keys.sealing(at)?;
        let encrypted_echo_message = sealing.seal("encrypted_echo_message", &self.message)?;
        let notify_url = self.notify_url.as_deref();
        let body = Body { notify_url, echo_message: &self.message, encrypted_echo_message };
        Ok(posted(keys, Self::ROUTE.path, &body)?.sealed_for(sealing.serial()))
    }
}

impl sealed::Known for SecurityEcho {}

impl Call for SecurityEcho {
    type Answer = Echoed;

    const ROUTE: Route = Route { asks_only: true, ..route("v3-echo", "/v3/security/echo", Form::V3) };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        let told: Echo = received.v3_json()?;
        let asked: Result<Echo, _> = serde_json::from_str(received.sent);
        let asked = asked.map_err(|_| CallError::unreadable(&Self::ROUTE, "request"))?;
        let another = |name| CallError::unbelievable(&Self::ROUTE, &format!("another {name}"));
        if told.echo_message != asked.echo_message {
            return Err(another("echo_message"));
        }
        let Some(sealed) = told.encrypted_echo_message.filter(|sealed| !sealed.is_empty()) else {
            return Ok(Echoed { decrypted: false });
        };
        let opened = received.keys.signer.as_ref().and_then(|signer| signer.decrypt_sensitive(&sealed).ok());
        match opened {
            Some(opened) if opened == asked.echo_message => Ok(Echoed { decrypted: true }),
            _ => Err(another("encrypted_echo_message")),
        }
    }
}
