//! Bad days: a database that is locked, gone, foreign or damaged, two that are not of the same day, a second process, a crowd
//! with one wish, and the end of the process with clients in the midst of things.

use anyhow::{Context, Result, ensure};
use futures_util::future::join_all;
use reqwest::Method;
use serde_json::{Value, json};
use sqlx::{AnyConnection, Connection, Row};
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};
use testkit::image::sha256;
use testkit::{PASSWORD, Server, image};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;

async fn database(server: &Server) -> Result<AnyConnection> {
    sqlx::any::install_default_drivers();
    Ok(AnyConnection::connect(&format!("sqlite://{}", server.data().join("wharf.db").display())).await?)
}

fn file(data: &Path, digest: &str) -> PathBuf {
    let hex = digest.trim_start_matches("sha256:");
    data.join("blobs/sha256").join(&hex[..2]).join(hex)
}

/// Runs the program on a data directory. One that serves instead of saying no is ended after a while.
fn program(arguments: &[&str], data: &Path) -> Result<Output> {
    let mut command = Command::new("timeout");
    command.arg("30").arg(crate::binary()?).args(arguments).arg("--data").arg(data);
    if arguments == ["serve"] {
        command.args(["--listen", "127.0.0.1:0"]);
    }
    let output = command.env_clear().env("PATH", "/usr/bin:/bin").env("WHARF_ADMIN_PASSWORD", PASSWORD).output()?;
    ensure!(output.status.code() != Some(124), "{arguments:?} did not end: {}", words(&output));
    Ok(output)
}

fn words(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr)
}

fn copy(from: &Path, to: &Path) -> Result<()> {
    let done = Command::new("cp").arg("-a").arg(from).arg(to).status()?;
    ensure!(done.success(), "cp");
    Ok(())
}

