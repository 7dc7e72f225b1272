//! Members of a project.

mod sql;

use crate::access;
use crate::ctx::Ctx;
use crate::events::Event;
use crate::error::{Error, Result};
use crate::identity::Principal;
use model::list::Query;
use model::project::Member;
use model::{Action, MemberId, Page, ProjectName, Role};

pub(crate) use sql::add;

/// The members.
pub async fn list(ctx: &Ctx, who: &Principal, project: &ProjectName, query: &Query) -> Result<Page<Member>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::MemberList).await?;
    sql::list(&mut proof, query).await
}

/// How many members have which role, for who may list them.
pub async fn roles(ctx: &Ctx, who: &Principal, project: &ProjectName) -> Result<Vec<(Role, i64)>> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::MemberList).await?;
    sql::roles(&mut proof).await
}

/// One member.
pub async fn get(ctx: &Ctx, who: &Principal, project: &ProjectName, id: MemberId) -> Result<Member> {
    let mut c = ctx.db.read().await?;
    let mut proof = access::project(&mut c, ctx.now(), who, project, Action::MemberRead).await?;
    sql::get(&mut proof, id).await?.ok_or_else(|| Error::not_found("member", id))
}

/// Makes a user a member, by name.
pub async fn create(ctx: &Ctx, who: &Principal, project: &ProjectName, user: &str, role: Role) -> Result<Member> {
    let (now, caller, project, user) = (ctx.now(), who.clone(), project.clone(), user.to_owned());
    let event = Event::MemberAdded { project: project.to_string(), user: user.clone(), role: role.label() };
    ctx.change(who, event, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::MemberCreate).await?;
        let unknown = || Error::invalid("user", format!("is unknown: there is no user named {user}"));
        let user_id = sql::user_id(proof.conn(), &user).await?.ok_or_else(unknown)?;
        let id = proof.project.id;
        let member = sql::add(proof.conn(), now, id, user_id, role)
            .await?
            .ok_or_else(|| Error::conflict("user", format!("is a member already: {user}")))?;
        sql::get(&mut proof, member).await?.ok_or_else(|| Error::not_found("member", member))
    })
    .await
}

/// Gives a member another role.
pub async fn update(ctx: &Ctx, who: &Principal, project: &ProjectName, id: MemberId, role: Role) -> Result<()> {
    let (now, caller, project) = (ctx.now(), who.clone(), project.clone());
    let event = Event::MemberChanged { project: project.to_string(), member: id.0, role: role.label() };
    ctx.change(who, event, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::MemberUpdate).await?;
        let member = sql::get(&mut proof, id).await?.ok_or_else(|| Error::not_found("member", id))?;
        if member.role == Role::ProjectAdmin && role != Role::ProjectAdmin {
            sql::keep_an_admin(&mut proof, id).await?;
        }
        sql::set_role(&mut proof, id, role).await
    })
    .await
}

/// Removes a member.
pub async fn delete(ctx: &Ctx, who: &Principal, project: &ProjectName, id: MemberId) -> Result<()> {
    let (now, caller, project) = (ctx.now(), who.clone(), project.clone());
    ctx.change(who, Event::MemberRemoved { project: project.to_string(), member: id.0 }, async move |c| {
        let mut proof = access::project(c, now, &caller, &project, Action::MemberDelete).await?;
        let member = sql::get(&mut proof, id).await?.ok_or_else(|| Error::not_found("member", id))?;
        if member.role == Role::ProjectAdmin {
            sql::keep_an_admin(&mut proof, id).await?;
        }
        sql::delete(&mut proof, id).await
    })
    .await
}
