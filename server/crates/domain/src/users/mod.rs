//! Users: administrators make them, people change themselves.

mod sql;
pub(crate) use sql::named_like;
#[cfg(test)]
mod tests;

use crate::access;
use crate::ctx::Ctx;
use crate::events::Event;
use crate::error::{Error, Result};
use crate::identity::{Principal, Via, Who, check_new_password};
use crate::secrets::PlainSecret;
use model::list::Query;
use model::user::{NewUser, User};
use model::{Page, Problems, UserId, UserName};

pub(crate) use sql::Credentials;

/// The first administrator's name.
pub const FIRST_ADMIN: &str = "admin";

fn last_admin() -> Error {
    Error::conflict("the account", "is the last system administrator who can sign in: make another one first")
}

/// Makes a user. For system administrators.
pub async fn create(ctx: &Ctx, who: &Principal, input: NewUser, password: PlainSecret) -> Result<User> {
    // Cheap refusals before the expensive hash.
    access::system(&mut *ctx.db.read().await?, ctx.now(), who).await?;
    let mut problems = input.check().err().unwrap_or_default();
    if let Err(message) = check_new_password(&password, &[&input.name, &input.email, &input.full_name]) {
        problems.add("password", message);
    }
    problems.check()?;
    let name: UserName = input.check()?;
    let hash = ctx.local.passwords.hash(&password).await?;
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::UserCreated { name: name.to_string() }, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        let prefix = crate::configuration::prefix(proof.conn()).await?;
        if name.as_str().to_lowercase().starts_with(&prefix.to_lowercase()) {
            return Err(Error::invalid("name", format!("must not begin with {prefix}, as robot accounts' names do")));
        }
        let id = sql::insert(proof.conn(), now, &name, &input, &hash, false).await?;
        let taken = || Error::conflict("name", format!("is taken: a user named {name} exists"));
        sql::get(proof.conn(), id.ok_or_else(taken)?).await?.ok_or_else(|| Error::not_found("user", &name))
    })
    .await
}

/// Makes the first administrator, if there is no user at all. Says whether it did.
pub async fn create_first_admin(ctx: &Ctx, password: PlainSecret) -> Result<bool> {
    if sql::any(&mut *ctx.db.read().await?).await? {
        return Ok(false);
    }
    let hash = ctx.local.passwords.hash(&password).await?;
    let now = ctx.now();
    ctx.change(&Principal::system(), Event::UserCreated { name: FIRST_ADMIN.to_owned() }, async move |c| {
        if sql::any(c).await? {
            return Ok(false);
        }
        let name: UserName = FIRST_ADMIN.parse().expect("a valid name");
        let input = NewUser {
            name: FIRST_ADMIN.into(),
            email: "admin@localhost.localdomain".into(),
            full_name: "Administrator".into(),
            comment: String::new(),
        };
        Ok(sql::insert(c, now, &name, &input, &hash, true).await?.is_some())
    })
    .await
}

/// Is there any user? Before the first there is none.
pub async fn any(ctx: &Ctx) -> Result<bool> {
    sql::any(&mut *ctx.db.read().await?).await
}

/// The users, for system administrators.
pub async fn list(ctx: &Ctx, who: &Principal, query: &Query) -> Result<Page<User>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    sql::list(proof.conn(), query).await
}

/// Names that start with `text`, at most ten, for choosing a member: for whoever may add one somewhere.
pub async fn search(ctx: &Ctx, who: &Principal, text: &str, most: i64) -> Result<Vec<(UserId, String, String)>> {
    let Who::User { id, .. } = &who.who else {
        return Err(if who.is_anonymous() {
            Error::Unauthenticated
        } else {
            Error::Forbidden { action: None, reason: "robot accounts do not look users up".to_owned() }
        });
    };
    let mut c = ctx.db.read().await?;
    let standing = access::standing(&mut c, ctx.now(), who).await?;
    if !standing.admin && !sql::administers_a_project(&mut c, *id).await? {
        return Err(Error::Forbidden { action: None, reason: "only who may add members looks users up".to_owned() });
    }
    if text.is_empty() {
        return Ok(Vec::new());
    }
    let found = sql::search(&mut c, text, most).await?;
    // Anybody can make a project, and would read the directory letter by letter: who begins to type a name gets who has it.
    let enough = standing.admin || text.chars().count() >= LETTERS;
    Ok(found.into_iter().filter(|(_, name, _)| enough || name.eq_ignore_ascii_case(text)).collect())
}

