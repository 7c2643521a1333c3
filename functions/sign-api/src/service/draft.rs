//! The rows of a new attempt and the exact request, before anything is on record.

use std::net::{IpAddr, Ipv4Addr};

use domain::{
    Channel, Contract, ContractCode, ContractState, Fen, FirstPayment, Order, OrderKind, OrderState, PaymentStatus,
    Protocol, RequestText, SCHEMA, Schedule, SignatureAlgorithm, Timestamp,
};
use http_api::Problem;
use lambda_http::http::StatusCode;
use record::{Backoff, Writeahead};
use uuid::Uuid;
use wechat::{ContractOrder, H5EntrustWeb, Moment, Payment, PreEntrustWeb, Signing, Transport};

use super::refusal::invalid;
use super::wanted::{Mode, Wanted};
use super::{Caller, Found, Merchant, Service};

/// 2025-01-01T00:00:00Z, where `request_serial` begins to count: Unix seconds.
const SERIAL_EPOCH: i64 = 1_735_689_600;

/// Serials of one minute: seven digits of minutes and five of these are the twelve that every page allows (V2 page, 1.6).
const SERIALS_PER_MINUTE: u64 = 100_000;

/// Under which name serials are counted. No user has it: a `sub` holds no blank.
const SERIALS: &str = "request serial";

/// The longest `product_id` of a NATIVE order.
const LONGEST_PRODUCT_ID: usize = 32;

/// Crockford's base32: no letter that looks like a digit.
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

impl<L: Writeahead, B: Backoff, T: Transport> Service<L, B, T> {
    /// The rows of a new attempt, Created, with the request that is sent once they are on record.
    pub(crate) async fn draft(&self, caller: &Caller, wanted: &Wanted<'_>) -> Result<Found, Problem> {
        let (mch_id, now) = (&caller.user.mch_id, caller.arrival.now);
        let merchant = &self.merchant(mch_id)?;
        let code = new_code(now, Uuid::new_v4().as_u128())?;
        let signing = Signing {
            plan_id: wanted.plan_id.clone(),
            contract_code: code,
            request_serial: self.serial(mch_id, now).await?,
            display_account: wanted.account.to_owned(),
            outerid: None,
        };
        let at = Moment::new(now);
        match wanted.mode {
            Mode::PayAndSign => {
                let order = self.order(caller, wanted, merchant, &signing, &at)?;
                let contract = contract(caller, wanted, &signing, Some(&order), None);
                Ok(Found { contract, order: Some(order) })
            }
            Mode::SignOnly => {
                let request = request(caller, wanted, merchant, &signing, &at)?;
                Ok(Found { contract: contract(caller, wanted, &signing, None, request), order: None })
            }
        }
    }

    /// Unique for the merchant and rising: the minute, and a number that is counted up in it.
    async fn serial(&self, mch_id: &domain::MchId, now: Timestamp) -> Result<u64, Problem> {
        let count = self.asker.recorder().count(mch_id, SERIALS, now).await?;
        let minute = u64::try_from((now.as_second() - SERIAL_EPOCH).div_euclid(60)).map_err(|_| Problem::internal())?;
        if count >= SERIALS_PER_MINUTE {
            return Err(Problem::unavailable().retry_after(60));
        }
        Ok(minute.saturating_mul(SERIALS_PER_MINUTE).saturating_add(count))
    }

