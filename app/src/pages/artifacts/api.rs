//! Server functions of artifacts and tags.

use crate::answer::Answer;
use crate::error::UiError;
#[cfg(feature = "ssr")]
use crate::paths;
#[cfg(feature = "ssr")]
use crate::server::Call;
use crate::wire::{FormBody, Query};
use leptos::prelude::*;
use model::artifact::{Artifact, ArtifactPage, DeletionPlan};
use model::project::ProjectFrame;
use model::repository::Repository;
use model::rule::Rule;
use model::{Digest, Page, ProjectName, RepositoryName};
use serde::{Deserialize, Serialize};

/// What a repository's list is asked with.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    pub q: String,
    pub sort: String,
    pub after: String,
    pub signed: String,
    pub tagged: String,
    pub kind: String,
    /// The digest whose tree is open.
    pub open: String,
}

/// A repository's page.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct RepositoryPage {
    pub frame: ProjectFrame,
    pub repository: Repository,
    pub page: Page<Artifact>,
    /// The opened row's tree.
    pub open: Option<ArtifactPage>,
}

#[server(prefix = "/fn", endpoint = "artifacts", protocol = Query)]
pub async fn list(project: ProjectName, repository: RepositoryName, ask: Ask) -> Result<RepositoryPage, UiError> {
    let call = Call::here()?;
    let (ctx, who) = (&call.ctx, &call.who);
    let query = model::list::Query::portal(None, Some(ask.sort), ask.after.parse().ok());
    let yes_no = |text: &str| match text {
        "yes" => Some(true),
        "no" => Some(false),
        _ => None,
    };
    let filter = model::artifact::Filter {
        text: Some(ask.q).filter(|text| !text.is_empty()),
        signed: yes_no(&ask.signed),
        tagged: yes_no(&ask.tagged),
        kind: model::artifact::Type::from_key(&ask.kind),
    };
    let frame = call.read(domain::projects::frame(ctx, who, &project).await)?;
    let found = call.read(domain::repositories::get(ctx, who, &project, &repository).await)?;
    let page = call.read(domain::artifacts::list(ctx, who, &project, &repository, &query, &filter).await)?;
    let open = match ask.open.parse::<Digest>() {
        Ok(digest) => {
            let reference = domain::artifacts::Reference::Digest(digest);
            domain::artifacts::page(ctx, who, &project, &repository, &reference).await.ok()
        }
        Err(_) => None,
    };
    Ok(RepositoryPage { frame, repository: found, page, open })
}

/// An artifact's page, with the rules that could replicate it (for who may).
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Found {
    pub frame: ProjectFrame,
    pub found: ArtifactPage,
    pub rules: Vec<Rule>,
}

#[server(prefix = "/fn", endpoint = "artifact", protocol = Query)]
pub async fn get(project: ProjectName, repository: RepositoryName, digest: Digest) -> Result<Found, UiError> {
    let call = Call::here()?;
    let (ctx, who) = (&call.ctx, &call.who);
    let frame = call.read(domain::projects::frame(ctx, who, &project).await)?;
    let reference = domain::artifacts::Reference::Digest(digest);
    let found = call.read(domain::artifacts::page(ctx, who, &project, &repository, &reference).await)?;
    let rules = domain::rules::of_repository(ctx, who, &project, &repository).await.unwrap_or_default();
    Ok(Found { frame, found, rules })
}

#[server(prefix = "/fn", endpoint = "artifact/plan", protocol = Query)]
pub async fn plan(project: ProjectName, repository: RepositoryName, digest: Digest) -> Result<DeletionPlan, UiError> {
    let call = Call::here()?;
    call.read(domain::artifacts::plan(&call.ctx, &call.who, &project, &repository, &digest).await)
}

#[server(prefix = "/fn", endpoint = "artifact/delete", protocol = FormBody)]
pub async fn delete(project: ProjectName, repository: RepositoryName, digest: Digest) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let reference = domain::artifacts::Reference::Digest(digest);
    let done = domain::artifacts::delete(&call.ctx, &call.who, &project, &repository, &reference).await;
    call.answer(done.map(|plan| {
        let also = match plan.accessories.len() {
            0 => String::new(),
            n => format!(" with {n} accessor{}", if n == 1 { "y" } else { "ies" }),
        };
        let undo = match plan.kept_for {
            0 => String::new(),
            ms => format!(" Undo it under Deleted, for {}.", model::stamp::span(ms)),
        };
        Answer::done(paths::repository(&project, &repository), format!("{} was deleted{also}.{undo}", plan.digest.short()))
    }))
}

#[server(prefix = "/fn", endpoint = "tag/create", protocol = FormBody)]
pub async fn add_tag(
    project: ProjectName,
    repository: RepositoryName,
    digest: Digest,
    name: String,
    #[server(default)] may_move: bool,
) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let reference = domain::artifacts::Reference::Digest(digest.clone());
    let done =
        domain::artifacts::add_tag(&call.ctx, &call.who, &project, &repository, &reference, &name, may_move).await;
    let to = paths::artifact(&project, &repository, &digest);
    call.answer(done.map(|()| Answer::done(to, format!("The tag {name} names it now."))))
}

#[server(prefix = "/fn", endpoint = "tag/delete", protocol = FormBody)]
pub async fn delete_tag(
    project: ProjectName,
    repository: RepositoryName,
    digest: Digest,
    tag: model::Tag,
) -> Result<Answer, UiError> {
    let call = Call::here()?;
    let done = domain::artifacts::delete_tag(&call.ctx, &call.who, &project, &repository, &tag).await;
    let to = paths::artifact(&project, &repository, &digest);
    call.answer(done.map(|()| Answer::done(to, format!("The tag {tag} was removed; the artifact stays."))))
}
