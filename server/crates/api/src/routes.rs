//! Every route, on one screen.

use crate::errors::ApiError;
use crate::{artifacts, deletions, gc, members, projects, registries, replication, repositories, robots, session, system, users};
use axum::Router;
use axum::http::StatusCode;
use axum::routing::{MethodRouter, delete, get, head, patch, post, put};
use domain::Ctx;

/// One line of the table.
#[derive(Clone, Copy, Debug)]
pub struct Route {
    pub method: &'static str,
    pub pattern: &'static str,
    /// Who gets through: `anybody`, `signed in`, `system administrator`, or the right in the path's project.
    pub needs: &'static str,
}

macro_rules! routes {
    ($($method:ident $pattern:literal $handler:path, $needs:literal;)*) => {
        /// All routes, with who gets through.
        pub static ROUTES: &[Route] = &[$(Route { method: stringify!($method), pattern: $pattern, needs: $needs }),*];

        fn table() -> Vec<(&'static str, MethodRouter<Ctx>)> {
            vec![$(($pattern, $method($handler))),*]
        }
    };
}

routes! {
    get "/api/version" system::version, "anybody";
    get "/api/v2.0/ping" system::ping, "anybody";
    get "/api/v2.0/health" system::health, "anybody";
    get "/api/v2.0/systeminfo" system::info, "anybody";
    post "/c/login" session::login, "anybody";
    get "/c/log_out" session::logout, "anybody";
    get "/api/v2.0/system/gc" gc::list, "system administrator";
    get "/api/v2.0/system/gc/{id}" gc::get, "system administrator";
    put "/api/v2.0/system/gc/{id}" gc::stop, "system administrator";
    get "/api/v2.0/system/gc/{id}/log" gc::log, "system administrator";
    get "/api/v2.0/system/gc/schedule" gc::schedule, "system administrator";
    post "/api/v2.0/system/gc/schedule" gc::start, "system administrator";
    put "/api/v2.0/system/gc/schedule" gc::reschedule, "system administrator";
    get "/api/v2.0/users/current" users::current, "signed in";
    get "/api/v2.0/users/current/permissions" users::permissions, "signed in";
    get "/api/v2.0/users/search" users::search, "signed in";
    get "/api/v2.0/users" users::list, "system administrator";
    post "/api/v2.0/users" users::create, "system administrator";
    get "/api/v2.0/users/{id}" users::get, "system administrator";
    put "/api/v2.0/users/{id}" users::update, "system administrator";
    delete "/api/v2.0/users/{id}" users::delete, "system administrator";
    put "/api/v2.0/users/{id}/sysadmin" users::set_admin, "system administrator";
    put "/api/v2.0/users/{id}/password" users::set_password, "system administrator";
    get "/api/v2.0/projects" projects::list, "anybody";
    head "/api/v2.0/projects" projects::head, "signed in";
    post "/api/v2.0/projects" projects::create, "signed in";
    get "/api/v2.0/projects/{project}" projects::get, "project:read";
    put "/api/v2.0/projects/{project}" projects::update, "project:update";
    delete "/api/v2.0/projects/{project}" projects::delete, "project:delete";
    get "/api/v2.0/projects/{project}/summary" projects::summary, "project:read";
    get "/api/v2.0/projects/{project}/_deletable" projects::deletable, "project:delete";
    get "/api/v2.0/projects/{project}/members" members::list, "member:list";
    post "/api/v2.0/projects/{project}/members" members::create, "member:create";
    get "/api/v2.0/projects/{project}/members/{id}" members::get, "member:read";
    put "/api/v2.0/projects/{project}/members/{id}" members::update, "member:update";
    delete "/api/v2.0/projects/{project}/members/{id}" members::delete, "member:delete";
    get "/api/v2.0/permissions" robots::permissions_known, "signed in";
    get "/api/v2.0/robots" robots::list, "robot:list";
    post "/api/v2.0/robots" robots::create, "robot:create";
    get "/api/v2.0/robots/{id}" robots::get, "robot:read";
    put "/api/v2.0/robots/{id}" robots::update, "robot:update";
    patch "/api/v2.0/robots/{id}" robots::refresh, "robot:update";
    delete "/api/v2.0/robots/{id}" robots::delete, "robot:delete";
    get "/api/v2.0/registries" registries::list, "system administrator";
    post "/api/v2.0/registries" registries::create, "system administrator";
    post "/api/v2.0/registries/ping" registries::ping, "system administrator";
    get "/api/v2.0/registries/{id}" registries::get, "system administrator";
    put "/api/v2.0/registries/{id}" registries::update, "system administrator";
    delete "/api/v2.0/registries/{id}" registries::delete, "system administrator";
    get "/api/v2.0/registries/{id}/info" registries::info, "system administrator";
    get "/api/v2.0/replication/adapters" registries::adapters, "system administrator";
    get "/api/v2.0/replication/adapterinfos" registries::adapter_infos, "system administrator";
    get "/api/v2.0/replication/policies" replication::list, "system administrator";
    post "/api/v2.0/replication/policies" replication::create, "system administrator";
    get "/api/v2.0/replication/policies/{id}" replication::get, "system administrator";
    put "/api/v2.0/replication/policies/{id}" replication::update, "system administrator";
    delete "/api/v2.0/replication/policies/{id}" replication::delete, "system administrator";
    get "/api/v2.0/replication/executions" replication::executions, "system administrator";
    post "/api/v2.0/replication/executions" replication::start, "system administrator";
    get "/api/v2.0/replication/executions/{id}" replication::execution, "system administrator";
    put "/api/v2.0/replication/executions/{id}" replication::stop, "system administrator";
    get "/api/v2.0/replication/executions/{id}/tasks" replication::tasks, "system administrator";
    get "/api/v2.0/replication/executions/{id}/tasks/{task}/log" replication::log, "system administrator";
    get "/api/v2.0/projects/{project}/deletions" deletions::list, "repository:push";
    post "/api/v2.0/projects/{project}/deletions/{id}/restore" deletions::restore, "artifact:delete and repository:push";
    delete "/api/v2.0/projects/{project}/deletions/{id}" deletions::purge, "artifact:delete";
    get "/api/v2.0/projects/{project}/repositories" repositories::list, "repository:list";
    get "/api/v2.0/projects/{project}/repositories/{repository}" repositories::get, "repository:read";
    put "/api/v2.0/projects/{project}/repositories/{repository}" repositories::update, "repository:update";
    delete "/api/v2.0/projects/{project}/repositories/{repository}" repositories::delete, "repository:delete";
    get "/api/v2.0/projects/{project}/repositories/{repository}/artifacts" artifacts::list, "artifact:list";
    get "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}" artifacts::get, "artifact:read";
    delete "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}" artifacts::delete, "artifact:delete";
    get "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/accessories" artifacts::accessories, "accessory:list";
    get "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/tags" artifacts::tags, "tag:list";
    post "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/tags" artifacts::add_tag, "tag:create";
    delete "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/tags/{tag}" artifacts::delete_tag, "tag:delete";
}

/// The router.
pub fn router(ctx: Ctx) -> Router {
    let mut router = Router::new();
    for (pattern, handler) in table() {
        router = router.route(pattern, handler);
    }
    let missing = || async { ApiError::new(StatusCode::NOT_FOUND, "there is nothing at this path") };
    let wrong = || async { ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this method is not supported here") };
    router.route("/api/{*rest}", axum::routing::any(missing)).method_not_allowed_fallback(wrong).with_state(ctx)
}
