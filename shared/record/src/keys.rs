//! How keys are written.

use domain::{Guard, MchId};
use sha2::{Digest, Sha256};

/// The key of a guard's item: `<mch_id>#U#<plan_id>#<sub>`, or `<mch_id>#U#<plan_id>#<appid>#<hash of the openid>`.
#[must_use]
pub fn guard_key(mch_id: &MchId, guard: &Guard) -> String {
    match guard {
        Guard::User(plan_id, user) => format!("{mch_id}#U#{plan_id}#{}", user.as_str()),
        Guard::Payer(plan_id, appid, openid) => {
            format!("{mch_id}#U#{plan_id}#{appid}#{}", hex(&sha256(openid.as_str().as_bytes())))
        }
    }
}

/// SHA-256.
pub(crate) fn sha256(bytes: &[u8]) -> [u8; 32] {
    Sha256::digest(bytes).into()
}

/// The outcome of a held message that was decided after all.
pub(crate) fn released(outcome: &str) -> String {
    format!("then_{outcome}")
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The 32 bytes of a hash in hex.
pub(crate) fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0_u8; 32];
    if text.len() != 64 {
        return None;
    }
    for (index, byte) in bytes.iter_mut().enumerate() {
        let start = index.checked_mul(2)?;
        *byte = u8::from_str_radix(text.get(start..start.checked_add(2)?)?, 16).ok()?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use domain::{AppId, OpenId, PlanId, UserId};

    use super::*;

    #[test]
    fn a_guard_is_found_by_user_and_by_payer_and_shows_no_openid() {
        let (mch_id, plan_id) = (MchId::parse("10000100").unwrap(), PlanId::parse("12535").unwrap());
        let user = Guard::User(plan_id.clone(), UserId::parse("alice").unwrap());
        assert_eq!(guard_key(&mch_id, &user), "10000100#U#12535#alice");
        let openid = OpenId::parse("abc").unwrap();
        let payer = Guard::Payer(plan_id, AppId::parse("wx2421b1c4370ec43b").unwrap(), openid);
        let hash = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
        assert_eq!(guard_key(&mch_id, &payer), format!("10000100#U#12535#wx2421b1c4370ec43b#{hash}"));
        assert_eq!(hex(&unhex(hash).unwrap()), hash);
        assert_eq!((unhex("ba78"), unhex(&"zz".repeat(32))), (None, None));
    }
}
