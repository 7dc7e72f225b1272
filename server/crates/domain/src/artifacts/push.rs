//! Pushing a manifest: everything it names is there, then its row, tags, accessories and counters in one transaction.

use super::manifest::{Descriptor, Manifest};
use crate::db::Script;
use super::{Reference, sql};
use crate::access;
use crate::accessories::{self, Recognised, is_fallback_index};
use crate::blobs::digest_of;
use crate::ctx::{Act, Ctx, Sparse};
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::points::point;
use model::accessory::{Attachment, Kind};
use model::{Action, Algorithm, Digest, ProjectName, RepositoryName, Stamp, Tag};
use std::collections::HashMap;

/// What the client is told.
pub struct Pushed {
    pub digest: Digest,
    /// The manifest's `subject`: answered as `OCI-Subject`.
    pub subject: Option<Digest>,
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
    let act = Act::new("artifact.push", format!("{project}/{repository}:{reference}"));
    if let Err(error) = access::may_again(ctx, who, project, repository.as_str(), right).await {
        if error.is_refusal() {
            ctx.note_refusal(who, act, &error).await;
        }
        return Err(error);
    }
    crate::uploads::room(ctx, content.len() as u64).await?;
    let manifest = Manifest::parse(&content, content_type)?;
    let digest = match reference {
        Reference::Digest(digest) => {
            let actual = digest_of(digest.algorithm(), &content);
            if actual != *digest {
                return Err(Error::DigestMismatch(format!("the manifest's digest is {actual}, not {digest}")));
            }
            actual
        }
        Reference::Tag(_) => digest_of(Algorithm::Sha256, &content),
    };
    let mut all_tags = tags;
    if let Reference::Tag(tag) = reference {
        all_tags.push(tag.clone());
    }
    all_tags.sort();
    all_tags.dedup();
    let recognised = accessories::recognise(ctx, &manifest, &all_tags).await?;
    let fallback = recognised.is_none() && all_tags.iter().any(|tag| is_fallback_index(&manifest, tag));
    let subject = manifest.subject.as_ref().map(|s| s.digest.clone());
    let pushed = Pushed { digest: digest.clone(), subject };

    let placing = Placing { digest, manifest, content, tags: all_tags, recognised, fallback };
    let (ctx2, caller, project, repository) = (ctx.clone(), who.clone(), project.clone(), repository.clone());
    let (now, said) = (ctx.now(), placing.digest.to_string());
    ctx.change_content(who, act.detail(said), async move |c| {
        let mut proof = access::repository_again(c, &ctx2, &caller, &project, repository.as_str(), right).await?;
        place(&mut proof, now, &repository, ctx2.settings.sparse, &placing).await?;
        point!("manifest.placed");
        Ok(())
    })
    .await?;
    Ok(pushed)
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
    /// It is a list of referrers.
    pub fallback: bool,
}

/// Puts a manifest where it belongs: its row, parts, tags, accessories and counters. Answers its id.
pub(crate) async fn place(
    proof: &mut access::Authorized<'_>,
    now: Stamp,
    repository: &RepositoryName,
    sparse: Sparse,
    placing: &Placing,
) -> Result<i64> {
    let Placing { digest, manifest, content, tags, recognised, fallback } = placing;
    let blobs = manifest.blobs();
    let (id, blob_sizes) = sql::repository_with(proof, repository, &blobs).await?;
    let id = match id {
        Some(id) => id,
        None => crate::uploads::repository_id(proof, now, repository).await?,
    };
    check_parts(proof, id, &blobs, &blob_sizes, &manifest.manifests, sparse).await?;
    let project_id = proof.project.id.0;
    let c = proof.conn();
    let sizes = sql::child_sizes(c, id, &manifest.manifests).await?;
    let row = sql::New {
        project: project_id,
        repository: id,
        digest,
        manifest,
        size: manifest.size + blobs.iter().map(|b| b.size).sum::<i64>() + sizes,
        recognised: recognised.as_ref(),
        hidden: *fallback,
        tags: tags.len() as i64,
    };
    let (artifact, new) = sql::upsert(c, now, &row).await?;
    let (mut touched, mut script) = (Vec::new(), Script::default());
    for tag in tags {
        sql::add_tag(&mut script, now, id, tag, artifact);
    }
    // A new artifact has its counts from its row.
    match new {
        Some(_) => sql::add_parts(&mut script, artifact, &row, content, &blobs),
        None => touched.push(artifact),
    }
    sql::add_pushed(&mut script, now, project_id, id, new.unwrap_or_default());
    let ran = script.run(c).await?;
    for (tag, _) in tags.iter().zip(&ran).filter(|(_, ran)| ran.changed == 0) {
        if let Some(before) = sql::set_tag(c, now, id, tag, artifact).await? {
            touched.push(before);
            // A signature whose tag moved on is superseded: cosign wrote the old ones into the new one.
            for subject in accessories::sql::supersede(c, before).await? {
                accessories::sql::recount_signatures(c, id, &subject).await?;
            }
        }
    }
    if let Some(recognised) = recognised {
        accessories::sql::attach(c, now, id, artifact, recognised).await?;
        accessories::sql::recount_signatures(c, id, recognised.subject.as_str()).await?;
    }
    for (child, sibling) in manifest.manifests.iter().filter_map(|m| Some((m, m.attests_sibling()?))) {
        let attested = Recognised {
            subject: sibling,
            kind: Kind::Attestation,
            attachment: Attachment::IndexChild,
            detail: "BuildKit".to_owned(),
        };
        if let Some(child) = sql::artifact_id(c, id, &child.digest).await? {
            // What the index says of it does not turn an image into an attestation.
            if Manifest::parse(&sql::content_of(c, child).await?, None)?.could_run() {
                continue;
            }
            sql::mark_accessory(c, child, &attested).await?;
            accessories::sql::attach(c, now, id, child, &attested).await?;
            touched.push(child);
        }
    }
    for child in &manifest.manifests {
        touched.extend(sql::artifact_id(c, id, &child.digest).await?);
    }
    sql::relist(c, project_id, id, &touched).await?;
    Ok(artifact)
}

