//! When garbage is collected by itself: by a cron pattern that an administrator sets, else every `gc.every`.

use super::{begin, sql};
use crate::access;
use crate::ctx::Ctx;
use crate::error::Result;
use crate::events::Event;
use crate::identity::Principal;
use crate::schedules::{self, Due, Kind};
use model::collection::Schedule;
use model::run::Trigger;
use model::{CollectionId, Stamp};

/// How it stands: the pattern, and when the next collection is due.
pub async fn schedule(ctx: &Ctx, who: &Principal) -> Result<Schedule> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    read(ctx, proof.conn()).await
}

async fn read(ctx: &Ctx, c: &mut sqlx::AnyConnection) -> Result<Schedule> {
    let (set, every) = (schedules::get(c, Kind::Collection, "").await?, ctx.settings.gc_every);
    let next = match &set {
        Some(set) => set.next,
        None if every <= 0 => None,
        // The first one of a server is due at once.
        None => Some(sql::last_start(c).await?.map_or(ctx.now(), |last| Stamp(last.0 + every))),
    };
    Ok(Schedule { cron: set.map(|set| set.cron), every, next })
}

/// Sets it: a pattern, `Some("")` for never, `None` for what the configuration says.
pub async fn set_schedule(ctx: &Ctx, who: &Principal, cron: Option<String>) -> Result<()> {
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::CollectionScheduled { cron: cron.clone() }, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        schedules::checked(cron.as_deref().unwrap_or_default(), now)?;
        schedules::set(proof.conn(), now, Kind::Collection, "", cron.as_deref()).await
    })
    .await
}

/// Starts the collection whose clock is due; it stays due while one runs, and while the server is read-only.
pub(crate) async fn start_due(ctx: &Ctx, due: &Due) -> Result<()> {
    if sql::unsettled(&mut *ctx.db.read().await?).await?.is_some() || ctx.configuration().read_only {
        return Ok(());
    }
    begin(ctx, &Principal::system(), Trigger::Schedule, false, Some(due.clone())).await.map(drop)
}

/// Starts the one that the configuration's span asks for, where no clock is set.
pub(crate) async fn start_by_span(ctx: &Ctx) -> Result<Option<CollectionId>> {
    let mut c = ctx.db.read().await?;
    let schedule = read(ctx, &mut c).await?;
    let busy = sql::unsettled(&mut c).await?.is_some();
    drop(c);
    if busy || schedule.cron.is_some() || ctx.configuration().read_only || schedule.next.is_none_or(|due| due > ctx.now()) {
        return Ok(None);
    }
    begin(ctx, &Principal::system(), Trigger::Schedule, false, None).await
}
