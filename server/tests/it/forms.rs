//! Forms: where their answers are shown, what is kept, and what is refused.

use crate::inside::{Inside, OURS, Proof, cookie, signed_in, text};
use domain::testing::PASSWORD;
use http::{Response, StatusCode};

fn header<'a>(response: &'a Response<axum::body::Body>, name: &str) -> &'a str {
    response.headers()[name].to_str().unwrap()
}

/// A browser without script sends the second try from the page that answered the first, whose address is the form's.
#[test]
fn a_form_can_be_wrong_twice() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let mut at = "/fn/sign-in?page=%2Fsign-in%3Fnext%3D%252Fx".to_owned();
        for _ in 0..3 {
            let answer = inside.form(&at, &Proof::Nothing, "name=admin&password=wrong&next=%2Fx", OURS).await;
            assert_eq!((answer.status(), header(&answer, "content-location")), (StatusCode::UNPROCESSABLE_ENTITY, "/sign-in?next=%2Fx"));
            let text = text(answer).await;
            assert!(text.contains("do not sign in here") && text.contains("name=\"password\"") && text.contains("value=\"/x\""), "{text}");
            let form = text.split("action=\"/fn/sign-in").nth(1).unwrap().split('"').next().unwrap();
            at = format!("/fn/sign-in{}", form.replace("&amp;", "&"));
        }
        assert!(at.starts_with("/fn/sign-in?page=%2Fsign-in%3Fnext%3D%252Fx&once="), "{at}");
        // Asked for again without the form, the address leads to the page.
        let again = inside.get(&at, &Proof::Nothing).await;
        assert_eq!((again.status(), header(&again, "location")), (StatusCode::SEE_OTHER, "/sign-in?next=%2Fx"));
        // What is no page of ours is none in the address either.
        for planted in ["%2F%2Fevil.example", "https:%2F%2Fevil.example", "%2F%5Cevil", "%2Ffn%2Fsign-in", "%2F%09%2Fevil.example", "%2F%0aset-cookie:x", ""] {
            let at = format!("/fn/sign-in?page={planted}");
            let answer = inside.form(&at, &Proof::Nothing, "name=admin&password=wrong&next=%2F", OURS).await;
            assert_eq!((answer.status(), header(&answer, "content-location")), (StatusCode::UNPROCESSABLE_ENTITY, "/"), "{planted}");
            assert_eq!(inside.get(&at, &Proof::Nothing).await.status(), StatusCode::METHOD_NOT_ALLOWED, "{planted}");
        }
    });
}

/// The session ends while a form is filled in: nothing is done, one signs in, and is back at the form with what was typed.
#[test]
fn a_form_outlives_its_session() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let typed = "name=new-user&email=a%40b.example&full_name=%3Cb%3E&password=seven+tall+ships+sail&again=seven+tall+ships+sail&comment=a%26b";
        let at = "/fn/user/create?page=%2Fadmin%2Fusers%2Fnew&once=1-abc";
        let door = inside.form(at, &Proof::Nothing, typed, OURS).await;
        assert_eq!((door.status(), header(&door, "content-location")), (StatusCode::UNAUTHORIZED, "/sign-in?next=%2Fadmin%2Fusers%2Fnew"));
        let page = text(door).await;
        assert!(page.contains("Your session has ended") && !page.contains("ships"), "{page}");
        let kept = |name: &str| {
            let value = page.split(&format!("name=\"{name}\" value=\"")).nth(1).unwrap().split('"').next().unwrap();
            value.replace("&amp;", "&")
        };
        let (form, on, by) = (kept("kept_form"), kept("kept_page"), kept("kept_by"));
        assert_eq!((form.as_str(), on.as_str(), by.as_str()), ("/fn/user/create", "/admin/users/new", "1"));
        let plain = |text: &str| text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&");
        let fields = page.split("name=\"kept_fields[]\" value=\"").skip(1).map(|part| plain(part.split('"').next().unwrap()));
        let fields: Vec<String> = fields.collect();
        assert_eq!(fields, ["name=new-user", "email=a@b.example", "full_name=<b>", "comment=a&b"]);
        let encode = |text: &str| text.replace('%', "%25").replace('&', "%26").replace('=', "%3D").replace('/', "%2F");
        let send = async |by: &str, password: &str| {
            let fields: String = fields.iter().map(|field| format!("&kept_fields%5B%5D={}", encode(field))).collect();
            let body = format!(
                "name=admin&password={}&next=%2F&kept_form={}&kept_page={}&kept_by={by}{fields}",
                password.replace(' ', "+"), encode(&form), encode(&on),
            );
            inside.form("/fn/sign-in?page=%2Fsign-in%3Fnext%3D%252Fadmin%252Fusers%252Fnew", &Proof::Nothing, &body, OURS).await
        };
        // A wrong password loses nothing.
        let wrong = send("1", "wrong").await;
        assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY);
        assert!(text(wrong).await.contains("name=\"kept_fields[]\" value=\"name=new-user\""));
        // It is for who typed it, and for nobody else who signs in here.
        let other = send("2", PASSWORD).await;
        assert_eq!((other.status(), header(&other, "location")), (StatusCode::SEE_OTHER, "/"));
        let back = send("1", PASSWORD).await;
        assert_eq!((back.status(), header(&back, "content-location")), (StatusCode::OK, "/admin/users/new"));
        let who = Proof::Cookie(cookie(&back).expect("a session"));
        let page = text(back).await;
        assert!(page.contains("You are signed in again") && page.contains("value=\"new-user\"") && page.contains("value=\"a@b.example\""), "{page}");
        assert!(page.contains("&lt;b&gt;") && page.contains("a&amp;b") && !page.contains("ships"), "{page}");
        assert!(signed_in(&inside, &who).await);
        // A form that nothing is typed into does not wait: one comes back to its page.
        let door = text(inside.form("/fn/collection/start?page=%2Fadmin%2Fgarbage&once=1-abc", &Proof::Nothing, "", OURS).await).await;
        assert!(door.contains("name=\"next\" value=\"/admin/garbage\"") && !door.contains("kept_"), "{door}");
        // Nothing was done for nobody.
        let users = domain::users::search(&inside.world.ctx, &inside.world.admin, "new-user", 10).await.unwrap();
        assert!(users.is_empty());
    });
}

