//! What may be done to a merchant's secrets: each change says what it did, in words for a terminal.

use domain::MchId;
use setup::Misconfigured;
use setup::layout::{Generation, VerifySecret};
use verify::{ApiV2Key, ApiV3Key, PlatformCertificate};

use super::generations::{self, Names};
use super::given::{Given, MerchantPair, api_key};
use super::store::Held;

/// A key that both sides have.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiKey {
    /// Signs and verifies V2.
    V2,
    /// Opens what V3 seals.
    V3,
}

/// What is taken away.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Retired<'a> {
    /// The key beside the one in force.
    Previous(ApiKey),
    /// A public key of WeChat's, by its id.
    PublicKey(&'a str),
    /// A platform certificate, by its serial.
    PlatformCertificate(&'a str),
}

impl ApiKey {
    /// The field of the secret.
    #[must_use]
    pub fn field(self) -> &'static str {
        match self {
            Self::V2 => "api_v2_key",
            Self::V3 => "api_v3_key",
        }
    }

    /// What `papay keys` calls it.
    #[must_use]
    pub fn argument(self) -> &'static str {
        match self {
            Self::V2 => "api-v2",
            Self::V3 => "api-v3",
        }
    }

    fn of(self, held: &mut Held) -> &mut Option<Generation> {
        match self {
            Self::V2 => &mut held.verify.api_v2_key,
            Self::V3 => &mut held.verify.api_v3_key,
        }
    }

    fn parse(self, text: &str) -> Result<String, Misconfigured> {
        match self {
            Self::V2 => api_key(self.field(), text, ApiV2Key::parse),
            Self::V3 => api_key(self.field(), text, ApiV3Key::parse),
        }
    }

    fn in_force(self, held: &mut Held) -> Result<&mut Generation, Misconfigured> {
        let field = self.field();
        let missing = || Misconfigured::new(field, "there is none yet: papay keys import puts the first one");
        self.of(held).as_mut().ok_or_else(missing)
    }

    fn names(self) -> Names<'static> {
        Names { field: self.field(), around_verb: ("", self.argument()) }
    }
}

impl Retired<'_> {
    /// Whether what is left after it was there `before`, too.
    #[must_use]
    pub fn leaves_what_was(&self, before: &VerifySecret, after: &VerifySecret) -> bool {
        let current = |key: &Option<Generation>| key.as_ref().map(|key| key.current.clone());
        match self {
            Self::Previous(ApiKey::V2) => current(&before.api_v2_key) == current(&after.api_v2_key),
            Self::Previous(ApiKey::V3) => current(&before.api_v3_key) == current(&after.api_v3_key),
            Self::PublicKey(_) | Self::PlatformCertificate(_) => {
                after.public_keys.keys().all(|id| before.public_keys.contains_key(id))
                    && after.platform_certificates.iter().all(|pem| before.platform_certificates.contains(pem))
            }
        }
    }
}

/// Puts what was given beside what is there. Nothing that is there is replaced.
///
/// # Errors
/// Another key is in its place.
pub fn import(held: &mut Held, given: Given, mch_id: &MchId) -> Result<Vec<String>, Misconfigured> {
    let mut done = Vec::new();
    let Given { api_v2_key, api_v3_key, pair, public_keys, platform_certificates } = given;
    for (key, text) in [(ApiKey::V2, api_v2_key), (ApiKey::V3, api_v3_key)] {
        if let Some(text) = text {
            done.extend(import_key(held, key, text)?);
        }
    }
    if let Some(pair) = pair {
        done.extend(import_pair(held, &pair)?);
    }
    for (id, pem) in public_keys {
        match held.verify.public_keys.get(&id) {
            Some(known) if known.trim() == pem.trim() => {}
            Some(_) => return Err(Misconfigured::new(format!("public_keys.{id}"), "another key has this id already")),
            None => {
                done.push(format!("public key {id}"));
                held.verify.public_keys.insert(id, pem);
            }
        }
    }
    for (serial, pem) in platform_certificates {
        if !serials(held).any(|known| known == serial) {
            done.push(format!("platform certificate {serial}"));
            held.verify.platform_certificates.push(pem);
        }
    }
    if held.verify.api_v2_key.is_none() {
        let problem = format_args!("merchant {mch_id} needs one: --api-v2-key-file FILE, or type it in").to_string();
        return Err(Misconfigured::new("api_v2_key", problem));
    }
    Ok(done)
}

fn import_key(held: &mut Held, key: ApiKey, text: String) -> Result<Option<String>, Misconfigured> {
    let is_new = generations::import(key.of(held), text, key.names())?;
    Ok(is_new.then(|| format!("{} key", key.argument())))
}

