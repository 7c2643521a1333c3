//! Issuers that share a secret with papay: without it, or with one that can be guessed, the app's users are locked out or anybody's.

use serde::Deserialize;

use super::{At, Finding};
use crate::keys::KeyStore;

/// What is looked at of an entry of `PAPAY_ISSUERS`; the rest sign-api judges when it starts.
#[derive(Deserialize)]
struct Entry {
    #[serde(default)]
    secret: Option<String>,
}

/// Looks at the secrets of the issuers of a deployment, as `PAPAY_ISSUERS` has them.
pub(super) async fn check(store: &KeyStore, issuers: &str, stack: &str) -> Vec<Finding> {
    let at = At::new("issuers", stack);
    let Ok(entries) = serde_json::from_str::<Vec<Entry>>(issuers) else {
        return vec![
            at.failure("PAPAY_ISSUERS is not the documented JSON", "deploy with other Issuers: docs/deploy.md"),
        ];
    };
    let names: Vec<String> = entries.into_iter().filter_map(|entry| entry.secret).collect();
    if names.is_empty() {
        return vec![at.left_out("none shares a secret with papay")];
    }
    secrets(store, &names).await
}

/// Looks at issuers' secrets by their full names.
pub(super) async fn secrets(store: &KeyStore, names: &[String]) -> Vec<Finding> {
    let mut findings = Vec::new();
    for name in names {
        findings.push(look(store, name).await);
    }
    findings
}

async fn look(store: &KeyStore, name: &str) -> Finding {
    let at = At::new("issuer's secret", name);
    let put = "papay keys issuer import, or rotate: docs/keys.md";
    match store.issuer_secret(name).await {
        Ok(Some(secret)) if secret.previous.is_some() => at.ok("there, and another one beside it"),
        Ok(Some(_)) => at.ok("there"),
        Ok(None) => at.failure("is not there: none of the issuer's users gets in", put),
        Err(wrong) if wrong.problem == "AccessDeniedException" => at.unchecked(
            "these credentials may not ask: secretsmanager:GetSecretValue",
            "ask with a role that may read the secrets",
        ),
        Err(wrong) => at.failure(wrong, put),
    }
}
