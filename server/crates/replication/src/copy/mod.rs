//! Carries one artifact with everything that hangs on it (children, the artifact, its accessories of every form), and then looks
//! whether all of it stands there: `TaskEnd` is said of nothing else.
//!
//! What is there already is not sent again. What the destination cannot hold of what is attached is named, and the rest goes on.

mod blob;
mod referrer_lists;
mod signatures;

use crate::meter::Meter;
use bytes::Bytes;
use crate::ends::{Destination, Source};
use domain::artifacts::GraphNode;
use domain::replication::executions::WorkTask;
use domain::Ctx;
use model::accessory::Kind;
use model::{Algorithm, Digest, ExecutionId, TargetId};
use remote::{Failure, Nature, Side};
use std::collections::{HashMap, HashSet};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;
use tokio::sync::Mutex as AsyncMutex;

pub use blob::Pace;

/// What was taken a moment ago is looked for again after so long: some registries show what they took a little later.
const SOON: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(3)];

/// What the tasks of one execution share.
#[derive(Default)]
pub struct Shared {
    /// Where at the destination a blob is known to stand: it is mounted from there.
    standing: Mutex<HashMap<Digest, String>>,
    /// Blobs that this execution found there or sent there, and where.
    looked: Mutex<HashSet<(Digest, String)>>,
    /// One sender a blob: two tasks do not send the same bytes.
    senders: Mutex<HashMap<Digest, Arc<AsyncMutex<()>>>>,
    /// How fast the rule may send.
    pace: Pace,
}

impl Shared {
    pub fn new(pace: Pace) -> Shared {
        Shared { pace, ..Shared::default() }
    }

    fn standing(&self) -> MutexGuard<'_, HashMap<Digest, String>> {
        self.standing.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn has_looked(&self, digest: &Digest, to: &str) -> bool {
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).contains(&(digest.clone(), to.to_owned()))
    }

    /// It stands there.
    fn note_standing(&self, digest: &Digest, to: &str) {
        self.standing().entry(digest.clone()).or_insert_with(|| to.to_owned());
        self.looked.lock().unwrap_or_else(PoisonError::into_inner).insert((digest.clone(), to.to_owned()));
    }

    fn sender(&self, of: &Digest) -> Arc<AsyncMutex<()>> {
        self.senders.lock().unwrap_or_else(PoisonError::into_inner).entry(of.clone()).or_default().clone()
    }
}

/// How a task ended.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum TaskEnd {
    Copied,
    /// Every manifest, list and tag stood there already.
    StandsThere,
    /// All but these, which the destination does not hold: what, and what it said.
    Without(Vec<String>),
    /// It was deleted there, as here.
    Removed,
    /// It was to be removed, and stays there: why.
    Kept(String),
}

/// One task under way.
pub struct ArtifactCopy<'a> {
    pub ctx: &'a Ctx,
    pub source: Arc<dyn Source>,
    pub destination: Box<dyn Destination>,
    pub shared: &'a Shared,
    pub execution: ExecutionId,
    pub target: TargetId,
    pub overwrite: bool,
    /// Blobs go in chunks.
    pub chunked: bool,
    /// What the rule lets stay behind.
    pub accepts: &'a [Kind],
    pub meter: Arc<Meter>,
}

/// A tag of cosign's, not a person's.
pub fn is_machinery(tag: &str) -> bool {
    tag.parse().is_ok_and(|tag| domain::manifest::machinery_subject(&tag).is_some() && !domain::manifest::is_referrers_tag(&tag))
}

/// Hangs there by cosign's tags alone: pushed by its digest it would be an image of nobody's.
fn by_tag_alone(node: &GraphNode) -> bool {
    node.kind.is_some() && node.subject.is_none() && !node.tags.is_empty() && node.tags.iter().all(|tag| is_machinery(tag))
}

