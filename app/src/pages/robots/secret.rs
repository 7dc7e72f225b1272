//! The secret, shown once: in the answer to the POST and nowhere else.

use crate::answer::Secret;
use crate::layout::head;
use crate::ui::{code_line, copy_button, facts, icon};
use leptos::prelude::*;

/// Warning first, then the secret with all that is needed to use it.
pub fn secret_once(secret: Secret) -> AnyView {
    let expires = if secret.expires.is_empty() { "never".to_owned() } else { secret.expires.clone() };
    let download = format!("data:text/plain;charset=utf-8,{}%0A{}%0A", crate::paths::segment(&secret.account), crate::paths::segment(&secret.secret));
    let file = format!("{}.txt", secret.account.replace(['$', '+'], "-"));
    view! {
        {head("Store this secret now", "", ().into_any())}
        <section class="card pad secret" aria-label="Secret">
            <p class="note note--warn">{icon("warn")}"This is the only time the secret is shown. Nobody, also no administrator, can see it again."</p>
            {facts(vec![
                ("Account", view! { <code>{secret.account.clone()}</code> }.into_any()),
                ("Expires", view! { {expires} }.into_any()),
            ])}
            <div class="secret__value">
                <code id="secret">{secret.secret.clone()}</code>
                {copy_button(secret.secret.clone(), "secret")}
            </div>
            {code_line(format!("docker login {} --username '{}' --password-stdin", secret.registry, secret.account))}
            <div class="form__buttons">
                <a class="button button--primary" href=secret.back.clone()>"Done, I have stored it"</a>
                <a class="button" href=download download=file>"Download"</a>
            </div>
        </section>
    }
    .into_any()
}