/// Letters from which on those who administer no system are told whose name begins with them.
const LETTERS: usize = 3;

/// The name of the user with this id, for whoever may add members somewhere: of those that they are in a project with, or, as an
/// administrator, of all. Ids are numbers in order, and would be counted through.
pub async fn name_of(ctx: &Ctx, who: &Principal, id: UserId) -> Result<String> {
    search(ctx, who, "", 1).await?;
    let mut c = ctx.db.read().await?;
    let known = match who.who {
        Who::User { id: own, .. } => own == id || access::standing(&mut c, ctx.now(), who).await?.admin || sql::share_a_project(&mut c, own, id).await?,
        _ => false,
    };
    let user = if known { sql::get(&mut c, id).await? } else { None };
    user.map(|user| user.name).ok_or_else(|| Error::invalid("member_user", "name the user: an id is only known of whom you are in a project with"))
}

/// One user: themselves, or any for system administrators.
pub async fn get(ctx: &Ctx, who: &Principal, id: UserId) -> Result<User> {
    let mut c = ctx.db.read().await?;
    if !is_self(who, id) {
        access::system(&mut c, ctx.now(), who).await?;
    } else {
        access::standing(&mut c, ctx.now(), who).await?;
    }
    sql::get(&mut c, id).await?.ok_or_else(|| Error::not_found("user", id))
}

/// One user, for system administrators only.
pub async fn get_as_admin(ctx: &Ctx, who: &Principal, id: UserId) -> Result<User> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::system(&mut c, ctx.now(), who).await?;
    sql::get(proof.conn(), id).await?.ok_or_else(|| Error::not_found("user", id))
}

/// The caller.
pub async fn current(ctx: &Ctx, who: &Principal) -> Result<User> {
    match &who.who {
        Who::User { id, .. } => get(ctx, who, *id).await,
        Who::Robot { .. } => Err(Error::Precondition("a robot account is not a user".to_owned())),
        Who::Anonymous | Who::System => Err(Error::Unauthenticated),
    }
}

fn is_self(who: &Principal, id: UserId) -> bool {
    matches!(&who.who, Who::User { id: own, .. } if *own == id)
}

/// Changes email, full name and comment: one's own, or anybody's for system administrators.
pub async fn update(
    ctx: &Ctx,
    who: &Principal,
    id: UserId,
    email: String,
    full_name: String,
    comment: String,
) -> Result<User> {
    let mut problems = Problems::new();
    model::user::check_profile(&mut problems, &email, &full_name, &comment);
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::UserChanged { user: id.0 }, async move |c| {
        if is_self(&caller, id) {
            access::standing(c, now, &caller).await?;
        } else {
            access::system(c, now, &caller).await?;
        }
        problems.clone().check()?;
        sql::update(c, now, id, &email, &full_name, &comment).await?;
        sql::get(c, id).await?.ok_or_else(|| Error::not_found("user", id))
    })
    .await
}

/// Sets a password. One's own needs the current one; system administrators set others' without. All other sessions and
/// tokens of the account end. Returns the account's new `credentials_version`.
pub async fn set_password(
    ctx: &Ctx,
    who: &Principal,
    id: UserId,
    current: Option<PlainSecret>,
    new: PlainSecret,
) -> Result<i64> {
    let own = is_self(who, id);
    let event = Event::PasswordSet { user: id.0 };
    let mut c = ctx.db.read().await?;
    if own {
        access::standing(&mut c, ctx.now(), who).await?;
    } else if let Err(error) = access::system(&mut c, ctx.now(), who).await {
        ctx.note_refusal(who, event);
        return Err(error);
    }
    let user = sql::get(&mut c, id).await?.ok_or_else(|| Error::not_found("user", id))?;
    let credentials = sql::credentials(&mut c, &user.name).await?.ok_or_else(|| Error::not_found("user", id))?;
    drop(c);
    if own {
        let current = current.unwrap_or_else(|| PlainSecret::new(String::new()));
        let guess = ctx.local.throttle.guess(ctx, user.name.as_str(), &who.client.address, true).await?;
        let (proof, hash) = ((id.0, credentials.credentials_version), Some(credentials.password_hash));
        let judged = ctx.local.passwords.verify(ctx.now(), &user.name, proof, hash, &current, guess.stranger.as_deref()).await;
        if !guess.judged(judged)? {
            ctx.note_refusal(who, event);
            return Err(Error::invalid("current", "is not your current password"));
        }
    }
    check_new_password(&new, &[&user.name, &user.email, &user.full_name])
        .map_err(|message| Error::invalid("password", message))?;
    let hash = ctx.local.passwords.hash(&new).await?;
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, event, async move |c| {
        if !own {
            access::system(c, now, &caller).await?;
        } else {
            access::standing(c, now, &caller).await?;
        }
        sql::set_password(c, now, id, &hash).await
    })
    .await
}

