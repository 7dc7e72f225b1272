//! The attacks of `cases/security.md` that knock at a door: what is read before who asks is known, what is told, and to whom.

use crate::inside::{Ask, Inside, Proof, run};
use axum::body::Body;
use bytes::Bytes;
use domain::testing::PASSWORD;
use http::{Request, StatusCode, header};
use http_body_util::BodyExt;
use model::Role;
use server::middleware::client::Peer;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use tower::ServiceExt;

/// Sends a body of `size` bytes in parts, and answers the status and how many of them were taken.
async fn sent(inside: &Inside, method: &str, path: &str, proof: &Proof, size: usize, headers: &[(&str, &str)]) -> (StatusCode, usize) {
    let taken = Arc::new(AtomicUsize::new(0));
    let count = taken.clone();
    let parts = futures_util::stream::iter((0..size.div_ceil(4096)).map(move |_| {
        count.fetch_add(4096, Ordering::Relaxed);
        Ok::<_, std::io::Error>(Bytes::from_static(&[b'a'; 4096]))
    }));
    let mut request = Request::builder().method(method).uri(path).header(header::HOST, "127.0.0.1:8080");
    if let Proof::Basic(name, secret) = proof {
        use base64::Engine as _;
        let pair = base64::engine::general_purpose::STANDARD.encode(format!("{name}:{secret}"));
        request = request.header(header::AUTHORIZATION, format!("Basic {pair}"));
    }
    if let Proof::Cookie(cookie) = proof {
        request = request.header(header::COOKIE, cookie);
    }
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let mut request = request.body(Body::from_stream(parts)).unwrap();
    request.extensions_mut().insert(Peer(SocketAddr::from(([10, 1, 2, 3], 1))));
    let response = inside.router.clone().oneshot(request).await.unwrap();
    (response.status(), taken.load(Ordering::Relaxed))
}

const OURS: &[(&str, &str)] = &[("sec-fetch-site", "same-origin"), ("content-type", "application/x-www-form-urlencoded")];
const JSON: &[(&str, &str)] = &[("content-type", "application/json")];
const LITTLE: usize = 20 * 1024;

#[test]
fn s_04_no_body_is_read_for_who_may_not_send_it() {
    run(async {
        let inside = Inside::new().await;
        let project = inside.world.project("own", false).await;
        let basic = |name: &str| Proof::Basic(name.into(), PASSWORD.into());
        inside.world.member("guest", &project, Role::Guest).await;
        inside.world.user("stranger").await;
        let guest = inside.sign_in("guest").await;
        let large = 1 << 20;
        let blob = format!("/v2/own/r/blobs/uploads/?digest=sha256:{}", "0".repeat(64));
        for (door, method, path, proof, most, headers) in [
            ("a stranger's manifest", "PUT", "/v2/own/r/manifests/x", Proof::Nothing, 0, JSON),
            ("a guest's manifest", "PUT", "/v2/own/r/manifests/x", basic("guest"), 0, JSON),
            ("a manifest for nowhere", "PUT", "/v2/nowhere/r/manifests/x", basic("stranger"), 0, JSON),
            ("a stranger's blob", "POST", &blob, Proof::Nothing, 0, JSON),
            ("a guest's chunk", "PATCH", "/v2/own/r/blobs/uploads/0123456789abcdef0123456789abcdef", basic("guest"), 0, JSON),
            ("a token", "POST", "/service/token", Proof::Nothing, 0, JSON),
            ("a stranger's project", "POST", "/api/v2.0/projects", Proof::Nothing, 0, JSON),
            ("a user's user", "POST", "/api/v2.0/users", basic("stranger"), 0, JSON),
            ("a guest's member", "POST", "/api/v2.0/projects/own/members", basic("guest"), 0, JSON),
            ("a stranger's rule", "POST", "/api/v2.0/replication/policies", Proof::Nothing, 0, JSON),
            ("a user's project", "POST", "/api/v2.0/projects", basic("stranger"), LITTLE, JSON),
            ("a user's robot", "POST", "/api/v2.0/robots", basic("stranger"), LITTLE, JSON),
            ("a sign-in", "POST", "/c/login", Proof::Nothing, LITTLE, JSON),
            ("a form", "POST", "/fn/project/create", Proof::Nothing, LITTLE, OURS),
            ("a signed-in form", "POST", "/fn/robot/create", guest.clone(), LITTLE, OURS),
            ("no page", "POST", "/projects/own", guest.clone(), 0, OURS),
            ("no route", "POST", "/api/v2.0/nothing", basic("admin"), 0, JSON),
        ] {
            let (status, taken) = sent(&inside, method, path, &proof, large, headers).await;
            assert!(status.is_client_error(), "{door}: {status}");
            assert!(taken <= most, "{door}: {taken} bytes were read, then {status}");
        }
        assert_eq!(inside.world.ctx.local.buffers.used().0, 0, "nothing is held");
        // Who may, may; up to what is said.
        let (status, taken) = sent(&inside, "POST", "/api/v2.0/users", &basic("admin"), 64 * 1024, JSON).await;
        assert_eq!((status, taken), (StatusCode::BAD_REQUEST, 64 * 1024), "read, and found to be no JSON");
        let (status, _) = sent(&inside, "POST", "/api/v2.0/users", &basic("admin"), large, JSON).await;
        assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE);
    });
}

