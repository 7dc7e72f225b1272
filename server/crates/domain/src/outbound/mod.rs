//! The one way out: who may be called, how long, over which TLS.
//!
//! Addresses that are not public (loopback, private, link-local, metadata and the like) are refused unless the server's
//! configuration opens their range. The check is made before the call, for a message that helps, and again where the
//! connection is made, so that a name that changes its mind between the two reaches nothing.

mod gate;
mod proxy;
mod writers;

pub use gate::{Gate, Gates, Pass};
pub use proxy::{DIRECT, Proxy};
pub use writers::Writers;

use crate::error::{Error, Result};
use ipnet::IpNet;
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use reqwest::{Certificate, Client, redirect};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;
use url::{Host, Url};

/// Longest time to connect.
const CONNECT: Duration = Duration::from_secs(10);
/// Certificates in a target's own list, and its length in bytes.
const CERTIFICATES: usize = 32;
const PEM_MAX: usize = 128 * 1024;

/// Makes outbound clients under one policy.
#[derive(Clone)]
pub struct Outbound {
    guard: Guard,
    /// The server's own way out.
    proxy: Option<Arc<Proxy>>,
}

#[derive(Clone)]
struct Guard {
    allow: Arc<Vec<IpNet>>,
    /// A name that is not judged: that of the server's own proxy.
    trusted: Option<Arc<str>>,
}

/// How a client trusts the other side.
#[derive(Clone, Debug, Default)]
pub struct Tls {
    /// False accepts any certificate: per target, shown as a red badge.
    pub verify: bool,
    /// Own certificate authorities, PEM; empty for the system's.
    pub ca: String,
}

impl Outbound {
    pub fn new(allow: Vec<IpNet>, proxy: Option<Proxy>) -> Outbound {
        Outbound { guard: Guard { allow: Arc::new(allow), trusted: None }, proxy: proxy.map(Arc::new) }
    }

    /// The way that a target asks for: the server's own (nothing said), none, or a proxy of its own.
    pub fn proxy(&self, said: &str) -> Result<Option<Arc<Proxy>>> {
        match said {
            "" => Ok(self.proxy.clone()),
            DIRECT => Ok(None),
            text => match Outbound::parse(text) {
                Ok(url) => Ok(Some(Arc::new(Proxy::of_target(url)))),
                Err(Error::Invalid(problems)) => Err(Error::invalid("proxy", problems.of("url").unwrap_or("cannot be used"))),
                Err(error) => Err(error),
            },
        }
    }

    /// Reads a target's URL: http or https, a host that may be called, nothing else in it.
    pub fn parse(text: &str) -> Result<Url> {
        let bad = |message: &str| Error::invalid("url", message);
        if text.len() > 2048 || text.contains(['\\', '\t', '\n', '\r', ' ', '\0']) {
            return Err(bad("must be a plain URL such as https://registry.example.com"));
        }
        let url = Url::parse(text).map_err(|error| bad(&format!("is not a URL: {error}")))?;
        if !matches!(url.scheme(), "http" | "https") {
            return Err(bad("must begin with https:// or http://"));
        }
        if !url.username().is_empty() || url.password().is_some() || url.query().is_some() || url.fragment().is_some() {
            return Err(bad("must hold no credentials, query or fragment"));
        }
        if !matches!(url.path(), "" | "/") {
            return Err(bad("must end after the host: the path of a repository belongs into the rule"));
        }
        if matches!(url.port(), Some(0 | 22 | 25)) {
            return Err(bad("has a port that no registry listens on"));
        }
        url.host().ok_or_else(|| bad("needs a host"))?;
        Ok(url)
    }

    /// May this host be called? Resolves its name; one forbidden address refuses it whole. Literal addresses never reach the
    /// client's resolver, so who uses a client checks first, and follows nothing to another origin.
    pub async fn check(&self, url: &Url) -> Result<()> {
        self.check_through(url, None).await
    }

