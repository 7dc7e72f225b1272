//! Projects: who sees them, who changes them.

use super::*;
use crate::testing::World;

#[tokio::test]
async fn a_project_is_seen_by_its_members_and_looks_missing_to_others() {
    let world = World::new().await;
    let private = world.project("private", false).await;
    world.project("open", true).await;
    let member = world.member("member", &private, Role::LimitedGuest).await;
    let stranger = world.user("stranger").await;
    let names = async |who: &Principal| -> Vec<String> {
        let page = list(&world.ctx, who, &Query::default(), &Filter::default()).await.unwrap();
        page.items.into_iter().map(|p| p.name.to_string()).collect()
    };
    assert_eq!(names(&member).await, ["open", "private"]);
    assert_eq!(names(&stranger).await, ["open"]);
    assert_eq!(names(&world.nobody()).await, ["open"]);
    assert!(matches!(frame(&world.ctx, &stranger, &private).await, Err(Error::NotVisible(_))));
    let missing: ProjectName = "missing".parse().unwrap();
    assert!(matches!(frame(&world.ctx, &stranger, &missing).await, Err(Error::NotVisible(_))));
    assert!(matches!(frame(&world.ctx, &world.nobody(), &private).await, Err(Error::Unauthenticated)));
    assert!(matches!(frame(&world.ctx, &world.admin, &missing).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn n_061_a_bad_or_taken_name_changes_nothing() {
    let world = World::new().await;
    world.project("taken", false).await;
    for bad in ["", "Upper", "a--b", "v2", "a/b"] {
        assert!(matches!(create(&world.ctx, &world.admin, bad, false, false).await, Err(Error::Invalid(_))), "{bad}");
    }
    assert!(matches!(create(&world.ctx, &world.admin, "taken", true, true).await, Err(Error::Conflict { .. })));
    let page = list(&world.ctx, &world.admin, &Query::default(), &Filter::default()).await.unwrap();
    assert_eq!((page.total, page.items[0].public, page.items[0].policy.require_signature), (1, false, false));
}

#[tokio::test]
async fn only_a_project_admin_changes_the_configuration_or_deletes() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let maintainer = world.member("maintainer", &project, Role::Maintainer).await;
    let admin = world.member("boss", &project, Role::ProjectAdmin).await;
    let refused = update(&world.ctx, &maintainer, &project, Some(true), None).await;
    assert!(matches!(refused, Err(Error::Forbidden { .. })));
    assert!(matches!(delete(&world.ctx, &maintainer, &project).await, Err(Error::Forbidden { .. })));
    assert!(!frame(&world.ctx, &admin, &project).await.unwrap().project.public);
    let changed = update(&world.ctx, &admin, &project, None, Some(true)).await.unwrap();
    assert!(changed.policy.require_signature && !changed.public);
}

#[tokio::test]
async fn a_project_with_content_is_not_deleted_and_its_name_is_free_afterwards() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let repository = "r".parse().unwrap();
    world.image(&project, &repository, "1", "x").await;
    assert!(matches!(delete(&world.ctx, &world.admin, &project).await, Err(Error::Precondition(_))));
    crate::repositories::delete(&world.ctx, &world.admin, &project, &repository).await.unwrap();
    let before = frame(&world.ctx, &world.admin, &project).await.unwrap().project.id;
    delete(&world.ctx, &world.admin, &project).await.unwrap();
    let again = create(&world.ctx, &world.admin, "p", false, false).await.unwrap();
    assert_ne!(again.id, before);
    assert_eq!(again.repository_count, 0);
}

#[tokio::test]
async fn what_is_refused_and_what_is_done_leaves_an_audit_row() {
    use sqlx::Row;
    let world = World::new().await;
    let project = world.project("p", false).await;
    let guest = world.member("guest", &project, Role::Guest).await;
    let _ = update(&world.ctx, &guest, &project, Some(true), None).await;
    crate::events::flush(&world.ctx).await.unwrap();
    let mut c = world.ctx.db.read().await.unwrap();
    let rows = sqlx::query("SELECT actor, kind AS action, outcome FROM events WHERE kind IN ('project.create', 'project.update') ORDER BY id")
        .fetch_all(&mut *c)
        .await
        .unwrap();
    let rows: Vec<(String, String, String)> =
        rows.iter().map(|row| (row.get("actor"), row.get("action"), row.get("outcome"))).collect();
    let row = |a: &str, b: &str, c: &str| (a.to_owned(), b.to_owned(), c.to_owned());
    assert_eq!(rows, [row("admin", "project.create", "done"), row("guest", "project.update", "refused")]);
}

#[tokio::test]
async fn pages_by_key_hold_every_row_once() {
    let world = World::new().await;
    for n in 0..7 {
        world.project(&format!("p{n}"), false).await;
    }
    for sort in ["", "-name", "created", "-repositories"] {
        let (mut seen, mut after) = (Vec::new(), None);
        loop {
            let window = model::list::Window::After { id: after, limit: 3 };
            let query = Query { sort: sort.into(), window, ..Query::default() };
            let page = list(&world.ctx, &world.admin, &query, &Filter::default()).await.unwrap();
            assert_eq!(page.total, 7);
            seen.extend(page.items.iter().map(|p| p.name.to_string()));
            match page.next {
                Some(next) => after = Some(next.parse().unwrap()),
                None => break,
            }
        }
        assert_eq!(seen.len(), 7, "{sort}: {seen:?}");
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), 7, "{sort}");
    }
    let wrong = Query { sort: "secret; DROP TABLE projects".into(), ..Query::default() };
    assert!(matches!(list(&world.ctx, &world.admin, &wrong, &Filter::default()).await, Err(Error::Invalid(_))));
}
