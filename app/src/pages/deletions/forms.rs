//! Undoing a deletion, and making it final.

use crate::{Act, Answer, Call, UiError, paths};
use model::{DeletionId, ProjectName};
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Undo {
    project: ProjectName,
    id: DeletionId,
}

impl Act for Undo {
    const AT: &'static str = "/fn/deletion/undo";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let back = domain::deletions::restore(&call.ctx, &call.who, &self.project, self.id).await?;
        let along = match back.artifacts {
            1 => String::new(),
            n => format!(" with {} that went along", n - 1),
        };
        let taken: Vec<String> = back.taken.iter().map(ToString::to_string).collect();
        let taken = match taken.as_slice() {
            [] => String::new(),
            tags => format!(" These tags name something else by now and were left there: {}.", tags.join(", ")),
        };
        let to = paths::artifact(&self.project, &back.repository, &back.digest);
        Ok(Answer::done(to, format!("{} is back{along}.{taken}", back.digest.short())))
    }
}

#[derive(Deserialize)]
pub struct Purge {
    project: ProjectName,
    id: DeletionId,
}

impl Act for Purge {
    const AT: &'static str = "/fn/deletion/purge";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        domain::deletions::purge(&call.ctx, &call.who, &self.project, self.id).await?;
        Ok(Answer::done(paths::deletions(&self.project), "It is deleted for good; the next collection frees its space."))
    }
}