async fn get(inside: &Inside, path: &str, proof: &Proof) -> (StatusCode, String) {
    let response = inside.send(Ask { method: "GET", path, proof, body: None, headers: &[] }).await;
    let status = response.status();
    (status, String::from_utf8_lossy(&response.into_body().collect().await.unwrap().to_bytes()).into_owned())
}

#[test]
fn s_09_signing_in_leads_nowhere_but_into_the_portal() {
    run(async {
        let inside = Inside::new().await;
        for next in [
            "/%09/evil.example/x", "/%0a/evil.example", "//evil.example", "/%5cevil.example", "https:/evil.example", "%2F%2Fevil.example",
            "/c/log_out", "/fn/sign-out", "javascript:1", "/%0d%0aset-cookie:x", "",
        ] {
            let body = format!("name=admin&password={}&next={next}", PASSWORD.replace(' ', "+"));
            let ask = Ask { method: "POST", path: "/fn/sign-in", proof: &Proof::Nothing, body: Some(("application/x-www-form-urlencoded", body)), headers: OURS };
            let response = inside.send(ask).await;
            let to = response.headers().get("location").map(|to| to.to_str().unwrap().to_owned());
            assert_eq!((response.status().as_u16(), to.as_deref()), (303, Some("/projects")), "{next:?}");
        }
        let body = format!("name=admin&password={}&next=%2Fprojects%2Fp%2Frepositories%2Fa%252Fb", PASSWORD.replace(' ', "+"));
        let ask = Ask { method: "POST", path: "/fn/sign-in", proof: &Proof::Nothing, body: Some(("application/x-www-form-urlencoded", body)), headers: OURS };
        assert_eq!(inside.send(ask).await.headers()["location"], "/projects/p/repositories/a%2Fb");
    });
}

#[test]
fn s_16_a_cursor_says_nothing_of_rows_that_its_caller_may_not_see() {
    run(async {
        let inside = Inside::new().await;
        let world = &inside.world;
        for name in ["aa", "mm", "zz"] {
            world.project(name, true).await;
        }
        let (lo, hi) = (world.project("bb-secret", false).await, world.project("yy-secret", false).await);
        let id = async |name: &model::ProjectName| domain::projects::frame(&world.ctx, &world.admin, name).await.unwrap().project.id.0;
        let (lo, hi) = (id(&lo).await, id(&hi).await);
        for sort in ["name", "-name", "created", "-created", "repositories"] {
            let mut seen = Vec::new();
            for after in [lo, hi, 999_999] {
                let (status, page) = get(&inside, &format!("/projects?sort={sort}&after={after}"), &Proof::Nothing).await;
                assert_eq!(status, StatusCode::OK);
                seen.push(["aa", "mm", "zz"].map(|name| page.contains(&format!("/projects/{name}\""))));
            }
            assert!(seen.iter().all(|page| page == &seen[2]), "{sort}: what is hidden and what is not there look alike: {seen:?}");
        }
        // For who sees it, it is a cursor.
        let admin = inside.sign_in("admin").await;
        let (_, page) = get(&inside, &format!("/projects?sort=name&after={lo}"), &admin).await;
        assert!(page.contains("/projects/mm\"") && !page.contains("/projects/aa\""));
    });
}

