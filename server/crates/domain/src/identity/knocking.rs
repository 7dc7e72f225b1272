//! Who is turned away, for administrators: failed sign-ins that slow the next, and forgiving them.

use super::{Principal, sql};
use crate::access;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::events::Event;
use model::user::Knocking;

/// Most that are shown, the newest first.
const SHOWN: i64 = 200;

/// Accounts and addresses that wait, the newest first.
pub async fn knocking(ctx: &Ctx, who: &Principal) -> Result<Vec<Knocking>> {
    access::administrator(ctx, who).await?;
    // What this process knows and the database does not yet.
    ctx.local.throttle.flush(ctx).await?;
    let mut c = ctx.db.read().await?;
    let now = ctx.now();
    let mut proof = access::system(&mut c, now, who).await?;
    let found = sql::failures_since(proof.conn(), model::Stamp(now.0 - super::throttle::LONGEST), SHOWN).await?;
    let knocking = |(key, counter): (String, sql::Counter)| Knocking {
        key,
        account: counter.account.map(Into::into),
        address: counter.address.into(),
        failures: i64::from(counter.failures),
        since: model::Stamp(counter.since),
        last: model::Stamp(counter.last),
    };
    Ok(found.into_iter().map(knocking).collect())
}

/// Forgives an account at an address: its next sign-in is checked at once.
pub async fn unlock(ctx: &Ctx, who: &Principal, key: &str) -> Result<()> {
    let (now, caller, owned) = (ctx.now(), who.clone(), key.to_owned());
    // Rows are named by a digest: the event's name is what the row says.
    let name = {
        let mut c = ctx.db.read().await?;
        let mut proof = access::system(&mut c, now, who).await?;
        sql::failure(proof.conn(), key).await?.ok_or_else(|| Error::not_found("failed sign-ins", key))?
    };
    ctx.change(who, Event::AccountUnlocked { name }, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        sql::forgive(proof.conn(), &owned).await
    })
    .await?;
    ctx.local.throttle.unlock(key);
    Ok(())
}
