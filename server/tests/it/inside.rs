//! The server's router over a test's world, without a socket: for what needs many callers or a clock that is held.

use axum::Router;
use axum::body::Body;
use base64::Engine as _;
use domain::testing::{PASSWORD, World};
use http::{Request, Response, header};
use http_body_util::BodyExt;
use server::middleware::client::Peer;
use std::net::SocketAddr;
use std::sync::LazyLock;
use std::time::Duration;
use std::sync::atomic::{AtomicU32, Ordering};
use tower::ServiceExt;

/// Runs a test on the one runtime of this process, as a server has one.
pub fn run(test: impl Future<Output = ()>) {
    static RUNTIME: LazyLock<tokio::runtime::Runtime> = LazyLock::new(|| tokio::runtime::Runtime::new().expect("a runtime"));
    RUNTIME.block_on(test);
}

/// How a request proves who it is from.
#[derive(Clone, Debug)]
pub enum Proof {
    Nothing,
    Basic(String, String),
    Cookie(String),
}

pub struct Inside {
    pub world: World,
    pub router: Router,
    asked: AtomicU32,
}

/// A request: method, path, proof, and a body with its type.
pub struct Ask<'a> {
    pub method: &'a str,
    pub path: &'a str,
    pub proof: &'a Proof,
    pub body: Option<(&'a str, String)>,
    pub headers: &'a [(&'a str, &'a str)],
}

impl Inside {
    pub async fn new() -> Inside {
        let world = World::new().await;
        let router = server::wiring::router(&world.ctx, Vec::new(), None);
        Inside { world, router, asked: AtomicU32::new(0) }
    }

    /// Each from an address of its own, so that one's failures do not slow another down.
    pub async fn send(&self, ask: Ask<'_>) -> Response<Body> {
        let n = self.asked.fetch_add(1, Ordering::Relaxed);
        self.send_from([10, (n >> 16) as u8, (n >> 8) as u8, n as u8], ask).await
    }

    pub async fn send_from(&self, address: [u8; 4], ask: Ask<'_>) -> Response<Body> {
        let mut request = Request::builder().method(ask.method).uri(ask.path).header(header::HOST, "127.0.0.1:8080");
        match ask.proof {
            Proof::Nothing => {}
            Proof::Basic(name, secret) => {
                let pair = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{secret}"));
                request = request.header(header::AUTHORIZATION, format!("Basic {pair}"));
            }
            Proof::Cookie(cookie) => request = request.header(header::COOKIE, cookie),
        }
        for (name, value) in ask.headers {
            request = request.header(*name, *value);
        }
        let body = match ask.body {
            Some((content_type, text)) => {
                request = request.header(header::CONTENT_TYPE, content_type);
                Body::from(text)
            }
            None => Body::empty(),
        };
        let mut request = request.body(body).unwrap();
        request.extensions_mut().insert(Peer(SocketAddr::from((address, 1))));
        let shown = format!("{} {}", request.method(), request.uri());
        match tokio::time::timeout(Duration::from_secs(20), self.router.clone().oneshot(request)).await {
            Ok(response) => response.unwrap(),
            Err(_) => panic!("{shown} is not answered"),
        }
    }

    pub async fn get(&self, path: &str, proof: &Proof) -> Response<Body> {
        self.send(Ask { method: "GET", path, proof, body: None, headers: &[] }).await
    }

    /// A form from one of our own pages.
    pub async fn form(&self, path: &str, proof: &Proof, form: &str, headers: &[(&str, &str)]) -> Response<Body> {
        let body = Some(("application/x-www-form-urlencoded", form.to_owned()));
        self.send(Ask { method: "POST", path, proof, body, headers }).await
    }

    /// Signs in to the portal; answers the cookie.
    pub async fn sign_in(&self, name: &str) -> Proof {
        let form = format!("name={name}&password={}&next=%2F", PASSWORD.replace(' ', "+"));
        let response = self.form("/fn/sign-in", &Proof::Nothing, &form, OURS).await;
        Proof::Cookie(cookie(&response).unwrap_or_else(|| panic!("{name} could not sign in: {}", response.status())))
    }
}

/// What a browser sends from our own page.
pub const OURS: &[(&str, &str)] = &[("sec-fetch-site", "same-origin")];

/// The session cookie that a response sets, as it is sent back.
pub fn cookie(response: &Response<Body>) -> Option<String> {
    response.headers().get_all(header::SET_COOKIE).iter().find_map(|value| {
        let pair = value.to_str().ok()?.split(';').next()?;
        (pair.starts_with("sid=") && pair.len() > 8).then(|| pair.to_owned())
    })
}

pub async fn text(response: Response<Body>) -> String {
    String::from_utf8_lossy(&response.into_body().collect().await.unwrap().to_bytes()).into_owned()
}

/// Is this the first administrator, signed in to the portal?
pub async fn signed_in(inside: &Inside, proof: &Proof) -> bool {
    text(inside.get("/account", proof).await).await.contains("signed in as admin")
}
