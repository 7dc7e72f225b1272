//! Forms: one component over every changing server function. Works before hydration and without script.

use crate::answer::Answer;
use crate::error::UiError;
use crate::wire::FormBody;
use leptos::ev::SubmitEvent;
use leptos::form::FromFormData;
use leptos::prelude::*;
use leptos::server_fn::client::browser::BrowserClient;
use leptos::server_fn::ServerFn;
use model::Problems;
use serde::de::DeserializeOwned;

/// What a form's fields know: what is wrong with them, and what was typed before.
#[derive(Clone, Copy)]
pub struct FormState {
    pub problems: Signal<Problems>,
    pub typed: StoredValue<Vec<(String, String)>>,
    pub pending: Signal<bool>,
}

impl FormState {
    /// What was typed into `name`, after a form without script was refused.
    pub fn typed(&self, name: &str) -> Option<String> {
        self.typed.with_value(|typed| typed.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone()))
    }

    /// A form without script came back: what was not sent was not ticked.
    pub fn came_back(&self) -> bool {
        self.typed.with_value(|typed| !typed.is_empty())
    }
}

/// The answer to `action`: from the last call, or from the POST that this page answers.
pub fn answer_of<S>(action: ServerAction<S>) -> Signal<Option<Result<Answer, UiError>>>
where
    S: ServerFn<Output = Answer, Error = UiError> + Clone + Send + Sync + 'static,
{
    #[cfg(feature = "ssr")]
    let posted = use_context::<crate::server::FormAnswer>().filter(|posted| posted.path == S::url()).map(|p| p.answer);
    #[cfg(not(feature = "ssr"))]
    let posted: Option<Result<Answer, UiError>> = None;
    let value = action.value();
    Signal::derive(move || value.get().or_else(|| posted.clone()))
}

fn typed_before(_path: &str) -> Vec<(String, String)> {
    #[cfg(feature = "ssr")]
    if let Some(posted) = use_context::<crate::server::FormAnswer>().filter(|posted| posted.path == _path) {
        return posted.typed.as_ref().clone();
    }
    Vec::new()
}

/// A changing server function: posted as a form, answered in JSON.
pub trait Act:
    DeserializeOwned
    + ServerFn<Client = BrowserClient, Protocol = FormBody, Output = Answer, Error = UiError>
    + Clone
    + Send
    + Sync
    + 'static
{
}

impl<S> Act for S where
    S: DeserializeOwned
        + ServerFn<Client = BrowserClient, Protocol = FormBody, Output = Answer, Error = UiError>
        + Clone
        + Send
        + Sync
        + 'static
{
}

/// The element alone: posted by the browser before hydration and without script, called by script after.
#[component]
pub fn Sent<S>(action: ServerAction<S>, children: Children) -> impl IntoView
where
    S: Act,
{
    let submit = move |event: SubmitEvent| {
        if event.default_prevented() {
            return;
        }
        event.prevent_default();
        match S::from_event(&event) {
            Ok(arguments) => drop(action.dispatch(arguments)),
            Err(error) => action.value().set(Some(Err(UiError::Call(format!("this form cannot be sent: {error:?}"))))),
        }
    };
    view! { <form action=S::url() method="post" on:submit=submit>{children()}</form> }
}