    fn order(
        &self,
        caller: &Caller,
        wanted: &Wanted<'_>,
        merchant: &Merchant,
        signing: &Signing,
        at: &Moment,
    ) -> Result<Order, Problem> {
        let now = caller.arrival.now;
        let out_trade_no = signing.contract_code.first_order().ok_or_else(Problem::internal)?;
        let expires_at = now.saturating_add(wanted.product.expiry).map_err(|_| Problem::internal())?;
        let request = ContractOrder {
            appid: wanted.appid.clone(),
            out_trade_no: out_trade_no.clone(),
            body: wanted.product.title.clone(),
            detail: None,
            attach: wanted.metadata.map(str::to_owned),
            total: wanted.product.price,
            client_ip: client_ip(wanted.channel, caller.arrival.client_ip, self.server_ip)?,
            time_start: Some(now),
            time_expire: Some(expires_at),
            notify_url: merchant.payment_url.clone(),
            contract_notify_url: merchant.contract_url.clone(),
            payment: payment(wanted)?,
            signing: signing.clone(),
            no_credit: false,
            goods_tag: None,
            device_info: None,
        };
        let request = request.prepare(&merchant.keys, at).map_err(invalid)?;
        Ok(Order {
            schema: SCHEMA,
            mch_id: caller.user.mch_id.clone(),
            out_trade_no,
            kind: OrderKind::PayAndSign,
            protocol: Protocol::V2,
            appid: wanted.appid.clone(),
            amount: wanted.product.price,
            signature: SignatureAlgorithm::Md5,
            contract_code: Some(signing.contract_code.clone()),
            contract_id: None,
            openid: wanted.payer.cloned(),
            attach: wanted.metadata.map(str::to_owned),
            product: Some(wanted.product.id.clone()),
            channel: Some(wanted.channel),
            request: Some(RequestText::new(request.to_text())),
            launch: None,
            state: OrderState::Created,
            transaction_id: None,
            trade_type: None,
            paid_at: None,
            failure: None,
            refunded: Fen::ZERO,
            reserved: Fen::ZERO,
            refunds: 0,
            last_refund_at: None,
            refunded_elsewhere: false,
            user: None,
            created_at: now,
            expires_at: Some(expires_at),
            check: Some(Schedule::Order.first(now)),
        })
    }
}

fn contract(
    caller: &Caller,
    wanted: &Wanted<'_>,
    signing: &Signing,
    order: Option<&Order>,
    request: Option<RequestText>,
) -> Contract {
    let now = caller.arrival.now;
    let payment = |order: &Order| FirstPayment {
        out_trade_no: order.out_trade_no.clone(),
        status: PaymentStatus::Unpaid,
        paid_at: None,
        payer: None,
        late: false,
    };
    Contract {
        schema: SCHEMA,
        mch_id: caller.user.mch_id.clone(),
        contract_code: signing.contract_code.clone(),
        plan_id: wanted.plan_id.clone(),
        appid: wanted.appid.clone(),
        contract_id: None,
        openid: None,
        user: Some(caller.user.id.clone()),
        product: Some(wanted.product.id.clone()),
        channel: Some(wanted.channel),
        request_serial: Some(signing.request_serial),
        display_account: Some(signing.display_account.clone()),
        metadata: wanted.metadata.map(str::to_owned),
        request,
        launch: None,
        offered_until: None,
        open_deduction: None,
        paid_periods: std::collections::BTreeSet::new(),
        notice: None,
        state: ContractState::Created,
        payment: order.map(payment),
        not_signed_reason: None,
        existing: None,
        signed_at: None,
        expires_at: None,
        terminating_at: None,
        terminated_at: None,
        termination_reason: None,
        settled: None,
        created_at: now,
        // With an order, the order's checks come first.
        check: if order.is_none() { Some(Schedule::ContractAfterOffer.first(now)) } else { None },
    }
}

/// The request of pure signing, where WeChat is called at all.
fn request(
    caller: &Caller,
    wanted: &Wanted<'_>,
    merchant: &Merchant,
    signing: &Signing,
    at: &Moment,
) -> Result<Option<RequestText>, Problem> {
    let (appid, notify_url) = (wanted.appid.clone(), merchant.contract_url.clone());
    let text = match wanted.channel {
        Channel::App => {
            let request = PreEntrustWeb { appid, signing: signing.clone(), notify_url, return_app: true };
            request.prepare(&merchant.keys, at).map_err(invalid)?.to_text()
        }
        Channel::H5 => {
            let client_ip = caller.arrival.client_ip.ok_or_else(Problem::internal)?;
            let request = H5EntrustWeb { appid, signing: signing.clone(), notify_url, client_ip, return_appid: None };
            request.prepare(&merchant.keys, at).map_err(invalid)?.to_text()
        }
        Channel::OfficialAccount | Channel::MiniProgram | Channel::Native => return Ok(None),
    };
    Ok(Some(RequestText::new(text)))
}

