//! Platform certificates (下载平台证书): `GET /v3/certificates`, more often than every twelve hours.

use verify::PlatformCertificate;

use super::{asked, route, tables};
use crate::answer::Received;
use crate::prepared::{Call, Form, Prepared, Route, sealed};
use crate::{CallError, Invalid, Keys, Moment};

/// Asks for the certificates that WeChat signs with for this merchant, the first time and every time after: an answer is believed if a
/// certificate signed it that we knew, or one that came in it. Over TLS each must be of Tenpay's authority; the local stack's are not.
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

impl sealed::Known for Certificates {}

impl Call for Certificates {
    type Answer = Vec<PlatformCertificate>;

    const ROUTE: Route =
        Route { errors: tables::CERTIFICATES, ..route("v3-certificates", "/v3/certificates", Form::V3Get) };

    fn read(received: &Received<'_>) -> Result<Self::Answer, CallError> {
        if received.incoming.status != 200 {
            return Err(received.v3_refused(received.v3_verified().err().as_ref()));
        }
        let (body, now) = (&received.incoming.body, received.now.as_second());
        let refused = |refusal| CallError::refusal(&Self::ROUTE, &refusal);
        let opened = received.keys.merchant.open_certificates(&received.v3_headers(), body, now).map_err(refused)?;
        if received.over_tls {
            opened.iter().try_for_each(|certificate| certificate.check_issuer(now)).map_err(refused)?;
        }
        Ok(opened)
    }
}
