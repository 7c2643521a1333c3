//! APIv3: JSON, signed in the headers by RSA; the business part is sealed with AES-256-GCM.

mod certificate;
mod notice;
mod resources;
mod seal;

pub use certificate::PlatformCertificate;
pub use notice::V3Notice;
pub use resources::RefundResult;
pub(crate) use seal::{NONCE, SERIAL, SIGNATURE, SIGNATURE_TYPE, TIMESTAMP};
pub use seal::{V3_SIGNATURE_TYPE, V3_SM2_SIGNATURE_TYPE};
