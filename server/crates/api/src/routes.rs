//! Every route, on one screen.

use crate::errors::ApiError;
use crate::{artifacts, configurations, deletions, gc, members, projects, registries, replication, repositories, robots, session, system, users};
use axum::Router;
use axum::http::{Method, StatusCode};
use axum::extract::{MatchedPath, RawPathParams, Request, State};
use axum::middleware::{Next, from_fn_with_state};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodRouter, delete, get, head, patch, post, put};
use Needs::{Administrator, Anybody, Right, SignedIn};
use crate::call::{self, Known};
use domain::events::Event;
use domain::{Ctx, access};
use model::Action;

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub method: &'static str,
    pub pattern: &'static str,
    pub needs: Needs,
}

/// Who gets through to a route: asked before anything of a body is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    Anybody,
    /// An account; what it may do there is for the use-case, which knows what the request is about.
    SignedIn,
    Administrator,
    /// A right in the project that the path names.
    Right(Action),
}

impl Needs {
    /// As the table of rights prints it.
    pub fn said(self) -> &'static str {
        match self {
            Needs::Anybody => "anybody",
            Needs::SignedIn => "signed in",
            Needs::Administrator => "system administrator",
            Needs::Right(action) => action.name(),
        }
    }
}

macro_rules! routes {
    ($($method:ident $pattern:literal $handler:path, $needs:expr;)*) => {
        /// All routes, with who gets through.
        pub static ROUTES: &[Route] = &[$(Route { method: stringify!($method), pattern: $pattern, needs: $needs }),*];

        fn table(ctx: &Ctx) -> Vec<(&'static str, MethodRouter<Ctx>)> {
            vec![$(($pattern, $method($handler).layer(from_fn_with_state((ctx.clone(), $needs), guard)))),*]
        }
    };
}

routes! {
    get "/api/version" system::version, Anybody;
    get "/api/v2.0/ping" system::ping, Anybody;
    get "/api/v2.0/health" system::health, Anybody;
    get "/api/v2.0/systeminfo" system::info, Anybody;
    get "/api/v2.0/systeminfo/volumes" system::volumes, Administrator;
    get "/api/v2.0/statistics" projects::statistics, SignedIn;
    get "/api/v2.0/search" projects::search, Anybody;
    get "/api/v2.0/repositories" repositories::everywhere, Anybody;
    post "/c/login" session::login, Anybody;
    get "/c/log_out" session::logout, Anybody;
    get "/api/v2.0/system/gc" gc::list, Administrator;
    get "/api/v2.0/system/gc/{id}" gc::get, Administrator;
    put "/api/v2.0/system/gc/{id}" gc::stop, Administrator;
    get "/api/v2.0/system/gc/{id}/log" gc::log, Administrator;
    get "/api/v2.0/system/gc/schedule" gc::schedule, Administrator;
    post "/api/v2.0/system/gc/schedule" gc::start, Administrator;
    put "/api/v2.0/system/gc/schedule" gc::reschedule, Administrator;
    get "/api/v2.0/configurations" configurations::get, Administrator;
    put "/api/v2.0/configurations" configurations::update, Administrator;
    get "/api/v2.0/users/current" users::current, SignedIn;
    get "/api/v2.0/users/current/permissions" users::permissions, SignedIn;
    get "/api/v2.0/users/search" users::search, SignedIn;
    get "/api/v2.0/users" users::list, Administrator;
    post "/api/v2.0/users" users::create, Administrator;
    get "/api/v2.0/users/{id}" users::get, Administrator;
    put "/api/v2.0/users/{id}" users::update, Administrator;
    delete "/api/v2.0/users/{id}" users::delete, Administrator;
    put "/api/v2.0/users/{id}/sysadmin" users::set_admin, Administrator;
    put "/api/v2.0/users/{id}/password" users::set_password, SignedIn;
    get "/api/v2.0/projects" projects::list, Anybody;
    head "/api/v2.0/projects" projects::head, SignedIn;
    post "/api/v2.0/projects" projects::create, SignedIn;
    get "/api/v2.0/projects/{project}" projects::get, Right(Action::ProjectRead);
    put "/api/v2.0/projects/{project}" projects::update, Right(Action::ProjectUpdate);
    delete "/api/v2.0/projects/{project}" projects::delete, Right(Action::ProjectDelete);
    get "/api/v2.0/projects/{project}/metadatas" projects::metadatas, Right(Action::ProjectRead);
    post "/api/v2.0/projects/{project}/metadatas" projects::set_metadata, Right(Action::ProjectUpdate);
    get "/api/v2.0/projects/{project}/metadatas/{name}" projects::metadata_of, Right(Action::ProjectRead);
    put "/api/v2.0/projects/{project}/metadatas/{name}" projects::set_metadata_of, Right(Action::ProjectUpdate);
    get "/api/v2.0/projects/{project}/summary" projects::summary, Right(Action::ProjectRead);
    get "/api/v2.0/projects/{project}/_deletable" projects::deletable, Right(Action::ProjectDelete);
    get "/api/v2.0/projects/{project}/members" members::list, Right(Action::MemberList);
    post "/api/v2.0/projects/{project}/members" members::create, Right(Action::MemberCreate);
    get "/api/v2.0/projects/{project}/members/{id}" members::get, Right(Action::MemberRead);
    put "/api/v2.0/projects/{project}/members/{id}" members::update, Right(Action::MemberUpdate);
    delete "/api/v2.0/projects/{project}/members/{id}" members::delete, Right(Action::MemberDelete);
    get "/api/v2.0/permissions" robots::permissions_known, SignedIn;
    get "/api/v2.0/robots" robots::list, SignedIn;
    post "/api/v2.0/robots" robots::create, SignedIn;
    get "/api/v2.0/robots/{id}" robots::get, SignedIn;
    put "/api/v2.0/robots/{id}" robots::update, SignedIn;
    patch "/api/v2.0/robots/{id}" robots::refresh, SignedIn;
    delete "/api/v2.0/robots/{id}" robots::delete, SignedIn;
    get "/api/v2.0/registries" registries::list, Administrator;
    post "/api/v2.0/registries" registries::create, Administrator;
    post "/api/v2.0/registries/ping" registries::ping, Administrator;
    get "/api/v2.0/registries/{id}" registries::get, Administrator;
    put "/api/v2.0/registries/{id}" registries::update, Administrator;
    delete "/api/v2.0/registries/{id}" registries::delete, Administrator;
    get "/api/v2.0/registries/{id}/info" registries::info, Administrator;
    get "/api/v2.0/replication/adapters" registries::adapters, Administrator;
    get "/api/v2.0/replication/adapterinfos" registries::adapter_infos, Administrator;
    get "/api/v2.0/replication/policies" replication::list, Administrator;
    post "/api/v2.0/replication/policies" replication::create, Administrator;
    get "/api/v2.0/replication/policies/{id}" replication::get, Administrator;
    put "/api/v2.0/replication/policies/{id}" replication::update, Administrator;
    delete "/api/v2.0/replication/policies/{id}" replication::delete, Administrator;
    get "/api/v2.0/replication/executions" replication::executions, Administrator;
    post "/api/v2.0/replication/executions" replication::start, Administrator;
    get "/api/v2.0/replication/executions/{id}" replication::execution, Administrator;
    put "/api/v2.0/replication/executions/{id}" replication::stop, Administrator;
    post "/api/v2.0/replication/executions/{id}/retry" replication::retry, Administrator;
    get "/api/v2.0/replication/executions/{id}/tasks" replication::tasks, Administrator;
    get "/api/v2.0/replication/executions/{id}/tasks/{task}/log" replication::log, Administrator;
    get "/api/v2.0/projects/{project}/deletions" deletions::list, SignedIn;
    post "/api/v2.0/projects/{project}/deletions/{id}/restore" deletions::restore, Right(Action::RepositoryPush);
    delete "/api/v2.0/projects/{project}/deletions/{id}" deletions::purge, Right(Action::RepositoryRead);
    get "/api/v2.0/projects/{project}/repositories" repositories::list, Right(Action::RepositoryList);
    get "/api/v2.0/projects/{project}/repositories/{repository}" repositories::get, Right(Action::RepositoryRead);
    put "/api/v2.0/projects/{project}/repositories/{repository}" repositories::update, Right(Action::RepositoryUpdate);
    delete "/api/v2.0/projects/{project}/repositories/{repository}" repositories::delete, Right(Action::RepositoryDelete);
    get "/api/v2.0/projects/{project}/repositories/{repository}/artifacts" artifacts::list, Right(Action::ArtifactList);
    get "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}" artifacts::get, Right(Action::ArtifactRead);
    delete "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}" artifacts::delete, Right(Action::ArtifactRead);
    get "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/accessories" artifacts::accessories, Right(Action::AccessoryList);
    get "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/additions/{addition}" artifacts::addition, Right(Action::ArtifactRead);
    get "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/tags" artifacts::tags, Right(Action::TagList);
    post "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/tags" artifacts::add_tag, Right(Action::TagCreate);
    delete "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/tags/{tag}" artifacts::delete_tag, Right(Action::TagDelete);
}

