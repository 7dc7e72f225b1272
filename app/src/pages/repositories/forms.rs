//! Describing and deleting a repository.

use crate::answer::act;
use crate::{Answer, UiError, paths};
use model::{ProjectName, RepositoryName};

act! {
    "/fn/repository/describe" Describe { project: ProjectName, repository: RepositoryName, description: String }
    |form, call| {
        domain::repositories::describe(&call.ctx, &call.who, &form.project, &form.repository, form.description).await?;
        Ok(Answer::done(paths::repository(&form.project, &form.repository), "The description was saved."))
    }
}

act! {
    "/fn/repository/delete" Delete { project: ProjectName, repository: RepositoryName, confirm: String }
    |form, call| {
        if form.confirm.trim() != form.repository.as_str() {
            domain::repositories::may_delete(&call.ctx, &call.who, &form.project, &form.repository).await?;
            return Err(UiError::at("confirm", format!("must be {}", form.repository)));
        }
        domain::repositories::delete(&call.ctx, &call.who, &form.project, &form.repository).await?;
        Ok(Answer::done(paths::project(&form.project), {
            let undo = match call.ctx.settings.recycle {
                0 => String::new(),
                _ => format!(" Undo it under Deleted, for {}.", crate::pages::deletions::kept_for(call, &form.project).await),
            };
            format!("Repository {} was deleted.{undo}", form.repository)
        }))
    }
}
