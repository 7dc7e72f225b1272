//! Robot accounts: shown once, bounded by their grants, ended at once.

use super::*;
use crate::identity::{self, Client};
use crate::testing::World;
use model::robot::{Grant, Scope};
use model::{RepositoryName, Role};

fn input(project: Option<&ProjectName>, actions: &[Action]) -> NewRobot {
    let scope = project.map_or(Scope::AllProjects, |name| Scope::Project(name.clone()));
    NewRobot {
        name: "ci".into(),
        project: project.cloned(),
        description: String::new(),
        days: 30,
        disabled: false,
        grants: vec![Grant::new(scope, actions.to_vec())],
    }
}

async fn sign_in(world: &World, name: &str, secret: &PlainSecret) -> Result<Principal> {
    identity::authenticate(&world.ctx, name, secret, Client::default()).await
}

#[tokio::test]
async fn n_039_n_043_a_robot_ends_when_it_expires_is_disabled_rotated_or_deleted() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let made = create(&world.ctx, &world.admin, input(Some(&project), &[Action::RepositoryPull]), None).await.unwrap();
    let (id, name) = (made.robot.id, made.robot.full_name.clone());
    assert_eq!(name, "robot$p+ci");
    let robot = sign_in(&world, &name, &made.secret).await.unwrap();
    let works = async |who: &Principal| crate::repositories::list(&world.ctx, who, &project, &Query::default()).await;
    assert!(matches!(works(&robot).await, Err(Error::Forbidden { .. })), "it may pull, not list");
    set_disabled(&world.ctx, &world.admin, id, true).await.unwrap();
    assert!(matches!(works(&robot).await, Err(Error::Unauthenticated)));
    assert!(sign_in(&world, &name, &made.secret).await.is_err());
    set_disabled(&world.ctx, &world.admin, id, false).await.unwrap();
    let again = refresh_secret(&world.ctx, &world.admin, id, None).await.unwrap();
    assert!(matches!(works(&robot).await, Err(Error::Unauthenticated)), "the old secret's proof is over");
    assert!(sign_in(&world, &name, &made.secret).await.is_err());
    let robot = sign_in(&world, &name, &again.secret).await.unwrap();
    world.pass(30 * 86_400_000);
    assert!(sign_in(&world, &name, &again.secret).await.is_err());
    assert!(matches!(works(&robot).await, Err(Error::Unauthenticated)));
    delete(&world.ctx, &world.admin, id).await.unwrap();
    assert!(sign_in(&world, &name, &again.secret).await.is_err());
}

#[tokio::test]
async fn n_037_the_secret_is_in_the_answer_to_its_creation_only() {
    let world = World::new().await;
    let made = create(&world.ctx, &world.admin, input(None, &[Action::RepositoryPull]), None).await.unwrap();
    let shown = serde_json::to_string(&get(&world.ctx, &world.admin, made.robot.id).await.unwrap()).unwrap();
    assert!(!shown.contains(made.secret.reveal()));
    assert_eq!(made.secret.reveal().len(), SECRET_PREFIX.len() + 43);
}

#[tokio::test]
async fn n_040_n_041_a_robot_does_only_what_it_was_given_and_only_there() {
    let world = World::new().await;
    let (own, other) = (world.project("own", false).await, world.project("other", false).await);
    let repository: RepositoryName = "r".parse().unwrap();
    world.image(&own, &repository, "1", "x").await;
    world.image(&other, &repository, "1", "y").await;
    let made = create(&world.ctx, &world.admin, input(Some(&own), &[Action::RepositoryPull]), None).await.unwrap();
    let robot = sign_in(&world, &made.robot.full_name, &made.secret).await.unwrap();
    let tag = || crate::artifacts::Reference::Tag("1".parse().unwrap());
    crate::artifacts::pull(&world.ctx, &robot, &own, &repository, &tag(), false).await.unwrap();
    let there = crate::artifacts::pull(&world.ctx, &robot, &other, &repository, &tag(), false).await;
    assert!(matches!(there, Err(Error::NotVisible(_))));
    assert!(matches!(crate::uploads::start(&world.ctx, &robot, &own, &repository).await, Err(Error::Forbidden { .. })));
    assert!(matches!(crate::artifacts::delete(&world.ctx, &robot, &own, &repository, &tag()).await, Err(Error::Forbidden { .. })));
    let scopes = identity::parse_scopes(["repository:own/r:pull,push,delete repository:other/r:pull"].into_iter()).unwrap();
    let token = identity::issue(&world.ctx, &robot, &scopes).await.unwrap();
    let holder = identity::authenticate_token(&world.ctx, &token.token, Client::default()).unwrap();
    let ceiling = holder.ceiling.unwrap();
    assert_eq!(ceiling.len(), 1);
    assert!(ceiling[0].access.pull && !ceiling[0].access.push && !ceiling[0].access.delete);
}

