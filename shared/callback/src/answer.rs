//! What WeChat is told: it is recorded, or not. Nothing else.

use domain::Protocol;
use lambda_http::http::{Response, StatusCode, header};

use crate::Refused;

/// V2's answer to a notice, word for word (8.6).
const V2_SUCCESS: &str =
    "<xml><return_code><![CDATA[SUCCESS]]></return_code><return_msg><![CDATA[OK]]></return_msg></xml>";
const V2_FAIL: &str = "<xml><return_code><![CDATA[FAIL]]></return_code><return_msg><![CDATA[FAIL]]></return_msg></xml>";

/// V3's answer to a notice that is to come again (v3, 4.6).
const V3_FAIL: &str = r#"{"code":"FAIL","message":"失败"}"#;

pub(crate) fn accepted(protocol: Protocol) -> Response<String> {
    match protocol {
        Protocol::V2 => response(StatusCode::OK, "text/xml; charset=utf-8", V2_SUCCESS),
        Protocol::V3 => response(StatusCode::NO_CONTENT, "application/json", ""),
    }
}

pub(crate) fn refused(protocol: Protocol, refused: &Refused) -> Response<String> {
    match protocol {
        Protocol::V2 => response(refused.status(), "text/xml; charset=utf-8", V2_FAIL),
        Protocol::V3 => response(refused.status(), "application/json", V3_FAIL),
    }
}

fn response(status: StatusCode, content_type: &'static str, body: &str) -> Response<String> {
    let mut response = Response::new(body.to_owned());
    *response.status_mut() = status;
    response.headers_mut().insert(header::CONTENT_TYPE, header::HeaderValue::from_static(content_type));
    response
}
