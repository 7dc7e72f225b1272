//! Before a target registry is deleted.

use super::{forms, way};
use crate::pages::prelude::*;

pub async fn delete(call: &Call) -> Shown {
    let target = domain::replication::targets::get(&call.ctx, &call.who, call.param("id", "target registry")?).await?;
    let form = call.form::<forms::Delete>().with(vec![("id", target.id.to_string())]);
    let says = vec![format!("Its address and the stored secret go. What was replicated to {} stays there.", target.url)];
    let page = Page::new(format!("Delete {}?", target.name)).way(way("Delete")).purpose(&target.url);
    Ok(page.body(confirm(&form, says, (), "Delete target registry", paths::target(target.id))))
}
