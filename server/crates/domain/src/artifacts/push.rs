//! Pushing a manifest: everything it names is there, then its row, tags, accessories and counters in one transaction.
//!
//! What costs is done before the transaction: the bytes are read, parsed and recognised there. Within it rows are touched, a
//! bounded number of them ([`Manifest::check_bounds`]), many in one statement.

use super::sql::{self, ChildManifest, Part};
use super::Reference;
use crate::access;
use crate::accessories;
use crate::aside;
use crate::blobs::digest_of;
use crate::ctx::{Ctx, Settings, Sparse};
use crate::db::Script;
use crate::deletions::sql as deletions;
use crate::events::Event;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::manifest::{self, Child, Manifest, Recognised};
use crate::points::point;
use crate::policy;
use model::accessory::{Attachment, Kind};
use model::deletion::What;
use model::{Action, Algorithm, Digest, ProjectName, RepositoryName, Stamp, Tag};
use sqlx::AnyConnection;
use std::collections::{HashMap, HashSet};

/// What the client is told.
pub struct Pushed {
    pub digest: Digest,
    /// The manifest's `subject`: answered as `OCI-Subject`.
    pub subject: Option<Digest>,
}

/// Whether the caller may push there: asked before anything of a body is read. A refusal is noted.
pub async fn may_push(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
) -> Result<()> {
    let judged = access::may_again(ctx, who, project, repository.as_str(), Action::RepositoryPush).await;
    if let Err(error) = &judged
        && error.is_refusal()
    {
        ctx.note_refusal(who, pushed_as(project, repository, reference, None));
    }
    judged.map(drop)
}

fn pushed_as(project: &ProjectName, repository: &RepositoryName, reference: &Reference, digest: Option<&Digest>) -> Event {
    let digest = digest.map(ToString::to_string);
    Event::ArtifactPushed { project: project.to_string(), repository: repository.to_string(), reference: reference.to_string(), digest }
}

/// Stores a manifest under its digest and, where the reference is a tag or `tags` are given, under those tags.
pub async fn push(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
    tags: Vec<Tag>,
    content_type: Option<&str>,
    content: Vec<u8>,
) -> Result<Pushed> {
    let right = Action::RepositoryPush;
    may_push(ctx, who, project, repository, reference).await?;
    crate::uploads::room(ctx, content.len() as u64).await?;
    let (length, content_type) = (content.len(), content_type.map(str::to_owned));
    let algorithm = match reference {
        Reference::Digest(digest) => digest.algorithm(),
        Reference::Tag(_) => Algorithm::Sha256,
    };
    let (content, manifest, digest) = aside::run(length, move || {
        let (manifest, digest) = (Manifest::parse(&content, content_type.as_deref()), digest_of(algorithm, &content));
        (content, manifest, digest)
    })
    .await;
    let manifest = manifest?;
    policy::push::check(&manifest)?;
    if let Reference::Digest(said) = reference
        && digest != *said
    {
        return Err(Error::DigestMismatch(format!("the manifest's digest is {digest}, not {said}")));
    }
    let mut all_tags = tags;
    if let Reference::Tag(tag) = reference {
        all_tags.push(tag.clone());
    }
    all_tags.sort();
    all_tags.dedup();
    let (recognised, attributes) = look_into(ctx, who, project, repository, &manifest, &all_tags).await?;
    let lists = manifest::is_referrers_list(&manifest, &all_tags);
    let subject = manifest.subject.as_ref().map(|s| s.digest.clone());
    let pushed = Pushed { digest: digest.clone(), subject };

    let placing = Placing { digest, manifest, content, tags: all_tags, recognised, attributes, lists, was_list: false, moves: TagUndo::of(&ctx.settings, ctx.now(),
        who) };
    let (ctx2, caller, project, repository) = (ctx.clone(), who.clone(), project.clone(), repository.clone());
    let (now, event) = (ctx.now(), pushed_as(&project, &repository, reference, Some(&placing.digest)));
    ctx.change_content(who, event, async move |c| {
        let mut proof = access::repository_again(c, &ctx2, &caller, &project, repository.as_str(), right).await?;
        place(&mut proof, now, &repository, ctx2.settings.sparse, &placing).await?;
        point!("manifest.placed");
        Ok(())
    })
    .await?;
    Ok(pushed)
}

