//! Undoing a deletion, and making it final.

use crate::answer::act;
use crate::{Answer, paths};
use model::{DeletionId, ProjectName};

act! {
    "/fn/deletion/undo" Undo { project: ProjectName, id: DeletionId }
    |form, call| {
        let back = domain::deletions::restore(&call.ctx, &call.who, &form.project, form.id).await?;
        let along = match back.artifacts {
            1 => String::new(),
            n => format!(" with {} that went along", n - 1),
        };
        let taken: Vec<String> = back.taken.iter().map(ToString::to_string).collect();
        let taken = match taken.as_slice() {
            [] => String::new(),
            tags if tags.len() > 5 => format!(" {} of its tags name something else by now and were left there.", tags.len()),
            tags => format!(" These tags name something else by now and were left there: {}.", tags.join(", ")),
        };
        let to = paths::artifact(&form.project, &back.repository, &back.digest);
        Ok(Answer::done(to, format!("{} is back{along}.{taken}", back.digest.short())))
    }
}

act! {
    "/fn/deletion/purge" Purge { project: ProjectName, id: DeletionId }
    |form, call| {
        domain::deletions::purge(&call.ctx, &call.who, &form.project, form.id).await?;
        Ok(Answer::done(paths::deletions(&form.project), "It is deleted for good; the next collection frees its space."))
    }
}
