//! Before a robot account gets another secret, or is deleted: who stops working.

use super::{forms, page_of, way};
use crate::pages::prelude::*;
use model::robot::Robot;

/// When it was used last, in words.
fn used(call: &Call, robot: &Robot) -> String {
    match robot.last_used_at {
        Some(at) => format!("It was used {}.", at.relative(call.me.now)),
        None => "It has never been used.".to_owned(),
    }
}

pub async fn secret(call: &Call) -> Shown {
    let robot = domain::robots::get(&call.ctx, &call.who, call.param("id", "robot account")?).await?;
    let form = call.form::<forms::RefreshSecret>().with(vec![("id", robot.id.to_string())]);
    let says = vec![
        "A new secret is made and shown once. The one it has stops now, and everything that uses it.".to_owned(),
        used(call, &robot),
    ];
    let page = Page::new("Refresh the secret?").way(way(robot.project.as_ref(), "Refresh secret")).purpose(&robot.full_name);
    Ok(page.body(confirm(&form, says, (), "Refresh secret", page_of(&robot))))
}

pub async fn delete(call: &Call) -> Shown {
    let robot = domain::robots::get(&call.ctx, &call.who, call.param("id", "robot account")?).await?;
    let form = call.form::<forms::SetState>().with(vec![("id", robot.id.to_string()), ("act", "delete".to_owned())]);
    let says = vec![format!("Whoever uses it is refused from now on. {} It cannot be brought back.", used(call, &robot))];
    let page = Page::new(format!("Delete {}?", robot.full_name)).way(way(robot.project.as_ref(), "Delete")).purpose(&robot.description);
    Ok(page.body(confirm(&form, says, (), "Delete robot account", page_of(&robot))))
}
