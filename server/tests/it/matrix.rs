//! Every route, page and form × every kind of caller × every kind of project, against one readable snapshot.
//!
//! Requests are made so that who gets through changes nothing: what they name is not there, or what they send is not
//! valid. 401, 403 and (for what may not be seen) 404 are refusals; 400, 404, 409, 412, 422 of who may are not.

use crate::inside::{Ask, Inside, OURS, Proof};
use app::routes::FormRoute;
use domain::testing::PASSWORD;
use domain::{robots, users};
use model::robot::{Grant, NewRobot, Scope};
use model::{Action, ProjectName, Role};

const CALLERS: [&str; 10] =
    ["nobody", "limited", "guest", "developer", "maintainer", "boss", "admin", "robot-pull", "robot-push", "disabled"];
const PROJECTS: [&str; 4] = ["own", "foreign", "open", "missing"];
const DIGEST: &str = "sha256:0000000000000000000000000000000000000000000000000000000000000000";

async fn world() -> (Inside, Vec<Proof>, Vec<Proof>) {
    let inside = Inside::new().await;
    let world = &inside.world;
    let own = world.project("own", false).await;
    for (name, public) in [("foreign", false), ("open", true)] {
        let project = world.project(name, public).await;
        world.image(&project, &"r".parse().unwrap(), "1", name).await;
    }
    world.image(&own, &"r".parse().unwrap(), "1", "own").await;
    for (name, role) in [
        ("limited", Role::LimitedGuest), ("guest", Role::Guest), ("developer", Role::Developer),
        ("maintainer", Role::Maintainer), ("boss", Role::ProjectAdmin), ("disabled", Role::ProjectAdmin),
    ] {
        world.member(name, &own, role).await;
    }
    let robot = async |name: &str, actions: &[Action]| {
        let grants = vec![Grant::new(Scope::Project("own".parse().unwrap()), actions.to_vec())];
        let input = NewRobot {
            name: name.into(), project: Some("own".parse::<ProjectName>().unwrap()), description: String::new(),
            days: 30, disabled: false, grants,
        };
        let made = robots::create(&world.ctx, &world.admin, input, None).await.unwrap();
        Proof::Basic(made.robot.full_name, made.secret.reveal().to_owned())
    };
    let pull = robot("pull", &[Action::RepositoryPull]).await;
    let push = robot("push", &[Action::RepositoryPull, Action::RepositoryPush]).await;
    let (mut basic, mut session) = (Vec::new(), Vec::new());
    for name in CALLERS {
        basic.push(match name {
            "nobody" => Proof::Nothing,
            "robot-pull" => pull.clone(),
            "robot-push" => push.clone(),
            name => Proof::Basic(name.to_owned(), PASSWORD.to_owned()),
        });
        session.push(match name {
            "nobody" => Proof::Nothing,
            "robot-pull" => pull.clone(),
            "robot-push" => push.clone(),
            name => inside.sign_in(name).await,
        });
    }
    let disabled = users::search(&world.ctx, &world.admin, "disabled", 10).await.unwrap()[0].0;
    users::set_disabled(&world.ctx, &world.admin, disabled, true).await.unwrap();
    (inside, basic, session)
}

async fn row(inside: &Inside, callers: &[Proof], method: &str, path: &str, body: Option<(&str, &str)>, headers: &[(&str, &str)]) -> String {
    let mut cells = Vec::new();
    // An account that fails all the time, from wherever, is heard every two seconds.
    inside.world.pass(2001);
    for proof in callers {
        let body = body.map(|(content_type, text)| (content_type, text.to_owned()));
        let response = inside.send(Ask { method, path, proof, body, headers }).await;
        assert!(!response.status().is_server_error(), "{method} {path} as {proof:?}: {}", response.status());
        cells.push(format!("{:>10}", response.status().as_u16()));
    }
    cells.concat()
}

/// One line, or one a project where the path or the form names one.
async fn lines(inside: &Inside, callers: &[Proof], method: &str, pattern: &str, path: &str, body: Option<(&str, &str)>, headers: &[(&str, &str)]) -> String {
    let mut text = format!("{method} {pattern}\n");
    let about_project = path.contains("PROJECT") || body.is_some_and(|(_, form)| form.contains("PROJECT"));
    for project in if about_project { &PROJECTS[..] } else { &["-"] } {
        let path = path.replace("PROJECT", project);
        let form = body.map(|(_, form)| form.replace("PROJECT", project));
        let body = body.map(|(content_type, _)| (content_type, form.as_deref().unwrap_or_default()));
        text += &format!("  {project:<8}{}\n", row(inside, callers, method, &path, body, headers).await);
    }
    text
}

fn heading(title: &str) -> String {
    let callers: String = CALLERS.iter().map(|caller| format!("{caller:>10}")).collect();
    format!("== {title}\n          {callers}\n")
}

/// The part of `form` that the form at `path` knows: it names what it does not know, and nothing happens. Asked in a world of its own.
async fn known(scratch: &(Inside, Proof), path: &str, form: &str) -> String {
    let mut fields: Vec<&str> = form.split('&').collect();
    while let Some(name) = unknown(scratch, path, &fields.join("&")).await {
        fields.retain(|field| field.split(['=', '[']).next() != Some(name.as_str()));
    }
    let smuggled = unknown(scratch, path, &format!("{}&smuggled=1", fields.join("&"))).await;
    assert_eq!(smuggled.as_deref(), Some("smuggled"), "{path} takes what it does not know");
    fields.join("&")
}

