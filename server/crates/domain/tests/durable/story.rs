//! What the child said, and what must therefore be there.

use crate::place;
use domain::artifacts::{self, Reference};
use domain::blobs::digest_of;
use domain::fsck::{self, Severity};
use domain::identity::Principal;
use domain::error::Error;
use model::Algorithm;
use std::collections::BTreeMap;
use std::path::Path;

/// How a tag may stand.
#[derive(Clone, Debug, Default, PartialEq)]
struct Tag {
    /// Must it be there?
    there: bool,
    /// An act on it was begun and not answered: it may be there or not.
    open: bool,
    digest: String,
}

/// What must be there, from the child's lines.
#[derive(Clone, Debug, Default)]
pub struct Story(BTreeMap<String, Tag>);

impl Story {
    /// What was begun and answered up to `until` (ns).
    pub fn told(lines: &[String], until: u64) -> Story {
        let mut story = Story::default();
        for line in lines {
            let mut words = line.split(' ');
            let ns: u64 = words.next().and_then(|ns| ns.parse().ok()).expect("a time");
            if ns > until {
                break;
            }
            let act: Vec<&str> = words.collect();
            match act[..] {
                ["try", "push", tag, digest] => {
                    let tag = story.0.entry(tag.to_owned()).or_default();
                    (tag.open, tag.digest) = (true, digest.to_owned());
                }
                ["done", "push", tag, digest] => {
                    story.0.insert(tag.to_owned(), Tag { there: true, open: false, digest: digest.to_owned() });
                }
                ["try", "delete", tag] => story.0.entry(tag.to_owned()).or_default().open = true,
                ["done", "delete", tag] => {
                    let tag = story.0.entry(tag.to_owned()).or_default();
                    (tag.there, tag.open) = (false, false);
                }
                _ => {}
            }
        }
        story
    }

    /// How many pushes were answered and not deleted since.
    pub fn promised(&self) -> usize {
        self.0.values().filter(|tag| tag.there).count()
    }

    /// Opens what is left at `path` and compares. The error says what is not as it was promised.
    pub async fn compare(&self, path: &Path) -> Result<(), String> {
        let place = place::open(path).await.map_err(|refusal| format!("does not start: {refusal}"))?;
        let (ctx, who) = (&place.ctx, Principal::system());
        let (project, repository) = ("p".parse().unwrap(), "r".parse().unwrap());
        for (name, tag) in &self.0 {
            let reference = Reference::Tag(name.parse().unwrap());
            let found = artifacts::pull(ctx, &who, &project, &repository, &reference, false).await;
            match found {
                Ok(found) if found.digest.as_str() != tag.digest => return Err(format!("{name} is {}, not {}", found.digest, tag.digest)),
                Ok(found) if digest_of(Algorithm::Sha256, &found.content) != found.digest => return Err(format!("{name} has changed")),
                Ok(_) if !tag.there && !tag.open => return Err(format!("{name} was deleted, and is there")),
                Ok(_) => {}
                Err(Error::NotFound(_)) if !tag.there || tag.open => {}
                Err(error) => return Err(format!("{name} is lost: {error}")),
            }
        }
        if let Ok(tags) = artifacts::tag_names(ctx, &who, &project, &repository, "", 1000).await
            && let Some(phantom) = tags.iter().find(|tag| !self.0.contains_key(*tag))
        {
            return Err(format!("the tag {phantom} was never pushed"));
        }
        let report = fsck::check(ctx, fsck::Options { deep: true, repair: false }).await.map_err(|error| error.to_string())?;
        match report.findings.into_iter().find(|finding| finding.severity == Severity::Loss) {
            Some(loss) => Err(loss.text),
            None => Ok(()),
        }
    }
}
