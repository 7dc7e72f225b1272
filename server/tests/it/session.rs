//! Sessions, cookies, origin, and the headers of every page.

use crate::inside::{Ask, Inside, OURS, Proof, cookie, signed_in, text};
use domain::testing::PASSWORD;
use http::StatusCode;
use sqlx::Row;

async fn rows(inside: &Inside) -> i64 {
    let mut c = inside.world.ctx.db.read().await.unwrap();
    sqlx::query("SELECT CAST(COUNT(*) AS BIGINT) AS n FROM sessions").fetch_one(&mut *c).await.unwrap().get("n")
}

#[test]
fn n_045_n_047_a_change_from_elsewhere_is_refused_before_anything_is_read() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let admin = inside.sign_in("admin").await;
        let form = "name=evil&public=true";
        for headers in [
            &[("sec-fetch-site", "cross-site")][..], &[("sec-fetch-site", "same-site")], &[("sec-fetch-site", "none")],
            &[("origin", "https://evil.example")], &[("origin", "null")], &[],
        ] {
            for content_type in ["application/x-www-form-urlencoded", "text/plain", "multipart/form-data; boundary=x", "application/json"] {
                let ask = |path| Ask { method: "POST", path, proof: &admin, body: Some((content_type, form.into())), headers };
                for path in ["/fn/project/create", "/fn/sign-out", "/api/v2.0/projects"] {
                    let refused = inside.send(ask(path)).await;
                    assert_eq!(refused.status(), StatusCode::FORBIDDEN, "{path} {headers:?}");
                    // Each door in its own words.
                    let json = text(refused).await.starts_with(r#"{"errors":[{"code":"FORBIDDEN","message":"#);
                    assert_eq!(json, path.starts_with("/api/"), "{path}");
                }
            }
            // Signing somebody in from elsewhere is refused too.
            let login = format!("name=admin&password={}&next=/", PASSWORD.replace(' ', "+"));
            let refused = inside.form("/fn/sign-in", &Proof::Nothing, &login, headers).await;
            assert_eq!((refused.status(), cookie(&refused)), (StatusCode::FORBIDDEN, None));
        }
        assert!(signed_in(&inside, &admin).await);
        let (query, filter) = Default::default();
        let projects = domain::projects::list(&inside.world.ctx, &inside.world.admin, &query, &filter).await;
        assert_eq!(projects.unwrap().total, 0);
        let origin = [("origin", "http://127.0.0.1:8080")];
        assert_eq!(inside.form("/fn/project/create", &admin, "name=fine", &origin).await.status(), StatusCode::SEE_OTHER);
    });
}

#[test]
fn a_client_of_harbor_s_that_holds_a_session_proves_that_it_reads_answers() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let (admin, other) = (inside.sign_in("admin").await, inside.sign_in("admin").await);
        let change = async |proof: &Proof, token: &str, more: &[(&'static str, &'static str)]| {
            let mut headers = more.to_vec();
            if !token.is_empty() {
                headers.push(("x-harbor-csrf-token", token));
            }
            let body = Some(("application/json", r#"{"project_name":"by-session"}"#.to_owned()));
            inside.send(Ask { method: "POST", path: "/api/v2.0/projects", proof, body, headers: &headers }).await
        };
        let told = |response: &http::Response<axum::body::Body>| response.headers().get("x-harbor-csrf-token").map(|value| value.to_str().unwrap().to_owned());
        let refused = change(&admin, "", &[]).await;
        assert_eq!(refused.status(), StatusCode::FORBIDDEN);
        let token = told(&refused).unwrap();
        assert!(refused.headers().get_all("set-cookie").iter().any(|cookie| cookie.to_str().unwrap().starts_with("_gorilla_csrf=")));
        // Neither another's, nor from another site, whatever it sends, and no site is told.
        for (proof, token, more) in [
            (&other, token.as_str(), &[][..]), (&admin, "00", &[]), (&admin, &token[2..], &[]), (&admin, &token, &[("origin", "https://evil.example")]),
            (&admin, &token, &[("sec-fetch-site", "cross-site")]),
        ] {
            let refused = change(proof, token, more).await;
            assert_eq!((refused.status(), told(&refused).is_some()), (StatusCode::FORBIDDEN, more.is_empty()), "{token} {more:?}");
        }
        assert_eq!(change(&admin, &token, &[]).await.status(), StatusCode::CREATED);
        // The portal's own forms take no such proof.
        let form = Ask { method: "POST", path: "/fn/project/create", proof: &admin, body: Some(("application/x-www-form-urlencoded", "name=evil".into())),
            headers: &[("x-harbor-csrf-token", &token)] };
        assert_eq!(inside.send(form).await.status(), StatusCode::FORBIDDEN);
    });
}

