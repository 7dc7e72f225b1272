//! Undoing a deletion, and making it final.

use crate::answer::act;
use crate::{Answer, UiError, paths};
use model::deletion::What;
use model::{DeletionId, ProjectName};

act! {
    "/fn/deletion/undo" Undo { project: ProjectName, id: DeletionId }
    |form, call| {
        let back = domain::deletions::restore(&call.ctx, &call.who, &form.project, form.id).await?;
        let along = match (back.what, back.artifacts) {
            (What::Artifact, n) if n > 1 => format!(" with {} that went along", n - 1),
            (What::Repository, n) => format!(" with {}", model::stamp::count(n, "artifact")),
            _ => String::new(),
        };
        let taken: Vec<String> = back.taken.iter().map(ToString::to_string).collect();
        let taken = match taken.as_slice() {
            [] => String::new(),
            tags if tags.len() > 5 => format!(" {} of its tags name something else by now and were left there.", tags.len()),
            tags => format!(" These tags name something else by now and were left there: {}.", tags.join(", ")),
        };
        let (to, what) = match (&back.digest, back.what) {
            (Some(digest), What::Artifact) => (paths::artifact(&form.project, &back.repository, digest), digest.short()),
            (Some(digest), _) => (paths::artifact(&form.project, &back.repository, digest), "The tag".to_owned()),
            (None, _) => (paths::repository(&form.project, &back.repository), format!("Repository {}", back.repository)),
        };
        Ok(Answer::done(to, format!("{what} is back{along}.{taken}")))
    }
}

act! {
    /// Undoes all that were ticked, the oldest deletion last: what was deleted first is what later ones stood on.
    "/fn/deletion/undo-many" UndoMany { project: ProjectName, #[serde(default)] ids: Vec<DeletionId> }
    |form, call| {
        if form.ids.is_empty() {
            domain::deletions::some(&call.ctx, &call.who, &form.project, &[]).await?;
            return Err(UiError::wrong("nothing is selected: tick what is to come back"));
        }
        let (mut back, mut left) = (0, None);
        let mut ids = form.ids.clone();
        ids.sort_unstable_by_key(|id| std::cmp::Reverse(id.0));
        for id in ids.iter().take(domain::deletions::AT_ONCE) {
            match domain::deletions::restore(&call.ctx, &call.who, &form.project, *id).await {
                Ok(_) => back += 1,
                Err(error) if back == 0 && form.ids.len() == 1 => return Err(error.into()),
                Err(error) => left = Some(error.to_string()),
            }
        }
        let left = left.map(|why| format!(" {} stayed deleted: {why}.", form.ids.len() - back)).unwrap_or_default();
        let undone = if back == 1 { "1 deletion was".to_owned() } else { format!("{back} deletions were") };
        Ok(Answer::done(paths::deletions(&form.project), format!("{undone} undone.{left}")))
    }
}

act! {
    "/fn/deletion/purge" Purge { project: ProjectName, #[serde(default)] ids: Vec<DeletionId> }
    |form, call| {
        if form.ids.is_empty() {
            domain::deletions::some(&call.ctx, &call.who, &form.project, &[]).await?;
            return Err(UiError::wrong("nothing is selected: tick what is to go"));
        }
        for id in form.ids.iter().take(domain::deletions::AT_ONCE) {
            match domain::deletions::purge(&call.ctx, &call.who, &form.project, *id).await {
                // Somebody was faster.
                Ok(()) | Err(domain::Error::NotFound(_)) => {}
                Err(error) => return Err(error.into()),
            }
        }
        let it = match form.ids.len() {
            1 => "It is deleted for good; the next collection frees its space.",
            _ => "They are deleted for good; the next collection frees their space.",
        };
        Ok(Answer::done(paths::deletions(&form.project), it))
    }
}