/// What the manifest is attached to, and what its configuration says. Looked into are blobs of its repository only.
pub(super) async fn look_into(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    manifest: &Manifest,
    tags: &[Tag],
) -> Result<(Option<Recognised>, String)> {
    let telling = manifest::telling(manifest);
    let mut wanted = manifest::read_to_recognise(manifest, tags);
    wanted.extend(telling.map(|config| (&config.digest, config.size.unsigned_abs())));
    let parts = match wanted.is_empty() {
        true => manifest::Parts::new(),
        false => {
            let sizes = {
                let mut c = ctx.db.read().await?;
                let mut proof = access::repository_again(&mut c, ctx, who, project, repository.as_str(), Action::RepositoryPush).await?;
                let digests: Vec<&Digest> = wanted.iter().map(|(digest, _)| *digest).collect();
                sql::repository_with(&mut proof, repository, &digests).await?.1
            };
            accessories::read(ctx, &wanted, |digest| sizes.get(digest.as_str()).copied()).await?
        }
    };
    let (manifest, tags, length) = (manifest.clone(), tags.to_vec(), accessories::length(&parts));
    let look = move || {
        let says = match manifest::telling(&manifest) {
            None => "{}".to_owned(),
            // It may come yet.
            Some(config) => parts.get(&config.digest).map(|bytes| manifest::attributes(&manifest, bytes)).unwrap_or_default(),
        };
        (manifest::recognise(&manifest, &tags, &parts), says)
    };
    Ok(aside::run(length, look).await)
}

/// A manifest on its way to its place, judged before the transaction.
#[derive(Clone)]
pub(crate) struct Placing {
    pub digest: Digest,
    pub manifest: Manifest,
    pub content: Vec<u8>,
    /// Tags that name it from now on.
    pub tags: Vec<Tag>,
    pub recognised: Option<Recognised>,
    /// What its configuration says; empty where nobody looked yet.
    pub attributes: String,
    /// It is a list of referrers of this digest, if all that it lists refers to it.
    pub lists: Option<Digest>,
    /// It was such a list as it was deleted: what it lists may be deleted by now.
    pub was_list: bool,
    /// Tags that it takes from others are kept for an undo.
    pub moves: Option<TagUndo>,
}

/// For whom, and until when, tags that are moved or removed are kept for an undo.
#[derive(Clone)]
pub(crate) struct TagUndo {
    by: String,
    until: Stamp,
}

impl TagUndo {
    /// `None` where nothing can be undone.
    pub fn of(settings: &Settings, now: Stamp, who: &Principal) -> Option<TagUndo> {
        (settings.recycle > 0).then(|| TagUndo { by: who.name(), until: Stamp(now.0 + settings.recycle) })
    }

    /// Remembers that the tag named this artifact. Machinery sets its own tags anew.
    pub async fn keep(&self, c: &mut AnyConnection, now: Stamp, (project, repository): (i64, i64), what: What, tag: &Tag, artifact: i64) -> Result<()> {
        if what == What::Moved && manifest::machinery_subject(tag).is_some() {
            return Ok(());
        }
        let digest = sql::digest_of(c, artifact).await?;
        let new = deletions::Small {
            project, repository, what, name: "", digest: &digest, tag: tag.as_str(), artifacts: 0, bytes: 0, by: &self.by, until: self.until,
        };
        deletions::keep_small(c, now, &new).await
    }
}

/// Points a tag at the artifact, with what follows for the one that it named before. Answers that one.
pub(crate) async fn set_tag(
    proof: &mut access::Authorized<'_>,
    now: Stamp,
    (name, repository): (&RepositoryName, i64),
    tag: &Tag,
    artifact: i64,
    moves: Option<&TagUndo>,
) -> Result<Option<i64>> {
    let at = (proof.project.id.0, repository);
    let before = sql::set_tag(proof.conn(), now, repository, tag, artifact).await?;
    if let Some(before) = before {
        policy::push::moves(proof, (name, repository), tag, before, artifact).await?;
    }
    let c = proof.conn();
    if let (Some(before), Some(moves)) = (before, moves) {
        moves.keep(c, now, at, What::Moved, tag, before).await?;
    }
    // cosign's signature is in force again as its tag names it again.
    let changed = accessories::sql::settle(c, artifact).await?;
    accessories::sql::recount_signatures(c, at.1, changed.iter().map(String::as_str)).await?;
    if sql::settle_list(c, artifact).await? {
        sql::relist(c, at.0, at.1, &[artifact]).await?;
    }
    if let Some(before) = before {
        tags_moved(c, now, at.0, at.1, &[before]).await?;
        sql::relist(c, at.0, at.1, &[before]).await?;
    }
    Ok(before)
}

