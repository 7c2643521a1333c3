//! What the merchant platform gave the merchant, read and tried by itself.

use std::collections::BTreeMap;

use domain::{MchId, Timestamp};
use setup::Misconfigured;
use setup::layout::{ClientSecret, MerchantSecret};
use verify::sign::v3::MerchantSigner;
use verify::{ApiV2Key, ApiV3Key, KeyError, MerchantCertificate, PlatformCertificate, Validity, WechatpayKeys};

/// The merchant's certificate in the platform's archive.
pub const CERTIFICATE_FILE: &str = "apiclient_cert.pem";

/// Its private key, in the same archive.
pub const PRIVATE_KEY_FILE: &str = "apiclient_key.pem";

/// WeChat Pay's public key, as the platform's download is called.
pub const PUBLIC_KEY_FILE: &str = "pub_key.pem";

/// Keys that were given, each right by itself.
#[derive(Default)]
pub struct Given {
    pub(super) api_v2_key: Option<String>,
    pub(super) api_v3_key: Option<String>,
    pub(super) pair: Option<MerchantPair>,
    pub(super) public_keys: BTreeMap<String, String>,
    /// PEM by serial.
    pub(super) platform_certificates: BTreeMap<String, String>,
}

/// The merchant's certificate and the private key that it is for.
pub struct MerchantPair {
    pub(super) serial: String,
    pub(super) ends: Timestamp,
    certificate: String,
    private_key: String,
}

impl Given {
    /// The APIv2 key, as it was typed or stood in a file.
    ///
    /// # Errors
    /// It is not one.
    pub fn api_v2_key(&mut self, text: &str) -> Result<(), Misconfigured> {
        self.api_v2_key = Some(api_key("api_v2_key", text, ApiV2Key::parse)?);
        Ok(())
    }

    /// The APIv3 key.
    ///
    /// # Errors
    /// It is not one.
    pub fn api_v3_key(&mut self, text: &str) -> Result<(), Misconfigured> {
        self.api_v3_key = Some(api_key("api_v3_key", text, ApiV3Key::parse)?);
        Ok(())
    }

    /// The merchant's certificate and private key.
    pub fn pair(&mut self, pair: MerchantPair) {
        self.pair = Some(pair);
    }

    /// WeChat Pay's public key and its id.
    ///
    /// # Errors
    /// One of them is not what it should be.
    pub fn public_key(&mut self, id: &str, pem: &str) -> Result<(), Misconfigured> {
        if !id.starts_with("PUB_KEY_ID_") {
            return Err(Misconfigured::new(
                "public_key_id",
                "begins with PUB_KEY_ID_, as the merchant platform shows it",
            ));
        }
        let tried = WechatpayKeys::default().insert_public_key(id, pem);
        tried.map_err(|error| Misconfigured::new("public_key", error))?;
        self.public_keys.insert(id.to_owned(), pem.to_owned());
        Ok(())
    }

    /// A platform certificate.
    ///
    /// # Errors
    /// It is none, or has ended.
    pub fn platform_certificate(&mut self, pem: &str, now: Timestamp) -> Result<(), Misconfigured> {
        let field = "platform_certificate";
        let wrong = |error: KeyError| Misconfigured::new(field, error);
        let certificate = PlatformCertificate::read(pem).map_err(wrong)?;
        WechatpayKeys::default().insert_certificate(pem).map_err(wrong)?;
        in_force(field, certificate.validity, now)?;
        self.platform_certificates.insert(certificate.serial, pem.to_owned());
        Ok(())
    }

    /// Whether there is nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        let Self { api_v2_key, api_v3_key, pair, public_keys, platform_certificates } = self;
        let keys = api_v2_key.is_some() || api_v3_key.is_some() || pair.is_some();
        !keys && public_keys.is_empty() && platform_certificates.is_empty()
    }
}

impl std::fmt::Debug for Given {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[redacted]")
    }
}

impl MerchantPair {
    /// `apiclient_cert.pem` and `apiclient_key.pem` of a merchant.
    ///
    /// # Errors
    /// One of them is unreadable, the certificate has ended or is not in force yet or another merchant's, or they do not belong
    /// together.
    pub fn read(certificate: &str, private_key: &str, mch_id: &MchId, now: Timestamp) -> Result<Self, Misconfigured> {
        let of_certificate = |problem: &dyn std::fmt::Display| Misconfigured::new(CERTIFICATE_FILE, problem);
        let of_key = |error: KeyError| Misconfigured::new(PRIVATE_KEY_FILE, error);
        let read = MerchantCertificate::read(certificate).map_err(|error| of_certificate(&error))?;
        MerchantSigner::new(mch_id.as_str(), &read.serial, private_key).map_err(of_key)?;
        if !read.certifies(private_key).map_err(of_key)? {
            let problem = format_args!("is not the key of {CERTIFICATE_FILE}: take both from one archive").to_string();
            return Err(Misconfigured::new(PRIVATE_KEY_FILE, problem));
        }
        // WeChat writes the merchant number there; whatever else stands there says nothing.
        let other = read.common_name.as_deref().filter(|name| MchId::parse(name).is_ok_and(|other| other != *mch_id));
        if let Some(other) = other {
            return Err(of_certificate(&format_args!("is merchant {other}'s, not {mch_id}'s")));
        }
        let ends = in_force(CERTIFICATE_FILE, read.validity, now)?;
        let (certificate, private_key) = (certificate.to_owned(), private_key.to_owned());
        Ok(Self { serial: read.serial, ends, certificate, private_key })
    }

    pub(super) fn merchant(&self) -> MerchantSecret {
        MerchantSecret { serial: self.serial.clone(), private_key: self.private_key.clone() }
    }

    pub(super) fn client(&self) -> ClientSecret {
        ClientSecret { certificate: self.certificate.clone(), private_key: self.private_key.clone() }
    }
}

/// A key of 32 characters, without the line's end that an editor put behind it.
pub(super) fn api_key<K>(
    field: &str,
    text: &str,
    parse: fn(&str) -> Result<K, KeyError>,
) -> Result<String, Misconfigured> {
    let text = text.trim_end_matches(['\r', '\n']);
    parse(text).map_err(|error| Misconfigured::new(field, error))?;
    Ok(text.to_owned())
}

/// When it ends.
fn in_force(field: &str, validity: Validity, now: Timestamp) -> Result<Timestamp, Misconfigured> {
    let day = |seconds: i64| Timestamp::from_second(seconds).unwrap_or_default();
    let Validity { not_before, not_after } = validity;
    if now.as_second() > not_after {
        return Err(Misconfigured::new(field, format_args!("ended on {:.10}", day(not_after).to_string())));
    }
    if now.as_second() < not_before {
        return Err(Misconfigured::new(field, format_args!("begins on {:.10} only", day(not_before).to_string())));
    }
    Ok(day(not_after))
}