async fn status(server: &Server, path: &str) -> Result<u16> {
    Ok(server.client.get(server.url(path)).basic_auth("admin", Some(PASSWORD)).send().await?.status().as_u16())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_11_a_changed_blob_is_found_among_many_and_healed_by_a_push() -> Result<()> {
    let mut server = crate::server_with(&["days"]).await?;
    let contents: Vec<Vec<u8>> = (0..200_u32).map(|n| n.to_be_bytes().repeat(5000)).collect();
    for (n, layer) in contents.iter().enumerate() {
        image::push(&server, "days/r", &n.to_string(), layer.clone()).await?;
    }
    server.terminate().await?;
    let planted: Vec<&Vec<u8>> = contents.iter().step_by(67).collect();
    for layer in &planted {
        let mut changed = (*layer).clone();
        changed[777] ^= 1;
        std::fs::write(file(&server.data(), &sha256(layer)), changed)?;
    }
    let begin = Instant::now();
    let found = program(&["fsck", "--deep"], &server.data())?;
    let took = begin.elapsed().as_secs_f64();
    let text = words(&found);
    ensure!(found.status.code() == Some(2) && text.matches("has changed").count() == planted.len(), "{text}");
    // Without --repair nothing was touched; with it the bytes go, and a push brings them back.
    let repaired = program(&["fsck", "--deep", "--repair"], &server.data())?;
    ensure!(repaired.status.code() == Some(2), "{}", words(&repaired));
    server.restart().await?;
    for layer in &planted {
        let path = format!("/v2/days/r/blobs/{}", sha256(layer));
        ensure!(status(&server, &path).await? == 404, "{path}");
        image::blob(&server, "days/r", (*layer).clone()).await?;
        let bytes = server.client.get(server.url(&path)).basic_auth("admin", Some(PASSWORD)).send().await?.bytes().await?;
        ensure!(bytes == **layer, "{path}");
    }
    server.terminate().await?;
    let healed = program(&["fsck", "--deep"], &server.data())?;
    ensure!(healed.status.code() == Some(0), "{}", words(&healed));
    println!("R-11: {} of {} changed blobs among {} found in {took:.2} s, healed by a push", planted.len(), planted.len(), contents.len());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_12_a_locked_database_slows_pushes_then_refuses_them_and_pulls_go_on() -> Result<()> {
    let server = crate::server_with(&["days"]).await?;
    let digest = image::push(&server, "days/r", "1", vec![1; 1000]).await?;
    let other = database(&server).await?;
    let mut said = Vec::new();
    let mut holder = Some(other);
    for (held, fits) in [(1_u64, true), (9, false)] {
        let mut c = holder.take().context("a connection")?;
        sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut c).await?;
        let release = async {
            tokio::time::sleep(Duration::from_secs(held)).await;
            sqlx::raw_sql("ROLLBACK").execute(&mut c).await?;
            anyhow::Ok(c)
        };
        let bytes = format!("held {held}").into_bytes();
        let push = async {
            let begin = Instant::now();
            let url = server.url(&format!("/v2/days/r/blobs/uploads/?digest={}", sha256(&bytes)));
            let answer = server.client.post(url).basic_auth("admin", Some(PASSWORD)).body(bytes.clone()).send().await?;
            ensure!(status(&server, &format!("/v2/days/r/manifests/{digest}")).await? == 200, "pulls go on");
            let again = answer.headers().contains_key("retry-after");
            anyhow::Ok((answer.status().as_u16(), again, begin.elapsed().as_secs_f64()))
        };
        let (released, pushed) = tokio::join!(release, push);
        holder = Some(released?);
        let (code, again, took) = pushed?;
        ensure!((code, again) == if fits { (201, false) } else { (503, true) }, "held {held} s: {code} after {took:.1} s");
        let there = status(&server, &format!("/v2/days/r/blobs/{}", sha256(&bytes))).await?;
        ensure!(there == if fits { 200 } else { 404 }, "nothing in between: {there}");
        said.push(format!("locked {held} s: {code} after {took:.1} s"));
    }
    image::push(&server, "days/r", "2", vec![2; 1000]).await?;
    println!("R-12: {}; pulls went on", said.join("; "));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_13_a_database_that_is_not_ours_to_open_is_refused_and_left_alone() -> Result<()> {
    let mut server = crate::server_with(&["days"]).await?;
    image::push(&server, "days/r", "1", vec![1; 100_000]).await?;
    server.terminate().await?;
    // All of it in one file.
    let mut c = database(&server).await?;
    sqlx::raw_sql("PRAGMA wal_checkpoint(TRUNCATE)").execute(&mut c).await?;
    c.close().await?;
    let folder = tempfile::tempdir()?;
    let spoil = |name: &str, how: &dyn Fn(&Path) -> Result<()>| -> Result<PathBuf> {
        let data = folder.path().join(name);
        copy(&server.data(), &data)?;
        how(&data.join("wharf.db"))?;
        Ok(data)
    };
    let newer = spoil("newer", &|_| Ok(()))?;
    let mut c = AnyConnection::connect(&format!("sqlite://{}", newer.join("wharf.db").display())).await?;
    sqlx::raw_sql("INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'later', 1, x'00', 0)")
        .execute(&mut c)
        .await?;
    c.close().await?;
    let foreign = spoil("foreign", &|db| Ok(std::fs::remove_file(db)?))?;
    let mut c = AnyConnection::connect(&format!("sqlite://{}?mode=rwc", foreign.join("wharf.db").display())).await?;
    sqlx::raw_sql("CREATE TABLE theirs (a)").execute(&mut c).await?;
    c.close().await?;
    let damaged = spoil("damaged", &|db| {
        let mut bytes = std::fs::read(db)?;
        let middle = bytes.len() / 2;
        bytes[middle..middle + 8192].fill(0xA5);
        Ok(std::fs::write(db, bytes)?)
    })?;
    let text = spoil("text", &|db| Ok(std::fs::write(db, "this is no database, however long one looks at it ".repeat(100))?))?;
    let missing = spoil("missing", &|db| Ok(std::fs::remove_file(db)?))?;
    for (data, why) in [(newer, "newer Wharf"), (foreign, "another program"), (damaged, "damaged"), (text, "cannot be opened"), (missing, "is not there")] {
        let before = std::fs::read(data.join("wharf.db")).ok();
        let refused = program(&["serve"], &data)?;
        let text = words(&refused);
        ensure!(refused.status.code().is_some_and(|code| code != 0) && text.contains(why), "{why}: {:?} {text}", refused.status.code());
        ensure!(std::fs::read(data.join("wharf.db")).ok() == before, "{why}: the file has changed");
    }
    println!("R-13: newer, foreign, damaged, no database and a missing one are refused by name, and left as they are");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_15_a_crowd_with_one_wish_is_served_and_leaves_one_blob_and_one_tag() -> Result<()> {
    let server = crate::server_with(&["days"]).await?;
    let layer = vec![7; 300_000];
    join_all((0..64).map(|_| image::blob(&server, "days/r", layer.clone()))).await.into_iter().collect::<Result<Vec<_>>>()?;
    let names = |folder: PathBuf| -> Result<usize> { Ok(std::fs::read_dir(folder)?.count()) };
    let path = file(&server.data(), &sha256(&layer));
    ensure!(names(path.parent().context("a folder")?.to_owned())? == 1, "one file");
    ensure!(names(server.data().join("uploads"))? == 0, "no upload is left");
    // The same tag, each time on another image.
    let own = async |n: u8| image::push(&server, "days/r", &format!("own-{n}"), vec![n; 100]).await;
    let images: Vec<String> = join_all((0..64).map(own)).await.into_iter().collect::<Result<_>>()?;
    let mut manifests = Vec::new();
    for digest in &images {
        let url = server.url(&format!("/v2/days/r/manifests/{digest}"));
        manifests.push(server.client.get(url).basic_auth("admin", Some(PASSWORD)).send().await?.bytes().await?);
    }
    let put = async |body: bytes::Bytes| {
        let url = server.url("/v2/days/r/manifests/wanted");
        let request = server.client.put(url).basic_auth("admin", Some(PASSWORD)).header("content-type", "application/vnd.oci.image.manifest.v1+json");
        anyhow::Ok(request.body(body).send().await?.status().as_u16())
    };
    for status in join_all(manifests.into_iter().map(put)).await {
        ensure!(status? == 201);
    }
    let answer = server.client.head(server.url("/v2/days/r/manifests/wanted")).basic_auth("admin", Some(PASSWORD)).send().await?;
    let last = answer.headers()["docker-content-digest"].to_str()?.to_owned();
    ensure!(images.contains(&last), "{last}");
    let mut c = database(&server).await?;
    for (what, expected, text) in [
        ("rows in the audit log", 64, "SELECT COUNT(*) AS n FROM events WHERE kind = 'artifact.push' AND payload LIKE '%wanted%' AND outcome = 'done'"),
        ("artifacts with the tag", 1, "SELECT COUNT(*) AS n FROM artifacts AS a JOIN tags AS t ON t.artifact_id = a.id WHERE t.name = 'wanted'"),
        (
            "artifacts with another number of tags than they say",
            0,
            "SELECT COUNT(*) AS n FROM artifacts AS a WHERE a.tag_count <> (SELECT COUNT(*) FROM tags AS t WHERE t.artifact_id = a.id)",
        ),
    ] {
        let found: i64 = sqlx::query(text).fetch_one(&mut c).await?.get("n");
        ensure!(found == expected, "{found} {what}, not {expected}");
    }
    println!("R-15: 64 pushes of one blob left one file; 64 pushes of one tag left one tag, and 64 rows in the audit log");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_17_a_pull_outlives_the_deletion_of_what_it_pulls() -> Result<()> {
    let server = Server::start(&crate::binary()?, &[("WHARF_GC_GRACE", "2s"), ("WHARF_RECYCLE", "0")]).await?;
    server.call(Method::POST, "/projects", json!({ "project_name": "days" })).await?;
    let layer = vec![9; 32 << 20];
    let image = image::push(&server, "days/r", "1", layer.clone()).await?;
    let url = server.url(&format!("/v2/days/r/blobs/{}", sha256(&layer)));
    let mut pull = server.client.get(&url).basic_auth("admin", Some(PASSWORD)).send().await?;
    let mut bytes = pull.chunk().await?.context("a first chunk")?.to_vec();
    server.call(Method::DELETE, &format!("/projects/days/repositories/r/artifacts/{image}"), Value::Null).await?;
    let path = file(&server.data(), &sha256(&layer));
    let begin = Instant::now();
    while path.exists() {
        ensure!(begin.elapsed() < Duration::from_secs(60), "the collection did not take it");
        let _ = server.call(Method::POST, "/system/gc/schedule", json!({ "schedule": { "type": "Manual" } })).await;
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    while let Some(chunk) = pull.chunk().await? {
        bytes.extend_from_slice(&chunk);
    }
    ensure!(bytes == layer, "the pull that was under way got {} bytes", bytes.len());
    ensure!(status(&server, &format!("/v2/days/r/blobs/{}", sha256(&layer))).await? == 404);
    println!("R-17: a pull under way got its 32 MiB after the artifact and its file were gone");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_26_a_database_and_blobs_of_different_days_are_told_apart_and_healed() -> Result<()> {
    let mut server = crate::server_with(&["days"]).await?;
    image::push(&server, "days/r", "old", vec![1; 1000]).await?;
    server.terminate().await?;
    let folder = tempfile::tempdir()?;
    let early = folder.path().join("early");
    copy(&server.data(), &early)?;
    server.restart().await?;
    let young = vec![2; 2000];
    image::push(&server, "days/r", "young", young.clone()).await?;
    server.terminate().await?;
    // An old database with young blobs: bytes that nothing knows.
    let (behind, ahead) = (folder.path().join("behind"), folder.path().join("ahead"));
    copy(&server.data(), &behind)?;
    std::fs::copy(early.join("wharf.db"), behind.join("wharf.db"))?;
    for rest in ["wharf.db-wal", "wharf.db-shm"] {
        let (old, new) = (early.join(rest), behind.join(rest));
        let _ = std::fs::remove_file(&new);
        if old.exists() {
            std::fs::copy(old, new)?;
        }
    }
    let found = program(&["fsck"], &behind)?;
    ensure!(found.status.code() == Some(1) && words(&found).contains("nothing knows it"), "{}", words(&found));
    // A young database with old blobs: what is missing is named, and a push heals it.
    copy(&server.data(), &ahead)?;
    std::fs::remove_dir_all(ahead.join("blobs"))?;
    copy(&early.join("blobs"), &ahead.join("blobs"))?;
    let found = program(&["fsck", "--repair"], &ahead)?;
    ensure!(found.status.code() == Some(2) && words(&found).contains(&sha256(&young)), "{}", words(&found));
    let server = Server::start_elsewhere(&crate::binary()?, &ahead, &[]).await?;
    ensure!(status(&server, "/v2/days/r/manifests/old").await? == 200);
    ensure!(status(&server, &format!("/v2/days/r/blobs/{}", sha256(&young))).await? == 404);
    image::push(&server, "days/r", "young", young.clone()).await?;
    ensure!(status(&server, &format!("/v2/days/r/blobs/{}", sha256(&young))).await? == 200);
    println!("R-26: an older database: only space; older blobs: what is missing is named, and healed by a push");
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_28_the_end_waits_for_what_is_under_way_and_for_nobody_else() -> Result<()> {
    let mut server = crate::server_with(&["days"]).await?;
    let layer = vec![3; 8 << 20];
    image::push(&server, "days/r", "1", layer.clone()).await?;
    let url = server.url(&format!("/v2/days/r/blobs/{}", sha256(&layer)));
    // Pulls under way, and connections that say nothing.
    let mut pulls = Vec::new();
    for _ in 0..20 {
        let mut pull = server.client.get(&url).basic_auth("admin", Some(PASSWORD)).send().await?;
        let first = pull.chunk().await?.context("a first chunk")?;
        pulls.push((pull, first.to_vec()));
    }
    let mut idle = TcpStream::connect(server.host()).await?;
    idle.write_all(b"GET /healthz HTTP/1.1\r\nhost: x\r\n\r\n").await?;
    ensure!(idle.read(&mut [0; 1024]).await? > 0);
    let (host, begin) = (server.host(), Instant::now());
    let ending = server.terminate();
    let finish = async {
        // New ones are turned away.
        while TcpStream::connect(&host).await.is_ok() {
            ensure!(begin.elapsed() < Duration::from_secs(10), "it still listens");
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
        for (mut pull, mut bytes) in pulls {
            while let Some(chunk) = pull.chunk().await? {
                bytes.extend_from_slice(&chunk);
            }
            ensure!(bytes == layer, "a pull was cut after {} bytes", bytes.len());
        }
        anyhow::Ok(())
    };
    let (ended, finished) = tokio::join!(ending, finish);
    finished?;
    ensure!(ended?.success());
    println!("R-28: SIGTERM with 20 pulls under way and an idle connection: 0 cut, ended after {:.1} s", begin.elapsed().as_secs_f64());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_29_it_says_that_it_is_not_ready_while_the_database_takes_no_writes() -> Result<()> {
    let server = crate::server_with(&["days"]).await?;
    ensure!((status(&server, "/readyz").await?, status(&server, "/healthz").await?) == (200, 200));
    let mut c = database(&server).await?;
    sqlx::raw_sql("BEGIN IMMEDIATE").execute(&mut c).await?;
    let begin = Instant::now();
    // An answer is given again for a second.
    while status(&server, "/readyz").await? != 503 {
        ensure!(begin.elapsed() < Duration::from_secs(30), "it says it is ready with its database locked");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    let took = begin.elapsed();
    ensure!(status(&server, "/healthz").await? == 200, "it lives");
    sqlx::raw_sql("ROLLBACK").execute(&mut c).await?;
    let begin = Instant::now();
    while status(&server, "/readyz").await? != 200 {
        ensure!(begin.elapsed() < Duration::from_secs(30), "it is not ready again");
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    println!("R-29: not ready {:.1} s after the database was locked, alive throughout, ready again by itself", took.as_secs_f64());
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn r_33_a_second_process_does_not_get_the_data_directory() -> Result<()> {
    let server = crate::server_with(&["days"]).await?;
    for what in [&["serve"][..], &["fsck"], &["fsck", "--repair"]] {
        let refused = program(what, &server.data())?;
        ensure!(refused.status.code().is_some_and(|code| code != 0) && words(&refused).contains("in use"), "{what:?}: {}", words(&refused));
    }
    image::push(&server, "days/r", "1", vec![1; 1000]).await?;
    println!("R-33: a second server, fsck and its repair are refused while the first one runs");
    Ok(())
}
