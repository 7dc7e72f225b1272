//! What may be placed. Signatures come after what they sign, so that a project which admits only signed artifacts takes unsigned
//! ones too, and keeps them from being pulled.

use super::locks::Locks;
use crate::access::Authorized;
use crate::artifacts::sql;
use crate::error::{Error, Result};
use crate::manifest::{self, Annotations, Descriptor, Manifest};
use model::{RepositoryName, Tag};

/// Most bytes of the manifests that an index lists.
const CHILDREN_BYTES: i64 = 16 << 20;

/// Asked before a manifest is placed, whoever pushes it: it stays within what one push may cost.
pub(crate) fn check(manifest: &Manifest) -> Result<()> {
    manifest.check_bounds()
}

/// Asked of the manifests that an index lists, by their bytes together: they go with it in one step, which is bounded.
pub(crate) fn children(bytes: i64) -> Result<()> {
    if bytes <= CHILDREN_BYTES {
        return Ok(());
    }
    let message = format!("the manifests that an index lists have at most {} MiB together", CHILDREN_BYTES >> 20);
    Err(Error::Manifest { message, missing: Vec::new() })
}

/// Most tags of one artifact: what deletes it, brings it back or takes a tag of it goes through all of them. A tag for every build of
/// a year, five a day, is less.
pub const TAGS: i64 = 2048;

/// May an artifact have so many tags after it had so many?
pub(crate) fn tags(before: i64, after: i64) -> Result<()> {
    match after > TAGS && after > before {
        true => Err(Error::Manifest { message: format!("an artifact may have at most {TAGS} tags: remove some that nobody uses"), missing: Vec::new() }),
        false => Ok(()),
    }
}

/// May the tag, which names the artifact `before`, name `after` from now on?
pub(crate) async fn moves(proof: &mut Authorized<'_>, (name, repository): (&RepositoryName, i64), tag: &Tag, before: i64, after: i64) -> Result<()> {
    let locks = Locks::of(&proof.project, name)?;
    if locks.is_empty() || before == after {
        return Ok(());
    }
    let path = format!("{}/{name}", proof.project.name);
    let c = proof.conn();
    let Some(about) = manifest::machinery_subject(tag) else {
        return match locks.rule(tag.as_str()) {
            None => Ok(()),
            Some(rule) => Err(Error::Locked(format!("{path}:{tag} is immutable ({rule}): it goes on naming what it names; push under another tag"))),
        };
    };
    // Further signatures are welcome: what held one may be replaced by what holds it and more.
    let Some(subject) = sql::artifact_id(c, repository, &about).await? else { return Ok(()) };
    let Some(held) = locks.over(c, &[subject]).await? else { return Ok(()) };
    let (newer, older) = (sql::content_of(c, after).await?, sql::content_of(c, before).await?);
    if let (Ok(newer), Ok(older)) = (Manifest::parse(&newer, None), Manifest::parse(&older, None))
        && newer.subject.as_ref().is_none_or(|said| said.digest == about)
        && holds_all(&newer, &older)
    {
        return Ok(());
    }
    Err(Error::Locked(format!(
        "{path}:{tag} stands under the immutable tag {} ({}): it may be replaced only by what holds all that it holds now",
        held.tag, held.rule
    )))
}

/// Is the newer manifest of the older's kind, and does it hold every layer of that, each with its type and all that was said of it, and list all that
/// it listed? Of one without layers only itself does.
fn holds_all(newer: &Manifest, older: &Manifest) -> bool {
    // A signature is an annotation: two of them may have the same payload, and so the same digest.
    let says = |annotations: &Option<Annotations>| annotations.as_ref().map(|said| said.0.clone()).unwrap_or_default();
    let is = |new: &Descriptor, old: &Descriptor| {
        let said = says(&new.annotations);
        let same = (&new.digest, new.size, &new.media_type, &new.artifact_type) == (&old.digest, old.size, &old.media_type, &old.artifact_type);
        same && says(&old.annotations).iter().all(|(key, value)| said.get(key) == Some(value))
    };
    let holds = |all: &[Descriptor], old: &[Descriptor]| old.iter().all(|old| all.iter().any(|new| is(new, old)));
    let config = |manifest: &Manifest| manifest.config.as_ref().map(|config| config.media_type.clone());
    let kind = |manifest: &Manifest| (manifest.media_type.clone(), manifest.artifact_type.clone(), config(manifest));
    let holds_something = !older.layers.is_empty() || !older.manifests.is_empty();
    holds_something && kind(newer) == kind(older) && holds(&newer.layers, &older.layers) && holds(&newer.manifests, &older.manifests)
}
