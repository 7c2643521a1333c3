//! The doors: V2 and V3 calls, pages, the control API. Loopback only, and closed to pages of other sites.

mod control;
mod listing;
mod merchant;
mod open;
mod page;
mod v2;
mod v3;

use std::sync::Arc;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{any, delete, get, post};
use host::http::loopback_only;

use crate::calls::{CALLS, ENTRUST_WEB, H5_ENTRUST_WEB};
use crate::shared::Shared;

/// What every handler has.
pub(crate) type State = axum::extract::State<Arc<Shared>>;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    let mut calls = Router::new();
    for (form, _) in CALLS.iter().filter(|(form, _)| form.path != H5_ENTRUST_WEB.path) {
        calls = calls.route(form.path, any(v2::posted));
    }
    calls
        .route(H5_ENTRUST_WEB.path, get(v2::visited))
        .merge(v3::calls())
        .merge(pages())
        .nest("/control", controls())
        .layer(from_fn(loopback_only))
        .with_state(shared)
}

fn pages() -> Router<Arc<Shared>> {
    Router::new()
        .route("/", get(page::list))
        .route(ENTRUST_WEB.path, get(page::entrust_web))
        .route("/papay/h5/{token}", get(page::h5))
        .route("/cgi-bin/mmpayweb-bin/checkmweb", get(page::mweb))
        .route("/cashier/{mch_id}/{out_trade_no}", get(page::cashier).post(page::act_on_order))
        .route("/signing/{mch_id}/{contract_code}", get(page::signing).post(page::act_on_contract))
        .layer(from_fn(page::protected))
}

fn controls() -> Router<Arc<Shared>> {
    Router::new()
        .route("/state", get(listing::state))
        .route("/clock", get(control::clock).post(control::move_clock))
        .route("/faults", get(control::faults).post(control::ask_fault).delete(control::forget_faults))
        .route("/faults/all", delete(control::forget_faults))
        .route("/users/{user}", post(control::user))
        .route("/openids/{appid}/{user}", get(control::openid))
        .route("/open", post(open::open))
        .route("/{mch_id}/orders", get(listing::orders))
        .route("/{mch_id}/orders/{number}", get(listing::order))
        .route("/{mch_id}/contracts", get(listing::contracts))
        .route("/{mch_id}/contracts/{number}", get(listing::contract))
        .route("/{mch_id}/refunds", get(listing::refunds))
        .route("/{mch_id}/refunds/{number}", get(listing::refund))
        .route("/{mch_id}/notices", get(listing::notices).post(merchant::notify))
        .route("/{mch_id}/keys", get(merchant::keys))
        .route("/{mch_id}/keys/{what}", post(merchant::change_keys))
        .route("/{mch_id}/keys/certificates/{serial}", delete(merchant::withdraw))
        .route("/{mch_id}/keys/merchant/{serial}", delete(merchant::revoke))
        .route("/{mch_id}/exempt-contracts", get(merchant::exempt_contracts))
        .route("/{mch_id}/exempt-contracts/{code}", get(merchant::exempt_contract))
        .route("/{mch_id}/exempt-contracts/{code}/{act}", post(merchant::change_exempt))
        .route("/{mch_id}/orders/{number}/{act}", post(control::order))
        .route("/{mch_id}/contracts/{number}/{act}", post(control::contract))
        .route("/{mch_id}/refunds/{number}/settle", post(control::settle))
        .route("/{mch_id}/refunds/{number}/repair-outcome", post(control::plan_repair))
}
