//! What happens day by day: ours, Harbor has no such thing.

use crate::answers::{Answer, Shown, Time};
use crate::call::Call;
use crate::errors::ApiError;
use axum::extract::Path;
use model::activity::{self, LENGTH};
use model::{RepositoryName, Stamp};
use serde::Serialize;
use utoipa::ToSchema;

/// Days that are told of unless more or fewer are asked for.
const USUAL: i64 = 90;

/// One day, from midnight to midnight UTC.
#[derive(Serialize, ToSchema)]
#[schema(as = ActivityDay)]
pub struct Day {
    day: Time,
    /// Manifests that were fetched.
    pulls: i64,
    /// Manifests that were pushed.
    pushes: i64,
    /// Bytes that living artifacts are made of, at the end of the day; of a repository, and before the first day that was noted, null.
    stored: Option<i64>,
}

impl From<activity::Day> for Day {
    fn from(day: activity::Day) -> Day {
        Day { day: Stamp(day.number * LENGTH).into(), pulls: day.pulls, pushes: day.pushes, stored: day.stored }
    }
}

/// The last days up to today, each of them, the oldest first.
#[derive(Serialize, ToSchema)]
pub struct Activity {
    days: Vec<Day>,
}

pub async fn days(call: Call, Path(project): Path<String>) -> Answer<Shown<Activity>> {
    let project = call.project(&project).await?;
    let name = |text: &str| text.parse().map_err(|what| ApiError::bad(format!("repository {text:?} {what}")));
    let of: Option<RepositoryName> = call.param("repository").filter(|text| !text.is_empty()).map(name).transpose()?;
    let days = match call.param("days") {
        None | Some("") => USUAL,
        Some(text) => text.parse().map_err(|_| ApiError::bad(format!("days must be a number from 1 to {}", activity::MOST)))?,
    };
    let found = domain::activity::days(&call.ctx, &call.who, &project, of.as_ref(), days).await?;
    Ok(Shown(Activity { days: found.into_iter().map(Day::from).collect() }))
}
