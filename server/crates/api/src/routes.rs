//! Every route, on one screen.

use crate::errors::ApiError;
use crate::document::{self, Shape};
use crate::{
    activity, artifacts, audit, blocks, configurations, deletions, gc, immutability, labels, members, projects, purges, quotas, registries, replication, repositories,
    retention, robots, session, system, users,
};
use axum::Router;
use axum::http::{Method, StatusCode, Uri};
use axum::extract::rejection::RawPathParamsRejection;
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
    handler: &'static str,
    /// What clients made from the document call it: Harbor's name, where Harbor has the like.
    pub id: &'static str,
    pub needs: Needs,
    /// Parameters of the query besides those of every list.
    pub asks: &'static [&'static str],
}

impl Route {
    /// What it is about, as the document groups routes.
    pub fn tag(&self) -> &'static str {
        let (place, _) = self.handler.split_once("::").unwrap_or((self.handler, ""));
        place
    }
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
    ($($method:ident $pattern:literal $handler:path, $id:literal, $needs:expr $(, [$($asks:literal),*])?;)*) => {
        /// All routes, with who gets through.
        pub static ROUTES: &[Route] = &[$(Route {
            method: stringify!($method), pattern: $pattern, handler: stringify!($handler), id: $id, needs: $needs, asks: &[$($($asks),*)?],
        }),*];

        /// All routes, with what their handlers take and answer.
        pub fn shapes() -> Vec<(Route, Shape)> {
            ROUTES.iter().copied().zip([$(document::shape(&$handler)),*]).collect()
        }

        fn table(ctx: &Ctx) -> Vec<(&'static str, MethodRouter<Ctx>)> {
            vec![$(($pattern, $method($handler).layer(from_fn_with_state((ctx.clone(), $needs), guard)))),*]
        }
    };
}

