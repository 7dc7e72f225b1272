//! Forgiving failed sign-ins; saving the settings.

use crate::answer::act;
use crate::pages::quotas::forms::limit;
use crate::{Answer, UiError, paths};
use model::configuration::{Configuration, Creators};

act! {
    "/fn/sign-in/unlock" Unlock { key: String }
    |form, call| {
        domain::identity::unlock(&call.ctx, &call.who, &form.key).await?;
        Ok(Answer::done(paths::knocking(), "Its next sign-in is checked at once."))
    }
}

/// What cannot be read is 0, which the use-case refuses in words.
fn number(text: &str) -> i64 {
    text.trim().parse().unwrap_or(0)
}

act! {
    "/fn/settings" Configure {
        banner_message: String,
        #[serde(default)] read_only: bool,
        #[serde(default)] pull_audit_log_disable: bool,
        project_creation_restriction: String,
        storage_per_project: String,
        #[serde(default)] quota_per_project_enable: bool,
        session_timeout: String,
        token_expiration: String,
        robot_name_prefix: String,
        robot_token_duration: String,
    }
    |form, call| {
        let creators = Creators::from_key(&form.project_creation_restriction);
        let new = Configuration {
            robot_name_prefix: form.robot_name_prefix.trim().to_owned(),
            robot_token_duration: number(&form.robot_token_duration),
            token_expiration: number(&form.token_expiration),
            session_timeout: number(&form.session_timeout),
            project_creation_restriction: creators.ok_or_else(|| UiError::at("project_creation_restriction", "must be one of the two"))?,
            read_only: form.read_only,
            pull_audit_log_disable: form.pull_audit_log_disable,
            storage_per_project: model::quota::to_number(limit("storage_per_project", &form.storage_per_project)?),
            quota_per_project_enable: form.quota_per_project_enable,
            banner_message: form.banner_message.trim().to_owned(),
        };
        domain::configuration::set(&call.ctx, &call.who, &domain::configuration::NAMES, move |now| now.clone_from(&new), Default::default()).await?;
        Ok(Answer::done(paths::settings(), "The settings were saved."))
    }
}
