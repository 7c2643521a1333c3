//! One-off purchases over APIv3, played by an app, a back end, a user at WeChat's cashier and the whole local stack. In each the app's
//! status, the ledger, the events in every consumer's queue and WeChat's own answers agree.

mod certificates;
mod channels;
mod deaths;
mod end;
mod invitations;
mod keys;
mod logs;
mod notices;
mod overtaking;
mod questions;
mod races;
mod refunds;
mod refused;
mod repairs;
mod scene;
mod whole;
