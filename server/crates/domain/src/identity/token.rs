//! Registry tokens: Ed25519 JWTs (RFC 8037) of some minutes (`token_expiration`), as the distribution project's "Docker Registry v2
//! authentication" asks for.
//!
//! A token's scope is a ceiling. What the holder may do is looked up at each request: rights, disablement, expiry and
//! `credentials_version` are live. Projects are named in it by id, so that a token does not open a later project of the
//! same name. Keys come from the master key only; nothing in a token names one.

use super::{Ceiling, Client, Principal, Via, Who};
use crate::access;
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, EncodingKey, Header, Validation};
use model::{Action, ProjectId, RobotId, UserId};
use quick_cache::sync::Cache;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

/// Longest lifetime of a token, in seconds, whatever is set.
const LONGEST: i64 = 3600;
/// Clocks may differ by this much, in seconds.
const LEEWAY: i64 = 30;
const ISSUER: &str = "wharf";
/// The `service` of the challenge; Harbor's, because its clients compare it.
pub const SERVICE: &str = "harbor-registry";
/// Most scopes one request may ask for.
const SCOPES: usize = 64;

/// What a registry scope can hold: pull, push and delete.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Access {
    pub pull: bool,
    pub push: bool,
    pub delete: bool,
}

impl Access {
    pub const PULL: Access = Access { pull: true, push: false, delete: false };
    pub const PUSH: Access = Access { pull: false, push: true, delete: false };
    pub const DELETE: Access = Access { pull: false, push: false, delete: true };

    /// Is all of `other` in it?
    pub fn contains(self, other: Access) -> bool {
        (self.pull || !other.pull) && (self.push || !other.push) && (self.delete || !other.delete)
    }

    pub fn is_empty(self) -> bool {
        self == Access::default()
    }

    fn and(self, other: Access) -> Access {
        Access {
            pull: self.pull && other.pull,
            push: self.push && other.push,
            delete: self.delete && other.delete,
        }
    }

    fn words(self) -> Vec<String> {
        [(self.pull, "pull"), (self.push, "push"), (self.delete, "delete")]
            .into_iter()
            .filter(|(yes, _)| *yes)
            .map(|(_, word)| word.to_owned())
            .collect()
    }

    /// From a scope's actions. `*` is all; unknown words are nothing.
    fn parse(actions: &str) -> Access {
        let mut access = Access::default();
        for word in actions.split(',') {
            match word {
                "pull" => access.pull = true,
                "push" => access.push = true,
                "delete" => access.delete = true,
                "*" => access = Access { pull: true, push: true, delete: true },
                _ => {}
            }
        }
        access
    }
}

/// One scope a client asks for: `repository:project/name:pull,push`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Scope {
    /// As it was asked for.
    pub name: String,
    pub kind: String,
    pub access: Access,
}

/// Reads the `scope` parameters: repeated, or several in one, separated by spaces.
pub fn parse_scopes<'a>(values: impl Iterator<Item = &'a str>) -> Result<Vec<Scope>> {
    let mut scopes = Vec::new();
    for text in values.flat_map(str::split_whitespace) {
        if scopes.len() == SCOPES {
            return Err(Error::invalid("scope", format!("must be at most {SCOPES} scopes")));
        }
        let malformed = || Error::invalid("scope", "must read type:name:actions");
        // A name may hold “:” (a host with a port); the type and the actions may not.
        let (kind, rest) = text.split_once(':').ok_or_else(malformed)?;
        let (name, actions) = rest.rsplit_once(':').ok_or_else(malformed)?;
        let kind = kind.split_once('(').map_or(kind, |(kind, _)| kind);
        scopes.push(Scope { name: name.to_owned(), kind: kind.to_owned(), access: Access::parse(actions) });
    }
    Ok(scopes)
}

/// Most tokens whose signature is remembered.
const TOKENS: usize = 4096;
/// Longest token that is remembered, in bytes.
const REMEMBERED: usize = 2048;

#[derive(Serialize, Deserialize)]
struct Claims {
    iss: String,
    aud: String,
    sub: String,
    exp: i64,
    nbf: i64,
    iat: i64,
    jti: String,
    /// The form that clients read.
    access: Vec<Entry>,
    /// Whose it is: `anonymous`, `user:7`, `robot:7`.
    who: String,
    /// The account's `credentials_version`.
    cv: i64,
    /// Who made a robot account's project.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    own: Option<i64>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    #[serde(rename = "type")]
    kind: String,
    name: String,
    actions: Vec<String>,
    /// The project's id.
    pid: i64,
}

/// The only header we write and the only one we read: a token cannot name a key, a URL or a critical extension.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    typ: String,
    alg: String,
}

/// A token on its way to a client.
pub struct IssuedToken {
    pub token: String,
    /// Seconds.
    pub expires_in: i64,
    pub issued_at: model::Stamp,
}

fn key_pair(ctx: &Ctx) -> Result<Ed25519KeyPair> {
    Ed25519KeyPair::from_seed_unchecked(&*ctx.keys.derive(b"wharf registry tokens v1"))
        .map_err(|_| Error::Internal("the token key is unusable".to_owned()))
}

