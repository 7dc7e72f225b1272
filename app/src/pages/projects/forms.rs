//! Making, configuring and deleting a project.

use crate::answer::act;
use crate::{Answer, UiError, paths};
use model::ProjectName;

act! {
    "/fn/project/create" Create {
        name: String,
        #[serde(default)] public: bool,
        #[serde(default)] require_signature: bool,
    }
    |form, call| {
        let made = domain::projects::create(&call.ctx, &call.who, &form.name, form.public, form.require_signature).await?;
        Ok(Answer::done(paths::project(&made.name), format!("Project {} was created.", made.name)))
    }
}

act! {
    "/fn/project/update" Update {
        project: ProjectName,
        #[serde(default)] public: bool,
        #[serde(default)] require_signature: bool,
    }
    |form, call| {
        let (public, signed) = (Some(form.public), Some(form.require_signature));
        let project = domain::projects::update(&call.ctx, &call.who, &form.project, public, signed).await?;
        Ok(Answer::done(paths::project_settings(&project.name), "The configuration was saved."))
    }
}

act! {
    "/fn/project/delete" Delete { project: ProjectName, confirm: String }
    |form, call| {
        let project = form.project;
        if form.confirm != project.as_str() {
            return Err(UiError::at("confirm", format!("must be {project}")));
        }
        domain::projects::delete(&call.ctx, &call.who, &project).await?;
        Ok(Answer::done(paths::projects(), format!("Project {project} was deleted.")))
    }
}
