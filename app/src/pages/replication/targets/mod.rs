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
use model::replication::target::{Provider, Target};

fn way(last: &str) -> Vec<(String, String)> {
    vec![("Registries".into(), paths::targets()), (last.to_owned(), String::new())]
}

/// The fields that a new target and a changed one share.
fn fields(form: &Form, target: Option<&Target>) -> AnyView {
    let text = |get: fn(&Target) -> &String| target.map(|target| get(target).clone()).unwrap_or_default();
    let options = Provider::ALL.into_iter().map(|provider| (provider.key().to_owned(), provider.label().to_owned())).collect();
    let kept = target.is_some_and(|target| target.has_secret);
    let secret_help = match kept {
        true => "Leave empty to keep the stored one. It is forgotten when the URL, the token server or the proxy changes.",
        false => "A robot account's secret, or a password.",
    };
    view! {
        {form.choice("provider", "Provider", options).value(target.map_or(Provider::Harbor, |target| target.provider).key())}
        {form.text("name", "Name").required().value(text(|target| &target.name))}
        {form.area("description", "Description", 2).value(text(|target| &target.description))}
        {form.url("url", "URL").required().value(text(|target| &target.url)).placeholder("https://registry.example.com").help("Where clients reach it; no path.")}
        {form.url("token_server", "Token server").value(text(|target| &target.token_server)).placeholder("https://auth.docker.io")
            .help("Only for a registry that sends clients to another host for tokens, as Docker Hub does. The credentials are sent there too.")}
        {form.text("access_id", "Access id").value(text(|target| &target.access_id)).help("For a robot account its full name, such as robot$replication.")}
        {form.new_password("secret", "Secret").help(secret_help)}
        {form.tick("verify", "Verify its certificate").ticked(target.is_none_or(|target| target.verify_certificate))
            .help("Turn this off only where there is no other way: anybody in between could read and change what is sent.")}
        {form.text("proxy", "HTTP proxy").value(text(|target| &target.proxy)).placeholder("http://proxy.example.com:3128")
            .help("Empty: as this server's configuration says (outbound.proxy). The word direct: not through that one.")}
        {form.area("ca_certificate", "Own certificate authorities (PEM)", 3).value(text(|target| &target.ca_certificate))}
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
