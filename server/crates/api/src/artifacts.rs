//! Artifacts, their tags and accessories.

use crate::call::{Call, Json, created, done, ok, repository};
use crate::errors::{Answer, ApiError};
use crate::list::{self, Asks, Is, Q, page};
use axum::extract::Path;
use domain::artifacts::{self, Attached, Reference};
use domain::repositories;
use model::accessory::Kind;
use model::artifact::{Also, Artifact, ArtifactPage, Child, Filter, From, TagView, Type};
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

/// What hangs on a row of the API's lists.
struct Hangs {
    attached: Vec<Attached>,
    children: Vec<Child>,
    /// Its tags, too.
    tags: bool,
}

impl Hangs {
    async fn of(call: &Call, artifact: &Artifact, with_attached: bool) -> Result<Hangs, ApiError> {
        let attached = if with_attached { attached(call, artifact, None, (1, ATTACHED)).await?.items } else { Vec::new() };
        let children = match artifact.kind {
            Type::Index => artifacts::references(&call.ctx, &call.who, &artifact.project, &artifact.repository, &artifact.digest).await?,
            _ => Vec::new(),
        };
        Ok(Hangs { attached, children, tags: call.param("with_tag") != Some("false") })
    }
}

fn show_child(artifact: &Artifact, child: &Child) -> Vec<Value> {
    // One image may be for several platforms.
    let one = |platform: &str| {
        let mut parts = platform.split('/');
        let (os, architecture) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
        json!({
            "parent_id": artifact.id, "child_digest": child.digest,
            "platform": { "os": os, "architecture": architecture, "variant": parts.next().unwrap_or_default() },
        })
    };
    child.platform.split(", ").map(one).collect()
}

/// Where more is said of it: only what is there.
fn additions(artifact: &Artifact) -> Value {
    let repository = artifact.repository.as_str().replace('/', "%252F");
    let place = format!("/api/v2.0/projects/{}/repositories/{repository}/artifacts/{}/additions", artifact.project, artifact.digest);
    match artifact.kind {
        Type::Image => json!({ "build_history": { "absolute": false, "href": format!("{place}/build_history") } }),
        _ => json!({}),
    }
}