impl ArtifactCopy<'_> {
    /// Copies the task's artifact; `last`: what passes is not waited for any more.
    pub async fn run(&self, task: &WorkTask, last: bool) -> Result<TaskEnd, Failure> {
        let digest: Digest = task.digest.parse().map_err(|what| Failure::source(format!("digest {what}")))?;
        let to = task.destination.as_str();
        let nodes = self.source.graph(&task.source, &digest).await?;
        self.meter.done.store(0, Ordering::Relaxed);
        self.meter.total.store(nodes.iter().map(GraphNode::size).sum(), Ordering::Relaxed);
        self.meter.say(format_args!("{}@{digest} → {to}: {}", task.source, model::stamp::count(nodes.len() as i64, "manifest")));
        // A tag that names something else there is found before anything is sent.
        for tag in task.tags.iter().filter(|tag| !is_machinery(tag)) {
            self.may_set(to, tag, &digest).await?;
        }
        let root = nodes.iter().find(|node| node.digest == digest).ok_or_else(|| Failure::source("the artifact is gone"))?;
        let (mut sent, mut arrived, mut without) = (false, Vec::new(), Vec::new());
        for node in &nodes {
            match self.node(to, node).await {
                Ok(pushed) => {
                    sent |= pushed;
                    arrived.push((node, pushed));
                    if pushed && (node.digest == digest || node.kind.is_some()) {
                        self.meter.put(&node.digest, node.digest == digest);
                    }
                    if let Some(kind) = node.kind {
                        self.meter.travelled(kind);
                    }
                }
                // What is attached does not keep the artifact from going.
                Err(failure) if node.kind.is_some() && failure.side == Side::Destination
                    && (failure.nature == Nature::Lasting || last && failure.nature == Nature::Passing) => {
                    self.stays_behind(node, &failure.message, &mut without);
                }
                Err(failure) => return Err(failure),
            }
        }
        for tag in &task.tags {
            sent |= self.tag(to, tag, root).await?;
        }
        sent |= self.list(to, &arrived.iter().map(|(node, _)| *node).collect::<Vec<_>>(), &mut without).await?;
        self.compare(to, &arrived).await?;
        match without.is_empty() {
            false => Ok(TaskEnd::Without(without)),
            true if sent => Ok(TaskEnd::Copied),
            true => Ok(TaskEnd::StandsThere),
        }
    }

    /// Says that the destination does not hold something that is attached; unless the rule lets it, the artifact has not arrived whole.
    fn stays_behind(&self, node: &GraphNode, why: &str, without: &mut Vec<String>) {
        let (what, short) = (node.kind.map_or("manifest", |kind| kind.label()), node.digest.short());
        if node.kind.is_some_and(|kind| self.accepts.contains(&kind)) {
            self.meter.say(format_args!("{what} {short} stays behind, as the rule accepts: {why}"));
            return;
        }
        self.meter.say(format_args!("{what} {short} stays behind: {why}"));
        without.push(format!("{what} {short} ({why})"));
    }

    /// Looks whether what was pushed stands there. What was found there a moment ago was compared then.
    async fn compare(&self, to: &str, arrived: &[(&GraphNode, bool)]) -> Result<(), Failure> {
        let mut looked = 0;
        for (node, _) in arrived.iter().filter(|(node, pushed)| *pushed && !by_tag_alone(node)) {
            if !self.stands(to, &node.digest).await? {
                let what = node.kind.map_or("manifest", |kind| kind.label());
                let gone = format!("{what} {} was taken and does not stand there", node.digest.short());
                return Err(Failure::destination(gone));
            }
            looked += 1;
        }
        if looked > 0 {
            self.meter.say(format_args!("compared: {} stand there", model::stamp::count(looked, "pushed manifest")));
        }
        Ok(())
    }

    /// Does what was pushed stand there?
    async fn stands(&self, to: &str, digest: &Digest) -> Result<bool, Failure> {
        for wait in SOON {
            if self.destination.manifest_digest(to, digest.as_str()).await?.is_some() {
                return Ok(true);
            }
            tokio::time::sleep(wait).await;
        }
        Ok(self.destination.manifest_digest(to, digest.as_str()).await?.is_some())
    }

    /// One manifest with its blobs; says whether anything was sent.
    async fn node(&self, to: &str, node: &GraphNode) -> Result<bool, Failure> {
        let short = node.digest.short();
        let mut sent = false;
        if by_tag_alone(node) {
            for tag in &node.tags {
                sent |= self.merge(to, tag, node).await?;
            }
            return Ok(sent);
        }
        let stands = self.destination.manifest_digest(to, node.digest.as_str()).await?.is_some();
        // A manifest that stands there proves nothing of its blobs: registries let them be deleted, and stores lose them.
        sent |= self.blobs(to, &node.blobs).await?;
        if stands {
            self.meter.say(format_args!("{short}: already there"));
            self.meter.spare(node.content.len() as i64);
        } else {
            let content = Bytes::from(node.content.clone());
            let put = || self.destination.put_manifest(to, node.digest.as_str(), &node.media_type, content.clone());
            match put().await {
                // It was said to have them, or to have mounted them, and has not.
                Err(failure) if failure.message.contains("BLOB_UNKNOWN") && !node.blobs.is_empty() => {
                    self.meter.say(format_args!("{failure}; its blobs are sent again"));
                    self.blobs_anew(to, &node.blobs).await?;
                    put().await?;
                }
                put => put?,
            }
            self.meter.add(node.content.len() as i64);
            let what = node.kind.map_or("manifest", |kind| kind.label());
            self.meter.say(format_args!("{short} pushed ({what})"));
            sent = true;
        }
        // cosign finds its legacy forms by tag.
        for tag in &node.tags {
            sent |= self.tag(to, tag, node).await?;
        }
        Ok(sent)
    }

    /// Refuses to move a tag that the rule does not let us move. Says whether the tag has to be set.
    async fn may_set(&self, to: &str, tag: &str, digest: &Digest) -> Result<bool, Failure> {
        match self.destination.manifest_digest(to, tag).await? {
            None => Ok(true),
            Some(there) if there == *digest => Ok(false),
            Some(_) if self.overwrite => Ok(true),
            Some(there) => Err(Failure::rule(format!(
                "the tag {tag} names {} at the destination, and the rule does not replace tags",
                there.short()
            ))),
        }
    }

    async fn tag(&self, to: &str, tag: &str, node: &GraphNode) -> Result<bool, Failure> {
        if is_machinery(tag) {
            return self.merge(to, tag, node).await;
        }
        if !self.may_set(to, tag, &node.digest).await? {
            return Ok(false);
        }
        // Pushed by a tag, a manifest is named by sha256, whatever it was named by here: the digest says the algorithm.
        let reference = match node.digest.algorithm() {
            Algorithm::Sha256 => tag.to_owned(),
            _ => format!("{}?tag={tag}", node.digest),
        };
        self.destination.put_manifest(to, &reference, &node.media_type, Bytes::from(node.content.clone())).await?;
        let mut there = self.destination.manifest_digest(to, tag).await?;
        for wait in SOON {
            if there.is_some() {
                break;
            }
            tokio::time::sleep(wait).await;
            there = self.destination.manifest_digest(to, tag).await?;
        }
        match there {
            Some(there) if there == node.digest => {}
            there => {
                let why = match &there {
                    Some(there) if there.algorithm() == node.digest.algorithm() => "somebody else moved it meanwhile; run again",
                    None => "it does not show it yet; run again",
                    _ => "it cannot hold a tag of it",
                };
                let names = there.map_or("nothing".to_owned(), |there| there.to_string());
                return Err(Failure::destination(format!("the tag {tag} was set and names {names} there, not {}: {why}", node.digest)));
            }
        }
        self.meter.say(format_args!("tag {tag} set"));
        Ok(true)
    }
}
