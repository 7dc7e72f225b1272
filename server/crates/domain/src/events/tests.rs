//! What is written of what happened, and what strangers cannot make grow.

use super::Event;
use crate::artifacts::{Reference, may_push};
use crate::error::Error;
use crate::identity::{Client, Principal};
use crate::testing::World;
use sqlx::Row;

async fn rows(world: &World, outcome: &str) -> Vec<(String, i64, String)> {
    let mut c = world.ctx.db.read().await.unwrap();
    let found = sqlx::query("SELECT kind, times, payload FROM events WHERE outcome = $1 ORDER BY id").bind(outcome).fetch_all(&mut *c).await.unwrap();
    found.iter().map(|row| (row.get("kind"), row.get("times"), row.get("payload"))).collect()
}

#[tokio::test]
async fn s_12_strangers_refusals_are_summed_up_and_never_a_row_each() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let (repository, tag) = ("r".parse().unwrap(), Reference::Tag("x".parse().unwrap()));
    let from = |address: String| Principal::anonymous(Client { address, ..Client::default() });
    for round in 0..3 {
        for n in 0..3000 {
            let who = from(format!("10.0.{}.{}", n / 250, n % 250));
            let refused = may_push(&world.ctx, &who, &project, &repository, &tag).await;
            assert!(matches!(refused, Err(Error::Unauthenticated)));
        }
        crate::events::flush(&world.ctx).await.unwrap();
        let rows = rows(&world, "refused").await;
        assert!(rows.len() <= 1025, "{} rows after round {round}", rows.len());
        assert_eq!(rows.iter().map(|(_, times, _)| times).sum::<i64>(), 3000 * (round + 1), "none is forgotten");
    }
    // The hour is over: a new row, and memory is free.
    world.pass(3_600_000);
    crate::events::flush(&world.ctx).await.unwrap();
    assert!(world.ctx.local.refusals.is_empty());
}

#[tokio::test]
async fn an_event_says_what_in_which_project_and_nothing_in_prose() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    world.image(&project, &"r".parse().unwrap(), "v1", "an image").await;
    let done = rows(&world, "done").await;
    let pushed = done.iter().find(|(kind, ..)| kind == "artifact.push").unwrap();
    let payload: serde_json::Value = serde_json::from_str(&pushed.2).unwrap();
    assert_eq!((&payload["project"], &payload["repository"], &payload["reference"]), (&"p".into(), &"r".into(), &"v1".into()));
    let mut c = world.ctx.db.read().await.unwrap();
    let of: Vec<String> = sqlx::query("SELECT e.kind AS kind FROM events AS e JOIN projects AS p ON p.id = e.project_id WHERE p.name = 'p' ORDER BY e.id")
        .fetch_all(&mut *c).await.unwrap().iter().map(|row| row.get("kind")).collect();
    assert_eq!(of, ["project.create", "artifact.push"]);
    let mut kinds = Event::KINDS.to_vec();
    kinds.sort_unstable();
    kinds.dedup();
    assert_eq!(kinds.len(), Event::KINDS.len(), "each kind once");
}
