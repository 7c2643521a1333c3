//! What a callback function holds: keys and a ledger.

use domain::{Fact, Timestamp};
use parse::ParseError;
use record::{DynamoLedger, Jitter, Recorded, Recorder};
use setup::{Aws, Env, Keyring, Misconfigured};
use verify::{MerchantKeys, Refusal, Verified};

use crate::certificates::Wanted;
use crate::{Callback, Refused};

/// How the ids of WeChat Pay public keys begin: these are the operator's to bring, and not in any list of certificates.
const PUBLIC_KEY: &str = "PUB_KEY_ID_";

/// The keys and the ledger of a callback function, made once at start.
#[derive(Debug)]
pub struct App {
    keyring: Keyring,
    certificates: Wanted,
    recorder: Recorder<DynamoLedger, Jitter>,
}

impl App {
    /// Reads the configuration and fetches the keys.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] names what is wrong; the function does not start.
    pub async fn new(env: &Env) -> Result<Self, Misconfigured> {
        let aws = Aws::new(env)?;
        let ledger = DynamoLedger::new(aws.dynamodb(), env.tables()?);
        let certificates = Wanted::new(ledger.clone());
        let recorder = Recorder::new(ledger, Jitter, env.routing()?);
        Ok(Self { keyring: Keyring::fetch(env, &aws).await?, certificates, recorder })
    }

    /// Who sent this? A V2 message, signed over its fields.
    ///
    /// # Errors
    ///
    /// [`Refused`]: nothing was proved.
    pub async fn verify_v2<'c>(&self, callback: &'c Callback) -> Result<Verified<'c>, Refused> {
        self.verify(callback, |keys| Ok(keys.verify_v2(&callback.unverified_body)?)).await
    }

    /// Who sent this? A V2 refund notice, which only decrypts.
    ///
    /// # Errors
    ///
    /// [`Refused`]: nothing was proved.
    pub async fn verify_v2_refund<'c>(&self, callback: &'c Callback) -> Result<Verified<'c>, Refused> {
        self.verify(callback, |keys| Ok(keys.verify_v2_refund(&callback.unverified_body)?)).await
    }

    /// Who sent this? A V3 notice, signed in its headers and sealed.
    ///
    /// # Errors
    ///
    /// [`Refused`]: nothing was proved.
    pub async fn verify_v3<'c>(&self, callback: &'c Callback) -> Result<Verified<'c>, Refused> {
        let headers = callback.v3_headers()?;
        let now = callback.received_at.as_second();
        let verified =
            self.verify(callback, |keys| Ok(keys.verify_v3(&headers, &callback.unverified_body, now)?)).await;
        let names_certificate = headers.serial.is_some_and(|serial| !serial.starts_with(PUBLIC_KEY));
        if names_certificate && matches!(verified, Err(Refused::Untrusted(Refusal::UnknownSerial))) {
            self.certificates.note(&callback.mch_id, callback.received_at).await;
        }
        verified
    }

    /// Makes durable what a verified callback says. What is verified and not understood is held for a person to see.
    ///
    /// # Errors
    ///
    /// [`Refused`]: WeChat is to send it again, or it does not belong here.
    pub async fn record(
        &self,
        callback: &Callback,
        verified: &Verified<'_>,
        parsed: Result<Fact, ParseError>,
    ) -> Result<Recorded, Refused> {
        let (receipt, now) = (callback.receipt(verified), callback.received_at);
        let recorded = match parsed {
            Ok(fact) => {
                tracing::Span::current().record("subject", fact.subject());
                self.recorder.apply(&fact, &receipt, now, domain::decide).await?
            }
            Err(ParseError::NotUnderstood { what }) => {
                tracing::Span::current().record("what", what.as_str());
                self.recorder.hold(&callback.mch_id, &what, &receipt, now).await?
            }
            Err(ParseError::WrongMerchant) => return Err(Refused::WrongMerchant),
            Err(ParseError::WrongEndpoint { event }) => return Err(Refused::WrongEndpoint(event)),
        };
        match recorded {
            Recorded::Unknown(unknown) => Err(Refused::Unknown(unknown.label())),
            recorded => Ok(recorded),
        }
    }

    /// Verifies, and again with the keys as they are now where changed keys would explain the failure.
    async fn verify<'c>(
        &self,
        callback: &Callback,
        check: impl Fn(&MerchantKeys) -> Result<Verified<'c>, Refused>,
    ) -> Result<Verified<'c>, Refused> {
        let first = check(&*self.keyring.keys(&callback.mch_id)?);
        match first {
            Err(Refused::Untrusted(refusal)) if refusal.could_be_key_fault() => {
                self.verify_again(callback, refusal, callback.received_at, check).await
            }
            first => first,
        }
    }

    async fn verify_again<'c>(
        &self,
        callback: &Callback,
        refusal: Refusal,
        now: Timestamp,
        check: impl Fn(&MerchantKeys) -> Result<Verified<'c>, Refused>,
    ) -> Result<Verified<'c>, Refused> {
        match self.keyring.refetched(&callback.mch_id, now).await {
            Some(keys) => check(&keys),
            None => Err(refusal.into()),
        }
    }
}
