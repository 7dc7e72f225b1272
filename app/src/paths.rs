//! Every address of the portal. A repository's name holds slashes and is one segment here.

pub use crate::address::{segment, with};
use model::{CollectionId, Digest, ExecutionId, ImmutableRuleId, LabelId, MemberId,
    ProjectName, RepositoryName, RetentionRunId, RobotId, RuleId, TargetId, TaskId, UserId};

/// Longest way back, in bytes.
const LONGEST: usize = 2048;

/// A way back into the portal, as it was given to us, or nothing. The one judge of it: what a browser could read as another site
/// (`//host`, a backslash, a tab or line feed that it drops), what cannot stand in a header, and what is no page (a form, Harbor's
/// sign-out, the API) are none.
pub fn ours(text: &str) -> Option<&str> {
    let plain = text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b'\\');
    let page = text.starts_with('/') && !["//", "/fn/", "/c/", "/api/", "/v2/", "/service/", "/pkg/"].iter().any(|door| text.starts_with(door));
    // Browsers take dot segments away, in every spelling, and would then be at another door.
    let path = text.split(['?', '#']).next().unwrap_or_default();
    let dots = path.split('/').skip(1).any(|part| matches!(part.to_ascii_lowercase().replace("%2e", ".").as_str(), "." | ".."));
    let hole = path.contains("//");
    (page && plain && !dots && !hole && text.len() <= LONGEST).then_some(text)
}

macro_rules! fixed {
    ($($name:ident = $path:literal;)*) => {$(
        pub fn $name() -> String {
            $path.to_owned()
        }
    )*};
}

fixed! {
    sign_in = "/sign-in";
    account = "/account";
    jump = "/jump";
    projects = "/projects";
    project_new = "/projects/new";
    users = "/admin/users";
    user_new = "/admin/users/new";
    robots = "/admin/robots";
    robot_new = "/admin/robots/new";
    targets = "/admin/registries";
    target_new = "/admin/registries/new";
    rules = "/admin/replication";
    rule_new = "/admin/replication/new";
    collections = "/admin/garbage";
    storage = "/admin/storage";
    quotas = "/admin/quotas";
    knocking = "/admin/sign-ins";
    audit = "/admin/audit";
    labels = "/admin/labels";
    system_policy = "/admin/policy";
    settings = "/admin/settings";
}

/// Where one signs in, and comes back to `page` after.
pub fn sign_in_for(page: &str) -> String {
    with(&sign_in(), &[("next", ours(page).unwrap_or_default())])
}

pub fn collection(id: CollectionId) -> String {
    format!("/admin/garbage/{id}")
}

pub fn project(name: &ProjectName) -> String {
    format!("/projects/{name}")
}

pub fn members(project: &ProjectName) -> String {
    format!("/projects/{project}/members")
}

pub fn member_new(project: &ProjectName) -> String {
    format!("/projects/{project}/members/new")
}

pub fn member(project: &ProjectName, id: MemberId) -> String {
    format!("/projects/{project}/members/{id}")
}

pub fn project_robots(project: &ProjectName) -> String {
    format!("/projects/{project}/robots")
}

pub fn project_robot_new(project: &ProjectName) -> String {
    format!("/projects/{project}/robots/new")
}

pub fn project_robot(project: &ProjectName, id: RobotId) -> String {
    format!("/projects/{project}/robots/{id}")
}

pub fn project_replication(project: &ProjectName) -> String {
    format!("/projects/{project}/replication")
}

pub fn deletions(project: &ProjectName) -> String {
    format!("/projects/{project}/deleted")
}

pub fn project_settings(project: &ProjectName) -> String {
    format!("/projects/{project}/settings")
}

pub fn project_storage(project: &ProjectName) -> String {
    format!("/projects/{project}/storage")
}

pub fn project_activity(project: &ProjectName) -> String {
    format!("/projects/{project}/activity")
}

pub fn project_audit(project: &ProjectName) -> String {
    format!("/projects/{project}/log")
}

pub fn project_labels(project: &ProjectName) -> String {
    format!("/projects/{project}/labels")
}

/// Below a list of labels, of a project or for all.
pub fn label_new(list: &str) -> String {
    format!("{list}/new")
}

pub fn label(list: &str, id: LabelId) -> String {
    format!("{list}/{id}")
}

pub fn policy(project: &ProjectName) -> String {
    format!("/projects/{project}/policy")
}

pub fn retention_rule_new(project: &ProjectName) -> String {
    format!("{}/retention/rules/new", policy(project))
}

pub fn retention_rule(project: &ProjectName, number: usize) -> String {
    format!("{}/retention/rules/{number}", policy(project))
}

pub fn retention_start(project: &ProjectName) -> String {
    format!("{}/retention/start", policy(project))
}

pub fn retention_run(project: &ProjectName, id: RetentionRunId) -> String {
    format!("{}/retention/runs/{id}", policy(project))
}

