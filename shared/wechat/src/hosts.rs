//! Where WeChat is.

use http::Uri;

use crate::{Invalid, check};

/// WeChat's hosts: the first is asked, the others when it cannot be reached. They have the same paths.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Hosts {
    first: String,
    fallback: Option<String>,
}

impl Hosts {
    /// One or two origins, separated by a comma: `https://api.mch.weixin.qq.com,https://api2.mch.weixin.qq.com`. Plain http is
    /// taken for loopback alone.
    ///
    /// ```
    /// use wechat::Hosts;
    /// assert!(Hosts::parse("http://127.0.0.1:9004").is_ok());
    /// assert!(Hosts::parse("http://api.mch.weixin.qq.com").is_err());
    /// ```
    ///
    /// # Errors
    /// [`Invalid`].
    pub fn parse(text: &str) -> Result<Self, Invalid> {
        let mut origins = text.split(',').map(|origin| parse_origin(origin.trim()));
        let first = origins.next().ok_or(Invalid::new("hosts", "at least one"))??;
        let fallback = origins.next().transpose()?;
        match origins.next() {
            None => Ok(Self { first, fallback }),
            Some(_) => Err(Invalid::new("hosts", "at most two")),
        }
    }

    /// The one that is asked first, and named in addresses that browsers open.
    pub(crate) fn first(&self) -> &str {
        &self.first
    }

    /// The one for a second try.
    pub(crate) fn second(&self) -> &str {
        self.fallback.as_deref().unwrap_or(&self.first)
    }
}

/// WeChat's own two.
impl Default for Hosts {
    fn default() -> Self {
        Self {
            first: "https://api.mch.weixin.qq.com".to_owned(),
            fallback: Some("https://api2.mch.weixin.qq.com".to_owned()),
        }
    }
}

fn parse_origin(text: &str) -> Result<String, Invalid> {
    let uri: Uri = text.parse().map_err(|_| Invalid::new("hosts", "URLs"))?;
    let bare = text.strip_suffix('/').unwrap_or(text);
    check::holds(uri.path() == "/" && uri.query().is_none() && !text.contains('#'), "hosts", "no path")?;
    check::holds(check::is_safe_origin(&uri), "hosts", "https, or http on loopback")?;
    Ok(bare.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_try_goes_to_the_fallback_or_else_to_the_same_host() {
        let both = Hosts::parse("https://api.mch.weixin.qq.com, https://api2.mch.weixin.qq.com/").unwrap();
        assert_eq!(both, Hosts::default());
        assert_eq!((both.first(), both.second()), ("https://api.mch.weixin.qq.com", "https://api2.mch.weixin.qq.com"));
        let one = Hosts::parse("http://localhost:9004").unwrap();
        assert_eq!(one.second(), one.first());
    }

    #[test]
    fn an_origin_that_is_none_is_refused() {
        for bad in [
            "",
            "api.mch.weixin.qq.com",
            "http://api.mch.weixin.qq.com",
            "https://api.mch.weixin.qq.com/pay",
            "https://api.mch.weixin.qq.com?a=b",
            "https://user:secret@api.mch.weixin.qq.com",
            "https://a.example,https://b.example,https://c.example",
        ] {
            assert!(Hosts::parse(bad).is_err(), "{bad}");
        }
    }
}
