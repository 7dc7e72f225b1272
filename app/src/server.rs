//! The server's half: the router of pages and forms.
//!
//! A form is answered in one way, with script and without. What is done leads on (303); everything else (problems at their fields,
//! a secret, what a test found) is the page that the form stands on, rendered with the answer in it and with the answer's status.
//! An island sends the same request with [`ISLAND`] in its head and puts the changed part of that page in place; only a redirect it
//! gets as 204 with `Location`, because a script cannot see where a 303 leads before it has been followed.

use crate::answer::{Act, Answer, KeptForm, Posted};
use crate::call::{Call, FLASH};
use crate::layout::{Page, document};
use crate::once::Once;
use crate::pages::{account::forms::SignOut, robots::secret_once, sign_in};
use crate::routes::{FORMS, FormRoute, PAGES, PageRoute};
use crate::{UiError, paths, wire};
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{RawPathParams, Request};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use axum::response::{Html, IntoResponse, Redirect, Response};
use axum::routing::{get, post};
use domain::Ctx;
use domain::identity::Principal;
use domain::buffers::Share;
use http_body_util::BodyExt;
use std::sync::Arc;
use tower::ServiceExt;

/// Longest form, in bytes, and what is read of it before it is known that its sender has any right where it goes.
const FORM: usize = 256 * 1024;
const UNCHECKED_FORM: usize = 16 * 1024;

/// Longest thing said once, in characters: it travels in a cookie, of which browsers keep 4 KiB.
const LONGEST_NOTICE: usize = 400;

/// What an island's request is known by.
pub const ISLAND: &str = "x-wharf-island";

/// Where the embedded files lie; empty where there are none.
#[derive(Clone, Copy, Debug)]
pub struct Assets {
    pub folder: &'static str,
}

type Params = Result<RawPathParams, axum::extract::rejection::RawPathParamsRejection>;

#[derive(Clone)]
struct Portal {
    ctx: Ctx,
    assets: Assets,
    once: Once,
}

