//! The way through an HTTP proxy: the server's own, with exceptions, or one that a target names.
//!
//! A request through a proxy reaches its host by the proxy's look at names. What we know of the host is judged before all the same; a name
//! that only the proxy knows is the proxy's to judge. The process's environment (`HTTPS_PROXY` and the like) is not heeded.

use crate::error::{Error, Result};
use crate::secrets::PlainSecret;
use ipnet::IpNet;
use std::net::IpAddr;
use url::Url;

/// What a target says for "not through the server's proxy".
pub const DIRECT: &str = "direct";

/// A proxy, and what does not go through it.
#[derive(Clone, Debug)]
pub struct Proxy {
    /// Without credentials.
    pub url: Url,
    pub credentials: Option<(String, PlainSecret)>,
    exceptions: Vec<Exception>,
    /// The configuration file names it, so its address need not be one that may be called.
    pub trusted: bool,
}

#[derive(Clone, Debug)]
enum Exception {
    All,
    Range(IpNet),
    /// A name, and all below it; with a port only there.
    Name(String, Option<u16>),
    Place(IpAddr, u16),
}

impl Exception {
    fn parse(text: &str) -> Exception {
        if text == "*" {
            return Exception::All;
        }
        if let Ok(range) = text.parse::<IpNet>().or_else(|_| text.trim_matches(['[', ']']).parse::<IpAddr>().map(IpNet::from)) {
            return Exception::Range(range);
        }
        if let Ok(place) = text.parse::<std::net::SocketAddr>() {
            return Exception::Place(place.ip(), place.port());
        }
        let (name, port) = match text.rsplit_once(':').map(|(name, port)| (name, port.parse::<u16>())) {
            Some((name, Ok(port))) => (name, Some(port)),
            _ => (text, None),
        };
        Exception::Name(name.trim_start_matches("*.").trim_start_matches('.').to_ascii_lowercase(), port)
    }
}

impl Proxy {
    /// The server's own: `http://[name:password@]host[:port]`.
    ///
    /// # Errors
    /// Words on what is wrong with it; none of them a password.
    pub fn configured(text: &str, exceptions: &[String]) -> std::result::Result<Proxy, String> {
        let mut url = Url::parse(text).map_err(|error| format!("is not a URL: {error}"))?;
        let decoded = |text: &str| percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned();
        let (name, password) = (decoded(url.username()), url.password().map(decoded).unwrap_or_default());
        let _ = (url.set_username(""), url.set_password(None));
        let url = super::Outbound::parse(url.as_str()).map_err(|error| match error {
            Error::Invalid(problems) => problems.of("url").unwrap_or("cannot be used").to_owned(),
            other => other.to_string(),
        })?;
        let credentials = (!name.is_empty()).then(|| (name, PlainSecret::new(password)));
        let exceptions = exceptions.iter().map(|text| Exception::parse(text.trim())).collect();
        Ok(Proxy { url, credentials, exceptions, trusted: true })
    }

    /// One that a target names.
    pub(super) fn of_target(url: Url) -> Proxy {
        Proxy { url, credentials: None, exceptions: Vec::new(), trusted: false }
    }

    /// Does a request there go through it?
    pub fn covers(&self, url: &Url) -> bool {
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']).trim_end_matches('.').to_ascii_lowercase();
        let (address, port) = (host.parse::<IpAddr>().ok(), url.port_or_known_default());
        !self.exceptions.iter().any(|exception| match exception {
            Exception::All => true,
            Exception::Range(range) => address.is_some_and(|ip| range.contains(&ip)),
            Exception::Place(ip, only) => address == Some(*ip) && port == Some(*only),
            Exception::Name(name, only) => {
                let is_name = host == *name || host.strip_suffix(name.as_str()).is_some_and(|rest| rest.ends_with('.'));
                is_name && only.is_none_or(|only| port == Some(only))
            }
        })
    }

    /// For messages.
    pub fn name(&self) -> String {
        self.url.origin().ascii_serialization()
    }

    pub(super) fn for_client(&self) -> Result<reqwest::Proxy> {
        let own = self.clone();
        let proxy = reqwest::Proxy::custom(move |url| own.covers(url).then(|| own.url.clone()));
        Ok(match &self.credentials {
            Some((name, password)) => proxy.basic_auth(name, password.reveal()),
            None => proxy,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn c_3_9_exceptions_are_names_what_is_below_them_and_ranges() {
        let exceptions: Vec<String> = ["corp.example", ".internal", "*.wild.example", "10.0.0.0/8", "192.0.2.7", "::1", "one.example:5000", "198.51.100.1:81",
            "[::5]:82"].map(str::to_owned).into();
        let proxy = Proxy::configured("http://us%40er:p%3Aw@proxy.example:3128", &exceptions).unwrap();
        assert_eq!((proxy.url.as_str(), proxy.name().as_str()), ("http://proxy.example:3128/", "http://proxy.example:3128"));
        let (name, password) = proxy.credentials.clone().unwrap();
        assert_eq!((name.as_str(), password.reveal()), ("us@er", "p:w"));
        assert!(!format!("{proxy:?}").contains("p:w"), "a password is printed");
        for (url, through) in [
            ("https://registry.example.com", true), ("https://corp.example", false), ("https://a.b.corp.example:5000", false), ("https://notcorp.example", true),
            ("https://CORP.example.", false), ("https://x.internal", false), ("https://x.wild.example", false), ("http://10.1.2.3", false), ("http://11.1.2.3", true),
            ("http://192.0.2.7:1", false), ("http://192.0.2.8", true), ("http://[::1]:5000", false), ("http://[::2]", true),
            ("https://one.example:5000", false), ("https://x.one.example:5000", false), ("https://one.example", true), ("http://198.51.100.1:81", false),
            ("http://198.51.100.1", true), ("http://[::5]:82", false), ("http://[::5]", true),
        ] {
            assert_eq!(proxy.covers(&url.parse().unwrap()), through, "{url}");
        }
        assert!(!Proxy::configured("http://p:1", &["*".to_owned()]).unwrap().covers(&"https://x".parse().unwrap()));
        for bad in ["", "proxy:3128", "socks5://p", "http://p/path", "ftp://p"] {
            assert!(Proxy::configured(bad, &[]).is_err(), "{bad}");
        }
    }
}
