//! Removes at the destination what was deleted here: an artifact that the rule put there, with what it put there along with it. What somebody else
//! tagged there, or attached to it, keeps it there.

use crate::copy::{TaskEnd, is_machinery};
use crate::ends::Destination;
use crate::meter::Meter;
use domain::Ctx;
use domain::replication::executions::{Work, WorkTask};
use domain::replication::removals;
use model::Digest;
use remote::{Failure, RemoteList};
use std::collections::HashMap;
use tokio::sync::Mutex;

/// Tags of one repository that are looked at; where there are more nothing is removed.
const TAGS: usize = 2_000;

/// How cosign's tags end that hang something on a digest.
const LEGACY: [&str; 3] = [".sig", ".att", ".sbom"];

/// What the tags of a repository there name, each looked up once an execution.
pub type Named = Mutex<HashMap<String, HashMap<String, Digest>>>;

/// One task under way.
pub struct ArtifactRemoval<'a> {
    pub ctx: &'a Ctx,
    pub work: &'a Work,
    pub destination: &'a dyn Destination,
    pub named: &'a Named,
    pub meter: &'a Meter,
}

impl ArtifactRemoval<'_> {
    pub async fn run(&self, task: &WorkTask) -> Result<TaskEnd, Failure> {
        let digest: Digest = task.digest.parse().map_err(|what| Failure::source(format!("digest {what}")))?;
        let (to, short) = (task.destination.as_str(), digest.short());
        // Brought back or pushed again since it was looked for.
        let Some((tags, attached)) = removals::still_gone(self.ctx, self.work, task).await? else {
            return Ok(TaskEnd::Kept("it is here again".to_owned()));
        };
        if self.destination.manifest_digest(to, digest.as_str()).await?.is_none() {
            self.meter.say(format_args!("{to}@{short} is not there any more"));
            removals::forget(self.ctx, self.work, task).await?;
            return Ok(TaskEnd::Removed);
        }
        if let Some(why) = self.held_by_tags(to, &digest, &tags).await? {
            return Ok(TaskEnd::Kept(why));
        }
        let mut along = Vec::new();
        for (n, part) in std::iter::once(digest.clone()).chain(self.children(to, &digest).await?).enumerate() {
            for found in self.attached_to(to, &part).await? {
                if !attached.contains(&found) {
                    return Ok(TaskEnd::Kept(format!("{} hangs on it there, which this rule did not put there", found.short())));
                }
                if n == 0 {
                    along.push(found);
                }
            }
        }
        self.destination.delete_manifest(to, &digest).await?;
        if self.destination.manifest_digest(to, digest.as_str()).await?.is_some() {
            return Err(Failure::destination(format!("{to}@{short} was deleted, and still stands there")));
        }
        self.meter.say(format_args!("{to}@{short} deleted"));
        // Where the registry does not take it along itself.
        for one in &along {
            if self.destination.manifest_digest(to, one.as_str()).await?.is_some() {
                self.destination.delete_manifest(to, one).await?;
                self.meter.say(format_args!("{to}@{} deleted, which hung on it", one.short()));
            }
        }
        removals::forget(self.ctx, self.work, task).await?;
        Ok(TaskEnd::Removed)
    }

    /// Does a tag name it that the rule did not set? It would go along.
    async fn held_by_tags(&self, to: &str, digest: &Digest, tags: &[String]) -> Result<Option<String>, Failure> {
        let mut named = self.named.lock().await;
        if !named.contains_key(to) {
            let RemoteList::All(all) = self.destination.tags(to).await? else {
                return Ok(Some("its tags there cannot be listed, so that nobody knows who else uses it".to_owned()));
            };
            let all: Vec<String> = all.into_iter().filter(|tag| !is_machinery(tag)).collect();
            if all.len() > TAGS {
                return Ok(Some(format!("there are {} tags there, more than are looked through", all.len())));
            }
            let mut found = HashMap::new();
            for tag in all {
                if let Some(digest) = self.destination.manifest_digest(to, &tag).await? {
                    found.insert(tag, digest);
                }
            }
            named.insert(to.to_owned(), found);
        }
        let others = named[to].iter().filter(|(tag, names)| *names == digest && !tags.contains(*tag));
        Ok(others.map(|(tag, _)| tag).min().map(|tag| format!("the tag {tag}, which this rule did not set, names it there")))
    }

    /// What an index there lists: on a Wharf it goes along.
    async fn children(&self, to: &str, digest: &Digest) -> Result<Vec<Digest>, Failure> {
        let Some((_, content)) = self.destination.manifest(to, digest.as_str()).await? else { return Ok(Vec::new()) };
        Ok(listed(&content))
    }

    /// What hangs on it there, in every form.
    async fn attached_to(&self, to: &str, digest: &Digest) -> Result<Vec<Digest>, Failure> {
        let name = digest.as_str().replace(':', "-");
        let mut found = match self.destination.referrers(to, digest).await? {
            RemoteList::All(all) => all.iter().filter_map(|descriptor| descriptor.get("digest")?.as_str()?.parse().ok()).collect(),
            // Without the API a tag names the list (distribution-spec 1.1, "Referrers Tag Schema").
            RemoteList::Unknown => self.destination.manifest(to, &name).await?.map(|(_, content)| listed(&content)).unwrap_or_default(),
        };
        for suffix in LEGACY {
            found.extend(self.destination.manifest_digest(to, &format!("{name}{suffix}")).await?);
        }
        Ok(found)
    }
}

/// The digests that an index lists.
fn listed(content: &[u8]) -> Vec<Digest> {
    let Ok(index) = serde_json::from_slice::<serde_json::Value>(content) else { return Vec::new() };
    let all = index.get("manifests").and_then(|all| all.as_array()).into_iter().flatten();
    all.filter_map(|descriptor| descriptor.get("digest")?.as_str()?.parse().ok()).collect()
}
