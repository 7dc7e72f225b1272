//! The same acts on a small and on a large database: what they cost must not grow. Prints a table; the long form is
//! `cargo xtask torture scale [ARTIFACTS]`, which also starts the built server on the large one.

#[path = "durable/place.rs"]
mod place;

use bytes::Bytes;
use domain::artifacts::{self, Reference};
use domain::manifest::OCI_MANIFEST;
use domain::blobs::digest_of;
use domain::identity::Principal;
use domain::{Ctx, projects, repositories, uploads};
use futures_util::stream;
use model::artifact::Filter;
use model::list::Query;
use model::{Algorithm, Digest, ProjectName, RepositoryName};
use std::convert::Infallible;
use std::io::{BufRead, BufReader};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

/// Artifacts of the small database, and of the large one in the short form.
const SMALL: i64 = 1000;
const LARGE: i64 = 5000;
/// Times that each act is done.
const TIMES: usize = 40;
/// Rows of one transaction.
const BATCH: i64 = 50_000;

fn names() -> (ProjectName, RepositoryName) {
    ("p".parse().unwrap(), "r".parse().unwrap())
}

async fn blob(ctx: &Ctx, who: &Principal, bytes: &[u8]) -> Digest {
    let (project, repository) = names();
    let digest = digest_of(Algorithm::Sha256, bytes);
    let body = stream::iter([Ok::<_, Infallible>(Bytes::copy_from_slice(bytes))]);
    uploads::put(ctx, who, &project, &repository, &digest, None, body).await.unwrap();
    digest
}

/// Pushes an image; with `subject` it is attached to it.
async fn push(ctx: &Ctx, who: &Principal, tag: &str, subject: Option<&Digest>) -> Digest {
    let (project, repository) = names();
    let config = format!(r#"{{"architecture":"amd64","os":"linux","tag":"{tag}"}}"#);
    let mut json = serde_json::json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST, "artifactType": "application/spdx+json",
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "size": config.len(), "digest": blob(ctx, who, config.as_bytes()).await },
        "layers": [],
    });
    if let Some(subject) = subject {
        json["subject"] = serde_json::json!({ "mediaType": OCI_MANIFEST, "digest": subject, "size": 1 });
    }
    let reference = Reference::Tag(tag.parse().unwrap());
    artifacts::push(ctx, who, &project, &repository, &reference, Vec::new(), None, serde_json::to_vec(&json).unwrap()).await.unwrap().digest
}

/// Rows as `count` pushes leave them; the triggers count them too.
async fn seed(ctx: &Ctx, count: i64) {
    let zeros = format!("'sha256:{}' || printf('%08x', i)", "0".repeat(56));
    let mut from = 1;
    while from <= count {
        let to = (from + BATCH - 1).min(count);
        let numbers = format!("WITH RECURSIVE n(i) AS (SELECT {from} UNION ALL SELECT i + 1 FROM n WHERE i < {to})");
        let first = 10_000_000;
        for text in [
            format!("INSERT INTO blobs (digest, size, state, version, created_at, touched_at) {numbers} SELECT {zeros}, 1000, 'live', 1, i, i FROM n"),
            format!("INSERT INTO repository_blobs (repository_id, digest, created_at, touched_at, project_id) {numbers} SELECT 1, {zeros}, i, i, 1 FROM n"),
            format!(
                "INSERT INTO artifacts (id, project_id, repository_id, digest, media_type, artifact_type, kind, size, manifest_size, annotations, \
                 accessory_detail, hidden, listed, signed, tag_count, parent_count, pull_count, pushed_at, version) {numbers} \
                 SELECT {first} + i, 1, 1, {zeros}, '{OCI_MANIFEST}', '', 'image', 1500, 500, '{{}}', '', 0, 1, 0, 1, 0, 0, i, 1 FROM n"
            ),
            format!("INSERT INTO manifests (artifact_id, content) {numbers} SELECT {first} + i, x'7b7d' FROM n"),
            format!("INSERT INTO artifact_blobs (artifact_id, repository_id, digest, size) {numbers} SELECT {first} + i, 1, {zeros}, 1000 FROM n"),
            format!("INSERT INTO tags (repository_id, artifact_id, name, pushed_at) {numbers} SELECT 1, {first} + i, 'seeded-' || i, i FROM n"),
        ] {
            ctx.db
                .write(async move |c| {
                    sqlx::raw_sql(sqlx::AssertSqlSafe(text.clone())).execute(c).await?;
                    Ok(())
                })
                .await
                .unwrap();
        }
        from = to + 1;
    }
    let counted = format!("UPDATE repositories SET artifact_count = artifact_count + {count} WHERE id = 1");
    ctx.db
        .write(async move |c| {
            sqlx::raw_sql(sqlx::AssertSqlSafe(counted.clone())).execute(&mut *c).await?;
            sqlx::raw_sql("UPDATE projects SET artifact_count = (SELECT artifact_count FROM repositories WHERE id = 1) WHERE id = 1").execute(c).await?;
            Ok(())
        })
        .await
        .unwrap();
}