/// Puts a manifest where it belongs: its row, parts, tags, accessories and counters. Answers its id.
pub(crate) async fn place(
    proof: &mut access::Authorized<'_>,
    now: Stamp,
    repository: &RepositoryName,
    sparse: Sparse,
    placing: &Placing,
) -> Result<i64> {
    let Placing { digest, manifest, content, tags, recognised, attributes, lists, was_list, moves } = placing;
    policy::blocked::placed(&proof.project, digest, manifest)?;
    policy::blocked::renamed(&proof.project, digest, content)?;
    let held = policy::push::held(proof).await?;
    let own: Vec<&Digest> = manifest.blobs().into_iter().map(|blob| &blob.digest).collect();
    let (id, sizes) = sql::repository_with(proof, repository, &own).await?;
    let id = match id {
        Some(id) => id,
        None => crate::uploads::repository_id(proof, now, repository).await?,
    };
    let children = manifest.children();
    let known = sql::listed_by(proof.conn(), id, &children).await?;
    let sparse = Sparse { indexes: sparse.indexes || *was_list, ..sparse };
    let blobs = parts(proof, id, manifest, &children, &sizes, &known, sparse).await?;
    let project_id = proof.project.id.0;
    let c = proof.conn();
    let below = sql::size_below(c, &known).await?;
    policy::push::children(known.values().map(|row| row.manifest_size).sum())?;
    let tagged = tags.iter().any(|tag| manifest::machinery_subject(tag).is_none());
    let hidden = *was_list || lists.as_ref().is_some_and(|subject| !tagged && children.iter().all(|child| {
        known.get(child.digest.as_str()).is_some_and(|row| row.subject.as_deref() == Some(subject.as_str()))
    }));
    let row = sql::New {
        project: project_id,
        repository: id,
        digest,
        manifest,
        size: manifest.size + blobs.iter().filter(|part| part.here).map(|part| part.size).sum::<i64>() + below,
        recognised: recognised.as_ref(),
        attributes,
        hidden,
        tags: tags.len() as i64,
    };
    let (artifact, new) = sql::upsert(c, now, &row).await?;
    let tags_before = if new.is_none() && !tags.is_empty() { sql::count_tags(c, artifact).await? } else { i64::MAX };
    let (mut touched, mut script) = (Vec::new(), Script::default());
    for tag in tags {
        sql::add_tag(&mut script, now, id, tag, artifact);
    }
    // A new artifact has its counts from its row.
    match new {
        Some(_) => sql::add_parts(&mut script, artifact, id, content, &blobs, &children),
        None => touched.push(artifact),
    }
    let is_new = new.is_some();
    sql::add_pushed(&mut script, now, project_id, id, new.is_some_and(|made| made.listed));
    let ran = script.run(c).await?;
    for (tag, _) in tags.iter().zip(&ran).filter(|(_, ran)| ran.changed == 0) {
        set_tag(proof, now, (repository, id), tag, artifact, moves.as_ref()).await?;
    }
    let c = proof.conn();
    if tags_before < i64::MAX {
        policy::push::tags(tags_before, sql::count_tags(c, artifact).await?)?;
    }
    if !is_new && manifest.is_index() {
        sql::settle_list(c, artifact).await?;
    }
    // A list of referrers may have come before what it lists.
    if let Some(subject) = &manifest.subject
        && is_new
        && sparse.indexes
        && let Some(list) = sql::tagged(c, id, &subject.digest.tag_stem()).await?
    {
        sql::settle_list(c, list).await?;
        touched.push(list);
    }
    if let Some(recognised) = recognised {
        accessories::sql::attach(c, now, id, artifact, recognised).await?;
        accessories::sql::recount_signatures(c, id, [recognised.subject.as_str()]).await?;
        // It is shown by itself until what it is attached to comes.
        touched.push(artifact);
    }
    touched.extend(attest(c, now, id, &children, &known).await?);
    if is_new {
        touched.extend(known.values().map(|row| row.id));
    }
    if new.is_some_and(|made| made.awaited) {
        touched.extend(accessories::sql::awaiting_subject(c, id, digest.as_str()).await?);
    }
    sql::relist(c, project_id, id, &touched).await?;
    // An image that only calls itself attached is none.
    policy::push::fits(proof, held, recognised.is_some() && !manifest::looks_like_image(manifest) || hidden).await?;
    Ok(artifact)
}

