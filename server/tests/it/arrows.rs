//! Crates depend downwards only: model, domain, remote, then app, oci, api and replication beside each other, then server.

use std::collections::BTreeMap;
use std::process::Command;

#[test]
fn crates_depend_on_each_other_as_the_house_says() {
    let output = Command::new(env!("CARGO")).args(["metadata", "--no-deps", "--format-version", "1"]).output().unwrap();
    let metadata: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    let allowed: BTreeMap<&str, &[&str]> = BTreeMap::from([
        ("model", &[][..]),
        ("domain", &["model"]),
        ("oci", &["model", "domain"]),
        ("api", &["model", "domain"]),
        ("remote", &["model", "domain"]),
        ("replication", &["model", "domain", "remote"]),
        ("app", &["model", "domain"]),
        ("hydrate", &["app"]),
        ("server", &["app", "api", "domain", "model", "oci", "replication"]),
        ("testkit", &[]),
        ("xtask", &["testkit"]),
    ]);
    let packages = metadata["packages"].as_array().unwrap();
    let ours: Vec<&str> = packages.iter().map(|p| p["name"].as_str().unwrap()).collect();
    for package in packages {
        let name = package["name"].as_str().unwrap();
        let allowed = allowed.get(name).unwrap_or_else(|| panic!("{name} has no place in the house yet"));
        for dependency in package["dependencies"].as_array().unwrap() {
            let to = dependency["name"].as_str().unwrap();
            if dependency["kind"].is_null() && ours.contains(&to) {
                assert!(allowed.contains(&to), "{name} must not depend on {to}");
            }
        }
    }
}

/// Every source below `folder`, by its path from the repository's root.
fn sources(root: &std::path::Path, folder: &str, found: &mut Vec<(String, String)>) {
    for entry in std::fs::read_dir(root.join(folder)).unwrap().flatten() {
        let path = format!("{folder}/{}", entry.file_name().to_string_lossy());
        if entry.path().is_dir() {
            sources(root, &path, found);
        } else if path.ends_with(".rs") {
            found.push((path, std::fs::read_to_string(entry.path()).unwrap()));
        }
    }
}

fn root() -> std::path::PathBuf {
    std::path::Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_owned()
}

/// A noun's SQL is private to it: in `sql.rs` or `sql/`; the database's own in `db/`.
#[test]
fn sql_stands_in_its_rooms() {
    let (root, mut all) = (root(), Vec::new());
    sources(&root, "server/crates/domain/src", &mut all);
    assert!(all.len() > 100);
    let rooms = |path: &str| path.ends_with("/sql.rs") || path.contains("/sql/") || path.contains("/db/");
    let tests = |path: &str| ["tests.rs", "testing.rs", "counts.rs", "growth.rs", "/hostile/"].iter().any(|name| path.contains(name));
    let strays: Vec<&str> = all.iter().filter(|(path, _)| !rooms(path) && !tests(path)).filter(|(_, text)| {
        // What stands in a file's own tests is no product.
        let text = text.split("#[cfg(test)]\nmod tests {").next().unwrap_or_default();
        ["sqlx::query", "SELECT ", "INSERT INTO", "Listing {"].iter().any(|word| text.contains(word))
    }).map(|(path, _)| path.as_str()).collect();
    assert!(strays.is_empty(), "{strays:?}");
}

/// Parts of pages know neither routes nor use-cases.
#[test]
fn parts_of_pages_know_no_routes_and_no_use_cases() {
    let (root, mut all) = (root(), Vec::new());
    sources(&root, "app/src/ui", &mut all);
    let strays: Vec<&str> = all.iter().filter(|(_, text)| text.contains("crate::paths") || text.contains("domain::")).map(|(path, _)| path.as_str()).collect();
    assert!(all.len() > 5 && strays.is_empty(), "{strays:?}");
}

/// What a comment sends a reader to is in the repository.
#[test]
fn comments_cite_what_is_here() {
    let (root, mut all) = (root(), Vec::new());
    for folder in ["app/src", "server/src", "server/crates", "server/tests"] {
        sources(&root, folder, &mut all);
    }
    // Written apart, so that this test does not find itself.
    let words = [concat!("house", ".md"), concat!("safety", ".md"), concat!("stack", ".md"), concat!("signing", ".md"), concat!("harbor", ".md"), concat!("(refer",
        "ence")];
    let strays: Vec<String> = all.iter().flat_map(|(path, text)| {
        text.lines().filter(|line| line.trim_start().starts_with("//") && words.iter().any(|word| line.contains(word))).map(move |line| format!("{path}: {}",
            line.trim()))
    }).collect();
    assert!(strays.is_empty(), "{strays:#?}");
}
