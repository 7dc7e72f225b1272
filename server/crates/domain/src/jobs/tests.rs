//! A job's lease, over a real database.

use super::*;
use crate::testing::World;
use sqlx::Row;

async fn lease(ctx: &Ctx) -> i64 {
    let mut c = ctx.db.read().await.unwrap();
    sqlx::query("SELECT lease_until FROM jobs").fetch_one(&mut *c).await.unwrap().get("lease_until")
}

async fn claimed(world: &World) -> Claim {
    let now = world.ctx.now();
    world.ctx.db.write(async move |c| enqueue(c, now, "work", "1", ("", "")).await).await.unwrap();
    claim(&world.ctx, "work", 1).await.unwrap().unwrap()
}

/// One step that takes several leases' time: nobody else gets the job meanwhile.
#[tokio::test]
async fn work_of_one_long_step_keeps_its_job() {
    let world = World::new().await;
    let ctx = &world.ctx;
    let (_stop, stopping) = watch::channel(false);
    let mine = claimed(&world).await;
    let long = async {
        for _ in 0..3 {
            let before = lease(ctx).await;
            world.pass(LEASE - 1000);
            while lease(ctx).await == before {
                tokio::task::yield_now().await;
            }
            assert!(claim(ctx, "work", 1).await.unwrap().is_none());
        }
        "done"
    };
    assert_eq!(hold(ctx, &mine, &stopping, long).await, Ok("done"));
}

#[tokio::test]
async fn work_is_cut_where_it_waits_and_says_why() {
    let world = World::new().await;
    let ctx = &world.ctx;
    let (stop, stopping) = watch::channel(false);
    let mine = claimed(&world).await;
    let asked = async {
        ctx.db.write(async move |c| request_stop(c, "work", "1").await).await.unwrap();
        std::future::pending::<()>().await;
    };
    assert_eq!(hold(ctx, &mine, &stopping, asked).await, Err(Cut::Stopped));
    // Asked before its first step, it makes none.
    assert_eq!(hold(ctx, &mine, &stopping, async { unreachable!("it was to stop") }).await, Err::<(), _>(Cut::Stopped));
    world.pass(LEASE + 1);
    let theirs = claim(ctx, "work", 1).await.unwrap().unwrap();
    assert_eq!(hold(ctx, &mine, &stopping, std::future::pending::<()>()).await, Err(Cut::Left));
    let ends = async {
        stop.send(true).unwrap();
        std::future::pending::<()>().await;
    };
    finish(ctx, &theirs).await.unwrap();
    let again = claimed(&world).await;
    assert_eq!(hold(ctx, &again, &stopping, ends).await, Err(Cut::Left));
}
