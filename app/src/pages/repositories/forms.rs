//! Describing and deleting a repository.

use crate::answer::act;
use crate::{Answer, paths};
use model::{ProjectName, RepositoryName};

act! {
    "/fn/repository/describe" Describe { project: ProjectName, repository: RepositoryName, description: String }
    |form, call| {
        domain::repositories::describe(&call.ctx, &call.who, &form.project, &form.repository, form.description).await?;
        Ok(Answer::done(paths::repository(&form.project, &form.repository), "The description was saved."))
    }
}

act! {
    "/fn/repository/delete" Delete { project: ProjectName, repository: RepositoryName }
    |form, call| {
        domain::repositories::delete(&call.ctx, &call.who, &form.project, &form.repository).await?;
        Ok(Answer::done(paths::project(&form.project), format!("Repository {} was deleted.", form.repository)))
    }
}
