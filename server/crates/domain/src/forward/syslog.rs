//! Syslog: messages of RFC 5424 with a JSON object each, counted by octets (RFC 5425, 4.3; RFC 6587, 3.4.1), over TCP or TLS.

use super::sql::Waiting;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, ServerName};
use rustls::{ClientConfig, RootCertStore};
use rustls_platform_verifier::BuilderVerifierExt;
use socket2::SockRef;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;

/// How long it may take to reach a receiver, and to send what one look found.
const REACH: Duration = Duration::from_secs(10);
const SEND: Duration = Duration::from_secs(30);

/// How long what was sent may stay unacknowledged (RFC 5482, the TCP user timeout).
const UNHEARD: Duration = Duration::from_secs(10);

/// RFC 5424, 6.2.1: facility 13, log audit.
const FACILITY: i64 = 13;

/// Who events are forwarded to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receiver {
    pub host: String,
    pub port: u16,
    pub tls: bool,
    /// PEM certificates of the authorities that are trusted; `None`: the machine's.
    pub ca: Option<PathBuf>,
    /// How this server calls itself (RFC 5424, 6.2.4).
    pub own_name: String,
    /// Most bytes that wait; past them the oldest go.
    pub keep: i64,
    /// So long the line stands after something was sent before that is let go.
    pub settles: Duration,
}

impl Receiver {
    /// `tcp://host:port` or `tls://host:port`, `[::1]` for an address of IPv6.
    pub fn parse(text: &str, ca: Option<PathBuf>, own_name: &str, keep: i64) -> Result<Receiver, String> {
        let wrong = || format!("{text:?} must be tcp://HOST:PORT or tls://HOST:PORT");
        let (scheme, rest) = text.split_once("://").ok_or_else(wrong)?;
        let tls = match scheme {
            "tcp" => false,
            "tls" => true,
            _ => return Err(wrong()),
        };
        let (host, port) = rest.rsplit_once(':').ok_or_else(wrong)?;
        let host = host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(host);
        let port = port.parse().ok().filter(|port| *port > 0).ok_or_else(wrong)?;
        if host.is_empty() || host.contains(|c: char| c.is_whitespace() || matches!(c, '/' | '@' | '?' | '#')) {
            return Err(wrong());
        }
        if ca.is_some() && !tls {
            return Err("authorities are for tls:// only".to_owned());
        }
        let plain = |c: char| if c.is_ascii_graphic() { c } else { '-' };
        let own_name: String = own_name.chars().map(plain).take(255).collect();
        Ok(Receiver { host: host.to_owned(), port, tls, ca, own_name: if own_name.is_empty() { "-".to_owned() } else { own_name }, keep, settles: super::SETTLES })
    }

    pub fn address(&self) -> String {
        let host = if self.host.contains(':') { format!("[{}]", self.host) } else { self.host.clone() };
        format!("{}://{host}:{}", if self.tls { "tls" } else { "tcp" }, self.port)
    }

    /// One message with its count.
    pub(super) fn message(&self, row: &Waiting) -> String {
        let (priority, time, own) = (FACILITY * 8 + row.severity, row.at.rfc3339(), &self.own_name);
        let kind: String = row.kind.chars().filter(char::is_ascii_graphic).take(32).collect();
        let text = format!("<{priority}>1 {time} {own} wharf - {kind} - {}", row.body);
        format!("{} {text}", text.len())
    }

    fn config(&self) -> Result<ClientConfig, String> {
        let builder = ClientConfig::builder_with_provider(Arc::new(rustls::crypto::aws_lc_rs::default_provider()));
        let builder = builder.with_safe_default_protocol_versions().map_err(|error| error.to_string())?;
        let Some(path) = &self.ca else {
            let verified = builder.with_platform_verifier().map_err(|error| format!("the machine's authorities cannot be read: {error}"))?;
            return Ok(verified.with_no_client_auth());
        };
        let said = |error: String| format!("{}: {error}", path.display());
        let certificates = CertificateDer::pem_file_iter(path).and_then(Iterator::collect::<Result<Vec<_>, _>>).map_err(|error| said(error.to_string()))?;
        let mut roots = RootCertStore::empty();
        for certificate in certificates {
            roots.add(certificate).map_err(|error| said(error.to_string()))?;
        }
        match roots.is_empty() {
            true => Err(said("holds no certificate".to_owned())),
            false => Ok(builder.with_root_certificates(roots).with_no_client_auth()),
        }
    }
}

