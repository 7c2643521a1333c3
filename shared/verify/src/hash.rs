//! Hashes of bodies.

use aws_lc_rs::digest;

/// SHA-256 of `bytes`.
///
/// ```
/// assert_eq!(verify::sha256(b"abc")[..4], [0xba, 0x78, 0x16, 0xbf]);
/// ```
#[must_use]
pub fn sha256(bytes: &[u8]) -> [u8; 32] {
    hash(&digest::SHA256, bytes)
}

/// SHA-1 of `bytes`: WeChat's check of a bill file, against damage. That nobody exchanged the file is TLS's word, and the signature's on the
/// answer that named the hash.
///
/// ```
/// assert_eq!(verify::sha1(b"abc")[..4], [0xa9, 0x99, 0x3e, 0x36]);
/// ```
#[must_use]
pub fn sha1(bytes: &[u8]) -> [u8; 20] {
    hash(&digest::SHA1_FOR_LEGACY_USE_ONLY, bytes)
}

fn hash<const N: usize>(algorithm: &'static digest::Algorithm, bytes: &[u8]) -> [u8; N] {
    let mut hash = [0; N];
    // Both sides have as many bytes, so the zip is complete.
    for (to, from) in hash.iter_mut().zip(digest::digest(algorithm, bytes).as_ref()) {
        *to = *from;
    }
    hash
}