#[test]
fn s_17_a_project_whose_name_begins_like_the_registrys_path_is_one() {
    run(async {
        let inside = Inside::new().await;
        let admin = Proof::Basic("admin".into(), PASSWORD.into());
        let project = inside.world.project("v2x", false).await;
        inside.world.image(&project, &"v2/r".parse().unwrap(), "1", "an image").await;
        assert_eq!(get(&inside, "/v2/v2x/v2/r/tags/list", &admin).await.0, StatusCode::OK);
        // The second names a project `v2`, which is too short for one.
        for (path, status) in [("/v2/v2/_catalog", 404), ("/v2/v2/v2x/v2/r/tags/list", 400), ("/v2v2/_catalog", 404), ("/v2v2/v2x/v2/r/tags/list", 404)] {
            assert_eq!(get(&inside, path, &admin).await.0, status, "{path}");
        }
        assert_eq!(get(&inside, "/v2/_catalog", &admin).await.0, StatusCode::OK);
    });
}

#[test]
fn s_18_the_directory_of_users_is_not_read_letter_by_letter_or_number_by_number() {
    run(async {
        let inside = Inside::new().await;
        let boss = inside.world.user("boss").await;
        domain::projects::create(&inside.world.ctx, &boss, "bosses", false, false).await.unwrap();
        let victim = inside.world.user("victoria").await.actor_id();
        inside.world.user("vi").await;
        let basic = Proof::Basic("boss".into(), PASSWORD.into());
        let found = async |text: &str| get(&inside, &format!("/api/v2.0/users/search?username={text}"), &basic).await.1;
        for letters in ["v", "%25", "_", "b%25"] {
            assert_eq!(found(letters).await, "[]", "{letters}");
        }
        assert!(found("vi").await.contains("\"vi\"") && !found("vi").await.contains("victoria"), "a whole name is found");
        assert!(found("vic").await.contains("victoria"));
        let add = async |body: String| {
            let ask = Ask { method: "POST", path: "/api/v2.0/projects/bosses/members", proof: &basic, body: Some(("application/json", body)), headers: &[] };
            inside.send(ask).await.status().as_u16()
        };
        assert_eq!(add(format!(r#"{{"role_id":3,"member_user":{{"user_id":{victim}}}}}"#)).await, 400);
        assert_eq!(add(r#"{"role_id":3,"member_user":{"user_id":99999}}"#.into()).await, 400, "as for one that is not there");
        assert_eq!(add(r#"{"role_id":3,"member_user":{"username":"victoria"}}"#.into()).await, 201);
    });
}

#[test]
fn what_only_administrators_make_is_offered_to_nobody_else() {
    run(async {
        let inside = Inside::new().await;
        inside.world.user("ann").await;
        let (ann, admin) = (inside.sign_in("ann").await, inside.sign_in("admin").await);
        let offered = async |proof: &Proof| {
            let (list, form) = (get(&inside, "/projects", proof).await.1, get(&inside, "/projects/new", proof).await.0);
            (list.contains("href=\"/projects/new\""), form)
        };
        assert_eq!(offered(&ann).await, (true, StatusCode::OK));
        let only = |set: &mut model::configuration::Configuration| set.project_creation_restriction = model::configuration::Creators::AdminOnly;
        domain::configuration::set(&inside.world.ctx, &inside.world.admin, &["project_creation_restriction"], only, Default::default()).await.unwrap();
        assert_eq!(offered(&ann).await, (false, StatusCode::FORBIDDEN));
        assert_eq!(offered(&admin).await, (true, StatusCode::OK));
    });
}

#[test]
fn s_19_a_token_lists_what_its_scope_holds() {
    run(async {
        let inside = Inside::new().await;
        let world = &inside.world;
        let project = world.project("p", false).await;
        for name in ["one", "two"] {
            world.image(&project, &name.parse().unwrap(), "1", name).await;
        }
        let guest = world.member("guest", &project, Role::Guest).await;
        for (scopes, expected) in [
            ("repository:p/one:pull", r#"{"repositories":["p/one"]}"#),
            ("registry:catalog:*", r#"{"repositories":["p/one","p/two"]}"#),
            ("registry:catalog:* repository:p/one:pull", r#"{"repositories":["p/one","p/two"]}"#),
            ("repository:p/none:pull", r#"{"repositories":[]}"#),
            ("registry:other:*", r#"{"repositories":[]}"#),
            ("repository:p/one:push", r#"{"repositories":[]}"#),
        ] {
            let scopes = domain::identity::parse_scopes([scopes].into_iter()).unwrap();
            let token = domain::identity::issue(&world.ctx, &guest, &scopes).await.unwrap().token;
            let bearer = format!("Bearer {token}");
            let headers = [("authorization", bearer.as_str())];
            let response = inside.send(Ask { method: "GET", path: "/v2/_catalog", proof: &Proof::Nothing, body: None, headers: &headers }).await;
            let text = response.into_body().collect().await.unwrap().to_bytes();
            assert_eq!(String::from_utf8_lossy(&text), expected, "{scopes:?}");
        }
    });
}

#[test]
fn s_20_nobody_is_signed_out_by_another_site_and_robots_of_the_system_look_like_none() {
    run(async {
        let inside = Inside::new().await;
        let session = inside.sign_in("admin").await;
        for site in ["cross-site", "same-site", "none"] {
            let ask = Ask { method: "GET", path: "/c/log_out", proof: &session, body: None, headers: &[("sec-fetch-site", site)] };
            assert_eq!(inside.send(ask).await.status(), StatusCode::FORBIDDEN, "{site}");
        }
        for headers in [&[("accept", "text/html,application/xhtml+xml,*/*;q=0.8")][..], &[("origin", "http://evil.example")]] {
            let ask = Ask { method: "GET", path: "/c/log_out", proof: &session, body: None, headers };
            assert_eq!(inside.send(ask).await.status(), StatusCode::FORBIDDEN, "a browser that does not say where from: {headers:?}");
        }
        assert_eq!(get(&inside, "/account", &session).await.0, StatusCode::OK, "still signed in");
        let grants = vec![model::robot::Grant::new(model::robot::Scope::AllProjects, vec![model::Action::RepositoryPull])];
        let input = model::robot::NewRobot { name: "all".into(), project: None, description: String::new(), days: 30, disabled: false, grants };
        let made = domain::robots::create(&inside.world.ctx, &inside.world.admin, input, None).await.unwrap().robot;
        inside.world.user("ada").await;
        let ada = Proof::Basic("ada".into(), PASSWORD.into());
        for id in [made.id.0, 99_999] {
            for method in ["GET", "DELETE"] {
                let path = format!("/api/v2.0/robots/{id}");
                let ask = Ask { method, path: &path, proof: &ada, body: None, headers: &[] };
                let response = inside.send(ask).await;
                let status = response.status();
                let text = String::from_utf8_lossy(&response.into_body().collect().await.unwrap().to_bytes()).replace(&id.to_string(), "ID");
                assert_eq!((status, text.as_str()), (StatusCode::NOT_FOUND, r#"{"errors":[{"code":"NOT_FOUND","message":"robot account ID was not found"}]}"#));
            }
        }
    });
}

#[test]
fn c_6_1_forms_realm_and_commands_work_under_each_name_and_an_unknown_one_is_told_which() {
    run(async {
        let world = domain::testing::World::with(|settings| {
            settings.external_url = "https://wharf.example".into();
            settings.also_known_as = vec!["https://wharf.internal:8443".into()];
        })
        .await;
        let router = server::wiring::router(&world.ctx, Vec::new(), None);
        let ask = async |method: &str, host: &str, origin: &str, path: &str| {
            let mut request = Request::builder().method(method).uri(path).header(header::HOST, host);
            if !origin.is_empty() {
                request = request.header(header::ORIGIN, origin).header(header::CONTENT_TYPE, "application/x-www-form-urlencoded");
            }
            let body = if method == "POST" { Body::from(format!("name=admin&password={}&next=%2F", PASSWORD.replace(' ', "+"))) } else { Body::empty() };
            let mut request = request.body(body).unwrap();
            request.extensions_mut().insert(Peer(SocketAddr::from(([10, 1, 2, 3], 1))));
            let response = router.clone().oneshot(request).await.unwrap();
            let (status, challenge) = (response.status().as_u16(), response.headers().get("www-authenticate").map(|value| value.to_str().unwrap().to_owned()));
            (status, challenge, String::from_utf8_lossy(&response.into_body().collect().await.unwrap().to_bytes()).into_owned())
        };
        for (host, name) in [
            ("wharf.example", "https://wharf.example"), ("WHARF.example:443", "https://wharf.example"), ("wharf.internal:8443", "https://wharf.internal:8443"),
            ("unknown.example", "https://wharf.example"),
        ] {
            let (status, challenge, _) = ask("GET", host, "", "/v2/").await;
            assert_eq!((status, challenge.unwrap()), (401, format!("Bearer realm=\"{name}/service/token\",service=\"harbor-registry\"")), "{host}");
        }
        for origin in ["https://wharf.example", "https://wharf.internal:8443"] {
            assert_eq!(ask("POST", "wharf.example", origin, "/fn/sign-in").await.0, 303, "{origin}");
        }
        let (status, _, text) = ask("POST", "unknown.example", "https://unknown.example", "/fn/sign-in").await;
        assert!(status == 403 && text.contains("https://wharf.example and https://wharf.internal:8443"), "{text}");
        let (_, _, page) = ask("GET", "unknown.example", "", "/sign-in").await;
        assert!(page.contains("a name that this server does not know") && page.contains("href=\"https://wharf.example\""));
        for host in ["wharf.example", "wharf.internal:8443"] {
            assert!(!ask("GET", host, "", "/sign-in").await.2.contains("does not know"));
        }
    });
}

#[test]
fn c_5_1_what_is_offered_fits_what_it_is() {
    run(async {
        let inside = Inside::new().await;
        let (world, p) = (&inside.world, inside.world.project("p", false).await);
        let repository = |name: &str| name.parse::<model::RepositoryName>().unwrap();
        let admin = inside.sign_in("admin").await;
        let config_text = br#"{"name":"chart","version":"1.2.3+b5","apiVersion":"v2"}"#;
        let (config, chart) = (config_text, repository("chart"));
        let (config, size) = (world.blob(&p, &chart, config).await, config.len());
        let layer = world.blob(&p, &chart, b"tgz").await;
        let made = serde_json::json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json",
            "config": { "mediaType": "application/vnd.cncf.helm.config.v1+json", "digest": config, "size": size },
            "layers": [{ "mediaType": "application/vnd.cncf.helm.chart.content.v1.tar+gzip", "digest": layer, "size": 3 }],
        });
        let chart = world.manifest(&p, &chart, "1.2.3_b5", &made).await;
        let image = world.image(&p, &repository("image"), "1", "image").await;
        let note = world.attach(&p, &repository("image"), &image, "application/vnd.example.note", b"note").await;
        let tar = serde_json::json!({
            "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": "application/vnd.example.tar",
            "config": { "mediaType": "application/vnd.oci.empty.v1+json", "digest": world.blob(&p, &repository("tar"), b"{}").await, "size": 2 },
            "layers": [{ "mediaType": "application/x-tar", "digest": world.blob(&p, &repository("tar"), b"tar").await, "size": 3 }],
        });
        let tar = world.manifest(&p, &repository("tar"), "1", &tar).await;
        let host = world.ctx.settings.external_url.split_once("://").unwrap().1.to_owned();
        for (name, digest, offered, never) in [
            ("chart", &chart, format!("helm pull --plain-http oci://{host}/p/chart --version 1.2.3+b5"), "docker pull"),
            ("image", &image, format!("docker pull {host}/p/image:1"), "helm pull"),
            ("image", &image, format!("podman pull --tls-verify=false {host}/p/image:1"), "oras pull"),
            ("image", &note, format!("oras pull --plain-http {host}/p/image@{note}"), "docker pull"),
            ("tar", &tar, format!("oras pull --plain-http {host}/p/tar:1"), "docker pull"),
        ] {
            let (status, page) = get(&inside, &format!("/projects/p/repositories/{name}/artifacts/{digest}"), &admin).await;
            assert_eq!(status, 200, "{name}");
            assert!(page.contains(&offered), "{name}: {offered}");
            assert!(!page.contains(never), "{name}: {never}");
        }
        // By a tag that is no version helm finds nothing.
        for tag in ["latest", "v1", "1.2", "1.2.x"] {
            let name = format!("chart-{}", tag.replace('.', "-"));
            world.blob(&p, &repository(&name), config_text).await;
            world.blob(&p, &repository(&name), b"tgz").await;
            world.manifest(&p, &repository(&name), tag, &made).await;
            let (_, page) = get(&inside, &format!("/projects/p/repositories/{name}/artifacts/{chart}"), &admin).await;
            assert!(page.contains(&format!("helm pull --plain-http oci://{host}/p/{name}@{chart}")) && !page.contains("--version"), "{tag}");
        }
        let (_, page) = get(&inside, &format!("/projects/p/repositories/image/artifacts/{note}"), &admin).await;
        assert!(!page.contains("Unsigned") && !page.contains("cosign sign"), "an accessory is signed by nobody");
    });
}

#[test]
fn c_5_4_links_survive_signing_in() {
    run(async {
        let inside = Inside::new().await;
        let (world, p) = (&inside.world, inside.world.project("p", false).await);
        world.image(&p, &"a/b/c".parse().unwrap(), "1", "nested").await;
        let page = "/projects/p/repositories/a%2Fb%2Fc";
        let ask = Ask { method: "GET", path: page, proof: &Proof::Nothing, body: None, headers: &[("accept", "text/html")] };
        let asked = inside.send(ask).await;
        assert_eq!(asked.status(), 303);
        let to = asked.headers()["location"].to_str().unwrap().to_owned();
        assert_eq!(to, "/sign-in?next=%2Fprojects%2Fp%2Frepositories%2Fa%252Fb%252Fc");
        let (_, form) = get(&inside, &to, &Proof::Nothing).await;
        assert!(form.contains(&format!("value=\"{page}\"")), "the form leads back to where it came from");
        let admin = inside.sign_in("admin").await;
        assert_eq!(get(&inside, page, &admin).await.0, 200);
    });
}

#[test]
fn a_reference_that_is_pasted_leads_to_its_artifact() {
    run(async {
        let inside = Inside::new().await;
        let (world, p, r) = (&inside.world, inside.world.project("p", false).await, "a/b".parse().unwrap());
        let old = world.image(&p, &r, "V1", "old").await;
        let new = world.image(&p, &r, "V1", "new").await;
        let (admin, stranger) = (inside.sign_in("admin").await, Proof::Nothing);
        let place = |digest: &model::Digest| format!("/projects/p/repositories/a%2Fb/artifacts/{digest}");
        let jump = async |q: &str, who: &Proof| {
            let q: String = url::form_urlencoded::byte_serialize(q.as_bytes()).collect();
            get(&inside, &format!("/jump?q={q}"), who).await.1
        };
        for (q, leads) in [
            ("p/a/b:V1".to_owned(), &new), ("127.0.0.1:8080/p/a/b:V1".into(), &new), ("docker pull 127.0.0.1:8080/p/a/b:V1 ".into(), &new),
            ("helm pull oci://127.0.0.1:8080/p/a/b:V1".into(), &new), (format!("p/a/b@{old}"), &old), (format!("http://127.0.0.1:8080/p/a/b:V1@{old}"), &old),
        ] {
            assert!(jump(&q, &admin).await.contains(&place(leads)), "{q}");
            assert!(!jump(&q, &stranger).await.contains("/artifacts/sha256"), "{q}: who may not see it finds nothing");
        }
        for q in ["p/a/b:v1", "p/a/b", "p/a/c:V1", "p:V1", ":", "@", "p/a/b@sha256:12", "registry.example/p/a/b:V1"] {
            assert!(!jump(q, &admin).await.contains("/artifacts/sha256"), "{q}");
        }
    });
}

#[test]
fn s_03_answers_that_nobody_reads_share_a_budget() {
    run(async {
        let world = domain::testing::World::with(|settings| settings.buffers = 4 << 20).await;
        let project = world.project("p", true).await;
        let config = world.blob(&project, &"r".parse().unwrap(), b"{}").await;
        for n in 0..40 {
            let config = serde_json::json!({ "mediaType": "application/vnd.oci.empty.v1+json", "digest": config, "size": 2 });
            let made = serde_json::json!({
                "schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", "artifactType": "application/x", "config": config,
                "layers": [], "annotations": { "a": "x".repeat(15_000), "n": n.to_string() },
            });
            world.manifest(&project, &"r".parse().unwrap(), &format!("t{n}"), &made).await;
        }
        let router = server::wiring::router(&world.ctx, Vec::new(), None);
        let ask = async |path: &str, address: [u8; 4]| {
            let mut request = Request::builder().uri(path).header(header::HOST, "127.0.0.1:8080").body(Body::empty()).unwrap();
            request.extensions_mut().insert(Peer(SocketAddr::from((address, 1))));
            router.clone().oneshot(request).await.unwrap()
        };
        let list = "/api/v2.0/projects/p/repositories/r/artifacts?page_size=100";
        // A quarter of four MiB is one answer of 600 kB; the second waits, and others have theirs.
        let held = ask(list, [10, 1, 1, 1]).await;
        assert_eq!(held.status(), StatusCode::OK);
        let more = ask(list, [10, 1, 1, 1]).await;
        assert_eq!((more.status(), more.headers().contains_key("retry-after")), (StatusCode::SERVICE_UNAVAILABLE, true));
        assert_eq!(more.headers()["x-content-type-options"], "nosniff");
        let other = ask(list, [10, 2, 2, 2]).await;
        assert_eq!(other.status(), StatusCode::OK);
        assert_eq!(ask("/api/v2.0/projects", [10, 1, 1, 1]).await.status(), StatusCode::OK, "what is short is not counted");
        // Read to the end it is whole, and its share is free again with the last byte.
        let body = held.into_body().collect().await.unwrap().to_bytes();
        assert_eq!(serde_json::from_slice::<serde_json::Value>(&body).unwrap().as_array().unwrap().len(), 40);
        assert_eq!(ask(list, [10, 1, 1, 1]).await.status(), StatusCode::SERVICE_UNAVAILABLE, "the bytes are still there");
        drop((body, other));
        assert_eq!((world.ctx.local.answer_buffers.used().0, world.ctx.local.buffers.used().0), (0, 0));
        assert_eq!(ask(list, [10, 1, 1, 1]).await.status(), StatusCode::OK);
    });
}
