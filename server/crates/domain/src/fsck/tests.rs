//! Each kind of damage is found, named with what it hits, and mended where that is safe.

use super::{Options, Report, Severity, check};
use crate::testing::World;
use crate::uploads;
use model::{Digest, ProjectName, RepositoryName};
use std::fs;
use std::path::PathBuf;

struct Damaged {
    world: World,
    project: ProjectName,
    repository: RepositoryName,
    image: Digest,
    layer: Digest,
}

async fn damaged() -> Damaged {
    let world = World::on_disk().await;
    let (project, repository) = (world.project("cargo", false).await, "image".parse().unwrap());
    let image = world.image(&project, &repository, "1", "the layer").await;
    let layer = crate::blobs::digest_of(model::Algorithm::Sha256, b"the layer");
    Damaged { world, project, repository, image, layer }
}

impl Damaged {
    fn file(&self, digest: &Digest) -> PathBuf {
        self.world.dir().join("blobs/sha256").join(&digest.hex()[..2]).join(digest.hex())
    }

    async fn run(&self, deep: bool, repair: bool) -> Report {
        check(&self.world.ctx, Options { deep, repair }).await.unwrap()
    }
}

fn texts(report: &Report) -> Vec<(Severity, &str, bool)> {
    report.findings.iter().map(|f| (f.severity, f.text.as_str(), f.mended)).collect()
}

#[tokio::test]
async fn all_is_well() {
    let d = damaged().await;
    let report = d.run(true, false).await;
    assert_eq!((texts(&report), report.artifacts, report.blobs), (vec![], 1, 2));
    assert_eq!(report.worst(), None);
}

#[tokio::test]
async fn a_changed_blob_is_found_by_the_deep_check_and_healed_by_a_push() {
    let d = damaged().await;
    fs::write(d.file(&d.layer), b"THE LAYER").unwrap();
    assert_eq!(texts(&d.run(false, false).await), vec![], "the size is right");
    let text = format!(
        "blob {} has changed: its content is not what its digest says; needed by cargo/image@{}: push it again", d.layer, d.image,
    );
    assert_eq!(texts(&d.run(true, false).await), vec![(Severity::Loss, text.as_str(), false)]);
    let mended = d.run(true, true).await;
    assert_eq!((mended.findings[0].text.as_str(), mended.findings[0].mended), (text.as_str(), true));
    // Now a push is not told that it is there, and brings it back.
    let known = uploads::blob(&d.world.ctx, &d.world.admin, &d.project, &d.repository, &d.layer).await.unwrap();
    assert_eq!(known, None);
    d.world.blob(&d.project, &d.repository, b"the layer").await;
    assert_eq!(texts(&d.run(true, false).await), vec![]);
}

#[tokio::test]
async fn lost_and_cut_blobs_are_found_without_reading() {
    let d = damaged().await;
    fs::write(d.file(&d.layer), b"the").unwrap();
    let report = d.run(false, false).await;
    assert_eq!(report.worst(), Some(Severity::Loss));
    assert!(report.findings[0].text.contains("has 3 bytes instead of 9"), "{report:?}");
    fs::remove_file(d.file(&d.layer)).unwrap();
    let report = d.run(false, false).await;
    assert!(report.findings[0].text.contains(&format!("blob {} is lost", d.layer)), "{report:?}");
}

#[tokio::test]
async fn bytes_that_nothing_knows_are_space_and_go() {
    let d = damaged().await;
    let stray = crate::blobs::digest_of(model::Algorithm::Sha256, b"stray");
    fs::create_dir_all(d.file(&stray).parent().unwrap()).unwrap();
    fs::write(d.file(&stray), b"stray").unwrap();
    let text = format!("blob {stray} lies there and nothing knows it");
    assert_eq!(texts(&d.run(false, false).await), vec![(Severity::Space, text.as_str(), false)]);
    assert!(d.file(&stray).exists());
    let report = d.run(false, true).await;
    let (finding, aside) = (&report.findings[0], d.file(&stray).ancestors().nth(4).unwrap().join("set-aside/sha256").join(stray.hex()));
    assert!(finding.mended && finding.text.starts_with(&text) && finding.text.contains("set aside as"), "{finding:?}");
    assert!(!d.file(&stray).exists());
    assert_eq!(fs::read(aside).unwrap(), b"stray", "it can be put back");
}

