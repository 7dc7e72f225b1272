//! Lists of artifacts: a repository's, and a project's.

use super::sql;
use crate::access;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::policy::{self, locks::Locks};
use model::artifact::{Artifact, Filter, TAGS};
use model::list::Query;
use model::{Action, Page, ProjectId, ProjectName, RepositoryName};
use std::collections::BTreeMap;

/// What a repository holds for a person: no accessories of what is here, no lists of referrers, no untagged children of indexes.
pub async fn list(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    query: &Query,
    filter: &Filter,
) -> Result<Page<Artifact>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactList).await?;
    let (id, count) = sql::repository_and_count(&mut proof, repository)
        .await?
        .ok_or_else(|| Error::not_found("repository", format!("{project}/{repository}")))?;
    let c = proof.conn();
    let (mut page, long) = sql::list(c, (project, repository, id), count, query, filter).await?;
    sql::complete(c, id, &mut page.items, if long { sql::FEW } else { TAGS }).await?;
    policy::blocked::veil(&mut proof, repository, id, &mut page.items).await?;
    Locks::of(&proof.project, repository)?.mark(page.items.iter_mut().flat_map(|artifact| &mut artifact.tags));
    Ok(page)
}

/// As [`list`], of all repositories of a project: each artifact with the number of its repository.
pub async fn list_all(ctx: &Ctx, who: &Principal, project: &ProjectName, query: &Query, filter: &Filter) -> Result<(ProjectId, Page<(i64, Artifact)>)> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::ArtifactList).await?;
    let (id, within_project) = (proof.project.id, proof.project.clone());
    let c = proof.conn();
    let (mut page, long) = sql::list_all(c, (project, id.0), query, filter).await?;
    let mut of: BTreeMap<i64, Vec<(usize, Artifact)>> = BTreeMap::new();
    for (n, (repository, artifact)) in std::mem::take(&mut page.items).into_iter().enumerate() {
        of.entry(repository).or_default().push((n, artifact));
    }
    let mut done = BTreeMap::new();
    for (repository, rows) in of {
        let (places, mut rows): (Vec<usize>, Vec<Artifact>) = rows.into_iter().unzip();
        sql::complete(proof.conn(), repository, &mut rows, if long { sql::FEW } else { TAGS }).await?;
        if let Some(name) = rows.first().map(|row| row.repository.clone()) {
            policy::blocked::veil(&mut proof, &name, repository, &mut rows).await?;
            Locks::of(&within_project, &name)?.mark(rows.iter_mut().flat_map(|artifact| &mut artifact.tags));
        }
        done.extend(places.into_iter().zip(rows.into_iter().map(|row| (repository, row))));
    }
    page.items = done.into_values().collect();
    Ok((id, page))
}
