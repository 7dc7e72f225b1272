//! The child's workload: pushes side by side, chunked uploads, deletions, an undo, collections, and a second start.
//!
//! It prints `<ns> try …` before and `<ns> done …` after each act, in the clock of the recorder.

use crate::place::{self, Place};
use bytes::Bytes;
use domain::artifacts::{self, Reference};
use domain::manifest::OCI_MANIFEST;
use domain::blobs::digest_of;
use domain::identity::Principal;
use domain::{Ctx, deletions, gc, projects, uploads};
use futures_util::future::join_all;
use futures_util::stream;
use model::list::Query;
use model::{Algorithm, Digest, ProjectName, RepositoryName};
use std::convert::Infallible;
use std::io::Write;
use std::path::Path;
use std::sync::atomic::Ordering;
use tokio::sync::watch;

/// Names the data directory in the child's environment.
pub const DIRECTORY: &str = "WHARF_DURABLE_CHILD";
/// Names the point where the child is killed, and at which of its visits: `blob.renamed 3`.
pub const POINT: &str = "WHARF_DURABLE_POINT";

fn say(words: &str) {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Monotonic);
    let ns = now.tv_sec as u64 * 1_000_000_000 + now.tv_nsec as u64;
    let mut out = std::io::stdout().lock();
    writeln!(out, "{ns} {words}").and_then(|()| out.flush()).expect("the parent listens");
}

fn names() -> (ProjectName, RepositoryName) {
    ("p".parse().unwrap(), "r".parse().unwrap())
}

fn body(bytes: &[u8]) -> impl futures_util::Stream<Item = Result<Bytes, Infallible>> + Unpin + use<> {
    stream::iter([Ok(Bytes::copy_from_slice(bytes))])
}

/// A blob, whole or in two chunks.
async fn blob(ctx: &Ctx, who: &Principal, bytes: &[u8], chunked: bool) -> Digest {
    let (project, repository) = names();
    let digest = digest_of(Algorithm::Sha256, bytes);
    if !chunked {
        uploads::put(ctx, who, &project, &repository, &digest, None, body(bytes)).await.unwrap();
        return digest;
    }
    let (first, second) = bytes.split_at(bytes.len() / 2);
    let id = uploads::start(ctx, who, &project, &repository).await.unwrap();
    uploads::append(ctx, who, &project, &repository, &id, None, None, body(first)).await.unwrap();
    uploads::finish(ctx, who, &project, &repository, &id, &digest, None, None, body(second)).await.unwrap();
    digest
}

/// Bytes that no other image has.
fn content(n: usize) -> Vec<u8> {
    (0..3000 + n * 700).map(|i| (i * 31 + n * 7 + i / 251) as u8).collect()
}

async fn push(ctx: &Ctx, who: &Principal, n: usize) {
    let (project, repository) = names();
    let config = format!(r#"{{"architecture":"amd64","os":"linux","n":{n}}}"#);
    let layer = content(n);
    let json = serde_json::json!({
        "schemaVersion": 2, "mediaType": OCI_MANIFEST,
        "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "size": config.len(),
            "digest": digest_of(Algorithm::Sha256, config.as_bytes()) },
        "layers": [{ "mediaType": "application/vnd.oci.image.layer.v1.tar", "size": layer.len(),
            "digest": digest_of(Algorithm::Sha256, &layer) }],
    });
    let bytes = serde_json::to_vec(&json).unwrap();
    let digest = digest_of(Algorithm::Sha256, &bytes);
    say(&format!("try push t{n} {digest}"));
    blob(ctx, who, config.as_bytes(), false).await;
    blob(ctx, who, &layer, n.is_multiple_of(3)).await;
    let reference = Reference::Tag(format!("t{n}").parse().unwrap());
    artifacts::push(ctx, who, &project, &repository, &reference, Vec::new(), None, bytes).await.unwrap();
    say(&format!("done push t{n} {digest}"));
}

async fn delete(ctx: &Ctx, who: &Principal, n: usize) {
    let (project, repository) = names();
    say(&format!("try delete t{n}"));
    let reference = Reference::Tag(format!("t{n}").parse().unwrap());
    artifacts::delete(ctx, who, &project, &repository, &reference).await.unwrap();
    say(&format!("done delete t{n}"));
}

