//! Removals over a real database: what is noted, what is gone, and plans that break off.

use super::*;
use crate::artifacts::{self, Reference};
use crate::replication::{rules, targets};
use crate::secrets::PlainSecret;
use crate::testing::World;
use model::replication::rule::TagMode;
use model::replication::target::{Provider, TargetInput};
use model::{ProjectName, RepositoryName};

struct Shop {
    world: World,
    project: ProjectName,
}

impl Shop {
    async fn open() -> (Shop, Work) {
        let world = World::new().await;
        let project = world.project("p", false).await;
        let (ctx, admin) = (&world.ctx, &world.admin);
        let target = TargetInput {
            name: "there".into(), provider: Provider::Registry, url: "http://127.0.0.1:5000".into(), description: String::new(), token_server: String::new(),
            access_id: String::new(), verify_certificate: true, proxy: String::new(), ca_certificate: String::new(),
        };
        let target_id = targets::create(ctx, admin, target, PlainSecret::new(String::new())).await.unwrap().id;
        // All but the last component goes: a/r and b/r have one place there.
        let input = RuleInput {
            name: "all".into(), description: String::new(), target_id, repositories: "**".into(), tag_mode: TagMode::Matches, tags: String::new(),
            namespace: "q".into(), flatten: -1, resource: Default::default(), further: Vec::new(), accepts: Vec::new(), speed: -1, chunked: false,
            single_active: false, overwrite: true, removes: true, enabled: true,
        };
        let rule = rules::create(ctx, admin, input).await.unwrap();
        let id = executions::start(ctx, admin, rule.id, None).await.unwrap();
        let work = Work::of(id, rule);
        (Shop { world, project }, work)
    }

    async fn put(&self, work: &Work, repository: &str, tag: &str, text: &str) -> WorkTask {
        let name: RepositoryName = repository.parse().unwrap();
        let digest = self.world.image(&self.project, &name, tag, text).await;
        let task = WorkTask {
            id: TaskId(0), source: format!("p/{repository}"), destination: "q/r".into(), digest: digest.to_string(), tags: vec![tag.to_owned()], removes: false,
        };
        note(&self.world.ctx, work, &task, &Put { artifact: true, attached: vec![digest] }).await.unwrap();
        task
    }

    async fn delete(&self, repository: &str, digest: &str) {
        let reference = Reference::Digest(digest.parse().unwrap());
        artifacts::delete(&self.world.ctx, &self.world.admin, &self.project, &repository.parse().unwrap(), &reference).await.unwrap();
    }

    async fn planned(&self, work: &Work) -> (i64, Vec<String>) {
        plan(&self.world.ctx, work).await.unwrap();
        let left = executions::get(&self.world.ctx, &self.world.admin, work.id).await.unwrap().removals_left;
        let tasks = executions::pending(&self.world.ctx, work).await.unwrap();
        (left, tasks.into_iter().filter(|task| task.removes).map(|task| task.digest).collect())
    }
}

#[tokio::test]
async fn what_comes_from_two_places_is_gone_when_both_are() {
    let (shop, work) = Shop::open().await;
    for n in 0..20 {
        shop.put(&work, "a/r", &format!("v{n}"), &format!("{n}")).await;
    }
    let both = shop.put(&work, "a/r", "both", "both").await;
    let there: RepositoryName = "b/r".parse().unwrap();
    shop.world.image(&shop.project, &there, "both", "both").await;
    shop.delete("a/r", &both.digest).await;
    assert_eq!(still_gone(&shop.world.ctx, &work, &both).await.unwrap(), None);
    assert_eq!(shop.planned(&work).await, (0, vec![]));
    shop.delete("b/r", &both.digest).await;
    let own: Digest = both.digest.parse().unwrap();
    assert_eq!(still_gone(&shop.world.ctx, &work, &both).await.unwrap(), Some((vec!["both".to_owned()], vec![own])));
    // Another execution: that one's plan is made.
    assert_eq!(shop.planned(&work).await, (0, vec![]));
    let again = Work::of(executions::start(&shop.world.ctx, &shop.world.admin, work.rule.id, None).await.unwrap(), work.rule.clone());
    assert_eq!(shop.planned(&again).await, (0, vec![both.digest.clone()]));
    // A plan is made once.
    assert_eq!(shop.planned(&again).await.1.len(), 1);
    forget(&shop.world.ctx, &again, &both).await.unwrap();
    assert_eq!(still_gone(&shop.world.ctx, &work, &both).await.unwrap(), None, "nothing is noted of it");
}

#[tokio::test]
async fn what_is_added_later_is_noted_and_a_plan_that_broke_off_begins_anew() {
    let (shop, work) = Shop::open().await;
    let (ctx, one) = (&shop.world.ctx, shop.put(&work, "a/r", "v1", "one").await);
    let signature: Digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
    let more = Put { artifact: false, attached: vec![signature.clone()] };
    note(ctx, &work, &WorkTask { tags: vec!["v2".to_owned()], ..one.clone() }, &more).await.unwrap();
    // Of what the rule did not put there nothing is noted, whatever it added.
    let other = WorkTask { digest: signature.to_string(), ..one.clone() };
    note(ctx, &work, &other, &more).await.unwrap();
    assert_eq!(still_gone(ctx, &work, &other).await.unwrap(), None);
    shop.delete("a/r", &one.digest).await;
    let (tags, mut attached) = still_gone(ctx, &work, &one).await.unwrap().unwrap();
    attached.sort();
    let mut all = vec![signature, one.digest.parse().unwrap()];
    all.sort();
    assert_eq!((tags, attached), (vec!["v1".to_owned(), "v2".to_owned()], all));
    // All of it is more than a tenth; asked, and allowed.
    assert_eq!(shop.planned(&work).await, (1, vec![]));
    let refused = allow(ctx, &shop.world.user("mallory").await, work.id).await;
    assert!(refused.is_err(), "{refused:?}");
    assert_eq!(left(ctx, &shop.world.admin, work.id, 9).await.unwrap().len(), 1);
    let again = Work::of(allow(ctx, &shop.world.admin, work.id).await.unwrap(), work.rule.clone());
    let id = again.id;
    // Tasks of a run that was killed before its plan was whole.
    let part = left(ctx, &shop.world.admin, work.id, 9).await.unwrap();
    ctx.db.write_content(async move |c| sql::insert_tasks(c, id, &part).await).await.unwrap();
    assert_eq!(shop.planned(&again).await, (0, vec![one.digest.clone()]));
    // With the rule goes what was noted.
    let rule = again.rule.id;
    ctx.db.write_content(async move |c| forget_rule(c, rule).await).await.unwrap();
    assert_eq!(still_gone(ctx, &work, &one).await.unwrap(), None);
}
