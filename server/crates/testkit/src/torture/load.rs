//! Many at once: pushes side by side, and pulls whose clients take their time. What counts is memory, and that all of it works.

use crate::{PASSWORD, Server, image};
use anyhow::{Context, Result, bail, ensure};
use aws_lc_rs::digest::{Context as Hash, SHA256};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use futures_util::future::try_join_all;
use futures_util::stream;
use reqwest::{Body, Method};
use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::time::{Duration, Instant};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpSocket, TcpStream};

/// Memory of a process now and at its most, in MiB.
pub fn memory(pid: u32) -> Result<(u64, u64)> {
    let status = std::fs::read_to_string(format!("/proc/{pid}/status"))?;
    let of = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name))?;
        Some(line.split_whitespace().nth(1)?.parse::<u64>().ok()? / 1024)
    };
    Ok((of("VmRSS").context("VmRSS")?, of("VmHWM").context("VmHWM")?))
}

/// Open files of a process.
pub fn descriptors(pid: u32) -> Result<usize> {
    Ok(std::fs::read_dir(format!("/proc/{pid}/fd"))?.count())
}

/// This process opens as many files as it may.
pub fn raise() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

const PART: usize = 64 * 1024;

/// A blob of `size` bytes that no other `n` has, without holding it: its digest, and its parts.
fn large(n: u64, size: usize) -> (String, impl Iterator<Item = Bytes> + Clone) {
    let zeros = Bytes::from(vec![0; PART]);
    let head = Bytes::from(n.to_be_bytes().repeat(PART / 8));
    let parts = (0..size.div_ceil(PART)).map(move |part| {
        let bytes = if part == 0 { head.clone() } else { zeros.clone() };
        bytes.slice(..PART.min(size - part * PART))
    });
    let mut hash = Hash::new(&SHA256);
    parts.clone().for_each(|part| hash.update(&part));
    (format!("sha256:{}", hex::encode(hash.finish())), parts)
}

/// Pushes `count` blobs of `size` bytes at once. Answers how long it took and the most memory the server held, in MiB.
pub async fn pushes(binary: &Path, count: u64, size: usize) -> Result<(Duration, u64)> {
    raise();
    let server = Server::start(binary, &[]).await?;
    server.call(Method::POST, "/projects", serde_json::json!({ "project_name": "load" })).await?;
    let blobs: Vec<_> = (0..count).map(|n| large(n, size)).collect();
    let begin = Instant::now();
    try_join_all(blobs.into_iter().map(async |(digest, parts)| {
        let url = server.url(&format!("/v2/load/r/blobs/uploads/?digest={digest}"));
        let body = Body::wrap_stream(stream::iter(parts.map(Ok::<_, std::io::Error>)));
        let answer = server.client.post(url).basic_auth("admin", Some(PASSWORD)).body(body).send().await?;
        ensure!(answer.status() == 201, "{}", answer.text().await?);
        Ok(())
    }))
    .await?;
    Ok((begin.elapsed(), memory(server.pid().context("it runs")?)?.1))
}

/// A raw GET, so that what the client holds and how fast it takes is ours to say.
pub async fn ask(address: SocketAddr, from: IpAddr, path: &str) -> Result<TcpStream> {
    let socket = TcpSocket::new_v4()?;
    // Small, so that the server and not the kernel has what is not taken.
    socket.set_recv_buffer_size(16 * 1024)?;
    socket.bind(SocketAddr::new(from, 0))?;
    let mut stream = socket.connect(address).await?;
    let basic = STANDARD.encode(format!("admin:{PASSWORD}"));
    let request = format!("GET {path} HTTP/1.1\r\nhost: {address}\r\nauthorization: Basic {basic}\r\n\r\n");
    stream.write_all(request.as_bytes()).await?;
    Ok(stream)
}