/// Below a policy's page, of a project or of the system: where one digest is looked at, blocked, and let go.
pub fn block(policy: &str, digest: &str) -> String {
    with(&format!("{policy}/blocks"), &[("digest", digest)])
}

pub fn block_purge(policy: &str, digest: &str) -> String {
    with(&format!("{policy}/blocks/purge"), &[("digest", digest)])
}

/// Below a policy's page, of a project or of the system.
pub fn immutable_new(policy: &str) -> String {
    format!("{policy}/immutable/new")
}

pub fn immutable(policy: &str, id: ImmutableRuleId) -> String {
    format!("{policy}/immutable/{id}")
}

pub fn repository(project: &ProjectName, name: &RepositoryName) -> String {
    format!("/projects/{project}/repositories/{}", segment(name.as_str()))
}

pub fn repository_settings(project: &ProjectName, name: &RepositoryName) -> String {
    format!("{}/settings", repository(project, name))
}

pub fn artifact(project: &ProjectName, name: &RepositoryName, digest: &Digest) -> String {
    format!("{}/artifacts/{digest}", repository(project, name))
}

pub fn artifact_copy(project: &ProjectName, name: &RepositoryName, digest: &Digest) -> String {
    format!("{}/copy", artifact(project, name, digest))
}

pub fn artifact_delete(project: &ProjectName, name: &RepositoryName, digest: &Digest) -> String {
    format!("{}/delete", artifact(project, name, digest))
}

pub fn tag_remove(project: &ProjectName, name: &RepositoryName, digest: &Digest, tag: &str) -> String {
    with(&format!("{}/remove-tag", artifact(project, name, digest)), &[("tag", tag)])
}

pub fn artifacts_delete(project: &ProjectName, name: &RepositoryName) -> String {
    format!("{}/delete-artifacts", repository(project, name))
}

pub fn repository_delete(project: &ProjectName, name: &RepositoryName) -> String {
    format!("{}/delete", repository(project, name))
}

pub fn deletions_purge(project: &ProjectName) -> String {
    format!("{}/purge", deletions(project))
}

pub fn member_delete(project: &ProjectName, id: MemberId) -> String {
    format!("{}/delete", member(project, id))
}

/// Of a page of a robot account, a user, a rule or a target: where its end is asked about.
pub fn delete_of(page: &str) -> String {
    format!("{page}/delete")
}

/// Of a robot account's page: where another secret is asked about.
pub fn secret_of(page: &str) -> String {
    format!("{page}/secret")
}

pub fn user(id: UserId) -> String {
    format!("/admin/users/{id}")
}

pub fn robot(id: RobotId) -> String {
    format!("/admin/robots/{id}")
}

pub fn target(id: TargetId) -> String {
    format!("/admin/registries/{id}")
}

pub fn rule(id: RuleId) -> String {
    format!("/admin/replication/{id}")
}

pub fn rule_edit(id: RuleId) -> String {
    format!("/admin/replication/{id}/edit")
}

pub fn execution(rule: RuleId, id: ExecutionId) -> String {
    format!("/admin/replication/{rule}/executions/{id}")
}

pub fn removals(rule: RuleId, execution: ExecutionId) -> String {
    format!("/admin/replication/{rule}/executions/{execution}/removals")
}

pub fn task(rule: RuleId, execution: ExecutionId, id: TaskId) -> String {
    format!("/admin/replication/{rule}/executions/{execution}/tasks/{id}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_repository_is_one_segment() {
        let (project, name) = ("p".parse().unwrap(), "a/b".parse().unwrap());
        assert_eq!(repository(&project, &name), "/projects/p/repositories/a%2Fb");
        assert_eq!(with("/x", &[("q", "a&b"), ("after", "")]), "/x?q=a%26b");
    }

    #[test]
    fn n_142_a_way_back_is_a_path_of_ours() {
        for fine in ["/", "/projects?q=x&after=3", "/projects/p/repositories/a%2Fb", "/fnord", "/x?next=//evil.example"] {
            assert_eq!(ours(fine), Some(fine));
        }
        let long = format!("/{}", "a".repeat(LONGEST));
        for other in [
            "/./c/log_out", "/%2e/c/log_out", "/%2E/fn/x", "/x/../c/log_out", "/x/.%2e/api/v2.0/users", "/x/..", "/.", "/x//y", "/x/..//evil.example",
            "", "projects", "https://evil.example", "//evil.example", "/\\evil.example", "\\/evil.example", "/\t/evil.example", "/\n/evil.example",
            "/\r\nset-cookie:x", "/ /evil.example", "/\u{1}", "/é", "javascript:alert(1)", "/fn/sign-in", "/c/log_out", "/api/v2.0/ping", "/v2/",
            "/service/token", &long,
        ] {
            assert_eq!(ours(other), None, "{other:?}");
        }
    }
}
