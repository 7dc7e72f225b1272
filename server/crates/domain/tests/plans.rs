//! Every statement that a reading use-case runs is explained on seeded, analysed tables: none may walk a table that
//! grows with what is pushed. Statements are taken from what the driver logs, so a new query is here by itself.

use domain::artifacts::{self, Reference};
use domain::db::Engine;
use domain::testing::World;
use domain::secrets::PlainSecret;
use domain::replication::{executions, removals, rules, targets};
use domain::{activity, labels, members, projects, repositories, retention, robots, uploads, users};
use model::artifact::{Also, Filter};
use model::list::{Holds, Query, Window};
use model::replication::rule::{RuleInput, TagMode};
use model::replication::target::{Provider, TargetInput};
use model::retention::{RetentionRule, Template};
use model::selector::Selector;
use model::{ProjectName, RepositoryName, Role};
use sqlx::{AssertSqlSafe, Row};
use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::sync::{Arc, Mutex};
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt};

/// What grows with every push, pull or replicated artifact.
const GROWS: [&str; 16] = [
    "artifact_labels", "repository_days", "project_days", "replicated", "accessories",
    "artifact_blobs", "artifact_children", "artifacts", "events", "blobs", "manifests", "repositories",
    "repository_blobs", "sessions", "tags", "tasks",
];

/// Statements as the driver logs them.
#[derive(Clone, Default)]
struct Heard(Arc<Mutex<BTreeSet<String>>>);

impl<S: Subscriber> Layer<S> for Heard {
    fn on_event(&self, event: &Event<'_>, _: Context<'_, S>) {
        if event.metadata().target() != "sqlx::query" {
            return;
        }
        let mut text = Text::default();
        event.record(&mut text);
        let text = if text.statement.trim().is_empty() { text.summary } else { text.statement };
        self.0.lock().unwrap().insert(text.trim().to_owned());
    }
}

#[derive(Default)]
struct Text {
    summary: String,
    statement: String,
}

impl Visit for Text {
    fn record_str(&mut self, field: &Field, value: &str) {
        match field.name() {
            "summary" => self.summary = value.to_owned(),
            "db.statement" => self.statement = value.to_owned(),
            _ => {}
        }
    }

    fn record_debug(&mut self, _: &Field, _: &dyn std::fmt::Debug) {}
}

/// `rows` more rows of `table`; `values` may use `i`, 1 to `rows`.
async fn seed(world: &World, table: &str, rows: u32, columns: &str, values: &str) {
    // 57 zeros and seven digits make a digest.
    let values = values.replace("DIGEST", &format!("'sha256:{}'", "0".repeat(57)));
    let text = format!(
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {rows}) \
         INSERT INTO {table} ({columns}) SELECT {values} FROM n"
    );
    run(world, text).await;
}

async fn run(world: &World, text: String) {
    let done = world.ctx.db.write(async move |c| Ok(sqlx::raw_sql(AssertSqlSafe(text.clone())).execute(c).await.map(drop)?));
    done.await.unwrap();
}

