//! Sends what was prepared, and reads what comes back.

use std::time::Duration;

use domain::Timestamp;

use crate::answer::Received;
use crate::call::PapOrderQuery;
use crate::errors::{ErrorKind, Meaning};
use crate::https::Http;
use crate::prepared::{Call, Form, Prepared};
use crate::transport::{Failure, Outgoing, Transport};
use crate::v3::{BillDownload, BillFile};
use crate::{CallError, ClientCertificate, Hosts, Invalid, Keys, Moment, Next, OrderAnswer};

/// How long one try may take: an API that makes two answers within WeChat's own five seconds.
const TIMEOUT: Duration = Duration::from_millis(2500);

/// How long one try to fetch a file may take.
const FILE_TIMEOUT: Duration = Duration::from_secs(60);

/// The longest answer but files is a refund query's, some tens of kilobytes.
const LONGEST: usize = 1 << 20;

/// Asks WeChat.
#[derive(Debug)]
pub struct Client<T = Http> {
    hosts: Hosts,
    transport: T,
    timeout: Duration,
}

impl Client<Http> {
    /// Over TLS, or over plain HTTP where a host is loopback.
    ///
    /// # Errors
    /// [`Invalid`] if TLS cannot be set up.
    pub fn new(hosts: Hosts) -> Result<Self, Invalid> {
        Ok(Self::over(hosts, Http::new()?))
    }
}

impl<T: Transport> Client<T> {
    /// Over another transport.
    pub fn over(hosts: Hosts, transport: T) -> Self {
        Self { hosts, transport, timeout: TIMEOUT }
    }

    /// With another limit for each try.
    #[must_use]
    pub fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// The hosts that are asked.
    pub fn hosts(&self) -> &Hosts {
        &self.hosts
    }

    /// Sends the prepared request; a second time, with the same bytes and to the fallback host, if it did not get through or the
    /// protocol allows it while the outcome is unknown.
    ///
    /// # Errors
    /// [`CallError`] says what to do.
    pub async fn send<C: Call>(
        &self,
        prepared: &Prepared<C>,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<C::Answer, CallError> {
        let first = self.attempt(prepared, keys, now, self.hosts.first(), !C::ROUTE.repeatable).await;
        match first {
            Err(error) if may_repeat::<C>(&error) => {
                let second = self.attempt(prepared, keys, now, self.second_host::<C>(&error), true).await;
                second.map_err(|second| graver::<C>(error, second))
            }
            once => once,
        }
    }

    /// Asks what became of a deduction: `paporderquery`, and `orderquery` where that cannot know, since the order is closed or older
    /// than a month, or the merchant may not ask it, and where it refuses for a reason that we do not know.
    ///
    /// # Errors
    /// [`CallError`].
    pub async fn query_deduction(
        &self,
        prepared: &Prepared<PapOrderQuery>,
        keys: &Keys,
        now: Timestamp,
    ) -> Result<OrderAnswer, CallError> {
        let told = self.send(prepared, keys, now).await;
        let asks_elsewhere = match &told {
            Ok(answer) => answer.is_not_found(),
            Err(error) => {
                matches!(error.kind, ErrorKind::Refused { .. })
                    && matches!(error.meaning, Meaning::NotADeduction | Meaning::NotPermitted | Meaning::Other)
            }
        };
        if asks_elsewhere { self.send(&prepared.as_order_query(), keys, now).await } else { told }
    }

    /// Fetches a bill that WeChat has made, and checks that it is whole. It is asked for at the host that WeChat named, which must be one
    /// of those that we ask: the request carries our signature.
    ///
    /// # Errors
    /// [`CallError`]: [`ErrorKind::Unbelievable`] for another host, and for a file whose hash is not the one that was announced.
    pub async fn download(&self, file: &BillFile, keys: &Keys, now: Timestamp) -> Result<Vec<u8>, CallError> {
        let route = &BillDownload::ROUTE;
        let known = [self.hosts.first(), self.hosts.second()].into_iter().find(|host| *host == file.origin());
        let host = known.ok_or_else(|| CallError::unbelievable(route, "another host"))?;
        let prepared = file.prepared();
        let bytes = match self.attempt(&prepared, keys, now, host, true).await {
            Err(error) if may_repeat::<BillDownload>(&error) => self.attempt(&prepared, keys, now, host, true).await?,
            once => once?,
        };
        if file.has_hash_of(&bytes) { Ok(bytes) } else { Err(CallError::unbelievable(route, "another hash")) }
    }

    async fn attempt<C: Call>(
        &self,
        prepared: &Prepared<C>,
        keys: &Keys,
        now: Timestamp,
        host: &str,
        new_connection: bool,
    ) -> Result<C::Answer, CallError> {
        let outgoing = Outgoing { new_connection, ..self.outgoing(prepared, keys, now, host)? };
        let incoming = self.transport.exchange(outgoing).await.map_err(|failure| failed::<C>(failure))?;
        C::read(&Received {
            route: &C::ROUTE,
            target: prepared.target(),
            sent: prepared.body(),
            incoming: &incoming,
            keys,
            now,
            over_tls: !host.starts_with("http://"),
        })
    }

    /// V3 is asked elsewhere if there was no answer; an answer that tells of a fault, or is a probe, is no reason to change the host.
    fn second_host<C: Call>(&self, error: &CallError) -> &str {
        let answered = !matches!(error.kind, ErrorKind::NotSent | ErrorKind::NoAnswer);
        if answered && C::ROUTE.form.is_v3() { self.hosts.first() } else { self.hosts.second() }
    }

    fn outgoing<'a, C: Call>(
        &self,
        prepared: &'a Prepared<C>,
        keys: &'a Keys,
        now: Timestamp,
        host: &str,
    ) -> Result<Outgoing<'a>, CallError> {
        Ok(Outgoing {
            method: C::ROUTE.form.method(),
            url: format!("{host}{}", prepared.target()),
            headers: headers(prepared, keys, now)?,
            body: prepared.body(),
            certificate: certificate::<C>(keys, host)?,
            new_connection: true,
            timeout: if C::IS_FILE { FILE_TIMEOUT } else { self.timeout },
            longest: if C::IS_FILE { parse::bill::LONGEST } else { LONGEST },
        })
    }
}

