//! Signing in.

pub mod forms;

use crate::answer::KeptForm;
use crate::pages::prelude::*;

pub async fn show(call: &Call) -> Shown {
    Ok(page(call, None))
}

/// The page for a form that found nobody signed in: it waits here with what was typed into it.
pub fn again(call: &Call, kept: KeptForm) -> Page {
    page(call, Some(kept))
}

fn page(call: &Call, kept: Option<KeptForm>) -> Page {
    let mut form = call.form::<forms::SignIn>();
    // Of a form that nothing was typed into nothing waits; of one that waits a wrong password changes nothing.
    let kept = kept.filter(|kept| !kept.typed.is_empty()).or_else(|| {
        let get = |name| form.typed(name).filter(|text| !text.is_empty());
        let typed = forms::pairs(&form.all_typed("kept_fields[]")?);
        Some(KeptForm { form: get("kept_form")?, page: get("kept_page")?, by: get("kept_by")?.parse().ok()?, typed })
    });
    let next = match &kept {
        Some(kept) => kept.page.clone(),
        None => call.query("next").to_owned(),
    };
    let why = kept.as_ref().map(|_| view! {
        <p class="note note--warn" role="alert">"Your session has ended, and nothing was sent. Sign in to go on with what you typed."</p>
    });
    if let Some(kept) = kept {
        let fields = kept.typed.iter().map(|(name, value)| ("kept_fields[]", format!("{name}={value}")));
        let first = [("kept_form", kept.form), ("kept_page", kept.page), ("kept_by", kept.by.to_string())];
        form = form.with(first.into_iter().chain(fields).collect());
    }
    // By a name that it does not know its own forms would be refused.
    let settings = &call.ctx.settings;
    let stranger = call.who.client.origin.is_none().then(|| view! {
        <p class="note note--warn">"You came by a name that this server does not know. Use "
            <a href=settings.external_url.clone()>{settings.external_url.clone()}</a>", or have this name added to "<code>"also_known_as"</code>"."</p>
    });
    Page::bare("Sign in").body(view! {
        <div class="door card">
            <h1>"Sign in"</h1>
            {stranger}
            {why}
            {form.of(view! {
                {form.text("name", "User name").required().focus().complete("username")}
                {form.password("password", "Password").required()}
                <input type="hidden" name="next" value=next/>
                {buttons("Sign in")}
            })}
        </div>
    })
}
