//! Saying how much a project may hold.

use crate::answer::act;
use crate::{Answer, UiError, paths};
use model::{ProjectName, quota};

/// As a person writes it.
pub fn limit(field: &'static str, text: &str) -> Result<Option<i64>, UiError> {
    quota::parse(text).map_err(|message| UiError::at(field, message))
}

act! {
    "/fn/quota/set" Set { project: ProjectName, limit: String }
    |form, call| {
        let limit = limit("limit", &form.limit)?;
        let id = domain::projects::frame(&call.ctx, &call.who, &form.project).await?.project.id;
        domain::quotas::set(&call.ctx, &call.who, id, limit).await?;
        Ok(Answer::done(paths::project_storage(&form.project), "The limit was saved."))
    }
}
