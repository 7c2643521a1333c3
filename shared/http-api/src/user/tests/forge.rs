//! Tokens and key sets made without the library that reads them.

use aws_lc_rs::encoding::AsDer;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::{KeyPair as RsaKeyPair, KeySize};
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, RSA_PKCS1_SHA256};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::DecodingKey;
use serde_json::{Value, json};

use crate::Fetched;

/// Signs tokens, and says by which key they are verified.
pub(super) trait Signer {
    fn algorithm(&self) -> &'static str;
    fn sign(&self, message: &[u8]) -> Vec<u8>;
    /// Its entry in a key set; an `oct` key for a shared secret, which no set should hold.
    fn jwk(&self) -> Value;

    fn fetched(&self, id: Option<&str>) -> Fetched {
        let jwk = serde_json::from_value(self.jwk()).unwrap();
        Fetched { id: id.map(str::to_owned), key: DecodingKey::from_jwk(&jwk).unwrap() }
    }
}

pub(super) struct Rsa(RsaKeyPair);
pub(super) struct Ec(EcdsaKeyPair);

impl Rsa {
    pub(super) fn new() -> Self {
        Self(RsaKeyPair::generate(KeySize::Rsa2048).unwrap())
    }

    /// The public key as a confused verifier would use it: as the text of a shared secret.
    pub(super) fn public_der(&self) -> Vec<u8> {
        AsDer::<aws_lc_rs::encoding::PublicKeyX509Der<'_>>::as_der(self.0.public_key()).unwrap().as_ref().to_vec()
    }
}

impl Ec {
    pub(super) fn new() -> Self {
        Self(EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).unwrap())
    }
}

impl Signer for Rsa {
    fn algorithm(&self) -> &'static str {
        "RS256"
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let mut signature = vec![0; self.0.public_modulus_len()];
        self.0.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature).unwrap();
        signature
    }

    fn jwk(&self) -> Value {
        let key = self.0.public_key();
        let (n, e) = (key.modulus(), key.exponent());
        json!({
            "kty": "RSA", "use": "sig",
            "n": encode(n.big_endian_without_leading_zero()), "e": encode(e.big_endian_without_leading_zero()),
        })
    }
}

impl Signer for Ec {
    fn algorithm(&self) -> &'static str {
        "ES256"
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.0.sign(&SystemRandom::new(), message).unwrap().as_ref().to_vec()
    }

    fn jwk(&self) -> Value {
        // An uncompressed point: 4, x, y.
        let point = self.0.public_key().as_ref();
        json!({ "kty": "EC", "crv": "P-256", "x": encode(&point[1..33]), "y": encode(&point[33..]) })
    }
}

impl Signer for &str {
    fn algorithm(&self) -> &'static str {
        "HS256"
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        self.as_bytes().sign(message)
    }

    fn jwk(&self) -> Value {
        json!({ "kty": "oct", "k": encode(self.as_bytes()) })
    }
}

impl Signer for &[u8] {
    fn algorithm(&self) -> &'static str {
        "HS256"
    }

    fn sign(&self, message: &[u8]) -> Vec<u8> {
        let key = aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, self);
        aws_lc_rs::hmac::sign(&key, message).as_ref().to_vec()
    }

    fn jwk(&self) -> Value {
        json!({ "kty": "oct", "k": encode(self) })
    }
}

pub(super) fn token(signer: &dyn Signer, kid: Option<&str>, claims: &Value) -> String {
    let mut header = json!({ "typ": "JWT", "alg": signer.algorithm() });
    if let Some(kid) = kid {
        header["kid"] = kid.into();
    }
    signed(signer, &header, claims)
}

/// Any header, signed all the same.
pub(super) fn signed(signer: &dyn Signer, header: &Value, claims: &Value) -> String {
    let message = format!("{}.{}", encode(header.to_string().as_bytes()), encode(claims.to_string().as_bytes()));
    let signature = signer.sign(message.as_bytes());
    format!("{message}.{}", encode(&signature))
}

pub(super) fn encode(bytes: &[u8]) -> String {
    URL_SAFE_NO_PAD.encode(bytes)
}