#[tokio::test]
async fn a_changed_manifest_and_a_tag_without_artifact_are_losses() {
    let d = damaged().await;
    let write = async |text: &'static str| {
        d.world.ctx.db.write(async move |c| Ok(sqlx::query(text).execute(c).await.map(drop)?)).await.unwrap();
    };
    write("UPDATE tags SET artifact_id = 999").await;
    let report = d.run(false, false).await;
    let count = format!("artifact cargo/image@{}: number of tags is 1 and should be 0", d.image);
    let tag = "tag cargo/image:1 names no artifact: push it again";
    assert_eq!(texts(&report), vec![(Severity::Loss, tag, false), (Severity::Count, count.as_str(), false)]);
    write("UPDATE tags SET artifact_id = 1").await;
    write("DELETE FROM manifests").await;
    let text = format!("artifact cargo/image@{}: its manifest is lost or changed: push it again", d.image);
    assert_eq!(texts(&d.run(false, false).await), vec![(Severity::Loss, text.as_str(), false)]);
}

#[tokio::test]
async fn a_layer_that_was_here_is_a_loss_whatever_its_manifest_says_of_it() {
    for (media_type, urls) in [
        ("application/vnd.docker.image.rootfs.foreign.diff.tar.gzip", true),
        ("application/vnd.oci.image.layer.nondistributable.v1.tar+gzip", false),
    ] {
        let d = damaged().await;
        let layer = d.world.blob(&d.project, &d.repository, b"a base layer that somebody pushed").await;
        let config = d.world.blob(&d.project, &d.repository, b"{}").await;
        let mut entry = serde_json::json!({ "mediaType": media_type, "digest": layer, "size": 33 });
        if urls {
            entry["urls"] = serde_json::json!(["https://mcr.example/layer"]);
        }
        let made = serde_json::json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": { "mediaType": "application/vnd.oci.image.config.v1+json", "digest": config, "size": 2 }, "layers": [entry],
        });
        let image = d.world.manifest(&d.project, &d.repository, "windows", &made).await;
        fs::remove_file(d.file(&layer)).unwrap();
        let lost = format!("artifact cargo/image@{image} needs blob {layer}, which is unknown: push it again");
        assert!(d.run(false, true).await.findings.iter().any(|finding| finding.text.contains("is lost")));
        for _ in 0..2 {
            let report = d.run(false, true).await;
            assert_eq!(texts(&report), vec![(Severity::Loss, lost.as_str(), false)]);
            assert_eq!(report.elsewhere, 0);
        }
        d.world.blob(&d.project, &d.repository, b"a base layer that somebody pushed").await;
        assert_eq!(texts(&d.run(true, false).await), vec![]);
    }
}

#[tokio::test]
async fn what_is_counted_wrong_is_named_and_counted_again() {
    let d = damaged().await;
    let write = async |text: String| {
        d.world.ctx.db.write(async move |c| Ok(sqlx::query(sqlx::AssertSqlSafe(text.clone())).execute(c).await.map(drop)?)).await.unwrap();
    };
    write("UPDATE repositories SET stored_bytes = 1".to_owned()).await;
    let report = d.run(false, false).await;
    let [finding] = report.findings.as_slice() else { panic!("{report:?}") };
    assert!(finding.text.starts_with("repository cargo/image: stored bytes is 1 and should be "), "{finding:?}");
    assert_eq!((finding.severity, finding.mended), (Severity::Count, false));
    d.world.attach(&d.project, &d.repository, &d.image, "application/spdx+json", b"{}").await;
    for figure in super::sql::figures::all() {
        let (table, column) = (figure.table, figure.column);
        write(format!("UPDATE {table} SET {column} = {column} + 1")).await;
        assert_eq!(d.run(false, false).await.worst(), Some(Severity::Count), "{table}.{column}");
        let mended = d.run(false, true).await;
        assert!(!mended.findings.is_empty() && mended.findings.iter().all(|finding| finding.mended), "{table}.{column}: {mended:?}");
        assert_eq!(texts(&d.run(false, false).await), vec![], "{table}.{column}");
    }
}

#[tokio::test]
async fn more_rows_than_a_page_are_all_counted_again() {
    let d = damaged().await;
    // As many numbers are missing before them as a page has rows.
    let text = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1100)
        INSERT INTO repositories (project_id, name, full_name, description, artifact_count, pull_count, created_at, updated_at)
        SELECT 1, 'r' || i, 'cargo/r' || i, '', 1, 0, 0, 0 FROM n";
    for text in [text, "DELETE FROM repositories WHERE id > 1 AND id <= 551"] {
        d.world.ctx.db.write(async move |c| Ok(sqlx::query(text).execute(c).await.map(drop)?)).await.unwrap();
    }
    let report = d.run(false, true).await;
    assert_eq!((report.findings.len(), report.worst()), (550, Some(Severity::Count)));
    assert!(report.findings.iter().all(|finding| finding.mended && finding.text.ends_with("number of artifacts is 1 and should be 0")));
    assert_eq!(texts(&d.run(false, false).await), vec![]);
}
