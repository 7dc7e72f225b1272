//! The secret, shown once: in the answer to the POST and nowhere else.

use crate::answer::Secret;
use crate::pages::prelude::*;

/// Warning first, then the secret with all that is needed to use it.
pub fn secret_once(secret: &Secret) -> Page {
    let expires = if secret.expires.is_empty() { "never".to_owned() } else { secret.expires.clone() };
    let text = format!("{}%0A{}%0A", paths::segment(&secret.account), paths::segment(&secret.secret));
    let file = format!("{}.txt", secret.account.replace(['$', '+'], "-"));
    Page::new("Store this secret now").body(view! {
        <section class="card pad secret" aria-label="Secret">
            <p class="note note--warn">{icon("warn")}<span>"This is the only time the secret is shown. Nobody, also no administrator, can see it again."</span></p>
            {facts(vec![
                ("Account", view! { <code>{secret.account.clone()}</code> }.into_any()),
                ("Expires", expires.into_any()),
            ])}
            {secret_line(secret.secret.clone())}
            {code_line(format!("docker login {} --username '{}' --password-stdin", secret.registry, secret.account))}
            <div class="form__buttons">
                <a class="button button--primary" href=secret.back.clone()>"Done, I have stored it"</a>
                <a class="button" href=format!("data:text/plain;charset=utf-8,{text}") download=file>"Download"</a>
            </div>
        </section>
    })
}
