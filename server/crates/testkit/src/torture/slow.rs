//! Clients that connect and do nothing, or next to nothing: they get their share and no more, and an honest client does not
//! notice them.

use super::load::{ask, raise, settled};
use crate::{PASSWORD, Server, image};
use anyhow::{Context, Result, ensure};
use reqwest::{Client, Method};
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::AsyncReadExt;
use tokio::net::{TcpSocket, TcpStream};

/// What was found.
#[derive(Clone, Debug)]
pub struct Figures {
    pub tried: usize,
    pub held: usize,
    pub refused: usize,
    /// An honest client's pulls before and meanwhile, the slowest hundredth, in ms.
    pub before: f64,
    pub meanwhile: f64,
    /// How long the silent ones were let be.
    pub closed_after: Duration,
    pub descriptors: [usize; 2],
}

impl std::fmt::Display for Figures {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} silent connections tried, {} held, {} refused, all closed after {:.0} s; an honest client's p99 {:.1} ms before, {:.1} ms meanwhile; \
             open files {} before, {} after",
            self.tried, self.held, self.refused, self.closed_after.as_secs_f64(), self.before, self.meanwhile, self.descriptors[0], self.descriptors[1],
        )
    }
}

/// The slowest hundredth of an honest client's pulls of 1 MB, in ms.
async fn honest(client: &Client, url: &str, times: usize) -> Result<f64> {
    let mut spans = Vec::new();
    for _ in 0..times {
        let begin = Instant::now();
        let bytes = client.get(url).basic_auth("admin", Some(PASSWORD)).send().await?.error_for_status()?.bytes().await?;
        ensure!(bytes.len() == 1_000_000, "{} bytes", bytes.len());
        spans.push(begin.elapsed().as_secs_f64() * 1000.0);
    }
    spans.sort_by(f64::total_cmp);
    Ok(spans[(times - 1) * 99 / 100])
}

/// Connects silently from many addresses up to `connections` and beyond, with `each` a client address, and looks how an honest
/// client on 127.0.0.1 fares. Some of the silent ones begin a request and take nothing of the answer.
pub async fn slow(binary: &Path, connections: usize, each: usize) -> Result<Figures> {
    raise();
    let (most, of_one) = (connections.to_string(), each.to_string());
    let limits = [("WHARF_LIMITS_CONNECTIONS", most.as_str()), ("WHARF_LIMITS_CONNECTIONS_PER_ADDRESS", of_one.as_str()), ("WHARF_LIMITS_SILENCE", "30s")];
    let server = Server::start(binary, &limits).await?;
    server.call(Method::POST, "/projects", serde_json::json!({ "project_name": "load" })).await?;
    let layer = vec![7; 1_000_000];
    image::push(&server, "load/r", "1", layer.clone()).await?;
    let digest = image::sha256(&layer);
    let (url, pid) = (server.url(&format!("/v2/load/r/blobs/{digest}")), server.pid().context("it runs")?);
    let address: SocketAddr = server.host().parse()?;
    let client = Client::builder().no_proxy().build()?;
    honest(&client, &url, 50).await?;
    let before = honest(&client, &url, 300).await?;
    let open_before = super::load::descriptors(pid)?;

    let (mut held, mut refused, mut tried) = (Vec::new(), 0, 0);
    let addresses = connections / each + 3;
    let begin = Instant::now();
    for n in 0..addresses {
        let from = IpAddr::V4(Ipv4Addr::from(u32::from(Ipv4Addr::new(127, 0, 0, 2)) + n as u32));
        for m in 0..each + 10 {
            tried += 1;
            let stream = if m % 10 == 0 { ask(address, from, &format!("/v2/load/r/blobs/{digest}")).await } else { silent(address, from).await };
            match stream {
                Ok(stream) if alive(&stream).await => held.push(stream),
                _ => refused += 1,
            }
        }
    }
    // A new connection of the honest client still gets in.
    let fresh = Client::builder().no_proxy().build()?;
    let meanwhile = honest(&fresh, &url, 300).await?;
    ensure!(refused > 0 && held.len() <= connections, "{} held, {refused} refused", held.len());
    let count = held.len();
    // They are closed by the deadlines, not by us.
    for mut stream in held {
        let mut buffer = [0; 1 << 16];
        // What had been sent before is taken, then comes the end.
        while !matches!(tokio::time::timeout(Duration::from_secs(120), stream.read(&mut buffer)).await.context("a silent client was let be")?, Ok(0) | Err(_)) {}
    }
    let closed_after = begin.elapsed();
    drop((client, fresh));
    let open_after = settled(pid, open_before).await?;
    Ok(Figures { tried, held: count, refused, before, meanwhile, closed_after, descriptors: [open_before, open_after] })
}

async fn silent(address: SocketAddr, from: IpAddr) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    socket.bind(SocketAddr::new(from, 0))?;
    Ok(socket.connect(address).await?)
}

/// Was it let in? One that is refused is closed at once.
async fn alive(stream: &TcpStream) -> bool {
    let mut byte = [0];
    match tokio::time::timeout(Duration::from_millis(3), stream.peek(&mut byte)).await {
        Ok(Ok(n)) => n > 0,
        Ok(Err(_)) => false,
        Err(_) => true,
    }
}