    /// As [`Outbound::check`], for a request that may go through a proxy: its own address is judged where a target names it, and a name
    /// that does not resolve here is the proxy's to resolve.
    pub async fn check_through(&self, url: &Url, proxy: Option<&Proxy>) -> Result<()> {
        let through = proxy.filter(|proxy| proxy.covers(url));
        if let Some(proxy) = through.filter(|proxy| !proxy.trusted) {
            self.judge(&proxy.url, false).await?;
        }
        self.judge(url, through.is_some()).await
    }

    async fn judge(&self, url: &Url, unknown_is_fine: bool) -> Result<()> {
        let name = url.host_str().unwrap_or_default().to_owned();
        let addresses: Vec<IpAddr> = match url.host() {
            Some(Host::Ipv4(ip)) => vec![ip.into()],
            Some(Host::Ipv6(ip)) => vec![ip.into()],
            _ => {
                let port = url.port_or_known_default().unwrap_or(443);
                let found = tokio::time::timeout(CONNECT, tokio::net::lookup_host((name.as_str(), port))).await;
                match found {
                    Ok(Ok(found)) => found.map(|address| address.ip()).collect(),
                    _ if unknown_is_fine => return Ok(()),
                    _ => return Err(Error::invalid("url", format!("names {name}, which does not resolve to an address"))),
                }
            }
        };
        match self.guard.refused(addresses) {
            None => Ok(()),
            Some(ip) => Err(Error::invalid("url", forbidden(&name, ip))),
        }
    }

    /// A client that can only reach what the policy admits, and follows no redirect. It has no limit on silence: the library's counts
    /// from the first byte that is sent, and would end an upload that takes long. Who uses it has one.
    pub fn client(&self, tls: &Tls, proxy: Option<&Proxy>, to: &Url) -> Result<Client> {
        let trusted = proxy.filter(|proxy| proxy.trusted).and_then(|proxy| proxy.url.host_str()).map(Arc::from);
        let mut builder = Client::builder()
            .user_agent(concat!("wharf/", env!("CARGO_PKG_VERSION")))
            .redirect(redirect::Policy::none())
            .no_proxy()
            .connect_timeout(CONNECT)
            .pool_idle_timeout(Duration::from_secs(30))
            .dns_resolver(Arc::new(Guard { trusted, ..self.guard.clone() }));
        if let Some(proxy) = proxy {
            builder = builder.proxy(proxy.for_client()?);
            // Some (tinyproxy) close a connection after each answer without saying so, and what is sent next breaks. Through a tunnel
            // they do not know where an answer ends.
            if to.scheme() == "http" && proxy.covers(to) {
                builder = builder.pool_max_idle_per_host(0);
            }
        }
        let own = certificates(&tls.ca)?;
        if !own.is_empty() {
            builder = builder.tls_certs_merge(own);
        }
        if !tls.verify {
            builder = builder.tls_danger_accept_invalid_certs(true);
        }
        builder.build().map_err(|error| Error::Internal(format!("an outbound client could not be made: {error}")))
    }
}

/// Says what stands in the way and the very line that would open it.
fn forbidden(name: &str, ip: IpAddr) -> String {
    let range = match ip {
        IpAddr::V4(ip) if ip.is_loopback() => "127.0.0.0/8".to_owned(),
        IpAddr::V4(ip) => format!("{ip}/32"),
        IpAddr::V6(ip) => format!("{ip}/128"),
    };
    format!(
        "names {name} ({ip}), which is not a public address; to allow it, add outbound.allow = [\"{range}\"] to wharf.toml \
         (or WHARF_OUTBOUND_ALLOW={range}) on this server"
    )
}

