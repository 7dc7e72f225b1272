//! Artifacts, their tags and accessories.

use crate::call::{Call, Json, created, done, ok, repository};
use crate::errors::{Answer, ApiError};
use crate::list::{self, page};
use axum::extract::Path;
use domain::artifacts::{self, Attached, Reference};
use domain::repositories;
use model::artifact::{Artifact, ArtifactPage, Filter, From, TagView};
use model::repository::Repository;
use model::{Page, ProjectName, RepositoryName, Stamp};
use percent_encoding::percent_decode_str;
use serde::Deserialize;
use serde_json::{Value, json};

fn at(stamp: Option<Stamp>) -> String {
    stamp.map_or_else(|| "0001-01-01T00:00:00.000Z".to_owned(), Stamp::rfc3339)
}

fn show_tag(tag: &TagView, artifact: i64, repository: i64) -> Value {
    json!({
        "id": tag.id, "artifact_id": artifact, "repository_id": repository, "name": tag.name, "push_time": tag.pushed_at.rfc3339(),
        "pull_time": at(tag.pulled_at), "immutable": false,
    })
}

fn show(artifact: &Artifact, within: &Repository, attached: &[Attached]) -> Value {
    json!({
        "id": artifact.id, "type": artifact.kind.harbor(), "media_type": artifact.artifact_type,
        "manifest_media_type": artifact.media_type, "artifact_type": artifact.artifact_type,
        "project_id": within.project_id, "repository_id": within.id, "repository_name": format!("{}/{}", artifact.project, artifact.repository),
        "digest": artifact.digest, "size": artifact.size, "icon": "",
        "push_time": artifact.pushed_at.rfc3339(), "pull_time": at(artifact.pulled_at),
        "extra_attrs": {}, "annotations": artifact.annotations, "references": [],
        "annotations_left_out": artifact.annotations_left_out, "tag_count": artifact.tag_count,
        "tags": artifact.tags.iter().map(|tag| show_tag(tag, artifact.id.0, within.id.0)).collect::<Vec<_>>(),
        "labels": [], "addition_links": {},
        "accessories": attached.iter().map(|a| show_attached(a, artifact)).collect::<Vec<_>>(),
    })
}

fn show_attached(attached: &Attached, subject: &Artifact) -> Value {
    json!({
        "id": attached.id, "artifact_id": attached.artifact_id, "subject_artifact_id": subject.id,
        "subject_artifact_digest": subject.digest,
        "subject_artifact_repo": format!("{}/{}", subject.project, subject.repository),
        "size": attached.size, "digest": attached.digest, "type": attached.kind.harbor_type(), "icon": "",
        "creation_time": attached.pushed_at.rfc3339(),
    })
}

/// Where a path points: project, repository and tag or digest.
struct Place {
    project: ProjectName,
    repository: RepositoryName,
    reference: Reference,
}

async fn place(call: &Call, project: &str, name: &str, reference: &str) -> Result<Place, ApiError> {
    let text = percent_decode_str(reference).decode_utf8_lossy();
    Ok(Place {
        project: call.project(project).await?,
        repository: repository(name)?,
        reference: text.parse().map_err(|what| ApiError::bad(format!("the reference {text:?} {what}")))?,
    })
}

/// Most accessories of a row: a list of rows has an end, and `…/accessories` has them all.
const ATTACHED: i64 = 100;

async fn attached(call: &Call, artifact: &Artifact, window: (i64, i64)) -> Result<Page<Attached>, ApiError> {
    let reference = Reference::Digest(artifact.digest.clone());
    Ok(artifacts::attached(&call.ctx, &call.who, &artifact.project, &artifact.repository, &reference, window).await?)
}

pub async fn list(call: Call, Path((project, name)): Path<(String, String)>) -> Answer {
    let project = call.project(&project).await?;
    let (query, q) = list::query(&call, &[("push_time", "pushed"), ("size", "size"), ("pull_time", "pulled")], "", "")?;
    let text = q.text("tags").or_else(|| q.text("digest")).map(str::to_owned);
    let tagged = text.as_deref().and_then(|text| match text {
        "*" => Some(true),
        "nil" => Some(false),
        _ => None,
    });
    let filter = Filter { text: text.filter(|_| tagged.is_none()), tagged, ..Filter::default() };
    let name = repository(&name)?;
    let within = repositories::get(&call.ctx, &call.who, &project, &name).await?;
    let found = artifacts::list(&call.ctx, &call.who, &project, &name, &query, &filter).await?;
    let mut rows = Vec::with_capacity(found.items.len());
    for artifact in &found.items {
        let attached = if call.flag("with_accessory") { attached(&call, artifact, (1, ATTACHED)).await?.items } else { Vec::new() };
        rows.push(show(artifact, &within, &attached));
    }
    page(&call, Page { items: rows, total: found.total, next: None }, |row| row)
}