/// What follows when tags were taken from these artifacts: cosign's signatures count while their tag names them, and a list of
/// referrers that no tag names has been replaced.
pub(crate) async fn tags_moved(c: &mut AnyConnection, now: Stamp, project: i64, repository: i64, left: &[i64]) -> Result<()> {
    for artifact in left {
        let changed = accessories::sql::settle(c, *artifact).await?;
        accessories::sql::recount_signatures(c, repository, changed.iter().map(String::as_str)).await?;
        if sql::settle_list(c, *artifact).await? {
            sql::relist(c, project, repository, &[*artifact]).await?;
        }
        if sql::is_forsaken_list(c, *artifact).await? {
            sql::delete(c, now, project, repository, &[*artifact]).await?;
        }
    }
    Ok(())
}

/// Attaches what an index says describes a sibling (BuildKit). What it says does not turn an image into an attestation, nor
/// reaches beyond what it lists. Answers what became an accessory.
async fn attest(
    c: &mut AnyConnection,
    now: Stamp,
    repository: i64,
    children: &[Child],
    known: &HashMap<String, ChildManifest>,
) -> Result<Vec<i64>> {
    let (mut attested, mut script) = (Vec::new(), Script::default());
    for child in children {
        let (Some(sibling), Some(row)) = (&child.attests, known.get(child.digest.as_str())) else { continue };
        if !row.passive || *sibling == child.digest || !known.contains_key(sibling.as_str()) {
            continue;
        }
        let said = Recognised {
            subject: sibling.clone(),
            kind: Kind::Attestation,
            attachment: Attachment::IndexChild,
            detail: "BuildKit".to_owned(),
        };
        accessories::sql::add_attached(&mut script, now, repository, row.id, &said);
        attested.push(row.id);
    }
    accessories::sql::add_marks(&mut script, &attested);
    script.run(c).await?;
    Ok(attested)
}

/// What the manifest is made of beside other manifests: its own blobs, and those that an index lists. All of it is in this
/// repository, with the size that the manifest says; what `sparse` admits, and layers that may be elsewhere, may be missing.
async fn parts(
    proof: &mut access::Authorized<'_>,
    repository: i64,
    manifest: &Manifest,
    children: &[Child],
    sizes: &HashMap<String, i64>,
    known: &HashMap<String, ChildManifest>,
    sparse: Sparse,
) -> Result<Vec<Part>> {
    let wrong = |what: &str, digest: &Digest, is: &str, said: &str| Error::Manifest {
        message: format!("{what} {digest} is {is}, not {said} as its descriptor says"),
        missing: Vec::new(),
    };
    let long = |size: i64| format!("{size} bytes long");
    let (mut parts, mut missing) = (Vec::new(), Vec::new());
    // Of layers with one digest all must say that it is elsewhere.
    let expected: HashSet<&Digest> = manifest.layers.iter().filter(|layer| !layer.may_be_elsewhere()).map(|layer| &layer.digest).collect();
    for blob in manifest.blobs() {
        let elsewhere = blob.may_be_elsewhere() && !expected.contains(&blob.digest);
        match sizes.get(blob.digest.as_str()) {
            Some(&size) if size != blob.size => return Err(wrong("blob", &blob.digest, &long(size), &blob.size.to_string())),
            None if !elsewhere && !sparse.images => missing.push(blob.digest.clone()),
            here => parts.push(Part { digest: blob.digest.clone(), size: blob.size, optional: elsewhere, here: here.is_some() || !elsewhere }),
        }
    }
    let mut others = Vec::new();
    for child in children {
        match known.get(child.digest.as_str()) {
            None => others.push(child),
            Some(row) if row.manifest_size != child.size => {
                return Err(wrong("manifest", &child.digest, &long(row.manifest_size), &child.size.to_string()));
            }
            Some(row) if !child.media_type.is_empty() && row.media_type != child.media_type => {
                return Err(wrong("manifest", &child.digest, &row.media_type, &child.media_type));
            }
            Some(_) => {}
        }
    }
    let linked = sql::blobs_in(proof.conn(), repository, others.iter().map(|child| &child.digest)).await?;
    for child in others {
        match linked.get(child.digest.as_str()) {
            Some(&size) if size == child.size && (!child.is_manifest() || sparse.indexes) => {
                parts.push(Part { digest: child.digest.clone(), size, optional: child.is_manifest(), here: true });
            }
            Some(&size) if !child.is_manifest() => return Err(wrong("blob", &child.digest, &long(size), &child.size.to_string())),
            // It may come yet, and is kept then.
            _ if sparse.indexes => parts.push(Part { digest: child.digest.clone(), size: child.size, optional: true, here: false }),
            _ => missing.push(child.digest.clone()),
        }
    }
    if missing.is_empty() {
        // An index may list as a blob what it also has as its own.
        let mut seen = std::collections::HashSet::new();
        parts.retain(|part| seen.insert(part.digest.clone()));
        return Ok(parts);
    }
    let names: Vec<String> = missing.iter().take(20).map(ToString::to_string).collect();
    let more = missing.len().saturating_sub(20);
    let more = if more > 0 { format!(" and {more} more") } else { String::new() };
    Err(Error::Manifest {
        message: format!("it names what is not in this repository, push that first: {}{more}", names.join(", ")),
        missing: missing.into_iter().take(100).collect(),
    })
}