/// Makes a token for the caller: of each scope only what was asked for and what they may do now.
/// Unknown types and projects give nothing, which is not an error. Who asks again and again is told to wait.
pub async fn issue(ctx: &Ctx, who: &Principal, scopes: &[Scope]) -> Result<IssuedToken> {
    ctx.local.shares.take(ctx.now(), who)?;
    let mut entries = Vec::new();
    let mut c = ctx.db.read().await?;
    if scopes.iter().any(|scope| scope.kind == "registry" && scope.name == "catalog" && scope.access.pull) {
        entries.push(Entry { kind: "registry".into(), name: "catalog".into(), actions: vec!["*".into()], pid: 0 });
    }
    for scope in scopes.iter().filter(|scope| scope.kind == "repository") {
        let Ok((project, repository)) = model::name::split_full(&scope.name) else { continue };
        let Some((id, rights)) = access::rights_in(&mut c, ctx.now(), who, &project).await? else { continue };
        let may = Access {
            pull: rights.has(Action::RepositoryPull),
            push: rights.has(Action::RepositoryPush),
            delete: rights.has(Action::ArtifactDelete)
                || rights.has(Action::TagDelete)
                || rights.has(Action::AccessoryDelete),
        };
        let granted = scope.access.and(may);
        if !granted.is_empty() {
            entries.push(Entry {
                kind: "repository".into(),
                name: format!("{project}/{repository}"),
                actions: granted.words(),
                pid: id.0,
            });
        }
    }
    let now = ctx.now();
    let (seconds, lifetime) = (now.0 / 1000, ctx.configuration().token_expiration * 60);
    let claims = Claims {
        iss: ISSUER.into(),
        aud: SERVICE.into(),
        sub: who.name(),
        exp: seconds + lifetime,
        nbf: seconds,
        iat: seconds,
        jti: ctx.random.id(),
        access: entries,
        who: who.key(),
        cv: who.credentials_version,
        own: if let Who::Robot { owner: Some(owner), .. } = who.who { Some(owner.0) } else { None },
    };
    let der = key_pair(ctx)?.to_pkcs8v1().map_err(|_| Error::Internal("the token key is unusable".to_owned()))?;
    let token = jsonwebtoken::encode(&Header::new(Algorithm::EdDSA), &claims, &EncodingKey::from_ed_der(der.as_ref()))
        .map_err(|error| Error::Internal(format!("a token could not be signed: {error}")))?;
    Ok(IssuedToken { token, expires_in: lifetime, issued_at: now })
}

/// Who holds this token? Anything that is not exactly ours and in time is `Unauthenticated`.
pub fn authenticate_token(ctx: &Ctx, token: &str, client: Client) -> Result<Principal> {
    let refused = || Error::Unauthenticated;
    if token.len() > 16 * 1024 {
        return Err(refused());
    }
    let claims = match ctx.local.tokens.0.get(token) {
        Some(claims) => claims,
        None => {
            let claims = Arc::new(verified(ctx, token)?);
            // Those with very many scopes are checked each time: memory is for what clients really send.
            if token.len() <= REMEMBERED {
                ctx.local.tokens.0.insert(token.to_owned(), claims.clone());
            }
            claims
        }
    };
    let now = ctx.now().0 / 1000;
    let in_time = claims.nbf <= now + LEEWAY
        && claims.iat <= now + LEEWAY
        && now < claims.exp.saturating_add(LEEWAY)
        && claims.exp.saturating_sub(claims.iat) <= LONGEST;
    if !in_time {
        return Err(refused());
    }
    let name = claims.sub.clone();
    let who = match claims.who.split_once(':') {
        None if claims.who == "anonymous" => Who::Anonymous,
        Some(("user", id)) => Who::User { id: UserId(id.parse().map_err(|_| refused())?), name },
        Some(("robot", id)) => Who::Robot { id: RobotId(id.parse().map_err(|_| refused())?), name, owner: claims.own.map(UserId) },
        _ => return Err(refused()),
    };
    let mut ceiling = Vec::new();
    for entry in &claims.access {
        if entry.kind == "registry" {
            ceiling.push(Ceiling { project: ProjectId(0), repository: entry.name.clone(), access: Access::PULL });
            continue;
        }
        let (_, repository) = model::name::split_full(&entry.name).map_err(|_| refused())?;
        ceiling.push(Ceiling {
            project: ProjectId(entry.pid),
            repository: repository.as_str().to_owned(),
            access: Access::parse(&entry.actions.join(",")),
        });
    }
    Ok(Principal { who, via: Via::Token, client, credentials_version: claims.cv, ceiling: Some(ceiling) })
}

/// Tokens that were found to be ours; whether they are in time and whose account still stands is judged each time.
pub struct Tokens(Cache<String, Arc<Claims>>);

impl Default for Tokens {
    fn default() -> Self {
        Tokens(Cache::new(TOKENS))
    }
}

/// Checks form and signature.
fn verified(ctx: &Ctx, token: &str) -> Result<Claims> {
    let refused = || Error::Unauthenticated;
    let head = token.split('.').next().unwrap_or_default();
    let head: Head = URL_SAFE_NO_PAD
        .decode(head)
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .ok_or_else(refused)?;
    if head.alg != "EdDSA" || head.typ != "JWT" {
        return Err(refused());
    }
    let mut validation = Validation::new(Algorithm::EdDSA);
    validation.set_audience(&[SERVICE]);
    validation.set_issuer(&[ISSUER]);
    validation.set_required_spec_claims(&["exp", "nbf", "aud", "iss", "sub"]);
    // Times are checked by the caller, by our clock and as integers: the claims' types are the schema.
    validation.validate_exp = false;
    validation.validate_nbf = false;
    let public = key_pair(ctx)?;
    let key = DecodingKey::from_ed_der(public.public_key().as_ref());
    Ok(jsonwebtoken::decode::<Claims>(token, &key, &validation).map_err(|_| refused())?.claims)
}
