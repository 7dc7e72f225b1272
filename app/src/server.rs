//! The server's half: the router of pages and server functions, and forms without script.
//!
//! A form that is posted without script wants a page back. [`form_answers`] runs the server function as for a script,
//! then either redirects, or renders the page that the form stands on with the answer in it: the problems at their
//! fields, or the secret, with the right status and `no-store`, and without the hydration script, so that the answer is
//! plain HTML and nothing of it is serialised.

use crate::answer::Answer;
use crate::error::UiError;
use crate::routes::{App, shell};
use axum::Router;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header, request::Parts};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Redirect, Response};
use domain::identity::Principal;
use domain::sessions::Door;
use domain::{Ctx, Error};
use http_body_util::{BodyExt, Limited};
use leptos::nonce::Nonce;
use leptos::prelude::*;
use leptos_axum::{AxumRouteListing, LeptosRoutes, generate_route_list};
use std::sync::{Arc, OnceLock};
use tower::ServiceExt;

/// Longest form, in bytes.
const FORM: usize = 256 * 1024;

/// Where the embedded files lie; empty where there are none.
#[derive(Clone, Copy, Debug)]
pub struct Assets {
    pub folder: &'static str,
}

/// Signing in and out of this request's session.
#[derive(Clone)]
pub struct SignIn(pub Arc<dyn Door>);

/// The answer to a form that was posted without script, for the page that shows it.
#[derive(Clone, Debug)]
pub struct FormAnswer {
    /// The server function's path.
    pub path: String,
    pub answer: Result<Answer, UiError>,
    /// What was typed, without what is secret.
    pub typed: Arc<Vec<(String, String)>>,
}

/// What a server function is called with.
pub struct Call {
    pub ctx: Ctx,
    pub who: Principal,
    parts: Parts,
}

impl Call {
    /// The call that is being served.
    pub fn here() -> Result<Call, UiError> {
        let missing = || UiError::Call("there is no request".to_owned());
        let ctx = use_context::<Ctx>().ok_or_else(missing)?;
        let parts = use_context::<Parts>().ok_or_else(missing)?;
        let who = parts.extensions.get::<Principal>().cloned().ok_or_else(missing)?;
        Ok(Call { ctx, who, parts })
    }

    pub fn error(&self, error: Error) -> UiError {
        UiError::from_domain(error, &self.who.client.request_id)
    }

    /// What a reading function answers.
    pub fn read<T>(&self, done: domain::Result<T>) -> Result<T, UiError> {
        done.map_err(|error| self.error(error))
    }

    /// What a changing function answers: what the person can mend goes back to the form.
    pub fn answer(&self, done: domain::Result<Answer>) -> Result<Answer, UiError> {
        match done {
            Ok(answer) => Ok(answer),
            Err(Error::Invalid(problems)) => Ok(Answer::Wrong(problems)),
            Err(Error::Conflict { field, message }) => Ok(Answer::Wrong(model::Problems::one(&field, message))),
            Err(Error::Precondition(message)) => Ok(Answer::wrong(message)),
            Err(error @ (Error::TooMany { .. } | Error::CredentialUnreadable(_))) => Ok(Answer::wrong(error.to_string())),
            Err(error) => Err(self.error(error)),
        }
    }

    pub fn door(&self) -> Result<Arc<dyn Door>, UiError> {
        let door = self.parts.extensions.get::<SignIn>().cloned();
        door.map(|door| door.0).ok_or_else(|| UiError::Call("there is no session".to_owned()))
    }

    pub fn cookie(&self, name: &str) -> Option<String> {
        cookie(&self.parts.headers, name)
    }

    /// The path of the page that the request comes from, if it is ours.
    pub fn page(&self) -> Option<String> {
        page_of(&self.parts.headers, &self.ctx.settings.external_url)
    }

    /// Sets a cookie of the portal's own (not the session's).
    pub fn set_cookie(&self, name: &str, value: &str, seconds: i64) {
        if let Some(options) = use_context::<leptos_axum::ResponseOptions>()
            && let Ok(value) = HeaderValue::from_str(&cookie_text(name, value, seconds, self.ctx.settings.is_tls()))
        {
            options.append_header(header::SET_COOKIE, value);
        }
    }

