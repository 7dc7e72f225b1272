//! Who may do what in a project.

use crate::pages::projects::way;
use crate::pages::prelude::*;
use model::Action;

pub async fn list(call: &Call) -> Shown {
    let (name, f) = (call.project()?, call.filter(&[]));
    let frame = domain::projects::frame(&call.ctx, &call.who, &name).await?;
    let found = domain::members::list(&call.ctx, &call.who, &name, &f.ask()).await?;
    let may = frame.may(Action::MemberCreate);
    let add = if may {
        view! { <a class="button button--primary" href=paths::member_new(&name)>"Add member"</a> }.into_any()
    } else {
        view! { <span class="note">"Adding members needs the role Project admin."</span> }.into_any()
    };
    let nothing = || empty("No member yet", "Members see the project, and may do what their role says.", ());
    let headings = view! {
        <th scope="col">"User"</th>
        <th scope="col" class="p2">"Full name"</th>
        {heading(&f, "role", "Role", "")}
        {heading(&f, "created", "Since", "p2")}
    };
    let body = listing(&f, &found, nothing, headings, |member| view! {
        <tr>
            <td><a href=may.then(|| paths::member(&name, member.id))>{member.user_name.clone()}</a></td>
            <td class="p2">{member.full_name.clone()}</td>
            <td>{member.role.label()}</td>
            <td class="p2">{time(member.created_at, call.me.now)}</td>
        </tr>
    }.into_any());
    Ok(Page::new("Members").way(way(&name, "Members")).purpose(format!("Who may do what in {name}.")).actions(add).body(view! {
        {filter_bar(&f, "Search by user name", found.total, "member", ())}
        {body}
    }))
}
