//! The tree under an artifact: its accessories, theirs, and those of an index's children.
//!
//! It is read level by level, a few statements each, and has an end: what is more than it holds is counted. Each accessory
//! stands in it once, also where it is attached in two ways or a cycle leads back to it.

use super::sql::{self, Accessory};
use crate::error::Result;
use model::Digest;
use model::accessory::Node;
use sqlx::AnyConnection;
use std::collections::{HashMap, HashSet};

/// Deeper than any tool attaches.
const DEPTH: usize = 8;
/// Most nodes of a tree.
const NODES: i64 = 200;

/// A tree as far as it is shown.
pub struct Grown {
    pub nodes: Vec<Node>,
    /// How many more hang directly under what was asked for.
    pub more: i64,
}

/// What hangs under `roots`, with what hangs under that, from the `skip`th on. A root with a platform is a child of the index
/// that is shown. The caller has checked that the repository may be read.
pub async fn grow(c: &mut AnyConnection, repository: i64, roots: &[(Digest, Option<String>)], skip: i64) -> Result<Grown> {
    let platforms: HashMap<&str, &str> =
        roots.iter().filter_map(|(digest, platform)| Some((digest.as_str(), platform.as_deref()?))).collect();
    let mut seen: HashSet<Digest> = roots.iter().map(|(digest, _)| digest.clone()).collect();
    let mut under: HashMap<Digest, Vec<Accessory>> = HashMap::new();
    let mut level: Vec<Digest> = roots.iter().map(|(digest, _)| digest.clone()).collect();
    let (mut left, mut skip, mut more) = (NODES, skip.max(0), 0);
    for _ in 0..DEPTH {
        if level.is_empty() || left == 0 {
            break;
        }
        let found = sql::in_force(c, repository, &level, skip, left + 1).await?;
        let cut = found.len() as i64 > left;
        if cut {
            let all = sql::count_in_force(c, repository, &level).await?;
            more += all - skip - left;
        }
        let mut next = Vec::new();
        for accessory in found.into_iter().take(left as usize) {
            if seen.insert(accessory.digest.clone()) {
                left -= 1;
                next.push(accessory.digest.clone());
                under.entry(accessory.subject.clone()).or_default().push(accessory);
            }
        }
        if cut {
            break;
        }
        (level, skip) = (next, 0);
    }
    let nodes = roots
        .iter()
        .flat_map(|(digest, _)| {
            let platform = platforms.get(digest.as_str()).map(|platform| (*platform).to_owned());
            branch(&mut under, digest, platform.as_deref())
        })
        .collect();
    Ok(Grown { nodes, more })
}

/// What was found under `subject`: signatures first, then by age.
fn branch(under: &mut HashMap<Digest, Vec<Accessory>>, subject: &Digest, platform: Option<&str>) -> Vec<Node> {
    let found = under.remove(subject).unwrap_or_default();
    let mut nodes: Vec<Node> = found
        .into_iter()
        .map(|accessory| Node {
            children: branch(under, &accessory.digest, None),
            digest: accessory.digest,
            kind: accessory.kind,
            attachment: accessory.attachment,
            detail: accessory.detail,
            size: accessory.size,
            pushed_at: accessory.pushed_at,
            subject: accessory.subject,
            platform: platform.map(str::to_owned),
        })
        .collect();
    nodes.sort_by_key(|node| (!node.kind.is_signature(), node.kind, node.pushed_at));
    nodes
}
