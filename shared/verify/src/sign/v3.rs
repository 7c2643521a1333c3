//! V3: RSA with the merchant's private key, over requests and launch parameters.

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::rsa::KeyPair;
use aws_lc_rs::signature::RSA_PKCS1_SHA256;
use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;

use super::Unsignable;
use crate::keys::{KeyError, header_safe};
use crate::pem;
use crate::sensitive::{SensitiveError, SensitiveKey};

/// The merchant's API certificate: who signs, and the private key that does it.
pub struct MerchantSigner {
    mch_id: String,
    serial: String,
    key: KeyPair,
    sensitive: SensitiveKey,
}

impl MerchantSigner {
    /// Takes the private key (`apiclient_key.pem`, PKCS#8) and the serial of the **merchant's** certificate.
    ///
    /// ```
    /// assert!(verify::sign::v3::MerchantSigner::new("1900007291", "408B07E7", "no PEM").is_err());
    /// ```
    ///
    /// # Errors
    /// [`KeyError::Pem`], [`KeyError::Rsa`], [`KeyError::Id`].
    pub fn new(mch_id: &str, serial: &str, private_key_pem: &str) -> Result<Self, KeyError> {
        header_safe(mch_id, "merchant number")?;
        header_safe(serial, "certificate serial")?;
        let der = pem::private_key(private_key_pem)?;
        let key = KeyPair::from_pkcs8(der.secret_pkcs8_der()).map_err(|_| KeyError::Rsa)?;
        let sensitive = SensitiveKey::from_pkcs8(der.secret_pkcs8_der())?;
        Ok(MerchantSigner { mch_id: mch_id.to_owned(), serial: serial.to_owned(), key, sensitive })
    }

    /// The value of the `Authorization` header.
    ///
    /// `path_and_query` and `body` are exactly the bytes that go on the wire; `timestamp` is Unix seconds; the nonce at most
    /// 32 characters. A repeated request is signed anew.
    ///
    /// ```
    /// # let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/wechat");
    /// # let read = |name: &str| std::fs::read_to_string(format!("{vectors}/{name}"));
    /// # let key = read("doc_test_merchant_private_key.pem")?;
    /// let signer = verify::sign::v3::MerchantSigner::new("1900007291", "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB", &key)?;
    /// let path = "/v3/refund/domestic/refunds/123123123123";
    /// let header = signer.authorization("GET", path, 1_554_208_460, "593BEC0C930BF1AFEB40B4A08C8FB242", b"")?;
    /// assert!(header.starts_with("WECHATPAY2-SHA256-RSA2048 mchid=\"1900007291\",nonce_str="));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Unsignable::Character`] for what would break the lines of the signed text or the header, [`Unsignable::Key`].
    pub fn authorization(
        &self,
        method: &str,
        path_and_query: &str,
        timestamp: i64,
        nonce: &str,
        body: &[u8],
    ) -> Result<String, Unsignable> {
        let message = request_message(method, path_and_query, timestamp, nonce, body)?;
        let signature = self.sign(&message)?;
        Ok(format!(
            "WECHATPAY2-SHA256-RSA2048 mchid=\"{}\",nonce_str=\"{nonce}\",signature=\"{signature}\",\
             timestamp=\"{timestamp}\",serial_no=\"{}\"",
            self.mch_id, self.serial
        ))
    }

    /// Launch parameters for an APP; `appid` is the one of the order.
    ///
    /// ```
    /// # let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/wechat");
    /// # let read = |name: &str| std::fs::read_to_string(format!("{vectors}/{name}"));
    /// # let key = read("doc_test_merchant_private_key.pem")?;
    /// let signer = verify::sign::v3::MerchantSigner::new("1900007291", "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB", &key)?;
    /// assert_eq!(signer.app("wx1", "wx2", "nonce", 1_554_208_460)?.package_value, "Sign=WXPay");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`MerchantSigner::authorization`].
    pub fn app(&self, appid: &str, prepay_id: &str, nonce: &str, now: i64) -> Result<AppLaunch, Unsignable> {
        let time_stamp = now.to_string();
        let sign =
            self.sign_lines(&[("appid", appid), ("time", &time_stamp), ("nonce", nonce), ("prepay_id", prepay_id)])?;
        Ok(AppLaunch {
            app_id: appid.to_owned(),
            partner_id: self.mch_id.clone(),
            prepay_id: prepay_id.to_owned(),
            package_value: "Sign=WXPay",
            nonce_str: nonce.to_owned(),
            time_stamp,
            sign,
        })
    }

    /// Launch parameters for JSAPI and mini program; `appid` is the one of the order.
    ///
    /// ```
    /// # let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/wechat");
    /// # let read = |name: &str| std::fs::read_to_string(format!("{vectors}/{name}"));
    /// # let key = read("doc_test_merchant_private_key.pem")?;
    /// let signer = verify::sign::v3::MerchantSigner::new("1900007291", "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB", &key)?;
    /// assert_eq!(signer.jsapi("wx1", "wx2", "nonce", 1_554_208_460)?.package, "prepay_id=wx2");
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// As [`MerchantSigner::authorization`].
    pub fn jsapi(&self, appid: &str, prepay_id: &str, nonce: &str, now: i64) -> Result<JsapiLaunch, Unsignable> {
        let time_stamp = now.to_string();
        let package = format!("prepay_id={prepay_id}");
        let pay_sign =
            self.sign_lines(&[("appid", appid), ("time", &time_stamp), ("nonce", nonce), ("prepay_id", &package)])?;
        Ok(JsapiLaunch {
            app_id: appid.to_owned(),
            time_stamp,
            nonce_str: nonce.to_owned(),
            package,
            sign_type: "RSA",
            pay_sign,
        })
    }

