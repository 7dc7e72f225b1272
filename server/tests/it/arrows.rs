//! `house.md`, rule 1: arrows point down only.

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
