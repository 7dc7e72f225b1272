//! Target registries.

mod delete;
mod edit;
pub mod forms;
mod list;
mod new;

pub use delete::delete;
pub use edit::edit;
pub use list::list;
pub use new::new;

use crate::Answer;
use crate::pages::prelude::*;
use crate::ui::field::Field;
use model::replication::provider::Provider;
use model::replication::target::Target;

fn way(last: &str) -> Vec<(String, String)> {
    vec![("Registries".into(), paths::targets()), (last.to_owned(), String::new())]
}

/// The fields that a new target of this kind and a changed one share.
fn fields(form: &Form, provider: Provider, target: Option<&Target>) -> AnyView {
    let text = |get: fn(&Target) -> &String| target.map(|target| get(target).clone()).unwrap_or_default();
    let profile = provider.profile();
    let secret_help = match target.is_some_and(|target| target.has_secret) {
        true => "Leave empty to keep the stored one. It is forgotten when the URL, the token server or the proxy changes.",
        false => profile.secret.1,
    };
    let url = target.map_or_else(|| provider.usual_url().to_owned(), |target| target.url.clone());
    let shown = |field: Field| view! { {field} }.into_any();
    let stored = text(|target| &target.token_server);
    let token_server = (provider.asks_token_server() || !stored.is_empty()).then(|| shown(form.url("token_server", "Token server").value(stored)
        .placeholder("https://auth.example.com").help("Only for a registry that sends clients to another host for tokens. The credentials are sent there too.")));
    let certificates = provider.may_be_own() || target.is_some_and(|target| !target.verify_certificate || !target.ca_certificate.is_empty());
    let verify = || form.tick("verify", "Verify its certificate").ticked(target.is_none_or(|target| target.verify_certificate))
        .help("Turn this off only where there is no other way: anybody in between could read and change what is sent.");
    view! {
        {form.text("name", "Name").required().value(text(|target| &target.name))}
        {form.area("description", "Description", 2).value(text(|target| &target.description))}
        {form.url("url", "URL").required().value(url).placeholder(profile.url.unwrap_or_else(|own| own)).help("Where clients reach it; no path.")}
        {token_server}
        {form.text("access_id", profile.access_id.0).value(text(|target| &target.access_id)).help(profile.access_id.1)}
        {form.new_password("secret", profile.secret.0).help(secret_help)}
        {if certificates { shown(verify()) } else { view! { <input type="hidden" name="verify" value="true"/> }.into_any() }}
        {form.text("proxy", "HTTP proxy").value(text(|target| &target.proxy)).placeholder("http://proxy.example.com:3128")
            .help("Empty: as this server's configuration says (outbound.proxy). The word direct: not through that one.")}
        {certificates.then(|| shown(form.area("ca_certificate", "Own certificate authorities (PEM)", 3).value(text(|target| &target.ca_certificate))))}
    }
    .into_any()
}

/// What a test found, step by step, in place.
fn found(answer: Option<&Answer>) -> AnyView {
    let steps = match answer {
        Some(Answer::Probe(probe)) => probe.steps.as_slice(),
        _ => &[],
    };
    let steps = steps.iter().map(|step| {
        let (tone, sign) = if step.ok { (Tone::Ok, "check") } else { (Tone::Bad, "warn") };
        view! { <li>{pill(tone, sign, step.what.clone())}<span>{step.found.clone()}</span></li> }
    });
    let steps = steps.collect_view();
    let list = (!steps.is_empty()).then(|| view! { <ul class="probe card pad" aria-label="What the test found">{steps}</ul> });
    view! { <div aria-live="polite">{list}</div> }.into_any()
}
