//! Members of a project.

use crate::call::{Call, Json, created, done, id, ok};
use crate::errors::{Answer, ApiError};
use crate::list::{self, Asks, page};
use axum::extract::Path;
use domain::{members, users};
use model::project::Member;
use model::{MemberId, Role, UserId};
use serde::Deserialize;
use serde_json::{Value, json};

fn show(member: Member) -> Value {
    json!({
        "id": member.id, "project_id": member.project_id, "entity_name": member.user_name, "entity_id": member.user_id,
        "entity_type": "u", "role_id": member.role.id(), "role_name": member.role.harbor_name(),
    })
}

#[derive(Deserialize, Default)]
pub struct Entity {
    #[serde(default)]
    username: String,
    #[serde(default)]
    user_id: i64,
    #[serde(default)]
    group_name: String,
    #[serde(default)]
    id: i64,
}

#[derive(Deserialize)]
pub struct New {
    #[serde(default)]
    role_id: i64,
    #[serde(default)]
    member_user: Option<Entity>,
    #[serde(default)]
    member_group: Option<Entity>,
}

fn role(id: i64) -> Result<Role, ApiError> {
    Role::from_id(id).ok_or_else(|| ApiError::bad("role_id must be 1 to 5"))
}

pub async fn list(call: Call, Path(project): Path<String>) -> Answer {
    let name = call.project(&project).await?;
    let (query, _) = list::query(&call, &Asks { sorts: &[], name: "entityname", keys: &[] })?;
    page(&call, members::list(&call.ctx, &call.who, &name, &query).await?, show)
}

pub async fn create(call: Call, Path(project): Path<String>, Json(new): Json<New>) -> Answer {
    let name = call.project(&project).await?;
    // `{}` is absent.
    if new.member_group.is_some_and(|group| group.id != 0 || !group.group_name.is_empty()) {
        return Err(ApiError::bad("member_group: this server has no groups"));
    }
    let user = new.member_user.unwrap_or_default();
    let user = match (user.username.is_empty(), user.user_id) {
        (true, id) if id != 0 => users::name_of(&call.ctx, &call.who, UserId(id)).await?,
        // A missing name is an unknown user, for who may add one.
        _ => user.username,
    };
    let member = members::create(&call.ctx, &call.who, &name, &user, role(new.role_id)?).await?;
    created(format!("/api/v2.0/projects/{project}/members/{}", member.id), None)
}

pub async fn get(call: Call, Path((project, member)): Path<(String, String)>) -> Answer {
    let name = call.project(&project).await?;
    ok(show(members::get(&call.ctx, &call.who, &name, MemberId(id(&member)?)).await?))
}

#[derive(Deserialize)]
pub struct Change {
    role_id: i64,
}

pub async fn update(call: Call, Path((project, member)): Path<(String, String)>, Json(change): Json<Change>) -> Answer {
    let name = call.project(&project).await?;
    members::update(&call.ctx, &call.who, &name, MemberId(id(&member)?), role(change.role_id)?).await?;
    done()
}

pub async fn delete(call: Call, Path((project, member)): Path<(String, String)>) -> Answer {
    let name = call.project(&project).await?;
    members::delete(&call.ctx, &call.who, &name, MemberId(id(&member)?)).await?;
    done()
}
