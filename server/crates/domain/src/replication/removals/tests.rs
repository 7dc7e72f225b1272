//! Removals over a real database: what is noted, what is gone, and plans that break off.

use super::*;
use crate::artifacts::{self, Reference};
use crate::replication::{rules, targets};
use crate::secrets::PlainSecret;
use crate::testing::World;
use model::replication::rule::{RuleInput, TagMode};
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
        note(&self.world.ctx, work, &task, &Put { artifact: true, attached: vec![digest], tagged: true }).await.unwrap();
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

async fn gone(shop: &Shop, work: &Work, task: &WorkTask) -> Option<(Vec<String>, Vec<Digest>)> {
    let places = Places::of(&shop.world.ctx, work).await.unwrap();
    still_gone(&shop.world.ctx, work, &places, task).await.unwrap()
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
    assert_eq!(gone(&shop, &work, &both).await, None);
    assert_eq!(shop.planned(&work).await, (0, vec![]));
    shop.delete("b/r", &both.digest).await;
    let own: Digest = both.digest.parse().unwrap();
    assert_eq!(gone(&shop, &work, &both).await, Some((vec!["both".to_owned()], vec![own])));
    // Another execution: that one's plan is made.
    assert_eq!(shop.planned(&work).await, (0, vec![]));
    let again = Work::of(executions::start(&shop.world.ctx, &shop.world.admin, work.rule.id, None).await.unwrap(), work.rule.clone());
    assert_eq!(shop.planned(&again).await, (0, vec![both.digest.clone()]));
    // A plan is made once.
    assert_eq!(shop.planned(&again).await.1.len(), 1);
    forget(&shop.world.ctx, &again, &both).await.unwrap();
    assert_eq!(gone(&shop, &work, &both).await, None, "nothing is noted of it");
}

#[tokio::test]
async fn what_is_added_later_is_noted_and_a_plan_that_broke_off_begins_anew() {
    let (shop, work) = Shop::open().await;
    let (ctx, one) = (&shop.world.ctx, shop.put(&work, "a/r", "v1", "one").await);
    let signature: Digest = format!("sha256:{}", "a".repeat(64)).parse().unwrap();
    let more = Put { artifact: false, attached: vec![signature.clone()], tagged: true };
    note(ctx, &work, &WorkTask { tags: vec!["v2".to_owned()], ..one.clone() }, &more).await.unwrap();
    // Of what the rule did not put there nothing is noted, whatever it added.
    let other = WorkTask { digest: signature.to_string(), tags: Vec::new(), ..one.clone() };
    note(ctx, &work, &other, &more).await.unwrap();
    assert_eq!(gone(&shop, &work, &other).await, None);
    shop.delete("a/r", &one.digest).await;
    let (tags, mut attached) = gone(&shop, &work, &one).await.unwrap();
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
    assert_eq!(part, [], "it was answered");
    let part = vec![Gone { source: one.source.clone(), destination: one.destination.clone(), digest: one.digest.clone(), tags: one.tags.clone() }];
    let (rule, url) = (again.rule.id, again.rule.target_url.clone());
    ctx.db.write_content(async move |c| sql::insert_tasks(c, (rule, &url), id, &part).await).await.unwrap();
    assert_eq!(shop.planned(&again).await, (0, vec![one.digest.clone()]));
    // With the rule goes what was noted.
    let rule = again.rule.id;
    ctx.db.write_content(async move |c| forget_rule(c, rule).await).await.unwrap();
    assert_eq!(gone(&shop, &work, &one).await, None);
}

#[tokio::test]
async fn an_answer_is_about_what_was_asked_and_a_tag_is_the_rules_as_long_as_it_set_it_last() {
    let (shop, work) = Shop::open().await;
    let ctx = &shop.world.ctx;
    let mut all = Vec::new();
    for n in 0..6 {
        all.push(shop.put(&work, "a/r", &format!("v{n}"), &format!("{n}")).await);
    }
    let execution = async || Work::of(executions::start(ctx, &shop.world.admin, work.rule.id, None).await.unwrap(), work.rule.clone());
    for one in &all[..2] {
        shop.delete("a/r", &one.digest).await;
    }
    assert_eq!(shop.planned(&work).await, (2, vec![]));
    // Meanwhile those come back, and others go: nobody was asked about them.
    for (n, one) in all[..2].iter().enumerate() {
        assert_eq!(shop.world.image(&shop.project, &"a/r".parse().unwrap(), &format!("v{n}"), &format!("{n}")).await.to_string(), one.digest);
    }
    for one in &all[2..4] {
        shop.delete("a/r", &one.digest).await;
    }
    let again = Work::of(allow(ctx, &shop.world.admin, work.id).await.unwrap(), work.rule.clone());
    assert_eq!(shop.planned(&again).await, (2, vec![]), "it asks about the others");
    // Answered for these; a third that goes meanwhile is asked about, and does not keep these.
    shop.delete("a/r", &all[4].digest).await;
    let third = Work::of(allow(ctx, &shop.world.admin, again.id).await.unwrap(), work.rule.clone());
    let mut expected = vec![all[2].digest.clone(), all[3].digest.clone()];
    expected.sort();
    assert_eq!(shop.planned(&third).await, (1, expected.clone()));
    // What may go and stayed, since it is held there, is not asked about again.
    assert_eq!(shop.planned(&execution().await).await, (1, expected));
    // Found here again by a run, it is as it was: it may not go any more.
    note(ctx, &work, &all[0], &Put::default()).await.unwrap();
    shop.delete("a/r", &all[0].digest).await;
    assert_eq!(shop.planned(&execution().await).await.0, 2);
    // The rule moved a tag: what it named before is not the rule's by that tag.
    let moved = WorkTask { tags: vec!["v4".to_owned()], ..all[5].clone() };
    // A task that failed moved nothing.
    note(ctx, &work, &moved, &Put::default()).await.unwrap();
    assert_eq!(gone(&shop, &work, &all[4]).await.unwrap().0, ["v4"]);
    note(ctx, &work, &moved, &Put { tagged: true, ..Put::default() }).await.unwrap();
    assert_eq!(gone(&shop, &work, &all[4]).await.unwrap().0, Vec::<String>::new());
}

#[tokio::test]
async fn what_another_rule_puts_at_the_same_place_stays() {
    let (shop, work) = Shop::open().await;
    let (ctx, admin) = (&shop.world.ctx, &shop.world.admin);
    let one = shop.put(&work, "a/r", "v1", "one").await;
    let other: ProjectName = shop.world.project("other", false).await;
    shop.world.image(&other, &"r".parse().unwrap(), "v1", "one").await;
    // Of one rule, and of another one of the same target.
    rules::update(ctx, admin, work.rule.id, RuleInput { repositories: "p/**".into(), ..work.rule.input.clone() }).await.unwrap();
    let rule = rules::get(ctx, admin, work.rule.id).await.unwrap();
    let second = RuleInput { name: "second".into(), repositories: "other/**".into(), removes: false, ..work.rule.input.clone() };
    let second = rules::create(ctx, admin, second).await.unwrap();
    let work = Work::of(work.id, rule);
    shop.delete("a/r", &one.digest).await;
    assert_eq!(gone(&shop, &work, &one).await, None);
    assert_eq!(shop.planned(&work).await, (0, vec![]));
    rules::update(ctx, admin, second.id, RuleInput { enabled: false, ..second.input }).await.unwrap();
    assert!(gone(&shop, &work, &one).await.is_some());
}
