//! Which database and which blobs belong together: both carry one id, and a pair that does not is refused, because it would be
//! taken for a pair that lost everything, and mended accordingly.

use crate::blobs::BlobStore;
use crate::clock::Random;
use crate::db::{Db, NotOpened, meta};
use crate::uploads;
use futures_util::StreamExt;
use model::Digest;

/// Blobs of the database that are looked for where one of the two has no id yet.
const SAMPLE: i64 = 20;

/// Checks that the two belong together; a new pair, or one of before there were ids, is given one.
pub async fn check(db: &Db, blobs: &dyn BlobStore) -> Result<(), NotOpened> {
    let failed = |error: String| NotOpened(format!("it cannot be found out whether database and blobs belong together: {error}"));
    let there = blobs.instance().await.map_err(|error| failed(error.to_string()))?;
    let here = of(db).await.map_err(|error| failed(error.to_string()))?;
    match (&here, &there) {
        (Some(here), Some(there)) if here == there => return Ok(()),
        (Some(here), Some(there)) => {
            return Err(NotOpened(format!(
                "the blobs are not those of this database (blobs of {there}, database {here}): set database_url, data and s3.* to what belongs together"
            )));
        }
        _ => {}
    }
    // One of them is new, or from before there were ids: what the database knows must lie there.
    let known = sample(db).await.map_err(|error| failed(error.to_string()))?;
    let mut found = 0;
    for (digest, size) in &known {
        found += usize::from(blobs.size(digest).await.map_err(|error| failed(error.to_string()))? == Some(*size));
    }
    let stranger = match known.is_empty() {
        true => {
            let mut all = blobs.all().await.map_err(|error| failed(error.to_string()))?;
            all.next().await.is_some()
        }
        // Registries share blobs that everybody has, such as an empty configuration: a few that are there prove nothing, and a few
        // that are lost neither.
        false => found * 4 < known.len() * 3,
    };
    if stranger {
        let what = match (known.is_empty(), found) {
            (true, _) => "knows none of the blobs that lie there".to_owned(),
            (false, 0) => "knows blobs, and none of them lie there".to_owned(),
            (false, found) => format!("knows blobs, and of {} that were looked for only {found} lie there", known.len()),
        };
        return Err(NotOpened(format!(
            "this database {what}: it is another one, or new. Set database_url, data and s3.* to what belongs together, restore a backup, \
             or move the blobs away to begin anew"
        )));
    }
    let id = here.or(there).unwrap_or_else(|| Random::default().id());
    // The blobs first: a database with an id whose blobs have none is looked at again.
    blobs.set_instance(&id).await.map_err(|error| failed(error.to_string()))?;
    note(db, id).await.map_err(|error| failed(error.to_string()))
}

/// The id of a server's database, which its blobs carry too.
pub async fn of(db: &Db) -> crate::Result<Option<String>> {
    meta::get(&mut *db.read().await?, "instance").await
}

async fn sample(db: &Db) -> crate::Result<Vec<(Digest, u64)>> {
    uploads::some_blobs(&mut *db.read().await?, SAMPLE).await
}