async fn undo(ctx: &Ctx, who: &Principal, n: usize) {
    let (project, _) = names();
    let all = deletions::list(ctx, who, &project, &Query::default()).await.unwrap();
    let tag = format!("t{n}");
    let found = all.items.iter().find(|one| one.tags.contains(&tag)).unwrap();
    let digest = found.digest.as_ref().map_or("-", model::Digest::as_str);
    say(&format!("try push {tag} {digest}"));
    deletions::restore(ctx, who, &project, found.id).await.unwrap();
    say(&format!("done push {tag} {digest}"));
}

async fn collect(place: &Place, who: &Principal) {
    place.clock.fetch_add(3 * 3_600_000, Ordering::Relaxed);
    say("try collect");
    let id = gc::start(&place.ctx, who, false).await.unwrap();
    let (stop, stopping) = watch::channel(false);
    let run = tokio::spawn(gc::run(place.ctx.clone(), stopping));
    while !gc::get(&place.ctx, who, id).await.unwrap().0.status.settled() {
        tokio::time::sleep(std::time::Duration::from_millis(2)).await;
    }
    stop.send(true).unwrap();
    run.await.unwrap();
    say("done collect");
}

/// The whole story.
async fn live(path: &Path) {
    let who = Principal::system();
    for start in 0..2 {
        let place = place::open(path).await.unwrap();
        let ctx = &place.ctx;
        let (project, _) = names();
        if start == 0 {
            projects::create(ctx, &who, project.as_str(), false, false).await.unwrap();
        }
        let first = start * 12;
        join_all((first..first + 6).map(|n| push(ctx, &who, n))).await;
        for n in first + 6..first + 9 {
            push(ctx, &who, n).await;
        }
        delete(ctx, &who, first).await;
        delete(ctx, &who, first + 1).await;
        undo(ctx, &who, first).await;
        let id = deletions::list(ctx, &who, &project, &Query::default()).await.unwrap().items[0].id;
        deletions::purge(ctx, &who, &project, id).await.unwrap();
        collect(&place, &who).await;
        join_all((first + 9..first + 12).map(|n| push(ctx, &who, n))).await;
        // What a collection took comes back by a push.
        push(ctx, &who, first + 1).await;
    }
}

/// Kills this process, as `kill -9` does, at the visit of the point that the environment names.
fn arm() {
    let Ok(wanted) = std::env::var(POINT) else { return };
    let (name, visit) = wanted.split_once(' ').expect("a point and a number");
    let (visit, seen) = (visit.parse::<usize>().expect("a number"), std::sync::atomic::AtomicUsize::new(0));
    fail::cfg_callback(name, move || {
        if seen.fetch_add(1, Ordering::SeqCst) + 1 == visit {
            let _ = rustix::process::kill_process(rustix::process::getpid(), rustix::process::Signal::KILL);
            // It does not come back from that.
            std::thread::sleep(std::time::Duration::from_secs(60));
        }
    })
    .expect("a known point");
}

/// Not a test of its own: the tests run it in a child.
#[test]
fn child() {
    let Some(path) = std::env::var_os(DIRECTORY) else { return };
    arm();
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build().unwrap();
    runtime.block_on(live(Path::new(&path)));
    say("end");
}

/// Runs the child on `path`; answers its lines, and whether it came to its end.
pub fn run(path: &Path, environment: &[(&str, &std::ffi::OsStr)]) -> (Vec<String>, bool) {
    let mut command = std::process::Command::new(std::env::current_exe().unwrap());
    command.args(["child::child", "--exact", "--nocapture", "--test-threads", "1"]).env(DIRECTORY, path).env("RUST_BACKTRACE", "0");
    for (name, value) in environment {
        command.env(name, value);
    }
    let output = command.output().unwrap();
    let text = String::from_utf8(output.stdout).unwrap();
    // The harness prints beside it.
    let lines: Vec<String> = text.lines().filter_map(|line| {
        let at = line.find(|c: char| c.is_ascii_digit())?;
        let line = &line[at..];
        let (ns, words) = line.split_once(' ')?;
        (ns.parse::<u64>().is_ok() && (words.starts_with("try ") || words.starts_with("done ") || words == "end")).then(|| line.to_owned())
    }).collect();
    let ended = lines.last().is_some_and(|line| line.ends_with(" end"));
    assert!(ended || output.status.code().is_none(), "the child failed: {}", String::from_utf8_lossy(&output.stderr));
    (lines, ended)
}
