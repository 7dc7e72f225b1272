//! Target registries: where replication rules push to. They belong to system administrators.
//!
//! The secret is sealed in its row and leaves it only for the wire. A target whose URL changes loses its secret, so that
//! no edit sends one server's secret to another.

mod sql;
#[cfg(test)]
mod tests;

use crate::access;
use crate::ctx::Ctx;
use crate::events::Event;
use crate::error::{Error, Result};
use crate::identity::Principal;
use crate::outbound::{self, Outbound, Proxy, Tls};
use crate::secrets::{SealedAt, PlainSecret, SealedSecret};
use async_trait::async_trait;
use model::list::Query;
use model::replication::target::{Probe, Provider, Target, TargetInput};
use model::{Page, TargetId};
use std::sync::Arc;
use url::Url;

/// Everything that is needed to speak to a target.
#[derive(Clone, Debug)]
pub struct Connection {
    pub provider: Provider,
    pub url: Url,
    /// Another server that may be asked for tokens, with these credentials.
    pub token_server: Option<Url>,
    pub access_id: String,
    pub secret: PlainSecret,
    pub tls: Tls,
    pub proxy: Option<Arc<Proxy>>,
}

/// Looks at a target; `replication` has the adapters, the server puts them here.
#[async_trait]
pub trait Connector: Send + Sync + 'static {
    /// What stands there, and what these credentials may do.
    async fn probe(&self, ctx: &Ctx, connection: &Connection) -> Probe;
}

fn place(id: TargetId, version: i64) -> SealedAt {
    SealedAt { table: "targets", column: "secret", row: id.0, version }
}

/// The two servers that a target's credentials may be sent to, and the way there.
struct Endpoints {
    url: Url,
    token_server: Option<Url>,
    proxy: Option<Arc<Proxy>>,
}

/// Where a registry of this kind is spoken to, and who hands out its tokens: as it is stored, and by what is known of its kind.
fn spoken(provider: Provider, url: &str, token_server: &str) -> Result<(Url, Option<Url>)> {
    let server = if token_server.is_empty() { provider.token_server(url) } else { token_server };
    Ok((Outbound::parse(provider.endpoint(url))?, token_url(server)?))
}

/// All that is wrong with an input, without a look at the network.
fn check(ctx: &Ctx, input: &TargetInput) -> Result<Endpoints> {
    input.check()?;
    outbound::certificates(&input.ca_certificate)?;
    let input = stored(input)?;
    let (url, token_server) = spoken(input.provider, &input.url, &input.token_server)?;
    Ok(Endpoints { url, token_server, proxy: ctx.outbound.proxy(&input.proxy)? })
}

fn token_url(text: &str) -> Result<Option<Url>> {
    if text.is_empty() {
        return Ok(None);
    }
    Outbound::parse(text).map(Some).map_err(|error| on_token_server(&error))
}

/// The same complaint, on the field it is about.
fn on_token_server(error: &Error) -> Error {
    let message = match error {
        Error::Invalid(problems) => problems.of("url").unwrap_or("cannot be used").to_owned(),
        other => other.to_string(),
    };
    Error::invalid("token_server", message)
}

/// Both addresses must be ones that the configuration lets us call.
async fn may_call(ctx: &Ctx, endpoints: &Endpoints) -> Result<()> {
    let proxy = endpoints.proxy.as_deref();
    if let Some(own) = proxy.filter(|proxy| !proxy.trusted) {
        ctx.outbound.check(&own.url).await.map_err(|error| match error {
            Error::Invalid(problems) => Error::invalid("proxy", problems.of("url").unwrap_or("cannot be used")),
            other => other,
        })?;
    }
    ctx.outbound.check_through(&endpoints.url, proxy).await?;
    if let Some(url) = &endpoints.token_server {
        ctx.outbound.check_through(url, proxy).await.map_err(|error| on_token_server(&error))?;
    }
    Ok(())
}

/// The input as it is stored: the usual address where none is said.
fn stored(input: &TargetInput) -> Result<TargetInput> {
    let url = if input.url.is_empty() { input.provider.usual_url() } else { &input.url };
    let token_server = token_url(&input.token_server)?.as_ref().map(stored_url).unwrap_or_default();
    Ok(TargetInput { url: stored_url(&Outbound::parse(url)?), token_server, ..input.clone() })
}

/// Without the slash that `Url` adds.
fn stored_url(url: &Url) -> String {
    url.as_str().trim_end_matches('/').to_owned()
}