/// Sets a password from the command line, where the operator has the data directory's rights.
pub async fn reset_password(ctx: &Ctx, name: &str, new: PlainSecret) -> Result<()> {
    let credentials = credentials(ctx, name).await?.ok_or_else(|| Error::not_found("user", name))?;
    set_password(ctx, &Principal::system(), credentials.id, None, new).await?;
    set_disabled(ctx, &Principal::system(), credentials.id, false).await
}

/// Makes a user a system administrator, or no longer one.
pub async fn set_admin(ctx: &Ctx, who: &Principal, id: UserId, admin: bool) -> Result<()> {
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::AdministratorSet { user: id.0, admin }, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        let c = proof.conn();
        let user = sql::get(c, id).await?.ok_or_else(|| Error::not_found("user", id))?;
        if user.admin && !admin && sql::other_admins(c, id).await? == 0 {
            return Err(last_admin());
        }
        sql::set_admin(c, now, id, admin).await
    })
    .await
}

/// Disables an account, which ends its sessions and tokens at once, or enables it again.
pub async fn set_disabled(ctx: &Ctx, who: &Principal, id: UserId, disabled: bool) -> Result<()> {
    let (now, caller) = (ctx.now(), who.clone());
    let event = if disabled { Event::UserDisabled { user: id.0 } } else { Event::UserEnabled { user: id.0 } };
    ctx.change(who, event, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        let c = proof.conn();
        let user = sql::get(c, id).await?.ok_or_else(|| Error::not_found("user", id))?;
        if user.disabled == disabled {
            return Ok(());
        }
        if user.admin && disabled && sql::other_admins(c, id).await? == 0 {
            return Err(last_admin());
        }
        sql::set_disabled(c, now, id, disabled).await
    })
    .await
}

/// Deletes a user: memberships, sessions and tokens go with them; what they pushed and the audit log stay.
pub async fn delete(ctx: &Ctx, who: &Principal, id: UserId) -> Result<()> {
    let (now, caller) = (ctx.now(), who.clone());
    ctx.change(who, Event::UserDeleted { user: id.0 }, async move |c| {
        let mut proof = access::system(c, now, &caller).await?;
        let c = proof.conn();
        let user = sql::get(c, id).await?.ok_or_else(|| Error::not_found("user", id))?;
        if user.admin && sql::other_admins(c, id).await? == 0 {
            return Err(last_admin());
        }
        if is_self(&caller, id) {
            return Err(Error::conflict("user", "is the account you are signed in with: another administrator can delete it"));
        }
        sql::delete(c, now, id).await
    })
    .await
}

/// What is needed to check a password; `None` for an unknown name.
pub(crate) async fn credentials(ctx: &Ctx, name: &str) -> Result<Option<Credentials>> {
    let Ok(name) = name.parse::<UserName>() else { return Ok(None) };
    sql::credentials(&mut *ctx.db.read().await?, name.as_str()).await
}

/// Signs in with name and password, for the portal: as Basic, but never a robot account.
pub async fn sign_in(
    ctx: &Ctx,
    name: &str,
    password: &PlainSecret,
    client: crate::identity::Client,
) -> Result<Principal> {
    if name.starts_with(ctx.configuration().robot_name_prefix.as_str()) {
        return Err(Error::Unauthenticated);
    }
    let done = crate::identity::authenticate(ctx, name, password, client).await;
    if let Ok(who) = &done {
        ctx.change(who, Event::SignedIn { name: name.to_owned() }, async |_| Ok(())).await?;
    }
    done.map(|who| Principal { via: Via::Session, ..who })
}