fn headers<C: Call>(
    prepared: &Prepared<C>,
    keys: &Keys,
    now: Timestamp,
) -> Result<Vec<(&'static str, String)>, CallError> {
    let mut headers = vec![("user-agent", concat!("papay/", env!("CARGO_PKG_VERSION")).to_owned())];
    match C::ROUTE.form {
        Form::V2 => headers.push(("content-type", "text/xml; charset=utf-8".to_owned())),
        Form::V2Query => {}
        Form::V3 | Form::V3Get => {
            let accepted = if C::IS_FILE { "*/*" } else { "application/json" };
            headers.push(("accept", accepted.to_owned()));
            headers.push(("authorization", authorization(prepared, keys, now)?));
            headers.extend(serial(prepared, keys, now).map(|serial| ("wechatpay-serial", serial.to_owned())));
        }
    }
    if C::ROUTE.form == Form::V3 {
        headers.push(("content-type", "application/json".to_owned()));
    }
    Ok(headers)
}

/// Which key WeChat shall sign with, on every call: the one that fields are encrypted for, else the one that we like best. None before the
/// first certificates came.
fn serial<'a, C: Call>(prepared: &'a Prepared<C>, keys: &'a Keys, now: Timestamp) -> Option<&'a str> {
    prepared.serial().or_else(|| keys.merchant.wechatpay.preferred(now.as_second()))
}

/// V3 signs time and nonce with the request, so each try is signed anew.
fn authorization<C: Call>(prepared: &Prepared<C>, keys: &Keys, now: Timestamp) -> Result<String, CallError> {
    let signer = keys.signer.as_ref().ok_or_else(|| CallError::unequipped(&C::ROUTE))?;
    let at = Moment::new(now);
    let (method, body) = (C::ROUTE.form.method(), prepared.body().as_bytes());
    let signed = signer.authorization(method.as_str(), prepared.target(), at.seconds(), at.nonce(), body);
    signed.map_err(|_| CallError::unequipped(&C::ROUTE))
}

/// Plain HTTP, on loopback, has no certificates.
fn certificate<'k, C: Call>(keys: &'k Keys, host: &str) -> Result<Option<&'k ClientCertificate>, CallError> {
    if !C::ROUTE.certificate || host.starts_with("http://") {
        return Ok(None);
    }
    keys.certificate.as_deref().map(Some).ok_or_else(|| CallError::unequipped(&C::ROUTE))
}

fn failed<C: Call>(failure: Failure) -> CallError {
    match failure {
        Failure::NotConnected => CallError::not_sent(&C::ROUTE),
        Failure::Certificate => CallError::unequipped(&C::ROUTE),
        Failure::TimedOut | Failure::Lost | Failure::TooLong => CallError::no_answer(&C::ROUTE),
    }
}

/// What did not get through may always go to the other host. What may have got through is repeated where that is allowed; a fault
/// that WeChat reports is repeated too. An answer that is not believed would be no better the second time, unless it was a probe: WeChat
/// sends a wrong signature on purpose then, and never twice.
fn may_repeat<C: Call>(error: &CallError) -> bool {
    let silent = match error.kind {
        ErrorKind::NotSent => return error.next == Next::RepeatSame,
        ErrorKind::NoAnswer => true,
        ErrorKind::Http(status) => status >= 500,
        ErrorKind::Refused { .. } => error.meaning == Meaning::Busy,
        ErrorKind::Unbelievable if error.is_probe() => return true,
        ErrorKind::Unbelievable | ErrorKind::Unreadable => false,
    };
    silent && C::ROUTE.repeatable
}

/// Of two failures the one that counts: what the first may have done is not undone by a second that did not get through, nor by a
/// refusal of the second, which the first may have caused. Only a query can tell; a query itself has done nothing, and what the other
/// host says of it counts.
fn graver<C: Call>(first: CallError, second: CallError) -> CallError {
    let says_nothing = match second.kind {
        ErrorKind::NotSent => true,
        ErrorKind::Refused { .. } => !C::ROUTE.asks_only,
        ErrorKind::NoAnswer | ErrorKind::Unbelievable | ErrorKind::Unreadable | ErrorKind::Http(_) => false,
    };
    if says_nothing && first.leaves_doubt() { first } else { second }
}
