//! Readers of foreign bytes that stand behind a signature or a key, opened for the fuzz targets in `tests/fuzz`. Nothing here
//! makes a [`crate::Verified`].

use crate::keys::{ApiV2Key, ApiV3Key, Generations};
use crate::refusal::Refusal;
use crate::v3::Envelope;
use crate::xml::V2Fields;

/// Reads the JSON around a V3 resource and decrypts the resource, without any signature.
///
/// # Errors
/// As `verify_v3`, after the signature.
pub fn open_unsigned_envelope(keys: &Generations<ApiV3Key>, body: &[u8]) -> Result<Vec<u8>, Refusal> {
    Envelope::parse(body)?.resource.open(Some(keys))
}

/// Decrypts and reads `req_info` after base64.
#[must_use]
pub fn open_req_info(key: &ApiV2Key, sealed: &[u8]) -> Option<V2Fields<'static>> {
    crate::v2::open_req_info(key, sealed)
}
