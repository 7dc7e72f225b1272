//! Members of a project.

mod delete;
mod edit;
pub mod forms;
mod list;
mod new;

pub use delete::delete;
pub use edit::edit;
pub use list::list;
pub use new::new;

use crate::pages::prelude::*;
use model::Role;

/// The five roles, each with one line on what it may.
fn roles(form: &Form, chosen: Role) -> AnyView {
    let typed = form.typed("role").and_then(|text| Role::from_id(text.parse().ok()?));
    let chosen = typed.unwrap_or(chosen);
    let items = Role::ALL.into_iter().map(|role| view! {
        <label class="tick">
            <input type="radio" name="role" value=role.id().to_string() checked=role == chosen/>
            <span>{role.label()}<span class="tick__help">{role.summary()}</span></span>
        </label>
    });
    let problem = form.problem("role").map(|problem| view! { <p class="field__problem">{problem}</p> });
    view! { <fieldset class="field" id="role"><legend>"Role"</legend>{items.collect_view()}{problem}</fieldset> }.into_any()
}