routes! {
    get "/api/version" system::version, "getVersion", Anybody;
    get "/api/v2.0/ping" system::ping, "getPing", Anybody;
    get "/api/v2.0/health" system::health, "getHealth", Anybody;
    get "/api/v2.0/openapi.json" document::get, "getDocument", Anybody;
    get "/api/v2.0/scanners" system::scanners, "listScanners", Administrator;
    get "/api/v2.0/systeminfo" system::info, "getSystemInfo", Anybody;
    get "/api/v2.0/systeminfo/volumes" system::volumes, "getVolumes", Administrator;
    get "/api/v2.0/statistics" projects::statistics, "getStatistic", SignedIn;
    get "/api/v2.0/search" projects::search, "search", Anybody, ["q"];
    get "/api/v2.0/repositories" repositories::everywhere, "listAllRepositories", Anybody, ["name"];
    post "/c/login" session::login, "signIn", Anybody;
    get "/c/log_out" session::logout, "signOut", Anybody;
    get "/api/v2.0/system/purgeaudit" purges::list, "getPurgeHistory", Administrator;
    get "/api/v2.0/system/purgeaudit/{id}" purges::get, "getPurgeJob", Administrator;
    get "/api/v2.0/system/purgeaudit/{id}/log" purges::log, "getPurgeJobLog", Administrator;
    get "/api/v2.0/system/purgeaudit/schedule" purges::schedule, "getPurgeSchedule", Administrator;
    post "/api/v2.0/system/purgeaudit/schedule" purges::start, "createPurgeSchedule", Administrator;
    put "/api/v2.0/system/purgeaudit/schedule" purges::reschedule, "updatePurgeSchedule", Administrator;
    get "/api/v2.0/schedules" purges::clocks, "listSchedules", Administrator;
    get "/api/v2.0/schedules/{kind}/paused" purges::paused, "getSchedulePaused", Administrator;
    get "/api/v2.0/system/gc" gc::list, "getGCHistory", Administrator;
    get "/api/v2.0/system/gc/{id}" gc::get, "getGC", Administrator;
    put "/api/v2.0/system/gc/{id}" gc::stop, "stopGC", Administrator;
    get "/api/v2.0/system/gc/{id}/log" gc::log, "getGCLog", Administrator;
    get "/api/v2.0/system/gc/schedule" gc::schedule, "getGCSchedule", Administrator;
    post "/api/v2.0/system/gc/schedule" gc::start, "createGCSchedule", Administrator;
    put "/api/v2.0/system/gc/schedule" gc::reschedule, "updateGCSchedule", Administrator;
    get "/api/v2.0/configurations" configurations::get, "getConfigurations", Administrator;
    put "/api/v2.0/configurations" configurations::update, "updateConfigurations", Administrator;
    get "/api/v2.0/users/current" users::current, "getCurrentUserInfo", SignedIn;
    get "/api/v2.0/users/current/permissions" users::permissions, "getCurrentUserPermissions", SignedIn, ["scope", "relative"];
    get "/api/v2.0/users/search" users::search, "searchUsers", SignedIn, ["username"];
    get "/api/v2.0/users" users::list, "listUsers", Administrator, ["username"];
    post "/api/v2.0/users" users::create, "createUser", Administrator;
    get "/api/v2.0/users/{id}" users::get, "getUser", SignedIn;
    put "/api/v2.0/users/{id}" users::update, "updateUserProfile", SignedIn;
    delete "/api/v2.0/users/{id}" users::delete, "deleteUser", Administrator;
    put "/api/v2.0/users/{id}/sysadmin" users::set_admin, "setUserSysAdmin", Administrator;
    put "/api/v2.0/users/{id}/password" users::set_password, "updateUserPassword", SignedIn;
    get "/api/v2.0/projects" projects::list, "listProjects", Anybody, ["name", "public", "owner"];
    head "/api/v2.0/projects" projects::head, "headProject", SignedIn, ["project_name"];
    post "/api/v2.0/projects" projects::create, "createProject", SignedIn;
    get "/api/v2.0/projects/{project}" projects::get, "getProject", Right(Action::ProjectRead);
    put "/api/v2.0/projects/{project}" projects::update, "updateProject", Right(Action::ProjectUpdate);
    delete "/api/v2.0/projects/{project}" projects::delete, "deleteProject", Right(Action::ProjectDelete);
    get "/api/v2.0/projects/{project}/metadatas" projects::metadatas, "listProjectMetadatas", Right(Action::ProjectRead);
    post "/api/v2.0/projects/{project}/metadatas" projects::set_metadata, "addProjectMetadatas", Right(Action::ProjectUpdate);
    get "/api/v2.0/projects/{project}/metadatas/{name}" projects::metadata_of, "getProjectMetadata", Right(Action::ProjectRead);
    put "/api/v2.0/projects/{project}/metadatas/{name}" projects::set_metadata_of, "updateProjectMetadata", Right(Action::ProjectUpdate);
    delete "/api/v2.0/projects/{project}/metadatas/{name}" projects::unset_metadata_of, "deleteProjectMetadata", Right(Action::ProjectUpdate);
    get "/api/v2.0/projects/{project}/summary" projects::summary, "getProjectSummary", Right(Action::ProjectRead);
    get "/api/v2.0/projects/{project}/_deletable" projects::deletable, "getProjectDeletable", Right(Action::ProjectDelete);
    get "/api/v2.0/projects/{project}/members" members::list, "listProjectMembers", Right(Action::MemberList), ["entityname"];
    post "/api/v2.0/projects/{project}/members" members::create, "createProjectMember", Right(Action::MemberCreate);
    get "/api/v2.0/projects/{project}/members/{id}" members::get, "getProjectMember", Right(Action::MemberRead);
    put "/api/v2.0/projects/{project}/members/{id}" members::update, "updateProjectMember", Right(Action::MemberUpdate);
    delete "/api/v2.0/projects/{project}/members/{id}" members::delete, "deleteProjectMember", Right(Action::MemberDelete);
    get "/api/v2.0/projects/{project}/immutabletagrules" immutability::list, "ListImmuRules", Right(Action::ImmutableList);
    post "/api/v2.0/projects/{project}/immutabletagrules" immutability::create, "CreateImmuRule", Right(Action::ImmutableCreate);
    get "/api/v2.0/projects/{project}/immutabletagrules/{id}" immutability::get, "getImmuRule", Right(Action::ImmutableList);
    put "/api/v2.0/projects/{project}/immutabletagrules/{id}" immutability::update, "UpdateImmuRule", Right(Action::ImmutableUpdate);
    delete "/api/v2.0/projects/{project}/immutabletagrules/{id}" immutability::delete, "DeleteImmuRule", Right(Action::ImmutableDelete);
    get "/api/v2.0/system/immutabletagrules" immutability::list_of_system, "listImmuRulesOfSystem", Administrator;
    post "/api/v2.0/system/immutabletagrules" immutability::create_in_system, "createImmuRuleOfSystem", Administrator;
    get "/api/v2.0/system/immutabletagrules/{id}" immutability::get_of_system, "getImmuRuleOfSystem", Administrator;
    put "/api/v2.0/system/immutabletagrules/{id}" immutability::update_of_system, "updateImmuRuleOfSystem", Administrator;
    delete "/api/v2.0/system/immutabletagrules/{id}" immutability::delete_of_system, "deleteImmuRuleOfSystem", Administrator;
    get "/api/v2.0/retentions/metadatas" retention::metadata, "getRentenitionMetadata", SignedIn;
    post "/api/v2.0/retentions" retention::create, "createRetention", SignedIn;
    get "/api/v2.0/retentions/{id}" retention::get, "getRetention", SignedIn;
    put "/api/v2.0/retentions/{id}" retention::update, "updateRetention", SignedIn;
    delete "/api/v2.0/retentions/{id}" retention::delete, "deleteRetention", SignedIn;
    get "/api/v2.0/retentions/{id}/executions" retention::runs, "listRetentionExecutions", SignedIn;
    post "/api/v2.0/retentions/{id}/executions" retention::start, "triggerRetentionExecution", SignedIn;
    patch "/api/v2.0/retentions/{id}/executions/{execution}" retention::act, "operateRetentionExecution", SignedIn;
    get "/api/v2.0/retentions/{id}/executions/{execution}/tasks" retention::tasks, "listRetentionTasks", SignedIn;
    get "/api/v2.0/retentions/{id}/executions/{execution}/tasks/{task}" retention::log, "getRetentionTaskLog", SignedIn;
    get "/api/v2.0/projects/{project}/blocks" blocks::list, "listBlocks", Right(Action::ArtifactBlock);
    post "/api/v2.0/projects/{project}/blocks" blocks::create, "createBlock", Right(Action::ArtifactBlock);
    get "/api/v2.0/projects/{project}/blocks/{digest}" blocks::get, "getBlock", Right(Action::ArtifactBlock);
    delete "/api/v2.0/projects/{project}/blocks/{digest}" blocks::delete, "deleteBlock", Right(Action::ArtifactBlock);
    post "/api/v2.0/projects/{project}/blocks/{digest}/purge" blocks::purge, "purgeBlocked", Right(Action::ArtifactBlock);
    get "/api/v2.0/system/blocks" blocks::list_of_system, "listSystemBlocks", Administrator;
    post "/api/v2.0/system/blocks" blocks::create_in_system, "createSystemBlock", Administrator;
    get "/api/v2.0/system/blocks/{digest}" blocks::get_of_system, "getSystemBlock", Administrator;
    delete "/api/v2.0/system/blocks/{digest}" blocks::delete_of_system, "deleteSystemBlock", Administrator;
    post "/api/v2.0/system/blocks/{digest}/purge" blocks::purge_in_system, "purgeSystemBlocked", Administrator;
    get "/api/v2.0/quotas" quotas::list, "listQuotas", Administrator, ["reference", "reference_id"];
    get "/api/v2.0/quotas/{id}" quotas::get, "getQuota", Administrator;
    put "/api/v2.0/quotas/{id}" quotas::update, "updateQuota", Administrator;
    get "/api/v2.0/labels" labels::list, "ListLabels", Anybody, ["scope", "project_id", "name"];
    post "/api/v2.0/labels" labels::create, "CreateLabel", SignedIn;
    get "/api/v2.0/labels/{id}" labels::get, "GetLabelByID", SignedIn;
    put "/api/v2.0/labels/{id}" labels::update, "UpdateLabel", SignedIn;
    delete "/api/v2.0/labels/{id}" labels::delete, "DeleteLabel", SignedIn;
    get "/api/v2.0/audit-logs" audit::list, "listAuditLogs", Administrator;
    get "/api/v2.0/audit-logs/export" audit::export, "exportAuditLogs", Administrator,
        ["format", "text", "who", "action", "outcome", "from", "to"];
    get "/api/v2.0/auditlog-exts" audit::list_ext, "listAuditLogExts", Administrator;
    get "/api/v2.0/auditlog-exts/events" audit::event_types, "listAuditLogEventTypes", SignedIn;
    get "/api/v2.0/projects/{project}/logs" audit::of_project, "getLogs", Right(Action::LogList);
    get "/api/v2.0/projects/{project}/logs/export" audit::export_of_project, "exportLogs", Right(Action::LogList),
        ["format", "text", "who", "action", "outcome", "from", "to"];
    get "/api/v2.0/projects/{project}/auditlog-exts" audit::of_project_ext, "getLogExts", Right(Action::LogList);
    post "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/labels" artifacts::put_label, "addLabel", Right(Action::ArtifactLabelCreate);
    delete "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/labels/{label}" artifacts::take_label, "removeLabel",
        Right(Action::ArtifactLabelDelete);
    get "/api/v2.0/permissions" robots::permissions_known, "getPermissions", SignedIn;
    get "/api/v2.0/robots" robots::list, "listRobot", SignedIn, ["name"];
    post "/api/v2.0/robots" robots::create, "createRobot", SignedIn;
    get "/api/v2.0/robots/{id}" robots::get, "getRobotByID", SignedIn;
    put "/api/v2.0/robots/{id}" robots::update, "updateRobot", SignedIn;
    patch "/api/v2.0/robots/{id}" robots::refresh, "refreshSec", SignedIn;
    delete "/api/v2.0/robots/{id}" robots::delete, "deleteRobot", SignedIn;
    get "/api/v2.0/registries" registries::list, "listRegistries", Administrator, ["name"];
    post "/api/v2.0/registries" registries::create, "createRegistry", Administrator;
    post "/api/v2.0/registries/ping" registries::ping, "pingRegistry", Administrator;
    get "/api/v2.0/registries/{id}" registries::get, "getRegistry", Administrator;
    put "/api/v2.0/registries/{id}" registries::update, "updateRegistry", Administrator;
    delete "/api/v2.0/registries/{id}" registries::delete, "deleteRegistry", Administrator;
    get "/api/v2.0/registries/{id}/info" registries::info, "getRegistryInfo", Administrator;
    get "/api/v2.0/replication/adapters" registries::adapters, "listRegistryProviderTypes", Administrator;
    get "/api/v2.0/replication/adapterinfos" registries::adapter_infos, "listRegistryProviderInfos", Administrator;
    get "/api/v2.0/replication/policies" replication::list, "listReplicationPolicies", Administrator, ["name"];
    post "/api/v2.0/replication/policies" replication::create, "createReplicationPolicy", Administrator;
    get "/api/v2.0/replication/policies/{id}" replication::get, "getReplicationPolicy", Administrator;
    put "/api/v2.0/replication/policies/{id}" replication::update, "updateReplicationPolicy", Administrator;
    delete "/api/v2.0/replication/policies/{id}" replication::delete, "deleteReplicationPolicy", Administrator;
    get "/api/v2.0/replication/executions" replication::executions, "listReplicationExecutions", Administrator, ["policy_id", "status", "trigger"];
    post "/api/v2.0/replication/executions" replication::start, "startReplication", Administrator;
    get "/api/v2.0/replication/executions/{id}" replication::execution, "getReplicationExecution", Administrator;
    put "/api/v2.0/replication/executions/{id}" replication::stop, "stopReplication", Administrator;
    post "/api/v2.0/replication/executions/{id}/retry" replication::retry, "retryReplication", Administrator;
    post "/api/v2.0/replication/executions/{id}/removals" replication::allow_removals, "allowReplicationRemovals", Administrator;
    get "/api/v2.0/replication/executions/{id}/tasks" replication::tasks, "listReplicationTasks", Administrator, ["status", "resource_type"];
    get "/api/v2.0/replication/executions/{id}/tasks/{task}/log" replication::log, "getReplicationLog", Administrator;
    get "/api/v2.0/projects/{project}/deletions" deletions::list, "listDeletions", SignedIn;
    post "/api/v2.0/projects/{project}/deletions/{id}/restore" deletions::restore, "restoreDeletion", Right(Action::RepositoryPush);
    delete "/api/v2.0/projects/{project}/deletions/{id}" deletions::purge, "purgeDeletion", Right(Action::RepositoryRead);
    get "/api/v2.0/projects/{project}/activity" activity::days, "getActivityOfProject", Right(Action::RepositoryList), ["days", "repository"];
    get "/api/v2.0/projects/{project}/repositories" repositories::list, "listRepositories", Right(Action::RepositoryList), ["name"];
    get "/api/v2.0/projects/{project}/repositories/{repository}" repositories::get, "getRepository", Right(Action::RepositoryRead);
    put "/api/v2.0/projects/{project}/repositories/{repository}" repositories::update, "updateRepository", Right(Action::RepositoryUpdate);
    delete "/api/v2.0/projects/{project}/repositories/{repository}" repositories::delete, "deleteRepository", Right(Action::RepositoryDelete);
    get "/api/v2.0/projects/{project}/artifacts" artifacts::list_all, "listArtifactsOfProject", Right(Action::ArtifactList), ["with_tag", "with_accessory",
        "latest_in_repository"];
    get "/api/v2.0/projects/{project}/repositories/{repository}/artifacts" artifacts::list, "listArtifacts", Right(Action::ArtifactList), ["with_tag", "with_accessory"];
    post "/api/v2.0/projects/{project}/repositories/{repository}/artifacts" artifacts::copy, "CopyArtifact", Right(Action::ArtifactCreate), ["from"];
    get "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}" artifacts::get, "getArtifact", Right(Action::ArtifactRead), ["with_tag"];
    delete "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}" artifacts::delete, "deleteArtifact", Right(Action::ArtifactRead);
    get "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/accessories" artifacts::accessories, "listAccessories",
        Right(Action::AccessoryList);
    get "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/additions/{addition}" artifacts::addition, "getAddition",
        Right(Action::ArtifactRead);
    get "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/tags" artifacts::tags, "listTags", Right(Action::TagList);
    post "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/tags" artifacts::add_tag, "createTag", Right(Action::TagCreate);
    delete "/api/v2.0/projects/{project}/repositories/{repository}/artifacts/{reference}/tags/{tag}" artifacts::delete_tag, "deleteTag", Right(Action::TagDelete);
}

