//! Tokens: only ours, only in time, never more than asked for or allowed.

use super::*;
use crate::testing::World;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use model::Role;
use serde_json::{Value, json};

async fn token(world: &World, who: &Principal, scope: &str) -> String {
    let scopes = parse_scopes([scope].into_iter()).unwrap();
    issue(&world.ctx, who, &scopes).await.unwrap().token
}

fn part(value: &Value) -> String {
    URL_SAFE_NO_PAD.encode(value.to_string())
}

/// A token of our key with a header and claims of the test's choice: as much as somebody could have who had the key.
fn forged(world: &World, head: &Value, claims: &str) -> String {
    let seed = world.ctx.keys.derive(b"wharf registry tokens v1");
    let key = Ed25519KeyPair::from_seed_unchecked(&*seed).unwrap();
    let text = format!("{}.{}", part(head), URL_SAFE_NO_PAD.encode(claims));
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(key.sign(text.as_bytes())))
}

fn refused(world: &World, token: &str) -> bool {
    matches!(authenticate_token(&world.ctx, token, Client::default()), Err(crate::Error::Unauthenticated))
}

fn good_claims(world: &World) -> Value {
    let now = world.ctx.now().0 / 1000;
    json!({
        "iss": "wharf", "aud": "harbor-registry", "sub": "admin", "exp": now + 900, "nbf": now, "iat": now, "jti": "x",
        "access": [], "who": "user:1", "cv": 1,
    })
}

#[tokio::test]
async fn n_006_only_a_token_that_is_exactly_ours_is_read() {
    let world = World::new().await;
    let head = json!({ "typ": "JWT", "alg": "EdDSA" });
    let claims = good_claims(&world);
    assert!(!refused(&world, &forged(&world, &head, &claims.to_string())), "the forger works");
    let good = forged(&world, &head, &claims.to_string());
    // Another key, another algorithm, no signature.
    let other = Ed25519KeyPair::from_seed_unchecked(&[9; 32]).unwrap();
    let text = good.rsplit_once('.').unwrap().0.to_owned();
    assert!(refused(&world, &format!("{text}.{}", URL_SAFE_NO_PAD.encode(other.sign(text.as_bytes())))));
    assert!(refused(&world, &format!("{text}.")));
    for alg in ["none", "None", "HS256", "RS256", "ES256"] {
        assert!(refused(&world, &forged(&world, &json!({ "typ": "JWT", "alg": alg }), &claims.to_string())), "{alg}");
    }
    let public = {
        let seed = world.ctx.keys.derive(b"wharf registry tokens v1");
        Ed25519KeyPair::from_seed_unchecked(&*seed).unwrap().public_key().as_ref().to_vec()
    };
    let hs = format!("{}.{}", part(&json!({ "typ": "JWT", "alg": "HS256" })), part(&claims));
    let tag = aws_lc_rs::hmac::sign(&aws_lc_rs::hmac::Key::new(aws_lc_rs::hmac::HMAC_SHA256, &public), hs.as_bytes());
    assert!(refused(&world, &format!("{hs}.{}", URL_SAFE_NO_PAD.encode(tag))), "HS256 with the public key");
    // Claims of another kind.
    let now = world.ctx.now().0 / 1000;
    for (name, value) in [
        ("aud", json!("other")), ("iss", json!("other")), ("nbf", json!(now + 600)), ("exp", json!("900")),
        ("exp", json!([now + 900])), ("exp", json!(-1)), ("exp", json!(now + 100_000)), ("iat", Value::Null),
        ("cv", json!("1")), ("who", json!("system")), ("who", json!("user:1 OR 1=1")), ("access", json!("all")),
    ] {
        let mut claims = claims.clone();
        claims[name] = value.clone();
        assert!(refused(&world, &forged(&world, &head, &claims.to_string())), "{name} = {value}");
    }
    let mut without = claims.clone();
    without.as_object_mut().unwrap().remove("iat");
    assert!(refused(&world, &forged(&world, &head, &without.to_string())));
    let text = claims.to_string();
    assert!(refused(&world, &forged(&world, &head, &text.replace("\"exp\":", "\"exp\":1e400,\"exp2\":"))));
    let twice = text.replacen('{', "{\"who\":\"user:2\",", 1);
    assert!(refused(&world, &forged(&world, &head, &twice)), "a claim that stands twice");
    for garbage in ["", ".", "..", "a.b.c", &"x".repeat(100_000), "\u{0}"] {
        assert!(refused(&world, garbage));
    }
}

