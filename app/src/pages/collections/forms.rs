//! Starting and stopping collections, and when they run by themselves.

use crate::{Act, Answer, Call, UiError, paths};
use domain::gc;
use model::CollectionId;
use model::collection::SCHEDULES;
use serde::Deserialize;

#[derive(Deserialize)]
pub struct Start {
    #[serde(default)]
    dry_run: bool,
}

impl Act for Start {
    const AT: &'static str = "/fn/collection/start";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        let id = gc::start(&call.ctx, &call.who, self.dry_run).await?;
        Ok(Answer::done(paths::collection(id), "The collection has started."))
    }
}

#[derive(Deserialize)]
pub struct Stop {
    id: CollectionId,
}

impl Act for Stop {
    const AT: &'static str = "/fn/collection/stop";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        gc::stop(&call.ctx, &call.who, self.id).await?;
        Ok(Answer::done(paths::collection(self.id), "The collection is stopping."))
    }
}

#[derive(Deserialize)]
pub struct Reschedule {
    /// `configured`, `custom` (by `cron`), or one of Harbor's words.
    when: String,
    cron: String,
}

impl Act for Reschedule {
    const AT: &'static str = "/fn/collection/reschedule";

    async fn act(self, call: &Call) -> Result<Answer, UiError> {
        // Nobody else learns what is wrong with a schedule.
        domain::access::administrator(&call.ctx, &call.who).await?;
        let cron = self.cron.trim();
        let pattern = match self.when.as_str() {
            "configured" => None,
            "custom" if cron.is_empty() => return Err(UiError::at("cron", "must have six fields")),
            "custom" => Some(cron.to_owned()),
            word => {
                let known = SCHEDULES.iter().find(|(kind, _)| *kind == word);
                let (_, pattern) = known.ok_or_else(|| UiError::at("when", "must be one of those listed"))?;
                Some((*pattern).to_owned())
            }
        };
        gc::set_schedule(&call.ctx, &call.who, pattern).await?;
        Ok(Answer::done(paths::collections(), "The schedule was saved."))
    }
}
