//! The secret that an issuer of the app's tokens shares with papay, for HS256. The issuer signs; papay only verifies, by both.

use setup::Misconfigured;
use setup::layout::{Generation, SHORTEST_ISSUER_SECRET, read_issuer_secret};

use super::KeyStore;
use super::generations::{self, Names};
use super::vault::Version;

/// The longest name: shorter than any secret, so that one that is typed in its place is none.
const LONGEST_NAME: usize = 31;

const NAMES: Names<'static> = Names { field: "secret", around_verb: ("issuer", "NAME") };

/// An issuer's secret, and what it was when it was read.
#[derive(Clone)]
pub struct IssuerSecret {
    name: String,
    held: Option<Generation>,
    pub(super) read: Option<Version>,
}

impl std::fmt::Debug for IssuerSecret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("IssuerSecret").field("name", &self.name).finish_non_exhaustive()
    }
}

impl KeyStore {
    /// The secret `<prefix>issuers/<name>`, whether it is there or not.
    ///
    /// # Errors
    /// It is no name, without saying what it is; the store does not answer, or the secret has another layout.
    pub async fn issuer(&self, name: &str) -> Result<IssuerSecret, Misconfigured> {
        let is_known = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
        if name.is_empty() || name.len() > LONGEST_NAME || !name.bytes().all(is_known) {
            let rule = format_args!("1 to {LONGEST_NAME} letters, digits, hyphens, dots and underscores").to_string();
            return Err(Misconfigured::new("the issuer's name", rule));
        }
        let name = self.issuer_name(name);
        let read = self.vault.current(&name).await?;
        let held = read.as_ref().map(|version| read_issuer_secret(&name, &version.text)).transpose()?;
        Ok(IssuerSecret { name, held, read })
    }

    /// What is in the secret of this full name.
    ///
    /// # Errors
    /// As [`KeyStore::issuer`].
    pub async fn issuer_secret(&self, name: &str) -> Result<Option<Generation>, Misconfigured> {
        self.vault.current(name).await?.map(|version| read_issuer_secret(name, &version.text)).transpose()
    }

    /// Writes it, unless somebody else has changed it since it was read.
    ///
    /// # Errors
    /// That; or the store refuses.
    pub async fn write_issuer(&self, secret: &IssuerSecret) -> Result<(), Misconfigured> {
        let wrong = |error: &dyn std::fmt::Display| Misconfigured::new(&secret.name, error);
        let text = serde_json::to_string_pretty(secret.in_force()?).map_err(|error| wrong(&error))?;
        read_issuer_secret(&secret.name, &text)?;
        self.vault.put(&secret.name, &text, secret.read.as_ref()).await
    }
}

impl IssuerSecret {
    /// What the secret is called.
    #[must_use]
    pub fn name(&self) -> &str {
        &self.name
    }

    /// Whether one is in force, and whether another one is beside it.
    #[must_use]
    pub fn has(&self) -> (bool, bool) {
        (self.held.is_some(), self.held.as_ref().is_some_and(|held| held.previous.is_some()))
    }

    /// Puts the first one. Answers whether it is new.
    ///
    /// # Errors
    /// It is too short, or another one is there.
    pub fn import(&mut self, text: &str) -> Result<bool, Misconfigured> {
        generations::import(&mut self.held, trimmed(text)?, NAMES)
    }

    /// Puts another one beside the one in force.
    ///
    /// # Errors
    /// It is too short, or there is no place for it.
    pub fn stage(&mut self, text: &str) -> Result<(), Misconfigured> {
        generations::stage(self.in_force_mut()?, trimmed(text)?, NAMES)
    }

    /// Puts one in force, and the one of before beside it; without a new one the two change places.
    ///
    /// # Errors
    /// It is too short, or a third one would be lost.
    pub fn rotate(&mut self, text: Option<&str>) -> Result<(), Misconfigured> {
        generations::rotate(self.in_force_mut()?, text.map(trimmed).transpose()?, NAMES)
    }

    /// Takes away the one beside the one in force.
    ///
    /// # Errors
    /// There is none.
    pub fn retire(&mut self) -> Result<(), Misconfigured> {
        generations::retire(self.in_force_mut()?, NAMES)
    }

    /// Whether this text of before has the same secret in force.
    pub(super) fn is_in_force_in(&self, text: &str) -> bool {
        let before = read_issuer_secret(&self.name, text).ok();
        before.is_some_and(|before| self.held.as_ref().is_some_and(|held| held.current == before.current))
    }

    fn in_force(&self) -> Result<&Generation, Misconfigured> {
        self.held.as_ref().ok_or_else(missing)
    }

    fn in_force_mut(&mut self) -> Result<&mut Generation, Misconfigured> {
        self.held.as_mut().ok_or_else(missing)
    }
}

fn missing() -> Misconfigured {
    Misconfigured::new(NAMES.field, "there is none yet: papay keys issuer import puts the first one")
}

/// Without the line's end that an editor put behind it.
fn trimmed(text: &str) -> Result<String, Misconfigured> {
    let text = text.trim_end_matches(['\r', '\n']);
    if text.len() < SHORTEST_ISSUER_SECRET {
        let problem = format!("has {} bytes instead of at least {SHORTEST_ISSUER_SECRET}", text.len());
        return Err(Misconfigured::new(NAMES.field, problem));
    }
    Ok(text.to_owned())
}
