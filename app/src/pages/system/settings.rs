//! What an administrator sets while the server runs.

use super::forms;
use crate::pages::prelude::*;

pub async fn settings(call: &Call) -> Shown {
    let (found, kept) = domain::configuration::get(&call.ctx, &call.who).await?;
    let form = call.form::<forms::Configure>();
    let creators = vec![("everyone".to_owned(), "everybody who signs in".to_owned()), ("adminonly".to_owned(), "system administrators".to_owned())];
    let body = form.of(view! {
        {form.area("banner_message", "Banner, on every page", 2).value(&found.banner_message)}
        {form.tick("read_only", "Read-only: nothing is pushed, made, changed or deleted").ticked(found.read_only)}
        {form.tick("pull_audit_log_disable", "The audit log does not tell of pulls").ticked(found.pull_audit_log_disable)}
        {form.choice("project_creation_restriction", "Projects are made by", creators).value(found.project_creation_restriction.key())}
        {form.text("storage_per_project", "How much a new project may hold").value(model::quota::written(model::quota::from_number(found.storage_per_project)))
            .placeholder("no limit").help("Such as 500 MB or 10 GiB; empty for no limit. Those that are there keep theirs.")}
        {form.tick("quota_per_project_enable", "Projects are held to their limits").ticked(found.quota_per_project_enable)
            .help("Not ticked: no push is refused for its size, whatever the limits say.")}
        {form.number("session_timeout", "A session of the portal ends after so many minutes without a request").required().value(found.session_timeout.to_string())}
        {form.number("token_expiration", "A registry's token is good for so many minutes").required().value(found.token_expiration.to_string())}
        {form.text("robot_name_prefix", "Robot accounts' names begin with").required().value(&found.robot_name_prefix)
            .help("Every robot account signs in by its new name at once: what holds the old one must be changed.")}
        {form.number("robot_token_duration", "Days a robot account lives unless told otherwise; -1 for ever").required().value(found.robot_token_duration.to_string())}
        {buttons("Save settings")}
    });
    let sent = kept.iter().filter(|(_, value)| value.as_str() == "true").map(|(name, _)| name.as_str()).collect::<Vec<_>>().join(", ");
    let sent = (!sent.is_empty()).then(|| view! { <p class="note">"Not in effect here, and kept as the API was sent it: "<code class="wrap">{sent}</code></p> });
    let page = Page::new("Settings").way(vec![("Settings".into(), String::new())]);
    let purpose = "What holds for the whole server, from the next request on. What its configuration file says is not here.";
    Ok(page.purpose(purpose).body(view! { <section class="card pad">{body}{sent}</section> }))
}
