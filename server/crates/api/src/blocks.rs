//! Blocks, of a project and of the system: ours, in Harbor's manners.

use crate::answers::{Answer, Created, Done, Listed, Shown, Time};
use crate::call::{Call, Json};
use crate::errors::ApiError;
use crate::list::{self, Asks, page};
use axum::extract::Path;
use domain::{Owner, blocks};
use model::{Digest, Page, block};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A digest that no door serves.
#[derive(Serialize, ToSchema)]
pub struct Block {
    digest: String,
    /// As clients read it that are refused.
    reason: String,
    by: String,
    creation_time: Time,
    /// `system`: it holds in every project, and no project lifts it; else `project`.
    level: &'static str,
}

impl From<block::Block> for Block {
    fn from(block: block::Block) -> Block {
        let level = if block.of_system { "system" } else { "project" };
        Block { digest: block.digest.to_string(), reason: block.reason, by: block.by, creation_time: block.at.into(), level }
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = BlockReq)]
pub struct Input {
    #[serde(default)]
    digest: String,
    #[serde(default)]
    reason: String,
}

/// A block with where its digest stands.
#[derive(Serialize, ToSchema)]
pub struct BlockWithHolders {
    #[serde(flatten)]
    block: Block,
    holders: Vec<Holder>,
}

/// An artifact that a digest is, or that holds it.
#[derive(Serialize, ToSchema)]
#[schema(as = BlockHolder)]
pub struct Holder {
    project: String,
    repository: String,
    digest: String,
    tags: Vec<String>,
    /// The digest is its own; else it lists it, or is made of it.
    itself: bool,
    pull_count: i64,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_time: Option<Time>,
}

impl From<block::Holder> for Holder {
    fn from(holder: block::Holder) -> Holder {
        Holder {
            project: holder.project.to_string(), repository: holder.repository.to_string(), digest: holder.digest.to_string(),
            tags: holder.tags.iter().map(ToString::to_string).collect(), itself: holder.itself, pull_count: holder.pull_count,
            pull_time: holder.pulled_at.map(Time::from),
        }
    }
}

/// What became of a purge: what was deleted, and what stays with why.
#[derive(Serialize, ToSchema)]
pub struct Purged {
    deleted: Vec<String>,
    kept: Vec<Kept>,
}

#[derive(Serialize, ToSchema)]
#[schema(as = PurgeKept)]
pub struct Kept {
    name: String,
    reason: String,
}

fn digest(text: &str) -> Result<Digest, ApiError> {
    text.parse().map_err(|what| ApiError::bad(format!("the digest {text:?} {what}")))
}

async fn listed(call: Call, owner: Owner) -> Answer<Listed<Block>> {
    let (_, _) = list::query(&call, &Asks { sorts: &[], name: "", keys: &[], columns: &[] })?;
    let mut all = blocks::list(&call.ctx, &call.who, &owner).await?;
    if owner != Owner::System {
        all.sort_by_key(|block| block.of_system);
    }
    let (number, size) = list::window(&call)?;
    let total = all.len() as i64;
    let skip = usize::try_from((number - 1).saturating_mul(size)).unwrap_or(usize::MAX);
    let items = all.into_iter().skip(skip).take(usize::try_from(size).unwrap_or_default()).collect();
    page(&call, Page { items, total, next: None }, move |block| {
        let of_system = owner == Owner::System || block.of_system;
        Block::from(block::Block { of_system, ..block })
    })
}

async fn made(call: Call, owner: Owner, at: String, input: Input) -> Answer<Created> {
    let digest = digest(&input.digest)?;
    blocks::create(&call.ctx, &call.who, &owner, digest.clone(), &input.reason).await?;
    Ok(Created(format!("/api/v2.0/{at}/{digest}")))
}

async fn one(call: Call, owner: Owner, text: &str) -> Answer<Shown<BlockWithHolders>> {
    let digest = digest(text)?;
    let found = blocks::get(&call.ctx, &call.who, &owner, &digest).await?;
    let found = found.ok_or_else(|| ApiError::not_found(format!("block {digest} was not found")))?;
    let of_system = owner == Owner::System || found.of_system;
    let holders = blocks::holders(&call.ctx, &call.who, &owner, &digest).await?;
    Ok(Shown(BlockWithHolders { block: Block::from(block::Block { of_system, ..found }), holders: holders.into_iter().map(Holder::from).collect() }))
}

async fn gone(call: Call, owner: Owner, text: &str) -> Answer<Done> {
    blocks::lift(&call.ctx, &call.who, &owner, &digest(text)?).await?;
    Ok(Done)
}

async fn purged(call: Call, owner: Owner, text: &str) -> Answer<Shown<Purged>> {
    let done = blocks::purge(&call.ctx, &call.who, &owner, &digest(text)?).await?;
    let kept = done.kept.into_iter().map(|(name, reason)| Kept { name, reason }).collect();
    Ok(Shown(Purged { deleted: done.deleted, kept }))
}

pub async fn list(call: Call, Path(project): Path<String>) -> Answer<Listed<Block>> {
    let owner = Owner::Project(call.project(&project).await?);
    listed(call, owner).await
}

pub async fn create(call: Call, Path(project): Path<String>, Json(input): Json<Input>) -> Answer<Created> {
    let owner = Owner::Project(call.project(&project).await?);
    made(call, owner, format!("projects/{project}/blocks"), input).await
}

pub async fn get(call: Call, Path((project, digest)): Path<(String, String)>) -> Answer<Shown<BlockWithHolders>> {
    let owner = Owner::Project(call.project(&project).await?);
    one(call, owner, &digest).await
}

pub async fn delete(call: Call, Path((project, digest)): Path<(String, String)>) -> Answer<Done> {
    let owner = Owner::Project(call.project(&project).await?);
    gone(call, owner, &digest).await
}

/// Deletes what the blocked digest is and is held by.
pub async fn purge(call: Call, Path((project, digest)): Path<(String, String)>) -> Answer<Shown<Purged>> {
    let owner = Owner::Project(call.project(&project).await?);
    purged(call, owner, &digest).await
}

pub async fn list_of_system(call: Call) -> Answer<Listed<Block>> {
    listed(call, Owner::System).await
}

pub async fn create_in_system(call: Call, Json(input): Json<Input>) -> Answer<Created> {
    made(call, Owner::System, "system/blocks".to_owned(), input).await
}

pub async fn get_of_system(call: Call, Path(digest): Path<String>) -> Answer<Shown<BlockWithHolders>> {
    one(call, Owner::System, &digest).await
}

pub async fn delete_of_system(call: Call, Path(digest): Path<String>) -> Answer<Done> {
    gone(call, Owner::System, &digest).await
}

/// As [`purge`], in every project.
pub async fn purge_in_system(call: Call, Path(digest): Path<String>) -> Answer<Shown<Purged>> {
    purged(call, Owner::System, &digest).await
}