/// The pattern of the page that was shown, on its answer: for who counts.
#[derive(Clone, Copy)]
pub struct Routed(pub &'static str);

/// The portal's router: pages, forms, and the page for what is not there.
pub fn router(ctx: Ctx, assets: Assets) -> Router {
    let portal = Portal { ctx, assets, once: Once::default() };
    let mut pages = Router::new();
    for route in PAGES {
        let portal = portal.clone();
        let handler = async move |params: Params, request: Request| portal.page(Some(route), params, request).await;
        pages = pages.route(route.pattern, get(handler));
    }
    let missing = portal.clone();
    pages = pages.fallback(async move |params: Params, request: Request| missing.page(None, params, request).await);
    let mut forms = Router::new();
    for route in FORMS {
        let (portal, pages) = (portal.clone(), pages.clone());
        let handler = async move |request: Request| portal.form(route, pages, request).await;
        forms = forms.route(route.at, post(handler).get(back));
    }
    forms.fallback_service(pages)
}

/// Somebody asks for the address of an answer again: the page that the form stands on.
async fn back(request: Request) -> Response {
    match page_in(request.uri().query()) {
        Some(page) => Redirect::to(&page).into_response(),
        None => (StatusCode::METHOD_NOT_ALLOWED, [(header::ALLOW, "POST")]).into_response(),
    }
}

impl Portal {
    async fn page(&self, route: Option<&'static PageRoute>, params: Params, request: Request) -> Response {
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            return StatusCode::METHOD_NOT_ALLOWED.into_response();
        }
        let (parts, _) = request.into_parts();
        // What cannot be decoded is the address of nothing.
        let route = route.filter(|_| params.is_ok());
        let params = params.iter().flatten().map(|(name, value)| (name.to_owned(), value.to_owned())).collect();
        let page = parts.uri.path_and_query().map_or("/", |address| address.as_str()).to_owned();
        let call = match Call::new(&self.ctx, &parts, page, params).await {
            Ok(call) => call,
            Err(error) => return plain(error, &parts),
        };
        let shown = match route {
            None => Err(UiError::NotFound("this page".to_owned())),
            Some(route) => match route.needs.check(&call.me) {
                Ok(()) => (route.show)(&call).await,
                Err(error) => Err(error),
            },
        };
        // A secret is shown whatever page it was asked for from: it is never made in vain.
        let shown = match call.posted().map(|posted| &posted.outcome) {
            Some(Ok(Answer::Secret(secret))) => Ok(secret_once(secret)),
            _ => shown,
        };
        let mut response = self.shown(&call, &parts, shown);
        if let Some(route) = route {
            response.extensions_mut().insert(Routed(route.pattern));
        }
        response
    }

    /// The document of a page, or of why it cannot be shown.
    fn shown(&self, call: &Call, parts: &Parts, shown: Result<Page, UiError>) -> Response {
        let (status, page) = match shown {
            Ok(page) => (call.posted().map_or(200, Posted::status), page),
            // Who is not signed in goes to the door; what a form was answered is shown all the same.
            Err(UiError::SignIn) if call.posted().is_none() => {
                return Redirect::to(&paths::sign_in_for(&call.page)).into_response();
            }
            Err(error) => {
                log(&error, &call.who);
                (error.status(), Page::failed(&error, &call.who.client.request_id))
            }
        };
        let mut response = Html(document(call, page, self.assets.folder, parts)).into_response();
        *response.status_mut() = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        if !call.me.flash.is_empty() {
            self.set_cookie(&mut response, FLASH, "", 0);
        }
        response
    }

    async fn form(&self, route: &'static FormRoute, pages: Router, request: Request) -> Response {
        let (mut parts, body) = request.into_parts();
        let page = page_in(parts.uri.query()).or_else(|| referer(&parts.headers, &self.ctx.settings.external_url)).unwrap_or_else(|| "/".to_owned());
        let call = match Call::new(&self.ctx, &parts, page.clone(), Vec::new()).await {
            Ok(call) => Arc::new(call),
            Err(error) => return plain(error, &parts),
        };
        let mark = value_of(parts.uri.query(), "once");
        let (typed, outcome) = match self.read(&call, body).await {
            Err(error) => (Vec::new(), Err(route.needs.check(&call.me).err().unwrap_or(error))),
            Ok((form, _share)) => {
                let typed = wire::typed(&form);
                (typed, self.done(route, call.clone(), form, mark.clone()).await)
            }
        };
        let island = parts.headers.contains_key(ISLAND);
        let (at, page, outcome) = match outcome {
            Ok(Answer::Done { to, say, cookie }) => {
                let mut response = match HeaderValue::from_str(&to) {
                    Ok(to) if island => (StatusCode::NO_CONTENT, [(header::LOCATION, to)]).into_response(),
                    Ok(to) => (StatusCode::SEE_OTHER, [(header::LOCATION, to)]).into_response(),
                    Err(_) => return plain(UiError::wrong("there is no way back to that address"), &parts),
                };
                if !say.is_empty() {
                    let say: String = say.chars().take(LONGEST_NOTICE).collect();
                    self.set_cookie(&mut response, FLASH, &paths::segment(&say), 60);
                }
                if let Some((name, value, seconds)) = cookie {
                    self.set_cookie(&mut response, name, &value, seconds);
                }
                if route.at == SignOut::AT {
                    // What was fetched ahead before is shown to nobody now ("Clear Site Data", W3C). The pages themselves are `no-store`.
                    response.headers_mut().insert("clear-site-data", HeaderValue::from_static("\"prefetchCache\""));
                }
                return response;
            }
            Err(UiError::SignIn) => {
                let by = mark.as_ref().and_then(|mark| mark.split('-').next()?.parse().ok()).unwrap_or(0);
                let kept = KeptForm::new(route.at, page, by, typed);
                let door = paths::sign_in_for(&kept.page);
                let call = call.on(door);
                let mut response = self.shown(&call, &parts, Ok(sign_in::again(&call, kept)));
                *response.status_mut() = StatusCode::UNAUTHORIZED;
                return located(response, &call.page);
            }
            Ok(Answer::Back { who, kept }) => {
                let Some(form) = FORMS.iter().find(|form| form.at == kept.form) else {
                    return Redirect::to(&kept.page).into_response();
                };
                parts.extensions.insert(who.as_ref().clone());
                let (page, typed) = (kept.page.clone(), kept.typed.clone());
                let posted = Posted::new(form.at, Ok(Answer::Back { who, kept }), typed);
                return answered(pages, parts, &page, posted).await;
            }
            outcome => (route.at, page, outcome),
        };
        if let Err(error) = &outcome {
            log(error, &call.who);
        }
        answered(pages, parts, &page, Posted::new(at, outcome, typed)).await
    }

    /// Reads a form: its beginning, and the rest of it where the caller administers the system or is a member of the project that
    /// its beginning names.
    async fn read(&self, call: &Call, body: Body) -> Result<(Bytes, Share), UiError> {
        let mut share = self.ctx.local.buffers.share(&call.who.holder());
        let (mut body, mut form, mut most) = (body, Vec::new(), UNCHECKED_FORM);
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|_| UiError::Unread("it ended early".to_owned()))?;
            let Ok(part) = frame.into_data() else { continue };
            if form.len() + part.len() > most && most < FORM {
                let beginning = [&form[..], &part[..UNCHECKED_FORM.saturating_sub(form.len()).min(part.len())]].concat();
                if self.may_send_more(call, &beginning).await {
                    most = FORM;
                }
            }
            if form.len() + part.len() > most {
                return Err(UiError::Unread(format!("it is longer than {most} bytes")));
            }
            share.grow((form.len() + part.len()) as u64).map_err(UiError::from)?;
            form.extend_from_slice(&part);
        }
        Ok((form.into(), share))
    }

    async fn may_send_more(&self, call: &Call, beginning: &[u8]) -> bool {
        if call.me.admin() {
            return true;
        }
        // The last field may have been cut.
        let whole = beginning.iter().rposition(|byte| *byte == b'&').map_or(&[][..], |end| &beginning[..end]);
        let project = wire::pairs(whole).into_iter().find(|(name, _)| name == "project").and_then(|(_, value)| value.parse().ok());
        match project {
            Some(project) => domain::access::is_member(&self.ctx, &call.who, &project).await,
            None => false,
        }
    }

    /// Does what the form asks for, once for each of its pages, and to its end: whether the client waits for it or not.
    async fn done(&self, route: &'static FormRoute, call: Arc<Call>, form: Bytes, mark: Option<String>) -> Result<Answer, UiError> {
        route.needs.check(&call.me)?;
        let once = self.once.clone();
        let doing = tokio::spawn(async move {
            let act = (route.run)(&call, &form);
            match (&call.me.user, mark) {
                (Some(user), Some(mark)) => once.run(Once::key(user.id.0, route.at, &mark, &form), call.me.now, act).await,
                _ => act.await,
            }
        });
        doing.await.unwrap_or_else(|panic| Err(UiError::Broken(domain::Error::Internal(panic.to_string()))))
    }

    fn set_cookie(&self, response: &mut Response, name: &str, value: &str, seconds: i64) {
        let secure = if self.ctx.settings.is_tls() { "; Secure" } else { "" };
        let text = format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}");
        if let Ok(value) = HeaderValue::from_str(&text) {
            response.headers_mut().append(header::SET_COOKIE, value);
        }
    }
}