/// Makes a target.
pub async fn create(ctx: &Ctx, who: &Principal, input: TargetInput, secret: PlainSecret) -> Result<Target> {
    access::system(&mut *ctx.db.read().await?, ctx.now(), who).await?;
    let endpoints = check(ctx, &input)?;
    may_call(ctx, &endpoints).await?;
    let input = stored(&input)?;
    let event = Event::TargetCreated { name: input.name.clone(), url: input.url.clone() };
    let (ctx2, caller) = (ctx.clone(), who.clone());
    ctx.change(who, event, async move |c| {
        let mut proof = access::system(c, ctx2.now(), &caller).await?;
        let c = proof.conn();
        let id = sql::insert(c, ctx2.now(), &input)
            .await?
            .ok_or_else(|| Error::conflict("name", format!("is taken: a target registry named {} exists", input.name)))?;
        if !secret.is_empty() {
            let sealed = SealedSecret::seal(&ctx2.keys, &ctx2.random, place(id, 1), &secret)?;
            sql::set_secret(c, id, Some(sealed.as_stored()), 1).await?;
        }
        sql::get(c, id).await?.ok_or_else(|| Error::not_found("target registry", id))
    })
    .await
}

/// The targets.
pub async fn list(ctx: &Ctx, who: &Principal, query: &Query) -> Result<Page<Target>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    sql::list(proof.conn(), query).await
}

/// One target.
pub async fn get(ctx: &Ctx, who: &Principal, id: TargetId) -> Result<Target> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    sql::get(proof.conn(), id).await?.ok_or_else(|| Error::not_found("target registry", id))
}

/// Would a stored secret be sent to another server than before?
fn sends_elsewhere(before: &Target, input: &TargetInput) -> bool {
    let through = before.proxy != input.proxy && !matches!(input.proxy.as_str(), "" | outbound::DIRECT);
    let known = |provider: Provider, url: &str| (provider.endpoint(url).to_owned(), provider.token_server(url));
    let (then, now) = (known(before.provider, &before.url), known(input.provider, &input.url));
    let kind = then.0 != now.0 || then.1 != now.1 && !now.1.is_empty();
    through || kind || before.url != input.url || (before.token_server != input.token_server && !input.token_server.is_empty())
}

/// Changes a target. Without a new secret the old one stays, unless it would be sent to another server: then it is
/// forgotten, as it is by an empty one.
pub async fn update(
    ctx: &Ctx,
    who: &Principal,
    id: TargetId,
    input: TargetInput,
    secret: Option<PlainSecret>,
) -> Result<Target> {
    get(ctx, who, id).await?;
    let endpoints = check(ctx, &input)?;
    may_call(ctx, &endpoints).await?;
    let input = stored(&input)?;
    let event = Event::TargetChanged { name: input.name.clone(), url: input.url.clone() };
    let (ctx2, caller) = (ctx.clone(), who.clone());
    ctx.change(who, event, async move |c| {
        let mut proof = access::system(c, ctx2.now(), &caller).await?;
        let c = proof.conn();
        let missing = || Error::not_found("target registry", id);
        let before = sql::get(c, id).await?.ok_or_else(missing)?;
        if !sql::update(c, ctx2.now(), id, &input).await? {
            return Err(Error::conflict("name", format!("is taken: a target registry named {} exists", input.name)));
        }
        let version = sql::secret(c, id).await?.ok_or_else(missing)?.1 + 1;
        match &secret {
            Some(secret) if !secret.is_empty() => {
                let sealed = SealedSecret::seal(&ctx2.keys, &ctx2.random, place(id, version), secret)?;
                sql::set_secret(c, id, Some(sealed.as_stored()), version).await?;
            }
            // Entered was that there is none.
            Some(_) => sql::set_secret(c, id, None, version).await?,
            None if sends_elsewhere(&before, &input) => sql::set_secret(c, id, None, version).await?,
            _ => {}
        }
        if before.provider.endpoint(&before.url) != input.provider.endpoint(&input.url) {
            sql::forget_uploads(c, id).await?;
        }
        sql::get(c, id).await?.ok_or_else(missing)
    })
    .await
}

