//! Events forwarded to a receiver elsewhere, each by itself, as they happen: also those that the audit log sums up.
//!
//! What is to be sent is a row of the outbox, written in the transaction of the change; pulls and refusals, which have none, follow within a second. A row is
//! sent in the order of its number and deleted once it was sent and the line stood for [`SETTLES`] longer: syslog acknowledges nothing. After a break, and
//! after a start, what was not deleted is sent again: at least once, each with the number by which a receiver drops repeats.
//!
//! No cursor is kept, and so none can be ahead of a row that commits late (PostgreSQL gives numbers before it commits): such a row is simply still there,
//! and is found by the next look.

mod sql;
mod syslog;
#[cfg(test)]
mod tests;

pub(crate) use sql::forget_all;
pub use syslog::Receiver;

use crate::access;
use crate::ctx::Ctx;
use crate::db::Engine;
use crate::error::Result;
use crate::events::{self, Event};
use crate::identity::Principal;
use model::Stamp;
use model::audit::Outcome;
use serde_json::json;
use sqlx::AnyConnection;
use std::collections::HashSet;
use std::sync::{Mutex, MutexGuard};
use std::time::{Duration, Instant};
use syslog::Line;
use tokio::sync::watch;

/// So long the line must stand after a row was sent before the row goes: longer than TCP waits for what it sent to be acknowledged.
pub const SETTLES: Duration = Duration::from_secs(20);
/// Between two looks at an empty outbox, and after a failure, doubled up to the last.
const LOOK: Duration = Duration::from_millis(500);
const PAUSE: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(15);
/// Rows of one look and one write.
const SLICE: i64 = 500;
/// Bytes of what waits in memory for the next write.
const HELD: usize = 32 << 20;
/// Between two looks at how much waits.
const WEIGH: Duration = Duration::from_secs(10);

/// One event on its way.
#[derive(Clone, Debug)]
pub(crate) struct Told {
    at: Stamp,
    severity: i64,
    kind: &'static str,
    body: String,
}

impl Told {
    /// `id` is one that no other event has, in any life of the database.
    pub fn new(id: &str, now: Stamp, who: &Principal, event: &Event, outcome: Outcome) -> Told {
        let mut fields = events::fields(&events::payload(event));
        fields.values_mut().for_each(|value| value.truncate(value.floor_char_boundary(LONGEST_FIELD)));
        let project = match event.scope() {
            events::Scope::Project(name) => Some(name),
            _ => None,
        };
        let body = json!({
            "id": id, "time": now.rfc3339(), "who": cut(&who.name()), "action": event.kind(), "thing": model::audit::thing(&fields, project.as_deref()),
            "project": project, "outcome": outcome.key(), "door": who.via.as_str(), "address": cut(&who.client.address),
            "client": cut(&who.client.user_agent), "request": cut(&who.client.request_id),
            "details": fields,
        });
        // RFC 5424, 6.2.1: a warning, or informational.
        let severity = if outcome == Outcome::Refused { 4 } else { 6 };
        Told { at: now, severity, kind: event.kind(), body: body.to_string() }
    }
}

/// What a client says of itself, within reason.
fn cut(text: &str) -> &str {
    &text[..text.floor_char_boundary(text.len().min(LONGEST_FIELD))]
}

/// Bytes of one text of a message.
const LONGEST_FIELD: usize = 256;

#[derive(Default)]
struct Inner {
    waiting: Vec<Told>,
    bytes: usize,
    /// Not held any more: there were too many.
    lost: i64,
    /// When the last gap was told of.
    gap: Option<Instant>,
    /// Bytes that were written since it was weighed how much waits.
    written: i64,
    /// Refusals of nobody known that may still be told of one by one, and when that was counted.
    strangers: (i64, Stamp),
    standing: Standing,
}

/// Refusals of nobody known that are told of one by one, in a burst and a second: what comes past them is counted. No stranger fills the outbox.
const BURST: i64 = 2000;
const A_SECOND: i64 = 20;

impl Inner {
    fn admits(&mut self, now: Stamp) -> bool {
        let (left, at) = self.strangers;
        let earned = if at == Stamp::default() { BURST } else { (now.0 - at.0).clamp(0, 3_600_000) * A_SECOND / 1000 };
        let since = if earned > 0 || at == Stamp::default() { now } else { at };
        self.strangers = ((left + earned).min(BURST), since);
        let admitted = self.strangers.0 > 0;
        self.strangers.0 -= i64::from(admitted);
        admitted
    }
}

/// How the line stands.
#[derive(Clone, Debug, Default)]
struct Standing {
    up: bool,
    /// Why it does not stand, as of the last try.
    error: String,
}