/// A target's own certificate authorities. A private key pasted by mistake is refused and not kept.
pub fn certificates(pem: &str) -> Result<Vec<Certificate>> {
    let bad = |message: String| Error::invalid("ca_certificate", message);
    if pem.trim().is_empty() {
        return Ok(Vec::new());
    }
    if pem.len() > PEM_MAX {
        return Err(bad(format!("must be at most {PEM_MAX} bytes long")));
    }
    if pem.contains("PRIVATE KEY") {
        return Err(bad("holds a private key: paste certificates only".to_owned()));
    }
    let found = Certificate::from_pem_bundle(pem.as_bytes())
        .map_err(|_| bad("must be PEM certificates (-----BEGIN CERTIFICATE-----)".to_owned()))?;
    if found.is_empty() || found.len() > CERTIFICATES {
        return Err(bad(format!("must hold 1 to {CERTIFICATES} PEM certificates")));
    }
    Ok(found)
}

impl Guard {
    /// The first address that may not be called: one refuses the whole name.
    fn refused(&self, addresses: impl IntoIterator<Item = IpAddr>) -> Option<IpAddr> {
        addresses.into_iter().find(|ip| !self.admits(*ip))
    }

    fn admits(&self, ip: IpAddr) -> bool {
        let plain = unwrapped(ip);
        is_public(plain) || self.allow.iter().any(|range| range.contains(&plain) || range.contains(&ip))
    }
}

impl Resolve for Guard {
    fn resolve(&self, name: Name) -> Resolving {
        let guard = self.clone();
        Box::pin(async move {
            let found: Vec<SocketAddr> = tokio::net::lookup_host((name.as_str(), 0)).await?.collect();
            if guard.trusted.as_deref() == Some(name.as_str()) {
                return Ok(Box::new(found.into_iter()) as Addrs);
            }
            if let Some(refused) = guard.refused(found.iter().map(SocketAddr::ip)) {
                return Err(forbidden(name.as_str(), refused).into());
            }
            Ok(Box::new(found.into_iter()) as Addrs)
        })
    }
}

/// The IPv4 address that an IPv6 one carries (mapped, NAT64, 6to4), else the address itself.
fn unwrapped(ip: IpAddr) -> IpAddr {
    let IpAddr::V6(v6) = ip else { return ip };
    let s = v6.segments();
    let v4 = |a: u16, b: u16| IpAddr::V4(Ipv4Addr::from(((a as u32) << 16) | b as u32));
    match s {
        [0, 0, 0, 0, 0, 0xffff, a, b] | [0x64, 0xff9b, 0, 0, 0, 0, a, b] => v4(a, b),
        [0, 0, 0, 0, 0, 0, a, b] if a != 0 => v4(a, b),
        [0x2002, a, b, ..] => v4(a, b),
        _ => ip,
    }
}

