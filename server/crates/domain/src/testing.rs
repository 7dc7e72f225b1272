//! Worlds for tests: a server's context with people in it, on either engine.
//!
//! SQLite in a temporary directory, or PostgreSQL when `WHARF_TEST_POSTGRES` names a server where databases may be made.
//! `cargo xtask test` runs the same tests on both.

use crate::artifacts::{self, Reference};
use crate::manifest;
use crate::blobs::{BlobStore, Bucket, Disk, S3, digest_of};
use crate::clock::{Clock, Random};
use crate::db::Db;
use crate::identity::{self, Client, Principal};
use crate::keys::Keys;
use crate::secrets::PlainSecret;
use crate::{Ctx, Settings, members, projects, uploads, users};
use bytes::Bytes;
use futures_util::stream;
use model::user::NewUser;
use model::{Algorithm, Digest, ProjectName, RepositoryName, Role};
use sqlx::{AnyConnection, Connection};
use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

/// Every person's password.
pub const PASSWORD: &str = "seven tall ships sail";
/// When a world begins: 2026-01-01T00:00:00Z, in ms.
pub const BEGIN: i64 = 1_767_225_600_000;

/// A context with an administrator, on a clock that a test holds.
pub struct World {
    pub ctx: Ctx,
    pub admin: Principal,
    clock: Arc<AtomicI64>,
    dir: tempfile::TempDir,
}

/// The URL of a database that nothing is in yet.
pub async fn database(dir: &std::path::Path) -> String {
    let Ok(server) = std::env::var("WHARF_TEST_POSTGRES") else {
        return format!("sqlite://{}", dir.join("wharf.db").display());
    };
    sqlx::any::install_default_drivers();
    let name = format!("t_{}", Random::default().id());
    let mut c = AnyConnection::connect(&server).await.expect("the PostgreSQL of WHARF_TEST_POSTGRES");
    sqlx::raw_sql(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}"))).execute(&mut c).await.expect("a new database");
    c.close().await.expect("closed");
    let mut url = url::Url::parse(&server).expect("a URL");
    url.set_path(&name);
    url.to_string()
}

/// A new place in the bucket that `WHARF_TEST_S3` names (`http://KEY:SECRET@127.0.0.1:9000/BUCKET`), if it does.
pub fn bucket() -> Option<Bucket> {
    let mut url = url::Url::parse(&std::env::var("WHARF_TEST_S3").ok()?).expect("a URL");
    let (key, secret) = (url.username().to_owned(), url.password().unwrap_or_default().to_owned());
    let name = url.path().trim_matches('/').to_owned();
    let _ = (url.set_username(""), url.set_password(None));
    url.set_path("");
    Some(Bucket {
        endpoint: url.to_string().trim_end_matches('/').to_owned(),
        name,
        region: "us-east-1".into(),
        access_key: key,
        secret_key: PlainSecret::new(secret),
        prefix: Random::default().id(),
        redirect: false,
    })
}

impl World {
    /// A fresh world, where deletions cannot be undone.
    pub async fn new() -> World {
        World::with(|_| {}).await
    }

    /// A fresh world with other settings.
    pub async fn with(change: impl FnOnce(&mut Settings)) -> World {
        World::on(bucket(), change).await
    }

    /// A fresh world whose blobs are files under [`World::dir`], for tests that do something to them.
    pub async fn on_disk() -> World {
        World::on(None, |_| {}).await
    }

    async fn on(bucket: Option<Bucket>, change: impl FnOnce(&mut Settings)) -> World {
        let dir = tempfile::tempdir().expect("a temporary directory");
        let url = database(dir.path()).await;
        let db = Db::open(&url).await.expect("the database");
        let blobs: Arc<dyn BlobStore> = match bucket {
            Some(bucket) => Arc::new(S3::open(&bucket).await.expect("the bucket of WHARF_TEST_S3")),
            None => Arc::new(Disk::open(dir.path()).expect("blobs")),
        };
        let clock = Arc::new(AtomicI64::new(BEGIN));
        let mut settings = Settings {
            external_url: "http://127.0.0.1:8080".into(),
            also_known_as: Vec::new(),
            outbound_allow: vec!["127.0.0.0/8".parse().expect("a range")],
            proxy: None,
            sparse: Default::default(),
            gc_grace: 2 * 3_600_000,
            recycle: 0,
            reserve: 0,
            gc_every: 24 * 3_600_000,
            buffers: 128 << 20,
            upkeep: Default::default(),
            forward: None,
        };
        change(&mut settings);
        let ctx = Ctx::new(db, blobs, Clock::Fixed(clock.clone()), Keys::from_bytes([7; 32]), settings);
        users::create_first_admin(&ctx, PlainSecret::new(PASSWORD.into())).await.expect("the first administrator");
        let mut world = World { ctx, admin: Principal::system(), clock, dir };
        world.admin = world.sign_in("admin").await;
        world
    }

    /// A server started anew on the same database: it remembers nothing else.
    pub fn restarted(&self) -> Ctx {
        let clock = Clock::Fixed(self.clock.clone());
        Ctx::new(self.ctx.db.clone(), self.ctx.blobs.clone(), clock, Keys::from_bytes([7; 32]), self.ctx.settings.clone())
    }

