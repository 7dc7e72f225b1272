//! Removes at the destination what was deleted here: an artifact that the rule put there, with what it put there along with it. What somebody else
//! tagged there, or attached to it, keeps it there.

use crate::copy::{TaskEnd, is_machinery};
use crate::ends::Destination;
use crate::meter::Meter;
use domain::Ctx;
use domain::replication::executions::{Work, WorkTask};
use domain::replication::removals::{self, Places};
use model::Digest;
use remote::{Failure, RemoteList};
use std::collections::HashMap;
use std::sync::Arc;
use tokio::sync::{Mutex, OnceCell};

/// Tags of one repository that are looked at; where there are more nothing is removed.
const TAGS: usize = 2_000;

/// How cosign's tags end that hang something on a digest.
const LEGACY: [&str; 3] = [".sig", ".att", ".sbom"];

/// What is known of the repositories there and of the places here, each looked up once an execution.
#[derive(Default)]
pub struct Known {
    named: Mutex<HashMap<String, Arc<Named>>>,
    places: OnceCell<Places>,
}

/// What the tags of a repository name, and what the indexes among that list.
#[derive(Default)]
struct Named {
    tags: HashMap<String, Digest>,
    /// Digests, each with a tag of an index that lists it.
    listed: HashMap<Digest, (String, Digest)>,
}

/// One task under way.
pub struct ArtifactRemoval<'a> {
    pub ctx: &'a Ctx,
    pub work: &'a Work,
    pub destination: &'a dyn Destination,
    pub known: &'a Known,
    pub meter: &'a Meter,
}

impl ArtifactRemoval<'_> {
    pub async fn run(&self, task: &WorkTask) -> Result<TaskEnd, Failure> {
        let digest: Digest = task.digest.parse().map_err(|what| Failure::source(format!("digest {what}")))?;
        let (to, short) = (task.destination.as_str(), digest.short());
        // Brought back or pushed again since it was looked for.
        let places = self.known.places.get_or_try_init(|| Places::of(self.ctx, self.work)).await?;
        let Some((tags, attached)) = removals::still_gone(self.ctx, self.work, places, task).await? else {
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
            let Some(found) = self.attached_to(to, &part).await? else {
                return Ok(TaskEnd::Kept("what hangs on it there cannot be listed".to_owned()));
            };
            for found in found {
                if !attached.contains(&found) {
                    return Ok(TaskEnd::Kept(format!("{} hangs on it there, which this rule did not put there", found.short())));
                }
                if n == 0 {
                    along.push(found);
                }
            }
        }
        if let Some(why) = self.destination.delete_manifest(to, &digest).await? {
            return Ok(TaskEnd::Kept(why));
        }
        if self.destination.manifest_digest(to, digest.as_str()).await?.is_some() {
            return Err(Failure::destination(format!("{to}@{short} was deleted, and still stands there")));
        }
        self.meter.say(format_args!("{to}@{short} deleted"));
        // Where the registry does not take it along itself.
        for one in &along {
            if self.destination.manifest_digest(to, one.as_str()).await?.is_some() {
                match self.destination.delete_manifest(to, one).await? {
                    None => self.meter.say(format_args!("{to}@{} deleted, which hung on it", one.short())),
                    Some(why) => self.meter.say(format_args!("{to}@{} stays, which hung on it: {why}", one.short())),
                }
            }
        }
        removals::forget(self.ctx, self.work, task).await?;
        Ok(TaskEnd::Removed)
    }

    /// Does a tag name it that the rule did not set last, or an index list it that a tag names? It would go along, or be missed.
    async fn held_by_tags(&self, to: &str, digest: &Digest, tags: &[String]) -> Result<Option<String>, Failure> {
        let named = match self.named(to).await? {
            Ok(named) => named,
            Err(why) => return Ok(Some(why)),
        };
        let others = named.tags.iter().filter(|(tag, names)| *names == digest && !tags.contains(*tag));
        if let Some(tag) = others.map(|(tag, _)| tag).min() {
            return Ok(Some(format!("the tag {tag}, which this rule did not set, names it there")));
        }
        Ok(named.listed.get(digest).map(|(tag, index)| format!("the index {} there lists it, which the tag {tag} names", index.short())))
    }

    /// What the tags of a repository there name; or why nobody knows.
    async fn named(&self, to: &str) -> Result<Result<Arc<Named>, String>, Failure> {
        let mut all = self.known.named.lock().await;
        if let Some(named) = all.get(to) {
            return Ok(Ok(named.clone()));
        }
        let RemoteList::All(tags) = self.destination.tags(to).await? else {
            return Ok(Err("its tags there cannot be listed, so that nobody knows who else uses it".to_owned()));
        };
        let tags: Vec<String> = tags.into_iter().filter(|tag| !is_machinery(tag)).collect();
        if tags.len() > TAGS {
            return Ok(Err(format!("there are {} tags there, more than are looked through", tags.len())));
        }
        let mut named = Named::default();
        for tag in tags {
            let Some(digest) = self.destination.manifest_digest(to, &tag).await? else { continue };
            if !named.tags.values().any(|known| *known == digest)
                && let Some((_, content)) = self.destination.manifest(to, digest.as_str()).await?
            {
                named.listed.extend(listed(&content).into_iter().map(|child| (child, (tag.clone(), digest.clone()))));
            }
            named.tags.insert(tag, digest);
        }
        let named = Arc::new(named);
        all.insert(to.to_owned(), named.clone());
        Ok(Ok(named))
    }

    /// What an index there lists: on a Wharf it goes along.
    async fn children(&self, to: &str, digest: &Digest) -> Result<Vec<Digest>, Failure> {
        let Some((_, content)) = self.destination.manifest(to, digest.as_str()).await? else { return Ok(Vec::new()) };
        Ok(listed(&content))
    }

    /// What hangs on it there, in every form; `None`: nobody knows.
    async fn attached_to(&self, to: &str, digest: &Digest) -> Result<Option<Vec<Digest>>, Failure> {
        let name = digest.as_str().replace(':', "-");
        let mut found = match self.destination.referrers(to, digest).await? {
            RemoteList::Unknown => return Ok(None),
            RemoteList::All(all) => all.iter().filter_map(|descriptor| descriptor.get("digest")?.as_str()?.parse().ok()).collect(),
            // Without the API a tag names the list (distribution-spec 1.1, "Referrers Tag Schema").
            RemoteList::Absent => self.destination.manifest(to, &name).await?.map(|(_, content)| listed(&content)).unwrap_or_default(),
        };
        for suffix in LEGACY {
            found.extend(self.destination.manifest_digest(to, &format!("{name}{suffix}")).await?);
        }
        Ok(Some(found))
    }
}

/// The digests that an index lists.
fn listed(content: &[u8]) -> Vec<Digest> {
    let Ok(index) = serde_json::from_slice::<serde_json::Value>(content) else { return Vec::new() };
    let all = index.get("manifests").and_then(|all| all.as_array()).into_iter().flatten();
    all.filter_map(|descriptor| descriptor.get("digest")?.as_str()?.parse().ok()).collect()
}
