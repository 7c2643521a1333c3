//! When and from where a request came.

use std::convert::Infallible;
use std::net::IpAddr;

use axum::extract::FromRequestParts;
use domain::{MchId, Timestamp};
use lambda_http::RequestExt;
use lambda_http::http::request::Parts;
use lambda_http::request::RequestContext;

/// When and from where a request came: the time is read once for each invocation.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Arrival {
    /// The time of this invocation.
    pub now: Timestamp,
    /// The caller's address, as AWS saw it; forwarding headers are never believed, but from the distribution that proved itself.
    pub client_ip: Option<IpAddr>,
    /// W3C trace context.
    pub traceparent: Option<String>,
}

/// The time of this invocation, put on the request by `answer`.
#[derive(Clone, Copy)]
pub(crate) struct Now(pub(crate) Timestamp);

/// The address that a content delivery network saw, put on the request by `run` once the network has proved itself.
#[derive(Clone, Copy)]
pub(crate) struct Viewer(pub(crate) IpAddr);

impl Arrival {
    pub(crate) fn of(parts: &Parts) -> Self {
        Self {
            // A request that did not come through `answer` is as old as can be: every token has expired.
            now: parts.extensions.get::<Now>().map_or(Timestamp::MAX, |now| now.0),
            client_ip: parts.extensions.get::<Viewer>().map(|viewer| viewer.0).or_else(|| client_ip(parts)),
            traceparent: traceparent(parts),
        }
    }
}

impl<S: Sync> FromRequestParts<S> for Arrival {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self::of(parts))
    }
}

/// W3C trace context of an invocation.
pub(crate) fn traceparent(of: &impl RequestExt) -> Option<String> {
    let xray = of.lambda_context_ref()?.xray_trace_id.as_deref()?;
    setup::telemetry::traceparent(xray)
}

fn client_ip(parts: &Parts) -> Option<IpAddr> {
    let RequestContext::ApiGatewayV2(context) = parts.request_context_ref()? else { return None };
    context.http.source_ip.as_deref()?.parse().ok()
}

/// The merchant of the path, `/v1/{mch_id}/…`.
pub(crate) fn merchant(path: &str) -> Option<MchId> {
    MchId::parse(path.strip_prefix("/v1/")?.split('/').next()?).ok()
}
