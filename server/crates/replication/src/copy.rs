//! Carries one artifact with everything that hangs on it: children, the artifact, its accessories of every form.
//!
//! What is there already is not sent again. Signatures under a tag of their own are merged with those that are there, whatever
//! the rule says of people's tags. Where the destination has no referrers API, the fallback tag of
//! distribution-spec 1.1 ("Pushing Manifests with Subject") is kept by reading, merging and writing.

use crate::failure::Failure;
use crate::remote::Remote;
use bytes::Bytes;
use domain::artifacts::{self, GraphNode};
use domain::manifest::OCI_INDEX;
use domain::replication::executions::{self, RemoteBlob, WorkTask};
use domain::{Ctx, Principal};
use futures_util::StreamExt;
use model::{Digest, ExecutionId, TargetId};
use model::accessory::Kind;
use serde_json::{Map, Value, json};
use std::collections::HashMap;
use std::ops::Range;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use tokio::sync::Mutex as AsyncMutex;
use url::Url;

/// Blobs from this size on, in bytes, are gone on with after a break: below it a durable note costs more than it saves.
const RESUMED: i64 = 512 * 1024;

/// What the tasks of one execution share.
#[derive(Default)]
pub struct Shared {
    /// Where at the destination a blob is known to stand: it is mounted from there.
    standing: Mutex<HashMap<Digest, String>>,
    /// One sender a blob, so that two tasks do not send the same bytes.
    senders: Mutex<HashMap<Digest, Arc<AsyncMutex<()>>>>,
}

/// What a running task has done so far; read by whoever reports it.
#[derive(Default)]
pub struct Meter {
    pub done: AtomicI64,
    pub total: AtomicI64,
    log: Mutex<String>,
    accessories: Mutex<Vec<Kind>>,
}

impl Meter {
    pub fn say(&self, line: impl std::fmt::Display) {
        let mut log = self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        log.push_str(&format!("{line}\n"));
    }

    /// The lines since the last time.
    pub fn take_log(&self) -> String {
        std::mem::take(&mut *self.log.lock().unwrap_or_else(|poisoned| poisoned.into_inner()))
    }

    pub fn accessories(&self) -> Vec<Kind> {
        self.accessories.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).clone()
    }
}

/// A tag of cosign's, not a person's.
fn is_machinery(tag: &str) -> bool {
    tag.parse().is_ok_and(|tag| domain::manifest::machinery_subject(&tag).is_some() && !domain::manifest::is_referrers_tag(&tag))
}

/// How a task ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Done {
    Copied,
    /// Every manifest and tag stood there already.
    StandsThere,
}

pub struct Copy<'a> {
    pub ctx: &'a Ctx,
    pub remote: &'a Remote,
    pub shared: &'a Shared,
    pub execution: ExecutionId,
    pub target: TargetId,
    pub overwrite: bool,
    pub meter: Arc<Meter>,
}

