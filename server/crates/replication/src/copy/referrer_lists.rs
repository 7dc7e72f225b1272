//! Lists of referrers at the destination: what names a subject must be found from it.
//!
//! A registry with the referrers API keeps them itself. For one without, the list under the subject's fallback tag (distribution-spec
//! 1.1, "Pushing Manifests with Subject") is kept by reading, merging and writing; also for what stood there before, since the run that
//! pushed it may have been cut before it wrote the list.

use super::{ArtifactCopy, SOON};
use bytes::Bytes;
use domain::artifacts::GraphNode;
use domain::manifest::OCI_INDEX;
use model::Digest;
use remote::{Failure, RemoteList};
use serde_json::{Map, Value, json};

/// How often a list is written when somebody else writes to it too.
const TRIES: usize = 3;

fn holds(list: &[Value], node: &GraphNode) -> bool {
    list.iter().any(|known| known.get("digest").and_then(Value::as_str) == Some(node.digest.as_str()))
}

fn descriptor(node: &GraphNode) -> Value {
    let mut descriptor = json!({ "mediaType": node.media_type, "digest": node.digest, "size": node.content.len() });
    if !node.artifact_type.is_empty() {
        descriptor["artifactType"] = node.artifact_type.clone().into();
    }
    let annotations: Map<String, Value> = serde_json::from_str(&node.annotations).unwrap_or_default();
    if !annotations.is_empty() {
        descriptor["annotations"] = annotations.into();
    }
    descriptor
}

impl ArtifactCopy<'_> {
    /// Sees to it that everything that names a subject is listed under it. Says whether a list was written; what a registry with the API
    /// does not list goes to `without`.
    pub(super) async fn list(&self, to: &str, nodes: &[&GraphNode], without: &mut Vec<String>) -> Result<bool, Failure> {
        let mut subjects: Vec<(&Digest, Vec<&GraphNode>)> = Vec::new();
        for node in nodes {
            let Some(subject) = &node.subject else { continue };
            match subjects.iter_mut().find(|(known, _)| *known == subject) {
                Some((_, of)) => of.push(node),
                None => subjects.push((subject, vec![node])),
            }
        }
        let mut wrote = false;
        for (subject, of) in subjects {
            let mut listed = self.destination.referrers(to, subject).await?;
            for wait in SOON {
                let RemoteList::All(list) = &listed else { break };
                if of.iter().all(|node| holds(list, node)) {
                    break;
                }
                tokio::time::sleep(wait).await;
                listed = self.destination.referrers(to, subject).await?;
            }
            match listed {
                RemoteList::All(list) => {
                    for node in of.into_iter().filter(|node| !holds(&list, node)) {
                        self.stays_behind(node, "it stands there, and the registry does not list it under what it is attached to", without);
                    }
                }
                RemoteList::Absent | RemoteList::Unknown => wrote |= self.keep_fallback(to, subject, &of).await?,
            }
        }
        Ok(wrote)
    }

    /// Adds what is missing to the list under the subject's fallback tag, keeping what stands there.
    async fn keep_fallback(&self, to: &str, subject: &Digest, nodes: &[&GraphNode]) -> Result<bool, Failure> {
        let tag = subject.tag_stem();
        let _turn = self.turn(to, &tag).await;
        let mut wrote = false;
        for _ in 0..TRIES {
            let mut list = self.fallback(to, &tag).await?;
            let missing: Vec<_> = nodes.iter().filter(|node| !holds(&list, node)).collect();
            if missing.is_empty() {
                return Ok(wrote);
            }
            let count = missing.len() as i64;
            list.extend(missing.into_iter().map(|node| descriptor(node)));
            let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": list });
            self.destination.put_manifest(to, &tag, OCI_INDEX, Bytes::from(index.to_string())).await?;
            self.meter.say(format_args!("fallback tag {tag} lists {} more", model::stamp::count(count, "referrer")));
            // It is read again: the next round finds nothing missing, or that somebody wrote between.
            wrote = true;
        }
        let list = self.fallback(to, &tag).await?;
        match nodes.iter().all(|node| holds(&list, node)) {
            true => Ok(wrote),
            false => Err(Failure::destination(format!("the list of referrers {tag} does not keep what is added to it: somebody else writes to it"))),
        }
    }

    async fn fallback(&self, to: &str, tag: &str) -> Result<Vec<Value>, Failure> {
        let Some((media_type, bytes)) = self.destination.manifest(to, tag).await? else { return Ok(Vec::new()) };
        let index: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        match index.get("manifests").and_then(Value::as_array) {
            Some(manifests) if media_type.starts_with(OCI_INDEX) => Ok(manifests.clone()),
            // `cosign copy` puts images under such a tag.
            _ => Err(Failure::destination(format!("the tag {tag} there is no list of referrers; it was left alone"))),
        }
    }
}