    /// What is said once; reading it ends it.
    pub fn take_flash(&self) -> String {
        match self.cookie(FLASH) {
            Some(text) if !text.is_empty() => {
                self.set_cookie(FLASH, "", 0);
                percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned()
            }
            _ => String::new(),
        }
    }
}

const FLASH: &str = "flash";

fn cookie_text(name: &str, value: &str, seconds: i64, tls: bool) -> String {
    let secure = if tls { "; Secure" } else { "" };
    format!("{name}={value}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}")
}

fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}

/// Holds the page that a form stood on while its answer is shown, under the address of the function.
const PAGE: &str = "page";

/// Path and query of the page that a form stands on: its `Referer`, if the host is the one that was asked. Where the form was
/// sent from an answer to it, that is the function's address, and the answer's cookie says which page it showed.
fn page_of(headers: &HeaderMap, external_url: &str) -> Option<String> {
    let referer = headers.get(header::REFERER)?.to_str().ok()?;
    let (_, rest) = referer.split_once("://")?;
    let (host, path) = rest.split_at(rest.find('/')?);
    let asked = headers.get(header::HOST).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let own = external_url.split_once("://").map_or("", |(_, host)| host);
    // A path that a browser would read as another host is no page of ours.
    let ours = (host == asked || host == own) && !path.starts_with("//") && !path.contains('\\');
    let path = path.split('#').next().unwrap_or_default();
    if ours && path.starts_with("/fn/") {
        let kept = cookie(headers, PAGE)?;
        let kept = percent_encoding::percent_decode_str(&kept).decode_utf8().ok()?;
        let page = kept.starts_with('/') && !kept.starts_with("//") && !kept.starts_with("/fn/") && !kept.contains('\\');
        return page.then(|| kept.into_owned());
    }
    ours.then(|| path.to_owned())
}

/// The routes of [`App`], listed once in a process: while Leptos lists them, no resource anywhere loads, so a page that is
/// rendered at that moment would wait for ever.
fn routes() -> Vec<AxumRouteListing> {
    static ROUTES: OnceLock<Vec<AxumRouteListing>> = OnceLock::new();
    ROUTES.get_or_init(|| generate_route_list(App)).clone()
}

/// The portal's router: pages, server functions, and the page for what is not there.
pub fn router(ctx: Ctx, assets: Assets) -> Router {
    let options = LeptosOptions::builder().output_name("wharf").build();
    let context = {
        let ctx = ctx.clone();
        move || {
            provide_context(ctx.clone());
            if let Some(parts) = use_context::<Parts>() {
                if let Some(nonce) = parts.extensions.get::<Nonce>() {
                    provide_context(nonce.clone());
                }
                if let Some(answer) = parts.extensions.get::<FormAnswer>() {
                    provide_context(answer.clone());
                }
            }
        }
    };
    let page = move || shell(assets.folder);
    let missing = {
        let render = leptos_axum::render_app_async_with_context(context.clone(), page);
        move |request: Request| async move {
            let mut response = render(request).await.into_response();
            *response.status_mut() = StatusCode::NOT_FOUND;
            response
        }
    };
    let pages: Router = Router::new()
        .leptos_routes_with_context(&options, routes(), context, page)
        .fallback(missing)
        .with_state(options);
    pages.clone().layer(from_fn_with_state((pages, ctx), form_answers))
}