/// Lets through who has what the route needs. The handler finds the caller known, and how long a body may be.
async fn guard(State((ctx, needs)): State<(Ctx, Needs)>, params: RawPathParams, request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match judged(&ctx, needs, &params, &mut parts).await {
        Ok(known) => {
            parts.extensions.insert(known);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

fn changes(method: &Method) -> bool {
    !matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

async fn judged(ctx: &Ctx, needs: Needs, params: &RawPathParams, parts: &mut axum::http::request::Parts) -> Result<Known, ApiError> {
    let who = call::caller(ctx, parts).await?;
    let judged = match needs {
        Anybody => Ok(()),
        SignedIn => access::signed_in(ctx, &who).await,
        Administrator => access::administrator(ctx, &who).await,
        Right(action) => {
            let project = params.iter().find(|(name, _)| *name == "project").map_or("", |(_, value)| value);
            let project = call::project(ctx, &who, &parts.headers, project).await?;
            access::may_again(ctx, &who, &project, "", action).await
        }
    };
    if let Err(error) = judged {
        if error.is_refusal() && changes(&parts.method) {
            let route = parts.extensions.get::<MatchedPath>().map_or("", MatchedPath::as_str);
            ctx.note_refusal(&who, Event::RequestRefused { route: format!("{} {route}", parts.method) });
        }
        return Err(error.into());
    }
    let checked = matches!(needs, Administrator | Right(_)) || changes(&parts.method) && access::administrator(ctx, &who).await.is_ok();
    Ok(Known { who, checked })
}

/// The router.
pub fn router(ctx: Ctx) -> Router {
    let mut router = Router::new();
    for (pattern, handler) in table(&ctx) {
        router = router.route(pattern, handler);
    }
    let missing = || async { ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this path") };
    let wrong = || async { ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this method is not supported here") };
    router.route("/api/{*rest}", axum::routing::any(missing)).method_not_allowed_fallback(wrong).with_state(ctx)
}
