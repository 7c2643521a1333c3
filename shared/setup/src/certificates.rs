//! The platform certificates (平台证书) that WeChat signs with: a secret of each merchant, `<prefix><mch_id>/certificates`, which the worker
//! writes and everybody reads beside `…/verify`. It holds nothing that is secret; whoever could write it could speak for WeChat.

use domain::{MchId, Timestamp};
use verify::{MerchantKeys, WechatpayKeys};

use crate::layout::{CertificatesSecret, Purpose, read_secret};
use crate::secrets::Secrets;
use crate::{Aws, Env, Misconfigured};

/// The certificates that are kept.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeptCertificates {
    /// PEM.
    pub pems: Vec<String>,
    /// When WeChat told them.
    pub fetched_at: Timestamp,
}

/// Where the certificates are kept.
#[derive(Clone, Debug)]
pub struct CertificateStore(Secrets);

impl CertificateStore {
    /// The secrets of this deployment.
    #[must_use]
    pub fn new(env: &Env, aws: &Aws) -> Self {
        Self(Secrets::new(env, aws))
    }

    /// The certificates that are kept; `None` where none are, or what is there cannot be read.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`]: the secret cannot be read.
    pub async fn kept(&self, mch_id: &MchId) -> Result<Option<KeptCertificates>, Misconfigured> {
        let name = self.0.name(mch_id, Purpose::Certificates);
        let text = self.0.optional(&name).await?;
        // What cannot be read is written anew.
        let secret = text.and_then(|text| read_secret::<CertificatesSecret>(&name, &text).ok());
        Ok(secret.map(|secret| KeptCertificates { pems: secret.platform_certificates, fetched_at: secret.fetched_at }))
    }

    /// Keeps these certificates instead of those before: WeChat tells all that it signs with.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`]: the secret cannot be written.
    pub async fn keep(&self, mch_id: &MchId, pems: Vec<String>, now: Timestamp) -> Result<(), Misconfigured> {
        let name = self.0.name(mch_id, Purpose::Certificates);
        let secret = CertificatesSecret { platform_certificates: pems, fetched_at: now };
        let text = serde_json::to_string(&secret).map_err(|error| Misconfigured::new(&name, error))?;
        self.0.write(&name, &text).await
    }
}

/// The text of the secret, where there is one.
pub(crate) async fn fetch(secrets: &Secrets, mch_id: &MchId) -> Result<Option<(String, String)>, Misconfigured> {
    let name = secrets.name(mch_id, Purpose::Certificates);
    Ok(secrets.optional(&name).await?.map(|text| (name, text)))
}

/// The keys with those certificates beside the ones that they have. What cannot be read is said and left out: the worker, which starts with
/// these keys too, writes it anew.
pub(crate) fn added(mut keys: MerchantKeys, fetched: Option<(String, String)>) -> MerchantKeys {
    if let Some((name, text)) = fetched {
        for problem in add(&mut keys.wechatpay, &name, &text) {
            metrics::counter!("CertificatesUnreadable").increment(1);
            tracing::error!(%problem, "a platform certificate that is kept cannot be read");
        }
    }
    keys
}

fn add(keys: &mut WechatpayKeys, name: &str, text: &str) -> Vec<Misconfigured> {
    let secret: CertificatesSecret = match read_secret(name, text) {
        Ok(secret) => secret,
        Err(problem) => return vec![problem],
    };
    let pems = secret.platform_certificates.iter().enumerate();
    pems.filter_map(|(index, pem)| {
        let field = || format!("{name} platform_certificates[{index}]");
        keys.insert_certificate(pem).map_err(|error| Misconfigured::new(field(), error)).err()
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAME: &str = "papay/10000100/certificates";

    fn fetched(text: &str) -> Option<(String, String)> {
        Some((NAME.to_owned(), text.to_owned()))
    }

    fn keys() -> MerchantKeys {
        MerchantKeys::new("10000100", None, None, WechatpayKeys::default()).unwrap()
    }

    #[test]
    fn certificates_of_the_worker_are_added_to_those_of_the_operator() {
        let certificate = include_str!("../../../tests/vectors/wechat/java_wechat_pay_certificate.pem");
        let secret = CertificatesSecret {
            platform_certificates: vec![certificate.to_owned()],
            fetched_at: Timestamp::UNIX_EPOCH,
        };
        let text = serde_json::to_string(&secret).unwrap();
        let twice = added(added(keys(), fetched(&text)), fetched(&text));
        assert_eq!(twice.wechatpay.len(), 1, "the same one in both secrets is one");
        assert!(added(keys(), None).wechatpay.is_empty(), "the secret is optional");
    }

    #[test]
    fn what_cannot_be_read_is_told_by_its_name_and_keeps_no_other_certificate_out() {
        for text in ["", "[]", r#"{"platform_certificates": ["x"], "fetched_at": "2026-01-01T00:00:00Z"}"#] {
            let problems = add(&mut WechatpayKeys::default(), NAME, text);
            assert!(problems.len() == 1 && problems[0].to_string().starts_with(NAME), "{problems:?}");
        }
        let certificate = include_str!("../../../tests/vectors/wechat/java_wechat_pay_certificate.pem");
        let platform_certificates = vec!["x".to_owned(), certificate.to_owned()];
        let secret = CertificatesSecret { platform_certificates, fetched_at: Timestamp::UNIX_EPOCH };
        let text = serde_json::to_string(&secret).unwrap();
        assert_eq!(added(keys(), fetched(&text)).wechatpay.len(), 1);
    }
}