async fn note(db: &Db, id: String) -> crate::Result<()> {
    db.write(async move |c| meta::put(c, "instance", &id).await).await
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testing::World;

    #[tokio::test]
    async fn s_13_a_pair_that_does_not_belong_together_is_refused_and_left_as_it_is() {
        let (one, other) = (World::on_disk().await, World::on_disk().await);
        for world in [&one, &other] {
            let project = world.project("p", false).await;
            // What every registry has proves nothing.
            world.blob(&project, &"r".parse().unwrap(), b"{}").await;
            // From before there were ids, with blobs: it is given one.
            world.image(&project, &"r".parse().unwrap(), "v1", "an image").await;
            world.image(&project, &"r".parse().unwrap(), "v2", &world.ctx.random.id()).await;
            check(&world.ctx.db, &*world.ctx.blobs).await.unwrap();
            check(&world.ctx.db, &*world.ctx.blobs).await.unwrap();
        }
        let fresh = World::on_disk().await;
        for (db, blobs, word) in [(&one, &other, "not those of this database"), (&other, &one, "not those of this database"), (&fresh, &one, "knows none")] {
            let before = (of(&db.ctx.db).await.unwrap(), blobs.ctx.blobs.instance().await.unwrap());
            let refused = check(&db.ctx.db, &*blobs.ctx.blobs).await.unwrap_err().to_string();
            assert!(refused.contains(word), "{refused}");
            assert_eq!((of(&db.ctx.db).await.unwrap(), blobs.ctx.blobs.instance().await.unwrap()), before);
        }
        // A database whose blobs are elsewhere, and a store without its mark whose blobs are here.
        one.ctx.db.write(async |c| Ok(sqlx::query("DELETE FROM meta WHERE key = 'instance'").execute(c).await.map(drop)?)).await.unwrap();
        assert!(check(&one.ctx.db, &*fresh.ctx.blobs).await.unwrap_err().to_string().contains("none of them lie there"));
        let mark = other.dir().join("blobs/instance");
        std::fs::rename(&mark, other.dir().join("mark")).unwrap();
        let refused = check(&one.ctx.db, &*other.ctx.blobs).await.unwrap_err().to_string();
        assert!(refused.contains("lie there") && !mark.exists(), "{refused}");
        let id = one.ctx.blobs.instance().await.unwrap();
        check(&one.ctx.db, &*one.ctx.blobs).await.unwrap();
        assert_eq!(of(&one.ctx.db).await.unwrap(), id, "a database of a backup takes the blobs' id");
        // A new pair.
        check(&fresh.ctx.db, &*fresh.ctx.blobs).await.unwrap();
        assert_eq!(of(&fresh.ctx.db).await.unwrap(), fresh.ctx.blobs.instance().await.unwrap());
    }

    #[tokio::test]
    async fn s_13_blobs_of_another_or_none_in_the_place_of_blobs_are_refused() {
        for how in ["another's", "none", "another's by files alone"] {
            let (one, other) = (World::on_disk().await, World::on_disk().await);
            for world in [&one, &other] {
                let project = world.project("p", false).await;
                world.image(&project, &"r".parse().unwrap(), "v1", &world.ctx.random.id()).await;
                check(&world.ctx.db, &*world.ctx.blobs).await.unwrap();
            }
            let (here, there) = (one.dir().join("blobs"), other.dir().join("blobs"));
            std::fs::rename(&here, one.dir().join("away")).unwrap();
            match how {
                "none" => std::fs::create_dir(&here).unwrap(),
                _ => std::fs::rename(&there, &here).unwrap(),
            }
            if how == "another's by files alone" {
                std::fs::remove_file(here.join("instance")).unwrap();
            }
            assert!(check(&one.ctx.db, &*one.ctx.blobs).await.is_err(), "{how}");
            std::fs::remove_dir_all(&here).unwrap();
            std::fs::rename(one.dir().join("away"), &here).unwrap();
            check(&one.ctx.db, &*one.ctx.blobs).await.unwrap();
        }
    }

    #[tokio::test]
    async fn an_id_beside_the_blobs_is_of_before_and_moves_among_them() {
        let world = World::on_disk().await;
        let project = world.project("p", false).await;
        world.image(&project, &"r".parse().unwrap(), "v1", "an image").await;
        check(&world.ctx.db, &*world.ctx.blobs).await.unwrap();
        let (among, beside) = (world.dir().join("blobs/instance"), world.dir().join("instance"));
        std::fs::rename(&among, &beside).unwrap();
        check(&world.ctx.db, &*world.ctx.blobs).await.unwrap();
        assert!(among.exists() && !beside.exists());
        assert_eq!(world.ctx.blobs.instance().await.unwrap(), of(&world.ctx.db).await.unwrap());
    }
}