/// Deletes a target that no rule uses.
pub async fn delete(ctx: &Ctx, who: &Principal, id: TargetId) -> Result<()> {
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::TargetDeleted { target: id.0 }, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        let c = proof.conn();
        let target = sql::get(c, id).await?.ok_or_else(|| Error::not_found("target registry", id))?;
        if target.rule_count > 0 {
            return Err(Error::Precondition(format!(
                "{} is used by {}: delete {} first",
                target.name,
                model::stamp::count(target.rule_count, "replication rule"),
                if target.rule_count == 1 { "that" } else { "them" },
            )));
        }
        sql::delete(c, id).await
    })
    .await
}

/// A target as it is stored, and its secret.
async fn opened(ctx: &Ctx, who: &Principal, id: TargetId) -> Result<(Target, PlainSecret)> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    let missing = || Error::not_found("target registry", id);
    let (target, sealed, version) = sql::with_secret(proof.conn(), id).await?.ok_or_else(missing)?;
    let secret = match sealed {
        Some(sealed) => {
            SealedSecret::stored(sealed).open(&ctx.keys, place(id, version), &format!("target registry {}", target.name))?
        }
        None => PlainSecret::new(String::new()),
    };
    Ok((target, secret))
}

/// What a job needs to speak to the target, with its secret opened.
pub async fn connection(ctx: &Ctx, who: &Principal, id: TargetId) -> Result<Connection> {
    let (target, secret) = opened(ctx, who, id).await?;
    let (url, token_server) = spoken(target.provider, &target.url, &target.token_server)?;
    Ok(Connection {
        provider: target.provider,
        url,
        token_server,
        access_id: target.access_id,
        secret,
        tls: Tls { verify: target.verify_certificate, ca: target.ca_certificate },
        proxy: ctx.outbound.proxy(&target.proxy)?,
    })
}

/// *Test connection* of a stored target; its health is noted.
pub async fn probe(ctx: &Ctx, who: &Principal, id: TargetId) -> Result<Probe> {
    let connection = connection(ctx, who, id).await?;
    let found = look(ctx, &connection).await;
    let (healthy, now, caller) = (found.healthy(), ctx.now(), who.clone());
    let event = Event::TargetTested { target: id.0, healthy };
    ctx.change(who, event, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        sql::set_health(proof.conn(), id, healthy).await
    })
    .await?;
    Ok(found)
}

/// [`probe`] while whoever asks goes on: its health is known a moment later, and nobody waits for a host that says nothing.
pub fn probe_soon(ctx: &Ctx, who: &Principal, id: TargetId) {
    let (ctx, who) = (ctx.clone(), who.clone());
    tokio::spawn(crate::db::asked_on(async move {
        if let Err(error) = probe(&ctx, &who, id).await {
            tracing::warn!(%error, target = %id, "a target registry could not be looked at");
        }
    }));
}

/// *Test connection* of what stands in a form. The stored secret of `id` is used only for the stored URL and name.
pub async fn probe_input(
    ctx: &Ctx,
    who: &Principal,
    input: &TargetInput,
    secret: PlainSecret,
    id: Option<TargetId>,
) -> Result<Probe> {
    access::system(&mut *ctx.db.read().await?, ctx.now(), who).await?;
    let endpoints = check(ctx, input)?;
    let secret = match id {
        Some(id) if secret.is_empty() => {
            let (before, stored_secret) = opened(ctx, who, id).await?;
            let elsewhere = sends_elsewhere(&before, &stored(input)?) || before.access_id != input.access_id;
            if elsewhere && !stored_secret.is_empty() {
                return Err(Error::invalid(
                    "secret",
                    "must be entered again: the URL, the token server or the access id differs from what it is stored for",
                ));
            }
            stored_secret
        }
        _ => secret,
    };
    let tls = Tls { verify: input.verify_certificate, ca: input.ca_certificate.clone() };
    let Endpoints { url, token_server, proxy } = endpoints;
    let connection =
        Connection { provider: input.provider, url, token_server, access_id: input.access_id.clone(), secret, tls, proxy };
    Ok(look(ctx, &connection).await)
}

async fn look(ctx: &Ctx, connection: &Connection) -> Probe {
    let mut refused = Probe::default();
    if let Err(error) = ctx.outbound.check_through(&connection.url, connection.proxy.as_deref()).await {
        let found = match &error {
            Error::Invalid(problems) => problems.of("url").map(|m| format!("the URL {m}")).unwrap_or_default(),
            other => other.to_string(),
        };
        refused.step("Address", false, found);
        return refused;
    }
    match ctx.connector.get() {
        Some(connector) => connector.probe(ctx, connection).await,
        None => {
            refused.step("Reachable", false, "this server has no replication adapters");
            refused
        }
    }
}