fn payment(wanted: &Wanted<'_>) -> Result<Payment, Problem> {
    Ok(match wanted.channel {
        Channel::App => Payment::App,
        Channel::H5 => Payment::Mweb,
        Channel::Native => {
            let product_id = wanted.product.id.as_str().chars().take(LONGEST_PRODUCT_ID).collect();
            Payment::Native { product_id }
        }
        Channel::OfficialAccount | Channel::MiniProgram => {
            Payment::Jsapi { openid: wanted.payer.ok_or_else(Problem::internal)?.clone() }
        }
    })
}

/// The field holds IPv4 alone. A browser outside WeChat must come from this very address, so there a user with IPv6 cannot pay.
fn client_ip(channel: Channel, told: Option<IpAddr>, server: Ipv4Addr) -> Result<IpAddr, Problem> {
    let told = told.map(|address| address.to_canonical()).filter(IpAddr::is_ipv4);
    match (channel, told) {
        (Channel::Native, _) => Ok(server.into()),
        (_, Some(address)) => Ok(address),
        (Channel::H5, None) => {
            let title = "WeChat's H5 payment takes users with an IPv4 address alone";
            Err(Problem::new(StatusCode::UNPROCESSABLE_ENTITY, "ipv4_needed", title))
        }
        (Channel::App | Channel::OfficialAccount | Channel::MiniProgram, None) => Ok(server.into()),
    }
}

/// 20 characters: milliseconds, then randomness, so that numbers sort by time and none can be guessed.
pub(super) fn new_code(now: Timestamp, random: u128) -> Result<ContractCode, Problem> {
    let milliseconds = u64::try_from(now.as_millisecond()).map_err(|_| Problem::internal())?;
    let random = u64::try_from(random >> 64).unwrap_or_default();
    let text: String = [milliseconds, random].into_iter().flat_map(base32).collect();
    ContractCode::parse(&text).map_err(|_| Problem::internal())
}

/// The lower 50 bits as ten characters.
fn base32(bits: u64) -> impl Iterator<Item = char> {
    (0..10u32).rev().map(move |place| {
        let index = usize::try_from((bits >> (place * 5)) & 31).unwrap_or_default();
        char::from(BASE32.get(index).copied().unwrap_or(b'0'))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_sort_by_time_and_name_their_order() {
        let at = |ms: i64| Timestamp::from_millisecond(ms).unwrap();
        let first = new_code(at(1_795_000_000_000), u128::MAX).unwrap();
        let second = new_code(at(1_795_000_000_001), 0).unwrap();
        assert_eq!(first.as_str().len(), 20);
        assert!(first < second);
        let order = first.first_order().unwrap();
        assert_eq!(order.contract_code(), Some(first));
    }

    #[test]
    fn a_qr_code_names_the_server_and_a_browser_needs_ipv4() {
        let (v4, v6): (IpAddr, IpAddr) = ("203.0.113.9".parse().unwrap(), "2001:db8::1".parse().unwrap());
        let server = Ipv4Addr::new(198, 51, 100, 7);
        let ip = |channel, told| client_ip(channel, told, server).map_err(|problem| problem.code());
        assert_eq!(ip(Channel::App, Some(v4)), Ok(v4));
        assert_eq!(ip(Channel::App, Some("::ffff:203.0.113.9".parse().unwrap())), Ok(v4));
        assert_eq!(ip(Channel::App, Some(v6)), Ok(server.into()));
        assert_eq!(ip(Channel::Native, Some(v4)), Ok(server.into()));
        assert_eq!(ip(Channel::H5, Some(v4)), Ok(v4));
        assert_eq!(ip(Channel::H5, Some(v6)), Err("ipv4_needed"));
    }
}
