//! Readers of foreign bytes that stand behind a signature or a key, opened for the fuzz targets in `tests/fuzz`. Nothing here
//! makes a [`crate::Verified`].

use std::collections::BTreeMap;

use crate::keys::{ApiV3Key, Generations};
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

/// Reads the JSON around a V3 resource: its members and those of `resource`.
///
/// # Errors
/// [`Refusal::NotUtf8`], [`Refusal::MalformedEnvelope`].
pub fn envelope_members(body: &[u8]) -> Result<BTreeMap<&'static str, String>, Refusal> {
    Ok(Envelope::parse(body)?.members().map(|(name, value)| (name, value.to_owned())).into())
}

/// Reads what `req_info` holds.
///
/// # Errors
/// As `V2Fields::parse_unverified`.
pub fn read_refund(plaintext: &[u8]) -> Result<V2Fields<'_>, Refusal> {
    V2Fields::parse(plaintext, "root")
}
