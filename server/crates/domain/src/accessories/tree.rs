//! The tree under an artifact: its accessories, theirs, and those of an index's children.

use super::sql::{self, Accessory};
use crate::error::Result;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use model::Digest;
use model::accessory::Node;
use sqlx::AnyConnection;
use std::collections::HashSet;

/// Deeper than any tool attaches; also where a cycle ends.
const DEPTH: usize = 8;

/// What hangs under `subject`, with what hangs under that. The caller has checked that the repository may be read.
pub async fn tree(c: &mut AnyConnection, repository: i64, subject: &Digest) -> Result<Vec<Node>> {
    let mut seen = HashSet::from([subject.clone()]);
    level(c, repository, subject, None, DEPTH, &mut seen).await
}

/// As [`tree`], for a child of an index: each node says which platform it is for.
pub(crate) async fn tree_of_child(
    c: &mut AnyConnection,
    repository: i64,
    child: &Digest,
    platform: &str,
) -> Result<Vec<Node>> {
    let mut seen = HashSet::from([child.clone()]);
    level(c, repository, child, Some(platform.to_owned()), DEPTH, &mut seen).await
}

fn level<'a>(
    c: &'a mut AnyConnection,
    repository: i64,
    subject: &'a Digest,
    platform: Option<String>,
    depth: usize,
    seen: &'a mut HashSet<Digest>,
) -> BoxFuture<'a, Result<Vec<Node>>> {
    async move {
        let mut nodes = Vec::new();
        if depth == 0 {
            return Ok(nodes);
        }
        let found = sql::of_subject(c, repository, subject.as_str()).await?;
        for accessory in found.into_iter().filter(|a| !a.superseded) {
            // Each digest once in a tree, also where it is attached in two ways.
            if !seen.insert(accessory.digest.clone()) {
                continue;
            }
            let digest = accessory.digest.clone();
            let children = level(c, repository, &digest, None, depth - 1, seen).await?;
            nodes.push(node(accessory, platform.clone(), children));
        }
        // Signatures first, then by age.
        nodes.sort_by_key(|node| (!node.kind.is_signature(), node.kind, node.pushed_at));
        Ok(nodes)
    }
    .boxed()
}

fn node(accessory: Accessory, platform: Option<String>, children: Vec<Node>) -> Node {
    Node {
        digest: accessory.digest,
        kind: accessory.kind,
        attachment: accessory.attachment,
        detail: accessory.detail,
        size: accessory.size,
        pushed_at: accessory.pushed_at,
        subject: accessory.subject,
        platform,
        children,
    }
}