fn import_pair(held: &mut Held, pair: &MerchantPair) -> Result<Option<String>, Misconfigured> {
    let (merchant, client) = (pair.merchant(), pair.client());
    let is_other = held.sign.merchant.as_ref().is_some_and(|known| known.serial != merchant.serial)
        || held.sign.client.as_ref().is_some_and(|known| known.certificate.trim() != client.certificate.trim());
    if is_other {
        let problem = "another certificate is in force: papay keys rotate merchant replaces it";
        return Err(Misconfigured::new("merchant", problem));
    }
    if held.sign.merchant.is_some() && held.sign.client.is_some() {
        return Ok(None);
    }
    Ok(Some(put_pair(held, pair)))
}

fn put_pair(held: &mut Held, pair: &MerchantPair) -> String {
    (held.sign.merchant, held.sign.client) = (Some(pair.merchant()), Some(pair.client()));
    format!("merchant certificate {} until {:.10}", pair.serial, pair.ends.to_string())
}

/// Puts the next key beside the one in force: what it signs or seals is understood from then on, and nothing of ours is signed with it.
///
/// # Errors
/// It is no key, or there is no place for it.
pub fn stage(held: &mut Held, key: ApiKey, text: &str) -> Result<Vec<String>, Misconfigured> {
    let new = key.parse(text)?;
    generations::stage(key.in_force(held)?, new, key.names())?;
    Ok(vec![format!("the next {} key, beside the one in force", key.argument())])
}

/// Puts a key in force, and the one that was beside it. Without a new one the two change places: that puts a staged key in force, and
/// takes a rotation back.
///
/// # Errors
/// It is no key, there is none, or a third key would be lost.
pub fn rotate(held: &mut Held, key: ApiKey, text: Option<&str>) -> Result<Vec<String>, Misconfigured> {
    let new = text.map(|text| key.parse(text)).transpose()?;
    generations::rotate(key.in_force(held)?, new, key.names())?;
    Ok(vec![format!("the new {} key, and the one before beside it", key.argument())])
}

/// Puts the merchant's new certificate and its key in the place of the old ones.
///
/// # Errors
/// There is none to replace, or it is the one in force.
pub fn rotate_certificate(held: &mut Held, pair: &MerchantPair) -> Result<Vec<String>, Misconfigured> {
    let missing = || Misconfigured::new("merchant", "there is none yet: papay keys import puts the first one");
    let known = held.sign.merchant.as_ref().ok_or_else(missing)?;
    if known.serial == pair.serial && held.sign.client.is_some() {
        return Err(Misconfigured::new("merchant", "this is the certificate in force already"));
    }
    Ok(vec![put_pair(held, pair)])
}

/// Takes a key away. `others` says whether WeChat has keys beyond these two secrets: certificates that the worker keeps.
///
/// # Errors
/// It is not there, or it is the last key of WeChat's.
pub fn retire(held: &mut Held, what: Retired<'_>, others: bool) -> Result<Vec<String>, Misconfigured> {
    match what {
        Retired::Previous(key) => {
            generations::retire(key.in_force(held)?, key.names())?;
            Ok(vec![format!("the {} key in force, alone", key.argument())])
        }
        Retired::PublicKey(id) => {
            held.verify.public_keys.remove(id).ok_or_else(|| unknown("public_keys"))?;
            not_the_last(held, others, &format!("public_keys.{id}"))?;
            Ok(vec![format!("without public key {id}")])
        }
        Retired::PlatformCertificate(serial) => {
            let known = held.verify.platform_certificates.len();
            held.verify.platform_certificates.retain(|pem| serial_of(pem).as_deref() != Some(serial));
            if held.verify.platform_certificates.len() == known {
                return Err(unknown("platform_certificates"));
            }
            not_the_last(held, others, &format!("platform_certificates {serial}"))?;
            Ok(vec![format!("without platform certificate {serial}")])
        }
    }
}

/// Without what was typed: it may have been a key.
fn unknown(field: &str) -> Misconfigured {
    Misconfigured::new(field, "none is called so: papay keys show lists them")
}

fn not_the_last(held: &Held, others: bool, field: &str) -> Result<(), Misconfigured> {
    if !others && held.verify.public_keys.is_empty() && held.verify.platform_certificates.is_empty() {
        return Err(Misconfigured::new(field, "is the last key of WeChat's: import the next one first"));
    }
    Ok(())
}

fn serials(held: &Held) -> impl Iterator<Item = String> {
    held.verify.platform_certificates.iter().filter_map(|pem| serial_of(pem))
}

fn serial_of(pem: &str) -> Option<String> {
    PlatformCertificate::read(pem).ok().map(|certificate| certificate.serial)
}
