//! Retention over a real database: trees go and stay as units, and a run that is killed goes on.

use super::*;
use crate::artifacts::{self, Reference};
use crate::Owner;
use crate::immutability;
use crate::manifest::{OCI_INDEX, OCI_MANIFEST};
use crate::testing::World;
use crate::deletions;
use model::label::LabelInput;
use model::selector::Selector;
use model::{Digest, RepositoryName, Role};
use serde_json::json;
use tokio::sync::watch;

const DAY: i64 = 86_400_000;

fn rule(tags: &str, template: Template, number: i64) -> RetentionRule {
    RetentionRule { selector: Selector::simple(("", false), (tags, false), Some(false)), template, number, disabled: false }
}

fn input(rules: Vec<RetentionRule>, uncovered: Uncovered) -> Input {
    Input { rules, uncovered: Some(uncovered), cron: None, seen: None }
}

use model::retention::Template;

struct Shop {
    world: World,
    project: ProjectName,
    repository: RepositoryName,
}

impl Shop {
    async fn open() -> Shop {
        let world = World::with(|settings| settings.recycle = DAY).await;
        let project = world.project("p", false).await;
        Shop { world, project, repository: "r".parse().unwrap() }
    }

    async fn image(&self, tag: &str, text: &str) -> Digest {
        self.world.pass(1000);
        self.world.image(&self.project, &self.repository, tag, text).await
    }

    async fn is_there(&self, digest: &Digest) -> bool {
        let reference = Reference::Digest(digest.clone());
        artifacts::pull(&self.world.ctx, &self.world.admin, &self.project, &self.repository, &reference, false).await.is_ok()
    }

    async fn set(&self, input: Input) {
        set(&self.world.ctx, &self.world.admin, &self.project, input).await.unwrap();
    }

    /// One run to its end.
    async fn run(&self, dry_run: bool) -> super::Shown {
        let (ctx, admin) = (&self.world.ctx, &self.world.admin);
        let id = start(ctx, admin, &self.project, dry_run).await.unwrap();
        self.work().await.unwrap();
        get_run(ctx, admin, &self.project, id).await.unwrap()
    }

    async fn work(&self) -> Result<()> {
        let claim = jobs::claim(&self.world.ctx, JOB, 1).await.unwrap().expect("a job");
        let (_stop, stopping) = watch::channel(false);
        work::carry_out(&self.world.ctx, &claim, &stopping).await
    }

    async fn told(&self, run: RetentionRunId, fate: Fate) -> Vec<(String, String)> {
        let asked = Asked { fate: Some(fate), ..Asked::default() };
        let found = results(&self.world.ctx, &self.world.admin, &self.project, run, &asked, &Query::all(100)).await.unwrap();
        found.items.into_iter().map(|one| (one.tags.join(" "), one.why)).collect()
    }
}

#[tokio::test]
async fn a_run_removes_what_no_rule_keeps_with_all_that_hangs_on_it() {
    let shop = Shop::open().await;
    let (world, project, repository) = (&shop.world, &shop.project, &shop.repository);
    let (one, two, dev) = (shop.image("v1", "one").await, shop.image("v2", "two").await, shop.image("dev", "three").await);
    let bundle = "application/vnd.dev.sigstore.bundle.v0.3+json";
    let (of_one, of_two) = (world.attach(project, repository, &one, bundle, b"1").await, world.attach(project, repository, &two, bundle, b"2").await);
    let upon = world.attach(project, repository, &of_one, "application/spdx+json", b"{\"a\":1}").await;
    shop.set(input(vec![rule("v*", Template::LatestPushed, 1)], Uncovered::Keep)).await;
    // A dry run says it, and does nothing.
    let dry = shop.run(true).await;
    assert_eq!((dry.run.sums.kept, dry.run.sums.removed, dry.run.sums.uncovered, dry.run.sums.held), (1, 1, 1, 0));
    assert!(dry.run.sums.bytes > 0 && dry.run.status == RunStatus::Succeeded);
    assert!(shop.is_there(&one).await);
    let run = shop.run(false).await;
    assert_eq!(run.run.sums.removed, 1);
    for gone in [&one, &of_one, &upon] {
        assert!(!shop.is_there(gone).await, "{gone}");
    }
    for stays in [&two, &of_two, &dev] {
        assert!(shop.is_there(stays).await, "{stays}");
    }
    assert_eq!(shop.told(run.run.id, Fate::Removed).await, [("v1".to_owned(), "rule 1 takes it and does not keep it".to_owned())]);
    assert_eq!(shop.told(run.run.id, Fate::Kept).await, [("v2".to_owned(), "kept by rule 1".to_owned())]);
    assert_eq!(run.rules[0].1, 1);
    // It can be undone, with its tree.
    let deleted = deletions::list(&world.ctx, &world.admin, project, &Query::default()).await.unwrap();
    assert_eq!(deleted.items[0].deleted_by, format!("retention run {}", run.run.id));
    deletions::restore(&world.ctx, &world.admin, project, deleted.items[0].id).await.unwrap();
    assert!(shop.is_there(&of_one).await && shop.is_there(&upon).await);
    // As Harbor's: what no rule takes goes too.
    shop.set(input(vec![rule("v*", Template::LatestPushed, 9)], Uncovered::Remove)).await;
    shop.run(false).await;
    assert!(!shop.is_there(&dev).await && shop.is_there(&two).await);
    // A repository that no rule reaches is left alone.
    let elsewhere = Selector::simple(("other", false), ("", false), None);
    shop.set(input(vec![RetentionRule { selector: elsewhere, template: Template::LatestPushed, number: 0, disabled: false }], Uncovered::Remove)).await;
    let run = shop.run(false).await;
    assert_eq!((run.run.sums.removed, shop.is_there(&two).await), (0, true));
}