/// Lets through who has what the route needs. The handler finds the caller known, and how long a body may be.
async fn guard(State((ctx, needs)): State<(Ctx, Needs)>, params: Result<RawPathParams, RawPathParamsRejection>, request: Request, next: Next) -> Response {
    let Ok(params) = params else { return ApiError::bad("the path is not UTF-8").into_response() };
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
            access::may_again(ctx, &who, &project, "", action).await.map(drop)
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
        // Terraform's provider and some scripts end a path with a slash.
        router = router.route(&format!("{pattern}/"), handler.clone()).route(pattern, handler);
    }
    let missing = |uri: Uri| async move {
        // A proxy that decodes paths makes of a nested repository several parts, and a tool may take the answer for absence.
        let hint = match uri.path().contains("/repositories/") {
            true => "; slashes of a repository's name are sent as %2F or %252F, and a proxy must pass paths on as they are",
            false => "",
        };
        ApiError::new(StatusCode::NOT_FOUND, format!("there is nothing at this path{hint}"))
    };
    let wrong = || async { ApiError::new(StatusCode::METHOD_NOT_ALLOWED, "this method is not supported here") };
    router.route("/api/{*rest}", axum::routing::any(missing)).method_not_allowed_fallback(wrong).with_state(ctx)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn the_document_has_every_route_once() {
        let document = serde_json::to_value(document::document(&shapes())).unwrap();
        assert_eq!(document["openapi"], "3.1.0");
        let mut ids = HashSet::new();
        for route in ROUTES {
            let operation = &document["paths"][route.pattern][route.method];
            assert_eq!(operation["operationId"], route.id, "{} {}", route.method, route.pattern);
            assert!(ids.insert(route.id), "{} stands twice", route.id);
        }
        let written: usize = document["paths"].as_object().unwrap().values().map(|path| path.as_object().unwrap().len()).sum();
        assert_eq!(written, ROUTES.len());
    }

    /// What a reference names is described, and every shape is referred to.
    #[test]
    fn the_document_leaves_nothing_open() {
        let text = serde_json::to_string(&document::document(&shapes())).unwrap();
        let document: serde_json::Value = serde_json::from_str(&text).unwrap();
        let shapes: HashSet<&str> = document["components"]["schemas"].as_object().unwrap().keys().map(String::as_str).collect();
        let named: HashSet<&str> =
            text.split("#/components/schemas/").skip(1).map(|rest| rest.split('"').next().unwrap_or_default()).collect();
        assert_eq!(shapes, named);
    }
}
