//! Adding and removing members, and changing their roles.

use crate::{Act, Answer, Call, UiError, paths};
use model::{MemberId, ProjectName, Role};
use serde::Deserialize;

fn role(id: i64) -> Result<Role, UiError> {
    Role::from_id(id).ok_or_else(|| UiError::at("role", "must be one of the five roles"))
}

#[derive(Deserialize)]
pub struct Create {
    project: ProjectName,
    user: String,
    role: i64,
}

impl Act for Create {
    const AT: &'static str = "/fn/member/create";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let member = domain::members::create(&call.ctx, &call.who, &self.project, self.user.trim(), role(self.role)?).await?;
        Ok(Answer::done(paths::members(&self.project), format!("{} is a member now.", member.user_name)))
    }
}

#[derive(Deserialize)]
pub struct Update {
    project: ProjectName,
    id: MemberId,
    role: i64,
}

impl Act for Update {
    const AT: &'static str = "/fn/member/update";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        domain::members::update(&call.ctx, &call.who, &self.project, self.id, role(self.role)?).await?;
        Ok(Answer::done(paths::members(&self.project), "The role was changed."))
    }
}

#[derive(Deserialize)]
pub struct Delete {
    project: ProjectName,
    id: MemberId,
}

impl Act for Delete {
    const AT: &'static str = "/fn/member/delete";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        domain::members::delete(&call.ctx, &call.who, &self.project, self.id).await?;
        Ok(Answer::done(paths::members(&self.project), "The member was removed."))
    }
}
