//! The keys that sign: of functions that ask WeChat. Callbacks have none of them.

use std::fmt;
use std::sync::Arc;

use domain::MchId;
use verify::sign::v3::MerchantSigner;
use verify::{ApiV2Key, MerchantKeys};

use crate::kept::{FromSecrets, Kept};
use crate::keyring::parse as parse_verifying;
use crate::layout::{ClientSecret, MerchantSecret, Purpose, SignSecret, read_secret};
use crate::secrets::Secrets;
use crate::{Misconfigured, certificates};

/// What signs the requests of the configured merchants, and verifies their answers.
pub type SigningKeyring = Kept<SigningKeys>;

/// What signs one merchant's requests.
#[derive(Debug)]
pub struct SigningKeys {
    /// The APIv2 key in force.
    pub v2: ApiV2Key,
    /// What verifies the answers.
    pub merchant: Arc<MerchantKeys>,
    /// The merchant's private key, for V3 calls.
    pub v3: Option<Arc<MerchantSigner>>,
    /// The client certificate, for V2 refunds.
    pub client: Option<ClientIdentity>,
}

/// A client certificate with its private key.
#[derive(Clone)]
pub struct ClientIdentity {
    certificate: String,
    private_key: String,
}

impl ClientIdentity {
    /// The certificate, PEM.
    #[must_use]
    pub fn certificate_pem(&self) -> &str {
        &self.certificate
    }

    /// Its private key, PEM.
    #[must_use]
    pub fn private_key_pem(&self) -> &str {
        &self.private_key
    }
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl FromSecrets for SigningKeys {
    async fn fetch(secrets: &Secrets, mch_id: &MchId) -> Result<Self, Misconfigured> {
        let (verify, sign) = (secrets.name(mch_id, Purpose::Verify), secrets.name(mch_id, Purpose::Sign));
        let (verifying, signing, fetched) =
            tokio::join!(secrets.required(&verify), secrets.optional(&sign), certificates::fetch(secrets, mch_id));
        let merchant = certificates::added(parse_verifying(&verify, mch_id, &verifying?)?, fetched?);
        Self::of(merchant, &verify, (&sign, signing?.as_deref()), mch_id)
    }
}

impl SigningKeys {
    /// From the texts of a merchant's two secrets, each with its name.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] names the secret and the field, never a value.
    pub fn parse(
        (verify, verifying): (&str, &str),
        (sign, signing): (&str, Option<&str>),
        mch_id: &MchId,
    ) -> Result<Self, Misconfigured> {
        Self::of(parse_verifying(verify, mch_id, verifying)?, verify, (sign, signing), mch_id)
    }

    fn of(
        merchant: MerchantKeys,
        verify: &str,
        (sign, signing): (&str, Option<&str>),
        mch_id: &MchId,
    ) -> Result<Self, Misconfigured> {
        let v2 = merchant.v2.as_ref().map(|keys| keys.current.clone());
        let v2 =
            v2.ok_or_else(|| Misconfigured::new(format!("{verify} api_v2_key"), "V2 requests are signed with it"))?;
        let (v3, client) = match signing {
            Some(text) => parse(sign, mch_id, text)?,
            None => (None, None),
        };
        Ok(Self { v2, merchant: Arc::new(merchant), v3: v3.map(Arc::new), client })
    }
}

fn parse(
    name: &str,
    mch_id: &MchId,
    text: &str,
) -> Result<(Option<MerchantSigner>, Option<ClientIdentity>), Misconfigured> {
    let secret: SignSecret = read_secret(name, text)?;
    let signer = secret.merchant.map(|MerchantSecret { serial, private_key }| {
        MerchantSigner::new(mch_id.as_str(), &serial, &private_key)
            .map_err(|error| Misconfigured::new(format!("{name} merchant"), error))
    });
    let client = secret.client.map(|ClientSecret { certificate, private_key }| {
        let wrong = |field: &str, what: &str| Misconfigured::new(format!("{name} client.{field}"), what);
        if !certificate.contains("-----BEGIN CERTIFICATE-----") {
            return Err(wrong("certificate", "is not a PEM CERTIFICATE"));
        }
        if !private_key.contains("PRIVATE KEY-----") {
            return Err(wrong("private_key", "is not a PEM PRIVATE KEY"));
        }
        Ok(ClientIdentity { certificate, private_key })
    });
    Ok((signer.transpose()?, client.transpose()?))
}

#[cfg(test)]
mod tests {
    use super::*;

    const VERIFY: &str = r#"{"api_v2_key": {"current": "192006250b4c09247ec02edce69f6a2d"}}"#;

    fn parsed(verify: &str, sign: Option<&str>) -> Result<SigningKeys, Misconfigured> {
        let mch_id = MchId::parse("10000100").unwrap();
        SigningKeys::parse(("papay/10000100/verify", verify), ("papay/10000100/sign", sign), &mch_id)
    }

    #[test]
    fn a_merchant_without_v3_calls_and_refunds_signs_with_its_apiv2_key_alone() {
        let keys = parsed(VERIFY, None).unwrap();
        assert!(keys.v3.is_none() && keys.client.is_none() && keys.merchant.v2.is_some());
        assert!(parsed(VERIFY, Some("{}")).unwrap().client.is_none());
    }

    #[test]
    fn what_is_wrong_is_told_by_field_and_never_by_value() {
        let problem = |verify, sign| parsed(verify, sign).unwrap_err().to_string();
        assert_eq!(problem("{}", None), "papay/10000100/verify api_v2_key: V2 requests are signed with it");
        let unknown = problem(VERIFY, Some(r#"{"oops": "secret"}"#));
        assert_eq!(unknown, "papay/10000100/sign: not the documented JSON, line 1 column 7");
        let key = problem(VERIFY, Some(r#"{"merchant": {"serial": "5157F09E", "private_key": "secret"}}"#));
        assert!(key.starts_with("papay/10000100/sign merchant: ") && !key.contains("secret"), "{key}");
        let client = problem(VERIFY, Some(r#"{"client": {"certificate": "secret", "private_key": "secret"}}"#));
        assert_eq!(client, "papay/10000100/sign client.certificate: is not a PEM CERTIFICATE");
    }

    #[test]
    fn a_client_certificate_does_not_show_in_debug_output() {
        let secret = r#"{"client": {"certificate": "-----BEGIN CERTIFICATE-----AAAA", "private_key": "-----BEGIN PRIVATE KEY-----BBBB"}}"#;
        let keys = parsed(VERIFY, Some(secret)).unwrap();
        let shown = format!("{keys:?}");
        assert!(!shown.contains("AAAA") && !shown.contains("BBBB") && !shown.contains("192006250b4c"), "{shown}");
        assert_eq!(keys.client.unwrap().private_key_pem(), "-----BEGIN PRIVATE KEY-----BBBB");
    }
}
