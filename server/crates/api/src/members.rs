//! Members of a project.

use crate::answers::{Answer, Created, Done, Listed, Shown};
use crate::call::{Call, Json, id};
use crate::errors::ApiError;
use crate::list::{self, Asks, page};
use axum::extract::Path;
use domain::{members, users};
use model::{MemberId, Role, UserId, project};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Serialize, ToSchema)]
pub struct Member {
    id: i64,
    project_id: i64,
    entity_name: String,
    entity_id: i64,
    /// `u`: a user.
    entity_type: &'static str,
    /// 1 project administrator, 2 developer, 3 guest, 4 maintainer, 5 limited guest.
    role_id: i64,
    role_name: &'static str,
}

impl From<project::Member> for Member {
    fn from(member: project::Member) -> Member {
        Member {
            id: member.id.0, project_id: member.project_id.0, entity_name: member.user_name.to_string(), entity_id: member.user_id.0,
            entity_type: "u", role_id: member.role.id(), role_name: member.role.harbor_name(),
        }
    }
}

#[derive(Deserialize, Default, ToSchema)]
#[schema(as = MemberEntity)]
pub struct Entity {
    #[serde(default)]
    username: String,
    #[serde(default)]
    user_id: i64,
}

/// A group, which this server has none of.
#[derive(Deserialize, Default, PartialEq, ToSchema)]
#[schema(as = UserGroup)]
pub struct Group {
    #[serde(default)]
    id: i64,
    #[serde(default)]
    group_name: String,
    #[serde(default)]
    group_type: i64,
    #[serde(default)]
    ldap_group_dn: String,
}

#[derive(Deserialize, ToSchema)]
#[schema(as = NewMember)]
pub struct New {
    #[serde(default)]
    role_id: i64,
    #[serde(default)]
    member_user: Option<Entity>,
    #[serde(default)]
    member_group: Option<Group>,
}

fn role(id: i64) -> Result<Role, ApiError> {
    Role::from_id(id).ok_or_else(|| ApiError::bad("role_id must be 1 to 5"))
}

pub async fn list(call: Call, Path(project): Path<String>) -> Answer<Listed<Member>> {
    let name = call.project(&project).await?;
    let sorts = &[("id", "id"), ("creation_time", "created"), ("role_id", "role"), ("entity_name", "name")];
    let (query, _) = list::query(&call, &Asks { sorts, name: "entityname", keys: &[], columns: &[] })?;
    page(&call, members::list(&call.ctx, &call.who, &name, &query).await?, Member::from)
}

pub async fn create(call: Call, Path(project): Path<String>, Json(new): Json<New>) -> Answer<Created> {
    let name = call.project(&project).await?;
    // `{}` is absent.
    if new.member_group.is_some_and(|group| group != Group::default()) {
        return Err(ApiError::bad("member_group: this server has no groups"));
    }
    let user = new.member_user.unwrap_or_default();
    let user = match (user.username.is_empty(), user.user_id) {
        (true, 0) => return Err(ApiError::bad("member_user: username or user_id is required")),
        (true, id) => users::name_of(&call.ctx, &call.who, UserId(id)).await?,
        _ => user.username,
    };
    let member = members::create(&call.ctx, &call.who, &name, &user, role(new.role_id)?).await?;
    Ok(Created(format!("/api/v2.0/projects/{project}/members/{}", member.id)))
}

pub async fn get(call: Call, Path((project, member)): Path<(String, String)>) -> Answer<Shown<Member>> {
    let name = call.project(&project).await?;
    Ok(Shown(members::get(&call.ctx, &call.who, &name, MemberId(id(&member)?)).await?.into()))
}

#[derive(Deserialize, ToSchema)]
#[schema(as = MemberChange)]
pub struct Change {
    role_id: i64,
}

pub async fn update(call: Call, Path((project, member)): Path<(String, String)>, Json(change): Json<Change>) -> Answer<Done> {
    let name = call.project(&project).await?;
    members::update(&call.ctx, &call.who, &name, MemberId(id(&member)?), role(change.role_id)?).await?;
    Ok(Done)
}

pub async fn delete(call: Call, Path((project, member)): Path<(String, String)>) -> Answer<Done> {
    let name = call.project(&project).await?;
    members::delete(&call.ctx, &call.who, &name, MemberId(id(&member)?)).await?;
    Ok(Done)
}
