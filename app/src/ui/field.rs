//! Fields: label above, help below, what is wrong under it.

use super::form::FormState;
use leptos::prelude::*;

/// What the browser should know of a field.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum FieldKind {
    #[default]
    Text,
    Email,
    Password,
    NewPassword,
    Number,
    Url,
}

impl FieldKind {
    fn html(self) -> (&'static str, &'static str) {
        match self {
            FieldKind::Text => ("text", "off"),
            FieldKind::Email => ("email", "off"),
            FieldKind::Password => ("password", "current-password"),
            FieldKind::NewPassword => ("password", "new-password"),
            FieldKind::Number => ("number", "off"),
            FieldKind::Url => ("url", "off"),
        }
    }
}

fn problem_of(name: &'static str) -> impl Fn() -> Option<String> + Copy + Send + 'static {
    let state = use_context::<FormState>();
    move || state.and_then(|state| state.problems.get().of(name).map(|message| message.to_owned()))
}

fn below(name: &'static str, help: &'static str, problem: impl Fn() -> Option<String> + Copy + Send + 'static) -> AnyView {
    view! {
        {(!help.is_empty()).then(|| view! { <p class="field__help" id=format!("{name}-help")>{help}</p> })}
        <p class="field__problem" id=format!("{name}-problem")>{move || problem()}</p>
    }
    .into_any()
}

/// One line of text.
#[component]
pub fn Field(
    name: &'static str,
    label: &'static str,
    #[prop(optional)] help: &'static str,
    #[prop(optional)] kind: FieldKind,
    #[prop(optional, into)] value: String,
    #[prop(optional)] required: bool,
    #[prop(optional)] autofocus: bool,
    #[prop(optional, into)] list: String,
    #[prop(optional, into)] placeholder: String,
    /// Overrides the browser's completion, e.g. `username`.
    #[prop(optional)]
    complete: &'static str,
) -> impl IntoView {
    let problem = problem_of(name);
    let typed = use_context::<FormState>().and_then(|state| state.typed(name)).unwrap_or(value);
    let (html, off) = kind.html();
    let autocomplete = if complete.is_empty() { off } else { complete };
    let secret = html == "password";
    let shown = RwSignal::new(false);
    view! {
        <div class="field" class:field--bad=move || problem().is_some()>
            <label for=name>{label}{(!required).then(|| view! { <span class="field__optional">" optional"</span> })}</label>
            <div class="field__row">
                <input
                    id=name name=name value=typed required=required autofocus=autofocus placeholder=placeholder
                    type=move || if shown.get() { "text" } else { html }
                    autocomplete=autocomplete autocapitalize="none" spellcheck="false"
                    list=(!list.is_empty()).then_some(list)
                    aria-describedby=format!("{name}-help {name}-problem")
                    aria-invalid=move || problem().is_some().to_string()
                />
                {secret.then(|| view! {
                    <button type="button" class="button js" aria-pressed=move || shown.get().to_string()
                        on:click=move |_| shown.update(|shown| *shown = !*shown)>
                        {move || if shown.get() { "Hide" } else { "Show" }}
                    </button>
                })}
            </div>
            {below(name, help, problem)}
        </div>
    }
}

/// Leptos writes a textarea's text unescaped, and HTML reads it as text with entities: on the server it is escaped here.
fn textarea_text(text: String) -> String {
    if cfg!(feature = "ssr") { text.replace('&', "&amp;").replace('<', "&lt;") } else { text }
}

/// Several lines of text.
#[component]
pub fn TextArea(
    name: &'static str,
    label: &'static str,
    #[prop(optional)] help: &'static str,
    #[prop(optional, into)] value: String,
    #[prop(default = 3)] rows: u32,
) -> impl IntoView {
    let problem = problem_of(name);
    let typed = use_context::<FormState>().and_then(|state| state.typed(name)).unwrap_or(value);
    let typed = textarea_text(typed);
    view! {
        <div class="field" class:field--bad=move || problem().is_some()>
            <label for=name>{label}<span class="field__optional">" optional"</span></label>
            <textarea id=name name=name rows=rows.to_string() spellcheck="false"
                aria-describedby=format!("{name}-help {name}-problem")>{typed}</textarea>
            {below(name, help, problem)}
        </div>
    }
}

/// A tick with its words beside it.
#[component]
pub fn Checkbox(
    name: &'static str,
    #[prop(into)] label: String,
    #[prop(optional, into)] help: String,
    #[prop(optional)] checked: bool,
    /// Sent when ticked.
    #[prop(default = "true")]
    value: &'static str,
) -> impl IntoView {
    let state = use_context::<FormState>().filter(|state| state.came_back());
    let checked = state.map_or(checked, |state| state.typed(name).is_some());
    view! {
        <label class="tick">
            <input type="checkbox" id=name name=name value=value checked=checked/>
            <span>{label}{(!help.is_empty()).then(|| view! { <span class="tick__help">{help}</span> })}</span>
        </label>
    }
}

/// One of several; each option is value, words and whether it is chosen at first.
#[component]
pub fn SelectField(
    name: &'static str,
    label: &'static str,
    #[prop(optional)] help: &'static str,
    options: Vec<(String, String)>,
    #[prop(optional, into)] value: String,
) -> impl IntoView {
    let problem = problem_of(name);
    let chosen = use_context::<FormState>().and_then(|state| state.typed(name)).unwrap_or(value);
    let options = options
        .into_iter()
        .map(|(value, words)| {
            let selected = value == chosen;
            view! { <option value=value selected=selected>{words}</option> }
        })
        .collect_view();
    view! {
        <div class="field" class:field--bad=move || problem().is_some()>
            <label for=name>{label}</label>
            <select id=name name=name aria-describedby=format!("{name}-help {name}-problem")>{options}</select>
            {below(name, help, problem)}
        </div>
    }
}