async fn form_answers(State((pages, ctx)): State<(Router, Ctx)>, request: Request, next: Next) -> Response {
    let wants_page = request.method() == Method::POST
        && request.uri().path().starts_with("/fn/")
        && request.headers().get(header::ACCEPT).and_then(|v| v.to_str().ok()).is_some_and(|v| v.contains("text/html"));
    if !wants_page {
        let function = request.uri().path().starts_with("/fn/");
        let response = next.run(request).await;
        return if function { with_status(response).await } else { response };
    }
    let (mut parts, body) = request.into_parts();
    let Ok(form) = Limited::new(body, FORM).collect().await.map(|collected| collected.to_bytes()) else {
        return (StatusCode::PAYLOAD_TOO_LARGE, "the form is too long").into_response();
    };
    let page = page_of(&parts.headers, &ctx.settings.external_url).unwrap_or_else(|| "/".to_owned());
    let path = parts.uri.path().to_owned();
    let (headers, extensions) = (parts.headers.clone(), parts.extensions.clone());
    parts.headers.insert(header::ACCEPT, HeaderValue::from_static("application/json"));
    let typed = typed(&form);
    let response = next.run(Request::from_parts(parts, Body::from(form))).await;
    if response.status().is_redirection() {
        return response;
    }
    let (parts, body) = response.into_parts();
    let Ok(bytes) = body.collect().await.map(|collected| collected.to_bytes()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    let answer: Result<Answer, UiError> = if parts.status.is_success() {
        serde_json::from_slice(&bytes).map_err(|error| UiError::Call(error.to_string()))
    } else {
        Err(serde_json::from_slice(&bytes).unwrap_or_else(|_| UiError::Call("the form was not understood".to_owned())))
    };
    let cookies: Vec<HeaderValue> = parts.headers.get_all(header::SET_COOKIE).iter().cloned().collect();
    let mut response = match &answer {
        Ok(Answer::Done { to, say }) => {
            let mut response = Redirect::to(to).into_response();
            if !say.is_empty() {
                let text = cookie_text(FLASH, &crate::paths::segment(say), 60, ctx.settings.is_tls());
                if let Ok(value) = HeaderValue::from_str(&text) {
                    response.headers_mut().append(header::SET_COOKIE, value);
                }
            }
            response
        }
        Err(UiError::SignIn) => Redirect::to(&crate::paths::with(&crate::paths::sign_in(), &[("next", &page)])).into_response(),
        _ => {
            let status = match &answer {
                Ok(Answer::Wrong(_)) => StatusCode::UNPROCESSABLE_ENTITY,
                Ok(_) => StatusCode::OK,
                Err(error) => StatusCode::from_u16(error.status()).unwrap_or(StatusCode::BAD_REQUEST),
            };
            let mut again = Request::new(Body::empty());
            *again.uri_mut() = page.parse().unwrap_or_default();
            *again.headers_mut() = headers;
            *again.extensions_mut() = extensions;
            again.headers_mut().remove(header::CONTENT_LENGTH);
            again.headers_mut().remove(header::CONTENT_TYPE);
            again.extensions_mut().insert(FormAnswer { path, answer, typed: Arc::new(typed) });
            let mut response = pages.oneshot(again).await.into_response();
            *response.status_mut() = status;
            response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
            let text = cookie_text(PAGE, &crate::paths::segment(&page), 3600, ctx.settings.is_tls());
            if let Ok(value) = HeaderValue::from_str(&text) {
                response.headers_mut().append(header::SET_COOKIE, value);
            }
            response
        }
    };
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response
}

/// A server function's error leaves with its own status: what a client did wrong is no 500.
async fn with_status(response: Response) -> Response {
    if response.status() != StatusCode::INTERNAL_SERVER_ERROR {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    let Ok(bytes) = body.collect().await.map(|collected| collected.to_bytes()) else {
        return StatusCode::INTERNAL_SERVER_ERROR.into_response();
    };
    if let Ok(error) = serde_json::from_slice::<UiError>(&bytes) {
        parts.status = StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    }
    parts.headers.remove(header::CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(bytes))
}

/// What was typed, to be shown again; secrets are not.
fn typed(form: &[u8]) -> Vec<(String, String)> {
    let decode = |text: &str| {
        percent_encoding::percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().into_owned()
    };
    String::from_utf8_lossy(form)
        .split('&')
        .filter_map(|pair| pair.split_once('='))
        .map(|(name, value)| (decode(name), decode(value)))
        .filter(|(name, _)| !name.contains("password") && !name.contains("secret") && name != "current")
        .collect()
}

/// Tells the response what status the page has, and sends who is not signed in to the door.
pub fn note_status(error: &UiError) {
    let Some(options) = use_context::<leptos_axum::ResponseOptions>() else { return };
    // A page that shows a form's answer has its own status.
    if use_context::<FormAnswer>().is_some() {
        return;
    }
    match error {
        UiError::SignIn => {
            let path = use_context::<Parts>().and_then(|parts| Some(parts.uri.path_and_query()?.as_str().to_owned()));
            let next = path.unwrap_or_default();
            leptos_axum::redirect(&crate::paths::with(&crate::paths::sign_in(), &[("next", &next)]));
        }
        error => options.set_status(StatusCode::from_u16(error.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)),
    }
}
