//! Which web pages may call: listed origins only.

use std::time::Duration;

use lambda_http::http::header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER};
use lambda_http::http::{HeaderName, HeaderValue, Method, Uri};
use setup::{Env, Misconfigured};
use tower_http::cors::{AllowOrigin, CorsLayer};

/// The variable with the origins, separated by commas.
const VARIABLE: &str = "PAPAY_CORS_ORIGINS";

/// How long a browser may remember a preflight.
const MAX_AGE: Duration = Duration::from_secs(600);

/// The origins whose pages may call.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Cors {
    origins: Vec<HeaderValue>,
}

impl Cors {
    /// Reads `PAPAY_CORS_ORIGINS`, such as `https://shop.example.com,http://localhost:5173`; without it no page may call.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] where one is not an origin; a star is none.
    pub fn read(env: &Env) -> Result<Self, Misconfigured> {
        let list = env.optional(VARIABLE).unwrap_or_default();
        let origins = list.split(',').map(str::trim).filter(|text| !text.is_empty()).map(origin);
        Ok(Self { origins: origins.collect::<Result<_, _>>()? })
    }

    pub(crate) fn layer(self) -> CorsLayer {
        CorsLayer::new()
            .allow_origin(AllowOrigin::list(self.origins))
            .allow_methods([Method::GET, Method::POST])
            .allow_headers([AUTHORIZATION, CONTENT_TYPE, HeaderName::from_static("idempotency-key")])
            .expose_headers([RETRY_AFTER])
            .max_age(MAX_AGE)
    }
}

fn origin(text: &str) -> Result<HeaderValue, Misconfigured> {
    let wrong = || Misconfigured::new(VARIABLE, "each is https://host[:port], or http on a loopback host");
    let uri: Uri = text.parse().map_err(|_| wrong())?;
    let host = uri.host().ok_or_else(wrong)?;
    let scheme = uri.scheme_str().ok_or_else(wrong)?;
    let secure = scheme == "https" || (scheme == "http" && crate::principal::is_loopback_host(host));
    // A browser sends exactly scheme, host and port.
    let bare =
        !host.contains('*') && uri.authority().is_some_and(|authority| format!("{scheme}://{authority}") == text);
    if secure && bare { HeaderValue::from_str(text).map_err(|_| wrong()) } else { Err(wrong()) }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;

    fn read(list: &str) -> Result<usize, String> {
        let variables = BTreeMap::from([(VARIABLE.to_owned(), list.to_owned())]);
        let cors = Cors::read(&Env::of(variables, Arc::new(setup::SystemClock)));
        cors.map(|cors| cors.origins.len()).map_err(|error| error.to_string())
    }

    #[test]
    fn an_origin_is_a_secure_one_without_path_and_never_a_star() {
        assert_eq!(read(""), Ok(0));
        assert_eq!(read("https://shop.example.com, http://localhost:5173"), Ok(2));
        for wrong in ["*", "https://*", "shop.example.com", "http://shop.example.com", "https://a.example.com/", "null"]
        {
            assert!(read(wrong).is_err_and(|told| told.starts_with(VARIABLE)), "{wrong}");
        }
    }
}