/// What this process holds until it is written, and how its line stands.
#[derive(Default)]
pub struct Forwarding(Mutex<Inner>);

impl Forwarding {
    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    fn stands(&self, up: bool, error: String) {
        self.inner().standing = Standing { up, error };
    }
}

/// How forwarding stands, for administrators.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Status {
    pub receiver: String,
    pub up: bool,
    pub error: String,
    /// Events that wait, their bytes, and since when the oldest does.
    pub waiting: i64,
    pub bytes: i64,
    pub oldest: Option<Stamp>,
    /// Most bytes that wait: past them the oldest go.
    pub keep: i64,
}

/// `None` where nothing is forwarded.
pub async fn status(ctx: &Ctx, who: &Principal) -> Result<Option<Status>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    let Some(receiver) = &ctx.settings.forward else { return Ok(None) };
    let (waiting, bytes, oldest) = sql::waiting(proof.conn()).await?;
    let standing = ctx.local.forwarding.inner().standing.clone();
    Ok(Some(Status { receiver: receiver.address(), up: standing.up, error: standing.error, waiting, bytes, oldest, keep: receiver.keep }))
}

/// Forwards a change in its own transaction.
pub(crate) async fn record(c: &mut AnyConnection, id: &str, now: Stamp, who: &Principal, event: &Event) -> Result<()> {
    sql::put(c, &[Told::new(id, now, who, event, Outcome::Done)]).await
}

/// Forwards what has no transaction, with the next write.
pub(crate) fn note(ctx: &Ctx, who: &Principal, event: &Event, outcome: Outcome) {
    if ctx.settings.forward.is_none() {
        return;
    }
    let now = ctx.now();
    if outcome == Outcome::Refused && who.is_anonymous() && !ctx.local.forwarding.inner().admits(now) {
        ctx.local.forwarding.inner().lost += 1;
        return;
    }
    let told = Told::new(&ctx.random.id(), now, who, event, outcome);
    let mut inner = ctx.local.forwarding.inner();
    if inner.bytes + told.body.len() > HELD {
        inner.lost += 1;
        return;
    }
    inner.bytes += told.body.len();
    inner.waiting.push(told);
}

/// Writes what is held in memory.
pub async fn flush(ctx: &Ctx) -> Result<()> {
    let (waiting, lost) = {
        let mut inner = ctx.local.forwarding.inner();
        inner.bytes = 0;
        (std::mem::take(&mut inner.waiting), std::mem::take(&mut inner.lost))
    };
    let mut rest = waiting.as_slice();
    while !rest.is_empty() {
        let (part, after) = rest.split_at(rest.len().min(SLICE as usize));
        let bytes: usize = part.iter().map(|told| told.body.len()).sum();
        let put = part.to_vec();
        if let Err(error) = ctx.db.write_content(async move |c| sql::put(c, &put).await).await {
            // It is held until the next try, before what came meanwhile.
            let mut inner = ctx.local.forwarding.inner();
            let later = std::mem::replace(&mut inner.waiting, rest.to_vec());
            inner.waiting.extend(later);
            inner.bytes += rest.iter().map(|told| told.body.len()).sum::<usize>();
            inner.lost += lost;
            return Err(error);
        }
        ctx.local.forwarding.inner().written += bytes as i64;
        rest = after;
    }
    let written = ctx.local.forwarding.inner().written;
    if let Some(receiver) = ctx.settings.forward.as_ref().filter(|_| written > WRITTEN) {
        weigh(ctx, receiver.keep).await?;
    }
    gap(ctx, lost).await
}

/// Bytes after which it is weighed how much waits, whether the line stands or not.
const WRITTEN: i64 = 8 << 20;

/// Between two gaps that are told of: no stranger makes rows at will.
const GAPS: Duration = Duration::from_secs(60);

/// Events that nobody will be told of are told of by one, a minute's together.
async fn gap(ctx: &Ctx, lost: i64) -> Result<()> {
    match lost {
        0 => Ok(()),
        events if ctx.local.forwarding.inner().gap.is_some_and(|at| at.elapsed() < GAPS) => {
            ctx.local.forwarding.inner().lost += events;
            Ok(())
        }
        events => {
            let told = ctx.change(&Principal::system(), Event::ForwardingLost { events }, async |_| Ok(())).await;
            let mut inner = ctx.local.forwarding.inner();
            match told {
                Ok(()) => inner.gap = Some(Instant::now()),
                Err(_) => inner.lost += events,
            }
            told
        }
    }
}

