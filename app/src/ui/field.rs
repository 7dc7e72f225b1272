//! Fields: label above, help below, what is wrong under it.

use leptos::prelude::*;

/// What the browser should know of a field.
#[derive(Default)]
pub enum Kind {
    #[default]
    Text,
    Email,
    Password,
    NewPassword,
    Number,
    Url,
    Area(u32),
    Choice(Vec<(String, String)>),
    Tick,
}

impl Kind {
    /// The input's type, and what the browser may complete.
    fn html(&self) -> (&'static str, &'static str) {
        match self {
            Kind::Email => ("email", "off"),
            Kind::Password => ("password", "current-password"),
            Kind::NewPassword => ("password", "new-password"),
            Kind::Number => ("number", "off"),
            Kind::Url => ("url", "off"),
            Kind::Text | Kind::Area(_) | Kind::Choice(_) | Kind::Tick => ("text", "off"),
        }
    }
}

/// One field of a [`super::form::Form`], which makes it.
#[derive(Default)]
pub struct Field {
    pub(super) name: &'static str,
    pub(super) label: &'static str,
    pub(super) kind: Kind,
    /// All that was typed into it, where its form came back.
    pub(super) typed: Option<Vec<String>>,
    pub(super) problem: Option<String>,
    /// Whether this is the first field with a problem; `None` where there is no problem at all.
    pub(super) bad: Option<bool>,
    pub(super) help: &'static str,
    pub(super) value: String,
    pub(super) ticked: bool,
    pub(super) required: bool,
    pub(super) focus: bool,
    pub(super) list: &'static str,
    pub(super) placeholder: &'static str,
    pub(super) complete: Option<&'static str>,
}

impl Field {
    pub fn help(self, help: &'static str) -> Field {
        Field { help, ..self }
    }

    /// What stands in it at first.
    pub fn value(self, value: impl Into<String>) -> Field {
        Field { value: value.into(), ..self }
    }

    /// Of a tick: whether it is set at first.
    pub fn ticked(self, ticked: bool) -> Field {
        Field { ticked, ..self }
    }

    pub fn required(self) -> Field {
        Field { required: true, ..self }
    }

    /// Where a person begins to type.
    pub fn focus(self) -> Field {
        Field { focus: true, ..self }
    }

    /// Offers what the `datalist` of this id holds; with script it is asked for anew as one types (`islands::suggest`).
    pub fn suggests(self, list: &'static str) -> Field {
        Field { list, ..self }
    }

    pub fn placeholder(self, placeholder: &'static str) -> Field {
        Field { placeholder, ..self }
    }

    /// Overrides what the browser may complete, e.g. `username`.
    pub fn complete(self, complete: &'static str) -> Field {
        Field { complete: Some(complete), ..self }
    }

    fn typed(&self) -> Option<&String> {
        self.typed.as_ref()?.first()
    }

    fn tick(self) -> AnyView {
        // Of a form that came back, what was not sent was not ticked.
        let ticked = self.typed.as_ref().map_or(self.ticked, |typed| !typed.is_empty());
        view! {
            <label class="tick">
                <input type="checkbox" id=self.name name=self.name value="true" checked=ticked/>
                <span>{self.label}{(!self.help.is_empty()).then(|| view! { <span class="tick__help">{self.help}</span> })}</span>
            </label>
        }
        .into_any()
    }
}

/// Whose password a form sets, for the browser's password store. It has no name, so it is not sent.
pub fn account(name: &str) -> AnyView {
    view! { <input type="text" autocomplete="username" value=name.to_owned() hidden=true/> }.into_any()
}

/// Leptos writes a textarea's text unescaped, and HTML reads it as text with entities, of which a first line feed is none (13.1.2.5).
fn textarea_text(text: &str) -> String {
    format!("\n{}", text.replace('&', "&amp;").replace('<', "&lt;"))
}

impl IntoRender for Field {
    type Output = AnyView;

    fn into_render(self) -> AnyView {
        if let Kind::Tick = self.kind {
            return self.tick();
        }
        let text = self.typed().unwrap_or(&self.value).clone();
        let (name, label, help) = (self.name, self.label, self.help);
        let (html, off) = self.kind.html();
        let focus = self.bad.unwrap_or(self.focus);
        let bad = self.problem.is_some();
        let invalid = bad.then_some("true");
        let mut about = Vec::new();
        if !help.is_empty() {
            about.push(format!("{name}-help"));
        }
        if self.problem.is_some() {
            about.push(format!("{name}-problem"));
        }
        let about = (!about.is_empty()).then(|| about.join(" "));
        let optional = !self.required && !matches!(self.kind, Kind::Choice(_));
        let control = match self.kind {
            Kind::Area(rows) => view! {
                <textarea id=name name=name rows=rows.to_string() spellcheck="false" autofocus=focus aria-invalid=invalid aria-describedby=about>
                    {textarea_text(&text)}
                </textarea>
            }
            .into_any(),
            Kind::Choice(options) => {
                let options = options.into_iter().map(|(value, words)| {
                    let selected = value == text;
                    view! { <option value=value selected=selected>{words}</option> }
                });
                view! {
                    <select id=name name=name autofocus=focus aria-invalid=invalid aria-describedby=about>{options.collect_view()}</select>
                }
                .into_any()
            }
            _ => view! {
                <input id=name name=name type=html value=text required=self.required autofocus=focus
                    placeholder=(!self.placeholder.is_empty()).then_some(self.placeholder)
                    autocomplete=self.complete.unwrap_or(off) autocapitalize="none" spellcheck="false"
                    list=(!self.list.is_empty()).then_some(self.list) data-suggest=(!self.list.is_empty()).then_some(self.list)
                    aria-invalid=invalid aria-describedby=about/>
            }
            .into_any(),
        };
        let eye = (html == "password").then(|| view! {
            <button type="button" class="button js" aria-pressed="false" aria-controls=name data-eye="">"Show"</button>
        });
        view! {
            <div class="field" class:field--bad=bad>
                <label for=name>{label}{optional.then(|| view! { <span class="field__optional">" optional"</span> })}</label>
                <div class="field__row">{control}{eye}</div>
                {(!help.is_empty()).then(|| view! { <p class="field__help" id=format!("{name}-help")>{help}</p> })}
                {self.problem.map(|problem| view! { <p class="field__problem" id=format!("{name}-problem")>{problem}</p> })}
            </div>
        }
        .into_any()
    }
}
