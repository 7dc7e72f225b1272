//! Failed sign-ins that slow the next: which account, from where, how often, since when.

use super::forms;
use crate::pages::prelude::*;

pub async fn knocking(call: &Call) -> Shown {
    let found = domain::identity::knocking(&call.ctx, &call.who).await?;
    let now = call.me.now;
    let rows: Vec<AnyView> = found.into_iter().map(|row| {
        let account = match row.account.clone() {
            Some(name) => view! { <code>{name}</code> }.into_any(),
            None => view! { <span class="muted">"no account of that name"</span> }.into_any(),
        };
        let address = if row.address.is_empty() { "all addresses together".to_owned() } else { row.address.clone() };
        let whose = format!("{} at {address}", row.account.as_deref().unwrap_or("an unknown name"));
        view! {
            <tr data-key=row.key.clone()>
                <td>{account}</td>
                <td>{address}</td>
                <td class="num">{model::stamp::grouped(row.failures)}</td>
                <td class="p2">{time(row.since, now)}</td>
                <td>{time(row.last, now)}</td>
                <td class="row-end">{call.button::<forms::Unlock>(vec![("key", row.key.clone())], "Unlock").small().more(whose)}</td>
            </tr>
        }
        .into_any()
    }).collect();
    let headings = view! {
        <th scope="col">"Account"</th><th scope="col">"Address"</th><th scope="col" class="num">"Failures"</th>
        <th scope="col" class="p2">"Since"</th><th scope="col">"Last"</th>{actions_heading()}
    };
    let body = match rows.len() {
        0 => empty("Nobody is turned away", "Five wrong secrets of one account from one address, and the next must wait. Nobody else does.", ()),
        _ => table("", headings, rows),
    };
    let page = Page::new("Failed sign-ins").way(vec![("Failed sign-ins".into(), String::new())]);
    Ok(page.purpose("Accounts and addresses whose wrong secrets make their next try wait. A right secret forgives them, and so does Unlock.").body(body))
}