    /// The data directory.
    pub fn dir(&self) -> &std::path::Path {
        self.dir.path()
    }

    /// Lets time pass, in ms.
    pub fn pass(&self, ms: i64) {
        self.clock.fetch_add(ms, Ordering::Relaxed);
    }

    /// A principal by password, as from a browser at 198.51.100.7.
    pub async fn sign_in(&self, name: &str) -> Principal {
        let client = Client { address: "198.51.100.7".into(), ..Client::default() };
        identity::authenticate(&self.ctx, name, &PlainSecret::new(PASSWORD.into()), client).await.expect("signed in")
    }

    /// Nobody.
    pub fn nobody(&self) -> Principal {
        Principal::anonymous(Client::default())
    }

    /// A new user.
    pub async fn user(&self, name: &str) -> Principal {
        let input = NewUser {
            name: name.into(),
            email: format!("{name}@example.com"),
            full_name: name.into(),
            comment: String::new(),
        };
        users::create(&self.ctx, &self.admin, input, PlainSecret::new(PASSWORD.into())).await.expect("a user");
        self.sign_in(name).await
    }

    /// A new project of the administrator's.
    pub async fn project(&self, name: &str, public: bool) -> ProjectName {
        projects::create(&self.ctx, &self.admin, name, public, false).await.expect("a project").name
    }

    /// A new user with a role in a project.
    pub async fn member(&self, name: &str, project: &ProjectName, role: Role) -> Principal {
        let who = self.user(name).await;
        members::create(&self.ctx, &self.admin, project, name, role).await.expect("a member");
        who
    }

    /// Pushes a blob as the administrator.
    pub async fn blob(&self, project: &ProjectName, repository: &RepositoryName, bytes: &[u8]) -> Digest {
        let digest = digest_of(Algorithm::Sha256, bytes);
        let body = stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(bytes))]);
        uploads::put(&self.ctx, &self.admin, project, repository, &digest, None, body).await.expect("a blob");
        digest
    }

    /// Pushes a manifest as the administrator; `reference` is a tag or `""` for its digest.
    pub async fn manifest(
        &self,
        project: &ProjectName,
        repository: &RepositoryName,
        tag: &str,
        json: &serde_json::Value,
    ) -> Digest {
        let bytes = serde_json::to_vec(json).expect("JSON");
        let digest = digest_of(Algorithm::Sha256, &bytes);
        let reference = match tag {
            "" => Reference::Digest(digest),
            tag => Reference::Tag(tag.parse().expect("a tag")),
        };
        artifacts::push(&self.ctx, &self.admin, project, repository, &reference, Vec::new(), None, bytes)
            .await
            .expect("a manifest")
            .digest
    }

    /// Pushes a one-layer image whose content is `text`.
    pub async fn image(&self, project: &ProjectName, repository: &RepositoryName, tag: &str, text: &str) -> Digest {
        let config = self.blob(project, repository, format!(r#"{{"architecture":"amd64","os":"linux","x":"{text}"}}"#).as_bytes()).await;
        let layer = self.blob(project, repository, text.as_bytes()).await;
        let size = |digest: &Digest, n: usize| serde_json::json!({ "digest": digest, "size": n });
        let mut config = size(&config, format!(r#"{{"architecture":"amd64","os":"linux","x":"{text}"}}"#).len());
        config["mediaType"] = "application/vnd.oci.image.config.v1+json".into();
        let mut layer = size(&layer, text.len());
        layer["mediaType"] = "application/vnd.oci.image.layer.v1.tar".into();
        let json = serde_json::json!({
            "schemaVersion": 2, "mediaType": manifest::OCI_MANIFEST, "config": config, "layers": [layer],
        });
        self.manifest(project, repository, tag, &json).await
    }

    /// Collects garbage.
    pub async fn collect(&self) {
        crate::gc::start(&self.ctx, &self.admin, false).await.expect("a collection");
        let claim = crate::jobs::claim(&self.ctx, crate::gc::JOB, 1).await.expect("the queue").expect("a job");
        let (_stop, stopping) = tokio::sync::watch::channel(false);
        crate::gc::collect(&self.ctx, &claim, &stopping).await.expect("collected");
    }

    /// Attaches a manifest of one blob to `subject`.
    pub async fn attach(
        &self,
        project: &ProjectName,
        repository: &RepositoryName,
        subject: &Digest,
        media_type: &str,
        content: &[u8],
    ) -> Digest {
        let empty = self.blob(project, repository, b"{}").await;
        let layer = self.blob(project, repository, content).await;
        let json = serde_json::json!({
            "schemaVersion": 2, "mediaType": manifest::OCI_MANIFEST, "artifactType": media_type,
            "config": { "mediaType": manifest::EMPTY, "digest": empty, "size": 2 },
            "layers": [{ "mediaType": media_type, "digest": layer, "size": content.len() }],
            "subject": { "mediaType": manifest::OCI_MANIFEST, "digest": subject, "size": 1 },
        });
        self.manifest(project, repository, "", &json).await
    }
}
