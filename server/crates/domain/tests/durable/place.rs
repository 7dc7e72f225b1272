//! A data directory opened as the server opens it.

use domain::blobs::Disk;
use domain::clock::Clock;
use domain::datadir::{DataDir, check_key};
use domain::db::Db;
use domain::{Ctx, Settings};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::AtomicI64;

/// When the story begins, in ms.
const BEGIN: i64 = 1_767_225_600_000;

pub struct Place {
    pub ctx: Ctx,
    /// For who lets time pass.
    #[allow(dead_code)]
    pub clock: Arc<AtomicI64>,
    _data: DataDir,
}

/// Opens what lies at `path`, or begins anew there. What the server would refuse is an error.
pub async fn open(path: &Path) -> Result<Place, String> {
    let data = DataDir::open(path).map_err(|refusal| refusal.to_string())?;
    let keys = data.keys(None).map_err(|refusal| refusal.to_string())?;
    let db = Db::open(&data.sqlite_url().map_err(|refusal| refusal.to_string())?).await.map_err(|refusal| refusal.to_string())?;
    check_key(&db, &keys).await.map_err(|refusal| refusal.to_string())?;
    let blobs = Disk::open(data.path()).map_err(|error| error.to_string())?;
    let clock = Arc::new(AtomicI64::new(BEGIN));
    let settings = Settings {
        external_url: "http://127.0.0.1:8080".into(),
        gc_grace: 2 * 3_600_000,
        recycle: 24 * 3_600_000,
        ..Settings::default()
    };
    let ctx = Ctx::new(db, Arc::new(blobs), Clock::Fixed(clock.clone()), keys, settings);
    domain::jobs::recover(&ctx).await.map_err(|error| error.to_string())?;
    Ok(Place { ctx, clock, _data: data })
}