impl Copy<'_> {
    /// Copies the task's artifact.
    pub async fn run(&self, task: &WorkTask) -> Result<Done, Failure> {
        let (project, repository) = model::name::split_full(&task.source).map_err(Failure::source)?;
        let digest: Digest = task.digest.parse().map_err(|what| Failure::source(format!("digest {what}")))?;
        let to = task.destination.as_str();
        let nodes = artifacts::graph(self.ctx, &Principal::system(), &project, &repository, &digest).await?;
        self.meter.total.store(nodes.iter().map(GraphNode::size).sum(), Ordering::Relaxed);
        self.meter.say(format_args!("{}@{digest} → {to}: {}", task.source, model::stamp::count(nodes.len() as i64, "manifest")));
        // A tag that names something else there is found before anything is sent.
        for tag in task.tags.iter().filter(|tag| !is_machinery(tag)) {
            self.may_set(to, tag, &digest).await?;
        }
        let mut sent = false;
        for node in &nodes {
            sent |= self.node(to, node).await?;
            if let Some(kind) = node.kind {
                self.meter.accessories.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).push(kind);
            }
        }
        let root = nodes.iter().find(|node| node.digest == digest);
        let root = root.ok_or_else(|| Failure::source("the artifact is gone"))?;
        for tag in &task.tags {
            sent |= self.tag(to, tag, root).await?;
        }
        Ok(if sent { Done::Copied } else { Done::StandsThere })
    }

    /// One manifest with its blobs; says whether anything was sent.
    async fn node(&self, to: &str, node: &GraphNode) -> Result<bool, Failure> {
        let short = node.digest.short();
        let mut sent = false;
        // What hangs there by a tag is found by that alone: pushed by its digest it would be an image of nobody's.
        if node.kind.is_some() && node.subject.is_none() && !node.tags.is_empty() && node.tags.iter().all(|tag| is_machinery(tag)) {
            for tag in &node.tags {
                sent |= self.merge(to, tag, node).await?;
            }
            return Ok(sent);
        }
        if self.remote.head_manifest(to, node.digest.as_str()).await?.is_some() {
            self.meter.say(format_args!("{short}: already there"));
            self.meter.total.fetch_sub(node.size(), Ordering::Relaxed);
            self.note_standing(node, to);
        } else {
            for (digest, size) in &node.blobs {
                self.blob(to, digest, *size).await?;
            }
            let content = Bytes::from(node.content.clone());
            let handled = self.remote.put_manifest(to, node.digest.as_str(), &node.media_type, content).await?;
            self.meter.done.fetch_add(node.content.len() as i64, Ordering::Relaxed);
            let what = node.kind.map_or("manifest", |kind| kind.label());
            self.meter.say(format_args!("{short} pushed ({what})"));
            sent = true;
            if let Some(subject) = &node.subject
                && !handled
                && !self.remote.has_referrers(to, subject).await?
            {
                self.keep_fallback(to, subject, node).await?;
            }
        }
        // cosign finds its legacy forms by tag.
        for tag in &node.tags {
            sent |= self.tag(to, tag, node).await?;
        }
        Ok(sent)
    }

    fn note_standing(&self, node: &GraphNode, to: &str) {
        let mut standing = self.shared.standing.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        for (digest, _) in &node.blobs {
            standing.entry(digest.clone()).or_insert_with(|| to.to_owned());
        }
    }

    async fn blob(&self, to: &str, digest: &Digest, size: i64) -> Result<(), Failure> {
        let sender = {
            let mut senders = self.shared.senders.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            senders.entry(digest.clone()).or_default().clone()
        };
        let _turn = sender.lock().await;
        if self.remote.has_blob(to, digest).await? {
            self.meter.total.fetch_sub(size, Ordering::Relaxed);
            return Ok(());
        }
        let from = self.shared.standing.lock().unwrap_or_else(|poisoned| poisoned.into_inner()).get(digest).cloned();
        let there = RemoteBlob { target: self.target, repository: to.to_owned(), digest: digest.clone() };
        if size < RESUMED || !self.go_on(&there, size).await? {
            let Some(place) = self.remote.start_upload(to, digest, from.as_deref().filter(|from| *from != to)).await? else {
                self.meter.say(format_args!("blob {} mounted", digest.short()));
                self.meter.total.fetch_sub(size, Ordering::Relaxed);
                return Ok(());
            };
            if size >= RESUMED {
                executions::note_upload(self.ctx, self.execution, &there, place.as_str()).await?;
            }
            self.send(&there, place, 0..size).await?;
            self.meter.say(format_args!("blob {} pushed, {}", digest.short(), model::stamp::bytes(size)));
        }
        if size >= RESUMED {
            executions::forget_upload(self.ctx, &there).await?;
        }
        let mut standing = self.shared.standing.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
        standing.insert(digest.clone(), to.to_owned());
        Ok(())
    }

    /// Goes on with an upload that was left there, if one was; `false`: the blob has to be sent from its start.
    async fn go_on(&self, there: &RemoteBlob, size: i64) -> Result<bool, Failure> {
        let Some(left) = executions::take_upload(self.ctx, self.execution, there).await? else { return Ok(false) };
        let Some((place, received)) = self.remote.upload_status(&there.repository, &left, size).await? else { return Ok(false) };
        // The registry may still be at what the cut-off request sent; then it refuses, and the blob is sent whole.
        if !self.send(there, place, received..size).await? {
            return Ok(false);
        }
        self.meter.total.fetch_sub(received, Ordering::Relaxed);
        let (short, at) = (there.digest.short(), model::stamp::bytes(received));
        self.meter.say(format_args!("blob {short} went on at {at} of {}, pushed", model::stamp::bytes(size)));
        Ok(true)
    }

    /// Sends a part of a blob, up to its end.
    async fn send(&self, there: &RemoteBlob, place: Url, bytes: Range<i64>) -> Result<bool, Failure> {
        let digest = &there.digest;
        let unreadable = |error: std::io::Error| Failure::source(format!("blob {digest} cannot be read: {error}"));
        let stream = self.ctx.blobs.read(digest, bytes.start as u64..bytes.end as u64).await.map_err(unreadable)?;
        let sent = Arc::new(AtomicI64::new(0));
        let (meter, counter) = (self.meter.clone(), sent.clone());
        let counted = stream.inspect(move |chunk| {
            if let Ok(chunk) = chunk {
                counter.fetch_add(chunk.len() as i64, Ordering::Relaxed);
                meter.done.fetch_add(chunk.len() as i64, Ordering::Relaxed);
            }
        });
        let body = reqwest::Body::wrap_stream(counted);
        let taken = self.remote.upload(&there.repository, place, digest, bytes, body).await?;
        if !taken {
            self.meter.done.fetch_sub(sent.load(Ordering::Relaxed), Ordering::Relaxed);
        }
        Ok(taken)
    }

    /// Refuses to move a tag that the rule does not let us move. Says whether the tag has to be set.
    async fn may_set(&self, to: &str, tag: &str, digest: &Digest) -> Result<bool, Failure> {
        match self.remote.head_manifest(to, tag).await? {
            None => Ok(true),
            Some(there) if there == digest.as_str() => Ok(false),
            Some(_) if self.overwrite => Ok(true),
            Some(there) => Err(Failure::rule(format!(
                "the tag {tag} names {} at the destination, and the rule does not replace tags",
                model::digest::short(&there)
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
        self.remote.put_manifest(to, tag, &node.media_type, Bytes::from(node.content.clone())).await?;
        self.meter.say(format_args!("tag {tag} set"));
        Ok(true)
    }

    /// Sets a tag of cosign's: what the manifest there has and ours has not stays in force.
    async fn merge(&self, to: &str, tag: &str, node: &GraphNode) -> Result<bool, Failure> {
        let there = self.remote.get_manifest(to, tag).await?;
        let ours: Value = serde_json::from_slice(&node.content).unwrap_or_default();
        let layers = |manifest: &Value| manifest.get("layers").and_then(Value::as_array).cloned().unwrap_or_default();
        let theirs = there.as_ref().map(|(_, bytes)| serde_json::from_slice::<Value>(bytes).unwrap_or_default()).unwrap_or_default();
        let (own, mut all) = (layers(&ours), layers(&theirs));
        let new: Vec<Value> = own.iter().filter(|layer| !all.contains(layer)).cloned().collect();
        if there.is_some() && new.is_empty() {
            self.meter.say(format_args!("{tag}: already there"));
            self.meter.total.fetch_sub(node.size(), Ordering::Relaxed);
            return Ok(false);
        }
        for (digest, size) in &node.blobs {
            self.blob(to, digest, *size).await?;
        }
        // A bill of materials is one document: the newer replaces the older.
        let kept = all.iter().filter(|layer| !own.contains(layer)).count();
        if kept == 0 || tag.ends_with(".sbom") {
            self.remote.put_manifest(to, tag, &node.media_type, Bytes::from(node.content.clone())).await?;
            self.meter.done.fetch_add(node.content.len() as i64, Ordering::Relaxed);
            self.meter.say(format_args!("{tag} set ({})", node.kind.map_or("manifest", |kind| kind.label())));
            return Ok(true);
        }
        all.extend(new);
        let digests: Vec<Value> = all.iter().filter_map(|layer| layer.get("digest").cloned()).collect();
        let began = json!({ "created": "0001-01-01T00:00:00Z" });
        // As cosign writes it: the layers are documents, so their digests are those of what they unpack to.
        let config = json!({
            "architecture": "", "os": "", "created": "0001-01-01T00:00:00Z", "config": {},
            "history": vec![began; digests.len()], "rootfs": { "type": "layers", "diff_ids": digests },
        })
        .to_string();
        let digest = domain::blobs::digest_of(model::Algorithm::Sha256, config.as_bytes());
        if !self.remote.has_blob(to, &digest).await?
            && let Some(place) = self.remote.start_upload(to, &digest, None).await?
        {
            let length = config.len() as i64;
            self.remote.upload(to, place, &digest, 0..length, reqwest::Body::from(config.clone())).await?;
        }
        let mut merged = ours;
        merged["config"]["digest"] = digest.as_str().into();
        merged["config"]["size"] = config.len().into();
        merged["layers"] = all.into();
        self.remote.put_manifest(to, tag, &node.media_type, Bytes::from(merged.to_string())).await?;
        self.meter.done.fetch_add(node.content.len() as i64, Ordering::Relaxed);
        self.meter.say(format_args!("{tag} merged: {kept} that are only there stay in force"));
        Ok(true)
    }

    /// Adds the referrer to the list under the subject's fallback tag, keeping what stands there.
    async fn keep_fallback(&self, to: &str, subject: &Digest, node: &GraphNode) -> Result<(), Failure> {
        let tag = subject.tag_stem();
        let key = format!("{to}:{tag}");
        let sender = {
            // One writer a list within this execution; the digest of the name stands for it.
            let name = domain::blobs::digest_of(model::Algorithm::Sha256, key.as_bytes());
            let mut senders = self.shared.senders.lock().unwrap_or_else(|poisoned| poisoned.into_inner());
            senders.entry(name).or_default().clone()
        };
        let _turn = sender.lock().await;
        let mut manifests: Vec<Value> = match self.remote.get_manifest(to, &tag).await? {
            None => Vec::new(),
            Some((media_type, bytes)) => {
                let index: Value = serde_json::from_slice(&bytes).unwrap_or_default();
                match index.get("manifests").and_then(Value::as_array) {
                    Some(manifests) if media_type.starts_with(OCI_INDEX) => manifests.clone(),
                    // `cosign copy` puts images under such a tag.
                    _ => return Err(Failure::destination(format!("the tag {tag} there is no list of referrers; it was left alone"))),
                }
            }
        };
        if manifests.iter().any(|known| known.get("digest").and_then(Value::as_str) == Some(node.digest.as_str())) {
            return Ok(());
        }
        let mut descriptor = json!({
            "mediaType": node.media_type, "digest": node.digest, "size": node.content.len(),
        });
        if !node.artifact_type.is_empty() {
            descriptor["artifactType"] = node.artifact_type.clone().into();
        }
        let annotations: Map<String, Value> = serde_json::from_str(&node.annotations).unwrap_or_default();
        if !annotations.is_empty() {
            descriptor["annotations"] = annotations.into();
        }
        manifests.push(descriptor);
        let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": manifests });
        self.remote.put_manifest(to, &tag, OCI_INDEX, Bytes::from(index.to_string())).await?;
        self.meter.say(format_args!("fallback tag {tag} lists {}", node.digest.short()));
        Ok(())
    }
}
