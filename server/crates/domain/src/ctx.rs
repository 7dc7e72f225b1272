//! What every use-case is given: the database, the blobs, time, randomness, keys, the outbound client.

use crate::blobs::BlobStore;
use crate::clock::{Clock, Random};
use crate::db::Db;
use crate::error::Result;
use crate::events::{self, Event};
use crate::identity::Principal;
use crate::keys::Keys;
use crate::local::Local;
use crate::outbound::Outbound;
use ipnet::IpNet;
use model::Stamp;
use sqlx::AnyConnection;
use std::sync::Arc;

/// What the configuration says that use-cases need to know.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where clients reach this server, without a trailing slash: realm, links, and the kind of cookie follow from it.
    pub external_url: String,
    /// Further names it is reached by, of the same form and scheme.
    pub also_known_as: Vec<String>,
    /// Address ranges that outbound requests may reach although they are not public.
    pub outbound_allow: Vec<IpNet>,
    /// Through which requests go out.
    pub proxy: Option<crate::outbound::Proxy>,
    pub sparse: Sparse,
    /// How long garbage collection leaves alone what a push may count on, in ms.
    pub gc_grace: i64,
    /// How long a deletion can be undone, in ms; 0 for not at all.
    pub recycle: i64,
    /// Bytes on the disk that pushes leave free.
    pub reserve: u64,
    /// How often garbage is collected by itself, in ms; 0 for never.
    pub gc_every: i64,
    /// Most bytes of requests' bodies that are held in memory at once, of all requests; an account or address has a quarter.
    pub buffers: u64,
    pub upkeep: crate::upkeep::Spans,
    /// Who events are forwarded to.
    pub forward: Option<crate::forward::Receiver>,
}

/// Which manifests may name what is not in their repository: distribution-spec 1.1, "Pushing Manifests", leaves it to
/// the registry. An artifact with holes cannot be replicated, and what is missing may never come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Sparse {
    /// Indexes, without some of their manifests: mirrors that carry one platform.
    pub indexes: bool,
    /// Images, without some of their blobs.
    pub images: bool,
}

impl Settings {
    /// Every name this server is reached by, the first one first.
    pub fn origins(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.external_url.as_str()).chain(self.also_known_as.iter().map(String::as_str))
    }

    /// The name that a request's `Host` says; `None`: it is none of ours. Letters' case and the scheme's own port do not matter.
    pub fn origin_of(&self, host: &str) -> Option<&str> {
        let default = if self.is_tls() { ":443" } else { ":80" };
        let host = host.strip_suffix(default).unwrap_or(host);
        self.origins().find(|origin| host_of(origin).eq_ignore_ascii_case(host))
    }

    /// `host[:port]` as clients write it before a repository's name.
    pub fn registry_host(&self) -> &str {
        host_of(&self.external_url)
    }

    /// Clients come over TLS, so cookies are `Secure`.
    pub fn is_tls(&self) -> bool {
        self.external_url.starts_with("https://")
    }
}

/// `host[:port]` of a name.
pub fn host_of(origin: &str) -> &str {
    origin.split_once("://").map_or(origin, |(_, host)| host)
}

/// The context; cheap to clone.
#[derive(Clone)]
pub struct Ctx(Arc<Inner>);

/// The parts of a context.
pub struct Inner {
    pub db: Db,
    pub blobs: Arc<dyn BlobStore>,
    pub clock: Clock,
    pub random: Random,
    pub keys: Keys,
    pub settings: Settings,
    pub outbound: Outbound,
    /// The replication adapters' look at a target; set when the server is put together.
    pub connector: std::sync::OnceLock<Arc<dyn crate::replication::targets::Connector>>,
    pub local: Local,
}

impl std::ops::Deref for Ctx {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

impl Ctx {
    /// Puts a context together.
    pub fn new(db: Db, blobs: Arc<dyn BlobStore>, clock: Clock, keys: Keys, settings: Settings) -> Ctx {
        let (local, outbound) = (Local::new(&keys, &settings), Outbound::new(settings.outbound_allow.clone(), settings.proxy.clone()));
        Ctx(Arc::new(Inner { db, blobs, clock, keys, settings, outbound, local, random: Random::default(), connector: Default::default() }))
    }

    pub fn now(&self) -> Stamp {
        self.clock.now()
    }

    /// What an administrator set, as this process read it last.
    pub fn configuration(&self) -> Arc<model::configuration::Configuration> {
        self.local.configuration.get()
    }

    /// Makes a change: `f` in a transaction, and its event in the same one. A refusal is counted. Of a server that is read-only little is
    /// changed ([`Event::in_peace`]).
    pub async fn change<T: Send + 'static>(
        &self,
        who: &Principal,
        event: Event,
        f: impl AsyncFn(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let waits = !event.in_peace();
        let f = async move |c: &mut AnyConnection| {
            let done = f(c).await?;
            // Who may not do it at all learns that first.
            if waits { crate::configuration::may_write(c).await.map(|()| done) } else { Ok(done) }
        };
        let done = self.db.write(self.noted(who, &event, f)).await;
        self.judged(who, event, done)
    }

    /// As [`Ctx::change`], for the content of repositories: [`Db::write_content`].
    pub async fn change_content<T: Send + 'static>(
        &self,
        who: &Principal,
        event: Event,
        f: impl AsyncFn(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let done = self.db.write_content(self.noted(who, &event, f)).await;
        self.judged(who, event, done)
    }

    /// `f` with its event.
    fn noted<T: Send + 'static, F: AsyncFn(&mut AnyConnection) -> Result<T> + Send + 'static>(
        &self,
        who: &Principal,
        event: &Event,
        f: F,
    ) -> impl AsyncFn(&mut AnyConnection) -> Result<T> + Send + use<T, F> {
        let (now, actor, event, forwarded) = (self.now(), who.clone(), event.clone(), self.settings.forward.is_some().then(|| self.random.id()));
        async move |c: &mut AnyConnection| {
            let project = events::robot_project(c, &event).await?;
            let out = f(c).await?;
            events::record(c, now, &actor, &event, project).await?;
            if let Some(id) = &forwarded {
                crate::forward::record(c, id, now, &actor, &event).await?;
            }
            Ok(out)
        }
    }

    fn judged<T>(&self, who: &Principal, event: Event, done: Result<T>) -> Result<T> {
        if let Err(error) = &done
            && error.is_denied()
        {
            self.note_refusal(who, event);
        }
        done
    }

    /// Counts an attempt that was refused.
    pub fn note_refusal(&self, who: &Principal, event: Event) {
        crate::forward::note(self, who, &event, model::audit::Outcome::Refused);
        self.local.refusals.note(self.now(), who, event);
    }
}