#[tokio::test]
async fn n_007_a_token_cannot_name_a_key() {
    let world = World::new().await;
    let claims = good_claims(&world).to_string();
    for extra in [
        json!({ "kid": "../../dev/null" }), json!({ "kid": "1' OR '1'='1" }), json!({ "jwk": { "kty": "OKP" } }),
        json!({ "jku": "http://127.0.0.1:1/keys" }), json!({ "x5u": "http://127.0.0.1:1/keys" }),
        json!({ "x5c": ["AAAA"] }), json!({ "crit": ["exp"] }),
    ] {
        let mut head = json!({ "typ": "JWT", "alg": "EdDSA" });
        head.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        assert!(refused(&world, &forged(&world, &head, &claims)), "{extra}");
    }
}

#[tokio::test]
async fn n_009_a_token_holds_no_more_than_was_asked_for_and_is_allowed() {
    let world = World::new().await;
    let project = world.project("a", false).await;
    let guest = world.member("guest", &project, Role::Guest).await;
    for (scope, expected) in [
        ("repository:a/b:pull,push,delete", 1), ("repository:*:*", 0), ("registry:catalog:*", 1), ("repository:a:pull", 0),
        ("repository:missing/b:pull", 0), ("repository:a/b:fly", 0), ("repository:a/b:push", 0),
    ] {
        let token = token(&world, &guest, scope).await;
        let ceiling = authenticate_token(&world.ctx, &token, Client::default()).unwrap().ceiling.unwrap();
        assert_eq!(ceiling.len(), expected, "{scope}");
        assert!(ceiling.iter().all(|c| c.access == Access::PULL), "{scope}");
    }
    let many = "repository:a/b:pull ".repeat(200);
    assert!(parse_scopes([many.as_str()].into_iter()).is_err());
    assert!(parse_scopes(["nonsense"].into_iter()).is_err());
}

#[tokio::test]
async fn n_010_a_token_lives_as_long_as_it_says() {
    let world = World::new().await;
    let scopes = parse_scopes(["repository:a/b:pull"].into_iter()).unwrap();
    let issued = issue(&world.ctx, &world.admin, &scopes).await.unwrap();
    assert!(issued.expires_in >= 60);
    world.pass(issued.expires_in * 1000);
    assert!(!refused(&world, &issued.token), "clocks may differ a little");
    world.pass(31_000);
    assert!(refused(&world, &issued.token));
}

#[tokio::test]
async fn n_153_guessing_gets_slower_for_the_guesser_only() {
    let world = World::new().await;
    let from = |address: &str| Client { address: address.into(), ..Client::default() };
    let wrong = crate::secrets::PlainSecret::new("wrong".into());
    let right = crate::secrets::PlainSecret::new(crate::testing::PASSWORD.into());
    let mut slowed = false;
    for _ in 0..8 {
        slowed |= matches!(authenticate(&world.ctx, "admin", &wrong, from("203.0.113.5")).await, Err(crate::Error::TooMany { .. }));
    }
    assert!(slowed);
    assert!(authenticate(&world.ctx, "admin", &right, from("198.51.100.9")).await.is_ok(), "its owner elsewhere signs in");
}

#[tokio::test]
async fn n_159_a_crowd_of_robots_never_waits_for_a_password_hash() {
    let world = World::new().await;
    let robot = model::robot::NewRobot {
        name: "busy".into(), project: None, description: String::new(), days: 30, disabled: false,
        grants: vec![model::robot::Grant::new(model::robot::Scope::AllProjects, vec![model::Action::RepositoryPull])],
    };
    let made = crate::robots::create(&world.ctx, &world.admin, robot, None).await.unwrap();
    let name = format!("{}busy", model::robot::PREFIX);
    let from = || Client { address: "203.0.113.5".into(), ..Client::default() };
    let ask = async |secret: &crate::secrets::PlainSecret| authenticate(&world.ctx, &name, secret, from()).await;
    // Of users with as many passwords, all but the first 64 would be told to come back.
    let answers = futures_util::future::join_all((0..500).map(|_| ask(&made.secret))).await;
    assert!(answers.iter().all(Result::is_ok));
    // Guesses of secrets are slowed as those of passwords.
    let wrong = crate::secrets::PlainSecret::new("0".repeat(64));
    let answers = futures_util::future::join_all((0..8).map(|_| ask(&wrong))).await;
    assert!(answers.iter().all(Result::is_err));
    assert!(matches!(ask(&wrong).await, Err(crate::Error::TooMany { .. })));
}

