//! A purchase: a new one, or the one that the same call made.

use domain::{Order, OrderKind, OrderState, OutTradeNo, Protocol, RequestText, SCHEMA, Schedule, SignatureAlgorithm};
use http_api::Problem;
use record::{Backoff, Known, Opened, Opening, Writeahead};
use uuid::Uuid;
use wechat::v3::{OrderDetails, Payment};
use wechat::{Moment, Transport};

use super::draft::new_code;
use super::goods::Goods;
use super::refusal::invalid;
use super::{Caller, Service};
use crate::view::{Checkout, NewPurchase};

/// The route, as idempotency keys are kept by it.
const ROUTE: &str = "POST orders";

impl<L: Writeahead, B: Backoff, T: Transport> Service<L, B, T> {
    /// Answers whether the purchase is new, and the purchase. A user may buy the same thing twice: with another key.
    pub(crate) async fn buy_now(&self, caller: &Caller, new: &NewPurchase) -> Result<(bool, Checkout), Problem> {
        let asked = caller.idempotency(ROUTE)?;
        // Whatever became of the catalogue since.
        match self.asker.recorder().known(&caller.user.mch_id, &asked).await? {
            Known::New => {}
            Known::Before { resource } => return Ok((false, self.bought(caller, &resource).await?)),
            Known::Reused => return Err(Problem::key_reused()),
        }
        let goods = Goods::check(&self.catalogue, &caller.user, new)?;
        let order = self.purchase(caller, goods)?;
        let opening = Opening {
            mch_id: caller.user.mch_id.clone(),
            opened: domain::Opened::Purchase { order: Box::new(order.clone()) },
            idempotency: Some(asked),
            openid: None,
            traceparent: caller.arrival.traceparent.clone(),
        };
        match self.asker.recorder().open(&opening, caller.arrival.now).await? {
            Opened::Opened => Ok((true, self.check_out(caller, order).await?)),
            Opened::AlreadyDone { resource } => Ok((false, self.bought(caller, &resource).await?)),
            Opened::KeyReused => Err(Problem::key_reused()),
            // A purchase has a number of its own and names no other row.
            Opened::OnRecord { .. } | Opened::Live { .. } | Opened::Unknown(_) => Err(Problem::internal()),
            Opened::Refused(refusal) => {
                tracing::error!(%refusal, "a purchase does not fit together");
                Err(Problem::internal())
            }
        }
    }

    /// The purchase of the same call, as it is now.
    async fn bought(&self, caller: &Caller, resource: &str) -> Result<Checkout, Problem> {
        let order = self.own_order(&caller.user, &OutTradeNo::parse(resource)?).await?;
        let order = self.refresh_order(order, caller.arrival.now).await?.order;
        self.check_out(caller, order).await
    }

    /// The order, Created, with the request that is sent once it is on record.
    fn purchase(&self, caller: &Caller, goods: Goods<'_>) -> Result<Order, Problem> {
        let (mch_id, now) = (&caller.user.mch_id, caller.arrival.now);
        let merchant = self.merchant(mch_id)?;
        let code = new_code(now, Uuid::new_v4().as_u128())?;
        let out_trade_no = OutTradeNo::one_off(&code).map_err(|_| Problem::internal())?;
        let Goods { product, channel, appid, payment, metadata } = goods;
        let expires_at = now.saturating_add(product.expiry).map_err(|_| Problem::internal())?;
        let openid = match &payment {
            Payment::Jsapi { openid } => Some(openid.clone()),
            Payment::App | Payment::Native | Payment::H5 { .. } => None,
        };
        let request = wechat::v3::Order {
            appid: appid.clone(),
            out_trade_no: out_trade_no.clone(),
            description: product.title.clone(),
            total: product.price,
            payment,
            notify_url: merchant.purchase_url,
            time_expire: Some(expires_at),
            attach: metadata.map(str::to_owned),
            client_ip: caller.arrival.client_ip,
            more: OrderDetails::default(),
        };
        let request = request.prepare(&merchant.keys, &Moment::new(now)).map_err(invalid)?;
        Ok(Order {
            schema: SCHEMA,
            mch_id: mch_id.clone(),
            out_trade_no,
            kind: OrderKind::OneOff,
            protocol: Protocol::V3,
            appid: appid.clone(),
            amount: product.price,
            signature: SignatureAlgorithm::Rsa,
            contract_code: None,
            contract_id: None,
            openid,
            attach: metadata.map(str::to_owned),
            product: Some(product.id.clone()),
            channel: Some(channel),
            request: Some(RequestText::new(request.to_text())),
            user: Some(caller.user.id.clone()),
            launch: None,
            state: OrderState::Created,
            transaction_id: None,
            trade_type: None,
            paid_at: None,
            failure: None,
            refunded: domain::Fen::ZERO,
            reserved: domain::Fen::ZERO,
            refunds: 0,
            last_refund_at: None,
            refunded_elsewhere: false,
            created_at: now,
            expires_at: Some(expires_at),
            check: Some(Schedule::Order.first(now)),
        })
    }
}
