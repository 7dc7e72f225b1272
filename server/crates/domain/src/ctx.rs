//! What every use-case is given: the database, the blobs, time, randomness, keys, the outbound client.

use crate::audit;
use crate::blobs::BlobStore;
use crate::clock::{Clock, Random};
use crate::cache::Answers;
use crate::db::Db;
use crate::error::{Error, Result};
use crate::identity::{self, Passwords, Principal, Throttle};
use crate::keys::Keys;
use crate::outbound::Outbound;
use ipnet::IpNet;
use model::{ProjectId, Stamp};
use sqlx::AnyConnection;
use std::sync::Arc;
use tokio::sync::{Notify, RwLock};

/// What the configuration says that use-cases need to know.
#[derive(Clone, Debug, Default)]
pub struct Settings {
    /// Where clients reach this server, without a trailing slash: realm, links, and the kind of cookie follow from it.
    pub external_url: String,
    /// Prefix of robot accounts' sign-in names.
    pub robot_prefix: String,
    /// Address ranges that outbound requests may reach although they are not public.
    pub outbound_allow: Vec<IpNet>,
    pub sparse: Sparse,
    /// How long garbage collection leaves alone what a push may count on, in ms.
    pub gc_grace: i64,
    /// How long a deletion can be undone, in ms; 0 for not at all.
    pub recycle: i64,
    /// Bytes on the disk that pushes leave free.
    pub reserve: u64,
    /// How often garbage is collected by itself, in ms; 0 for never.
    pub gc_every: i64,
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
    /// `host[:port]` as clients write it before a repository's name.
    pub fn registry_host(&self) -> &str {
        self.external_url.split_once("://").map_or(self.external_url.as_str(), |(_, host)| host)
    }

    /// Clients come over TLS, so cookies are `Secure`.
    pub fn is_tls(&self) -> bool {
        self.external_url.starts_with("https://")
    }
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
    pub connector: std::sync::OnceLock<Arc<dyn crate::targets::Connector>>,
    pub passwords: Passwords,
    pub throttle: Throttle,
    pub shares: identity::Shares,
    pub uploads_in_use: crate::uploads::InUse,
    pub uploads_pending: crate::uploads::Pending,
    pub pulls: crate::artifacts::Pulls,
    pub robot_uses: crate::robots::Uses,
    /// Manifests that are pulled again and again, and blobs that are.
    pub pulled: Answers<crate::artifacts::Kept>,
    pub blob_sizes: Answers<i64>,
    /// What callers were found to be allowed.
    pub looks: crate::access::Looks,
    /// Tokens whose signature was checked.
    pub tokens: identity::Tokens,
    /// Held for reading while a collection deletes bytes, for writing while a backup copies them.
    pub collecting: RwLock<()>,
    /// Rung when a job was queued, so that a worker need not wait for its next look.
    pub work: Notify,
}

impl std::ops::Deref for Ctx {
    type Target = Inner;
    fn deref(&self) -> &Inner {
        &self.0
    }
}

/// What a change is called in the audit log.
#[derive(Clone, Debug)]
pub struct Act {
    /// `noun.verb`, e.g. `project.create`.
    pub action: &'static str,
    /// The thing's name.
    pub object: String,
    pub project: Option<ProjectId>,
    pub detail: String,
}

impl Act {
    pub fn new(action: &'static str, object: impl std::fmt::Display) -> Act {
        Act { action, object: object.to_string(), project: None, detail: String::new() }
    }

    /// With words on what changed; never a secret.
    pub fn detail(mut self, detail: impl Into<String>) -> Act {
        self.detail = detail.into();
        self
    }

    /// Of a project.
    pub fn of(mut self, project: ProjectId) -> Act {
        self.project = Some(project);
        self
    }
}

impl Ctx {
    /// Puts a context together.
    pub fn new(db: Db, blobs: Arc<dyn BlobStore>, clock: Clock, keys: Keys, settings: Settings) -> Ctx {
        let (passwords, throttle) = (Passwords::new(&keys), Throttle::new(&keys));
        let outbound = Outbound::new(settings.outbound_allow.clone());
        Ctx(Arc::new(Inner {
            db, blobs, clock, keys, settings, outbound, passwords, throttle,
            random: Random::default(),
            connector: Default::default(),
            uploads_in_use: Default::default(),
            uploads_pending: Default::default(),
            pulls: Default::default(),
            robot_uses: Default::default(),
            pulled: Answers::new(32 << 20, 4096),
            blob_sizes: Answers::new(8 << 20, 256),
            looks: Default::default(),
            tokens: Default::default(),
            shares: Default::default(),
            collecting: RwLock::new(()),
            work: Notify::new(),
        }))
    }

    pub fn now(&self) -> Stamp {
        self.clock.now()
    }

    /// Makes a change: `f` in a transaction, and its audit row in the same one. A refusal leaves a row of its own.
    pub async fn change<T: Send + 'static>(
        &self,
        who: &Principal,
        act: Act,
        f: impl AsyncFn(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let done = self.db.write(self.noted(who, &act, f)).await;
        self.judged(who, act, done).await
    }

    /// As [`Ctx::change`], for the content of repositories: [`Db::write_content`].
    pub async fn change_content<T: Send + 'static>(
        &self,
        who: &Principal,
        act: Act,
        f: impl AsyncFn(&mut AnyConnection) -> Result<T> + Send + 'static,
    ) -> Result<T> {
        let done = self.db.write_content(self.noted(who, &act, f)).await;
        self.judged(who, act, done).await
    }

    /// `f` with its audit row.
    fn noted<T: Send + 'static, F: AsyncFn(&mut AnyConnection) -> Result<T> + Send + 'static>(
        &self,
        who: &Principal,
        act: &Act,
        f: F,
    ) -> impl AsyncFn(&mut AnyConnection) -> Result<T> + Send + use<T, F> {
        let (now, actor, row) = (self.now(), who.clone(), act.clone());
        async move |c: &mut AnyConnection| {
            let out = f(c).await?;
            audit::record(c, now, &actor, &row, "done").await?;
            Ok(out)
        }
    }

    async fn judged<T>(&self, who: &Principal, act: Act, done: Result<T>) -> Result<T> {
        if let Err(error) = &done
            && error.is_refusal()
        {
            self.note_refusal(who, act, error).await;
        }
        done
    }

    /// Writes the audit row of an attempt that was refused.
    pub async fn note_refusal(&self, who: &Principal, act: Act, error: &Error) {
        let (now, actor) = (self.now(), who.clone());
        let act = Act { detail: error.to_string(), ..act };
        let noted = self.db.write_content(async move |c| audit::record(c, now, &actor, &act, "refused").await).await;
        if let Err(error) = noted {
            tracing::error!(%error, "the audit row of a refusal could not be written");
        }
    }
}