#[test]
fn n_047_nobody_is_signed_in_from_elsewhere_by_the_api_either() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let form = format!("principal=admin&password={}", PASSWORD.replace(' ', "+"));
        for headers in [&[("sec-fetch-site", "cross-site")][..], &[("origin", "https://evil.example")], &[("origin", "null")]] {
            let refused = inside.form("/c/login", &Proof::Nothing, &form, headers).await;
            assert_eq!((refused.status(), cookie(&refused)), (StatusCode::FORBIDDEN, None), "{headers:?}");
        }
        assert_eq!(rows(&inside).await, 0);
        // A client that is no browser says nothing of where it comes from.
        let response = inside.form("/c/login", &Proof::Nothing, &form, &[]).await;
        assert!(response.status() == StatusCode::OK && cookie(&response).is_some());
    });
}

#[test]
fn n_142_a_form_leads_back_to_our_own_page_only() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        for (referer, expected) in [
            ("http://127.0.0.1:8080/projects?q=x", "/projects?q=x"), ("http://127.0.0.1:8080//evil.example/", "/"),
            ("http://127.0.0.1:8080/\\evil.example", "/"), ("https://evil.example/projects", "/"),
        ] {
            let headers = [("sec-fetch-site", "same-origin"), ("accept", "text/html"), ("referer", referer)];
            let response = inside.form("/fn/theme", &Proof::Nothing, "theme=dark", &headers).await;
            assert_eq!(response.headers()["location"].to_str().unwrap(), expected, "{referer}");
        }
    });
}

#[test]
fn n_048_n_050_a_session_begins_with_a_new_id_and_does_not_come_back() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        // A planted id is worth nothing, before and after somebody signs in with it.
        let planted = Proof::Cookie("sid=AAAAAAAAAAAAAAAAAAAAAA".into());
        let form = format!("name=admin&password={}&next=/", PASSWORD.replace(' ', "+"));
        let response = inside.form("/fn/sign-in", &planted, &form, OURS).await;
        let first = Proof::Cookie(cookie(&response).unwrap());
        assert!(!signed_in(&inside, &planted).await && signed_in(&inside, &first).await);
        // Signing in again gives another id, and the old one ends.
        let response = inside.form("/fn/sign-in", &first, &form, OURS).await;
        let second = Proof::Cookie(cookie(&response).unwrap());
        assert!(!signed_in(&inside, &first).await && signed_in(&inside, &second).await);
        assert_eq!(rows(&inside).await, 1);
        inside.form("/fn/sign-out", &second, "", OURS).await;
        assert!(!signed_in(&inside, &second).await);
        assert_eq!(rows(&inside).await, 0);
    });
}

#[test]
fn n_049_a_changed_password_gives_a_new_id_and_ends_the_other_sessions() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let (here, there) = (inside.sign_in("admin").await, inside.sign_in("admin").await);
        let old = PASSWORD.replace(' ', "+");
        let form = format!("current={old}&password=eight+more+tall+ships&again=eight+more+tall+ships");
        let response = inside.form("/fn/account/password", &here, &form, OURS).await;
        let next = Proof::Cookie(cookie(&response).expect("a new cookie"));
        assert!(!signed_in(&inside, &here).await && !signed_in(&inside, &there).await);
        assert!(signed_in(&inside, &next).await);
        assert_eq!(rows(&inside).await, 1);
    });
}

#[test]
fn n_070_a_request_keeps_its_name_only_if_that_is_plain() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let (long, longer) = ("a".repeat(64), "a".repeat(65));
        for (given, kept) in [("Fine-1", true), (&*long, true), (&*longer, false), ("", false), ("a b", false), ("a\",\"b\":\"", false), ("a_b", false)] {
            let ask = Ask { method: "GET", path: "/healthz", proof: &Proof::Nothing, body: None, headers: &[("x-request-id", given)] };
            let answer = inside.send(ask).await;
            let id = answer.headers()["x-request-id"].to_str().unwrap();
            assert_eq!(id == given, kept, "{given:?}: {id:?}");
            assert!((1..=64).contains(&id.len()) && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'), "{id:?}");
        }
    });
}

