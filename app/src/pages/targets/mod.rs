//! Target registries.

pub mod api;

use super::param;
use crate::answer::Answer;
use crate::error::UiError;
use crate::layout::{crumbs, head};
use crate::layout::toast::again;
use crate::paths;
use crate::ui::form::answer_of;
use crate::ui::pill::target_health;
use crate::ui::{
    Beside, Buttons, Checkbox, Field, FieldKind, Filter, Form, SelectField, TextArea, Tone, empty, filter_bar, guarded, heading, icon,
    load, one_button, pager, pill,
};
use leptos::prelude::*;
use model::TargetId;
use model::target::{Provider, Target};

#[component]
pub fn List() -> impl IntoView {
    let filter = Filter::here(&[]);
    let data = Resource::new(move || (filter.get(), again()), |(f, _)| api::list(f.q, f.sort, f.after));
    load(data, move |page, _| {
        let f = filter.get_untracked();
        let rows = page.items.iter().map(|target| view! {
            <tr>
                <td><a href=paths::target(target.id)>{target.name.clone()}</a></td>
                <td>{target_health(target.healthy)}" "
                    {(!target.verify_certificate).then(|| pill(Tone::Bad, "warn", "Certificate not verified"))}</td>
                <td><code>{target.url.clone()}</code></td>
                <td class="p2">{target.provider.label()}</td>
                <td class="num p2">{target.rule_count}</td>
            </tr>
        }).collect_view();
        let body = if page.items.is_empty() && f.narrows() {
            crate::ui::empty::no_match(f.path.clone())
        } else if page.items.is_empty() {
            empty("No target registry yet", "A target registry is where replication rules push to: another Wharf or Harbor, or any OCI registry.", ().into_any())
        } else {
            view! {
                <div class="card scroll"><table>
                    <thead><tr>
                        {heading(&f, "name", "Name", "")}
                        <th scope="col">"Health"</th>
                        <th scope="col">"URL"</th>
                        <th scope="col" class="p2">"Provider"</th>
                        <th scope="col" class="num p2">"Rules"</th>
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table></div>
                {pager(&f, page.next.clone())}
            }.into_any()
        };
        view! {
            {head("Registries", "Where artifacts are replicated to.", view! {
                <a class="button button--primary" href=paths::target_new()>"New target registry"</a> }.into_any())}
            {filter_bar(&f, "Search by name", page.total, "target registry", ().into_any())}
            {body}
        }.into_any()
    })
}

fn way(last: &str) -> AnyView {
    crumbs(vec![("Registries".into(), paths::targets()), (last.to_owned(), String::new())])
}

/// The fields that a new target and a changed one share.
fn fields(target: Option<&Target>) -> AnyView {
    let text = |get: fn(&Target) -> &String| target.map(|t| get(t).clone()).unwrap_or_default();
    let options = Provider::ALL.into_iter().map(|p| (p.key().to_owned(), p.label().to_owned())).collect();
    let kept = target.is_some_and(|t| t.has_secret);
    let secret_help = if kept { "Leave empty to keep the stored one. It is forgotten when the URL changes." } else { "A robot account's secret, or a password." };
    view! {
        <SelectField name="provider" label="Provider" options=options value=target.map(|t| t.provider.key().to_owned()).unwrap_or_else(|| "harbor".into())/>
        <Field name="name" label="Name" required=true value=text(|t| &t.name)/>
        <TextArea name="description" label="Description" rows=2 value=text(|t| &t.description)/>
        <Field name="url" label="URL" kind=FieldKind::Url required=true value=text(|t| &t.url)
            placeholder="https://registry.example.com" help="Where clients reach it; no path."/>
        <Field name="token_server" label="Token server" kind=FieldKind::Url value=text(|t| &t.token_server) placeholder="https://auth.docker.io"
            help="Only for a registry that sends clients to another host for tokens, as Docker Hub does. The credentials are sent there too."/>
        <Field name="access_id" label="Access id" value=text(|t| &t.access_id) help="For a robot account its full name, such as robot$replication."/>
        <Field name="secret" label="Secret" kind=FieldKind::NewPassword help=secret_help/>
        <Checkbox name="verify" label="Verify its certificate" checked=target.is_none_or(|t| t.verify_certificate)
            help="Turn this off only where there is no other way: anybody in between could read and change what is sent."/>
        <TextArea name="ca_certificate" label="Own certificate authorities (PEM)" rows=3 value=text(|t| &t.ca_certificate)/>
    }
    .into_any()
}

