//! Signatures under a tag of their own (cosign's `.sig`, `.att`, `.sbom`): merged with those that are there, whatever the rule says of
//! people's tags.

use super::Copy;
use crate::ends::Blob;
use async_trait::async_trait;
use bytes::Bytes;
use domain::artifacts::GraphNode;
use futures_util::StreamExt;
use futures_util::stream::{self, BoxStream};
use remote::{Failure, Sending, There};
use serde_json::{Value, json};
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

fn layers(manifest: &Value) -> Vec<Value> {
    manifest.get("layers").and_then(Value::as_array).cloned().unwrap_or_default()
}

impl Copy<'_> {
    /// Sets a tag of cosign's: what the manifest there has and ours has not stays in force.
    pub(super) async fn merge(&self, to: &str, tag: &str, node: &GraphNode) -> Result<bool, Failure> {
        let _turn = self.turn(to, tag).await;
        let ours: Value = serde_json::from_slice(&node.content).unwrap_or_default();
        let own = layers(&ours);
        let there = self.destination.manifest(to, tag).await?;
        let theirs = there.as_ref().map(|(_, bytes)| serde_json::from_slice::<Value>(bytes).unwrap_or_default()).unwrap_or_default();
        let mut all = layers(&theirs);
        let new: Vec<Value> = own.iter().filter(|layer| !all.contains(layer)).cloned().collect();
        let sent = self.blobs(to, &node.blobs).await?;
        if there.is_some() && new.is_empty() {
            self.meter.say(format_args!("{tag}: already there"));
            self.meter.spare(node.content.len() as i64);
            return Ok(sent);
        }
        // A bill of materials is one document: the newer replaces the older.
        let kept = all.iter().filter(|layer| !own.contains(layer)).count();
        if kept == 0 || tag.ends_with(".sbom") {
            self.destination.put_manifest(to, tag, &node.media_type, Bytes::from(node.content.clone())).await?;
            self.meter.add(node.content.len() as i64);
            self.holds(to, tag, &own).await?;
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
        let (digest, length) = (domain::blobs::digest_of(model::Algorithm::Sha256, config.as_bytes()), config.len());
        if self.destination.has_blob(to, &digest).await? != There::Yes {
            let blob = Blob { digest: &digest, size: length as i64, from: None, left: None, chunked: false };
            self.destination.push_blob(to, &blob, &Made(config.into())).await?;
        }
        let mut merged = ours;
        merged["config"]["digest"] = digest.as_str().into();
        merged["config"]["size"] = length.into();
        merged["layers"] = all.into();
        self.destination.put_manifest(to, tag, &node.media_type, Bytes::from(merged.to_string())).await?;
        self.meter.add(node.content.len() as i64);
        self.holds(to, tag, &own).await?;
        self.meter.say(format_args!("{tag} merged: {kept} that are only there stay in force"));
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
