//! Starting and stopping collections, and when they run by themselves.

use crate::answer::act;
use crate::{Answer, UiError, paths};
use domain::gc;
use model::CollectionId;

act! {
    "/fn/collection/start" Start { #[serde(default)] dry_run: bool }
    |form, call| {
        let id = gc::start(&call.ctx, &call.who, form.dry_run).await?;
        Ok(Answer::done(paths::collection(id), "The collection has started."))
    }
}

act! {
    "/fn/collection/stop" Stop { id: CollectionId }
    |form, call| {
        gc::stop(&call.ctx, &call.who, form.id).await?;
        Ok(Answer::done(paths::collection(form.id), "The collection is stopping."))
    }
}

act! {
    "/fn/collection/reschedule" Reschedule {
        /// `configured`, `custom` (by `cron`), or one of Harbor's words.
        when: String,
        cron: String,
    }
    |form, call| {
        // Nobody else learns what is wrong with a schedule.
        domain::access::administrator(&call.ctx, &call.who).await?;
        let cron = form.cron.trim();
        let pattern = match form.when.as_str() {
            "configured" => None,
            "custom" if cron.is_empty() => return Err(UiError::at("cron", "must have six fields")),
            "custom" => Some(cron.to_owned()),
            word => {
                let pattern = model::schedule::pattern(word).ok_or_else(|| UiError::at("when", "must be one of those listed"))?;
                Some(pattern.to_owned())
            }
        };
        gc::set_schedule(&call.ctx, &call.who, pattern).await?;
        Ok(Answer::done(paths::collections(), "The schedule was saved."))
    }
}
