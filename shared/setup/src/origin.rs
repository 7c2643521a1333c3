//! Whether a request came by the way that was set up for it.

use std::fmt;

use crate::{Env, Misconfigured};

/// The variable: one or two secrets, separated by a comma.
const SECRETS: &str = "PAPAY_ORIGIN_SECRETS";

/// The header that a content delivery network in front of the function adds.
pub const ORIGIN_HEADER: &str = "x-origin-verify";

/// The header in which it tells the caller's address.
pub const VIEWER_HEADER: &str = "x-viewer-address";

/// What a function behind a content delivery network demands of it. It keeps strangers from going round the network's
/// filters; it proves nothing about WeChat, whose signature is verified all the same.
#[derive(Clone)]
pub struct OriginGate {
    /// Hashes, so that comparing takes as long whatever was sent.
    hashes: Vec<[u8; 32]>,
}

impl fmt::Debug for OriginGate {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OriginGate").field("secrets", &self.hashes.len()).finish()
    }
}

impl OriginGate {
    /// Reads `PAPAY_ORIGIN_SECRETS`: the present secret and, while it is being changed, the one before. Without it everybody
    /// may come.
    ///
    /// # Errors
    ///
    /// [`Misconfigured`] where one is shorter than 32 characters.
    pub fn read(env: &Env) -> Result<Self, Misconfigured> {
        let text = env.optional(SECRETS).unwrap_or_default();
        let secrets: Vec<&str> = text.split(',').map(str::trim).filter(|secret| !secret.is_empty()).collect();
        if secrets.len() > 2 || secrets.iter().any(|secret| secret.len() < 32) {
            return Err(Misconfigured::new(SECRETS, "one or two, of at least 32 characters each"));
        }
        Ok(Self { hashes: secrets.into_iter().map(|secret| verify::sha256(secret.as_bytes())).collect() })
    }

    /// Whether there is a secret to have.
    #[must_use]
    pub fn is_closed(&self) -> bool {
        !self.hashes.is_empty()
    }

    /// Whether a request with this [`ORIGIN_HEADER`] may come in.
    #[must_use]
    pub fn admits(&self, header: Option<&[u8]>) -> bool {
        let Some(header) = header else { return self.hashes.is_empty() };
        let hash = verify::sha256(header);
        self.hashes.is_empty() || self.hashes.contains(&hash)
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;
    use std::sync::Arc;

    use super::*;
    use crate::SystemClock;

    const NEW: &str = "new-new-new-new-new-new-new-new-";
    const OLD: &str = "old-old-old-old-old-old-old-old-";

    fn gate(secrets: &str) -> Result<OriginGate, Misconfigured> {
        let variables = BTreeMap::from([(SECRETS.to_owned(), secrets.to_owned())]);
        OriginGate::read(&Env::of(variables, Arc::new(SystemClock)))
    }

    #[test]
    fn without_a_secret_everybody_may_come() {
        let open = gate("").unwrap();
        assert!(open.admits(None) && open.admits(Some(b"anything")));
    }

    #[test]
    fn with_secrets_only_a_bearer_of_one_of_them_comes_in() {
        let gate = gate(&format!("{NEW},{OLD}")).unwrap();
        assert!(gate.admits(Some(NEW.as_bytes())) && gate.admits(Some(OLD.as_bytes())));
        let both = format!("{NEW},{OLD}");
        for stranger in [None, Some(""), Some(&NEW[1..]), Some(both.as_str())] {
            assert!(!gate.admits(stranger.map(str::as_bytes)), "{stranger:?}");
        }
        assert!(!format!("{gate:?}").contains("new"));
    }

    #[test]
    fn a_short_secret_or_a_third_one_stops_the_start() {
        for wrong in ["short", &format!("{NEW},{OLD},{NEW}")] {
            let error = gate(wrong).unwrap_err().to_string();
            assert_eq!(error, "PAPAY_ORIGIN_SECRETS: one or two, of at least 32 characters each");
        }
    }
}
