//! The log as it is read: by whom, and that looks have an end.

use super::*;
use crate::error::Error;
use crate::testing::World;
use model::Role;

#[tokio::test]
async fn who_may_sees_what_happened_and_finds_it_again() {
    let world = World::new().await;
    let (ctx, admin) = (&world.ctx, &world.admin);
    let project = world.project("p", false).await;
    let (guest, maintainer) = (world.member("guest", &project, Role::Guest).await, world.member("mate", &project, Role::Maintainer).await);
    world.pass(60_000);
    world.image(&project, &"r".parse().unwrap(), "v1", "one").await;
    let kinds = async |who: &Principal, project: Option<&ProjectName>, asked: Asked| {
        list(ctx, who, project, &asked, None, 50).await.map(|found| found.items.into_iter().map(|one| format!("{} {}", one.kind, one.thing())).collect::<Vec<_>>())
    };
    assert!(matches!(kinds(&guest, Some(&project), Asked::default()).await, Err(Error::Forbidden { .. })));
    assert!(matches!(kinds(&maintainer, None, Asked::default()).await, Err(Error::Forbidden { .. })));
    let own = kinds(&maintainer, Some(&project), Asked::default()).await.unwrap();
    assert_eq!(own, ["artifact.push p/r:v1", "member.create mate of p", "member.create guest of p", "project.create p"]);
    let all = kinds(admin, None, Asked::default()).await.unwrap();
    assert!(all.iter().any(|one| one == "user.create guest") && all.len() > own.len(), "{all:?}");
    let of = |change: &dyn Fn(&mut Asked)| { let mut asked = Asked::default(); change(&mut asked); asked };
    for (asked, n) in [
        (of(&|asked| asked.kinds = vec!["artifact.push".into()]), 1), (of(&|asked| asked.text = "P/R:v1".into()), 1), (of(&|asked| asked.text = "repository".into()), 0),
        (of(&|asked| asked.text = "V1".into()), 1),
        (of(&|asked| asked.outcome = Some(Outcome::Refused)), 0), (of(&|asked| asked.from = Some(Stamp(ctx.now().0))), 1),
        (of(&|asked| asked.to = Some(Stamp(crate::testing::BEGIN))), 3), (of(&|asked| asked.actor = Some("nobody-at-all".into())), 0),
        (of(&|asked| asked.text = "198.51.100.7".into()), 4),
    ] {
        assert_eq!(kinds(admin, Some(&project), asked.clone()).await.unwrap().len(), n, "{asked:?}");
    }
}

#[tokio::test]
async fn a_look_through_a_million_rows_has_an_end_and_says_where_to_go_on() {
    let world = World::new().await;
    let (ctx, admin) = (&world.ctx, &world.admin);
    let begin = ctx.now().0;
    ctx.db.write_content(async move |c| {
        sqlx::query(
            "WITH RECURSIVE n(i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 60000)
             INSERT INTO events (at, last_at, times, kind, payload, outcome, actor, actor_id, via, address, request_id, search)
             SELECT $1 + i * 1000, $1 + i * 1000, 1, CASE WHEN i = 7 THEN 'project.delete' ELSE 'artifact.push' END,
               '{}', 'done', 'ci', 1, 'basic', '', '', CASE WHEN i = 30000 THEN 'the needle' ELSE 'hay' END FROM n",
        ).bind(begin).execute(c).await?;
        Ok(())
    }).await.unwrap();
    // A rare kind is found at once, however far down it lies.
    let rare = Asked { kinds: vec!["project.delete".into()], ..Asked::default() };
    assert_eq!(list(ctx, admin, None, &rare, None, 15).await.unwrap().items.len(), 1);
    // A text is looked for in so many rows at a time.
    let (asked, mut after, mut looks) = (Asked { text: "needle".into(), ..Asked::default() }, None, 0);
    let found = loop {
        looks += 1;
        let found = list(ctx, admin, None, &asked, after, 15).await.unwrap();
        if !found.items.is_empty() || found.further.is_none() {
            break found;
        }
        after = found.further;
    };
    assert_eq!((found.items.len(), looks), (1, 2));
    // By time it goes there at once.
    let then = Asked { from: Some(Stamp(begin + 29_000_000)), to: Some(Stamp(begin + 31_000_000)), text: "needle".into(), ..Asked::default() };
    assert_eq!(list(ctx, admin, None, &then, None, 15).await.unwrap().items.len(), 1);
    // Pages follow each other without a hole.
    let (mut after, mut seen) = (None, Vec::new());
    for _ in 0..10 {
        let found = list(ctx, admin, None, &Asked::default(), after, 100).await.unwrap();
        seen.extend(found.items.iter().map(|entry| entry.id));
        after = found.next;
    }
    assert!(seen.windows(2).all(|pair| pair[0] == pair[1] + 1) && seen.len() == 1000);
    let (items, total) = page(ctx, admin, None, &Asked { kinds: vec!["artifact.push".into()], ..Asked::default() }, 50_000, 10, true).await.unwrap();
    assert_eq!((items.len(), total), (10, 59_999));
}

