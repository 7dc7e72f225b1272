//! The registry over the router: sizes, and names that look like something else.

use crate::inside::{Ask, Inside, Proof, text};
use domain::testing::PASSWORD;
use http::StatusCode;

const INDEX: &str = "application/vnd.oci.image.index.v1+json";

fn admin() -> Proof {
    Proof::Basic("admin".into(), PASSWORD.into())
}

async fn put(inside: &Inside, reference: &str, body: String) -> StatusCode {
    let path = format!("/v2/p/r/manifests/{reference}");
    inside.send(Ask { method: "PUT", path: &path, proof: &admin(), body: Some((INDEX, body)), headers: &[] }).await.status()
}

#[test]
fn n_077_a_manifest_of_four_mebibytes_is_taken_and_one_byte_more_is_not() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        inside.world.project("p", false).await;
        let head = format!(r#"{{"schemaVersion":2,"mediaType":"{INDEX}","manifests":[],"x":""#);
        let of = |n: usize| format!("{head}{}\"}}", "a".repeat(n - head.len() - 2));
        assert_eq!(put(&inside, "fits", of(4 << 20)).await, StatusCode::CREATED);
        for reference in ["over", &format!("sha256:{}", "0".repeat(64))] {
            assert_eq!(put(&inside, reference, of((4 << 20) + 1)).await, StatusCode::PAYLOAD_TOO_LARGE, "{reference}");
        }
        assert_eq!(inside.get("/v2/p/r/manifests/over", &admin()).await.status(), StatusCode::NOT_FOUND);
    });
}

#[test]
fn n_089_what_looks_like_a_digest_is_none_and_blobs_are_no_manifests() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let project = inside.world.project("p", false).await;
        let repository = "r".parse().unwrap();
        let image = inside.world.image(&project, &repository, "1", "x").await;
        let blob = inside.world.blob(&project, &repository, b"just bytes").await;
        for (path, expected) in [
            (format!("/v2/p/r/manifests/{}", image.hex()), StatusCode::NOT_FOUND),
            (format!("/v2/p/r/manifests/1@{image}"), StatusCode::BAD_REQUEST),
            (format!("/v2/p/r/manifests/{blob}"), StatusCode::NOT_FOUND),
            (format!("/v2/p/r/blobs/{image}"), StatusCode::NOT_FOUND),
            ("/v2/p/r/blobs/1".to_owned(), StatusCode::BAD_REQUEST),
            ("/v2/p/r/manifests/%00".to_owned(), StatusCode::BAD_REQUEST),
            (format!("/v2/p/r/manifests/{}", "t".repeat(129)), StatusCode::BAD_REQUEST),
        ] {
            let response = inside.get(&path, &admin()).await;
            assert_eq!(response.status(), expected, "{path}: {}", text(response).await);
        }
        assert_eq!(inside.get(&format!("/v2/p/r/manifests/{image}"), &admin()).await.status(), StatusCode::OK);
    });
}

#[test]
fn n_032_referrers_of_a_private_subject_are_told_to_nobody_else() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let (private, open) = (inside.world.project("private", false).await, inside.world.project("open", true).await);
        let repository = "r".parse().unwrap();
        let image = inside.world.image(&private, &repository, "1", "x").await;
        inside.world.attach(&private, &repository, &image, "application/spdx+json", b"{}").await;
        inside.world.image(&open, &repository, "1", "another").await;
        let count = async |path: String, proof: &Proof| {
            let body: serde_json::Value = serde_json::from_str(&text(inside.get(&path, proof).await).await).unwrap();
            body["manifests"].as_array().map(Vec::len)
        };
        assert_eq!(count(format!("/v2/private/r/referrers/{image}"), &admin()).await, Some(1));
        assert_eq!(count(format!("/v2/open/r/referrers/{image}"), &Proof::Nothing).await, Some(0));
        assert_eq!(count(format!("/v2/private/r/referrers/{image}"), &Proof::Nothing).await, None);
    });
}