/// IANA's special-purpose registries, read as "not for us".
fn is_public(ip: IpAddr) -> bool {
    const V4: [(Ipv4Addr, u32); 15] = [
        (Ipv4Addr::new(0, 0, 0, 0), 8),
        (Ipv4Addr::new(10, 0, 0, 0), 8),
        (Ipv4Addr::new(100, 64, 0, 0), 10),
        (Ipv4Addr::new(127, 0, 0, 0), 8),
        (Ipv4Addr::new(169, 254, 0, 0), 16),
        (Ipv4Addr::new(172, 16, 0, 0), 12),
        (Ipv4Addr::new(192, 0, 0, 0), 24),
        (Ipv4Addr::new(192, 0, 2, 0), 24),
        (Ipv4Addr::new(192, 88, 99, 0), 24),
        (Ipv4Addr::new(192, 168, 0, 0), 16),
        (Ipv4Addr::new(198, 18, 0, 0), 15),
        (Ipv4Addr::new(198, 51, 100, 0), 24),
        (Ipv4Addr::new(203, 0, 113, 0), 24),
        (Ipv4Addr::new(224, 0, 0, 0), 4),
        (Ipv4Addr::new(240, 0, 0, 0), 4),
    ];
    match ip {
        IpAddr::V4(ip) => {
            let bits = u32::from(ip);
            !V4.iter().any(|(net, len)| (bits ^ u32::from(*net)) >> (32 - len) == 0)
        }
        IpAddr::V6(ip) => {
            let s = ip.segments();
            // Global unicast only, without documentation ranges.
            (s[0] & 0xe000) == 0x2000 && !(s[0] == 0x2001 && (s[1] == 0xdb8 || s[1] < 0x200)) && ip != Ipv6Addr::UNSPECIFIED
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn open() -> Outbound {
        Outbound::new(vec!["127.0.0.0/8".parse().unwrap()], None)
    }

    async fn refused(outbound: &Outbound, text: &str) -> bool {
        match Outbound::parse(text) {
            Err(Error::Invalid(problems)) => problems.of("url").is_some(),
            Err(_) => false,
            Ok(url) => matches!(outbound.check(&url).await, Err(Error::Invalid(_))),
        }
    }

    #[tokio::test]
    async fn n_105_n_106_n_110_addresses_that_are_not_public_are_refused_in_every_spelling() {
        let outbound = Outbound::new(Vec::new(), None);
        for host in [
            "127.0.0.1", "127.1", "2130706433", "0x7f.1", "0177.0.0.1", "①②⑦.0.0.1", "10.0.0.1", "172.31.0.1",
            "192.168.1.1", "100.64.0.1", "169.254.169.254", "0.0.0.0", "255.255.255.255", "224.0.0.1", "198.18.0.1",
            "192.0.2.1", "[::1]", "[::]", "[::ffff:169.254.169.254]", "[64:ff9b::a9fe:a9fe]", "[2002:7f00:1::]",
            "[fe80::1]", "[fc00::1]", "[ff02::1]", "[2001:db8::1]", "localhost", "localhost.", "LOCALHOST",
        ] {
            assert!(refused(&outbound, &format!("http://{host}")).await, "{host} was let through");
        }
        assert!(!refused(&outbound, "https://1.1.1.1").await);
        assert!(!refused(&open(), "http://127.0.0.1:5000").await);
        assert!(refused(&open(), "http://10.0.0.1").await, "only what is opened is open");
    }

    #[tokio::test]
    async fn n_107_only_plain_http_urls_are_targets() {
        for text in [
            "http://good@127.0.0.1/", "http://127.0.0.1#@good", "http://a\\b", "http://a\tb", "file:///etc/passwd",
            "gopher://a", "ftp://a", "unix:/x", "data:,x", "http://1.1.1.1:22", "http://1.1.1.1:25", "http://1.1.1.1:0",
            "https://1.1.1.1/path", "https://1.1.1.1/?q", "", "registry",
        ] {
            assert!(Outbound::parse(text).is_err(), "{text} parsed");
        }
    }

    #[test]
    fn n_108_one_forbidden_address_refuses_a_name_whole() {
        let guard = Guard { allow: Arc::new(Vec::new()), trusted: None };
        let ip = |text: &str| text.parse::<IpAddr>().unwrap();
        assert_eq!(guard.refused([ip("1.1.1.1"), ip("10.0.0.1")]), Some(ip("10.0.0.1")));
        assert_eq!(guard.refused([ip("1.1.1.1"), ip("2606:4700::1111")]), None);
    }

    #[tokio::test]
    async fn n_109_the_connection_itself_is_guarded() {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let client = Outbound::new(Vec::new(), None).client(&Tls { verify: true, ca: String::new() }, None, &Url::parse("https://r.example").unwrap()).unwrap();
        // The name resolves to loopback only at connect time, as a rebinding name would.
        assert!(client.get(format!("http://localhost:{port}/")).send().await.is_err());
        let nobody = tokio::time::timeout(Duration::from_millis(200), listener.accept()).await;
        assert!(nobody.is_err(), "a connection was made");
    }

    #[test]
    fn n_120_only_certificates_are_taken_as_certificates() {
        for bad in ["garbage", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----", &"x".repeat(PEM_MAX + 1)] {
            assert!(certificates(bad).is_err());
        }
        assert!(certificates("").unwrap().is_empty());
    }
}
