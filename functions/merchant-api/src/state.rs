//! What the function holds.

use std::sync::Arc;

use ask::{Asker, Merchants};
use axum::extract::FromRef;
use http_api::Principals;
use record::{DynamoLedger, Jitter, Recorder};
use setup::{Aws, Catalogue, Env, Misconfigured, NotifyUrl, SigningKeyring};
use wechat::{Client, Hosts};

use crate::business::{Business, Merchant};

/// What handlers share.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) business: Arc<dyn Merchant>,
    pub(crate) principals: Arc<Principals>,
}

impl FromRef<App> for Arc<Principals> {
    fn from_ref(app: &App) -> Self {
        app.principals.clone()
    }
}

impl App {
    /// Reads the configuration and fetches the keys.
    pub(crate) async fn start(env: &Env) -> Result<Self, Misconfigured> {
        let aws = Aws::new(env)?;
        let ledger = DynamoLedger::new(aws.dynamodb(), env.tables()?);
        let hosts = Hosts::parse(&env.wechat_hosts()?.joined());
        let hosts = hosts.map_err(|error| Misconfigured::new("PAPAY_WECHAT_HOSTS", error))?;
        let client = Client::new(hosts).map_err(|error| Misconfigured::new("PAPAY_WECHAT_HOSTS", error))?;
        let merchants = Arc::new(Merchants::new(SigningKeyring::fetch(env, &aws).await?));
        let business = Business {
            asker: Asker::new(Recorder::new(ledger, Jitter, env.routing()?), client),
            keys: Box::new(move |mch_id, look_again| {
                let merchants = merchants.clone();
                Box::pin(async move {
                    if let Some(now) = look_again {
                        merchants.look_again(mch_id, now).await;
                    }
                    merchants.keys(mch_id).inspect_err(|error| tracing::error!(%mch_id, %error, "no keys")).ok()
                })
            }),
            catalogue: Catalogue::read(env)?,
            deductions: env.notify_url(NotifyUrl::Deduction)?,
            contracts: env.notify_url(NotifyUrl::Contract)?,
            refunds: env.notify_url(NotifyUrl::Refund)?,
            refunds_by_v3: env.refunds_by_v3()?,
            server_ip: env.server_ip()?,
        };
        Ok(Self { business: Arc::new(business), principals: Principals::read(env)? })
    }
}
