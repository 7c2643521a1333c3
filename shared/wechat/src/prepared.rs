//! A request as it will go on the wire: made and stored first, sent later, and perhaps sent again.

use std::fmt;
use std::marker::PhantomData;

use serde::{Deserialize, Serialize};

use crate::answer::Received;
use crate::errors::Row;
use crate::{CallError, Invalid};

/// A question that WeChat can be asked. The types that name requests are the only ones.
pub trait Call: Sized + sealed::Known {
    /// What comes back if WeChat does what it is asked for.
    type Answer: Send;

    /// Where it goes and what may be done with it.
    #[doc(hidden)]
    const ROUTE: Route;

    /// Whether it fetches a file: its answer is long, takes its time, and is no JSON.
    #[doc(hidden)]
    const IS_FILE: bool = false;

    /// Reads what WeChat answered.
    #[doc(hidden)]
    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError>;
}

pub(crate) mod sealed {
    /// Only this crate's requests are calls.
    pub trait Known {}
}

/// What is known about a call before it is made.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct Route {
    /// Its name in errors and in stored requests.
    pub(crate) name: &'static str,
    /// The path, or how it begins.
    pub(crate) path: &'static str,
    pub(crate) form: Form,
    /// Whether WeChat wants to see the merchant's certificate.
    pub(crate) certificate: bool,
    /// Whether the protocol allows the identical request again while the outcome of the first is unknown.
    pub(crate) repeatable: bool,
    /// Whether it changes nothing, so that it is simply asked again.
    pub(crate) asks_only: bool,
    /// What WeChat's error codes mean here.
    pub(crate) errors: &'static [Row],
}

/// How the request is made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// POST of XML with `sign` in it.
    V2,
    /// GET with `sign` in the query string; the answer is not signed.
    V2Query,
    /// POST of JSON with a signature in the `Authorization` header, made anew each time that it is sent.
    V3,
    /// GET, signed as [`Form::V3`]; the answer is signed.
    V3Get,
}

impl Form {
    pub(crate) fn is_v3(self) -> bool {
        matches!(self, Self::V3 | Self::V3Get)
    }

    pub(crate) fn method(self) -> http::Method {
        match self {
            Self::V2 | Self::V3 => http::Method::POST,
            Self::V2Query | Self::V3Get => http::Method::GET,
        }
    }
}

/// The exact bytes of a request. Whoever wants to be able to repeat it after a crash stores [`Prepared::to_text`] before it is sent.
///
/// It holds personal data and a signature: `Debug` shows neither.
pub struct Prepared<C> {
    target: String,
    body: String,
    serial: String,
    call: PhantomData<fn() -> C>,
}

#[derive(Serialize, Deserialize)]
struct Stored {
    call: String,
    target: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    body: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    serial: String,
}

impl<C: Call> Prepared<C> {
    pub(crate) fn new(target: impl Into<String>, body: impl Into<String>) -> Self {
        Self { target: target.into(), body: body.into(), serial: String::new(), call: PhantomData }
    }

    /// Fields in it are encrypted for this key of WeChat's, so every sending must name it.
    pub(crate) fn sealed_for(self, serial: &str) -> Self {
        Self { serial: serial.to_owned(), ..self }
    }

    /// The key that fields in it are encrypted for.
    pub(crate) fn serial(&self) -> Option<&str> {
        Some(self.serial.as_str()).filter(|serial| !serial.is_empty())
    }

    /// The whole request as text, for the ledger.
    #[must_use]
    pub fn to_text(&self) -> String {
        let call = C::ROUTE.name.to_owned();
        let stored = Stored { call, target: self.target.clone(), body: self.body.clone(), serial: self.serial.clone() };
        // Strings alone cannot fail to become JSON.
        serde_json::to_string(&stored).unwrap_or_default()
    }

    /// The request that was stored.
    ///
    /// # Errors
    /// [`Invalid`] for what is no stored request, or one of another call.
    pub fn from_text(text: &str) -> Result<Self, Invalid> {
        let stored: Stored = serde_json::from_str(text).map_err(|_| Invalid::new("request", "a stored request"))?;
        if stored.call == C::ROUTE.name && stored.target.starts_with(C::ROUTE.path) {
            Ok(Self::new(stored.target, stored.body).sealed_for(&stored.serial))
        } else {
            Err(Invalid::new("request", "a stored request of this call"))
        }
    }

    /// Path and query string.
    #[must_use]
    pub fn target(&self) -> &str {
        &self.target
    }

    /// XML or JSON; empty for a GET.
    #[must_use]
    pub fn body(&self) -> &str {
        &self.body
    }
}

impl<C> Clone for Prepared<C> {
    fn clone(&self) -> Self {
        Self { target: self.target.clone(), body: self.body.clone(), serial: self.serial.clone(), call: PhantomData }
    }
}

impl<C> PartialEq for Prepared<C> {
    fn eq(&self, other: &Self) -> bool {
        self.target == other.target && self.body == other.body && self.serial == other.serial
    }
}

impl<C> Eq for Prepared<C> {}

impl<C: Call> fmt::Debug for Prepared<C> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared").field("call", &C::ROUTE.name).finish_non_exhaustive()
    }
}