/// The field that is refused as unknown.
async fn unknown((inside, admin): &(Inside, Proof), path: &str, form: &str) -> Option<String> {
    let response = inside.form(path, admin, &form.replace("PROJECT", "own"), OURS).await;
    let status = response.status();
    let said = crate::inside::text(response).await;
    let name = said.split("unknown field `").nth(1)?.split('`').next()?;
    assert_eq!(status, 400, "{path}");
    Some(name.to_owned())
}

#[test]
fn n_021_n_022_n_038_the_access_matrix() {
    crate::inside::run(async {
        let (inside, basic, session) = world().await;
        let mut text = heading("the registry, by Basic");
        for route in oci::ROUTES {
            let reference = if route.pattern.contains("uploads/{id}") { "00000000000000000000000000000000" } else { DIGEST };
            let path = route
                .pattern
                .replace("{name}", if route.method == "GET" && route.pattern.contains("tags") { "PROJECT/r" } else { "PROJECT/none" })
                .replace("{reference}", reference)
                .replace("{digest}", reference)
                .replace("{id}", reference);
            text += &lines(&inside, &basic, route.method, route.pattern, &path, None, &[]).await;
        }
        text += &heading("the REST API, by Basic");
        for route in api::ROUTES {
            let method = route.method.to_uppercase();
            let path = route
                .pattern
                .replace("{project}", "PROJECT")
                .replace("{repository}", if method == "GET" { "r" } else { "none" })
                .replace("{reference}", if method == "GET" { "1" } else { DIGEST })
                .replace("{tag}", "none")
                .replace("{task}", "999")
                .replace("{id}", "999");
            let body = match method.as_str() {
                "GET" | "HEAD" | "DELETE" => None,
                _ if route.pattern == "/c/login" => Some(("application/x-www-form-urlencoded", "principal=x&password=y")),
                // Enough to be understood, too little to be done.
                _ => Some(("application/json", r#"{"role_id":1,"sysadmin_flag":true,"new_password":"x","policy_id":999,"level":"system"}"#)),
            };
            text += &lines(&inside, &basic, &method, &format!("{} ({})", route.pattern, route.needs.said()), &path, body, &[]).await;
        }
        text += &heading("pages, by session (robot accounts by Basic)");
        for page in app::routes::PAGES {
            let path = page
                .pattern
                .replace("{project}", "PROJECT")
                .replace("{repository}", "r")
                .replace("{digest}", DIGEST)
                .replace("{id}", "999")
                .replace("{execution}", "999")
                .replace("{task}", "999");
            text += &lines(&inside, &session, "GET", &format!("{} ({:?})", page.pattern, page.needs), &path, None, &[]).await;
        }
        text += &heading("forms, by session (robot accounts by Basic)");
        let scratch = Inside::new().await;
        let admin = scratch.sign_in("admin").await;
        let scratch = (scratch, admin);
        let mut forms: Vec<&app::routes::FormRoute> = app::routes::FORMS.iter().collect();
        // What would make a project public comes last.
        forms.sort_by_key(|form| (form.at == "/fn/project/update", form.at));
        // One form for all, of which each gets the fields it knows.
        let form = format!(
            "project=PROJECT&repository=none&digest={}&tag=none&id=999&rule=999&execution=999&artifact=999&user=none-at-all&role=2\
             &name=&description=%01&email=&full_name=&comment=&password=short&again=short&current=x&act=delete&confirm=PROJECT&theme=\
             &q=&sort=&after=&public=false&signed=&text=x&days=0&never=false&provider=harbor&url=&token_server=&access_id=&secret=&ca_certificate=\
             &ids[]=999&digests[]={}&key=00&repositories=%7B&repository_mode=matches&\
             removes=true&without_label=x&disabled=false&place=7&seen=0&color=x&label=999&off=false\
             &template=x&number=x&uncovered=x&run=999&tag_mode=matches&tags=&namespace=&flatten=0&target_id=1&next=%2F&when=x&cron=x&to=none%2Fnone\
             &banner_message=&project_creation_restriction=x&session_timeout=0&token_expiration=0&robot_name_prefix=&robot_token_duration=0\
             &reason=&limit=0&storage_per_project=0&quota_per_project_enable=true",
            DIGEST.replace(':', "%3A"),
            DIGEST.replace(':', "%3A"),
        );
        for FormRoute { at, needs, .. } in forms {
            // Signing out would end the sessions of the others' rows: it is tested on its own.
            if *at == "/fn/sign-out" {
                continue;
            }
            let form = known(&scratch, at, &form).await;
            let body = Some(("application/x-www-form-urlencoded", form.as_str()));
            text += &lines(&inside, &session, "POST", &format!("{at} ({needs:?})"), at, body, OURS).await;
        }
        insta::assert_snapshot!(text);
        // Nobody's attempts changed anything.
        let project = domain::projects::frame(&inside.world.ctx, &inside.world.admin, &"own".parse().unwrap()).await.unwrap().project;
        assert_eq!((project.member_count, project.repository_count, project.public), (7, 1, false));
    });
}
