//! Before a replication rule is deleted.

use super::{forms, sentence, way};
use crate::pages::prelude::*;

pub async fn delete(call: &Call) -> Shown {
    let rule = domain::replication::rules::get(&call.ctx, &call.who, call.param("id", "replication rule")?).await?;
    let form = call.form::<forms::Delete>().with(vec![("id", rule.id.to_string())]);
    let says = vec!["Its executions and their logs go with it. What was replicated stays.".to_owned()];
    let page = Page::new(format!("Delete {}?", rule.input.name)).way(way("Delete")).purpose(sentence(&rule));
    Ok(page.body(confirm(&form, says, (), "Delete replication rule", paths::rule(rule.id))))
}
