//! What becomes of a subscription: every row of WeChat's table of payment and contract (V2 page, section 11), played by an
//! app, a user at WeChat's cashier and the whole local stack. In each the app's status, the ledger, the events and WeChat's
//! own records agree.

mod another;
mod by_v3;
mod channels;
mod deaths;
mod failed;
mod rows;
mod scene;
mod signing;

pub(crate) use scene::{opening, text, token, token_with_openids};
