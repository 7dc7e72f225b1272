//! In tests: what permissions are made of, as one text that differs when any of it does.

use crate::error::Result;
use sqlx::{AnyConnection, Row};

const TABLES: [(&str, &str); 6] = [
    ("users", "id, admin, disabled, credentials_version, deleted_at"),
    ("robots", "id, disabled, expires_at, credentials_version"),
    ("robot_grants", "robot_id, project_id, scope, action"),
    ("members", "project_id, user_id, role"),
    ("projects", "id, name, public, require_signature, policy, storage_limit, owner_id, deleted_at"),
    ("configuration", "name, value"),
];

pub(super) async fn said(c: &mut AnyConnection) -> Result<String> {
    let mut all = String::new();
    for (table, columns) in TABLES {
        let columns: Vec<&str> = columns.split(", ").collect();
        let shown: Vec<String> = columns.iter().map(|column| format!("CAST({column} AS TEXT)")).collect();
        let text = format!("SELECT {} FROM {table} ORDER BY {}", shown.join(", "), columns.join(", "));
        for row in sqlx::query(sqlx::AssertSqlSafe(text)).fetch_all(&mut *c).await? {
            let values: Vec<Option<String>> = (0..columns.len()).map(|n| row.get(n)).collect();
            all.push_str(&format!("{table} {values:?}\n"));
        }
    }
    Ok(all)
}
