//! The form of a rule reads as a sentence, with a live line of what it matches.

use super::{api, way};
use crate::answer::Answer;
use crate::error::UiError;
use crate::layout::head;
use crate::pages::param;
use crate::paths;
use crate::ui::form::answer_of;
use crate::ui::{Beside, Buttons, Checkbox, Field, Form, SelectField, TextArea, empty, load};
use leptos::prelude::*;
use model::RuleId;
use model::rule::Rule;
use model::target::Target;

fn matches(answer: Signal<Option<Result<Answer, UiError>>>) -> AnyView {
    view! {
        <div aria-live="polite" class="preview">
            {move || match answer.get() {
                Some(Ok(Answer::Preview(preview))) if preview.artifacts == 0 => {
                    view! { <p class="note note--warn">"It matches nothing now."</p> }.into_any()
                }
                Some(Ok(Answer::Preview(preview))) => {
                    let examples = preview.examples.iter()
                        .map(|(from, to)| view! { <li><code>{from.clone()}</code>" → "<code>{to.clone()}</code></li> })
                        .collect_view();
                    view! {
                        <p class="note">{format!(
                            "It matches {} in {} now:",
                            model::stamp::count(preview.artifacts, "artifact"), model::stamp::count(preview.repositories, "repository"),
                        )}</p>
                        <ul class="links">{examples}</ul>
                    }.into_any()
                }
                _ => ().into_any(),
            }}
        </div>
    }
    .into_any()
}

fn form(rule: Option<Rule>, targets: Vec<Target>, save: ServerAction<api::Save>, preview: ServerAction<api::Preview>) -> AnyView {
    let title = rule.as_ref().map_or("New replication rule".to_owned(), |rule| format!("Edit {}", rule.input.name));
    if targets.is_empty() {
        return view! {
            {way(&title)}
            {head(title, "", ().into_any())}
            {empty("A target registry comes first", "A rule pushes to a target registry, and there is none yet.", view! {
                <a class="button button--primary" href=paths::target_new()>"New target registry"</a>
            }.into_any())}
        }.into_any();
    }
    let previewed = answer_of(preview);
    let input = rule.as_ref().map(|rule| rule.input.clone());
    let (overwrite, enabled) = input.as_ref().map_or((true, true), |i| (i.overwrite, i.enabled));
    let input = StoredValue::new(input);
    let text = move |get: fn(&model::rule::RuleInput) -> String| {
        input.with_value(|input| input.as_ref().map(get).unwrap_or_default())
    };
    let options = targets.iter().map(|t| (t.id.to_string(), format!("{} ({})", t.name, t.url))).collect();
    let modes = vec![("matches".to_owned(), "matching".to_owned()), ("excludes".to_owned(), "excluding".to_owned())];
    let flatten = vec![
        ("0".to_owned(), "keep the whole source path".to_owned()),
        ("1".to_owned(), "replace the first component".to_owned()),
        ("2".to_owned(), "replace the first two".to_owned()),
        ("3".to_owned(), "replace the first three".to_owned()),
        ("-1".to_owned(), "keep only the last component".to_owned()),
    ];
    // With script the line follows what is typed.
    let typed = move |ev: leptos::ev::Event| {
        #[cfg(feature = "hydrate")]
        {
            use leptos::wasm_bindgen::JsCast;
            let field = ev.target().and_then(|t| t.dyn_into::<leptos::web_sys::Element>().ok());
            let form = field.and_then(|f| f.closest("form").ok().flatten());
            if let Some(form) = form.and_then(|f| f.dyn_into::<leptos::web_sys::HtmlFormElement>().ok())
                && let Ok(data) = leptos::web_sys::FormData::new_with_form(&form)
                && let Ok(input) = leptos::form::FromFormData::from_form_data(&data)
            {
                preview.dispatch(input);
            }
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = ev;
    };
    let id = rule.as_ref().map_or(0, |rule| rule.id.0).to_string();
    let back = rule.as_ref().map_or_else(paths::rules, |rule| paths::rule(rule.id));
    view! {
        {way(&title)}
        {head(title, "", ().into_any())}
        <section class="card pad" on:change=typed>
            <Form action=save beside=("/fn/rule/preview", previewed) with=vec![("id", id)]>
                <Field name="name" label="Name" required=true autofocus=true value=text(|i| i.name.clone())
                    help="Lower-case letters and digits, separated by single dots, dashes or underscores."/>
                <TextArea name="description" label="Description" rows=2 value=text(|i| i.description.clone())/>
                <div class="sentence">
                    <h2>"Push"</h2>
                    <Field name="repositories" label="repositories matching" value=text(|i| i.repositories.clone()) placeholder="cosign/**"
                        help="A pattern over project/repository: * within a component, ** across them, {a,b} alternatives. Empty: all."/>
                    <div class="form--row">
                        <SelectField name="tag_mode" label="with tags" options=modes value=text(|i| i.tag_mode.key().to_owned())/>
                        <Field name="tags" label="the pattern" value=text(|i| i.tags.clone()) placeholder="v*" help="Empty: every tag, and also what has none."/>
                    </div>
                    <h2>"to"</h2>
                    <SelectField name="target_id" label="the target registry" options=options value=text(|i| i.target_id.to_string())/>
                    <div class="form--row">
                        <Field name="namespace" label="under the namespace" value=text(|i| i.namespace.clone())
                            help="A project there, or project and path. Empty: the same path as here."/>
                        <SelectField name="flatten" label="where it would" options=flatten value=text(|i| i.flatten.to_string())/>
                    </div>
                    <h2>"when I click."</h2>
                </div>
                {matches(previewed)}
                <div class="form__buttons"><Beside action=preview label="Show what it matches"/></div>
                <Checkbox name="overwrite" label="Replace tags that name something else there" checked=overwrite/>
                <Checkbox name="enabled" label="Enabled" checked=enabled/>
                <Buttons label="Save replication rule" cancel=back/>
            </Form>
        </section>
    }.into_any()
}

#[component]
pub fn New() -> impl IntoView {
    let data = Resource::new(|| (), |()| api::form(0));
    let (save, preview) = (ServerAction::<api::Save>::new(), ServerAction::<api::Preview>::new());
    load(data, move |(rule, targets), _| form(rule, targets, save, preview))
}

#[component]
pub fn Edit() -> impl IntoView {
    let id = param::<RuleId>("id", "replication rule");
    let data = Resource::new(id, |id| async move { api::form(id?.0).await });
    let (save, preview) = (ServerAction::<api::Save>::new(), ServerAction::<api::Preview>::new());
    load(data, move |(rule, targets), _| form(rule, targets, save, preview))
}
