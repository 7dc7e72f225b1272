//! Artifacts, their tags and accessories.

mod shown;

use crate::answers::{Answer, Created, Done, Listed, Shown};
use crate::call::{Call, Json, repository, truth};
use crate::errors::ApiError;
use crate::list::{self, As, Asks, Is, Q, page};
use self::shown::{ATTACHED, Accessory, Artifact, Hangs, Tag};
use axum::extract::Path;
use domain::artifacts::{self, Reference};
use domain::repositories;
use model::artifact::{Also, Filter, From, Type};
use model::{Digest, LabelId, Page, ProjectName, RepositoryName};
use percent_encoding::percent_decode_str;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// Where a path points: project, repository and tag or digest.
struct ArtifactPath {
    project: ProjectName,
    repository: RepositoryName,
    reference: Reference,
}

async fn place(call: &Call, project: &str, name: &str, reference: &str) -> Result<ArtifactPath, ApiError> {
    let text = percent_decode_str(reference).decode_utf8_lossy();
    Ok(ArtifactPath {
        project: call.project(project).await?,
        repository: repository(name)?,
        reference: text.parse().map_err(|what| ApiError::bad(format!("the reference {text:?} {what}")))?,
    })
}

/// Rows of a list that say what an index lists: each is looked into.
const ROWS: usize = 100;

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
    let numbers = |texts: &[String]| texts.iter().map(|text| text.parse().map_err(|_| ApiError::bad("q: labels must be numbers"))).collect::<Result<Vec<i64>, _>>();
    match q.is("labels") {
        None => {}
        Some(Is::One(text)) => filter.also.push(Also::Labels(numbers(std::slice::from_ref(text))?)),
        Some(Is::All(texts)) => filter.also.push(Also::Labels(numbers(texts)?)),
        Some(_) => return Err(ApiError::bad("q: labels takes a number, or several of which it carries all: (1 2)")),
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

const SORTS: &[(&str, &str)] = &[("push_time", "pushed"), ("size", "size"), ("pull_time", "pulled"), ("id", "id")];
const KEYS: &[&str] = &["tags", "labels", "digest", "type", "media_type", "manifest_media_type", "artifact_type", "push_time", "pull_time", "size"];

pub async fn list(call: Call, Path((project, name)): Path<(String, String)>) -> Answer<Listed<Artifact>> {
    let project = call.project(&project).await?;
    let (query, q) = list::query(&call, &Asks { sorts: SORTS, name: "", keys: KEYS, columns: &[] })?;
    let filter = filter(&q)?;
    let name = repository(&name)?;
    let within = repositories::get(&call.ctx, &call.who, &project, &name).await?;
    let found = artifacts::list(&call.ctx, &call.who, &project, &name, &query, &filter).await?;
    let at = (within.project_id.0, within.id.0);
    rows(&call, &project, Page { items: found.items.into_iter().map(|artifact| (at, artifact)).collect(), total: found.total, next: None }).await
}

/// Of all repositories of a project.
pub async fn list_all(call: Call, Path(project): Path<String>) -> Answer<Listed<Artifact>> {
    let project = call.project(&project).await?;
    let (query, q) = list::query(&call, &Asks { sorts: SORTS, name: "", keys: KEYS, columns: &[] })?;
    let mut filter = filter(&q)?;
    if call.flag("latest_in_repository") {
        filter.also.push(Also::Latest);
    }
    let (id, found) = artifacts::list_all(&call.ctx, &call.who, &project, &query, &filter).await?;
    let items = found.items.into_iter().map(|(repository, artifact)| ((id.0, repository), artifact)).collect();
    rows(&call, &project, Page { items, total: found.total, next: None }).await
}

/// Artifacts of a project with the numbers of their projects and repositories.
async fn rows(call: &Call, project: &ProjectName, found: Page<((i64, i64), model::artifact::Artifact)>) -> Answer<Listed<Artifact>> {
    let mut attached = Vec::new();
    let _turn = call.ctx.local.lists.take().await?;
    if call.flag("with_accessory") {
        let of: Vec<(i64, Digest)> = found.items.iter().map(|((_, repository), artifact)| (*repository, artifact.digest.clone())).collect();
        attached = artifacts::attached_to(&call.ctx, &call.who, project, &of, ATTACHED).await?;
    }
    let mut attached = attached.into_iter();
    let mut rows = Vec::with_capacity(found.items.len());
    for (n, (at, artifact)) in found.items.iter().enumerate() {
        let hangs = Hangs::of(call, artifact, attached.next().unwrap_or_default(), n < ROWS).await?;
        rows.push(Artifact::new(artifact, *at, &hangs));
    }
    page(call, Page { items: rows, total: found.total, next: None }, |row| row)
}

/// Copies what `from` names here, with everything that hangs on it.
pub async fn copy(call: Call, Path((project, name)): Path<(String, String)>) -> Answer<Created> {
    let (project, name) = (call.project(&project).await?, repository(&name)?);
    let from = call.param("from").ok_or_else(|| ApiError::bad("from is required: project/repository:tag or project/repository@digest"))?;
    let parts = from.split_once('@').or_else(|| from.rsplit_once(':'));
    let (place, reference) = parts.ok_or_else(|| ApiError::bad(format!("from {from:?} must end in :tag or @digest")))?;
    let wrong = |what: String| ApiError::bad(format!("from {from:?}: {what}"));
    let (there, its) = model::name::split_full(place).map_err(wrong)?;
    let reference: Reference = reference.parse().map_err(wrong)?;
    let digest = artifacts::copy(&call.ctx, &call.who, (&there, &its), &reference, (&project, &name)).await?;
    Ok(Created(shown::place(&project, &name, &digest)))
}

pub async fn get(call: Call, Path((project, name, reference)): Path<(String, String, String)>) -> Answer<Shown<Artifact>> {
    let place = place(&call, &project, &name, &reference).await?;
    let found = artifacts::page(&call.ctx, &call.who, &place.project, &place.repository, &place.reference, From::default()).await?;
    let within = repositories::get(&call.ctx, &call.who, &place.project, &place.repository).await?;
    let at = (within.project_id.0, within.id.0);
    let attached = match call.param("with_accessory").and_then(truth) {
        Some(false) => Vec::new(),
        _ => artifacts::attached_to(&call.ctx, &call.who, &place.project, &[(at.1, found.artifact.digest.clone())], ATTACHED).await?.pop().unwrap_or_default(),
    };
    Ok(Shown(Artifact::new(&found.artifact, at, &Hangs::of(&call, &found.artifact, attached, true).await?)))
}

/// What is said besides of an artifact, as its configuration has it.
#[derive(Serialize, ToSchema)]
pub struct Addition(Vec<Value>);

/// Of an image how it was built.
pub async fn addition(call: Call, Path((project, name, reference, what)): Path<(String, String, String, String)>) -> Answer<Shown<Addition>> {
    let place = place(&call, &project, &name, &reference).await?;
    let found = match what.as_str() {
        "build_history" => artifacts::history(&call.ctx, &call.who, &place.project, &place.repository, &place.reference).await?,
        _ => None,
    };
    let rows = found.ok_or_else(|| ApiError::not_found(format!("that artifact has no {what}")))?;
    Ok(Shown(Addition(rows)))
}

pub async fn delete(call: Call, Path((project, name, reference)): Path<(String, String, String)>) -> Answer<Done> {
    let place = place(&call, &project, &name, &reference).await?;
    artifacts::delete(&call.ctx, &call.who, &place.project, &place.repository, &place.reference).await?;
    Ok(Done)
}

pub async fn accessories(call: Call, Path((project, name, reference)): Path<(String, String, String)>) -> Answer<Listed<Accessory>> {
    let place = place(&call, &project, &name, &reference).await?;
    let subject = artifacts::page(&call.ctx, &call.who, &place.project, &place.repository, &place.reference, From::default()).await?.artifact;
    let sorts = &[("id", "id"), ("size", "size"), ("creation_time", "pushed"), ("digest", "digest"), ("type", "type")];
    let columns = &[("id", "id", As::Number), ("artifact_id", "artifact", As::Number), ("size", "size", As::Number),
        ("creation_time", "pushed", As::Moment), ("digest", "digest", As::Text), ("type", "type", As::Text)];
    let (query, _) = list::query(&call, &Asks { sorts, name: "", keys: &[], columns })?;
    let at = Reference::Digest(subject.digest.clone());
    let found = artifacts::attached(&call.ctx, &call.who, &subject.project, &subject.repository, &at, &query).await?;
    page(&call, found, |attached| Accessory::new(&attached, &subject))
}

pub async fn tags(call: Call, Path((project, name, reference)): Path<(String, String, String)>) -> Answer<Listed<Tag>> {
    let place = place(&call, &project, &name, &reference).await?;
    let within = repositories::get(&call.ctx, &call.who, &place.project, &place.repository).await?;
    let artifact = artifacts::page(&call.ctx, &call.who, &place.project, &place.repository, &place.reference, From::default()).await?.artifact;
    let sorts = &[("name", "name"), ("push_time", "pushed"), ("pull_time", "pulled"), ("id", "id")];
    let columns = &[("id", "id", As::Number), ("push_time", "pushed", As::Moment), ("pull_time", "pulled", As::Moment)];
    let (query, _) = list::query(&call, &Asks { sorts, name: "name", keys: &[], columns })?;
    let found = artifacts::tags(&call.ctx, &call.who, &place.project, &place.repository, &place.reference, &query).await?;
    page(&call, found, |tag| Tag::new(&tag, &artifact, within.id.0))
}

#[derive(Deserialize, ToSchema)]
pub struct NewTag {
    #[serde(default)]
    name: String,
    #[serde(default)]
    immutable: bool,
}

pub async fn add_tag(
    call: Call,
    Path((project, name, reference)): Path<(String, String, String)>,
    Json(tag): Json<NewTag>,
) -> Answer<Created> {
    if tag.immutable {
        return Err(ApiError::bad("immutable: a tag is that by a rule of its project; leave it out"));
    }
    let at = place(&call, &project, &name, &reference).await?;
    artifacts::add_tag(&call.ctx, &call.who, &at.project, &at.repository, &at.reference, &tag.name, false).await?;
    Ok(Created(String::new()))
}

pub async fn delete_tag(
    call: Call,
    Path((project, name, reference, tag)): Path<(String, String, String, String)>,
) -> Answer<Done> {
    let at = place(&call, &project, &name, &reference).await?;
    let tag = tag.parse().map_err(|what| ApiError::bad(format!("the tag {tag:?} {what}")))?;
    if !artifacts::names(&call.ctx, &call.who, &at.project, &at.repository, &at.reference, &tag).await? {
        return Err(ApiError::not_found(format!("tag {tag} was not found on that artifact")));
    }
    artifacts::delete_tag(&call.ctx, &call.who, &at.project, &at.repository, &tag, None).await?;
    Ok(Done)
}

/// Puts a label on.
pub async fn put_label(
    call: Call,
    Path((project, name, reference)): Path<(String, String, String)>,
    Json(which): Json<crate::labels::Which>,
) -> Answer<Done> {
    let at = place(&call, &project, &name, &reference).await?;
    if which.id <= 0 {
        return Err(ApiError::bad("id is required: the number of the label"));
    }
    domain::labels::put(&call.ctx, &call.who, &at.project, &at.repository, &at.reference, LabelId(which.id)).await?;
    Ok(Done)
}

/// Takes a label off.
pub async fn take_label(call: Call, Path((project, name, reference, label)): Path<(String, String, String, String)>) -> Answer<Done> {
    let at = place(&call, &project, &name, &reference).await?;
    let label = LabelId(crate::call::id(&label)?);
    domain::labels::take_off(&call.ctx, &call.who, &at.project, &at.repository, &at.reference, label).await?;
    Ok(Done)
}