/// Every blob and child is in this repository, with the size that the manifest says. What `sparse` admits may be missing.
async fn check_parts(
    proof: &mut access::Authorized<'_>,
    repository: i64,
    blobs: &[&Descriptor],
    sizes: &HashMap<String, i64>,
    children: &[Descriptor],
    sparse: Sparse,
) -> Result<()> {
    let mut missing = Vec::new();
    for blob in blobs {
        match sizes.get(blob.digest.as_str()) {
            None if sparse.images => {}
            None => missing.push(blob.digest.clone()),
            Some(&size) if size != blob.size => {
                return Err(Error::Manifest {
                    message: format!("blob {} is {size} bytes long, not {} as its descriptor says", blob.digest, blob.size),
                    missing: Vec::new(),
                });
            }
            Some(_) => {}
        }
    }
    for child in children {
        match sql::manifest_of(proof.conn(), repository, &child.digest).await? {
            None if sparse.indexes => {}
            None => missing.push(child.digest.clone()),
            Some((size, _)) if size != child.size => {
                return Err(Error::Manifest {
                    message: format!("manifest {} is {size} bytes long, not {} as its descriptor says", child.digest, child.size),
                    missing: Vec::new(),
                });
            }
            Some((_, media_type)) if !child.media_type.is_empty() && media_type != child.media_type => {
                return Err(Error::Manifest {
                    message: format!("manifest {} is {media_type}, not {} as its descriptor says", child.digest, child.media_type),
                    missing: Vec::new(),
                });
            }
            Some(_) => {}
        }
    }
    if missing.is_empty() {
        return Ok(());
    }
    let names: Vec<String> = missing.iter().map(ToString::to_string).collect();
    Err(Error::Manifest {
        message: format!("it names what is not in this repository, push that first: {}", names.join(", ")),
        missing,
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
    let parsed = tag.parse::<Tag>();
    let (now, caller, project, repository, reference) =
        (ctx.now(), who.clone(), project.clone(), repository.clone(), reference.clone());
    let act = Act::new("tag.create", format!("{project}/{repository}:{tag}")).detail(reference.to_string());
    ctx.change(who, act, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::TagCreate).await?;
        let tag = parsed.clone().map_err(|message| Error::invalid("name", message))?;
        let found = sql::find(&mut proof, &repository, &reference)
            .await?
            .ok_or_else(|| Error::not_found("artifact", &reference))?;
        let project_id = proof.project.id.0;
        let c = proof.conn();
        if !may_move && sql::tag_exists(c, found.repository_id, &tag).await? {
            return Err(Error::conflict("name", format!("is taken: a tag {tag} exists in this repository")));
        }
        let mut touched = vec![found.id];
        touched.extend(sql::set_tag(c, now, found.repository_id, &tag, found.id).await?);
        sql::relist(c, project_id, found.repository_id, &touched).await
    })
    .await
}
