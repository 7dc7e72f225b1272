//! Making, configuring and deleting a project.

use crate::{Act, Answer, Call, UiError, paths};
use model::ProjectName;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Create {
    name: String,
    #[serde(default)]
    public: bool,
    #[serde(default)]
    require_signature: bool,
}

impl Act for Create {
    const AT: &'static str = "/fn/project/create";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let made = domain::projects::create(&call.ctx, &call.who, &self.name, self.public, self.require_signature).await?;
        Ok(Answer::done(paths::project(&made.name), format!("Project {} was created.", made.name)))
    }
}

#[derive(Deserialize)]
pub struct Update {
    project: ProjectName,
    #[serde(default)]
    public: bool,
    #[serde(default)]
    require_signature: bool,
}

impl Act for Update {
    const AT: &'static str = "/fn/project/update";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let (public, signed) = (Some(self.public), Some(self.require_signature));
        let project = domain::projects::update(&call.ctx, &call.who, &self.project, public, signed).await?;
        Ok(Answer::done(paths::project_settings(&project.name), "The configuration was saved."))
    }
}

#[derive(Deserialize)]
pub struct Delete {
    project: ProjectName,
    confirm: String,
}

impl Act for Delete {
    const AT: &'static str = "/fn/project/delete";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let project = self.project;
        if self.confirm != project.as_str() {
            return Err(UiError::at("confirm", format!("must be {project}")));
        }
        domain::projects::delete(&call.ctx, &call.who, &project).await?;
        Ok(Answer::done(paths::projects(), format!("Project {project} was deleted.")))
    }
}
