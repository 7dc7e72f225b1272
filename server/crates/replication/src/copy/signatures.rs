//! Signatures under a tag of their own (cosign's `.sig`, `.att`, `.sbom`): merged with those that are there, whatever the rule says of
//! people's tags.

use super::ArtifactCopy;
use crate::ends::Blob;
use async_trait::async_trait;
use bytes::Bytes;
use domain::artifacts::GraphNode;
use domain::manifest::{Merge, layers, merge};
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use remote::{Failure, Sending, There};
use serde_json::Value;
use std::io;
use std::ops::Range;
use url::Url;

/// How often what is there may change between being read and being written to.
const ROUNDS: usize = 4;

/// Bytes that are made here.
struct Made(Bytes);

#[async_trait]
impl Sending for Made {
    async fn read(&self, range: Range<i64>) -> io::Result<BoxStream<'static, io::Result<Bytes>>> {
        let part = self.0.slice(range.start as usize..range.end as usize);
        Ok(stream::iter([Ok(part)]).boxed())
    }

    fn at(&self, _: i64) {}

    async fn place(&self, _: &Url) -> Result<(), Failure> {
        Ok(())
    }
}

impl ArtifactCopy<'_> {
    /// Sets a tag of cosign's: what the manifest there has and ours has not stays in force. The blobs go first: between reading what is
    /// there and writing there is no more than a moment, for others may write to it from elsewhere.
    pub(super) async fn merge(&self, to: &str, tag: &str, node: &GraphNode) -> Result<bool, Failure> {
        let _turn = self.turn(to, tag).await;
        let ours: Value = serde_json::from_slice(&node.content).map_err(|error| Failure::source(format!("{tag}: {error}")))?;
        let own = layers(&ours);
        let sent = self.blobs(to, &node.blobs).await?;
        let name = tag.parse().map_err(Failure::source)?;
        let mut made = Vec::new();
        loop {
            let there = self.signatures(to, tag, &ours).await?;
            let (content, said) = match merge(&name, &ours, there.as_ref().unwrap_or(&Value::Null)) {
                Merge::Nothing if there.is_some() => {
                    self.meter.say(format_args!("{tag}: already there"));
                    self.meter.spare(node.content.len() as i64);
                    return Ok(sent);
                }
                Merge::Nothing | Merge::Ours => (Bytes::from(node.content.clone()), format!("{tag} set ({})", node.kind.map_or("manifest", |kind| kind.label()))),
                Merge::Both { config, manifest, theirs } => {
                    let digest = domain::blobs::digest_of(model::Algorithm::Sha256, &config);
                    if made.len() > ROUNDS {
                        return Err(Failure::destination(format!("{tag} there is another each time it is read: somebody else writes to it; run again")));
                    }
                    if !made.contains(&digest) {
                        if self.destination.has_blob(to, &digest).await? != There::Yes {
                            let blob = Blob { digest: &digest, size: config.len() as i64, from: None, left: None, chunked: false };
                            self.destination.push_blob(to, &blob, &Made(config.into())).await?;
                        }
                        made.push(digest);
                        continue;
                    }
                    (Bytes::from(manifest.to_string()), format!("{tag} merged: {theirs} that are only there stay in force"))
                }
            };
            self.destination.put_manifest(to, tag, &node.media_type, content).await?;
            self.meter.say(said);
            break;
        }
        self.meter.add(node.content.len() as i64);
        self.holds(to, tag, &own).await?;
        Ok(true)
    }

    /// What stands under a tag of cosign's, if anything: a manifest of documents as ours is. Anything else is somebody's, and left alone.
    async fn signatures(&self, to: &str, tag: &str, ours: &Value) -> Result<Option<Value>, Failure> {
        let Some((_, bytes)) = self.destination.manifest(to, tag).await? else { return Ok(None) };
        let found: Value = serde_json::from_slice(&bytes).unwrap_or_default();
        let kinds = |manifest: &Value| layers(manifest).iter().map(|layer| layer.get("mediaType").cloned().unwrap_or_default()).collect::<Vec<_>>();
        let known = kinds(ours);
        let is_alike = found.get("layers").is_some_and(Value::is_array) && kinds(&found).iter().all(|kind| known.contains(kind));
        match is_alike || tag.ends_with(".sbom") && found.get("layers").is_some_and(Value::is_array) {
            true => Ok(Some(found)),
            false => Err(Failure::destination(format!("the tag {tag} names something there that is none of what cosign keeps under it; it was left alone"))),
        }
    }

    /// The turn to write under this tag there, among all executions.
    pub(super) async fn turn(&self, to: &str, tag: &str) -> impl Drop {
        self.ctx.local.writers.turn(format!("{} {to}:{tag}", self.destination.origin())).await
    }

    /// Looks whether the tag holds our signatures now: another writer may have come between.
    async fn holds(&self, to: &str, tag: &str, own: &[Value]) -> Result<(), Failure> {
        let there = self.destination.manifest(to, tag).await?;
        let theirs = there.map(|(_, bytes)| serde_json::from_slice::<Value>(&bytes).unwrap_or_default()).unwrap_or_default();
        let all = layers(&theirs);
        match own.iter().all(|layer| all.contains(layer)) {
            true => Ok(()),
            false => Err(Failure::destination(format!("{tag} was set and does not hold what was set: somebody else wrote to it; run again"))),
        }
    }
}