async fn seeded() -> (World, ProjectName, RepositoryName) {
    let world = World::new().await;
    let (project, repository): (ProjectName, RepositoryName) = (world.project("big", true).await, "image".parse().unwrap());
    let image = world.image(&project, &repository, "1", "one").await;
    world.attach(&project, &repository, &image, "application/spdx+json", b"{}").await;
    seed(&world, "users", 3000, "name, name_folded, email, full_name, comment, password_hash, admin, disabled, credentials_version, created_at, updated_at",
        "'user' || i, 'user' || i, 'x', 'x', '', '', 0, 0, 1, i, i").await;
    seed(&world, "projects", 3000, "name, public, require_signature, owner_id, repository_count, artifact_count, member_count, created_at, updated_at",
        "'project' || i, 1, 0, 1, 0, 0, 0, i, i").await;
    seed(&world, "members", 3000, "project_id, user_id, role, created_at", "i % 100 + 1, i + 1, 1, i").await;
    seed(&world, "repositories", 3000, "project_id, name, full_name, description, artifact_count, pull_count, pushed_at, created_at, updated_at",
        "i % 100 + 1, 'repository' || i, 'project' || i % 100 || '/repository' || i, '', 1, 0, i, i, i").await;
    seed(&world, "artifacts", 20000, "project_id, repository_id, digest, media_type, artifact_type, kind, size, manifest_size, annotations, \
        accessory_detail, hidden, listed, signed, tag_count, parent_count, pull_count, pushed_at, version",
        "i % 100 + 1, i % 20 + 1, DIGEST || (1000000 + i), 'm', '', 'image', i, 1, '{}', '', 0, 1, i % 2, 1, 0, 0, i, 1").await;
    seed(&world, "tags", 20000, "repository_id, artifact_id, name, pushed_at", "i % 20 + 1, i, 'tag' || i, i").await;
    seed(&world, "accessories", 20000, "repository_id, subject_digest, artifact_id, kind, attachment, detail, superseded, created_at",
        "i % 20 + 1, DIGEST || (1000000 + i % 5000), i + 2, 'sbom', 'subject', '', 0, i").await;
    seed(&world, "artifact_children", 20000, "parent_id, position, repository_id, child_digest, platform", "i, 1, i % 20 + 1, DIGEST || (1000000 + i), ''").await;
    seed(&world, "artifact_blobs", 20000, "artifact_id, repository_id, digest, size", "i + 10, i % 20 + 1, DIGEST || (1000000 + i), 1").await;
    seed(&world, "blobs", 20000, "digest, size, state, version, created_at", "DIGEST || (1000000 + i), 1, 'there', 1, i").await;
    seed(&world, "repository_blobs", 20000, "project_id, repository_id, digest, created_at", "i % 20 + 1, i % 20 + 1, DIGEST || (1000000 + i), i").await;
    let content = if world.ctx.db.engine() == Engine::Sqlite { "x'7b7d'" } else { "'\\x7b7d'::bytea" };
    seed(&world, "manifests", 20000, "artifact_id, content", &format!("i + 10, {content}")).await;
    seed(&world, "executions", 5000, "rule_id, status, status_text, trigger_kind, requested_by, started_at", "i % 20 + 10, 'succeeded', '', 'manual', 'x', i").await;
    seed(&world, "tasks", 20000, "execution_id, artifact_id, status, source, destination, digest, tags, accessories, bytes_done, bytes_total, error, log",
        "i % 5000 + 10, i, 'succeeded', '', '', '', '', '', 0, 0, '', ''").await;
    seed(&world, "labels", 400, "project_id, name, description, color, created_at, updated_at", "i % 20, 'label' || i, '', '', i, i").await;
    seed(&world, "artifact_labels", 20000, "artifact_id, label_id, created_at", "i + 1, i % 400 + 1, i").await;
    seed(&world, "repository_days", 20000, "repository_id, project_id, day, pulls, pushes", "i % 20 + 1, i % 100 + 1, i, 1, 1").await;
    seed(&world, "project_days", 20000, "project_id, day, pulls, pushes, stored", "i % 100 + 1, i, 1, 1, 1").await;
    seed(&world, "replicated", 20000, "rule_id, url, destination, digest, source, tags, attached, put_at",
        "i % 20 + 1, 'http://127.0.0.1:5000', 'q/r', DIGEST || (1000000 + i), 'project1/repository' || i % 3000, '', '', i").await;
    // SQLite plans without statistics, as it does for users.
    if world.ctx.db.engine() == Engine::Postgres {
        run(&world, "ANALYZE".to_owned()).await;
    }
    (world, project, repository)
}