#[tokio::test]
async fn an_index_and_what_it_lists_are_one() {
    let shop = Shop::open().await;
    let (world, project, repository) = (&shop.world, &shop.project, &shop.repository);
    let (ctx, admin) = (&world.ctx, &world.admin);
    let entry = async |digest: &Digest| {
        let size = artifacts::pull(ctx, admin, project, repository, &Reference::Digest(digest.clone()), false).await.unwrap().content.len();
        json!({ "mediaType": OCI_MANIFEST, "digest": digest, "size": size, "platform": { "os": "linux", "architecture": "amd64" } })
    };
    // A child with a tag of its own that no rule keeps, of an index that stays.
    let child = shop.image("v0-amd64", "child").await;
    let index = json!({ "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [entry(&child).await] });
    world.pass(1000);
    let index = world.manifest(project, repository, "v1", &index).await;
    shop.set(input(vec![rule("v*", Template::LatestPushed, 1)], Uncovered::Remove)).await;
    let run = shop.run(false).await;
    assert_eq!((run.run.sums.kept, run.run.sums.held, run.run.sums.removed), (1, 1, 0));
    assert!(shop.told(run.run.id, Fate::Held).await[0].1.contains(&index.short()));
    assert!(shop.is_there(&child).await && shop.is_there(&index).await);
    // A pull of the child is a pull of the index.
    world.pass(10 * DAY);
    artifacts::pull(ctx, admin, project, repository, &Reference::Digest(child.clone()), true).await.unwrap();
    artifacts::Pulls::flush(ctx).await.unwrap();
    shop.set(input(vec![rule("v1", Template::PulledWithin, 5)], Uncovered::Remove)).await;
    let run = shop.run(false).await;
    assert_eq!(run.run.sums.kept, 1, "{:?}", run.run.sums);
    assert!(shop.is_there(&index).await);
    // When the index goes, so does what it lists, in one run.
    world.pass(10 * DAY);
    let run = shop.run(false).await;
    assert!(!shop.is_there(&index).await && !shop.is_there(&child).await, "{:?}", run.run.sums);
    assert_eq!(run.run.sums.removed, 2);
}

#[tokio::test]
async fn an_immutable_tag_wins_and_the_run_says_so() {
    let shop = Shop::open().await;
    let (ctx, admin) = (&shop.world.ctx, &shop.world.admin);
    let (kept, gone) = (shop.image("v1", "one").await, shop.image("v2", "two").await);
    immutability::create(ctx, admin, &Owner::Project(shop.project.clone()), Selector::simple(("", false), ("v1", false), None), false).await.unwrap();
    shop.set(input(vec![rule("v*", Template::LatestPushed, 0)], Uncovered::Remove)).await;
    for dry in [true, false] {
        let run = shop.run(dry).await;
        assert_eq!((run.run.sums.held, run.run.sums.removed, run.run.status), (1, 1, RunStatus::Succeeded));
        assert!(shop.told(run.run.id, Fate::Held).await[0].1.contains("immutable tag v1"));
    }
    assert!(shop.is_there(&kept).await && !shop.is_there(&gone).await);
}

#[tokio::test]
async fn r_19_a_run_that_is_killed_goes_on_and_nothing_is_half_removed() {
    let shop = Shop::open().await;
    let (ctx, admin, project, repository) = (&shop.world.ctx, &shop.world.admin, &shop.project, &shop.repository);
    let mut images = Vec::new();
    for n in 0..6 {
        let image = shop.image(&format!("v{n}"), &format!("image {n}")).await;
        let signature = shop.world.attach(project, repository, &image, "application/vnd.dev.sigstore.bundle.v0.3+json", format!("{n}").as_bytes()).await;
        images.push((image, signature));
    }
    shop.set(input(vec![rule("v*", Template::LatestPushed, 2)], Uncovered::Keep)).await;
    let id = start(ctx, admin, project, false).await.unwrap();
    // Killed after each removal: the future is dropped where it stands.
    for killed in 1.. {
        let claim = jobs::claim(ctx, JOB, 1).await.unwrap().expect("a job");
        let (_stop, stopping) = watch::channel(false);
        let before = count_of(&shop, &images).await;
        let carried = work::carry_out(ctx, &claim, &stopping);
        let done = tokio::select! {
            done = carried => { done.unwrap(); true }
            () = async {
                loop {
                    tokio::task::yield_now().await;
                    if count_of(&shop, &images).await < before { return; }
                }
            } => false,
        };
        for (image, signature) in &images {
            // A removal that was sent may commit between the two looks: then the next two agree. One that is half done never does.
            let mut alike = false;
            for _ in 0..200 {
                alike = shop.is_there(image).await == shop.is_there(signature).await;
                if alike {
                    break;
                }
                tokio::time::sleep(std::time::Duration::from_millis(10)).await;
            }
            assert!(alike, "after {killed}");
        }
        if done {
            break;
        }
        // The worker is gone: its lease ends.
        shop.world.pass(60_000);
    }
    let run = get_run(ctx, admin, project, id).await.unwrap().run;
    assert_eq!((run.status, run.sums.removed, run.sums.kept), (RunStatus::Succeeded, 4, 2));
    assert_eq!((count_of(&shop, &images).await, shop.told(id, Fate::Removed).await.len()), (2, 4));
}

async fn count_of(shop: &Shop, images: &[(Digest, Digest)]) -> usize {
    let mut n = 0;
    for (image, _) in images {
        n += usize::from(shop.is_there(image).await);
    }
    n
}

#[tokio::test]
async fn what_changed_since_it_was_judged_is_left() {
    let shop = Shop::open().await;
    let (ctx, project, repository) = (&shop.world.ctx, &shop.project, &shop.repository);
    let image = shop.image("v1", "one").await;
    let mut c = ctx.db.read().await.unwrap();
    let mut proof = access::project(&mut c, ctx.now(), &shop.world.admin, project, Action::ArtifactRead).await.unwrap();
    let found = artifacts::sql::found(&mut proof, repository, &Reference::Digest(image.clone())).await.unwrap();
    let (pushed, pulled) = artifacts::sql::latest(proof.conn(), found.id).await.unwrap();
    drop(c);
    let seen = artifacts::Seen { id: found.id, pushed, pulled, tags: vec!["v1".to_owned()], labels: None };
    let nothing = async |_: &mut sqlx::AnyConnection, _: i64| Ok(());
    // Another tag, a pull, and the same push again: each makes it another one.
    shop.world.pass(1000);
    artifacts::pull(ctx, &shop.world.admin, project, repository, &Reference::Tag("v1".parse().unwrap()), true).await.unwrap();
    artifacts::Pulls::flush(ctx).await.unwrap();
    let refused = artifacts::retire(ctx, (project, repository), &image, seen.clone(), 1, nothing).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    artifacts::add_tag(ctx, &shop.world.admin, project, repository, &Reference::Digest(image.clone()), "keep-me", false).await.unwrap();
    let seen = artifacts::Seen { pulled: Some(ctx.now().0), ..seen };
    let refused = artifacts::retire(ctx, (project, repository), &image, seen.clone(), 1, nothing).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    let seen = artifacts::Seen { pushed: ctx.now().0, tags: vec!["keep-me".to_owned(), "v1".to_owned()], ..seen };
    artifacts::retire(ctx, (project, repository), &image, seen, 1, nothing).await.unwrap();
    assert!(!shop.is_there(&image).await);
}

#[tokio::test]
async fn rules_select_by_labels_and_one_that_is_gone_removes_nothing() {
    let shop = Shop::open().await;
    let (ctx, admin, project, repository) = (&shop.world.ctx, &shop.world.admin, &shop.project, &shop.repository);
    let owner = Owner::Project(project.clone());
    let make = async |owner: &Owner, name: &str| {
        labels::create(ctx, admin, owner, LabelInput { name: name.to_owned(), ..LabelInput::default() }).await.unwrap()
    };
    // Rules are about names, whoever's the label is.
    let (stable, lts, comma, other) = (make(&owner, "stable").await, make(&Owner::System, "lts").await, make(&owner, "a,b").await, shop.world.project("q", false).await);
    make(&Owner::Project(other), "theirs").await;
    let put = async |digest: &Digest, label| labels::put(ctx, admin, project, repository, &Reference::Digest(digest.clone()), label).await.unwrap();
    let images = [shop.image("v1", "one").await, shop.image("v2", "two").await, shop.image("v3", "three").await, shop.image("v4", "four").await];
    put(&images[0], stable).await;
    put(&images[1], stable).await;
    put(&images[1], lts).await;
    put(&images[2], comma).await;
    let labelled = |with: &str, without: &str| {
        let selector = Selector::simple(("", false), ("", false), Some(true)).labelled(with, without);
        input(vec![RetentionRule { selector, template: Template::Always, number: 0, disabled: false }], Uncovered::Remove)
    };
    // What a rule would keep of v1 to v4.
    for (with, without, kept) in [
        ("stable", "", "v1 v2"), ("stable, lts", "", "v2"), ("stable", "lts", "v1"), ("", "stable", "v3 v4"), ("a\\,b", "", "v3"), ("", "lts,a\\,b", "v1 v4"),
    ] {
        shop.set(labelled(with, without)).await;
        let run = shop.run(true).await;
        let mut told: Vec<String> = shop.told(run.run.id, Fate::Kept).await.into_iter().map(|(tags, _)| tags).collect();
        told.sort();
        assert_eq!(told.join(" "), kept, "{with:?} without {without:?}");
    }
    // A name typed wrong keeps nothing, so it is refused, as is what contradicts itself; the policy stays.
    for (with, without, said) in [
        ("stabel", "", "stabel is neither"), ("theirs", "", "theirs is neither"), ("", "gone", "gone is neither"), ("stable", "stable", "nothing carries stable"),
    ] {
        let refused = set(ctx, admin, project, labelled(with, without)).await;
        assert!(matches!(&refused, Err(Error::Invalid(problems)) if problems.0[0].field == "label" && problems.0[0].message.contains(said)), "{refused:?}");
    }
    shop.set(labelled("stable", "")).await;
    // Renamed or deleted it is on nothing: a run would remove all, and fails instead.
    labels::update(ctx, admin, stable, LabelInput { name: "steady".to_owned(), ..LabelInput::default() }).await.unwrap();
    let run = shop.run(false).await;
    assert_eq!((run.run.status, run.run.error.contains("rule 1 is about the label stable, which is not there")), (RunStatus::Failed, true), "{}", run.run.error);
    for image in &images {
        assert!(shop.is_there(image).await);
    }
    shop.set(labelled("steady", "")).await;
    shop.run(false).await;
    assert_eq!((shop.is_there(&images[0]).await, shop.is_there(&images[1]).await, shop.is_there(&images[2]).await), (true, true, false));
}

#[tokio::test]
async fn a_part_that_carries_a_label_keeps_the_whole() {
    let shop = Shop::open().await;
    let (ctx, admin, project, repository) = (&shop.world.ctx, &shop.world.admin, &shop.project, &shop.repository);
    let keep = labels::create(ctx, admin, &Owner::Project(project.clone()), LabelInput { name: "keep".to_owned(), ..LabelInput::default() }).await.unwrap();
    let (signed, plain) = (shop.image("v1", "one").await, shop.image("v2", "two").await);
    let signature = shop.world.attach(project, repository, &signed, "application/vnd.dev.sigstore.bundle.v0.3+json", b"1").await;
    shop.world.attach(project, repository, &plain, "application/vnd.dev.sigstore.bundle.v0.3+json", b"2").await;
    labels::put(ctx, admin, project, repository, &Reference::Digest(signature.clone()), keep).await.unwrap();
    let selector = Selector::simple(("", false), ("", false), Some(true)).labelled("keep", "");
    shop.set(input(vec![RetentionRule { selector, template: Template::Always, number: 0, disabled: false }], Uncovered::Remove)).await;
    for dry in [true, false] {
        let run = shop.run(dry).await.run;
        let held = shop.told(run.id, Fate::Held).await;
        assert_eq!((run.sums.removed, held.len()), (1, 1), "dry {dry}");
        assert!(held[0].0 == "v1" && held[0].1.contains("carries the label keep"), "{held:?}");
    }
    assert_eq!((shop.is_there(&signed).await, shop.is_there(&signature).await, shop.is_there(&plain).await), (true, true, false));
}

#[tokio::test]
async fn a_label_that_is_put_on_since_it_was_judged_counts() {
    let shop = Shop::open().await;
    let (ctx, admin, project, repository) = (&shop.world.ctx, &shop.world.admin, &shop.project, &shop.repository);
    let keep = labels::create(ctx, admin, &Owner::Project(project.clone()), LabelInput { name: "keep".to_owned(), ..LabelInput::default() }).await.unwrap();
    let image = shop.image("v1", "one").await;
    let mut c = ctx.db.read().await.unwrap();
    let mut proof = access::project(&mut c, ctx.now(), admin, project, Action::ArtifactRead).await.unwrap();
    let found = artifacts::sql::found(&mut proof, repository, &Reference::Digest(image.clone())).await.unwrap();
    let (pushed, pulled) = artifacts::sql::latest(proof.conn(), found.id).await.unwrap();
    drop(c);
    let seen = artifacts::Seen { id: found.id, pushed, pulled, tags: vec!["v1".to_owned()], labels: Some(Vec::new()) };
    let nothing = async |_: &mut sqlx::AnyConnection, _: i64| Ok(());
    labels::put(ctx, admin, project, repository, &Reference::Digest(image.clone()), keep).await.unwrap();
    let refused = artifacts::retire(ctx, (project, repository), &image, seen.clone(), 1, nothing).await;
    assert!(matches!(refused, Err(Error::Conflict { .. })), "{refused:?}");
    assert!(shop.is_there(&image).await);
    let seen = artifacts::Seen { labels: Some(vec!["keep".to_owned()]), ..seen };
    artifacts::retire(ctx, (project, repository), &image, seen, 1, nothing).await.unwrap();
}

#[tokio::test]
async fn clocks_start_runs_once_and_policies_are_checked() {
    let shop = Shop::open().await;
    let (ctx, admin, project) = (&shop.world.ctx, &shop.world.admin, &shop.project);
    shop.image("v1", "one").await;
    let fine = || vec![rule("v*", Template::LatestPushed, 1)];
    let with = |rules: Vec<RetentionRule>, cron: Option<&str>| Input { rules, uncovered: None, cron: cron.map(str::to_owned), seen: None };
    for (input, what) in [
        (with(vec![rule("[", Template::Always, 0)], None), "pattern"), (with(vec![rule("v*", Template::LatestPushed, 40_000)], None), "32766"),
        (with(fine(), Some("0 0 0 30 2 *")), "never comes"), (with(fine(), Some("5 0 0 * * *")), "six fields"), (with([fine(), fine()].concat(), None), "twice"),
        (with((0..16).map(|n| rule("v*", Template::LatestPushed, n)).collect(), None), "at most 15"),
    ] {
        let refused = set(ctx, admin, project, input).await.unwrap_err().to_string();
        assert!(refused.contains(what), "{refused}");
    }
    assert_eq!(get(ctx, admin, project).await.unwrap(), None);
    let guest = shop.world.member("guest", project, Role::Guest).await;
    assert!(matches!(set(ctx, &guest, project, with(fine(), None)).await, Err(Error::Forbidden { .. })));
    assert!(matches!(start(ctx, admin, project, true).await, Err(Error::NotFound(_))));
    // The world begins at midnight.
    create(ctx, admin, project, with(fine(), Some("0 0 3 * * *"))).await.unwrap();
    assert!(matches!(create(ctx, admin, project, with(fine(), None)).await, Err(Error::Conflict { .. })));
    let runs_now = async || runs(ctx, admin, project, &Query::default()).await.unwrap().total;
    schedules::start_due(ctx).await.unwrap();
    assert_eq!(runs_now().await, 0);
    shop.world.pass(50 * 3_600_000);
    // Days that were missed are made up for once, and not while one is under way.
    schedules::start_due(ctx).await.unwrap();
    schedules::start_due(ctx).await.unwrap();
    assert_eq!(runs_now().await, 1);
    assert!(matches!(start(ctx, admin, project, false).await, Err(Error::Precondition(_))));
    shop.work().await.unwrap();
    shop.world.pass(DAY);
    schedules::start_due(ctx).await.unwrap();
    assert_eq!(runs_now().await, 2);
    shop.work().await.unwrap();
    // A clock of the machine that is set back a year waits no year.
    shop.world.pass(-365 * DAY);
    schedules::start_due(ctx).await.unwrap();
    shop.world.pass(DAY);
    schedules::start_due(ctx).await.unwrap();
    assert_eq!(runs_now().await, 3);
    stop(ctx, admin, project, runs(ctx, admin, project, &Query::default()).await.unwrap().items[0].id).await.unwrap();
    shop.work().await.unwrap();
    assert_eq!(runs(ctx, admin, project, &Query::default()).await.unwrap().items[0].status, RunStatus::Stopped);
    delete(ctx, admin, project).await.unwrap();
    shop.world.pass(5 * DAY);
    schedules::start_due(ctx).await.unwrap();
    assert!(jobs::claim(ctx, JOB, 1).await.unwrap().is_none());
}

#[tokio::test]
async fn a_look_ahead_says_that_all_would_go() {
    let shop = Shop::open().await;
    shop.image("v1", "one").await;
    shop.image("v2", "two").await;
    let (ctx, admin, project) = (&shop.world.ctx, &shop.world.admin, &shop.project);
    let all = foresee(ctx, admin, project, &input(vec![rule("v*", Template::LatestPushed, 0)], Uncovered::Keep)).await.unwrap();
    assert_eq!((all.sums.removed, all.emptied.as_slice()), (2, &["r".to_owned()][..]));
    let some = foresee(ctx, admin, project, &input(vec![rule("v*", Template::LatestPushed, 1)], Uncovered::Keep)).await.unwrap();
    assert_eq!((some.sums.removed, some.sums.kept, some.emptied.len()), (1, 1, 0));
}

#[tokio::test]
async fn a_dry_run_says_what_a_run_does_also_of_what_goes_along_and_after_a_break() {
    let shop = Shop::open().await;
    let (ctx, admin, project, repository) = (&shop.world.ctx, &shop.world.admin, &shop.project, &shop.repository);
    let (held, gone) = (shop.image("v1", "one").await, shop.image("v2", "two").await);
    // What hangs on the first has a tag of somebody's that is immutable.
    let attached = shop.world.attach(project, repository, &held, "application/spdx+json", b"{\"a\":1}").await;
    artifacts::add_tag(ctx, admin, project, repository, &Reference::Digest(attached), "keep-me", false).await.unwrap();
    shop.world.attach(project, repository, &gone, "application/spdx+json", b"{\"b\":2222222222}").await;
    immutability::create(ctx, admin, &Owner::Project(project.clone()), Selector::simple(("", false), ("keep-*", false), None), false).await.unwrap();
    shop.set(input(vec![rule("v*", Template::LatestPushed, 0)], Uncovered::Keep)).await;
    let ahead = foresee(ctx, admin, project, &input(vec![rule("v*", Template::LatestPushed, 0)], Uncovered::Keep)).await.unwrap();
    assert_eq!(ahead.sums.removed + ahead.sums.held, 2);
    // A dry run that is killed and begun again tells each once.
    let id = start(ctx, admin, project, true).await.unwrap();
    let run_id = id;
    ctx.db.write_content(async move |c| {
        let repository: i64 = sqlx::Row::get(&sqlx::query("SELECT id FROM repositories").fetch_one(&mut *c).await?, "id");
        let task = sql::begin_task(c, model::Stamp(0), run_id, (repository, "r"), sql::Told::Foretold).await?;
        let noted = sql::Noted {
            artifact: 1, digest: format!("sha256:{}", "a".repeat(64)).parse().unwrap(), tags: Vec::new(),
            fate: Fate::Removed, by: 1, why: String::new(), pushed: 0, pulled: None, bytes: 7,
        };
        sql::note(c, run_id, task, &[noted]).await
    }).await.unwrap();
    shop.work().await.unwrap();
    let dry = get_run(ctx, admin, project, id).await.unwrap().run.sums;
    let real = shop.run(false).await.run.sums;
    assert_eq!(dry, real);
    assert_eq!((real.removed, real.held), (1, 1));
    assert!(!shop.is_there(&gone).await && shop.is_there(&held).await);
}
