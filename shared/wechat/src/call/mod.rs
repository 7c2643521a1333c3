//! The calls, one module each or one for a family.

mod close_order;
mod contract_order;
mod contracts;
mod deduction;
mod entrust_web;
mod orders;
mod pre_deduction_notice;
mod refunds;

pub use close_order::{CloseAnswer, CloseOrder};
pub use contract_order::{ContractOrder, ContractOrderAnswer, Payment, Presign};
pub use contracts::{ContractRef, DeleteContract, QueryContract, TerminationAnswer};
pub use deduction::{DeductionAccepted, PapPayApply};
pub use entrust_web::{EntrustWeb, H5EntrustWeb, MiniProgramSigning, PreEntrustWeb};
pub use orders::{OrderQuery, OrderRef, PapOrderQuery};
pub use pre_deduction_notice::{NoticeSent, PreDeductionNotice};
pub use refunds::{Refund, RefundAccepted, RefundQuery, RefundRef};

use verify::SignAlgorithm;

use crate::fields::Fields;
use crate::prepared::{Call, Prepared};
use crate::{Invalid, Keys};

/// Every V2 call is signed by MD5, `h5entrustweb` excepted: notices then come back in MD5 too.
fn prepared<C: Call>(fields: &Fields, keys: &Keys) -> Result<Prepared<C>, Invalid> {
    Ok(Prepared::new(C::ROUTE.path, fields.signed_xml(keys, SignAlgorithm::Md5)?))
}
