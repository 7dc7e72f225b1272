//! Labels: for all projects (`scope` g) and of one (`scope` p), and on artifacts.

use crate::answers::{Answer, Created, Done, Listed, Shown, Time};
use crate::call::{Call, Json, id};
use crate::errors::ApiError;
use crate::list::{self, As, Asks, TIMES, page};
use axum::extract::Path;
use domain::Owner;
use domain::labels;
use model::label::LabelInput;
use model::{LabelId, ProjectId, label};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

#[derive(Clone, Serialize, ToSchema)]
pub struct Label {
    id: i64,
    name: String,
    description: String,
    /// `#rrggbb`, or empty.
    color: String,
    /// `g`: for all projects; `p`: of one.
    scope: &'static str,
    /// 0 for one of all projects.
    project_id: i64,
    creation_time: Time,
    update_time: Time,
}

impl From<label::Label> for Label {
    fn from(label: label::Label) -> Label {
        Label {
            id: label.id.0, name: label.input.name, description: label.input.description, color: label.input.color,
            scope: if label.project_id.is_some() { "p" } else { "g" }, project_id: label.project_id.map_or(0, |id| id.0),
            creation_time: label.created_at.into(), update_time: label.updated_at.into(),
        }
    }
}

#[derive(Deserialize, ToSchema)]
#[schema(as = LabelReq)]
pub struct Input {
    #[serde(default)]
    name: String,
    #[serde(default)]
    description: String,
    #[serde(default)]
    color: String,
    #[serde(default)]
    scope: String,
    #[serde(default)]
    project_id: i64,
}

async fn owner(call: &Call, scope: &str, project: i64) -> Result<Owner, ApiError> {
    match scope {
        "g" => Ok(Owner::System),
        "p" if project > 0 => Ok(Owner::Project(domain::projects::name_of(&call.ctx, &call.who, ProjectId(project)).await?)),
        "p" => Err(ApiError::bad("project_id is required with the scope p")),
        _ => Err(ApiError::bad("scope must be g, for all projects, or p, with project_id")),
    }
}

pub async fn list(call: Call) -> Answer<Listed<Label>> {
    let project = match call.param("project_id") {
        None => 0,
        Some(text) => text.parse().map_err(|_| ApiError::bad("project_id must be a number"))?,
    };
    let owner = owner(&call, call.param("scope").unwrap_or_default(), project).await?;
    let sorts = &[("name", "name"), ("id", "id"), ("creation_time", "created"), ("update_time", "updated")];
    let columns = &[("id", "id", As::Number), TIMES[0], TIMES[1]];
    let (query, _) = list::query(&call, &Asks { sorts, name: "name", keys: &[], columns })?;
    page(&call, labels::list(&call.ctx, &call.who, &owner, &query).await?, Label::from)
}

pub async fn create(call: Call, Json(input): Json<Input>) -> Answer<Created> {
    call.signed_in()?;
    let owner = owner(&call, &input.scope, input.project_id).await?;
    let made = labels::create(&call.ctx, &call.who, &owner, LabelInput { name: input.name, description: input.description, color: input.color }).await?;
    Ok(Created(format!("/api/v2.0/labels/{made}")))
}

pub async fn get(call: Call, Path(label): Path<String>) -> Answer<Shown<Label>> {
    Ok(Shown(labels::get(&call.ctx, &call.who, LabelId(id(&label)?)).await?.0.into()))
}

pub async fn update(call: Call, Path(label): Path<String>, Json(input): Json<Input>) -> Answer<Done> {
    let input = LabelInput { name: input.name, description: input.description, color: input.color };
    labels::update(&call.ctx, &call.who, LabelId(id(&label)?), input).await?;
    Ok(Done)
}

pub async fn delete(call: Call, Path(label): Path<String>) -> Answer<Done> {
    labels::delete(&call.ctx, &call.who, LabelId(id(&label)?)).await?;
    Ok(Done)
}

/// Which label is put on.
#[derive(Deserialize, ToSchema)]
#[schema(as = LabelOfArtifact)]
pub struct Which {
    #[serde(default)]
    pub id: i64,
}