/// What was found, step by step, in place.
fn found(answer: Signal<Option<Result<Answer, UiError>>>) -> AnyView {
    view! {
        <div aria-live="polite">
            {move || match answer.get() {
                Some(Ok(Answer::Probe(probe))) => {
                    let steps = probe.steps.iter().map(|step| {
                        let (tone, sign) = if step.ok { (Tone::Ok, "check") } else { (Tone::Bad, "warn") };
                        view! { <li>{pill(tone, sign, step.what.clone())}<span>{step.found.clone()}</span></li> }
                    }).collect_view();
                    view! { <ul class="probe card pad" aria-label="What the test found">{steps}</ul> }.into_any()
                }
                _ => ().into_any(),
            }}
        </div>
    }
    .into_any()
}

#[component]
pub fn New() -> impl IntoView {
    let (create, test) = (ServerAction::<api::Create>::new(), ServerAction::<api::Test>::new());
    let tested = answer_of(test);
    guarded(true, move || view! {
        {way("New target registry")}
        {head("New target registry", "Artifacts are pushed there by replication rules.", ().into_any())}
        <section class="card pad">
            <Form action=create beside=("/fn/target/test", tested)>
                {fields(None)}
                {found(tested)}
                <div class="form__buttons"><Beside action=test label="Test connection"/></div>
                <Buttons label="Create target registry" cancel=paths::targets()/>
            </Form>
        </section>
    }.into_any())
}

#[component]
pub fn Edit() -> impl IntoView {
    let id = param::<TargetId>("id", "target registry");
    let data = Resource::new(move || (id(), again()), |(id, _)| async move { api::get(id?).await });
    let (save, test, delete) =
        (ServerAction::<api::Update>::new(), ServerAction::<api::Test>::new(), ServerAction::<api::Delete>::new());
    let probe = ServerAction::<api::Probe>::new();
    let (tested, probed) = (answer_of(test), answer_of(probe));
    load(data, move |target, _| {
        let id = target.id.to_string();
        let with = || vec![("id", id.clone())];
        let (name, url, healthy, verified) =
            (target.name.clone(), target.url.clone(), target.healthy, target.verify_certificate);
        let removal = if target.rule_count > 0 {
            view! { <p class="note">{format!("{} replication rules use it: delete them first.", target.rule_count)}</p> }.into_any()
        } else {
            one_button(delete, with(), "button button--danger", "Delete target registry", "")
        };
        view! {
            {way(&name)}
            {head(name.clone(), url, view! {
                {target_health(healthy)}
                {(!verified).then(|| pill(Tone::Bad, "warn", "Certificate not verified"))}
            }.into_any())}
            <section class="card pad">
                <h2>{icon("registry")}"Connection"</h2>
                {found(probed)}
                {one_button(probe, with(), "button", "Test the stored connection", "")}
            </section>
            <section class="card pad">
                <h2>"Settings"</h2>
                <Form action=save beside=("/fn/target/test", tested) with=with()>
                    {fields(Some(&target))}
                    {found(tested)}
                    <div class="form__buttons"><Beside action=test label="Test connection"/></div>
                    <Buttons label="Save target registry" cancel=paths::targets()/>
                </Form>
            </section>
            <section class="card pad"><h2>"Delete"</h2>{removal}</section>
        }.into_any()
    })
}
