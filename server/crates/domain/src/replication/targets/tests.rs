//! Target registries: the secret stays where it was sealed.

use super::*;
use crate::testing::World;
use model::Role;

fn input(url: &str) -> TargetInput {
    TargetInput {
        name: "second".into(),
        provider: Provider::Registry,
        url: url.into(),
        description: String::new(),
        token_server: String::new(),
        access_id: "robot$replication".into(),
        verify_certificate: true,
        proxy: String::new(),
        ca_certificate: String::new(),
    }
}

fn secret() -> PlainSecret {
    PlainSecret::new("canary-canary".into())
}

#[tokio::test]
async fn n_116_a_stored_secret_goes_nowhere_else() {
    let world = World::new().await;
    let target = create(&world.ctx, &world.admin, input("http://127.0.0.1:1"), secret()).await.unwrap();
    assert!(target.has_secret);
    let edited = input("http://127.0.0.1:2");
    let refused = probe_input(&world.ctx, &world.admin, &edited, PlainSecret::new(String::new()), Some(target.id)).await;
    assert!(matches!(refused, Err(Error::Invalid(problems)) if problems.of("secret").is_some()));
    let elsewhere = TargetInput { token_server: "http://127.0.0.1:2".into(), ..input("http://127.0.0.1:1") };
    let refused = probe_input(&world.ctx, &world.admin, &elsewhere, PlainSecret::new(String::new()), Some(target.id)).await;
    assert!(matches!(refused, Err(Error::Invalid(problems)) if problems.of("secret").is_some()));
    let changed = update(&world.ctx, &world.admin, target.id, edited, None).await.unwrap();
    assert!(!changed.has_secret, "another URL forgets it");
    assert!(connection(&world.ctx, &world.admin, target.id).await.unwrap().secret.is_empty());
    let again = create(&world.ctx, &world.admin, TargetInput { name: "third".into(), ..elsewhere }, secret()).await.unwrap();
    let other = TargetInput { name: "third".into(), token_server: "http://127.0.0.1:3".into(), ..input("http://127.0.0.1:1") };
    assert!(!update(&world.ctx, &world.admin, again.id, other, None).await.unwrap().has_secret, "as does another token server");
}

#[tokio::test]
async fn n_146_a_secret_moved_to_another_row_does_not_open() {
    let world = World::new().await;
    let first = create(&world.ctx, &world.admin, input("http://127.0.0.1:1"), secret()).await.unwrap();
    let other = TargetInput { name: "other".into(), ..input("http://127.0.0.1:1") };
    let second = create(&world.ctx, &world.admin, other, PlainSecret::new("another".into())).await.unwrap();
    assert_eq!(connection(&world.ctx, &world.admin, first.id).await.unwrap().secret.reveal(), "canary-canary");
    world
        .ctx
        .db
        .write(async move |c| {
            let (sealed, version) = sql::secret(c, first.id).await?.unwrap();
            sql::set_secret(c, second.id, sealed.as_deref(), version).await
        })
        .await
        .unwrap();
    let refused = connection(&world.ctx, &world.admin, second.id).await;
    assert!(matches!(refused, Err(Error::CredentialUnreadable(_))));
}

#[tokio::test]
async fn n_105_a_forbidden_address_is_not_saved() {
    let world = World::new().await;
    for url in ["http://10.0.0.1", "http://169.254.169.254", "ftp://127.0.0.1", "http://u:p@127.0.0.1"] {
        let refused = create(&world.ctx, &world.admin, input(url), secret()).await;
        assert!(matches!(refused, Err(Error::Invalid(problems)) if problems.of("url").is_some()), "{url}");
    }
    for url in ["http://10.0.0.1", "https://127.0.0.1/token", "no URL"] {
        let tokens = TargetInput { token_server: url.into(), ..input("http://127.0.0.1:1") };
        let refused = create(&world.ctx, &world.admin, tokens, secret()).await;
        assert!(matches!(refused, Err(Error::Invalid(problems)) if problems.of("token_server").is_some()), "{url}");
    }
    let key = TargetInput { ca_certificate: "-----BEGIN PRIVATE KEY-----".into(), ..input("http://127.0.0.1:1") };
    assert!(matches!(create(&world.ctx, &world.admin, key, secret()).await, Err(Error::Invalid(_))));
    assert_eq!(list(&world.ctx, &world.admin, &Query::default()).await.unwrap().total, 0);
}

#[tokio::test]
async fn targets_belong_to_system_administrators() {
    let world = World::new().await;
    let project = world.project("p", false).await;
    let boss = world.member("boss", &project, Role::ProjectAdmin).await;
    assert!(matches!(list(&world.ctx, &boss, &Query::default()).await, Err(Error::Forbidden { .. })));
    let refused = create(&world.ctx, &boss, input("http://127.0.0.1:1"), secret()).await;
    assert!(matches!(refused, Err(Error::Forbidden { .. })));
    assert!(matches!(list(&world.ctx, &world.nobody(), &Query::default()).await, Err(Error::Unauthenticated)));
}

#[tokio::test]
async fn an_upload_is_gone_on_with_by_one_execution_at_the_same_address_for_two_days() {
    use crate::replication::executions::{RemoteBlob, forget_upload, note_upload, take_upload};
    use model::ExecutionId;
    let world = World::new().await;
    let target = create(&world.ctx, &world.admin, input("http://127.0.0.1:1"), secret()).await.unwrap().id;
    let digest = crate::blobs::digest_of(model::Algorithm::Sha256, b"large");
    let blob = RemoteBlob { target, repository: "p/r".into(), digest };
    let place = "http://127.0.0.1:1/v2/p/r/blobs/uploads/7";
    let (first, second) = (ExecutionId(1), ExecutionId(2));
    note_upload(&world.ctx, first, &blob, place).await.unwrap();
    // Its own execution, and once that is gone (here it never was) another one.
    assert_eq!(take_upload(&world.ctx, first, &blob).await.unwrap().as_deref(), Some(place));
    assert_eq!(take_upload(&world.ctx, second, &blob).await.unwrap().as_deref(), Some(place));
    // Taking it does not keep it for longer.
    world.pass(49 * 3_600_000);
    assert_eq!(take_upload(&world.ctx, second, &blob).await.unwrap(), None);
    note_upload(&world.ctx, second, &blob, place).await.unwrap();
    forget_upload(&world.ctx, &blob).await.unwrap();
    assert_eq!(take_upload(&world.ctx, second, &blob).await.unwrap(), None);
    // At another address the place is none.
    note_upload(&world.ctx, second, &blob, place).await.unwrap();
    update(&world.ctx, &world.admin, target, input("http://127.0.0.1:2"), None).await.unwrap();
    assert_eq!(take_upload(&world.ctx, second, &blob).await.unwrap(), None);
}
