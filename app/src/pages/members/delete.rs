//! Before a membership ends.

use super::forms;
use crate::pages::projects::way;
use crate::pages::prelude::*;

pub async fn delete(call: &Call) -> Shown {
    let name = call.project()?;
    let member = domain::members::get(&call.ctx, &call.who, &name, call.param("id", "member")?).await?;
    let user = member.user_name.clone();
    let form = call.form::<forms::Delete>().with(vec![("project", name.to_string()), ("id", member.id.to_string())]);
    let says = vec![format!("{user} no longer sees {name} unless it is public. What they pushed stays.")];
    let page = Page::new(format!("Remove {user}?")).way(way(&name, "Remove")).purpose(format!("A member of {name}."));
    Ok(page.body(confirm(&form, says, (), "Remove member", paths::member(&name, member.id))))
}