type Writing = Box<dyn AsyncWrite + Send + Unpin>;

/// A line that stands.
pub(super) struct Line {
    writing: Writing,
    /// Why it ended, once it has.
    ended: Arc<Mutex<Option<String>>>,
    reading: tokio::task::JoinHandle<()>,
}

impl Drop for Line {
    fn drop(&mut self) {
        self.reading.abort();
    }
}

impl Line {
    pub async fn open(receiver: &Receiver) -> Result<Line, String> {
        let reach = async {
            let stream = TcpStream::connect((receiver.host.as_str(), receiver.port)).await.map_err(|error| format!("it cannot be reached: {error}"))?;
            stream.set_nodelay(true).ok();
            // A receiver that is cut off, or takes nothing, is found out before what was sent to it is let go.
            let socket = SockRef::from(&stream);
            socket.set_tcp_user_timeout(Some(UNHEARD)).map_err(|error| error.to_string())?;
            if !receiver.tls {
                let (reading, writing) = tokio::io::split(stream);
                return Ok(Line::over(reading, Box::new(writing)));
            }
            let name = ServerName::try_from(receiver.host.clone()).map_err(|error| error.to_string())?;
            let connector = tokio_rustls::TlsConnector::from(Arc::new(receiver.config()?));
            let stream = connector.connect(name, stream).await.map_err(|error| format!("TLS: {error}"))?;
            let (reading, writing) = tokio::io::split(stream);
            Ok(Line::over(reading, Box::new(writing)))
        };
        tokio::time::timeout(REACH, reach).await.map_err(|_| format!("it did not answer within {} s", REACH.as_secs()))?
    }

    /// A receiver has nothing to say: what is read is thrown away, and tells when it hangs up.
    fn over(mut reading: impl AsyncRead + Send + Unpin + 'static, writing: Writing) -> Line {
        let ended = Arc::new(Mutex::new(None));
        let tell = ended.clone();
        let reading = tokio::spawn(async move {
            let mut some = [0; 1024];
            let why = loop {
                match reading.read(&mut some).await {
                    Ok(0) => break "it hung up".to_owned(),
                    Ok(_) => {}
                    Err(error) => break error.to_string(),
                }
            };
            *tell.lock().unwrap_or_else(|poisoned| poisoned.into_inner()) = Some(why);
        });
        Line { writing, ended, reading }
    }

    /// Why it does not stand any more.
    pub fn ended(&self) -> Option<String> {
        self.ended.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }

    pub async fn send(&mut self, bytes: &[u8]) -> Result<(), String> {
        let send = async {
            self.writing.write_all(bytes).await?;
            self.writing.flush().await
        };
        match tokio::time::timeout(SEND, send).await {
            Ok(sent) => sent.map_err(|error| format!("it does not take what is sent: {error}")),
            Err(_) => Err(format!("it took nothing for {} s", SEND.as_secs())),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use model::Stamp;

    #[test]
    fn a_receiver_is_an_address_and_nothing_else() {
        let parse = |text: &str| Receiver::parse(text, None, "wharf.example:443", 1).map(|receiver| (receiver.address(), receiver.tls));
        assert_eq!(parse("tls://logs.example:6514"), Ok(("tls://logs.example:6514".into(), true)));
        assert_eq!(parse("tcp://[::1]:601"), Ok(("tcp://[::1]:601".into(), false)));
        for bad in ["", "logs:514", "udp://logs:514", "tcp://logs", "tcp://:514", "tcp://logs:0", "tcp://logs:99999", "tcp://a@b:1", "tcp://a/b:1", "https://a:1"] {
            assert!(parse(bad).is_err(), "{bad}");
        }
        assert!(Receiver::parse("tcp://a:1", Some("ca.pem".into()), "x", 1).is_err());
    }

    #[test]
    fn a_message_is_counted_by_octets() {
        let receiver = Receiver::parse("tcp://logs:514", None, "w\u{e4}rf x", 1).unwrap();
        let row = Waiting { id: 7, at: Stamp(0), severity: 4, kind: "user.sign-in".into(), body: "{\"who\":\"j\u{fc}rg\"}".into() };
        let message = receiver.message(&row);
        let (count, text) = message.split_once(' ').unwrap();
        assert_eq!(count.parse::<usize>().unwrap(), text.len());
        assert_eq!(text, "<108>1 1970-01-01T00:00:00.000Z w-rf-x wharf - user.sign-in - {\"who\":\"j\u{fc}rg\"}");
    }
}
