//! Forms. They are sent by the browser, and by `islands::form` where script runs; both get the same page back.

use super::field::{Field, Kind};
use crate::answer::{Answer, Posted};
use leptos::prelude::*;
use model::Problems;
use std::cell::RefCell;
use std::sync::atomic::Ordering;

/// Most problems of a summary: who mends these sees the next.
const MOST_PROBLEMS: usize = 20;

/// A form: where it is sent, what was typed into it before, and what is wrong with that.
///
/// ```ignore
/// let form = call.form::<forms::Create>();
/// form.of(view! { {form.text("name", "Name").required()} {buttons("Create project")} })
/// ```
#[derive(Clone)]
pub struct Form {
    action: String,
    class: &'static str,
    with: Vec<(&'static str, String)>,
    problems: Problems,
    typed: Option<Vec<(String, String)>>,
    back: bool,
    preview: Option<String>,
    /// Name and label of each field so far: the summary stands before them and is made after.
    labels: RefCell<Vec<(&'static str, &'static str)>>,
}

impl Form {
    /// `posted` is what this form was answered with, if this page shows it.
    pub fn new(action: String, posted: Option<&Posted>) -> Form {
        if let Some(posted) = posted {
            posted.shown.store(true, Ordering::Relaxed);
        }
        Form {
            action,
            class: "",
            with: Vec::new(),
            problems: posted.and_then(|posted| posted.outcome.as_ref().err()).map(|error| error.problems()).unwrap_or_default(),
            back: posted.is_some_and(|posted| matches!(posted.outcome, Ok(Answer::Back { .. }))),
            typed: posted.map(|posted| posted.typed.clone()),
            preview: None,
            labels: RefCell::default(),
        }
    }

    /// Fields that are not shown.
    pub fn with(mut self, with: Vec<(&'static str, String)>) -> Form {
        self.with = with;
        self
    }

    /// A class beside `form`.
    pub fn class(mut self, class: &'static str) -> Form {
        self.class = class;
        self
    }

    /// Another act with the same fields (*Test connection*): what it says is said here too.
    pub fn beside(mut self, other: Form) -> Form {
        self.problems.0.extend(other.problems.0);
        self.typed = self.typed.or(other.typed);
        self
    }

    /// Sent there as well after each change, where script runs: what `#preview` holds in the answer is put in place.
    pub fn preview(mut self, action: String) -> Form {
        self.preview = Some(action);
        self
    }

    /// What was typed into `name`, where this page is an answer.
    pub fn typed(&self, name: &str) -> Option<String> {
        self.typed.as_ref()?.iter().find(|(key, _)| key == name).map(|(_, value)| value.clone())
    }

    /// All that was typed into `name`; `None` where this page is no answer.
    pub fn all_typed(&self, name: &str) -> Option<Vec<String>> {
        Some(self.typed.as_ref()?.iter().filter(|(key, _)| key == name).map(|(_, value)| value.clone()).collect())
    }

    pub fn problem(&self, name: &str) -> Option<String> {
        self.problems.of(name).map(str::to_owned)
    }

    /// One line of text.
    pub fn text(&self, name: &'static str, label: &'static str) -> Field {
        self.field(name, label, Kind::Text)
    }

    pub fn email(&self, name: &'static str, label: &'static str) -> Field {
        self.field(name, label, Kind::Email)
    }

    pub fn password(&self, name: &'static str, label: &'static str) -> Field {
        self.field(name, label, Kind::Password)
    }

    /// A password or secret that is being set.
    pub fn new_password(&self, name: &'static str, label: &'static str) -> Field {
        self.field(name, label, Kind::NewPassword)
    }

    pub fn number(&self, name: &'static str, label: &'static str) -> Field {
        self.field(name, label, Kind::Number)
    }

    pub fn url(&self, name: &'static str, label: &'static str) -> Field {
        self.field(name, label, Kind::Url)
    }

    /// Several lines of text.
    pub fn area(&self, name: &'static str, label: &'static str, rows: u32) -> Field {
        self.field(name, label, Kind::Area(rows))
    }

    /// One of several: each option is what is sent and its words.
    pub fn choice(&self, name: &'static str, label: &'static str, options: Vec<(String, String)>) -> Field {
        self.field(name, label, Kind::Choice(options))
    }

    /// A tick with its words beside it; sends `true`.
    pub fn tick(&self, name: &'static str, label: &'static str) -> Field {
        self.field(name, label, Kind::Tick)
    }

    fn field(&self, name: &'static str, label: &'static str, kind: Kind) -> Field {
        self.labels.borrow_mut().push((name, label));
        let first = self.problems.0.iter().find(|problem| !problem.field.is_empty());
        let bad = first.map(|problem| problem.field == name);
        Field { name, label, kind, typed: self.all_typed(name), problem: self.problem(name), bad, ..Field::default() }
    }

    /// The element around its fields.
    pub fn of(&self, fields: impl IntoAny) -> AnyView {
        let with = self.with.iter().map(|(name, value)| view! { <input type="hidden" name=*name value=value.clone()/> }).collect_view();
        // What is sent, and with what, tells one form from another: a part that is put in place takes no form for another.
        let values: String = self.with.iter().map(|(_, value)| format!(" {value}")).collect();
        let key = self.class.contains("inline").then(|| format!("{}{values}", self.action.split('?').next().unwrap_or_default()));
        view! {
            <form class=format!("form {}", self.class) method="post" action=self.action.clone() data-preview=self.preview.clone() data-key=key>
                {self.summary()}{with}{fields.into_any()}
            </form>
        }
        .into_any()
    }

    /// Everything that is wrong, first of all, with links to the fields.
    fn summary(&self) -> Option<AnyView> {
        if self.back {
            let text = "You are signed in again. Nothing was sent yet: look it over, and send it.";
            return Some(view! { <p class="note note--warn" role="alert">{text}</p> }.into_any());
        }
        if self.problems.0.is_empty() {
            return None;
        }
        let labels = self.labels.borrow();
        let items = self.problems.0.iter().take(MOST_PROBLEMS).map(|problem| {
            let label = labels.iter().find(|(name, _)| *name == problem.field).map(|(_, label)| label);
            match (problem.field.as_str(), label) {
                ("", _) => view! { <li>{problem.message.clone()}</li> }.into_any(),
                (field, Some(label)) => view! { <li><a href=format!("#{field}")>{format!("{label} {}", problem.message)}</a></li> }.into_any(),
                (field, None) => view! { <li>{format!("{} {}", field.replace('_', " "), problem.message)}</li> }.into_any(),
            }
        });
        Some(view! { <ul class="form__problems" role="alert" tabindex="-1">{items.collect_view()}</ul> }.into_any())
    }
}

/// A form that is one button.
pub struct Button {
    form: Form,
    label: String,
    class: &'static str,
    more: String,
}

impl Button {
    pub fn new(form: Form, label: String) -> Button {
        Button { form: form.class("form--inline"), label, class: "", more: String::new() }
    }