#[test]
fn n_155_no_way_in_is_without_a_limit() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let form = |body: &str| Some(("application/x-www-form-urlencoded", body.to_owned()));
        let basic = |name: &str| Proof::Basic(name.to_owned(), "wrong".to_owned());
        let change = Some(("application/json", r#"{"old_password":"wrong","new_password":"nine green bottles hang"}"#.to_owned()));
        let me = inside.sign_in("admin").await;
        let ways = [
            ("the portal", "POST", "/fn/sign-in", Proof::Nothing, form("name=admin&password=wrong&next=%2F"), OURS),
            ("Harbor's sign-in", "POST", "/c/login", Proof::Nothing, form("principal=admin&password=wrong"), &[]),
            ("the token endpoint", "GET", "/service/token?service=harbor-registry", basic("admin"), None, &[]),
            ("the registry", "GET", "/v2/", basic("admin"), None, &[]),
            ("the API", "GET", "/api/v2.0/users/current", basic("admin"), None, &[]),
            ("a robot's secret", "GET", "/v2/", basic("robot$ci"), None, &[]),
            ("somebody who is not there", "GET", "/v2/", basic("nobody"), None, &[]),
            ("a change of the password", "PUT", "/api/v2.0/users/1/password", me.clone(), change, OURS),
        ];
        for (n, (name, method, path, proof, body, headers)) in ways.into_iter().enumerate() {
            let address = [192, 0, 2, n as u8];
            let ask = || Ask { method, path, proof: &proof, body: body.clone(), headers };
            // The portal says it in words, on the page where the form stands.
            let slowed = async || {
                let answer = inside.send_from(address, ask()).await;
                let (status, waits) = (answer.status(), answer.headers().contains_key("retry-after"));
                let said = text(answer).await.contains("too many attempts: try again in 1 s");
                match status.as_u16() {
                    200 | 303 if path == "/fn/sign-in" => said,
                    429 => waits && said,
                    400 | 401 | 403 | 422 => false,
                    other => panic!("{name}: {other}"),
                }
            };
            for _ in 0..6 {
                assert!(!slowed().await, "{name}");
            }
            assert!(slowed().await, "{name}");
        }
        assert!(signed_in(&inside, &me).await, "who is in is not hindered");
    });
}

#[test]
fn n_051_n_052_cookies_are_strict_and_strangers_leave_no_rows() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let form = format!("name=admin&password={}&next=/", PASSWORD.replace(' ', "+"));
        let response = inside.form("/fn/sign-in", &Proof::Nothing, &form, OURS).await;
        let set = response.headers()["set-cookie"].to_str().unwrap().to_owned();
        assert!(set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Path=/") && !set.contains("Domain"), "{set}");
        let before = rows(&inside).await;
        for cookie in ["sid=", "sid=%%%", "sid=AAAA", &format!("sid={}", "A".repeat(8192)), "sid=a; sid=b", "sid=\"x\""] {
            let response = inside.get("/projects", &Proof::Cookie((*cookie).to_owned())).await;
            assert_eq!(response.status(), StatusCode::OK, "{cookie}");
            assert!(response.headers().get("set-cookie").is_none_or(|v| !v.to_str().unwrap().starts_with("sid=A")));
        }
        for _ in 0..50 {
            inside.get("/projects", &Proof::Nothing).await;
        }
        assert_eq!(rows(&inside).await, before);
    });
}

#[test]
fn n_053_a_session_ends_when_idle_and_however_active_after_half_a_day() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let admin = inside.sign_in("admin").await;
        inside.world.pass(domain::sessions::idle(&inside.world.ctx) - 1000);
        assert!(signed_in(&inside, &admin).await, "in use just in time");
        inside.world.pass(domain::sessions::idle(&inside.world.ctx) + 1);
        assert!(!signed_in(&inside, &admin).await, "idle");
        let admin = inside.sign_in("admin").await;
        let step = domain::sessions::idle(&inside.world.ctx) - 60_000;
        for _ in 0..domain::sessions::ABSOLUTE / step {
            inside.world.pass(step);
            assert!(signed_in(&inside, &admin).await);
        }
        inside.world.pass(step);
        assert!(!signed_in(&inside, &admin).await, "the absolute end does not move");
    });
}