/// Opens `count` pulls of a blob of `size` bytes at once and takes them slowly for `span`; then one is taken to its end.
/// Answers the most memory the server held, in MiB, and how many files it had open before, meanwhile and after.
pub async fn pulls(binary: &Path, count: usize, size: u64, span: Duration) -> Result<(u64, [usize; 3])> {
    raise();
    let server = Server::start(binary, &[]).await?;
    server.call(Method::POST, "/projects", serde_json::json!({ "project_name": "load" })).await?;
    image::push_zeros(&server, "load/r", "1", size).await?;
    let manifest: serde_json::Value =
        server.client.get(server.url("/v2/load/r/manifests/1")).basic_auth("admin", Some(PASSWORD)).send().await?.json().await?;
    let digest = manifest["layers"][0]["digest"].as_str().context("a layer")?.to_owned();
    let (pid, path) = (server.pid().context("it runs")?, format!("/v2/load/r/blobs/{digest}"));
    let address: SocketAddr = server.host().parse()?;
    let before = descriptors(pid)?;
    let mut open = Vec::new();
    for _ in 0..count {
        open.push(ask(address, address.ip(), &path).await?);
    }
    let until = Instant::now() + span;
    let slow = try_join_all(open.into_iter().map(async |mut stream| {
        let (mut buffer, mut taken) = (vec![0; 4096], 0);
        while Instant::now() < until {
            taken += stream.read(&mut buffer).await?;
            tokio::time::sleep(Duration::from_millis(100)).await;
        }
        ensure!(taken > 0, "a pull got nothing");
        Ok(stream)
    }))
    .await?;
    let meanwhile = descriptors(pid)?;
    ensure!(meanwhile >= before + count, "{meanwhile} files are open for {count} pulls");
    // A quick client beside them gets all of it.
    let whole = server.client.get(server.url(&path)).basic_auth("admin", Some(PASSWORD)).send().await?;
    let (mut hash, mut parts) = (Hash::new(&SHA256), whole.bytes_stream());
    while let Some(part) = futures_util::StreamExt::next(&mut parts).await {
        hash.update(&part?);
    }
    ensure!(format!("sha256:{}", hex::encode(hash.finish())) == digest, "a pull beside slow ones has other bytes");
    let (_, most) = memory(pid)?;
    drop((slow, parts));
    let after = settled(pid, before).await?;
    Ok((most, [before, meanwhile, after]))
}

/// Waits until a process has about as many files open as before: its 16 readers stay, each with the database and its log.
pub async fn settled(pid: u32, before: usize) -> Result<usize> {
    for _ in 0..600 {
        let now = descriptors(pid)?;
        if now <= before + 32 {
            return Ok(now);
        }
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    bail!("{} files are still open, {before} were before", descriptors(pid)?)
}

/// A chunked upload of `size` bytes in chunks, where the server is killed after six tenths. Answers how many bytes were sent
/// again.
pub async fn resumed(binary: &Path, size: usize, chunk: usize) -> Result<u64> {
    let mut server = Server::start(binary, &[]).await?;
    server.call(Method::POST, "/projects", serde_json::json!({ "project_name": "load" })).await?;
    let (digest, parts) = large(7, size);
    let bytes = |from: usize, to: usize| -> Vec<u8> { parts.clone().skip(from / PART).flatten().skip(from % PART).take(to - from).collect() };
    let ask = |server: &Server, method: Method, place: &str| server.client.request(method, server.url(place)).basic_auth("admin", Some(PASSWORD));
    let started = ask(&server, Method::POST, "/v2/load/r/blobs/uploads/").send().await?;
    let place = started.headers()["location"].to_str()?.to_owned();
    let (mut at, mut sent, mut killed) = (0, 0_u64, false);
    while at < size {
        let end = (at + chunk).min(size);
        sent += (end - at) as u64;
        let body = bytes(at, end);
        if !killed && end > size * 6 / 10 {
            killed = true;
            // In the midst of a chunk: half of it is there when the power of the server goes.
            let (half, rest) = (Bytes::from(body[..body.len() / 2].to_vec()), body.len());
            let trickle = stream::unfold(Some(half), async |half| match half {
                Some(half) => Some((Ok::<_, std::io::Error>(half), None)),
                None => std::future::pending().await,
            });
            let request = ask(&server, Method::PATCH, &place).header("content-length", rest).header("content-range", format!("{at}-{}", end - 1));
            let cut = tokio::time::timeout(Duration::from_millis(300), request.body(Body::wrap_stream(trickle)).send()).await;
            ensure!(cut.is_err(), "the chunk was answered before it ended");
            server.kill().await?;
            server.restart().await?;
            let status = ask(&server, Method::GET, &place).send().await?;
            ensure!(status.status() == 204, "{}", status.status());
            at = match status.headers().get("range") {
                None => 0,
                Some(range) => usize::try_from(range.to_str()?.split_once('-').context("a range")?.1.parse::<i64>()? + 1)?,
            };
            continue;
        }
        let answer = ask(&server, Method::PATCH, &place).header("content-range", format!("{at}-{}", end - 1)).body(body).send().await?;
        ensure!(answer.status() == 202, "{}: {}", answer.status(), answer.text().await?);
        at = end;
    }
    let done = ask(&server, Method::PUT, &format!("{place}?digest={digest}")).send().await?;
    ensure!(done.status() == 201, "{}: {}", done.status(), done.text().await?);
    let back = ask(&server, Method::HEAD, &format!("/v2/load/r/blobs/{digest}")).send().await?;
    ensure!(back.headers()["content-length"] == size.to_string().as_str(), "the blob has another size");
    Ok(sent - size as u64)
}

