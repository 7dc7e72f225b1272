//! What the database holds, as administrators see it.

use serde::{Deserialize, Serialize};

/// A kind of rows.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Table {
    pub name: String,
    pub label: String,
    pub rows: i64,
    /// About; exact on PostgreSQL.
    pub bytes: i64,
    /// For how long, in words.
    pub kept: String,
}

/// All of it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub tables: Vec<Table>,
    /// The whole database, and what of it is free for what comes.
    pub bytes: i64,
    pub free: i64,
    /// Blobs and manifests, as projects count them.
    pub blobs: i64,
    /// What of these only deletions keep that can be undone.
    pub waiting: i64,
}