/// The page that a form stands on, with the answer in it.
async fn answered(pages: Router, parts: Parts, page: &str, posted: Posted) -> Response {
    let retry = match &posted.outcome {
        Err(UiError::TooMany { seconds, .. }) => Some(*seconds),
        _ => None,
    };
    let mut again = Request::new(Body::empty());
    *again.uri_mut() = page.parse().unwrap_or_default();
    *again.headers_mut() = parts.headers;
    *again.extensions_mut() = parts.extensions;
    again.headers_mut().remove(header::CONTENT_LENGTH);
    again.headers_mut().remove(header::CONTENT_TYPE);
    again.extensions_mut().insert(Arc::new(posted));
    let mut response = pages.oneshot(again).await.into_response();
    if let Some(seconds) = retry {
        response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(seconds));
    }
    located(response, page)
}

/// Says which page an answer shows (`Content-Location`, RFC 9110 8.7): an island sets the address by it.
fn located(mut response: Response, page: &str) -> Response {
    if let Ok(value) = HeaderValue::from_str(page) {
        response.headers_mut().insert(header::CONTENT_LOCATION, value);
    }
    response
}

/// An answer where no page can be made at all.
fn plain(error: UiError, parts: &Parts) -> Response {
    if let Some(who) = parts.extensions.get::<Principal>() {
        log(&error, who);
    }
    let status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, [(header::CONTENT_TYPE, "text/plain; charset=utf-8")], error.to_string()).into_response()
}

/// What is ours to mend goes to the log, and nowhere else.
fn log(error: &UiError, who: &Principal) {
    if let UiError::Broken(cause) = error {
        tracing::error!(error = %cause, request_id = who.client.request_id, "a page could not be made");
    }
}

fn value_of(query: Option<&str>, name: &str) -> Option<String> {
    let pairs = wire::pairs(query.unwrap_or_default().as_bytes());
    pairs.into_iter().find(|(key, _)| key == name).map(|(_, value)| value)
}

/// The page that the address of a form names.
fn page_in(query: Option<&str>) -> Option<String> {
    paths::ours(&value_of(query, "page")?).map(str::to_owned)
}

/// The page that a form was sent from, if it is ours: for who sends one by hand.
fn referer(headers: &HeaderMap, external_url: &str) -> Option<String> {
    let referer = headers.get(header::REFERER)?.to_str().ok()?;
    let (_, rest) = referer.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/')?);
    let asked = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let own = external_url.split_once("://").map_or("", |(_, host)| host);
    let path = path.split('#').next().unwrap_or_default();
    (host == asked || host == own).then(|| paths::ours(path)).flatten().map(str::to_owned)
}