/// Gives an artifact one more tag, or moves the tag to it.
pub async fn add_tag(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
    tag: &str,
    may_move: bool,
) -> Result<()> {
    let (now, caller, project, repository, reference) =
        (ctx.now(), who.clone(), project.clone(), repository.clone(), reference.clone());
    let event = Event::TagSet {
        project: project.to_string(), repository: repository.to_string(), tag: tag.to_owned(), reference: reference.to_string(),
    };
    let (parsed, moves) = (tag.parse::<Tag>(), TagUndo::of(&ctx.settings, ctx.now(), who));
    // A tag of cosign's makes a signature of what it names.
    let recognised = match &parsed {
        Ok(tag) if manifest::machinery_subject(tag).is_some() => tagged_as(ctx, who, &project, &repository, &reference, tag).await?,
        _ => None,
    };
    ctx.change(who, event, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::TagCreate).await?;
        let tag = parsed.clone().map_err(|message| Error::invalid("name", message))?;
        let found = sql::found(&mut proof, &repository, &reference).await?;
        let project_id = proof.project.id.0;
        let c = proof.conn();
        if !may_move && sql::tag_exists(c, found.repository_id, &tag).await? {
            return Err(Error::conflict("name", format!("is taken: a tag {tag} exists in this repository")));
        }
        if let Some((digest, recognised)) = &recognised
            && *digest == found.digest
        {
            accessories::sql::attach(c, now, found.repository_id, found.id, recognised).await?;
            accessories::sql::recount_signatures(c, found.repository_id, [recognised.subject.as_str()]).await?;
        }
        let tags_before = sql::count_tags(c, found.id).await?;
        set_tag(&mut proof, now, (&repository, found.repository_id), &tag, found.id, moves.as_ref()).await?;
        let c = proof.conn();
        policy::push::tags(tags_before, sql::count_tags(c, found.id).await?)?;
        sql::relist(c, project_id, found.repository_id, &[found.id]).await
    })
    .await
}

/// What an artifact is recognised as under a further tag.
async fn tagged_as(
    ctx: &Ctx,
    who: &Principal,
    project: &ProjectName,
    repository: &RepositoryName,
    reference: &Reference,
    tag: &Tag,
) -> Result<Option<(Digest, Recognised)>> {
    let (digest, content) = {
        let mut c = ctx.db.read().await?;
        let mut proof = access::project(&mut c, ctx.now(), who, project, Action::TagCreate).await?;
        let Some(found) = sql::find(&mut proof, repository, reference).await? else { return Ok(None) };
        (found.digest, sql::content(&mut proof, found.id).await?)
    };
    let manifest = aside::run(content.len(), move || Manifest::parse(&content, None)).await?;
    let tags = std::slice::from_ref(tag);
    let recognised = match access::may_again(ctx, who, project, repository.as_str(), Action::RepositoryPush).await {
        Ok(_) => look_into(ctx, who, project, repository, &manifest, tags).await?.0,
        // Who may only tag makes no signature of it.
        Err(error) if error.is_refusal() => None,
        Err(error) => return Err(error),
    };
    Ok(recognised.map(|recognised| (digest, recognised)))
}