/// An island gets the same answers; only where a browser would be sent on, it is told where.
#[test]
fn an_island_is_told_where_to_go() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let admin = inside.sign_in("admin").await;
        let island = [OURS[0], ("x-wharf-island", "1")];
        let at = "/fn/project/create?page=%2Fprojects%2Fnew";
        let done = inside.form(at, &admin, "name=fine", &island).await;
        assert_eq!((done.status(), header(&done, "location")), (StatusCode::NO_CONTENT, "/projects/fine"));
        assert!(done.headers()["set-cookie"].to_str().unwrap().starts_with("flash="));
        let (with, without) = (inside.form(at, &admin, "name=fine", &island).await, inside.form(at, &admin, "name=fine", OURS).await);
        assert_eq!((with.status(), without.status()), (StatusCode::UNPROCESSABLE_ENTITY, StatusCode::UNPROCESSABLE_ENTITY));
        // But for what is made anew for each rendering: the policy's nonce, and the mark of its forms.
        let anew = |page: String, mark: &str| page.split(mark).map(|part| part.split_once('"').map_or(part, |(_, rest)| rest).to_owned()).collect::<String>();
        let plain = |page: String| anew(anew(page, "nonce=\""), "once=");
        assert_eq!(plain(text(with).await), plain(text(without).await));
    });
}

/// What a form was answered is said also where the form stands no more.
#[test]
fn an_answer_is_said_where_its_form_is_gone() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let admin = inside.sign_in("admin").await;
        let answer = inside.form("/fn/project/update?page=%2Fprojects", &admin, "project=gone", OURS).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND);
        let page = text(answer).await;
        assert!(page.contains("project gone was not found") && page.contains("<h1>Projects</h1>"), "{page}");
    });
}

#[test]
fn a_form_has_a_largest_size() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let admin = inside.sign_in("admin").await;
        let form = |bytes: usize| format!("name={}", "a".repeat(bytes - 5));
        for (who, bytes, too_long, status) in [
            (&Proof::Nothing, 16 << 10, false, StatusCode::UNAUTHORIZED),
            (&Proof::Nothing, (16 << 10) + 1, false, StatusCode::UNAUTHORIZED),
            (&admin, 256 << 10, false, StatusCode::UNPROCESSABLE_ENTITY),
            (&admin, (256 << 10) + 1, true, StatusCode::BAD_REQUEST),
        ] {
            let answer = inside.form("/fn/project/create?page=%2Fprojects%2Fnew", who, &form(bytes), OURS).await;
            let found = (answer.status(), text(answer).await.contains("it is longer than"));
            assert_eq!(found, (status, too_long), "{bytes}");
        }
    });
}

