//! Before a user is deleted: what goes, and what stays.

use super::{forms, way};
use crate::pages::prelude::*;

pub async fn delete(call: &Call) -> Shown {
    let user = domain::users::get_as_admin(&call.ctx, &call.who, call.param("id", "user")?).await?;
    let form = call.form::<forms::SetState>().with(vec![("id", user.id.to_string()), ("act", "delete".to_owned())]);
    let says = vec![
        format!("{} is signed out everywhere, and is no member of any project any more.", user.name),
        "What they pushed and the audit log stay. The account cannot be brought back.".to_owned(),
    ];
    let page = Page::new(format!("Delete {}?", user.name)).way(way("Delete")).purpose(&user.full_name);
    Ok(page.body(confirm(&form, says, (), "Delete user", paths::user(user.id))))
}