/// The time in the middle.
async fn timed(mut act: impl AsyncFnMut(usize)) -> Duration {
    let mut spans = Vec::new();
    for n in 0..TIMES {
        let begin = Instant::now();
        act(n).await;
        spans.push(begin.elapsed());
    }
    spans.sort();
    spans[TIMES / 2]
}

/// What each act costs with `count` artifacts.
async fn measure(path: &Path, count: i64) -> Vec<(&'static str, Duration)> {
    let who = Principal::system();
    let (project, repository) = names();
    {
        let place = place::open(path).await.unwrap();
        projects::create(&place.ctx, &who, project.as_str(), false, false).await.unwrap();
        push(&place.ctx, &who, "first", None).await;
        seed(&place.ctx, count).await;
    }
    let begin = Instant::now();
    let place = place::open(path).await.unwrap();
    let mut found = vec![("open the database", begin.elapsed())];
    let (ctx, who) = (&place.ctx, &who);
    found.push(("push an image", timed(async |n| drop(push(ctx, who, &format!("pushed-{n}"), None).await)).await));
    let subject = push(ctx, who, "subject", None).await;
    for n in 0..100 {
        push(ctx, who, &format!("referrer-{n}"), Some(&subject)).await;
    }
    let pull = async |n: usize| {
        let reference = Reference::Tag(format!("seeded-{}", 1 + n as i64 * count / TIMES as i64).parse().unwrap());
        artifacts::pull(ctx, who, &project, &repository, &reference, false).await.unwrap();
    };
    found.push(("pull a manifest by tag", timed(pull).await));
    let head = async |n: usize| {
        let digest = format!("sha256:{}{:08x}", "0".repeat(56), 1 + n as i64 * count / TIMES as i64).parse().unwrap();
        uploads::blob(ctx, who, &project, &repository, &digest).await.unwrap().unwrap();
    };
    found.push(("HEAD of a blob", timed(head).await));
    let tags = async |last: &str| drop(artifacts::tag_names(ctx, who, &project, &repository, last, 100).await.unwrap());
    found.push(("first 100 tags", timed(async |_| tags("").await).await));
    found.push(("100 tags from the middle", timed(async |_| tags("seeded-5").await).await));
    found.push(("100 referrers", timed(async |_| {
        let found = artifacts::referrers(ctx, who, &project, &repository, &subject, None, 0, 1000).await.unwrap();
        assert_eq!((found.0.len(), found.1), (100, None));
    }).await));
    found.push(("catalog", timed(async |_| drop(repositories::list(ctx, who, &project, &Query::default()).await.unwrap())).await));
    let list = async |query: &Query| drop(artifacts::list(ctx, who, &project, &repository, query, &Filter::default()).await.unwrap());
    found.push(("artifacts, first page", timed(async |_| list(&Query::default()).await).await));
    let page = artifacts::list(ctx, who, &project, &repository, &Query::default(), &Filter::default()).await.unwrap();
    assert_eq!(page.total, count + 1 + TIMES as i64 + 1);
    found.push(("a project's page", timed(async |_| drop(projects::frame(ctx, who, &project).await.unwrap())).await));
    found
}

/// From the start of the built server to its first word.
fn started(path: &Path) -> Option<Duration> {
    let binary = std::env::var_os("WHARF_TEST_BINARY")?;
    let begin = Instant::now();
    let mut child = Command::new(binary)
        .args(["serve", "--listen", "127.0.0.1:0", "--data"])
        .arg(path)
        .env_clear()
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut line = String::new();
    BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
    let span = begin.elapsed();
    child.kill().unwrap();
    child.wait().unwrap();
    assert!(line.starts_with("listening"), "{line}");
    Some(span)
}

#[tokio::test]
async fn what_acts_cost_does_not_grow() {
    if std::env::var_os("WHARF_TEST_POSTGRES").is_some() {
        eprintln!("SKIPPED on PostgreSQL: the rows are seeded in SQLite's words");
        return;
    }
    let large = std::env::var("WHARF_TORTURE_SCALE").ok().and_then(|n| n.parse().ok()).unwrap_or(LARGE);
    let (few, many) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let (few_data, many_data) = (few.path().join("data"), many.path().join("data"));
    let small = measure(&few_data, SMALL).await;
    let grown = measure(&many_data, large).await;
    println!("{:<28}{:>12}{:>14}", "ms, median", format!("{SMALL} artifacts"), format!("{large}"));
    for ((act, before), (_, after)) in small.iter().zip(&grown) {
        let ms = |span: &Duration| span.as_secs_f64() * 1000.0;
        println!("{act:<28}{:>12.2}{:>14.2}{:>8.2} ×", ms(before), ms(after), ms(after) / ms(before));
    }
    match (started(&few_data), started(&many_data)) {
        (Some(before), Some(after)) => println!("{:<28}{:>12.0}{:>14.0}", "start of the server", before.as_secs_f64() * 1000.0, after.as_secs_f64() * 1000.0),
        _ => eprintln!("SKIPPED: the start of the server, as WHARF_TEST_BINARY is not set"),
    }
    let size = std::fs::metadata(many_data.join("wharf.db")).unwrap().len();
    println!("{:<28}{:>26}", "database", model::stamp::bytes(size as i64));
}
