//! V2 refunds, for which WeChat wants to see the merchant's certificate itself.

use std::sync::Arc;

use ask::Merchants;
use domain::{AppId, Fen, MchId, OutRefundNo, OutTradeNo};
use reqwest::Method;
use serde_json::json;
use setup::{Aws, Env, SigningKeyring, SystemClock};
use wechat::{Client, Hosts, Http, Moment, OrderRef};

use super::certificate::Certificate;
use crate::harness::{Authority, Door, MCH_ID, Town};
use crate::outcome::{text, token};

/// Where V2 refunds are made, over TLS: WeChat wants to see the certificate itself there. The functions trust Mozilla's roots alone, so
/// what they are made of is called here: their keyring, their client.
pub(super) struct Counter {
    town: Arc<Town>,
    door: Door,
    roots: rustls::RootCertStore,
    order: OutTradeNo,
}

impl Counter {
    /// With a subscription that was paid by APIv2.
    pub(super) async fn open(town: &Arc<Town>, authority: &Authority) -> Self {
        let body = json!({ "product": "vip-monthly", "channel": "app" });
        let alice = token(town, "subscriber");
        let (status, begun) = town.app(&alice, Method::POST, "/subscriptions", Some(("begin", body))).await;
        assert_eq!(status, 201, "{begun}");
        let order = text(&begun["payment"]["out_trade_no"]);
        let simulator = &town.stack.simulator;
        simulator.control().post(&format!("/{MCH_ID}/orders/{order}/pay"), json!({ "user": "wx-s" })).await.unwrap();
        let door = Door::open(authority, &simulator.endpoint()).await;
        let order = OutTradeNo::parse(&order).unwrap();
        Self { town: town.clone(), door, roots: authority.roots(), order }
    }

    /// WeChat takes a refund, for which it was shown this certificate.
    pub(super) async fn gives_back(&self, number: &str, shown: &Certificate) {
        let refund = wechat::Refund {
            appid: AppId::parse("wx2421b1c4370ec43b").unwrap(),
            order: OrderRef::OutTradeNo(self.order.clone()),
            out_refund_no: OutRefundNo::parse(number).unwrap(),
            total: Fen::new(1_800),
            refund: Fen::new(800),
            reason: None,
            from_recharge: false,
            // The discard port: what is told of it is not the subject here.
            notify_url: Some(format!("http://127.0.0.1:9/v2/{MCH_ID}")),
        };
        let env = self.env();
        let keyring = SigningKeyring::fetch(&env, &Aws::new(&env).unwrap()).await.unwrap();
        let keys = Merchants::new(keyring).keys(&MchId::parse(MCH_ID).unwrap()).unwrap();
        let now = self.town.now();
        let prepared = refund.prepare(&keys, &Moment::new(now)).unwrap();
        let client =
            Client::over(Hosts::parse(&self.door.endpoint).unwrap(), Http::trusting(self.roots.clone()).unwrap());
        client.send(&prepared, &keys, now).await.unwrap();
        let seen = [("/secapi/pay/refund".to_owned(), Some(shown.identity.certificate.clone()))];
        assert_eq!(self.door.take_seen(), seen, "{number}");
        println!("{:<22} a V2 refund showed WeChat {}", "merchant certificate", shown.serial);
    }

    fn env(&self) -> Env {
        let variables = [
            ("AWS_ACCESS_KEY_ID", "local"),
            ("AWS_SECRET_ACCESS_KEY", "local"),
            ("AWS_REGION", "eu-central-1"),
            ("AWS_ENDPOINT_URL", &self.town.stack.host.secrets.endpoint()),
            ("PAPAY_MERCHANTS", MCH_ID),
        ];
        let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned())).into();
        Env::of(variables, Arc::new(SystemClock))
    }
}