    /// Opens a sensitive field of an answer; WeChat encrypts those for the merchant's certificate.
    ///
    /// ```
    /// # let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/wechat");
    /// # let read = |name: &str| std::fs::read_to_string(format!("{vectors}/{name}"));
    /// # let key = read("doc_test_merchant_private_key.pem")?;
    /// let signer = verify::sign::v3::MerchantSigner::new("1900007291", "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB", &key)?;
    /// assert_eq!(signer.decrypt_sensitive("MTIzNA=="), Err(verify::SensitiveError::Undecryptable));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`SensitiveError::Undecryptable`].
    pub fn decrypt_sensitive(&self, ciphertext: &str) -> Result<String, SensitiveError> {
        self.sensitive.decrypt(ciphertext)
    }

    /// A digest that only this key can make. What is short enough to be guessed, such as a card's number, cannot be found from it.
    ///
    /// ```
    /// # let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../../tests/vectors/wechat");
    /// # let key = std::fs::read_to_string(format!("{vectors}/doc_test_merchant_private_key.pem"))?;
    /// # let signer = verify::sign::v3::MerchantSigner::new("1900007291", "408B07E79B8269FEC3D5D3E6AB8ED163A6A380DB", &key)?;
    /// let card = b"6222021234567890";
    /// assert_eq!(signer.fingerprint(card)?, signer.fingerprint(card)?);
    /// assert_ne!(signer.fingerprint(card)?, signer.fingerprint(b"6222021234567891")?);
    /// assert_ne!(signer.fingerprint(card)?, verify::sha256(card));
    /// # Ok::<(), Box<dyn std::error::Error>>(())
    /// ```
    ///
    /// # Errors
    /// [`Unsignable::Key`].
    pub fn fingerprint(&self, text: &[u8]) -> Result<[u8; 32], Unsignable> {
        // No request begins so, and the signature stays here: nobody can use it as one.
        let message = [b"fingerprint\n".as_slice(), text].concat();
        Ok(crate::sha256(self.sign(&message)?.as_bytes()))
    }

    fn sign_lines(&self, lines: &[(&str, &str)]) -> Result<String, Unsignable> {
        let mut message = String::new();
        for (name, line) in lines {
            visible_ascii(name, line)?;
            message.push_str(line);
            message.push('\n');
        }
        self.sign(message.as_bytes())
    }

    fn sign(&self, message: &[u8]) -> Result<String, Unsignable> {
        let mut signature = vec![0; self.key.public_modulus_len()];
        // PKCS#1 v1.5 draws no random bytes; the generator is a formality of the interface.
        let signed = self.key.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature);
        signed.map_err(|_| Unsignable::Key)?;
        Ok(STANDARD.encode(signature))
    }
}

impl std::fmt::Debug for MerchantSigner {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (mch_id, serial) = (&self.mch_id, &self.serial);
        f.debug_struct("MerchantSigner")
            .field("mch_id", mch_id)
            .field("serial", serial)
            .field("key", &"[redacted]")
            .finish()
    }
}

/// The text that a request's signature covers: five lines, each ended by a line feed, the last one too.
///
/// ```
/// let message = verify::sign::v3::request_message("GET", "/v3/certificates", 1624523846, "A1B2C3D4E5F6G7", b"")?;
/// assert_eq!(message, b"GET\n/v3/certificates\n1624523846\nA1B2C3D4E5F6G7\n\n");
/// # Ok::<(), verify::sign::Unsignable>(())
/// ```
///
/// # Errors
/// [`Unsignable::Character`] if method, path or nonce hold anything but visible ASCII, or a quotation mark.
pub fn request_message(
    method: &str,
    path_and_query: &str,
    timestamp: i64,
    nonce: &str,
    body: &[u8],
) -> Result<Vec<u8>, Unsignable> {
    visible_ascii("method", method)?;
    visible_ascii("path", path_and_query)?;
    visible_ascii("nonce", nonce)?;
    let mut message = format!("{method}\n{path_and_query}\n{timestamp}\n{nonce}\n").into_bytes();
    message.extend_from_slice(body);
    message.push(b'\n');
    Ok(message)
}

/// The parameters that open WeChat from an APP (调起支付), V3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct AppLaunch {
    /// The mobile application.
    pub app_id: String,
    /// The merchant number.
    pub partner_id: String,
    /// From the order's answer, valid for two hours.
    pub prepay_id: String,
    /// The constant `Sign=WXPay`; iOS calls it `package`. Not signed.
    pub package_value: &'static str,
    /// New for each launch.
    pub nonce_str: String,
    /// Unix seconds.
    pub time_stamp: String,
    /// base64.
    pub sign: String,
}

/// The parameters that open WeChat from an official account's page or a mini program (调起支付), V3.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
pub struct JsapiLaunch {
    /// The official account or mini program.
    pub app_id: String,
    /// Unix seconds.
    pub time_stamp: String,
    /// New for each launch.
    pub nonce_str: String,
    /// `prepay_id=` and the prepay_id.
    pub package: String,
    /// The constant `RSA`.
    pub sign_type: &'static str,
    /// base64.
    pub pay_sign: String,
}

fn visible_ascii(name: &str, value: &str) -> Result<(), Unsignable> {
    let fits = |byte: u8| byte.is_ascii_graphic() && byte != b'"';
    if !value.is_empty() && value.bytes().all(fits) { Ok(()) } else { Err(Unsignable::Character(name.to_owned())) }
}