#[tokio::test]
async fn n_160_tokens_are_shared_fairly() {
    let world = World::new().await;
    let (greedy, modest) = (world.user("greedy").await, world.user("modest").await);
    let ask = async |who: &Principal| issue(&world.ctx, who, &[]).await;
    let told = |answer: crate::Result<_>| matches!(answer, Err(crate::Error::TooMany { what: "tokens in a second", seconds: 1 }));
    let mut refused = 0;
    for _ in 0..1000 {
        refused += i64::from(told(ask(&greedy).await));
    }
    assert_eq!(refused, 1000 - super::share::TOKENS);
    assert!(ask(&modest).await.is_ok(), "nobody else waits");
    world.pass(500);
    let mut given = 0;
    while ask(&greedy).await.is_ok() {
        given += 1;
    }
    assert_eq!(given, super::share::TOKENS / 2);
    // A clock that is set back keeps nobody waiting.
    world.pass(-3_600_000);
    assert!(ask(&greedy).await.is_ok());
    // Nobody in particular may be many.
    for _ in 0..2 * super::share::TOKENS {
        ask(&world.nobody()).await.unwrap();
    }
}

#[tokio::test]
async fn s_10_a_guess_that_nobody_checked_counts_nothing() {
    let world = World::new().await;
    let secret = |text: &str| crate::secrets::PlainSecret::new(text.into());
    let ask = async |secret: &crate::secrets::PlainSecret, n: usize| {
        authenticate(&world.ctx, "admin", secret, Client { address: format!("203.0.113.{n}"), ..Client::default() }).await
    };
    let crowd = world.ctx.local.passwords.crowd().await;
    for n in 0..100 {
        // More than are free to one pair, and to the account from everywhere.
        for _ in 0..2 {
            let told = ask(&secret("wrong"), n % 10).await;
            assert!(matches!(told, Err(crate::Error::TooMany { what: "attempts", seconds: 2 })), "{told:?}");
        }
    }
    drop(crowd);
    assert!(knocking(&world.ctx, &world.admin).await.unwrap().is_empty(), "nobody guessed");
    assert!(ask(&secret(crate::testing::PASSWORD), 0).await.is_ok(), "from where they were turned away");
    assert!(ask(&secret(crate::testing::PASSWORD), 200).await.is_ok(), "and from elsewhere");
}

#[tokio::test]
async fn s_06_robots_of_a_persons_projects_take_that_persons_share() {
    let world = World::new().await;
    let ada = world.user("ada").await;
    for (project, owner) in [("hers", &ada), ("hers-too", &ada), ("company", &world.admin), ("company-too", &world.admin)] {
        crate::projects::create(&world.ctx, owner, project, false, false).await.unwrap();
    }
    let holders = async |project: &str| {
        let scope = model::robot::Scope::Project(project.parse().unwrap());
        let robot = model::robot::NewRobot {
            name: "ci".into(), project: Some(project.parse().unwrap()), description: String::new(), days: 30, disabled: false,
            grants: vec![model::robot::Grant::new(scope, vec![model::Action::RepositoryPull])],
        };
        let made = crate::robots::create(&world.ctx, &world.admin, robot, None).await.unwrap();
        let by_secret = authenticate(&world.ctx, &made.robot.full_name, &made.secret, Client::default()).await.unwrap();
        let token = issue(&world.ctx, &by_secret, &[]).await.unwrap().token;
        let by_token = authenticate_token(&world.ctx, &token, Client::default()).unwrap();
        assert_eq!(by_secret.holder(), by_token.holder());
        by_token.holder()
    };
    assert_eq!(holders("hers").await, ada.holder());
    assert_eq!(holders("hers-too").await, ada.holder());
    let company = holders("company").await;
    assert_eq!(company, "robots of company");
    assert_ne!(holders("company-too").await, company);
}
