//! A request for a page or by a form: who asks, for what, and what a form of the page was just answered.

use crate::answer::{Act, Answer, Posted};
use crate::session::Me;
use crate::ui::form::{Button, Form};
use crate::server::ISLAND;
use crate::ui::table::ListAddress;
use crate::{UiError, paths, wire};
use axum::http::{HeaderMap, header, request::Parts};
use domain::identity::Principal;
use domain::sessions::SessionControl;
use domain::Ctx;
use model::configuration::Creators;
use model::{Digest, ProjectName, RepositoryName};
use std::str::FromStr;
use std::sync::Arc;
use std::sync::atomic::Ordering;

/// Signing in and out of this request's session.
#[derive(Clone)]
pub struct SessionDoor(pub Arc<dyn SessionControl>);

/// What pages and forms are given.
#[derive(Clone)]
pub struct Call {
    pub ctx: Ctx,
    pub who: Principal,
    pub me: Me,
    /// The page that is asked for, or that the form stands on: path and query.
    pub page: String,
    /// Marks the forms of this page: whose it is, and which rendering (`once`).
    mark: String,
    params: Vec<(String, String)>,
    query: Vec<(String, String)>,
    posted: Option<Arc<Posted>>,
    door: Option<SessionDoor>,
}

impl Call {
    /// Reads who asks from the request's extensions and the database.
    pub async fn new(ctx: &Ctx, parts: &Parts, page: String, params: Vec<(String, String)>) -> Result<Call, UiError> {
        let who = parts.extensions.get::<Principal>().cloned().ok_or(UiError::SignIn)?;
        let user = match domain::users::current(ctx, &who).await {
            Ok(user) => Some(user),
            Err(domain::Error::Unauthenticated) => None,
            Err(error) => return Err(error.into()),
        };
        let everyone = ctx.configuration().project_creation_restriction == Creators::Everyone;
        let me = Me {
            makes_projects: user.as_ref().is_some_and(|user| user.admin || everyone),
            user,
            flash: flash(&parts.headers).unwrap_or_default(),
            theme: cookie(&parts.headers, "theme").filter(|theme| theme == "light" || theme == "dark").unwrap_or_default(),
            registry: domain::host_of(who.client.origin(&ctx.settings)).to_owned(),
            plain: who.client.origin(&ctx.settings).starts_with("http://"),
            now: ctx.now(),
        };
        Ok(Call {
            ctx: ctx.clone(),
            who,
            mark: format!("{}-{:.8}", me.user.as_ref().map_or(0, |user| user.id.0), ctx.random.id()),
            params,
            query: query_of(&page),
            page,
            me,
            posted: parts.extensions.get::<Arc<Posted>>().cloned(),
            door: parts.extensions.get::<SessionDoor>().cloned(),
        })
    }

    /// The same, for another page.
    pub fn on(&self, page: String) -> Call {
        Call { query: query_of(&page), page, ..self.clone() }
    }

    /// The page's address without its query.
    pub fn path(&self) -> &str {
        self.page.split('?').next().unwrap_or_default()
    }

    /// A value of the address's query; empty where there is none.
    pub fn query(&self, name: &str) -> &str {
        self.query.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// All values of a query parameter.
    pub fn queries<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.query.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }

    /// A parameter of the address, parsed; what does not parse is not found.
    pub fn param<T: FromStr>(&self, name: &str, what: &str) -> Result<T, UiError> {
        let text = self.params.iter().find(|(key, _)| key == name).map_or("", |(_, value)| value);
        text.parse().map_err(|_| UiError::NotFound(format!("{what} {text}")))
    }

    pub fn project(&self) -> Result<ProjectName, UiError> {
        self.param("project", "project")
    }

    pub fn repository(&self) -> Result<RepositoryName, UiError> {
        self.param("repository", "repository")
    }

    pub fn digest(&self) -> Result<Digest, UiError> {
        self.param("digest", "artifact")
    }

    /// What stands in a list's address; `facets` names what narrows it beside the search.
    pub fn filter(&self, facets: &[&'static str]) -> ListAddress {
        let get = |name: &str| self.query(name).to_owned();
        ListAddress {
            path: self.path().to_owned(),
            q: get("q"),
            sort: get("sort"),
            after: get("after"),
            more: facets.iter().map(|name| (*name, get(name))).collect(),
        }
    }

    /// Where `A` is sent from this page: the address says which page shows the answer, and which rendering of it this is.
    pub fn at<A: Act>(&self) -> String {
        paths::with(A::AT, &[("page", &self.page), ("once", &self.mark)])
    }

    /// The form of `A`, with what was typed and what is wrong where this page answers it.
    pub fn form<A: Act>(&self) -> Form {
        Form::new(self.at::<A>(), self.posted_by::<A>())
    }

    /// A form that is one button. Several of one page may be of the same `A`: `with` tells which was pressed.
    pub fn button<A: Act>(&self, with: Vec<(&'static str, String)>, label: impl Into<String>) -> Button {
        let pressed = self.posted_by::<A>().filter(|posted| {
            with.iter().all(|(name, value)| posted.typed.iter().any(|(key, typed)| key == name && typed == value))
        });
        Button::new(Form::new(self.at::<A>(), pressed).with(with), label.into())
    }

    /// What `A` was just answered with, other than an error.
    pub fn answer<A: Act>(&self) -> Option<&Answer> {
        self.posted_by::<A>()?.outcome.as_ref().ok()
    }

    fn posted_by<A: Act>(&self) -> Option<&Posted> {
        self.posted.as_deref().filter(|posted| posted.at == A::AT)
    }

    /// Does a form of the page say what was answered?
    pub fn answer_is_shown(&self) -> bool {
        self.posted().is_some_and(|posted| posted.shown.load(Ordering::Relaxed))
    }

    /// The answered form, if this page shows an answer.
    pub fn posted(&self) -> Option<&Posted> {
        self.posted.as_deref()
    }

    pub fn door(&self) -> Result<&dyn SessionControl, UiError> {
        self.door.as_ref().map(|door| door.0.as_ref()).ok_or(UiError::SignIn)
    }
}

fn query_of(page: &str) -> Vec<(String, String)> {
    wire::pairs(page.split_once('?').map_or("", |(_, query)| query).as_bytes())
}

/// The cookie that holds what is said once.
pub const FLASH: &str = "flash";

fn flash(headers: &HeaderMap) -> Option<String> {
    // A page that is only fetched ahead, or of which an island shows a part, is not where it is said.
    let ahead = headers.get("sec-purpose").is_some_and(|value| value.as_bytes().starts_with(b"prefetch"));
    let part = headers.get(ISLAND).is_some_and(|value| value == "part");
    let text = cookie(headers, FLASH).filter(|text| !text.is_empty() && !ahead && !part)?;
    Some(percent_encoding::percent_decode_str(&text).decode_utf8_lossy().into_owned())
}

pub fn cookie(headers: &HeaderMap, name: &str) -> Option<String> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find(|(key, _)| *key == name)
        .map(|(_, value)| value.to_owned())
}
