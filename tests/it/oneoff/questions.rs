//! What WeChat itself answers about orders and refunds, and what the merchant does there beside papay.

use std::sync::Arc;

use counterparty::{MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM, TEST_MERCHANT};
use domain::{Fen, OutRefundNo, OutTradeNo};
use serde_json::Value;
use verify::sign::v3::MerchantSigner;
use wechat::v3::{OrderQuery, Refund, RefundDetails, RefundQuery};
use wechat::{Client, Hosts, Http, Keys, Moment, OrderRef};

use crate::harness::{MCH_ID, Town, keys};

/// The merchant's own calls, beside papay.
pub(super) struct WeChat {
    client: Client<Http>,
    keys: Keys,
}

impl WeChat {
    /// Who asks the town's simulator.
    pub(super) fn of(town: &Town) -> Self {
        let signer = MerchantSigner::new(MCH_ID, MERCHANT_CERTIFICATE_SERIAL, MERCHANT_PRIVATE_KEY_PEM).unwrap();
        let client = Client::new(Hosts::parse(&town.stack.simulator.endpoint()).unwrap()).unwrap();
        Self { client, keys: Keys::new(Arc::new(keys(&TEST_MERCHANT))).with_signer(Arc::new(signer)) }
    }

    /// Gives back so much of an order of so much; the end of it is told to an address.
    pub(super) async fn give_back(&self, town: &Town, order: &str, number: &str, fen: (u64, u64), notify_url: String) {
        let refund = Refund {
            order: OrderRef::OutTradeNo(OutTradeNo::parse(order).unwrap()),
            out_refund_no: OutRefundNo::parse(number).unwrap(),
            refund: Fen::new(fen.0),
            total: Fen::new(fen.1),
            reason: None,
            notify_url,
            more: RefundDetails::default(),
        };
        let refund = refund.prepare(&self.keys, &Moment::new(town.now())).unwrap();
        self.client.send(&refund, &self.keys, town.now()).await.unwrap();
    }

    /// WeChat's answer about an order.
    pub(super) async fn order(&self, town: &Town, number: &str) -> Value {
        let query = OrderQuery { order: OrderRef::OutTradeNo(OutTradeNo::parse(number).unwrap()) };
        let query = query.prepare(&self.keys, &Moment::new(town.now())).unwrap();
        let answer = self.client.send(&query, &self.keys, town.now()).await.unwrap();
        serde_json::from_slice(answer.body()).unwrap()
    }

    /// WeChat's answer about a refund.
    pub(super) async fn refund(&self, town: &Town, number: &str) -> Value {
        let query = RefundQuery { out_refund_no: OutRefundNo::parse(number).unwrap() };
        let query = query.prepare(&self.keys, &Moment::new(town.now())).unwrap();
        let answer = self.client.send(&query, &self.keys, town.now()).await.unwrap();
        serde_json::from_slice(answer.body()).unwrap()
    }
}