pub async fn get(call: Call, Path((project, name, reference)): Path<(String, String, String)>) -> Answer {
    let place = place(&call, &project, &name, &reference).await?;
    let found: ArtifactPage =
        artifacts::page(&call.ctx, &call.who, &place.project, &place.repository, &place.reference, From::default()).await?;
    let attached = attached(&call, &found.artifact, (1, ATTACHED)).await?.items;
    let within = repositories::get(&call.ctx, &call.who, &place.project, &place.repository).await?;
    let mut shown = show(&found.artifact, &within, &attached);
    shown["references"] = found
        .children
        .iter()
        // One image may be for several platforms.
        .flat_map(|child| child.platform.split(", ").map(move |platform| (child, platform)))
        .map(|(child, platform)| {
            let mut parts = platform.split('/');
            let (os, architecture) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
            json!({
                "parent_id": found.artifact.id, "child_digest": child.digest,
                "platform": { "os": os, "architecture": architecture, "variant": parts.next().unwrap_or_default() },
            })
        })
        .collect();
    ok(shown)
}

pub async fn delete(call: Call, Path((project, name, reference)): Path<(String, String, String)>) -> Answer {
    let place = place(&call, &project, &name, &reference).await?;
    artifacts::delete(&call.ctx, &call.who, &place.project, &place.repository, &place.reference).await?;
    done()
}

pub async fn accessories(call: Call, Path((project, name, reference)): Path<(String, String, String)>) -> Answer {
    let place = place(&call, &project, &name, &reference).await?;
    let subject = artifacts::page(&call.ctx, &call.who, &place.project, &place.repository, &place.reference, From::default()).await?.artifact;
    let found = attached(&call, &subject, list::window(&call)?).await?;
    page(&call, found, |attached| show_attached(&attached, &subject))
}

pub async fn tags(call: Call, Path((project, name, reference)): Path<(String, String, String)>) -> Answer {
    let place = place(&call, &project, &name, &reference).await?;
    let within = repositories::get(&call.ctx, &call.who, &place.project, &place.repository).await?;
    let artifact = artifacts::page(&call.ctx, &call.who, &place.project, &place.repository, &place.reference, From::default()).await?.artifact;
    let window = list::window(&call)?;
    let found = artifacts::tags(&call.ctx, &call.who, &place.project, &place.repository, &place.reference, window).await?;
    page(&call, found, |tag| show_tag(&tag, artifact.id.0, within.id.0))
}

#[derive(Deserialize)]
pub struct NewTag {
    #[serde(default)]
    name: String,
}

pub async fn add_tag(
    call: Call,
    Path((project, name, reference)): Path<(String, String, String)>,
    Json(tag): Json<NewTag>,
) -> Answer {
    let at = place(&call, &project, &name, &reference).await?;
    artifacts::add_tag(&call.ctx, &call.who, &at.project, &at.repository, &at.reference, &tag.name, false).await?;
    let mut response = created(String::new(), None)?;
    response.headers_mut().remove(axum::http::header::LOCATION);
    Ok(response)
}

pub async fn delete_tag(
    call: Call,
    Path((project, name, reference, tag)): Path<(String, String, String, String)>,
) -> Answer {
    let at = place(&call, &project, &name, &reference).await?;
    let tag = tag.parse().map_err(|what| ApiError::bad(format!("the tag {tag:?} {what}")))?;
    if !artifacts::names(&call.ctx, &call.who, &at.project, &at.repository, &at.reference, &tag).await? {
        return Err(ApiError::not_found(format!("tag {tag} was not found on that artifact")));
    }
    artifacts::delete_tag(&call.ctx, &call.who, &at.project, &at.repository, &tag, None).await?;
    done()
}
