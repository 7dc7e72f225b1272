//! Deleting and replicating an artifact, and its tags.

use crate::{Act, Answer, Call, UiError, paths};
use domain::artifacts::Reference;
use model::{ArtifactId, Digest, ProjectName, RepositoryName, RuleId, Tag};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Delete {
    project: ProjectName,
    repository: RepositoryName,
    digest: Digest,
}

impl Act for Delete {
    const AT: &'static str = "/fn/artifact/delete";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let reference = Reference::Digest(self.digest);
        let plan = domain::artifacts::delete(&call.ctx, &call.who, &self.project, &self.repository, &reference).await?;
        let also = match plan.accessories.len() {
            0 => String::new(),
            n => format!(" with {n} accessor{}", if n == 1 { "y" } else { "ies" }),
        };
        let undo = match plan.kept_for {
            0 => String::new(),
            ms => format!(" Undo it under Deleted, for {}.", model::stamp::span(ms)),
        };
        let say = format!("{} was deleted{also}.{undo}", plan.digest.short());
        Ok(Answer::done(paths::repository(&self.project, &self.repository), say))
    }
}

#[derive(Deserialize)]
pub struct AddTag {
    project: ProjectName,
    repository: RepositoryName,
    digest: Digest,
    name: String,
    #[serde(default)]
    may_move: bool,
}

impl Act for AddTag {
    const AT: &'static str = "/fn/tag/create";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let to = paths::artifact(&self.project, &self.repository, &self.digest);
        let (project, repository, reference) = (&self.project, &self.repository, Reference::Digest(self.digest));
        domain::artifacts::add_tag(&call.ctx, &call.who, project, repository, &reference, &self.name, self.may_move).await?;
        Ok(Answer::done(to, format!("The tag {} names it now.", self.name)))
    }
}

#[derive(Deserialize)]
pub struct DeleteTag {
    project: ProjectName,
    repository: RepositoryName,
    digest: Digest,
    tag: Tag,
}

impl Act for DeleteTag {
    const AT: &'static str = "/fn/tag/delete";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        domain::artifacts::delete_tag(&call.ctx, &call.who, &self.project, &self.repository, &self.tag).await?;
        let to = paths::artifact(&self.project, &self.repository, &self.digest);
        Ok(Answer::done(to, format!("The tag {} was removed; the artifact stays.", self.tag)))
    }
}

#[derive(Deserialize)]
pub struct Replicate {
    rule: RuleId,
    artifact: ArtifactId,
}

impl Act for Replicate {
    const AT: &'static str = "/fn/artifact/replicate";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let id = domain::executions::start(&call.ctx, &call.who, self.rule, Some(self.artifact)).await?;
        Ok(Answer::done(paths::execution(self.rule, id), "Replication has started."))
    }
}