/// Every list and every look, in every order.
async fn read_everything(world: &World, project: &ProjectName, repository: &RepositoryName) {
    let (ctx, who) = (&world.ctx, &world.admin);
    let target = TargetInput {
        name: "there".into(), provider: Provider::Registry, url: "http://127.0.0.1:5000".into(), description: String::new(),
        token_server: String::new(), access_id: String::new(), verify_certificate: true, proxy: String::new(),
        ca_certificate: String::new(),
    };
    let target = targets::create(ctx, who, target, PlainSecret::new(String::new())).await.unwrap().id;
    let rule = RuleInput {
        name: "all".into(), description: String::new(), target_id: target, repositories: format!("{project}/**"),
        tag_mode: TagMode::Matches, tags: String::new(), namespace: String::new(), flatten: 0,
        resource: Default::default(), further: Vec::new(), accepts: Vec::new(), speed: -1, chunked: false, single_active: false, overwrite: true,
        removes: true, enabled: true,
    };
    let rule = rules::create(ctx, who, rule).await.unwrap().id;
    let execution = executions::start(ctx, who, rule, None).await.unwrap();
    let work = executions::open(ctx, &execution.to_string()).await.unwrap().unwrap();
    removals::plan(ctx, &work).await.unwrap();
    for repository in [None, Some(repository)] {
        activity::days(ctx, who, project, repository, 90).await.unwrap();
    }
    activity::busiest(ctx, who, project, 30, 20).await.unwrap();
    activity::flush(ctx).await.unwrap();
    labels::usable(ctx, who, project).await.unwrap();
    let selector = Selector::simple(("", false), ("v*", false), None).labelled("", "label21");
    let kept = RetentionRule { selector, template: Template::LatestPushed, number: 3, disabled: false };
    let _ = retention::foresee(ctx, who, project, &retention::Input { rules: vec![kept], uncovered: None, cron: None, seen: None }).await;
    let member = world.member("somebody", project, Role::Guest).await;
    let tag = Reference::Tag("1".parse().unwrap());
    let image = artifacts::pull(ctx, who, project, repository, &tag, true).await.unwrap().digest;
    let by_digest = Reference::Digest(image.clone());
    let pages = [
        Window::After { id: None, limit: 25 }, Window::After { id: Some(1), limit: 25 }, Window::Number { number: 3, size: 10 },
    ];
    for window in pages {
        let query = Query { window, ..Query::default() };
        for who in [who, &member] {
            projects::list(ctx, who, &query, &projects::Filter::default()).await.unwrap();
            repositories::list(ctx, who, project, &query).await.unwrap();
            artifacts::list(ctx, who, project, repository, &query, &Default::default()).await.unwrap();
            repositories::list_holding(ctx, who, &image, &query).await.unwrap();
            for also in [vec![], vec![Also::Latest], vec![Also::TagLike("v".into()), Also::Size(Some(1), None)]] {
                artifacts::list_all(ctx, who, project, &query, &Filter { also, ..Filter::default() }).await.unwrap();
            }
        }
        users::list(ctx, who, &query).await.unwrap();
        members::list(ctx, who, project, &query).await.unwrap();
        robots::list(ctx, who, &robots::Level::Project(project.clone()), &query).await.unwrap();
        targets::list(ctx, who, &query).await.unwrap();
        rules::list(ctx, who, &query).await.unwrap();
        executions::list(ctx, who, Some(rule), None, &query).await.unwrap();
        executions::list(ctx, who, None, None, &query).await.unwrap();
        executions::tasks(ctx, who, execution, None, &query).await.unwrap();
    }
    for signed in [true, false] {
        let filter = Filter { signed: Some(signed), tagged: Some(true), ..Filter::default() };
        artifacts::list(ctx, who, project, repository, &Query::default(), &filter).await.unwrap();
    }
    for reference in [&tag, &by_digest] {
        artifacts::page(ctx, who, project, repository, reference, Default::default()).await.unwrap();
        artifacts::tags(ctx, who, project, repository, reference, &Query::all(10)).await.unwrap();
        for sort in ["", "-size", "type"] {
            let query = Query { sort: sort.into(), conditions: vec![("type".into(), Holds::Text(vec!["sbom.harbor".into()]))], ..Query::default() };
            artifacts::attached(ctx, who, project, repository, reference, &query).await.unwrap();
        }
    }
    artifacts::graph(ctx, who, project, repository, &image).await.unwrap();
    artifacts::plan(ctx, who, project, repository, &image).await.unwrap();
    artifacts::tag_names(ctx, who, project, repository, "0", 100).await.unwrap();
    artifacts::referrers(ctx, who, project, repository, &image, Some("x"), 0, 10).await.unwrap();
    repositories::get(ctx, who, project, repository).await.unwrap();
    for who in [who, &member] {
        repositories::catalog(ctx, who, "a", 100).await.unwrap();
    }
    projects::frame(ctx, who, project).await.unwrap();
    uploads::blob(ctx, who, project, repository, &image).await.unwrap();
}

