//! What the function is made of, from its environment.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use ask::{Asker, Merchants};
use axum::Router;
use axum::extract::FromRef;
use http_api::{Cors, Users};
use record::{DynamoLedger, Jitter, Recorder};
use setup::{Aws, Catalogue, Env, Misconfigured, NotifyUrl, SigningKeyring};
use wechat::{Client, Hosts};

use crate::routes;
use crate::service::{Merchant, Service, SignApi};

/// What the handlers hold.
#[derive(Clone)]
pub(crate) struct App {
    pub(crate) api: Arc<dyn SignApi>,
    pub(crate) users: Arc<Users>,
}

impl FromRef<App> for Arc<dyn SignApi> {
    fn from_ref(app: &App) -> Self {
        app.api.clone()
    }
}

impl FromRef<App> for Arc<Users> {
    fn from_ref(app: &App) -> Self {
        app.users.clone()
    }
}

/// Reads the configuration, fetches the keys, builds the clients.
pub(crate) async fn start(env: &Env) -> Result<Router, Misconfigured> {
    let aws = Aws::new(env)?;
    let recorder = || -> Result<_, Misconfigured> {
        Ok(Recorder::new(DynamoLedger::new(aws.dynamodb(), env.tables()?), Jitter, env.routing()?))
    };
    let users = Users::read(env, &aws, Arc::new(recorder()?))?;
    let keyring = Arc::new(Merchants::new(SigningKeyring::fetch(env, &aws).await?));
    let service = Service {
        asker: Asker::new(recorder()?, client(env)?),
        merchants: Mutex::new(merchants(env, &keyring)?),
        keys: Box::new(move |mch_id, now| {
            let keyring = keyring.clone();
            Box::pin(async move {
                keyring.look_again(mch_id, now).await;
                keyring.keys(mch_id).ok()
            })
        }),
        catalogue: Catalogue::read(env)?,
        server_ip: env.server_ip()?,
    };
    let app = App { api: Arc::new(service), users };
    Ok(http_api::edge(routes::router(), Some(Cors::read(env)?)).with_state(app))
}

fn client(env: &Env) -> Result<Client, Misconfigured> {
    let hosts = Hosts::parse(&env.wechat_hosts()?.joined());
    let client = hosts.and_then(Client::new);
    client.map_err(|error| Misconfigured::new("PAPAY_WECHAT_HOSTS", error))
}

fn merchants(env: &Env, keyring: &Merchants) -> Result<BTreeMap<domain::MchId, Merchant>, Misconfigured> {
    let (payment, contract) = (env.notify_url(NotifyUrl::Deduction)?, env.notify_url(NotifyUrl::Contract)?);
    let purchase = env.notify_url(NotifyUrl::Payment)?;
    let merchant = |mch_id: domain::MchId| {
        let merchant = Merchant {
            keys: keyring.keys(&mch_id).map_err(|error| Misconfigured::new(format!("{mch_id}/sign"), error))?,
            payment_url: payment.v2(&mch_id),
            contract_url: contract.v2(&mch_id),
            purchase_url: purchase.v3(&mch_id),
            exempt_url: contract.v3(&mch_id),
        };
        Ok((mch_id, merchant))
    };
    env.merchants()?.into_iter().map(merchant).collect()
}
