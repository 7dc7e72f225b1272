//! From where a request comes, and its id.

use axum::extract::{Request, State};
use axum::http::{HeaderName, HeaderValue, header};
use axum::middleware::Next;
use axum::response::Response;
use domain::Ctx;
use domain::identity::{Client, holder_at};
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
    // Several lines are one list (RFC 9110, 5.3): a proxy may append a line of its own. What cannot be read hides nothing before it.
    let lines = request.headers().get_all("x-forwarded-for").iter();
    let forwarded = match proxies.is_empty() {
        true => String::new(),
        false => lines.map(|value| value.to_str().unwrap_or("?")).collect::<Vec<_>>().join(","),
    };
    let address = address(peer, &forwarded, &proxies);
    let host = request.headers().get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let origin = ctx.settings.origin_of(host).map(str::to_owned);
    // A client's id is taken only if it can do no harm in a log line or a header.
    let given = request.headers().get(&REQUEST_ID).and_then(|value| value.to_str().ok());
    let fine = |id: &&str| (1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
    let request_id = given.filter(fine).map_or_else(|| ctx.random.id(), str::to_owned);
    let client = Client { address, user_agent: String::new(), request_id: request_id.clone(), origin };
    // Who brings credentials waits only behind others who do so from there, however much is asked there without an account: `session`
    // and the doors say who it is once that is known.
    let holder = format!("knocking {}", holder_at(&client.address));
    request.extensions_mut().insert(client);
    let mut response = domain::db::asked_by(&holder, next.run(request)).await;
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
        match hop_address(hop) {
            Some(ip) => nearest = ip.to_canonical(),
            None => break,
        }
    }
    nearest.to_string()
}

/// One hop of `X-Forwarded-For`, which has no standard: some proxies add the port, brackets, or quotes as `Forwarded` has them (RFC 7239).
fn hop_address(hop: &str) -> Option<IpAddr> {
    let text = hop.trim().trim_matches('"');
    let alone = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')).unwrap_or(text);
    alone.parse().ok().or_else(|| text.parse::<SocketAddr>().ok().map(|address| address.ip()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn s_10_several_lines_are_one_list_that_is_read_from_the_right() {
        use axum::body::Body;
        use tower::ServiceExt;
        let world = domain::testing::World::new().await;
        let said = |request: Request| async move { request.extensions().get::<Client>().unwrap().address.clone() };
        let router = axum::Router::new().fallback(said).layer(axum::middleware::from_fn_with_state(
            (world.ctx.clone(), Arc::new(vec!["10.0.0.0/8".parse::<IpNet>().unwrap()])),
            identify,
        ));
        for (lines, expected) in [
            (&["6.6.6.6", "198.51.100.1"][..], "198.51.100.1"), // what the client said, then what our proxy appended
            (&["6.6.6.6, 7.7.7.7", "198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            (&["198.51.100.1"], "198.51.100.1"),
            (&["6.6.6.6", "nonsense"], "10.0.0.1"),
            (&["6.6.6.6", "nonsense, 10.0.0.2"], "10.0.0.2"),
            (&["6.6.6.6", ""], "10.0.0.1"),
            (&[], "10.0.0.1"),
        ] {
            let mut request = axum::http::Request::builder().uri("/");
            for line in lines {
                request = request.header("x-forwarded-for", *line);
            }
            let mut request = request.body(Body::empty()).unwrap();
            request.extensions_mut().insert(Peer(SocketAddr::from(([10, 0, 0, 1], 1))));
            let answer = router.clone().oneshot(request).await.unwrap();
            let text = axum::body::to_bytes(answer.into_body(), 100).await.unwrap();
            assert_eq!(text, expected, "{lines:?}");
        }
    }

    #[test]
    fn n_157_only_a_trusted_proxy_is_believed() {
        let proxies = vec!["10.0.0.0/8".parse().unwrap()];
        let peer = |text: &str| Some(text.parse::<IpAddr>().unwrap());
        assert_eq!(address(peer("203.0.113.9"), "198.51.100.1", &proxies), "203.0.113.9");
        assert_eq!(address(peer("10.0.0.1"), "198.51.100.1", &proxies), "198.51.100.1");
        assert_eq!(address(peer("10.0.0.1"), "6.6.6.6, 198.51.100.1, 10.0.0.2", &proxies), "198.51.100.1");
        assert_eq!(address(peer("10.0.0.1"), "nonsense", &proxies), "10.0.0.1");
        assert_eq!(address(peer("10.0.0.1"), "", &[]), "10.0.0.1");
        for (hop, ip) in [
            ("198.51.100.1:4711", "198.51.100.1"), ("[2001:db8::1]:4711", "2001:db8::1"), ("\"[2001:db8::1]:4711\"", "2001:db8::1"), ("[2001:db8::1]", "2001:db8::1"),
            ("2001:db8::1", "2001:db8::1"), ("\"198.51.100.1\"", "198.51.100.1"), ("[::ffff:198.51.100.1]:80", "198.51.100.1"),
        ] {
            assert_eq!(address(peer("10.0.0.1"), hop, &proxies), ip, "{hop}");
        }
        for odd in ["unknown", "_hidden", "198.51.100.1:port", "[198.51.100.1", "198.51.100.1:1:1", ":80", "[]"] {
            assert_eq!(address(peer("10.0.0.1"), odd, &proxies), "10.0.0.1", "{odd}");
        }
    }
}
