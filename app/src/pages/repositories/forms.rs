//! Describing and deleting a repository.

use crate::{Act, Answer, Call, UiError, paths};
use model::{ProjectName, RepositoryName};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Describe {
    project: ProjectName,
    repository: RepositoryName,
    description: String,
}

impl Act for Describe {
    const AT: &'static str = "/fn/repository/describe";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        domain::repositories::describe(&call.ctx, &call.who, &self.project, &self.repository, self.description).await?;
        Ok(Answer::done(paths::repository(&self.project, &self.repository), "The description was saved."))
    }
}

#[derive(Deserialize)]
pub struct Delete {
    project: ProjectName,
    repository: RepositoryName,
}

impl Act for Delete {
    const AT: &'static str = "/fn/repository/delete";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        domain::repositories::delete(&call.ctx, &call.who, &self.project, &self.repository).await?;
        Ok(Answer::done(paths::project(&self.project), format!("Repository {} was deleted.", self.repository)))
    }
}
