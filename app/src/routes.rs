//! Every page and every form of the portal, on one screen. A page or form without a line here does not exist, and the access
//! matrix (`server/tests/it/matrix.rs`) walks these two tables.

use crate::answer::Act;
use crate::pages::replication::{executions, rules, targets};
use crate::pages::{account, activity, artifacts, audit, collections, deletions, jump, labels, members, policy, projects, quotas};
use crate::pages::{repositories, robots, sign_in, system, users};
use crate::session::Needs::{self, Admin, Nothing, SignIn};
use crate::{Answer, Call, Page, UiError, wire};
use std::pin::Pin;

/// A page or an answer that is being made.
pub type Making<'a, T> = Pin<Box<dyn Future<Output = Result<T, UiError>> + Send + 'a>>;

/// A page: its address as axum writes it, who is shown it at all, and what makes it.
pub struct PageRoute {
    pub pattern: &'static str,
    pub needs: Needs,
    pub show: for<'a> fn(&'a Call) -> Making<'a, Page>,
}

/// A form: where it is sent, who may send it at all, and what reads and does it.
pub struct FormRoute {
    pub at: &'static str,
    pub needs: Needs,
    pub run: for<'a> fn(&'a Call, &'a [u8]) -> Making<'a, Answer>,
}

const fn page(pattern: &'static str, needs: Needs, show: for<'a> fn(&'a Call) -> Making<'a, Page>) -> PageRoute {
    PageRoute { pattern, needs, show }
}

const fn form<A: Act>(needs: Needs) -> FormRoute {
    FormRoute { at: A::AT, needs, run: run::<A> }
}

fn run<'a, A: Act>(call: &'a Call, form: &'a [u8]) -> Making<'a, Answer> {
    Box::pin(async move { wire::read::<A>(form)?.act(call).await })
}

pub static PAGES: &[PageRoute] = &[
    page("/", Nothing, |call| Box::pin(projects::list(call))),
    page("/sign-in", Nothing, |call| Box::pin(sign_in::show(call))),
    page("/account", SignIn, |call| Box::pin(account::show(call))),
    page("/jump", Nothing, |call| Box::pin(jump::show(call))),
    page("/projects", Nothing, |call| Box::pin(projects::list(call))),
    page("/projects/new", SignIn, |call| Box::pin(projects::new(call))),
    page("/projects/{project}", Nothing, |call| Box::pin(repositories::list(call))),
    page("/projects/{project}/members", Nothing, |call| Box::pin(members::list(call))),
    page("/projects/{project}/members/new", SignIn, |call| Box::pin(members::new(call))),
    page("/projects/{project}/members/{id}", SignIn, |call| Box::pin(members::edit(call))),
    page("/projects/{project}/members/{id}/delete", SignIn, |call| Box::pin(members::delete(call))),
    page("/projects/{project}/robots", Nothing, |call| Box::pin(robots::of_project(call))),
    page("/projects/{project}/robots/new", SignIn, |call| Box::pin(robots::new_in_project(call))),
    page("/projects/{project}/robots/{id}", SignIn, |call| Box::pin(robots::show(call))),
    page("/projects/{project}/robots/{id}/secret", SignIn, |call| Box::pin(robots::secret(call))),
    page("/projects/{project}/robots/{id}/delete", SignIn, |call| Box::pin(robots::delete(call))),
    page("/projects/{project}/replication", Nothing, |call| Box::pin(rules::of_project(call))),
    page("/projects/{project}/deleted", Nothing, |call| Box::pin(deletions::list(call))),
    page("/projects/{project}/deleted/purge", SignIn, |call| Box::pin(deletions::purge(call))),
    page("/projects/{project}/log", SignIn, |call| Box::pin(audit::of_project(call))),
    page("/projects/{project}/labels", Nothing, |call| Box::pin(labels::list(call))),
    page("/projects/{project}/labels/new", SignIn, |call| Box::pin(labels::new(call))),
    page("/projects/{project}/labels/{id}", SignIn, |call| Box::pin(labels::edit(call))),
    page("/projects/{project}/labels/{id}/delete", SignIn, |call| Box::pin(labels::delete(call))),
    page("/projects/{project}/policy", SignIn, |call| Box::pin(policy::show(call))),
    page("/projects/{project}/policy/retention/rules/new", SignIn, |call| Box::pin(policy::retention::rule_new(call))),
    page("/projects/{project}/policy/retention/rules/{number}", SignIn, |call| Box::pin(policy::retention::rule_edit(call))),
    page("/projects/{project}/policy/retention/rules/{number}/delete", SignIn, |call| Box::pin(policy::retention::rule_delete(call))),
    page("/projects/{project}/policy/retention/start", SignIn, |call| Box::pin(policy::retention::start(call))),
    page("/projects/{project}/policy/retention/runs/{id}", SignIn, |call| Box::pin(policy::run::show(call))),
    page("/projects/{project}/policy/immutable/new", SignIn, |call| Box::pin(policy::immutable::new(call))),
    page("/projects/{project}/policy/immutable/{id}", SignIn, |call| Box::pin(policy::immutable::edit(call))),
    page("/projects/{project}/policy/immutable/{id}/delete", SignIn, |call| Box::pin(policy::immutable::delete(call))),
    page("/projects/{project}/activity", Nothing, |call| Box::pin(activity::show(call))),
    page("/projects/{project}/storage", Nothing, |call| Box::pin(quotas::show(call))),
    page("/projects/{project}/policy/blocks", SignIn, |call| Box::pin(policy::blocks::show(call))),
    page("/projects/{project}/policy/blocks/purge", SignIn, |call| Box::pin(policy::blocks::purge(call))),
    page("/projects/{project}/settings", Nothing, |call| Box::pin(projects::settings(call))),
    page("/projects/{project}/repositories/{repository}", Nothing, |call| Box::pin(artifacts::list(call))),
    page("/projects/{project}/repositories/{repository}/settings", Nothing, |call| Box::pin(repositories::settings(call))),
    page("/projects/{project}/repositories/{repository}/delete", SignIn, |call| Box::pin(repositories::delete(call))),
    page("/projects/{project}/repositories/{repository}/delete-artifacts", SignIn, |call| Box::pin(artifacts::delete_many(call))),
    page("/projects/{project}/repositories/{repository}/artifacts/{digest}", Nothing, |call| Box::pin(artifacts::show(call))),
    page("/projects/{project}/repositories/{repository}/artifacts/{digest}/copy", SignIn, |call| Box::pin(artifacts::copy(call))),
    page("/projects/{project}/repositories/{repository}/artifacts/{digest}/delete", SignIn, |call| Box::pin(artifacts::delete(call))),
    page("/projects/{project}/repositories/{repository}/artifacts/{digest}/remove-tag", SignIn, |call| Box::pin(artifacts::remove_tag(call))),
    page("/admin/users", Admin, |call| Box::pin(users::list(call))),
    page("/admin/users/new", Admin, |call| Box::pin(users::new(call))),
    page("/admin/users/{id}", Admin, |call| Box::pin(users::show(call))),
    page("/admin/users/{id}/delete", Admin, |call| Box::pin(users::delete(call))),
    page("/admin/robots", Admin, |call| Box::pin(robots::of_system(call))),
    page("/admin/robots/new", Admin, |call| Box::pin(robots::new_in_system(call))),
    page("/admin/robots/{id}", Admin, |call| Box::pin(robots::show(call))),
    page("/admin/robots/{id}/secret", Admin, |call| Box::pin(robots::secret(call))),
    page("/admin/robots/{id}/delete", Admin, |call| Box::pin(robots::delete(call))),
    page("/admin/registries", Admin, |call| Box::pin(targets::list(call))),
    page("/admin/registries/new", Admin, |call| Box::pin(targets::new(call))),
    page("/admin/registries/{id}", Admin, |call| Box::pin(targets::edit(call))),
    page("/admin/registries/{id}/delete", Admin, |call| Box::pin(targets::delete(call))),
    page("/admin/replication", Admin, |call| Box::pin(rules::list(call))),
    page("/admin/replication/new", Admin, |call| Box::pin(rules::new(call))),
    page("/admin/replication/{id}", Admin, |call| Box::pin(rules::show(call))),
    page("/admin/replication/{id}/delete", Admin, |call| Box::pin(rules::delete(call))),
    page("/admin/replication/{id}/edit", Admin, |call| Box::pin(rules::edit(call))),
    page("/admin/replication/{id}/executions/{execution}", Admin, |call| Box::pin(executions::show(call))),
    page("/admin/replication/{id}/executions/{execution}/removals", Admin, |call| Box::pin(executions::removals(call))),
    page("/admin/replication/{id}/executions/{execution}/tasks/{task}", Admin, |call| Box::pin(executions::task(call))),
    page("/admin/garbage", Admin, |call| Box::pin(collections::list(call))),
    page("/admin/garbage/{id}", Admin, |call| Box::pin(collections::show(call))),
    page("/admin/storage", Admin, |call| Box::pin(system::storage(call))),
    page("/admin/quotas", Admin, |call| Box::pin(quotas::list(call))),
    page("/admin/sign-ins", Admin, |call| Box::pin(system::knocking(call))),
    page("/admin/audit", Admin, |call| Box::pin(audit::of_system(call))),
    page("/admin/labels", Admin, |call| Box::pin(labels::list(call))),
    page("/admin/labels/new", Admin, |call| Box::pin(labels::new(call))),
    page("/admin/labels/{id}", Admin, |call| Box::pin(labels::edit(call))),
    page("/admin/labels/{id}/delete", Admin, |call| Box::pin(labels::delete(call))),
    page("/admin/policy", Admin, |call| Box::pin(policy::show(call))),
    page("/admin/policy/immutable/new", Admin, |call| Box::pin(policy::immutable::new(call))),
    page("/admin/policy/immutable/{id}", Admin, |call| Box::pin(policy::immutable::edit(call))),
    page("/admin/policy/immutable/{id}/delete", Admin, |call| Box::pin(policy::immutable::delete(call))),
    page("/admin/policy/blocks", Admin, |call| Box::pin(policy::blocks::show(call))),
    page("/admin/policy/blocks/purge", Admin, |call| Box::pin(policy::blocks::purge(call))),
    page("/admin/settings", Admin, |call| Box::pin(system::settings(call))),
];

pub static FORMS: &[FormRoute] = &[
    form::<sign_in::forms::SignIn>(Nothing),
    form::<account::forms::SignOut>(Nothing),
    form::<account::forms::Theme>(Nothing),
    form::<account::forms::ChangeProfile>(SignIn),
    form::<account::forms::ChangePassword>(SignIn),
    form::<projects::forms::Create>(SignIn),
    form::<projects::forms::Update>(SignIn),
    form::<projects::forms::Delete>(SignIn),
    form::<members::forms::Create>(SignIn),
    form::<members::forms::Update>(SignIn),
    form::<members::forms::Delete>(SignIn),
    form::<repositories::forms::Describe>(SignIn),
    form::<repositories::forms::Delete>(SignIn),
    form::<artifacts::forms::Delete>(SignIn),
    form::<artifacts::forms::Copy>(SignIn),
    form::<artifacts::forms::DeleteMany>(SignIn),
    form::<artifacts::forms::AddTag>(SignIn),
    form::<artifacts::forms::DeleteTag>(SignIn),
    form::<artifacts::forms::Replicate>(SignIn),
    form::<deletions::forms::Undo>(SignIn),
    form::<deletions::forms::UndoMany>(SignIn),
    form::<deletions::forms::Purge>(SignIn),
    form::<labels::forms::Save>(SignIn),
    form::<labels::forms::Delete>(SignIn),
    form::<labels::forms::Put>(SignIn),
    form::<policy::forms::SaveImmutable>(SignIn),
    form::<policy::forms::PreviewImmutable>(SignIn),
    form::<policy::forms::SwitchImmutable>(SignIn),
    form::<policy::forms::DeleteImmutable>(SignIn),
    form::<policy::forms::Block>(SignIn),
    form::<policy::forms::LiftBlock>(SignIn),
    form::<policy::forms::PurgeBlocked>(SignIn),
    form::<policy::forms::SaveRetentionRule>(SignIn),
    form::<policy::forms::PreviewRetention>(SignIn),
    form::<policy::forms::ChangeRetentionRule>(SignIn),
    form::<policy::forms::SetRetention>(SignIn),
    form::<policy::forms::StartRetention>(SignIn),
    form::<policy::forms::StopRetention>(SignIn),
    form::<robots::forms::Create>(SignIn),
    form::<robots::forms::Update>(SignIn),
    form::<robots::forms::RefreshSecret>(SignIn),
    form::<robots::forms::SetState>(SignIn),
    form::<users::forms::Create>(Admin),
    form::<users::forms::Update>(Admin),
    form::<users::forms::SetPassword>(Admin),
    form::<users::forms::SetState>(Admin),
    form::<targets::forms::Create>(Admin),
    form::<targets::forms::Update>(Admin),
    form::<targets::forms::Test>(Admin),
    form::<targets::forms::Probe>(Admin),
    form::<targets::forms::Delete>(Admin),
    form::<rules::forms::Save>(Admin),
    form::<rules::forms::Preview>(Admin),
    form::<rules::forms::Delete>(Admin),
    form::<executions::forms::Execute>(Admin),
    form::<executions::forms::Stop>(Admin),
    form::<executions::forms::Retry>(Admin),
    form::<executions::forms::AllowRemovals>(Admin),
    form::<system::forms::Unlock>(Admin),
    form::<system::forms::Configure>(Admin),
    form::<quotas::forms::Set>(Admin),
    form::<collections::forms::Start>(Admin),
    form::<collections::forms::Stop>(Admin),
    form::<collections::forms::Reschedule>(Admin),
];
