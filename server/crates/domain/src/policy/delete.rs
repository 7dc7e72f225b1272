//! What may be taken away: asked of everything that goes along, not only of what was named.

use super::locks::{Held, Locks};
use crate::access::Authorized;
use crate::artifacts::sql;
use crate::error::{Error, Result};
use crate::manifest::machinery_subject;
use model::{Action, Digest, RepositoryName, Tag};

/// What one artifact of a deletion is.
pub(crate) struct Going {
    pub digest: Digest,
    pub is_accessory: bool,
    /// A person's tag names it, none of machinery's.
    pub is_tagged: bool,
}

/// An accessory takes the right to delete accessories; what is none, or what a person gave a tag, the one for artifacts.
fn right_over(going: &Going) -> Action {
    if going.is_accessory && !going.is_tagged { Action::AccessoryDelete } else { Action::ArtifactDelete }
}

/// May the caller take all of this away? `root` is what was named, `kept_by` the indexes that list it, `locked` what [`locked`] said.
pub(crate) fn check(proof: &Authorized<'_>, root: &Going, along: &[Going], kept_by: &[Digest], locked: Option<Error>) -> Result<()> {
    // An attachment may be made of anything: what a person gave a tag stays theirs, whatever was said of it afterwards.
    proof.require(right_over(root))?;
    if let Some(going) = along.iter().find(|going| proof.require(right_over(going)).is_err()) {
        let right = right_over(going);
        return Err(Error::Forbidden {
            action: Some(right),
            reason: format!("it would take {} along, which takes the right {}: nothing was deleted", going.digest, right.name()),
        });
    }
    // An index that cannot be deleted is no way out.
    if let Some(locked) = locked {
        return Err(locked);
    }
    match kept_by.first() {
        Some(index) => Err(Error::Precondition(format!("the index {index} lists it: delete the index first"))),
        None => Ok(()),
    }
}

fn kept(what: &str, held: &Held) -> Error {
    Error::Locked(format!("{what} is kept by the immutable tag {} ({})", held.tag, held.rule))
}

/// Why the artifact cannot go with all of `ids`, itself the first: an immutable tag keeps it, or something that would go along.
pub(crate) async fn locked(proof: &mut Authorized<'_>, name: &RepositoryName, digest: &Digest, ids: &[i64]) -> Result<Option<Error>> {
    let locks = Locks::of(&proof.project, name)?;
    let c = proof.conn();
    if let Some(held) = locks.over(c, &ids[..ids.len().min(1)]).await? {
        return Ok(Some(kept(digest.as_str(), &held)));
    }
    let along = locks.over(c, ids).await?;
    Ok(along.map(|held| kept(&format!("something that would go along with {digest}"), &held)))
}

/// May the tag be removed?
pub(crate) async fn tag(proof: &mut Authorized<'_>, (name, repository): (&RepositoryName, i64), tag: &Tag) -> Result<()> {
    let locks = Locks::of(&proof.project, name)?;
    if let Some(rule) = locks.rule(tag.as_str()) {
        return Err(Error::Locked(format!("{}/{name}:{tag} is immutable ({rule}): it is not removed", proof.project.name)));
    }
    let Some(subject) = machinery_subject(tag).filter(|_| !locks.is_empty()) else { return Ok(()) };
    let c = proof.conn();
    let Some(subject) = sql::artifact_id(c, repository, &subject).await? else { return Ok(()) };
    match locks.over(c, &[subject]).await? {
        Some(held) => Err(kept(tag.as_str(), &held)),
        None => Ok(()),
    }
}

/// Names of tags that are read at once.
const SLICE: i64 = 4096;

/// May the whole repository go? Looks at all of its tags, where a rule reaches it at all.
pub(crate) async fn repository(proof: &mut Authorized<'_>, (name, id): (&RepositoryName, i64)) -> Result<()> {
    let locks = Locks::of(&proof.project, name)?;
    let mut after = String::new();
    while !locks.is_empty() {
        let names = sql::tag_names(proof, id, &after, SLICE).await?;
        if let Some((tag, rule)) = names.iter().find_map(|tag| locks.rule(tag).map(|rule| (tag, rule))) {
            let path = format!("{}/{name}", proof.project.name);
            return Err(Error::Locked(format!("{path} holds the immutable tag {tag} ({rule}): it is not deleted")));
        }
        match names.into_iter().last() {
            Some(last) => after = last,
            None => break,
        }
    }
    Ok(())
}