/// One rendering of a form is done once, however often it is sent: at the same time, or again.
#[test]
fn a_form_sent_twice_is_done_once() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let admin = inside.sign_in("admin").await;
        let at = |mark: &str| format!("/fn/robot/create?page=%2Fadmin%2Frobots%2Fnew&once={mark}");
        let form = |name: &str| format!("project=&name={name}&description=&days=30&grants%5B%5D=all%7Crepository%3Apull");
        let send = async |mark: &str, name: &str| {
            let answer = inside.form(&at(mark), &admin, &form(name), OURS).await;
            let (status, page) = (answer.status(), text(answer).await);
            let secret = page.split("id=\"secret\">").nth(1).and_then(|rest| rest.split('<').next()).unwrap_or_default().to_owned();
            (status, secret, page)
        };
        let (one, two) = tokio::join!(send("a", "ci"), send("a", "ci"));
        let three = send("a", "ci").await;
        assert!(one.0 == StatusCode::OK && one.1.starts_with("wharf_"), "{}", one.2);
        assert_eq!((&one.1, &one.1), (&two.1, &three.1));
        // Another form of the same page, the same form of another page, and another person's are others.
        assert_ne!(send("a", "cd").await.1, one.1);
        let again = send("b", "ci").await;
        assert_eq!((again.0, again.1.as_str()), (StatusCode::UNPROCESSABLE_ENTITY, ""));
        assert!(again.2.contains("ci") && again.2.contains("aria-invalid"), "{}", again.2);
        let project = inside.world.project("p", false).await;
        inside.world.member("mate", &project, model::Role::ProjectAdmin).await;
        let mate = inside.sign_in("mate").await;
        let other = inside.form(&at("a"), &mate, &form("ci"), OURS).await;
        assert_eq!(other.status(), StatusCode::FORBIDDEN);
        // What was refused is tried again, and the answer is not kept for ever.
        assert_eq!(send("a", "-").await.0, StatusCode::UNPROCESSABLE_ENTITY);
        inside.world.pass(30_001);
        assert_eq!(send("a", "ci").await.0, StatusCode::UNPROCESSABLE_ENTITY);
        assert_eq!(domain::robots::list(&inside.world.ctx, &inside.world.admin, &domain::robots::Level::System, &Default::default()).await.unwrap().total, 2);
    });
}

/// A secret is shown whatever page it was asked for from, also one that is not there: it is never made in vain.
#[test]
fn a_secret_is_shown_on_every_page() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let admin = inside.sign_in("admin").await;
        let long = format!("%2Fadmin%2Frobots%2Fnew%3Fprojects%3D{}", "a%2520".repeat(1000));
        for (n, page) in ["%2Fadmin%2Frobots%2Fnew", "%2Fnope", "%2Fprojects%2F%25ff", "", &long].into_iter().enumerate() {
            let form = format!("project=&name=ci-{n}&description=&days=30&grants%5B%5D=all%7Crepository%3Apull");
            let answer = inside.form(&format!("/fn/robot/create?page={page}"), &admin, &form, OURS).await;
            assert_eq!(answer.status(), StatusCode::OK, "{page}");
            assert!(text(answer).await.contains("id=\"secret\">wharf_"), "{page}");
        }
    });
}

/// What no page has is said by a page or a status of its own, never by a failure.
#[test]
fn odd_addresses_are_not_found() {
    crate::inside::run(async {
        let inside = Inside::new().await;
        let admin = inside.sign_in("admin").await;
        for path in ["/projects/%ff", "/projects/%00", "/projects/a%2Fb", "/admin/users/%20", "/admin/users/99999999999999999999", "/nothing"] {
            assert_eq!(inside.get(path, &admin).await.status(), StatusCode::NOT_FOUND, "{path}");
        }
        for path in ["/projects?q=%00", "/jump?q=%00", "/admin/users?q=%00&after=%00", "/admin/robots/new?projects=%00&template=%00"] {
            assert_eq!(inside.get(path, &admin).await.status(), StatusCode::OK, "{path}");
        }
        for form in ["name=a%00b", "na%00me=a", "name=%FF%00"] {
            let answer = inside.form("/fn/project/create?page=%2Fprojects%2Fnew", &admin, form, OURS).await;
            assert_eq!(answer.status(), StatusCode::BAD_REQUEST, "{form}");
        }
        for method in ["OPTIONS", "PUT", "DELETE", "TRACE"] {
            for path in ["*", "/", "/projects", "/nothing", "/fn/project/create"] {
                let ask = crate::inside::Ask { method, path, proof: &admin, body: None, headers: OURS };
                let status = inside.send(ask).await.status();
                assert!(matches!(status.as_u16(), 404 | 405), "{method} {path}: {status}");
            }
        }
        // Nobody who signs in is sent out again.
        for next in ["%2Fc%2Flog_out", "%2Fapi%2Fv2.0%2Fping"] {
            let form = format!("name=admin&password={}&next={next}", PASSWORD.replace(' ', "+"));
            let answer = inside.form("/fn/sign-in", &Proof::Nothing, &form, OURS).await;
            assert_eq!(header(&answer, "location"), "/projects", "{next}");
        }
        // A long address is not carried along.
        let door = inside.get(&format!("/account?{}", "a".repeat(4000)), &Proof::Nothing).await;
        assert_eq!(header(&door, "location"), "/sign-in");
    });
}