    pub fn primary(self) -> Button {
        Button { class: "button--primary", ..self }
    }

    /// It destroys something.
    pub fn danger(self) -> Button {
        Button { class: "button--danger", ..self }
    }

    pub fn small(self) -> Button {
        Button { class: "button--small", ..self }
    }

    pub fn quiet(self) -> Button {
        Button { class: "button--quiet button--small", ..self }
    }

    /// What only a screen reader says: which of several this is.
    pub fn more(self, more: impl Into<String>) -> Button {
        Button { more: format!(" {}", more.into()), ..self }
    }
}

impl IntoRender for Button {
    type Output = AnyView;

    fn into_render(self) -> AnyView {
        let more = (!self.more.is_empty()).then(|| view! { <span class="sr">{self.more}</span> });
        self.form.of(view! { <button type="submit" class=format!("button {}", self.class)>{self.label}{more}</button> })
    }
}

/// The submit button and the way back: `buttons("Create project").cancel(paths::projects())`.
pub fn buttons(label: &'static str) -> Buttons {
    Buttons { label, beside: None, cancel: String::new(), class: "button button--primary" }
}

pub struct Buttons {
    label: &'static str,
    beside: Option<(String, &'static str)>,
    cancel: String,
    class: &'static str,
}

impl Buttons {
    /// A second button, for another act with the same fields. It comes second, so that Enter in a field means the first.
    pub fn beside(self, action: String, label: &'static str) -> Buttons {
        Buttons { beside: Some((action, label)), ..self }
    }

    /// Where *Cancel* leads.
    pub fn cancel(self, cancel: String) -> Buttons {
        Buttons { cancel, ..self }
    }

    /// The act destroys something.
    pub fn danger(self) -> Buttons {
        Buttons { class: "button button--danger", ..self }
    }
}

impl IntoRender for Buttons {
    type Output = AnyView;

    fn into_render(self) -> AnyView {
        let cancel = (!self.cancel.is_empty()).then(|| view! { <a class="button" href=self.cancel>"Cancel"</a> });
        let beside = self.beside.map(|(action, label)| view! {
            <button type="submit" class="button" formaction=action formnovalidate=true>{label}</button>
        });
        view! { <div class="form__buttons"><button type="submit" class=self.class>{self.label}</button>{beside}{cancel}</div> }.into_any()
    }
}
