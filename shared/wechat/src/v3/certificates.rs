//! Platform certificates (下载平台证书): `GET /v3/certificates`, more often than every twelve hours.

use verify::{PlatformCertificate, Refusal};

use super::{asked, route, tables};
use crate::answer::Received;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment};

/// Asks for the certificates that WeChat signs with for this merchant, the first time and every time after: an answer is believed if a
/// certificate signed it that we knew, or one that came in it. Over TLS only those of Tenpay's authority that are valid now are kept; the
/// local stack's are of nobody's.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Certificates;

impl Certificates {
    /// Makes the question. (`at` is not used: it is signed when it is sent.)
    ///
    /// # Errors
    /// [`Invalid`] names the field and the rule.
    pub fn prepare(&self, keys: &Keys, _at: &Moment) -> Result<Prepared<Self>, Invalid> {
        asked(keys, Self::ROUTE.path)
    }
}

/// The certificates that WeChat signs with.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PlatformCertificates {
    /// Those that can be believed.
    pub certificates: Vec<PlatformCertificate>,
    /// The serials of those that came with them and were dropped: not valid now, or not of Tenpay's authority.
    pub dropped: Vec<String>,
}

impl sealed::Known for Certificates {}

impl Call for Certificates {
    type Answer = PlatformCertificates;

    const ROUTE: Route =
        Route { errors: tables::CERTIFICATES, ..route("v3-certificates", "/v3/certificates", Form::V3Get) };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        if received.incoming.status != 200 {
            return Err(received.v3_refused(received.v3_verified().err().as_ref()));
        }
        let (body, now) = (&received.incoming.body, received.now.as_second());
        let refused = |refusal| CallError::refusal(&Self::ROUTE, &refusal);
        let headers = received.v3_headers();
        let opened = received.keys.merchant.open_certificates(&headers, body, now).map_err(refused)?;
        if !received.over_tls {
            return Ok(PlatformCertificates { certificates: opened, dropped: Vec::new() });
        }
        trusted(opened, headers.serial, now).map_err(refused)
    }
}

/// One that is about to begin, or has just ended, must not take the others away. Without the one that signed the answer, or without any,
/// there is nothing to believe.
fn trusted(
    opened: Vec<PlatformCertificate>,
    signed_with: Option<&str>,
    now: i64,
) -> Result<PlatformCertificates, Refusal> {
    let mut told = PlatformCertificates::default();
    let mut reason = None;
    for certificate in opened {
        match certificate.check_issuer(now) {
            Ok(()) => told.certificates.push(certificate),
            Err(refusal) if Some(certificate.serial.as_str()) == signed_with => return Err(refusal),
            Err(refusal) => {
                told.dropped.push(certificate.serial);
                reason = Some(refusal);
            }
        }
    }
    match reason {
        Some(refusal) if told.certificates.is_empty() => Err(refusal),
        Some(_) | None => Ok(told),
    }
}
