//! Days over a real database: what is counted is exact, whatever breaks off.

use super::*;
use crate::artifacts::{self, Pulls, Reference};
use crate::testing::World;
use crate::upkeep;
use model::activity::LENGTH;
use model::Digest;

struct Shop {
    world: World,
    project: ProjectName,
    repository: RepositoryName,
}

impl Shop {
    async fn open() -> Shop {
        let world = World::with(|settings| settings.recycle = LENGTH).await;
        let project = world.project("p", false).await;
        Shop { world, project, repository: "r".parse().unwrap() }
    }

    async fn push(&self, tag: &str) -> Digest {
        self.world.image(&self.project, &self.repository, tag, tag).await
    }

    async fn pull(&self, digest: &Digest, times: usize) {
        for _ in 0..times {
            let reference = Reference::Digest(digest.clone());
            artifacts::pull(&self.world.ctx, &self.world.admin, &self.project, &self.repository, &reference, true).await.unwrap();
        }
    }

    async fn flush(&self) {
        Pulls::flush(&self.world.ctx).await.unwrap();
        flush(&self.world.ctx).await.unwrap();
    }

    /// Pulls and pushes of the last days.
    async fn told(&self, of: Option<&RepositoryName>, count: i64) -> Vec<(i64, i64)> {
        let all = days(&self.world.ctx, &self.world.admin, &self.project, of, count).await.unwrap();
        all.iter().map(|day| (day.pulls, day.pushes)).collect()
    }
}

#[tokio::test]
async fn pulls_and_pushes_stand_in_their_day() {
    let shop = Shop::open().await;
    let (ctx, admin, r) = (&shop.world.ctx, &shop.world.admin, Some(&shop.repository));
    let first = shop.push("v1").await;
    shop.push("v2").await;
    shop.pull(&first, 3).await;
    // Told once, however often it is written.
    shop.flush().await;
    shop.flush().await;
    assert_eq!((shop.told(None, 2).await, shop.told(r, 1).await), (vec![(0, 0), (3, 2)], vec![(3, 2)]));
    shop.world.pass(2 * LENGTH);
    // The same push again is one, too.
    shop.push("v2").await;
    shop.pull(&first, 1).await;
    assert_eq!(shop.told(r, 1).await, [(0, 0)], "it is written beside requests");
    shop.flush().await;
    assert_eq!((shop.told(None, 3).await, shop.told(r, 3).await), (vec![(3, 2), (0, 0), (1, 1)], vec![(3, 2), (0, 0), (1, 1)]));
    let busy = busiest(ctx, admin, &shop.project, 30, 5).await.unwrap();
    assert_eq!(busy, [Busy { repository: shop.repository.clone(), pulls: 4, pushes: 3 }]);
    for wrong in [0, -1, MOST + 1, i64::MAX] {
        assert!(matches!(days(ctx, admin, &shop.project, None, wrong).await, Err(Error::Invalid(_))), "{wrong}");
    }
    let nowhere = "nowhere".parse().unwrap();
    assert!(matches!(days(ctx, admin, &shop.project, Some(&nowhere), 1).await, Err(Error::NotFound(_))));
    let stranger = shop.world.user("mallory").await;
    assert!(days(ctx, &stranger, &shop.project, None, 1).await.is_err() && busiest(ctx, &stranger, &shop.project, 1, 1).await.is_err());
}

#[tokio::test]
async fn what_broke_off_is_neither_lost_nor_told_twice() {
    let shop = Shop::open().await;
    let ctx = &shop.world.ctx;
    let image = shop.push("v1").await;
    // Two processes saw the same push: one of them tells of it.
    let (one, other) = (sql::pending(&mut ctx.db.read().await.unwrap(), 9).await.unwrap(), sql::pending(&mut ctx.db.read().await.unwrap(), 9).await.unwrap());
    // Pushes that come in between wait for the next time.
    shop.push("v2").await;
    let now = ctx.now();
    for seen in [one, other] {
        ctx.db.write_content(async move |c| sql::note_pushes(c, now, &seen).await).await.unwrap();
    }
    assert_eq!(shop.told(None, 1).await, [(0, 1)]);
    // A write that fails leaves what it would have written: pulls noted, pushes to be noted.
    shop.pull(&image, 2).await;
    let rename = async |from: &'static str, to: &'static str| {
        let text = format!("ALTER TABLE {from} RENAME TO {to}");
        ctx.db.write_content(async move |c| Ok(sqlx::query(sqlx::AssertSqlSafe(text.clone())).execute(c).await.map(drop)?)).await.unwrap();
    };
    rename("project_days", "aside").await;
    assert!(Pulls::flush(ctx).await.is_err() && flush(ctx).await.is_err());
    rename("aside", "project_days").await;
    shop.flush().await;
    assert_eq!((shop.told(None, 1).await, shop.told(Some(&shop.repository), 1).await), (vec![(2, 2)], vec![(2, 2)]));
    let repository = crate::repositories::get(ctx, &shop.world.admin, &shop.project, &shop.repository).await.unwrap();
    assert_eq!(repository.pull_count, 2);
}

#[tokio::test]
async fn what_a_project_holds_is_noted_and_rows_have_an_end() {
    let shop = Shop::open().await;
    let (ctx, admin) = (&shop.world.ctx, &shop.world.admin);
    let held = async |count: i64| days(ctx, admin, &shop.project, None, count).await.unwrap().iter().map(|day| day.stored).collect::<Vec<_>>();
    shop.push("v1").await;
    shop.flush().await;
    let before = held(1).await[0].unwrap();
    assert!(before > 0);
    shop.world.pass(3 * LENGTH);
    // Before the first row nothing is known; on days without a row it held what it held.
    assert_eq!(held(5).await, [None, Some(before), Some(before), Some(before), Some(before)]);
    artifacts::delete(ctx, admin, &shop.project, &shop.repository, &Reference::Tag("v1".parse().unwrap())).await.unwrap();
    note_stored(ctx).await.unwrap();
    assert_eq!(held(2).await, [Some(before), Some(0)]);
    shop.world.pass(LENGTH);
    shop.push("v2").await;
    shop.flush().await;
    assert_eq!(held(3).await, [Some(before), Some(0), Some(before)]);
    assert_eq!(shop.told(Some(&shop.repository), 5).await, [(0, 1), (0, 0), (0, 0), (0, 0), (0, 1)]);
    let rows = async |table: &'static str| {
        let text = format!("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM {table}");
        let row = sqlx::query(sqlx::AssertSqlSafe(text)).fetch_one(&mut *ctx.db.read().await.unwrap()).await.unwrap();
        sqlx::Row::get::<i64, _>(&row, "n")
    };
    assert_eq!((rows("repository_days").await, rows("project_days").await), (2, 3));
    shop.world.pass((MOST - 1) * LENGTH);
    upkeep::purge(ctx).await.unwrap();
    assert_eq!((rows("repository_days").await, rows("project_days").await), (1, 2));
    assert_eq!(held(MOST).await[0], Some(before));
    // They go with their repository and their project.
    crate::repositories::delete(ctx, admin, &shop.project, &shop.repository).await.unwrap();
    assert_eq!(rows("repository_days").await, 1, "it can be undone");
    shop.world.pass(2 * LENGTH);
    crate::deletions::dismantle(ctx).await;
    assert_eq!((rows("repository_days").await, rows("project_days").await), (0, 2));
    crate::projects::delete(ctx, admin, &shop.project).await.unwrap();
    assert_eq!(rows("project_days").await, 0);
    note_stored(ctx).await.unwrap();
    assert_eq!(rows("project_days").await, 0);
}
