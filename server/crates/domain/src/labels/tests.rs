//! Labels: whose they are, who may, and that they go and come back with what carries them.

use super::*;
use crate::artifacts::{self, sql};
use crate::testing::World;
use crate::deletions;
use model::Role;
use model::artifact::{Also, Filter};

fn input(name: &str) -> LabelInput {
    LabelInput { name: name.into(), description: String::new(), color: "#cf222e".into() }
}

#[tokio::test]
async fn a_label_is_of_one_project_or_for_all() {
    let world = World::with(|settings| settings.recycle = 86_400_000).await;
    let (ctx, admin) = (&world.ctx, &world.admin);
    let (project, other) = (world.project("p", false).await, world.project("q", false).await);
    let repository: RepositoryName = "r".parse().unwrap();
    let image = world.image(&project, &repository, "v1", "one").await;
    let at = Reference::Digest(image.clone());
    let (mate, dev, guest) = (
        world.member("mate", &project, Role::Maintainer).await, world.member("dev", &project, Role::Developer).await, world.member("guest", &project, Role::Guest).await,
    );
    let own = Owner::Project(project.clone());
    let label = create(ctx, &mate, &own, input("accepted")).await.unwrap();
    assert!(matches!(create(ctx, &mate, &own, input(" accepted ")).await, Err(Error::Conflict { .. })));
    assert!(matches!(create(ctx, &dev, &own, input("x")).await, Err(Error::Forbidden { .. })));
    assert!(matches!(create(ctx, &mate, &Owner::System, input("x")).await, Err(Error::Forbidden { .. })));
    let everywhere = create(ctx, admin, &Owner::System, input("accepted")).await.unwrap();
    let foreign = create(ctx, admin, &Owner::Project(other.clone()), input("foreign")).await.unwrap();
    // A developer puts them on, a guest does not; another project's is not there.
    put(ctx, &dev, &project, &repository, &at, label).await.unwrap();
    put(ctx, &dev, &project, &repository, &at, everywhere).await.unwrap();
    assert!(matches!(put(ctx, &dev, &project, &repository, &at, label).await, Err(Error::Conflict { .. })));
    assert!(matches!(put(ctx, &guest, &project, &repository, &at, label).await, Err(Error::Forbidden { .. })));
    assert!(matches!(put(ctx, admin, &project, &repository, &at, foreign).await, Err(Error::NotFound(_))));
    assert!(matches!(get(ctx, &mate, foreign).await, Err(Error::NotFound(_))));
    let labelled = async |labels: Vec<i64>| {
        let filter = Filter { also: vec![Also::Labels(labels)], ..Filter::default() };
        artifacts::list(ctx, admin, &project, &repository, &Query::default(), &filter).await.unwrap().items
    };
    let found = labelled(vec![label.0, everywhere.0]).await;
    assert_eq!(found[0].labels.iter().map(|label| label.id).collect::<Vec<_>>(), [label, everywhere]);
    assert!(labelled(vec![foreign.0]).await.is_empty());
    // They go with it, and come back with an undo, but for what is gone by then.
    artifacts::delete(ctx, admin, &project, &repository, &at).await.unwrap();
    delete(ctx, admin, everywhere).await.unwrap();
    let last = deletions::list(ctx, admin, &project, &Query::default()).await.unwrap().items[0].id;
    deletions::restore(ctx, admin, &project, last).await.unwrap();
    assert_eq!(labelled(vec![label.0]).await[0].labels.len(), 1);
    let mut c = ctx.db.read().await.unwrap();
    let mut proof = access::project(&mut c, ctx.now(), admin, &project, Action::ArtifactRead).await.unwrap();
    let id = sql::found(&mut proof, &repository, &at).await.unwrap().id;
    assert_eq!(names_of(proof.conn(), &[id]).await.unwrap()[&id], ["accepted"]);
    drop(c);
    update(ctx, &mate, label, input("renamed")).await.unwrap();
    take_off(ctx, &dev, &project, &repository, &at, label).await.unwrap();
    assert!(matches!(take_off(ctx, &dev, &project, &repository, &at, label).await, Err(Error::NotFound(_))));
}

#[tokio::test]
async fn an_artifact_carries_so_many_and_no_more() {
    let world = World::new().await;
    let (ctx, admin) = (&world.ctx, &world.admin);
    let (project, repository) = (world.project("p", false).await, "r".parse().unwrap());
    let at = Reference::Digest(world.image(&project, &repository, "v1", "one").await);
    for n in 0..=ON_ONE {
        let label = create(ctx, admin, &Owner::Project(project.clone()), input(&format!("l{n}"))).await.unwrap();
        let done = put(ctx, admin, &project, &repository, &at, label).await;
        assert_eq!(done.is_ok(), n < ON_ONE, "{n}: {done:?}");
    }
}
