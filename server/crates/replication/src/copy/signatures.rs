//! Signatures under a tag of their own (cosign's `.sig`, `.att`, `.sbom`): merged with those that are there, whatever the rule says of
//! people's tags.

use super::Copy;
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

impl Copy<'_> {
    /// Sets a tag of cosign's: what the manifest there has and ours has not stays in force.
    pub(super) async fn merge(&self, to: &str, tag: &str, node: &GraphNode) -> Result<bool, Failure> {
        let _turn = self.turn(to, tag).await;
        let ours: Value = serde_json::from_slice(&node.content).unwrap_or_default();
        let own = layers(&ours);
        let there = self.destination.manifest(to, tag).await?;
        let theirs = there.as_ref().map(|(_, bytes)| serde_json::from_slice::<Value>(bytes).unwrap_or_default()).unwrap_or_default();
        let sent = self.blobs(to, &node.blobs).await?;
        let merged = merge(&tag.parse().map_err(Failure::source)?, &ours, &theirs);
        match merged {
            Merge::Nothing if there.is_some() => {
                self.meter.say(format_args!("{tag}: already there"));
                self.meter.spare(node.content.len() as i64);
                return Ok(sent);
            }
            Merge::Nothing | Merge::Ours => {
                self.destination.put_manifest(to, tag, &node.media_type, Bytes::from(node.content.clone())).await?;
                self.meter.say(format_args!("{tag} set ({})", node.kind.map_or("manifest", |kind| kind.label())));
            }
            Merge::Both { config, manifest, theirs } => {
                let (digest, length) = (domain::blobs::digest_of(model::Algorithm::Sha256, &config), config.len());
                if self.destination.has_blob(to, &digest).await? != There::Yes {
                    let blob = Blob { digest: &digest, size: length as i64, from: None, left: None, chunked: false };
                    self.destination.push_blob(to, &blob, &Made(config.into())).await?;
                }
                self.destination.put_manifest(to, tag, &node.media_type, Bytes::from(manifest.to_string())).await?;
                self.meter.say(format_args!("{tag} merged: {theirs} that are only there stay in force"));
            }
        }
        self.meter.add(node.content.len() as i64);
        self.holds(to, tag, &own).await?;
        Ok(true)
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
