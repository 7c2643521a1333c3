//! V3: JSON resources.

pub(crate) mod contract;
pub(crate) mod event;
pub(crate) mod exempt;
pub(crate) mod json;
pub(crate) mod refund;
pub(crate) mod transaction;

use domain::{InvalidValue, MchId};

use crate::{ParseError, field};
use json::Member;

/// The merchant is `mchid`, or in a partner's body `sp_mchid`, whose number is then the one of the address.
fn check_merchant(mch_id: &MchId, mchid: Member<'_>, sp_mchid: Member<'_>) -> Result<(), ParseError> {
    match sp_mchid.text("sp_mchid")? {
        Some(told) => field::check_merchant(mch_id, "sp_mchid", Some(&told)),
        None => field::check_merchant(mch_id, "mchid", mchid.text("mchid")?.as_deref()),
    }
}

/// A direct merchant's member, or the one that takes its place in a partner's body.
fn direct_or_partner<T>(
    (name, member): (&str, Member<'_>),
    (partner_name, partner_member): (&str, Member<'_>),
    parse: fn(&str) -> Result<T, InvalidValue>,
) -> Result<Option<T>, ParseError> {
    match member.optional(name, parse)? {
        Some(value) => Ok(Some(value)),
        None => partner_member.optional(partner_name, parse),
    }
}
