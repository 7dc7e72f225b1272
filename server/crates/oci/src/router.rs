//! From a request to its handler.

use crate::errors::{Code, Refusal};
use crate::path::{Path, Shape};
use crate::{auth, blobs, manifests, referrers, tags, token, uploads};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, Response, StatusCode, header};
use axum::routing::any;
use domain::Ctx;
use domain::identity::{Client, Principal};
use model::Action::{self, ArtifactDelete, RepositoryPull, RepositoryPush};
use model::{ProjectName, RepositoryName};

/// What a route does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Op {
    Base,
    Catalog,
    GetManifest,
    PutManifest,
    DeleteManifest,
    GetBlob,
    DeleteBlob,
    StartUpload,
    UploadStatus,
    Append,
    Finish,
    Cancel,
    ListTags,
    ListReferrers,
}

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub method: &'static str,
    pub pattern: &'static str,
    /// The right in the path's project that it takes; `None`: any account.
    pub action: Option<Action>,
    shape: Shape,
    op: Op,
}

const fn route(method: &'static str, pattern: &'static str, action: Option<Action>, shape: Shape, op: Op) -> Route {
    Route { method, pattern, action, shape, op }
}

/// The pattern of the route that answered, on its answer: for who counts requests.
#[derive(Clone, Copy, Debug)]
pub struct Routed(pub &'static str);

/// All routes under `/v2`: distribution-spec 1.1, "Endpoints" (end-1 to end-13).
pub static ROUTES: &[Route] = &[
    route("GET", "/v2/", None, Shape::Base, Op::Base),
    route("HEAD", "/v2/", None, Shape::Base, Op::Base),
    route("GET", "/v2/_catalog", None, Shape::Catalog, Op::Catalog),
    route("GET", "/v2/{name}/manifests/{reference}", Some(RepositoryPull), Shape::Manifest, Op::GetManifest),
    route("HEAD", "/v2/{name}/manifests/{reference}", Some(RepositoryPull), Shape::Manifest, Op::GetManifest),
    route("PUT", "/v2/{name}/manifests/{reference}", Some(RepositoryPush), Shape::Manifest, Op::PutManifest),
    route("DELETE", "/v2/{name}/manifests/{reference}", Some(ArtifactDelete), Shape::Manifest, Op::DeleteManifest),
    route("GET", "/v2/{name}/blobs/{digest}", Some(RepositoryPull), Shape::Blob, Op::GetBlob),
    route("HEAD", "/v2/{name}/blobs/{digest}", Some(RepositoryPull), Shape::Blob, Op::GetBlob),
    route("DELETE", "/v2/{name}/blobs/{digest}", Some(ArtifactDelete), Shape::Blob, Op::DeleteBlob),
    route("POST", "/v2/{name}/blobs/uploads/", Some(RepositoryPush), Shape::Uploads, Op::StartUpload),
    route("GET", "/v2/{name}/blobs/uploads/{id}", Some(RepositoryPush), Shape::Upload, Op::UploadStatus),
    route("PATCH", "/v2/{name}/blobs/uploads/{id}", Some(RepositoryPush), Shape::Upload, Op::Append),
    route("PUT", "/v2/{name}/blobs/uploads/{id}", Some(RepositoryPush), Shape::Upload, Op::Finish),
    route("DELETE", "/v2/{name}/blobs/uploads/{id}", Some(RepositoryPush), Shape::Upload, Op::Cancel),
    route("GET", "/v2/{name}/tags/list", Some(RepositoryPull), Shape::Tags, Op::ListTags),
    route("GET", "/v2/{name}/referrers/{digest}", Some(RepositoryPull), Shape::Referrers, Op::ListReferrers),
];

/// A request on its way to a handler, with what every handler needs.
pub struct Call {
    pub ctx: Ctx,
    pub who: Principal,
    pub path: Path,
    pub project: ProjectName,
    pub repository: RepositoryName,
    pub query: Vec<(String, String)>,
    pub headers: HeaderMap,
    pub head: bool,
}

impl Call {
    /// The first value of a query parameter.
    pub fn param(&self, name: &str) -> Option<&str> {
        self.query.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// All values of a query parameter.
    pub fn params<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// `/v2/project/repository`, for relative locations.
    pub fn base(&self) -> String {
        format!("/v2/{}/{}", self.project, self.repository)
    }

    /// A window of a list: `n` and `last`. `n` is at most `max`, which is also the default.
    pub fn window(&self, max: i64) -> Result<(i64, &str), Refusal> {
        let n = match self.param("n") {
            None => max,
            Some(text) => match text.parse::<i64>() {
                Ok(n) if n >= 0 => n.min(max),
                _ => return Err(Refusal::bad(Code::Unsupported, "n must be a number, 0 or more")),
            },
        };
        Ok((n, self.param("last").unwrap_or_default()))
    }
}

/// The router: `/v2` and `/service/token`.
pub fn router(ctx: Ctx) -> Router {
    Router::new()
        .route("/v2", any(serve))
        .route("/v2/", any(serve))
        .route("/v2/{*path}", any(serve))
        .route("/service/token", any(token::serve))
        .with_state(ctx)
}

async fn serve(State(ctx): State<Ctx>, request: Request) -> Response<Body> {
    let head = request.method() == Method::HEAD;
    // Until the route is known.
    let mut routed = Routed("/v2/…");
    let mut response = match answer(ctx, request, &mut routed).await {
        Ok(response) => response,
        Err(refusal) => refusal.into_response(head),
    };
    response.extensions_mut().insert(routed);
    let headers = response.headers_mut();
    headers.insert("docker-distribution-api-version", HeaderValue::from_static("registry/2.0"));
    // A blob that a browser opens is never a page of ours.
    headers.insert(header::CONTENT_SECURITY_POLICY, HeaderValue::from_static("sandbox; default-src 'none'"));
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::VARY, HeaderValue::from_static("Authorization"));
    headers.entry(header::CACHE_CONTROL).or_insert(HeaderValue::from_static("private, no-store"));
    response
}

/// What comes after `/v2/`.
fn below(path: &str) -> Option<&str> {
    path.strip_prefix("/v2")?.strip_prefix('/')
}

async fn answer(ctx: Ctx, request: Request, routed: &mut Routed) -> Result<Response<Body>, Refusal> {
    let (parts, body) = request.into_parts();
    let raw = below(parts.uri.path()).unwrap_or_default();
    let path = Path::parse(raw)?;
    let fitting: Vec<&Route> = ROUTES.iter().filter(|route| route.shape == path.shape).collect();
    *routed = fitting.first().map_or(*routed, |route| Routed(route.pattern));
    let Some(route) = fitting.iter().find(|route| route.method == parts.method.as_str()) else {
        let allow: Vec<&str> = fitting.iter().map(|route| route.method).collect();
        let message = format!("{} is not supported here", parts.method);
        return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, Code::Unsupported, message)
            .with(header::ALLOW, allow.join(", ")));
    };
    let mut client = parts.extensions.get::<Client>().cloned().unwrap_or_default();
    if let Some(agent) = parts.headers.get(header::USER_AGENT) {
        client.user_agent = String::from_utf8_lossy(agent.as_bytes()).chars().take(256).collect();
    }
    let scope = scope(route, &path.name);
    let challenge = auth::challenge(&ctx, &client, scope.as_deref());
    let unknown = unknown_code(path.shape);
    let refuse = |error, who: Option<&Principal>| Refusal::from_domain(error, who, unknown, &challenge);
    let who = auth::caller(&ctx, &parts.headers, client).await.map_err(|error| refuse(error, None))?;

    if route.op == Op::Base {
        domain::access::signed_in(&ctx, &who).await.map_err(|error| refuse(error, Some(&who)))?;
        let mut response = Response::new(Body::from("{}"));
        response.headers_mut().insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        return Ok(response);
    }
    let query = form(parts.uri.query().unwrap_or_default());
    if route.op == Op::Catalog {
        return tags::catalog(&ctx, &who, &query).await.map_err(|error| match error {
            Ok(error) => refuse(error, Some(&who)),
            Err(refusal) => refusal,
        });
    }
    let (project, repository) = path.repository()?;
    let call = Call { ctx, who, path, project, repository, query, headers: parts.headers, head: parts.method == Method::HEAD };
    let done = match route.op {
        Op::GetManifest => manifests::get(&call).await,
        Op::PutManifest => manifests::put(&call, body).await,
        Op::DeleteManifest => manifests::delete(&call).await,
        Op::GetBlob => blobs::get(&call).await,
        Op::DeleteBlob => blobs::delete(&call).await,
        Op::StartUpload => uploads::start(&call, body).await,
        Op::UploadStatus => uploads::status(&call).await,
        Op::Append => uploads::append(&call, body).await,
        Op::Finish => uploads::finish(&call, body).await,
        Op::Cancel => uploads::cancel(&call).await,
        Op::ListTags => tags::list(&call).await,
        Op::ListReferrers => referrers::list(&call).await,
        Op::Base | Op::Catalog => unreachable!("answered above"),
    };
    done.map_err(|failure| match failure {
        Failure::Domain(error) => refuse(error, Some(&call.who)),
        Failure::Refused(refusal) => refusal,
    })
}

