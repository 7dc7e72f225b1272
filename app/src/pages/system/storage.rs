//! What the database holds: rows and bytes of each kind, and how long they are kept.

use crate::pages::prelude::*;
use model::stamp::grouped;

pub async fn storage(call: &Call) -> Shown {
    let held = domain::upkeep::held(&call.ctx, &call.who).await?;
    let most = held.tables.iter().map(|table| table.bytes).max().unwrap_or(0).max(1);
    let rows: Vec<AnyView> = held.tables.iter().map(|table| {
        let part = table.bytes * 100 / most;
        view! {
            <tr>
                <td>{table.label.clone()}</td>
                <td class="num">{grouped(table.rows)}</td>
                <td class="num">{bytes(table.bytes)}</td>
                <td class="p2">{crate::ui::quota::bar(part, "fill__alone")}</td>
                <td class="p2">{table.kept.clone()}</td>
            </tr>
        }
        .into_any()
    }).collect();
    let headings = view! {
        <th scope="col">"What"</th><th scope="col" class="num">"Rows"</th><th scope="col" class="num">"About"</th>
        <th scope="col" class="p2"><span class="sr">"Part"</span></th><th scope="col" class="p2">"Kept for"</th>
    };
    let waiting = view! {
        {bytes(held.waiting)}<span class="tree__of">"wait for an undo; the next collection after their time frees them"</span>
    };
    let free = format!("of which {} are free for what comes", model::stamp::bytes(held.free));
    let page = Page::new("Storage").way(vec![("Storage".into(), String::new())]);
    Ok(page.purpose("What the database and the blobs take, and what of it has an end.").body(view! {
        {facts(vec![
            ("Database", view! { {bytes(held.bytes)}<span class="tree__of">{free}</span> }.into_any()),
            ("Blobs and manifests", bytes(held.blobs)),
            ("Deleted, kept", waiting.into_any()),
        ])}
        <p class="note">"What is past its time goes in small batches, every ten minutes: "<code>"retention.*"</code>" and "<code>"recycle"</code>" say when."</p>
        {table("", headings, rows)}
    }))
}
