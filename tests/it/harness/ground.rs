//! DynamoDB and SQS alone, with papay's tables and queues, under the real SDK: for what needs no function process.

use std::collections::BTreeMap;

use counterparty::fixtures::{self, Endpoint};
use counterparty::{Numbers, TestMerchant};
use domain::{Consumer, Fact, MchId, Timestamp};
use host::clock::Clock;
use host::{Stack, StackConfig};
use papay::stack::{queues, tables};
use papay::{Clients, Config};
use record::{DynamoLedger, Jitter, Receipt, Recorded, Recorder, Tables};
use verify::{ApiV2Key, ApiV3Key, Generations, MerchantKeys, V3Headers, Verified, WechatpayKeys};

use super::Dump;

/// DynamoDB and SQS with papay's tables and queues.
pub(crate) struct Ground {
    _host: Stack,
    pub(crate) clients: Clients,
    pub(crate) tables: Tables,
    pub(crate) queues: BTreeMap<Consumer, String>,
    pub(crate) config: Config,
}

impl Ground {
    pub(crate) async fn start() -> Self {
        let config = Config::read(Config::default_path()).unwrap();
        // Generated times lie anywhere in a year: nothing of them may have outlived its time to live.
        let clock = Clock::in_memory();
        clock.set_offset_ms(-5 * 365 * 86_400_000).unwrap();
        let host = Stack::start(StackConfig { clock: Some(clock), ..StackConfig::default() }).await.unwrap();
        let clients = Clients::new(&host.dynamodb.endpoint(), &host.sqs.endpoint()).unwrap();
        let tables = tables::names();
        tables::create(&clients.dynamodb, &tables).await.unwrap();
        let queues = queues::create(&clients.sqs, &config.consumers()).await.unwrap();
        Self { _host: host, clients, tables, queues, config }
    }

    pub(crate) fn ledger(&self) -> DynamoLedger {
        DynamoLedger::new(self.clients.dynamodb.clone(), self.tables.clone())
    }

    pub(crate) fn recorder(&self) -> Recorder<DynamoLedger, Jitter> {
        Recorder::new(self.ledger(), Jitter, self.config.routing.clone())
    }

    pub(crate) async fn dump(&self) -> Dump {
        Dump::of(&self.clients.dynamodb, &self.tables).await
    }

    /// Verifies, parses, decides and records a notification, as its function does.
    pub(crate) async fn record(&self, name: &str, numbers: &Numbers) -> Recorded {
        let (fact, receipt) = fact(name, numbers);
        self.recorder().apply(&fact, &receipt, receipt.received_at, domain::decide).await.unwrap()
    }
}

/// What a notification says, and its receipt.
pub(crate) fn fact(name: &str, numbers: &Numbers) -> (Fact, Receipt) {
    let fixture = fixtures::find(name).unwrap();
    let request = fixtures::build(name, numbers).unwrap();
    let merchant = [counterparty::TEST_MERCHANT, counterparty::SECOND_MERCHANT];
    let keys = keys(merchant.iter().find(|merchant| merchant.mch_id == numbers.mch_id).unwrap());
    let verified = verified(&keys, name, &request, numbers.now).unwrap();
    let mch_id = MchId::parse(&numbers.mch_id).unwrap();
    let fact = match fixture.endpoint {
        Endpoint::Deduction => parse::deduction(&mch_id, &verified),
        Endpoint::Contract => parse::contract(&mch_id, &verified),
        Endpoint::Payment => parse::payment(&mch_id, &verified),
        Endpoint::Refund => parse::refund(&mch_id, &verified),
    };
    let receipt = Receipt {
        body_hash: verify::sha256(&request.body),
        body: request.body.clone(),
        received_at: Timestamp::from_second(numbers.now).unwrap(),
        traceparent: None,
    };
    (fact.unwrap(), receipt)
}

/// Verifies a request by the protocol and the endpoint of its fixture.
pub(crate) fn verified<'a>(
    keys: &MerchantKeys,
    name: &str,
    request: &'a counterparty::SignedRequest,
    now: i64,
) -> Result<Verified<'a>, verify::Refusal> {
    let fixture = fixtures::find(name).unwrap();
    match (fixture.protocol, fixture.endpoint) {
        (counterparty::Protocol::V2, Endpoint::Refund) => keys.verify_v2_refund(&request.body),
        (counterparty::Protocol::V2, _) => keys.verify_v2(&request.body),
        (counterparty::Protocol::V3, _) => keys.verify_v3(&v3_headers(request)?, &request.body, now),
    }
}

/// The proof's headers, read as the callback functions read them: one that comes twice has no value.
fn v3_headers(request: &counterparty::SignedRequest) -> Result<V3Headers<'_>, verify::Refusal> {
    let one = |name: &'static str| {
        let mut values = request.headers.iter().filter(|(header, _)| header.eq_ignore_ascii_case(name));
        match (values.next(), values.next()) {
            (_, Some(_)) => Err(verify::Refusal::RepeatedHeader(name)),
            (value, None) => Ok(value.map(|(_, value)| value.as_str())),
        }
    };
    Ok(V3Headers {
        timestamp: one("Wechatpay-Timestamp")?,
        nonce: one("Wechatpay-Nonce")?,
        serial: one("Wechatpay-Serial")?,
        signature: one("Wechatpay-Signature")?,
        signature_type: one("Wechatpay-Signature-Type")?,
    })
}

/// What a test merchant verifies with.
pub(crate) fn keys(merchant: &TestMerchant) -> MerchantKeys {
    let mut wechatpay = WechatpayKeys::default();
    wechatpay.insert_public_key(merchant.public_key_id, merchant.public_key_pem).unwrap();
    wechatpay.insert_certificate(merchant.certificate_pem).unwrap();
    let v2 = Generations::only(ApiV2Key::parse(merchant.api_v2_key).unwrap());
    let v3 = Generations::only(ApiV3Key::parse(merchant.api_v3_key).unwrap());
    MerchantKeys::new(merchant.mch_id, Some(v2), Some(v3), wechatpay).unwrap()
}