fn show(artifact: &Artifact, within: &Repository, hangs: &Hangs) -> Value {
    let said: Value = serde_json::from_str(&artifact.attributes).unwrap_or_else(|_| json!({}));
    let tags: &[TagView] = if hangs.tags { &artifact.tags } else { &[] };
    json!({
        "id": artifact.id, "type": artifact.kind.harbor(),
        "media_type": if artifact.artifact_type.is_empty() { &artifact.media_type } else { &artifact.artifact_type },
        "manifest_media_type": artifact.media_type, "artifact_type": artifact.artifact_type,
        "project_id": within.project_id, "repository_id": within.id, "repository_name": format!("{}/{}", artifact.project, artifact.repository),
        "digest": artifact.digest, "size": artifact.size, "icon": "",
        "push_time": artifact.pushed_at.rfc3339(), "pull_time": at(artifact.pulled_at),
        "extra_attrs": said, "annotations": artifact.annotations,
        "references": hangs.children.iter().flat_map(|child| show_child(artifact, child)).collect::<Vec<_>>(),
        "annotations_left_out": artifact.annotations_left_out, "tag_count": artifact.tag_count,
        "tags": tags.iter().map(|tag| show_tag(tag, artifact.id.0, within.id.0)).collect::<Vec<_>>(),
        "labels": [], "addition_links": additions(artifact),
        "accessories": hangs.attached.iter().map(|a| show_attached(a, artifact)).collect::<Vec<_>>(),
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
/// Rows of a list on which anything hangs.
const ROWS: usize = 100;

async fn attached(call: &Call, artifact: &Artifact, kinds: Option<&[Kind]>, window: (i64, i64)) -> Result<Page<Attached>, ApiError> {
    let reference = Reference::Digest(artifact.digest.clone());
    Ok(artifacts::attached(&call.ctx, &call.who, &artifact.project, &artifact.repository, &reference, kinds, window).await?)
}

/// What of a repository's artifacts `q` asks for.
fn filter(q: &Q) -> Result<Filter, ApiError> {
    let mut filter = Filter::default();
    match q.is("tags") {
        None => {}
        Some(Is::One(all)) if all == "*" => filter.tagged = Some(true),
        Some(Is::One(none)) if none == "nil" => filter.tagged = Some(false),
        Some(Is::Like(part)) => filter.also.push(Also::TagLike(part.clone())),
        Some(Is::All(names)) => filter.also.push(Also::AllTags(names.clone())),
        Some(_) => filter.also.extend(q.values("tags")?.map(Also::AnyTag)),
    }
    if let Some(digests) = q.values("digest")? {
        filter.also.push(Also::Digests(digests));
    }
    for key in ["media_type", "artifact_type"] {
        if let Some(types) = q.values(key)? {
            filter.also.push(Also::ArtifactTypes(types.iter().map(|name| name.replace(' ', "+")).collect()));
        }
    }
    if let Some(types) = q.values("manifest_media_type")? {
        filter.also.push(Also::MediaTypes(types.iter().map(|name| name.replace(' ', "+")).collect()));
    }
    if let Some(kinds) = q.values("type")? {
        let wanted = |kind: &Type| kinds.iter().any(|name| kind.harbor().eq_ignore_ascii_case(name));
        filter.also.push(Also::Kinds(Type::ALL.into_iter().filter(wanted).collect()));
    }
    if let Some((from, to)) = q.between("push_time", list::moment)? {
        filter.also.push(Also::Pushed(from, to));
    }
    if let Some((from, to)) = q.between("pull_time", list::moment)? {
        filter.also.push(Also::Pulled(from, to));
    }
    if let Some((from, to)) = q.between("size", |text, _| text.parse().ok())? {
        filter.also.push(Also::Size(from, to));
    }
    Ok(filter)
}

pub async fn list(call: Call, Path((project, name)): Path<(String, String)>) -> Answer {
    let project = call.project(&project).await?;
    let asks = Asks {
        sorts: &[("push_time", "pushed"), ("size", "size"), ("pull_time", "pulled")], name: "",
        keys: &["tags", "digest", "type", "media_type", "manifest_media_type", "artifact_type", "push_time", "pull_time", "size"],
    };
    let (query, q) = list::query(&call, &asks)?;
    let filter = filter(&q)?;
    let name = repository(&name)?;
    let within = repositories::get(&call.ctx, &call.who, &project, &name).await?;
    let found = artifacts::list(&call.ctx, &call.who, &project, &name, &query, &filter).await?;
    let mut rows = Vec::with_capacity(found.items.len());
    for (n, artifact) in found.items.iter().enumerate() {
        let hangs = match n {
            0..ROWS => Hangs::of(&call, artifact, call.flag("with_accessory")).await?,
            // Of ten thousand rows each is less.
            _ => Hangs { attached: Vec::new(), children: Vec::new(), tags: call.param("with_tag") != Some("false") },
        };
        rows.push(show(artifact, &within, &hangs));
    }
    page(&call, Page { items: rows, total: found.total, next: None }, |row| row)
}

pub async fn get(call: Call, Path((project, name, reference)): Path<(String, String, String)>) -> Answer {
    let place = place(&call, &project, &name, &reference).await?;
    let found: ArtifactPage =
        artifacts::page(&call.ctx, &call.who, &place.project, &place.repository, &place.reference, From::default()).await?;
    let within = repositories::get(&call.ctx, &call.who, &place.project, &place.repository).await?;
    ok(show(&found.artifact, &within, &Hangs::of(&call, &found.artifact, true).await?))
}

/// What is said besides of an artifact: of an image how it was built.
pub async fn addition(call: Call, Path((project, name, reference, what)): Path<(String, String, String, String)>) -> Answer {
    let place = place(&call, &project, &name, &reference).await?;
    let found = match what.as_str() {
        "build_history" => artifacts::history(&call.ctx, &call.who, &place.project, &place.repository, &place.reference).await?,
        _ => None,
    };
    let rows = found.ok_or_else(|| ApiError::not_found(format!("that artifact has no {what}")))?;
    ok(Value::Array(rows))
}

pub async fn delete(call: Call, Path((project, name, reference)): Path<(String, String, String)>) -> Answer {
    let place = place(&call, &project, &name, &reference).await?;
    artifacts::delete(&call.ctx, &call.who, &place.project, &place.repository, &place.reference).await?;
    done()
}

pub async fn accessories(call: Call, Path((project, name, reference)): Path<(String, String, String)>) -> Answer {
    let place = place(&call, &project, &name, &reference).await?;
    let subject = artifacts::page(&call.ctx, &call.who, &place.project, &place.repository, &place.reference, From::default()).await?.artifact;
    let (_, q) = list::query(&call, &Asks { sorts: &[], name: "", keys: &["type"] })?;
    let kinds = q.values("type")?.map(|names| Kind::ALL.into_iter().filter(|kind| names.iter().any(|name| name == kind.harbor_type())).collect::<Vec<_>>());
    let found = attached(&call, &subject, kinds.as_deref(), list::window(&call)?).await?;
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