#[tokio::test]
async fn pulls_are_summed_up_by_minute_account_and_artifact() {
    let world = World::new().await;
    let (ctx, admin) = (&world.ctx, &world.admin);
    let (project, repository) = (world.project("p", true).await, "r".parse().unwrap());
    world.image(&project, &repository, "v1", "one").await;
    let guest = world.member("guest", &project, Role::Guest).await;
    let pull = async |who: &Principal, count: bool| {
        crate::artifacts::pull(ctx, who, &project, &repository, &"v1".parse().unwrap(), count).await.unwrap();
    };
    for _ in 0..30 {
        pull(&guest, true).await;
        pull(&world.nobody(), true).await;
        pull(&guest, false).await;
    }
    let told = async || {
        crate::events::flush(ctx).await.unwrap();
        let asked = Asked { kinds: vec!["artifact.pull".into()], ..Asked::default() };
        let found = list(ctx, admin, Some(&project), &asked, None, 50).await.unwrap().items;
        found.into_iter().map(|one| (one.actor.clone(), one.times, one.thing())).collect::<Vec<_>>()
    };
    let mut first = told().await;
    first.sort();
    assert_eq!(first.iter().map(|(actor, times, _)| (actor.as_str(), *times)).collect::<Vec<_>>(), [("anonymous", 30), ("guest", 30)]);
    assert!(first[1].2 == "p/r:v1", "{first:?}");
    // Within the minute it is the same row; after it another.
    pull(&guest, true).await;
    assert_eq!(told().await.iter().map(|(_, times, _)| times).sum::<i64>(), 61);
    world.pass(61_000);
    told().await;
    pull(&guest, true).await;
    assert_eq!(told().await.len(), 3);
    crate::configuration::set(ctx, admin, &["pull_audit_log_disable"], |new| new.pull_audit_log_disable = true, Default::default()).await.unwrap();
    world.pass(61_000);
    told().await;
    pull(&guest, true).await;
    assert_eq!(told().await.len(), 3);
}

/// Carries the purge out that is queued.
async fn purged(world: &World) {
    let claim = crate::jobs::claim(&world.ctx, purge::JOB, 1).await.unwrap().expect("a job");
    let (_stop, stopping) = tokio::sync::watch::channel(false);
    purge::carry_out(&world.ctx, &claim, &stopping).await.unwrap();
}

#[tokio::test]
async fn a_purge_takes_what_it_names_and_is_told() {
    let world = World::new().await;
    let (ctx, admin, project, r) = (&world.ctx, &world.admin, world.project("p", false).await, "r".parse().unwrap());
    world.image(&project, &r, "old", "one").await;
    world.pass(2 * 3_600_000);
    world.image(&project, &r, "new", "two").await;
    let said = async || {
        let found = list(ctx, admin, None, &Asked::default(), None, 50).await.unwrap().items;
        found.into_iter().map(|one| format!("{} {} {}", one.kind, one.thing(), one.fields.get("rows").cloned().unwrap_or_default())).collect::<Vec<_>>()
    };
    let of = |hours: i64, types: &[&str], dry_run: bool| Purge { hours, types: types.iter().map(|one| (*one).to_owned()).collect(), dry_run };
    let before = said().await;
    start_purge(ctx, admin, of(1, &["create_artifact", "create_robot", "scan_artifact"], true)).await.unwrap();
    purged(&world).await;
    let counted = said().await;
    assert!(counted.len() == before.len() + 2 && counted[0].starts_with("audit.purge") && counted[0].ends_with(" 1"), "{counted:?}");
    start_purge(ctx, admin, of(1, &["create_artifact"], false)).await.unwrap();
    purged(&world).await;
    let left = said().await;
    assert!(left.iter().any(|one| one.contains("p/r:new")) && !left.iter().any(|one| one.contains("p/r:old")), "{left:?}");
    assert!(left.iter().any(|one| one.starts_with("project.create")), "what was not named stays: {left:?}");
    for bad in [of(0, &[], false), of(-1, &[], false), of(i64::MAX, &[], false), of(1, &["a b"], false), of(1, &[""], false), of(1, &["x"; 201], false)] {
        assert!(matches!(start_purge(ctx, admin, bad.clone()).await, Err(Error::Invalid(_))), "{bad:?}");
        assert!(matches!(set_purge_schedule(ctx, admin, "0 0 0 * * *".into(), bad.clone()).await, Err(Error::Invalid(_))), "{bad:?}");
    }
    assert!(matches!(set_purge_schedule(ctx, admin, "0 0 0 31 2 *".into(), of(1, &[], false)).await, Err(Error::Invalid(_))));
    let maintainer = world.member("mate", &project, Role::ProjectAdmin).await;
    assert!(start_purge(ctx, &maintainer, of(1, &["create_artifact"], false)).await.unwrap_err().is_refusal());
    assert!(purge_schedule(ctx, &maintainer).await.unwrap_err().is_refusal());
    // By its clock.
    set_purge_schedule(ctx, admin, "0 0 * * * *".into(), of(1, &["create_artifact"], false)).await.unwrap();
    crate::schedules::start_due(ctx).await.unwrap();
    assert!(crate::jobs::claim(ctx, purge::JOB, 1).await.unwrap().is_none(), "it is not due yet");
    world.pass(2 * 3_600_000);
    crate::schedules::start_due(ctx).await.unwrap();
    purged(&world).await;
    assert!(!said().await.iter().any(|one| one.contains("p/r:new")));
    crate::schedules::start_due(ctx).await.unwrap();
    assert!(crate::jobs::claim(ctx, purge::JOB, 1).await.unwrap().is_none(), "once");
    set_purge_schedule(ctx, admin, String::new(), Purge::default()).await.unwrap();
    let (clock, _) = purge_schedule(ctx, admin).await.unwrap();
    assert!(clock.is_none_or(|clock| clock.next.is_none()));
}
