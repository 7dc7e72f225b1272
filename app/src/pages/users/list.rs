//! People who sign in.

use crate::pages::prelude::*;

pub async fn list(call: &Call) -> Shown {
    let f = call.filter(&[]);
    let found = domain::users::list(&call.ctx, &call.who, &f.ask()).await?;
    let headings = view! {
        {heading(&f, "name", "Name", "")}
        <th scope="col" class="p2">"Full name"</th>
        {heading(&f, "email", "Email", "p2")}
        <th scope="col">"Status"</th>
        {heading(&f, "created", "Created", "p2")}
    };
    let body = listing(&f, &found, || ().into_any(), headings, |user| view! {
        <tr>
            <td><a href=paths::user(user.id)>{user.name.clone()}</a></td>
            <td class="p2">{user.full_name.clone()}</td>
            <td class="p2">{user.email.clone()}</td>
            <td>{user.admin.then(|| pill(Tone::Info, "key", "System administrator"))}
                {user.disabled.then(|| pill(Tone::Neutral, "", "Disabled"))}</td>
            <td class="p2">{time(user.created_at, call.me.now)}</td>
        </tr>
    }.into_any());
    let new = view! { <a class="button button--primary" href=paths::user_new()>"New user"</a> };
    Ok(Page::new("Users").purpose("People who sign in.").actions(new).body(view! {
        {filter_bar(&f, "Search by name", found.total, "user", ())}
        {body}
    }))
}
