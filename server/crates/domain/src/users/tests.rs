//! Users: administration, passwords, the last administrator.

use super::*;
use crate::identity::{Client, authenticate};
use crate::testing::{PASSWORD, World};
use model::Role;

fn secret(text: &str) -> PlainSecret {
    PlainSecret::new(text.into())
}

async fn may_sign_in(world: &World, name: &str, password: &str) -> bool {
    authenticate(&world.ctx, name, &secret(password), Client::default()).await.is_ok()
}

#[tokio::test]
async fn n_017_the_last_administrator_stays() {
    let world = World::new().await;
    let id = current(&world.ctx, &world.admin).await.unwrap().id;
    for refused in [
        set_admin(&world.ctx, &world.admin, id, false).await,
        set_disabled(&world.ctx, &world.admin, id, true).await,
        delete(&world.ctx, &world.admin, id).await,
    ] {
        assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    }
    let user = current(&world.ctx, &world.admin).await.unwrap();
    assert!(user.admin && !user.disabled);
    // With another one it may go.
    world.user("second").await;
    let second = current(&world.ctx, &world.sign_in("second").await).await.unwrap().id;
    set_admin(&world.ctx, &world.admin, second, true).await.unwrap();
    set_admin(&world.ctx, &world.sign_in("second").await, id, false).await.unwrap();
}

#[tokio::test]
async fn n_008_changed_credentials_end_every_proof_made_before() {
    let world = World::new().await;
    let user = world.user("user").await;
    let id = current(&world.ctx, &user).await.unwrap().id;
    set_password(&world.ctx, &world.admin, id, None, secret("eight more tall ships")).await.unwrap();
    assert!(matches!(current(&world.ctx, &user).await, Err(Error::Unauthenticated)));
    assert!(!may_sign_in(&world, "user", PASSWORD).await);
    assert!(may_sign_in(&world, "user", "eight more tall ships").await);
    let user = authenticate(&world.ctx, "user", &secret("eight more tall ships"), Client::default()).await.unwrap();
    set_disabled(&world.ctx, &world.admin, id, true).await.unwrap();
    assert!(matches!(current(&world.ctx, &user).await, Err(Error::Unauthenticated)));
}

#[tokio::test]
async fn ones_own_password_needs_the_current_one() {
    let world = World::new().await;
    let user = world.user("user").await;
    let id = current(&world.ctx, &user).await.unwrap().id;
    for wrong in [None, Some(secret("wrong"))] {
        let refused = set_password(&world.ctx, &user, id, wrong, secret("eight more tall ships")).await;
        assert!(matches!(refused, Err(Error::Invalid(_))));
    }
    assert!(may_sign_in(&world, "user", PASSWORD).await);
    set_password(&world.ctx, &user, id, Some(secret(PASSWORD)), secret("eight more tall ships")).await.unwrap();
}

#[tokio::test]
async fn n_038_who_is_no_administrator_administers_nobody() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let boss = world.member("boss", &project, Role::ProjectAdmin).await;
    let id = current(&world.ctx, &world.admin).await.unwrap().id;
    assert!(matches!(list(&world.ctx, &boss, &Query::default()).await, Err(Error::Forbidden { .. })));
    assert!(matches!(get(&world.ctx, &boss, id).await, Err(Error::Forbidden { .. })));
    assert!(matches!(delete(&world.ctx, &boss, id).await, Err(Error::Forbidden { .. })));
    let refused = set_password(&world.ctx, &boss, id, None, secret("eight more tall ships")).await;
    assert!(matches!(refused, Err(Error::Forbidden { .. })));
    assert!(may_sign_in(&world, "admin", PASSWORD).await);
    let input = NewUser { name: "x".into(), email: "x@example.com".into(), full_name: "x".into(), comment: String::new() };
    assert!(matches!(create(&world.ctx, &boss, input, secret(PASSWORD)).await, Err(Error::Forbidden { .. })));
    assert_eq!(list(&world.ctx, &world.admin, &Query::default()).await.unwrap().total, 2);
}

#[tokio::test]
async fn a_name_is_one_user_whatever_its_case() {
    let world = World::new().await;
    world.user("cosign-demo").await;
    let input = NewUser { name: "Cosign-Demo".into(), email: "c@example.com".into(), full_name: "C".into(), comment: String::new() };
    assert!(matches!(create(&world.ctx, &world.admin, input, secret(PASSWORD)).await, Err(Error::Conflict { .. })));
    assert!(may_sign_in(&world, "COSIGN-demo", PASSWORD).await);
}

#[tokio::test]
async fn n_002_an_unknown_name_and_a_wrong_password_are_one_answer() {
    let world = World::new().await;
    for (name, password) in [("nobody", PASSWORD), ("admin", "wrong"), ("robot$x", PASSWORD), ("", ""), ("a\0", "b")] {
        let refused = authenticate(&world.ctx, name, &secret(password), Client::default()).await;
        assert!(matches!(refused, Err(Error::Unauthenticated)), "{name}");
    }
}

/// PostgreSQL holds no NUL: text with one is found nowhere or refused, by whichever use-case and whoever asks, and is no failure of ours.
#[tokio::test]
async fn text_with_a_nul_is_no_failure_of_ours() {
    let world = World::new().await;
    let (ctx, admin) = (&world.ctx, &world.admin);
    let project = world.project("p", false).await;
    let mate = world.member("mate", &project, Role::Developer).await;
    let query = Query { search: "a\0b".into(), ..Query::all(10) };
    assert_eq!(list(ctx, admin, &query).await.unwrap().total, 0);
    assert_eq!(search(ctx, admin, "a\0", 10).await.unwrap(), []);
    assert_eq!(crate::projects::list(ctx, admin, &query, &Default::default()).await.unwrap().total, 0);
    assert_eq!(crate::members::list(ctx, admin, &project, &query).await.unwrap().total, 0);
    assert_eq!(crate::repositories::list(ctx, admin, &project, &query).await.unwrap().total, 0);
    assert_eq!(crate::robots::list(ctx, admin, &crate::robots::Level::System, &query).await.unwrap().total, 0);
    assert_eq!(crate::replication::targets::list(ctx, admin, &query).await.unwrap().total, 0);
    assert_eq!(crate::replication::rules::list(ctx, admin, &query).await.unwrap().total, 0);
    for who in [admin, &mate] {
        let refused = crate::members::create(ctx, who, &project, "al\0ice", Role::Guest).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid(_) | Error::Forbidden { .. }), "{refused}");
        let refused = crate::projects::create(ctx, who, "a\0b", false, false).await.unwrap_err();
        assert!(matches!(refused, Error::Invalid(_)), "{refused}");
    }
    assert!(authenticate(ctx, "ad\0min", &secret(PASSWORD), Client::default()).await.is_err_and(|error| !error.is_ours()));
    assert_eq!(crate::members::list(ctx, admin, &project, &Query::all(10)).await.unwrap().total, 2);
}