/// What a handler ends with when it does not succeed.
pub enum Failure {
    Domain(domain::Error),
    Refused(Refusal),
}

impl From<domain::Error> for Failure {
    fn from(error: domain::Error) -> Self {
        Failure::Domain(error)
    }
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Failure::Refused(refusal)
    }
}

pub type Answer = Result<Response<Body>, Failure>;

fn scope(route: &Route, name: &str) -> Option<String> {
    if route.op == Op::Catalog {
        return Some("registry:catalog:*".to_owned());
    }
    let actions = match route.action? {
        Action::RepositoryPush => "pull,push",
        Action::ArtifactDelete => "delete",
        _ => "pull",
    };
    // A name that is none does not go into a header.
    model::name::split_full(name).ok().map(|_| format!("repository:{name}:{actions}"))
}

fn unknown_code(shape: Shape) -> Code {
    match shape {
        Shape::Manifest => Code::ManifestUnknown,
        Shape::Blob => Code::BlobUnknown,
        Shape::Uploads | Shape::Upload => Code::BlobUploadUnknown,
        Shape::Base | Shape::Catalog | Shape::Tags | Shape::Referrers => Code::NameUnknown,
    }
}

/// `application/x-www-form-urlencoded`, as in a query.
pub fn form(text: &str) -> Vec<(String, String)> {
    let decode = |part: &str| {
        percent_encoding::percent_decode_str(&part.replace('+', " ")).decode_utf8_lossy().into_owned()
    };
    text.split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| pair.split_once('=').map_or((decode(pair), String::new()), |(k, v)| (decode(k), decode(v))))
        .collect()
}
