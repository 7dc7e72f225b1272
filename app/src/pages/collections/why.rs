//! Why a blob is kept, in words.

use crate::pages::prelude::*;
use model::Stamp;
use model::collection::WhyKept;
use model::stamp::bytes;

/// The answer for the digest that was asked for; nothing where none was.
pub async fn answer(call: &Call, text: &str) -> Option<AnyView> {
    let text = text.trim();
    if text.is_empty() {
        return None;
    }
    Some(match ask(call, text).await {
        Ok(kept) => reasons(&kept, call.me.now),
        Err(error) => view! { <p class="note note--bad" role="alert">{error.to_string()}</p> }.into_any(),
    })
}

async fn ask(call: &Call, text: &str) -> Result<WhyKept, UiError> {
    let digest = text.parse().map_err(|what| UiError::wrong(format!("the digest {what}")))?;
    Ok(domain::gc::why(&call.ctx, &call.who, &digest).await?)
}

fn reasons(kept: &WhyKept, now: Stamp) -> AnyView {
    let used = kept.used_by.iter().map(|(name, of)| view! {
        <li>"Part of "<code>{format!("{name}@{}", of.short())}</code></li>
    });
    let deleted = kept.deleted.iter().map(|(name, until)| view! {
        <li>"A deletion in "<code>{name.clone()}</code>" can be undone: it is kept for that until "{time(*until, now)}</li>
    });
    let waits = kept.waits.iter().map(|(name, until)| {
        let name = name.clone();
        match until.0 > now.0 {
            true => view! { <li>"In "<code>{name}</code>" a push may count on it: a collection takes it "{time(*until, now)}</li> }.into_any(),
            false => view! { <li>"In "<code>{name}</code>" nothing needs it: the next collection takes it"</li> }.into_any(),
        }
    });
    let nothing = (kept.used_by.is_empty() && kept.waits.is_empty() && kept.deleted.is_empty())
        .then(|| view! { <li>"It lies in no repository: the next collection deletes it"</li> });
    view! {
        <div class="links">
            <p>{digest(kept.digest.as_str())}" "{bytes(kept.size)}</p>
            <ul class="reasons">{used.collect_view()}{deleted.collect_view()}{waits.collect_view()}{nothing}</ul>
        </div>
    }
    .into_any()
}
