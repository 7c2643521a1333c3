//! When something is sent, and its random string.

use domain::Timestamp;

use crate::Invalid;

/// The time and the nonce of a message: arguments, so that a message can be made again byte for byte.
#[derive(Clone, Debug)]
pub struct Moment {
    now: Timestamp,
    nonce: String,
}

impl Moment {
    /// This time, with a new random nonce.
    #[must_use]
    pub fn new(now: Timestamp) -> Self {
        Self { now, nonce: uuid::Uuid::new_v4().simple().to_string() }
    }

    /// This time and this nonce.
    ///
    /// ```
    /// use wechat::Moment;
    /// assert!(Moment::with_nonce(domain::Timestamp::UNIX_EPOCH, "5K8264ILTKCH16CQ2502SI8ZNMTM67VS").is_ok());
    /// assert!(Moment::with_nonce(domain::Timestamp::UNIX_EPOCH, "with a blank").is_err());
    /// ```
    ///
    /// # Errors
    /// [`Invalid`]: 1 to 32 letters and digits.
    pub fn with_nonce(now: Timestamp, nonce: &str) -> Result<Self, Invalid> {
        let fits = (1..=32).contains(&nonce.len()) && nonce.bytes().all(|byte| byte.is_ascii_alphanumeric());
        if fits {
            Ok(Self { now, nonce: nonce.to_owned() })
        } else {
            Err(Invalid::new("nonce_str", "1 to 32 letters and digits"))
        }
    }

    pub(crate) fn nonce(&self) -> &str {
        &self.nonce
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.now
    }

    /// Unix seconds.
    pub(crate) fn seconds(&self) -> i64 {
        self.now.as_second()
    }
}
