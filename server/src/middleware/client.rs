//! From where a request comes, and its id.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue};
use axum::middleware::Next;
use axum::response::Response;
use domain::Ctx;
use domain::identity::Client;
use ipnet::IpNet;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

/// The peer of a connection, put into each of its requests by the accept loop.
#[derive(Clone, Copy, Debug)]
pub struct Peer(pub SocketAddr);

const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

pub async fn identify(
    State((ctx, proxies)): State<(Ctx, Arc<Vec<IpNet>>)>,
    mut request: Request,
    next: Next,
) -> Response {
    let peer = request.extensions().get::<Peer>().map(|peer| peer.0.ip().to_canonical());
    let forwarded = request.headers().get("x-forwarded-for").and_then(|value| value.to_str().ok()).unwrap_or_default();
    let address = address(peer, forwarded, &proxies);
    // A client's id is taken only if it can do no harm in a log line or a header.
    let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let fine = |id: &&str| (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let request_id = given.filter(fine).map_or_else(|| ctx.random.id(), str::to_owned);
    request.extensions_mut().insert(Client { address, user_agent: String::new(), request_id: request_id.clone() });
    let mut response = next.run(request).await;
    if let Ok(value) = HeaderValue::from_str(&request_id) {
        response.headers_mut().insert(REQUEST_ID, value);
    }
    response
}

/// The nearest address that is no trusted proxy's.
fn address(peer: Option<IpAddr>, forwarded: &str, proxies: &[IpNet]) -> String {
    let Some(peer) = peer else { return String::new() };
    let trusted = |ip: &IpAddr| proxies.iter().any(|range| range.contains(ip));
    let mut nearest = peer;
    for hop in forwarded.rsplit(',') {
        if !trusted(&nearest) {
            break;
        }
        match hop.trim().parse::<IpAddr>() {
            Ok(ip) => nearest = ip.to_canonical(),
            Err(_) => break,
        }
    }
    nearest.to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_157_only_a_trusted_proxy_is_believed() {
        let proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let peer = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert_eq!(address(peer("203.0.113.9"), "198.51.100.1", &proxies), "203.0.113.9");
        assert_eq!(address(peer("10.0.0.1"), "198.51.100.1", &proxies), "198.51.100.1");
        assert_eq!(address(peer("10.0.0.1"), "6.6.6.6, 198.51.100.1, 10.0.0.2", &proxies), "198.51.100.1");
        assert_eq!(address(peer("10.0.0.1"), "nonsense", &proxies), "10.0.0.1");
        assert_eq!(address(peer("10.0.0.1"), "", &[]), "10.0.0.1");
    }
}
