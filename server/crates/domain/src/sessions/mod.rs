//! Portal sessions, as rows. The id a browser holds is not in the database: its SHA-256 is.
//!
//! A row exists only for who signed in. An update never makes a row, so a request that ends after a sign-out does not
//! bring the session back.

mod sql;

use aws_lc_rs::hmac;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::identity::Principal;
use crate::secrets::HashedSecret;
use model::{Stamp, UserId};

/// Idle for this long, a session ends, in ms.
pub fn idle(ctx: &Ctx) -> i64 {
    ctx.configuration().session_timeout * 60_000
}
/// However active, a session ends after this long, in ms.
pub const ABSOLUTE: i64 = 12 * 3_600_000;

const PROOF: &[u8] = b"wharf session proof v1";

/// What a client that holds this session's cookie sends beside it to change something: other sites can send the cookie and not read this.
pub fn proof(ctx: &Ctx, cookie: &str) -> String {
    hex::encode(hmac::sign(&ctx.keys.hmac(PROOF), cookie.as_bytes()))
}

/// Is this the session's proof?
pub fn proves(ctx: &Ctx, cookie: &str, sent: &str) -> bool {
    hex::decode(sent).is_ok_and(|sent| hmac::verify(&ctx.keys.hmac(PROOF), cookie.as_bytes(), &sent).is_ok())
}

/// A session's row.
pub struct Row {
    pub user: UserId,
    pub data: String,
    pub created_at: Stamp,
    pub expires_at: Stamp,
}

/// Makes a row; `false` if that id exists (then another id is needed).
pub async fn create(ctx: &Ctx, id: &str, user: UserId, data: String, expires_at: Stamp) -> Result<bool> {
    let (hash, now) = (HashedSecret::of(id), ctx.now());
    let expires_at = expires_at.min(Stamp(now.0 + ABSOLUTE));
    ctx.db.write(async move |c| sql::insert(c, now, hash.as_stored(), user, &data, expires_at).await).await
}

/// Changes a row that is there; says whether it was.
pub async fn update(ctx: &Ctx, id: &str, data: String, expires_at: Stamp) -> Result<bool> {
    let (hash, now) = (HashedSecret::of(id), ctx.now());
    ctx.db.write(async move |c| sql::update(c, now, hash.as_stored(), &data, expires_at).await).await
}

/// The row, unless it ended.
pub async fn load(ctx: &Ctx, id: &str) -> Result<Option<Row>> {
    sql::get(&mut *ctx.db.read().await?, ctx.now(), HashedSecret::of(id).as_stored()).await
}

/// Ends a session.
pub async fn delete(ctx: &Ctx, id: &str) -> Result<()> {
    let hash = HashedSecret::of(id);
    ctx.db.write(async move |c| sql::delete(c, hash.as_stored()).await).await
}

/// Ends later because it is in use: the idle time starts again, the absolute end does not move. Written at most once a
/// minute for a session.
pub async fn touch(ctx: &Ctx, id: &str) -> Result<()> {
    let (hash, now) = (HashedSecret::of(id), ctx.now());
    let row = sql::get(&mut *ctx.db.read().await?, now, hash.as_stored()).await?;
    match row {
        // The setting may be another than when it was written.
        Some(row) => {
            let until = Stamp((now.0 + idle(ctx)).min(row.created_at.0 + ABSOLUTE));
            if (until.0 - row.expires_at.0).abs() <= 60_000 {
                return Ok(());
            }
            ctx.db.write_content(async move |c| sql::update(c, now, hash.as_stored(), &row.data, until).await).await.map(drop)
        }
        None => Ok(()),
    }
}

/// Signing in and out of the session that a request came with; the server knows the cookie.
#[async_trait::async_trait]
pub trait SessionControl: Send + Sync {
    /// Starts a session under a new id.
    async fn enter(&self, who: &Principal) -> Result<()>;
    /// Ends it.
    async fn leave(&self) -> Result<()>;
}

/// Removes rows that ended.
pub async fn sweep(ctx: &Ctx) -> Result<()> {
    let now = ctx.now();
    ctx.db.write(async move |c| sql::sweep(c, now).await).await
}