/// Forwards until `stopping` says so.
pub async fn run(ctx: Ctx, mut stopping: watch::Receiver<bool>) {
    let Some(receiver) = ctx.settings.forward.clone() else { return };
    let (mut line, mut pause, mut weighed) = (None::<Sender>, PAUSE, None::<Instant>);
    while !*stopping.borrow() {
        let wait = match step(&ctx, &receiver, &mut line, &mut weighed).await {
            Ok(0) => LOOK,
            Ok(_) => Duration::ZERO,
            Err(error) => {
                if ctx.local.forwarding.inner().standing.error != error {
                    tracing::warn!(%error, receiver = receiver.address(), "events could not be forwarded; they wait");
                }
                ctx.local.forwarding.stands(false, error);
                line = None;
                let longer = (pause * 2).min(LONGEST);
                std::mem::replace(&mut pause, longer)
            }
        };
        if line.is_some() {
            pause = PAUSE;
        }
        if wait > Duration::ZERO {
            tokio::select! {
                _ = stopping.changed() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }
}

/// Writes what is held, sends what waits, and lets go what has settled; answers how many were sent.
async fn step(ctx: &Ctx, receiver: &Receiver, line: &mut Option<Sender>, weighed: &mut Option<Instant>) -> std::result::Result<usize, String> {
    let said = |error: crate::Error| error.to_string();
    flush(ctx).await.map_err(said)?;
    if weighed.is_none_or(|at| at.elapsed() >= WEIGH) {
        *weighed = Some(Instant::now());
        weigh(ctx, receiver.keep).await.map_err(said)?;
    }
    if line.is_none() {
        *line = Some(Sender { line: Line::open(receiver).await?, sent: Vec::new(), ids: HashSet::new(), last: 0 });
        ctx.local.forwarding.stands(true, String::new());
    }
    match line {
        Some(sender) => sender.pass(ctx, receiver).await,
        None => Ok(0),
    }
}

/// Lets the oldest go where more waits than may.
async fn weigh(ctx: &Ctx, keep: i64) -> Result<()> {
    ctx.local.forwarding.inner().written = 0;
    let (mut waiting, mut bytes, _) = sql::waiting(&mut *ctx.db.read().await?).await?;
    let mut lost = 0;
    while bytes > keep && waiting > 0 {
        let dropped = ctx.db.write_content(async move |c| sql::drop_oldest(c, SLICE * 4, bytes - keep).await).await;
        let (rows, gone) = match dropped {
            Ok(dropped) => dropped,
            Err(error) => {
                ctx.local.forwarding.inner().lost += lost;
                return Err(error);
            }
        };
        if rows == 0 {
            break;
        }
        (waiting, bytes, lost) = (waiting - rows, bytes - gone, lost + rows);
    }
    gap(ctx, lost).await
}

/// A line, and what was sent over it and not let go yet.
struct Sender {
    line: Line,
    sent: Vec<(i64, Instant)>,
    ids: HashSet<i64>,
    last: i64,
}

impl Sender {
    async fn pass(&mut self, ctx: &Ctx, receiver: &Receiver) -> std::result::Result<usize, String> {
        let said = |error: crate::Error| error.to_string();
        if let Some(ended) = self.line.ended() {
            return Err(ended);
        }
        self.settle(ctx, receiver.settles).await.map_err(said)?;
        let rows = {
            let mut c = ctx.db.read().await.map_err(said)?;
            let mut rows = sql::next(&mut c, self.last, SLICE).await.map_err(said)?;
            // What committed later than what has a higher number: SQLite has one writer, there it cannot be.
            if rows.is_empty() && matches!(ctx.db.engine(), Engine::Postgres) {
                let late: Vec<i64> = sql::through(&mut c, self.last).await.map_err(said)?.into_iter().filter(|id| !self.ids.contains(id)).collect();
                rows = sql::these(&mut c, &late).await.map_err(said)?;
            }
            rows
        };
        let text: String = rows.iter().map(|row| receiver.message(row)).collect();
        self.line.send(text.as_bytes()).await?;
        let now = Instant::now();
        for row in &rows {
            self.last = self.last.max(row.id);
            self.ids.insert(row.id);
            self.sent.push((row.id, now));
        }
        Ok(rows.len())
    }

    /// Lets go what was sent long enough ago.
    async fn settle(&mut self, ctx: &Ctx, settles: Duration) -> Result<()> {
        let settled = self.sent.iter().take_while(|(_, at)| at.elapsed() >= settles).count();
        let ids: Vec<i64> = self.sent.drain(..settled).map(|(id, _)| id).collect();
        for part in ids.chunks(SLICE as usize) {
            let part = part.to_vec();
            ctx.db.write_content(async move |c| sql::forget(c, &part).await).await?;
        }
        for id in &ids {
            self.ids.remove(id);
        }
        Ok(())
    }
}
