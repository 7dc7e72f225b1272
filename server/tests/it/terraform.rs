//! What Harbor's Terraform provider sends (recorded from it) for each resource whose feature exists: it is taken, reads back as the provider
//! compares it, and sent again changes nothing.

use crate::server_with;
use anyhow::{Context, Result};
use reqwest::Method;
use serde_json::{Value, json};
use testkit::Server;
use testkit::odd::{Odd, Registry};

/// Makes it, and answers what its `Location` reads.
async fn make(server: &Server, path: &str, body: &Value) -> Result<(String, Value)> {
    let answer = server.api(Method::POST, path).json(body).send().await?;
    let (status, place) = (answer.status(), answer.headers().get("location").and_then(|value| value.to_str().ok()).map(str::to_owned));
    let text = answer.text().await?;
    anyhow::ensure!(status == 201, "{path}: {status} {text}");
    let place = place.context("no Location")?.trim_start_matches("/api/v2.0").to_owned();
    let read = server.call(Method::GET, &place, json!(null)).await?;
    Ok((place, read))
}

/// All of `sent` reads back.
fn same(sent: &Value, read: &Value, at: &str) {
    match (sent, read) {
        (Value::Object(sent), Value::Object(read)) => {
            for (name, value) in sent {
                same(value, read.get(name).unwrap_or(&Value::Null), &format!("{at}.{name}"));
            }
        }
        // The provider has sets.
        (Value::Array(sent), Value::Array(read)) => {
            assert_eq!(sent.len(), read.len(), "{at}: {read:?}");
            let text = |value: &Value| {
                let mut pairs: Vec<String> = value.as_object().into_iter().flatten().map(|(name, value)| format!("{name}={value}")).collect();
                pairs.sort();
                pairs.join(" ")
            };
            let (mut sent, mut read): (Vec<_>, Vec<_>) = (sent.iter().collect(), read.iter().collect());
            sent.sort_by_key(|value| text(value));
            read.sort_by_key(|value| text(value));
            sent.iter().zip(read).for_each(|(sent, read)| same(sent, read, at));
        }
        _ => assert_eq!(sent, read, "{at}"),
    }
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn what_terraform_sends_is_taken_and_read_back() -> Result<()> {
    let server = server_with(&[]).await?;
    let there = Registry::start(Odd::default()).await?;
    let configuration = json!({
        "project_creation_restriction": "adminonly", "read_only": false, "robot_token_duration": 30, "token_expiration": 30, "session_timeout": 60,
        "quota_per_project_enable": true, "robot_name_prefix": "robot@", "storage_per_project": -1, "scanner_skip_update_pulltime": false,
        "skip_audit_log_database": false, "banner_message": "", "notification_enable": true,
    });
    for _ in 0..2 {
        server.call(Method::PUT, "/configurations", configuration.clone()).await?;
        let read = server.call(Method::GET, "/configurations", json!(null)).await?;
        for (name, value) in configuration.as_object().into_iter().flatten() {
            assert_eq!(read[name]["value"], *value, "{name}");
        }
        assert_eq!((&read["auth_mode"]["value"], &read["self_registration"]["value"]), (&json!("db_auth"), &json!(false)));
    }
    // The log's purge: set, read, and set to nothing as the provider destroys it.
    for (sent, kind, cron) in [
        (json!({
            "schedule": { "type": "Daily", "cron": "0 0 0 * * *" }, "creation_time": "0001-01-01T00:00:00Z", "update_time": "0001-01-01T00:00:00Z",
            "parameters": { "audit_retention_hour": 24, "include_event_types": "create_artifact,delete_artifact,pull_artifact" },
        }), "Daily", "0 0 0 * * *"),
        (json!({
            "schedule": { "type": "None" }, "creation_time": "0001-01-01T00:00:00Z", "update_time": "0001-01-01T00:00:00Z",
            "parameters": { "include_event_types": "create_artifact,delete_artifact,pull_artifact" },
        }), "None", ""),
    ] {
        server.call(Method::PUT, "/system/purgeaudit/schedule", sent.clone()).await?;
        let read = server.call(Method::GET, "/system/purgeaudit/schedule", json!(null)).await?;
        assert_eq!((&read["schedule"]["type"], &read["schedule"]["cron"]), (&json!(kind), &json!(cron)));
        let parameters: Value = serde_json::from_str(read["job_parameters"].as_str().unwrap_or_default())?;
        assert_eq!(parameters["include_event_types"], sent["parameters"]["include_event_types"]);
        let clocks = server.call(Method::GET, "/schedules", json!(null)).await?;
        assert_eq!(clocks.to_string().contains("PURGE_AUDIT_LOG"), kind == "Daily", "{clocks}");
    }
    let project = json!({
        "project_name": "tfmain", "cve_allowlist": {}, "storage_limit": -1, "metadata": {
            "enable_content_trust": "false", "enable_content_trust_cosign": "true", "auto_scan": "true", "severity": "low",
            "reuse_sys_cve_allowlist": "true", "public": "false", "prevent_vul": "false", "auto_sbom_generation": "false", "proxy_speed_kb": "-1",
            "proxy_cache_local_on_not_found": "false",
        },
    });
    let (project_at, read) = make(&server, "/projects", &project).await?;
    same(&project["metadata"], &read["metadata"], "project");
    server.call(Method::PUT, &project_at, project.clone()).await?;
    let again = server.call(Method::GET, &project_at, json!(null)).await?;
    assert_eq!(again["metadata"], read["metadata"]);
    let user = json!({ "username": "tfuser", "email": "tf@x.example", "realname": "tf", "comment": "c", "password": "User-Pass-12345" });
    let (user_at, read) = make(&server, "/users", &user).await?;
    for name in ["username", "email", "realname", "comment"] {
        assert_eq!(read[name], user[name], "{name}");
    }
    let member = json!({ "role_id": 2, "member_user": { "username": "tfuser" } });
    let (member_at, read) = make(&server, &format!("{project_at}/members"), &member).await?;
    assert_eq!((&read["role_id"], &read["entity_name"]), (&json!(2), &json!("tfuser")));
    let mut robots = Vec::new();
    for (body, full) in [
        (json!({
            "name": "tfsys", "level": "system", "duration": -1,
            "permissions": [{ "access": [{ "action": "pull", "resource": "repository" }], "kind": "project", "namespace": "*" }],
        }), "robot@tfsys"),
        (json!({
            "name": "tfrobot", "level": "project", "description": "x", "duration": -1,
            "permissions": [{ "access": [
                { "action": "read", "resource": "helm-chart" }, { "action": "push", "resource": "repository" }, { "action": "pull", "resource": "repository" },
            ], "kind": "project", "namespace": "tfmain" }],
        }), "robot@tfmain+tfrobot"),
    ] {
        let (at, mut read) = make(&server, "/robots", &body).await?;
        let mut sent = body.clone();
        sent["name"] = full.into();
        same(&sent, &read, "robot");
        // On an update the provider sends the full name back.
        read["description"] = "changed".into();
        server.call(Method::PUT, &at, read.clone()).await?;
        same(&json!({ "name": full, "description": "changed", "permissions": body["permissions"] }), &server.call(Method::GET, &at, json!(null)).await?, "robot");
        robots.push(at);
    }
    let registry = json!({ "credential": { "type": "basic" }, "name": "tfreg", "url": there.url, "type": "docker-registry" });
    let (registry_at, read) = make(&server, "/registries", &registry).await?;
    same(&json!({ "name": "tfreg", "url": there.url, "type": "docker-registry" }), &read, "registry");
    let rule = json!({
        "name": "tfrule", "description": "", "enabled": true, "override": true, "speed": -1, "dest_namespace_replace_count": -1, "dest_namespace": "there",
        "dest_registry": { "id": read["id"] }, "deletion": false, "copy_by_chunk": false,
        "filters": [{ "type": "name", "value": "tfmain/**" }, { "type": "tag", "value": "v*", "decoration": "matches" }, { "type": "resource", "value": "artifact" }],
        "trigger": { "type": "manual", "trigger_settings": { "cron": "" } },
    });
    let (rule_at, first) = make(&server, "/replication/policies", &rule).await?;
    for name in ["name", "enabled", "override", "speed", "dest_namespace_replace_count", "dest_namespace", "deletion", "copy_by_chunk"] {
        assert_eq!(first[name], rule[name], "{name}");
    }
    assert_eq!(first["filters"].as_array().map(Vec::len), Some(3), "{first}");
    server.call(Method::PUT, &rule_at, rule.clone()).await?;
    let second = server.call(Method::GET, &rule_at, json!(null)).await?;
    assert_eq!((&second["filters"], &second["speed"], &second["trigger"]), (&first["filters"], &first["speed"], &first["trigger"]));
    // Before anybody set one, it is the configuration file's.
    let before = server.call(Method::GET, "/system/gc/schedule", json!(null)).await?;
    assert_eq!(before["schedule"]["type"], "Custom");
    let schedule = json!({
        "schedule": { "type": "Daily", "cron": "0 0 0 * * *" }, "creation_time": "0001-01-01T00:00:00Z", "update_time": "0001-01-01T00:00:00Z",
        "parameters": { "workers": 1 },
    });
    for _ in 0..2 {
        server.call(Method::PUT, "/system/gc/schedule", schedule.clone()).await?;
        let read = server.call(Method::GET, "/system/gc/schedule", json!(null)).await?;
        assert_eq!((&read["schedule"]["type"], &read["schedule"]["cron"]), (&json!("Daily"), &json!("0 0 0 * * *")));
    }
    let number = server.call(Method::GET, "/projects/tfmain", json!(null)).await?["project_id"].clone();
    let label = json!({ "description": "d", "color": "#FF0000", "deleted": false, "scope": "g", "project_id": 0, "id": 0, "name": "accepted" });
    let (label_at, read) = make(&server, "/labels", &label).await?;
    same(&json!({ "description": "d", "color": "#FF0000", "scope": "g", "project_id": 0, "name": "accepted" }), &read, "label");
    server.call(Method::PUT, &label_at, label.clone()).await?;
    let retention = json!({ "algorithm": "or", "rules": [
        {
            "disabled": false, "action": "retain", "params": { "nDaysSinceLastPull": 5 }, "template": "nDaysSinceLastPull",
            "scope_selectors": { "repository": [{ "kind": "doublestar", "decoration": "repoMatches", "pattern": "**" }] },
            "tag_selectors": [{ "kind": "doublestar", "decoration": "matches", "pattern": "latest", "extras": "{\"untagged\":true}" }],
        },
        {
            "disabled": false, "action": "retain", "params": { "latestPushedK": 10 }, "template": "latestPushedK",
            "scope_selectors": { "repository": [{ "kind": "doublestar", "decoration": "repoMatches", "pattern": "**" }] },
            "tag_selectors": [{ "kind": "doublestar", "decoration": "excludes", "pattern": "v*", "extras": "{\"untagged\":false}" },
                { "kind": "label", "decoration": "withLabels", "pattern": "accepted" }],
        },
    ], "trigger": { "kind": "Schedule", "references": {}, "settings": { "cron": "0 0 0 * * *" } }, "scope": { "level": "project", "ref": number } });
    let (retention_at, first) = make(&server, "/retentions", &retention).await?;
    for name in ["algorithm", "trigger", "scope"] {
        same(&retention[name], &first[name], name);
    }
    // Rules have an order.
    for (n, rule) in retention["rules"].as_array().into_iter().flatten().enumerate() {
        same(rule, &first["rules"][n], "rule");
    }
    server.call(Method::PUT, &retention_at, first.clone()).await?;
    assert_eq!(server.call(Method::GET, &retention_at, json!(null)).await?, first);
    assert_eq!(first["uncovered"], "remove", "what the API makes is Harbor's");
    // Labels that are not there, and words that are none, are refused by name, and change nothing.
    for (label, said) in [
        (json!({ "kind": "label", "decoration": "withLabels", "pattern": "acepted" }), "acepted is neither"),
        (json!({ "kind": "label", "decoration": "matches", "pattern": "accepted" }), "withLabels or withoutLabels"),
        (json!({ "kind": "label", "decoration": "withLabels", "pattern": "" }), "has no names"),
        (json!({ "kind": "label", "decoration": "withoutLabels", "pattern": "accepted" }), "nothing carries accepted"),
    ] {
        let mut changed = first.clone();
        changed["rules"][1]["tag_selectors"].as_array_mut().unwrap().push(label);
        let refused = server.api(Method::PUT, &retention_at).json(&changed).send().await?;
        let (status, text) = (refused.status().as_u16(), refused.text().await?);
        assert!(matches!(status, 400 | 422) && text.contains(said), "{status} {text}");
        assert_eq!(server.call(Method::GET, &retention_at, json!(null)).await?, first);
    }
    let immutable = json!({
        "disabled": false, "action": "immutable", "template": "immutable_template",
        "scope_selectors": { "repository": [{ "kind": "doublestar", "decoration": "repoMatches", "pattern": "**" }] },
        "tag_selectors": [{ "kind": "doublestar", "decoration": "matches", "pattern": "v*", "extras": "{\"untagged\":true}" }],
    });
    let (immutable_at, _) = make(&server, "/projects/tfmain/immutabletagrules", &immutable).await?;
    for _ in 0..2 {
        let listed = server.call(Method::GET, "/projects/tfmain/immutabletagrules", json!(null)).await?;
        assert_eq!(listed.as_array().map(Vec::len), Some(1));
        same(&immutable, &listed[0], "immutable");
        server.call(Method::PUT, &immutable_at, immutable.clone()).await?;
    }
    for at in [immutable_at, retention_at, label_at] {
        assert_eq!(server.api(Method::DELETE, &at).send().await?.status(), 200, "{at}");
        assert_eq!(server.api(Method::GET, &at).send().await?.status(), 404, "{at}");
    }
    assert!(server.call(Method::GET, "/projects/tfmain", json!(null)).await?["metadata"].get("retention_id").is_none());
    // Destroyed in turn, nothing is left.
    for at in [rule_at, registry_at, member_at, robots.remove(1), robots.remove(0), project_at, user_at] {
        assert_eq!(server.api(Method::DELETE, &at).send().await?.status(), 200, "{at}");
        let gone = server.api(Method::GET, &at).send().await?.status().as_u16();
        assert!(gone == 404 || gone == 403, "{at}: {gone}");
    }
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_setting_that_promises_something_is_refused_and_named() -> Result<()> {
    let server = server_with(&["p"]).await?;
    for (method, path, body, named) in [
        (Method::PUT, "/configurations", json!({ "self_registration": true }), "self_registration"),
        (Method::PUT, "/configurations", json!({ "auth_mode": "ldap_auth" }), "auth_mode"),
        (Method::PUT, "/configurations", json!({ "storage_per_project": 0, "read_only": true }), "storage_per_project"),
        (Method::PUT, "/configurations", json!({ "skip_audit_log_database": true }), "skip_audit_log_database"),
        (Method::PUT, "/configurations", json!({ "oidc_endpoint": "https://x" }), "oidc_endpoint"),
        (Method::PUT, "/configurations", json!({ "token_expiration": 3 }), "token_expiration"),
        (Method::PUT, "/configurations", json!({ "read_only": "perhaps" }), "read_only"),
        (Method::PUT, "/projects/p", json!({ "metadata": { "prevent_vul": "true" } }), "prevent_vul"),
        (Method::PUT, "/projects/p", json!({ "metadata": { "severty": "low" } }), "severty"),
        (Method::POST, "/projects/p/metadatas", json!({ "enable_content_trust": "true" }), "enable_content_trust"),
        (Method::PUT, "/projects/p/metadatas/public", json!({ "severity": "low" }), "public"),
    ] {
        let answer = server.api(method, path).json(&body).send().await?;
        let (status, text) = (answer.status(), answer.text().await?);
        assert!(status == 400 && text.contains(named), "{path} {body}: {status} {text}");
    }
    let read = server.call(Method::GET, "/configurations", json!(null)).await?;
    assert_eq!((&read["read_only"]["value"], &read["token_expiration"]["value"]), (&json!(false), &json!(15)), "what is refused changes nothing");
    server.call(Method::PUT, "/projects/p/metadatas/severity", json!({ "severity": "high" })).await?;
    assert_eq!(server.call(Method::GET, "/projects/p/metadatas/severity", json!(null)).await?, json!({ "severity": "high" }));
    assert_eq!(server.call(Method::GET, "/projects/p", json!(null)).await?["metadata"]["severity"], "high");
    let counts = server.call(Method::GET, "/statistics", json!(null)).await?;
    assert_eq!((&counts["total_project_count"], &counts["public_project_count"]), (&json!(1), &json!(0)));
    let found = server.call(Method::GET, "/search?q=p", json!(null)).await?;
    assert_eq!(found["project"][0]["name"], "p");
    Ok(())
}