/// What an engine would do for a statement, one line a step.
async fn explain(world: &World, statement: &str) -> Vec<String> {
    let mut c = world.ctx.db.read().await.unwrap();
    match world.ctx.db.engine() {
        Engine::Sqlite => {
            let text = format!("EXPLAIN QUERY PLAN {statement}");
            let rows = sqlx::query(AssertSqlSafe(text)).fetch_all(&mut *c).await.unwrap();
            rows.iter().map(|row| row.get::<String, _>("detail")).collect()
        }
        Engine::Postgres => {
            let count = (1..).take_while(|n| statement.contains(&format!("${n}"))).count();
            let values = if count == 0 { String::new() } else { format!("({})", vec!["NULL"; count].join(", ")) };
            // Tables of this size may be cheaper to walk; what counts is that there is another way.
            let setup = "DEALLOCATE ALL; SET enable_seqscan = off; SET plan_cache_mode = force_generic_plan";
            let setup = format!("{setup}; PREPARE asked AS {statement}");
            sqlx::raw_sql(AssertSqlSafe(setup)).execute(&mut *c).await.unwrap();
            let rows = sqlx::raw_sql(AssertSqlSafe(format!("EXPLAIN EXECUTE asked{values}"))).fetch_all(&mut *c).await.unwrap();
            rows.iter().map(|row| row.get::<String, _>(0)).collect()
        }
    }
}

/// Does a plan walk a table that grows? In the order of an index and up to a limit it does not.
fn walks(statement: &str, plan: &[String]) -> bool {
    let sorts = plan.iter().any(|step| step.contains("Sort Key") || step.contains("TEMP B-TREE FOR ORDER BY"));
    let ordered = statement.contains(" LIMIT ") && !sorts;
    plan.iter().map(|step| step.trim_start_matches([' ', '-', '>'])).any(|step| {
        let Some(name) = step.strip_prefix("Seq Scan on ").or_else(|| step.strip_prefix("SCAN ")) else { return false };
        let name = name.split(' ').next().unwrap_or_default();
        // SQLite names a table by its alias.
        let grows = |table: &str| table == name || statement.contains(&format!("{table} AS {name} ")) || statement.ends_with(&format!("{table} AS {name}"));
        GROWS.iter().any(|table| grows(table)) && !ordered
    })
}

#[tokio::test]
async fn no_reading_statement_walks_a_table_that_grows() {
    let heard = Heard::default();
    tracing::subscriber::set_global_default(tracing_subscriber::registry().with(heard.clone())).unwrap();
    let (world, project, repository) = seeded().await;
    heard.0.lock().unwrap().clear();
    read_everything(&world, &project, &repository).await;
    let statements = std::mem::take(&mut *heard.0.lock().unwrap());
    let mut report = String::new();
    let mut count = 0;
    // A script of several statements is logged as one text.
    let each = statements.iter().flat_map(|text| text.split(";\n")).map(str::trim);
    for statement in each.filter(|text| text.starts_with("SELECT") || text.starts_with("WITH")) {
        count += 1;
        let plan = explain(&world, statement).await;
        if walks(statement, &plan) {
            writeln!(report, "{statement}\n    {}\n", plan.join("\n    ")).unwrap();
        }
    }
    assert!(count > 40, "{count} statements were heard");
    assert!(report.is_empty(), "of {count} statements these walk:\n{report}");
}