#[test]
fn n_054_n_055_the_database_holds_no_cookie_and_the_registry_takes_none() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let Proof::Cookie(sid) = inside.sign_in("admin").await else { unreachable!() };
        let value = sid.trim_start_matches("sid=").to_owned();
        let mut c = inside.world.ctx.db.read().await.unwrap();
        let row = sqlx::query("SELECT id_hash, data FROM sessions").fetch_one(&mut *c).await.unwrap();
        assert!(!row.get::<String, _>("id_hash").contains(&value) && !row.get::<String, _>("data").contains(&value));
        drop(c);
        assert_eq!(inside.get("/v2/", &Proof::Cookie(sid)).await.status(), StatusCode::UNAUTHORIZED);
    });
}

#[test]
fn n_137_every_page_has_a_policy_with_a_fresh_nonce() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let mut seen = std::collections::HashSet::new();
        for path in ["/", "/sign-in", "/projects", "/nothing-here", "/api/v2.0/ping", "/projects/missing", "/fn/nothing"] {
            for _ in 0..3 {
                let response = inside.get(path, &Proof::Nothing).await;
                let policy = response.headers()["content-security-policy"].to_str().unwrap().to_owned();
                let nonce = policy.split("'nonce-").nth(1).unwrap().split('\'').next().unwrap().to_owned();
                assert!(nonce.len() >= 22, "{nonce}");
                assert!(seen.insert(nonce), "a nonce came twice");
                assert!(policy.contains(&format!("style-src 'self' '{}';", app::layout::FADE_HASH)), "{policy}");
                assert!(policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe-inline"), "{policy}");
                for (name, value) in [("x-content-type-options", "nosniff"), ("x-frame-options", "DENY"),
                    ("cache-control", "no-store"), ("referrer-policy", "same-origin")] {
                    assert_eq!(response.headers()[name], value, "{path}");
                }
            }
        }
    });
}

/// The one style that stands in pages is the one that the policy names.
#[test]
fn n_137_the_policy_allows_the_style_of_our_pages_and_no_other() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let page = text(inside.get("/sign-in", &Proof::Nothing).await).await;
        let styles: Vec<&str> = page.split("<style>").skip(1).filter_map(|part| part.split("</style>").next()).collect();
        assert_eq!(styles.len(), 1);
        let digest = aws_lc_rs::digest::digest(&aws_lc_rs::digest::SHA256, styles[0].as_bytes());
        let hash = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, digest);
        assert_eq!(app::layout::FADE_HASH, format!("sha256-{hash}"));
        assert!(!page.contains("style=\""));
    });
}

#[test]
fn n_131_n_132_what_people_type_is_text_on_every_page() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let project = inside.world.project("p", false).await;
        let repository = "r".parse().unwrap();
        inside.world.image(&project, &repository, "1", "x").await;
        let evil = "</script><script>alert(1)</script><img src=x onerror=alert(1)>\u{2028}{{7*7}}";
        domain::repositories::describe(&inside.world.ctx, &inside.world.admin, &project, &repository, evil.into()).await.unwrap();
        let admin = inside.sign_in("admin").await;
        for path in ["/projects/p/repositories/r", "/projects/p/repositories/r/settings", "/sign-in?next=%22%3E%3Cscript%3E"] {
            let page = text(inside.get(path, &admin).await).await;
            assert!(!page.contains("<script>alert") && !page.contains("<img src=x"), "{path}");
            assert!(!page.contains("</script><script>"), "{path}");
        }
    });
}

#[test]
fn n_142_signing_in_leads_to_our_own_pages_only() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        for next in ["https://evil.example", "//evil.example", "/\\evil.example", "javascript:alert(1)", ""] {
            let form = format!("name=admin&password={}&next={next}", PASSWORD.replace(' ', "+"));
            let headers = [("sec-fetch-site", "same-origin"), ("accept", "text/html")];
            let response = inside.form("/fn/sign-in", &Proof::Nothing, &form, &headers).await;
            assert_eq!((response.status(), response.headers()["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, "/projects"), "{next}");
        }
    });
}
