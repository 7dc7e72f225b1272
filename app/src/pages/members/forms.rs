//! Adding and removing members, and changing their roles.

use crate::answer::act;
use crate::{Answer, UiError, paths};
use model::{MemberId, ProjectName, Role};

fn role(id: i64) -> Result<Role, UiError> {
    Role::from_id(id).ok_or_else(|| UiError::at("role", "must be one of the five roles"))
}

act! {
    "/fn/member/create" Create { project: ProjectName, user: String, role: i64 }
    |form, call| {
        let member = domain::members::create(&call.ctx, &call.who, &form.project, form.user.trim(), role(form.role)?).await?;
        Ok(Answer::done(paths::members(&form.project), format!("{} is a member now.", member.user_name)))
    }
}

act! {
    "/fn/member/update" Update { project: ProjectName, id: MemberId, role: i64 }
    |form, call| {
        domain::members::update(&call.ctx, &call.who, &form.project, form.id, role(form.role)?).await?;
        Ok(Answer::done(paths::members(&form.project), "The role was changed."))
    }
}

act! {
    "/fn/member/delete" Delete { project: ProjectName, id: MemberId }
    |form, call| {
        domain::members::delete(&call.ctx, &call.who, &form.project, form.id).await?;
        Ok(Answer::done(paths::members(&form.project), "The member was removed."))
    }
}