#[test]
fn n_087_encoded_content_is_not_decoded() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        inside.world.project("p", false).await;
        let (admin, digest) = (admin(), format!("sha256:{}", "0".repeat(64)));
        let started = inside.send(Ask { method: "POST", path: "/v2/p/r/blobs/uploads/", proof: &admin, body: None, headers: &[] }).await;
        let place = started.headers()[http::header::LOCATION].to_str().unwrap().to_owned();
        let gzip: &[(&str, &str)] = &[("content-encoding", "gzip")];
        let bytes = || Some(("application/octet-stream", "x".to_owned()));
        for (method, path) in [
            ("POST", format!("/v2/p/r/blobs/uploads/?digest={digest}")), ("PATCH", place.clone()), ("PUT", format!("{place}?digest={digest}")),
        ] {
            let refused = inside.send(Ask { method, path: &path, proof: &admin, body: bytes(), headers: gzip }).await;
            assert_eq!(refused.status(), StatusCode::UNSUPPORTED_MEDIA_TYPE, "{method} {path}");
        }
        // The upload is as it was.
        let status = inside.get(&place, &admin).await;
        assert_eq!((status.status(), status.headers()["range"].to_str().unwrap()), (StatusCode::NO_CONTENT, "0--1"), "it has no byte");
    });
}

#[test]
fn n_092_a_deletion_needs_its_right_and_leaves_nothing_dangling() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let project = inside.world.project("p", false).await;
        let repository = "r".parse().unwrap();
        let image = inside.world.image(&project, &repository, "1", "layer").await;
        let layer = domain::blobs::digest_of(model::Algorithm::Sha256, b"layer");
        inside.world.member("developer", &project, model::Role::Developer).await;
        let developer = Proof::Basic("developer".into(), PASSWORD.into());
        let delete = async |path: String, proof: &Proof| {
            inside.send(Ask { method: "DELETE", path: &path, proof, body: None, headers: &[] }).await.status()
        };
        let (manifest, blob) = (format!("/v2/p/r/manifests/{image}"), format!("/v2/p/r/blobs/{layer}"));
        for path in [&manifest, &blob] {
            assert_eq!(delete(path.clone(), &Proof::Nothing).await, StatusCode::UNAUTHORIZED, "{path}");
            assert_eq!(delete(path.clone(), &developer).await, StatusCode::FORBIDDEN, "{path}");
        }
        assert_eq!(delete(blob.clone(), &admin()).await, StatusCode::CONFLICT, "an artifact is made of it");
        assert_eq!(inside.get(&manifest, &admin()).await.status(), StatusCode::OK);
        assert_eq!(inside.get(&blob, &admin()).await.status(), StatusCode::OK);
        assert_eq!(delete(manifest.clone(), &admin()).await, StatusCode::ACCEPTED);
        assert_eq!(delete(manifest.clone(), &admin()).await, StatusCode::NOT_FOUND);
        assert_eq!(inside.get("/v2/p/r/manifests/1", &admin()).await.status(), StatusCode::NOT_FOUND);
        assert_eq!(delete(blob.clone(), &admin()).await, StatusCode::ACCEPTED);
        assert_eq!(delete(blob, &admin()).await, StatusCode::NOT_FOUND);
    });
}

#[test]
fn n_138_a_blob_is_a_download_and_nothing_else() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let project = inside.world.project("p", true).await;
        let page = b"<!DOCTYPE html><script>alert(1)</script>";
        let blob = inside.world.blob(&project, &"r".parse().unwrap(), page).await;
        for headers in [&[][..], &[("accept", "text/html")], &[("range", "bytes=0-10")]] {
            let path = format!("/v2/p/r/blobs/{blob}");
            let found = inside.send(Ask { method: "GET", path: &path, proof: &Proof::Nothing, body: None, headers }).await;
            let header = |name: &str| found.headers().get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
            assert_eq!(header("content-type"), "application/octet-stream");
            assert_eq!(header("content-disposition"), "attachment");
            assert_eq!(header("x-content-type-options"), "nosniff");
            assert!(header("content-security-policy").contains("default-src 'none'"), "{}", header("content-security-policy"));
        }
    });
}
