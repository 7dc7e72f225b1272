//! Each setting does what it says, at once, and nobody else sets it.

use super::*;
use crate::testing::World;
use crate::{artifacts, deletions, identity, projects, robots};
use model::Role;
use model::configuration::Creators;

async fn with(world: &World, change: impl Fn(&mut Configuration) + Send + 'static) -> Result<()> {
    set(&world.ctx, &world.admin, &["test"], change, BTreeMap::new()).await
}

#[tokio::test]
async fn a_server_that_is_read_only_takes_and_loses_nothing() {
    let world = World::with(|settings| settings.recycle = 86_400_000).await;
    let (project, r) = (world.project("p", false).await, "r".parse().unwrap());
    let image = world.image(&project, &r, "1", "an image").await;
    let gone = world.image(&project, &r, "2", "another").await;
    let at = |digest: &model::Digest| artifacts::Reference::Digest(digest.clone());
    let (ctx, who) = (&world.ctx, &world.admin);
    let ada = world.user("ada").await;
    let crate::Who::User { id: ada_id, .. } = ada.who.clone() else { panic!("ada is a user") };
    artifacts::delete(ctx, who, &project, &r, &at(&gone)).await.unwrap();
    let undo = deletions::list(ctx, who, &project, &Default::default()).await.unwrap().items[0].id;
    with(&world, |new| new.read_only = true).await.unwrap();
    let refusals = [
        artifacts::delete(ctx, who, &project, &r, &at(&image)).await.err(),
        artifacts::delete_tag(ctx, who, &project, &r, &"1".parse().unwrap(), None).await.err(),
        artifacts::add_tag(ctx, who, &project, &r, &at(&image), "x", false).await.err(),
        deletions::restore(ctx, who, &project, undo).await.err(),
        crate::uploads::start(ctx, who, &project, &r).await.err(),
        crate::repositories::delete(ctx, who, &project, &r).await.err(),
        projects::delete(ctx, who, &project).await.err(),
        projects::create(ctx, who, "another", false, false).await.err(),
        projects::update(ctx, who, &project, Some(true), None).await.err(),
        crate::users::set_admin(ctx, who, ada_id, true).await.err(),
        crate::repositories::describe(ctx, who, &project, &r, "text".into()).await.err(),
        crate::gc::set_schedule(ctx, who, Some("0 0 0 * * *".into())).await.err(),
    ];
    for (n, refusal) in refusals.into_iter().enumerate() {
        assert!(matches!(&refusal, Some(Error::Forbidden { reason, .. }) if reason.contains("read-only")), "{n}: {refusal:?}");
    }
    assert!(artifacts::pull(ctx, who, &project, &r, &at(&image), false).await.is_ok(), "it is read");
    // Nobody keeps a password, or an account, because of it; and who has no right learns that.
    crate::users::set_password(ctx, who, ada_id, None, crate::secrets::PlainSecret::new("Another-Pass-12345".into())).await.unwrap();
    assert!(!matches!(projects::delete(ctx, &ada, &project).await, Err(Error::Forbidden { reason, .. }) if reason.contains("read-only")));
    assert_eq!(deletions::list(ctx, who, &project, &Default::default()).await.unwrap().items.len(), 1, "and what can be undone later is seen");
    // Two who set different things at once: neither is lost.
    let old = get(ctx, who).await.unwrap().0;
    with(&world, |new| new.banner_message = "moving".into()).await.unwrap();
    assert!(ctx.configuration().read_only && ctx.configuration().banner_message == "moving" && old.banner_message.is_empty());
    with(&world, |new| new.read_only = false).await.unwrap();
    deletions::restore(ctx, who, &project, undo).await.unwrap();
    artifacts::delete(ctx, who, &project, &r, &at(&image)).await.unwrap();
}

#[tokio::test]
async fn who_makes_projects_is_set() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    projects::create(&world.ctx, &ada, "hers", false, false).await.unwrap();
    with(&world, |new| new.project_creation_restriction = Creators::AdminOnly).await.unwrap();
    let refused = projects::create(&world.ctx, &ada, "more", false, false).await;
    assert!(matches!(refused, Err(Error::Forbidden { .. })), "{refused:?}");
    projects::create(&world.ctx, &world.admin, "his", false, false).await.unwrap();
    with(&world, |new| new.project_creation_restriction = Creators::Everyone).await.unwrap();
    projects::create(&world.ctx, &ada, "more", false, false).await.unwrap();
}

#[tokio::test]
async fn robot_accounts_are_named_and_live_as_is_set_and_nobody_loses_a_name() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let grants = vec![model::robot::Grant::new(model::robot::Scope::Project(project.clone()), vec![model::Action::RepositoryPull])];
    let input = model::robot::NewRobot { name: "r".into(), project: Some(project), days: -1, grants, ..Default::default() };
    let made = robots::create(&world.ctx, &world.admin, input, None).await.unwrap();
    let signs_in = async |name: &str| identity::authenticate(&world.ctx, name, &made.secret, Default::default()).await.is_ok();
    assert!(signs_in("robot$p+r").await);
    with(&world, |new| new.robot_name_prefix = "bot@".into()).await.unwrap();
    assert_eq!((signs_in("bot@p+r").await, signs_in("robot$p+r").await), (true, false));
    world.user("bots").await;
    for bad in ["", "b", "bots", "bo:t", "a b$", "robot+", &"x$".repeat(40)] {
        let bad = bad.to_owned();
        let refused = with(&world, move |new| new.robot_name_prefix.clone_from(&bad)).await;
        assert!(matches!(&refused, Err(Error::Invalid(problems)) if problems.of("robot_name_prefix").is_some()), "{refused:?}");
    }
    // Nor is a user made whose name begins so.
    with(&world, |new| new.robot_name_prefix = "ci-".into()).await.unwrap();
    let input = model::user::NewUser { name: "ci-joe".into(), email: "j@x.example".into(), full_name: "Joe".into(), ..Default::default() };
    let made = crate::users::create(&world.ctx, &world.admin, input, crate::secrets::PlainSecret::new("User-Pass-12345".into())).await;
    assert!(matches!(&made, Err(Error::Invalid(problems)) if problems.of("name").is_some()), "{made:?}");
    with(&world, |new| new.robot_name_prefix = "bot@".into()).await.unwrap();
    let (found, _) = get(&world.ctx, &world.admin).await.unwrap();
    assert_eq!(found.robot_name_prefix, "bot@", "what is refused changes nothing");
}

#[tokio::test]
async fn only_administrators_see_and_set_it() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    for who in [world.nobody(), world.user("ada").await, world.member("ben", &project, Role::ProjectAdmin).await] {
        assert!(get(&world.ctx, &who).await.is_err());
        let refused = set(&world.ctx, &who, &[], |new| new.read_only = true, BTreeMap::new()).await;
        assert!(refused.is_err() && !world.ctx.configuration().read_only);
    }
    let bad: [(fn(&mut Configuration), &str); 6] = [
        (|new| new.token_expiration = 4, "token_expiration"), (|new| new.token_expiration = 61, "token_expiration"),
        (|new| new.session_timeout = 0, "session_timeout"), (|new| new.session_timeout = 721, "session_timeout"),
        (|new| new.robot_token_duration = 0, "robot_token_duration"), (|new| new.banner_message = "x".repeat(2000), "banner_message"),
    ];
    for (bad, field) in bad {
        let refused = with(&world, bad).await;
        assert!(matches!(&refused, Err(Error::Invalid(problems)) if problems.of(field).is_some()), "{field}: {refused:?}");
    }
    assert_eq!(*world.ctx.configuration(), Configuration::default());
}