#[tokio::test]
async fn n_008_n_039_what_is_kept_in_memory_ends_with_the_right_the_account_the_tag_and_the_time() {
    let world = World::new().await;
    let own = world.project("own", false).await;
    let repository: RepositoryName = "r".parse().unwrap();
    let first = world.image(&own, &repository, "1", "x").await;
    let made = create(&world.ctx, &world.admin, input(Some(&own), &[Action::RepositoryPull]), None).await.unwrap();
    let robot = sign_in(&world, &made.robot.full_name, &made.secret).await.unwrap();
    let scopes = || identity::parse_scopes(["repository:own/r:pull"].into_iter()).unwrap();
    let token = identity::issue(&world.ctx, &robot, &scopes()).await.unwrap().token;
    let tag = crate::artifacts::Reference::Tag("1".parse().unwrap());
    let pull = async || {
        let holder = identity::authenticate_token(&world.ctx, &token, Client::default())?;
        crate::artifacts::pull(&world.ctx, &holder, &own, &repository, &tag, false).await.map(|pulled| pulled.digest)
    };
    let layer = crate::blobs::digest_of(model::Algorithm::Sha256, b"x");
    let ask = async || {
        let holder = identity::authenticate_token(&world.ctx, &token, Client::default())?;
        crate::uploads::blob(&world.ctx, &holder, &own, &repository, &layer).await
    };
    for _ in 0..3 {
        assert_eq!((pull().await.unwrap(), ask().await.unwrap()), (first.clone(), Some(1)));
    }
    // Another caller of the same thing is another question.
    let stranger = world.user("stranger").await;
    let refused = crate::artifacts::pull(&world.ctx, &stranger, &own, &repository, &tag, false).await;
    assert!(matches!(refused, Err(Error::NotVisible(_))));
    // The tag moves.
    let second = world.image(&own, &repository, "1", "y").await;
    assert_eq!(pull().await.unwrap(), second);
    // The account is disabled, and enabled again.
    set_disabled(&world.ctx, &world.admin, made.robot.id, true).await.unwrap();
    assert!(matches!(pull().await, Err(Error::Unauthenticated)));
    assert!(matches!(ask().await, Err(Error::Unauthenticated)));
    set_disabled(&world.ctx, &world.admin, made.robot.id, false).await.unwrap();
    assert_eq!(pull().await.unwrap(), second);
    // The token ends with the time, without any commit.
    world.pass(16 * 60 * 1000);
    assert!(matches!(pull().await, Err(Error::Unauthenticated)));
    // So does the account, also for whoever signed in with its secret.
    let by_secret = async || crate::artifacts::pull(&world.ctx, &robot, &own, &repository, &tag, false).await.map(|pulled| pulled.digest);
    let days = made.robot.days;
    assert!(days > 0);
    world.pass(days * 24 * 3_600_000 - 17 * 60 * 1000);
    assert_eq!(by_secret().await.unwrap(), second);
    world.pass(2 * 60 * 1000);
    assert!(matches!(by_secret().await, Err(Error::Unauthenticated)));
    // What was deleted is gone.
    crate::artifacts::pull(&world.ctx, &world.admin, &own, &repository, &tag, false).await.unwrap();
    crate::artifacts::delete(&world.ctx, &world.admin, &own, &repository, &tag).await.unwrap();
    let gone = crate::artifacts::pull(&world.ctx, &world.admin, &own, &repository, &tag, false).await;
    assert!(matches!(gone, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn nobody_makes_a_robot_that_may_more_than_robots_may_or_without_the_right() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let maintainer = world.member("m", &project, Role::Maintainer).await;
    let refused = create(&world.ctx, &maintainer, input(Some(&project), &[Action::RepositoryPull]), None).await;
    assert!(matches!(refused, Err(Error::Forbidden { .. })));
    let boss = world.member("boss", &project, Role::ProjectAdmin).await;
    let refused = create(&world.ctx, &boss, input(None, &[Action::RepositoryPull]), None).await;
    assert!(matches!(refused, Err(Error::Forbidden { .. })), "system level");
    let refused = create(&world.ctx, &boss, input(Some(&project), &[Action::ProjectCreate]), None).await;
    assert!(matches!(refused, Err(Error::Forbidden { .. })), "nobody gives away what they do not hold");
    for wrong in [&[Action::RobotCreate][..], &[Action::MemberCreate], &[]] {
        let refused = create(&world.ctx, &boss, input(Some(&project), wrong), None).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{wrong:?}");
    }
    assert_eq!(list(&world.ctx, &boss, &Level::Project(project), &Query::default()).await.unwrap().total, 0);
}

#[tokio::test]
async fn n_044_a_life_is_between_a_day_and_a_hundred_years_or_for_ever() {
    let world = World::new().await;
    for days in [0, -2, 36_501, i64::MAX] {
        let refused = create(&world.ctx, &world.admin, NewRobot { days, ..input(None, &[Action::RepositoryPull]) }, None).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{days}");
    }
    let made = create(&world.ctx, &world.admin, NewRobot { days: -1, ..input(None, &[Action::RepositoryPull]) }, None).await;
    assert_eq!(made.unwrap().robot.expires_at, None);
}