/// `<Form action=action><Field name="name" label="Name"/><Buttons label="Create project"/></Form>`
#[component]
pub fn Form<S>(
    action: ServerAction<S>,
    /// A class beside `form`.
    #[prop(optional)]
    class: &'static str,
    /// Fields that are not shown.
    #[prop(optional)]
    with: Vec<(&'static str, String)>,
    /// A second act of the same form (*Test connection*): its path, and its answers, whose problems show here too.
    #[prop(optional)]
    beside: Option<(&'static str, Signal<Option<Result<Answer, UiError>>>)>,
    children: Children,
) -> impl IntoView
where
    S: Act,
{
    let answer = answer_of(action);
    let wrong = |answer| match answer {
        Some(Ok(Answer::Wrong(problems))) => problems,
        Some(Err(error)) => Problems::one("", UiError::to_string(&error)),
        _ => Problems::new(),
    };
    let problems = Signal::derive(move || {
        let mut all = wrong(answer.get());
        if let Some((_, other)) = beside {
            all.0.extend(wrong(other.get()).0);
        }
        all
    });
    let mut typed = typed_before(S::url());
    if let Some((path, _)) = beside {
        typed.extend(typed_before(path));
    }
    provide_context(FormState {
        problems,
        typed: StoredValue::new(typed),
        pending: action.pending().into(),
    });
    #[cfg(feature = "hydrate")]
    Effect::new(move |_| match action.value().get() {
        Some(Ok(Answer::Done { to, say })) => crate::layout::toast::go(&to, &say),
        Some(Err(UiError::SignIn)) => crate::layout::toast::go(&crate::paths::sign_in(), ""),
        _ => {}
    });
    view! {
        <div class=format!("form {class}")>
            <Sent action=action>
                {summary(problems)}
                {with.into_iter().map(|(name, value)| view! { <input type="hidden" name=name value=value/> }).collect_view()}
                {children()}
            </Sent>
        </div>
    }
}

/// A form that is one button: `one_button(action, vec![("id", id)], "button", "Stop", "")`. `more` is for screen readers.
pub fn one_button<S: Act>(
    action: ServerAction<S>,
    with: Vec<(&'static str, String)>,
    class: &'static str,
    label: impl Into<String>,
    more: impl Into<String>,
) -> AnyView {
    let (label, more): (String, String) = (label.into(), more.into());
    view! {
        <Form action=action class="form--inline" with=with>
            <button type="submit" class=class>
                {label}
                {(!more.is_empty()).then(|| view! { <span class="sr">{format!(" {more}")}</span> })}
            </button>
        </Form>
    }
    .into_any()
}

/// A second button of a form, for another act with the same fields.
#[component]
pub fn Beside<S>(action: ServerAction<S>, label: &'static str) -> impl IntoView
where
    S: Act,
{
    let busy = action.pending();
    let run = move |ev: leptos::ev::MouseEvent| {
        #[cfg(feature = "hydrate")]
        {
            use leptos::wasm_bindgen::JsCast;
            let button = ev.current_target().and_then(|t| t.dyn_into::<leptos::web_sys::HtmlButtonElement>().ok());
            let form = button.and_then(|button| button.form());
            if let Some(data) = form.and_then(|form| leptos::web_sys::FormData::new_with_form(&form).ok())
                && let Ok(input) = leptos::form::FromFormData::from_form_data(&data)
            {
                ev.prevent_default();
                action.dispatch(input);
            }
        }
        #[cfg(not(feature = "hydrate"))]
        let _ = ev;
    };
    view! {
        <button type="submit" class="button" formaction=S::url() formnovalidate on:click=run
            aria-busy=move || busy.get().to_string()>{label}</button>
    }
}

/// Everything that is wrong, first of all, with links to the fields.
fn summary(problems: Signal<Problems>) -> AnyView {
    view! {
        {move || {
            let problems = problems.get();
            (!problems.0.is_empty())
                .then(|| {
                    let items = problems
                        .0
                        .iter()
                        .map(|problem| {
                            let (field, message) = (problem.field.clone(), problem.message.clone());
                            let words = field.replace('_', " ");
                            if field.is_empty() {
                                view! { <li>{message}</li> }.into_any()
                            } else {
                                view! { <li><a href=format!("#{field}")>{format!("{words} {message}")}</a></li> }.into_any()
                            }
                        })
                        .collect_view();
                    view! { <ul class="form__problems" role="alert">{items}</ul> }
                })
        }}
    }
    .into_any()
}

/// The submit button, busy while the server works, and the way back.
#[component]
pub fn Buttons(
    label: &'static str,
    /// Where *Cancel* leads; empty for none.
    #[prop(optional, into)]
    cancel: String,
    /// The act destroys something.
    #[prop(optional)]
    danger: bool,
) -> impl IntoView {
    let pending = use_context::<FormState>().map(|state| state.pending);
    let busy = move || pending.is_some_and(|pending| pending.get());
    let class = if danger { "button button--danger" } else { "button button--primary" };
    view! {
        <div class="form__buttons">
            <button type="submit" class=class aria-busy=move || busy().to_string() disabled=busy>{label}</button>
            {(!cancel.is_empty()).then(|| view! { <a class="button" href=cancel.clone()>"Cancel"</a> })}
        </div>
    }
}
