//! Labels: of a project and for all projects; a new one, one that is changed, and its end.

pub mod forms;

use crate::pages::owner;
use crate::pages::prelude::*;
use domain::Owner;
use domain::labels;
use model::label::{COLORS, Label};
use model::{Action, LabelId};

/// The address of the owner's labels.
fn place(owner: &Owner) -> String {
    owner::place(owner, paths::labels, paths::project_labels)
}

fn way(owner: &Owner, last: &str) -> Vec<(String, String)> {
    owner::way(owner, ("Labels", place(owner)), last)
}

/// May the caller make and change them?
async fn may(call: &Call, owner: &Owner, right: Action) -> Result<bool, UiError> {
    match owner {
        Owner::System => Ok(call.me.admin()),
        Owner::Project(name) => Ok(domain::projects::frame(&call.ctx, &call.who, name).await?.may(right)),
    }
}

pub async fn list(call: &Call) -> Shown {
    let (owner, f) = (owner::of(call)?, call.filter(&[]));
    let may = may(call, &owner, Action::LabelUpdate).await?;
    let found = labels::list(&call.ctx, &call.who, &owner, &f.ask()).await?;
    let new = may.then(|| view! { <a class="button button--primary" href=paths::label_new(&place(&owner))>"New label"</a> });
    let purpose = match &owner {
        Owner::System => "Coloured words for artifacts of every project.".to_owned(),
        Owner::Project(name) => format!("Coloured words for artifacts of {name}. Those for all projects can be used too."),
    };
    let nothing = || empty("No label yet", "A label is put on an artifact on its page; lists are narrowed by it.", ());
    let headings = view! { {heading(&f, "name", "Label", "")}<th scope="col">"Description"</th>{heading(&f, "created", "Since", "p2")} };
    let base = place(&owner);
    let body = listing(&f, &found, nothing, headings, |label| {
        let name = match may {
            true => view! { <a href=paths::label(&base, label.id)>{chip(label)}</a> }.into_any(),
            false => chip(label),
        };
        view! { <tr><td>{name}</td><td class="wrap">{label.input.description.clone()}</td><td class="p2">{time(label.created_at, call.me.now)}</td></tr> }.into_any()
    });
    Ok(Page::new("Labels").way(way(&owner, "")).purpose(purpose).actions(new).body(view! {
        {filter_bar(&f, "Search by name", found.total, "label", ())}
        {body}
    }))
}

pub async fn new(call: &Call) -> Shown {
    let owner = owner::of(call)?;
    if !may(call, &owner, Action::LabelCreate).await? {
        return Err(UiError::Forbidden("making labels needs the role Maintainer".to_owned()));
    }
    page(call, owner, None)
}

pub async fn edit(call: &Call) -> Shown {
    let owner = owner::of(call)?;
    if !may(call, &owner, Action::LabelUpdate).await? {
        return Err(UiError::Forbidden("changing labels needs the role Maintainer".to_owned()));
    }
    let label = one(call, &owner).await?;
    page(call, owner, Some(label))
}

/// The label that the address names, of this owner.
async fn one(call: &Call, owner: &Owner) -> Result<Label, UiError> {
    let id = call.param::<LabelId>("id", "label")?;
    match labels::get(&call.ctx, &call.who, id).await? {
        (label, of) if of == *owner => Ok(label),
        _ => Err(UiError::NotFound(format!("label {id}"))),
    }
}

fn page(call: &Call, owner: Owner, label: Option<Label>) -> Shown {
    let title = label.as_ref().map_or("New label".to_owned(), |label| label.input.name.clone());
    let with = vec![
        ("project", owner::field(&owner)),
        ("id", label.as_ref().map_or(0, |label| label.id.0).to_string()),
    ];
    let mut colors: Vec<(String, String)> = COLORS.iter().map(|(value, words)| ((*value).to_owned(), (*words).to_owned())).collect();
    let own = label.as_ref().map(|label| label.input.color.clone()).unwrap_or_default();
    if !colors.iter().any(|(value, _)| *value == own) {
        colors.push((own.clone(), own.clone()));
    }
    let text = |get: fn(&Label) -> String| label.as_ref().map(get).unwrap_or_default();
    let form = call.form::<forms::Save>().with(with);
    let body = form.of(view! {
        {form.text("name", "Name").required().focus().value(text(|label| label.input.name.clone()))}
        {form.text("description", "Description").value(text(|label| label.input.description.clone()))}
        {form.choice("color", "Colour", colors).value(own)}
        {buttons("Save label").cancel(place(&owner))}
    });
    let end = label.as_ref().map(|label| view! {
        <section class="card pad"><h2>"Delete this label"</h2>{ask(paths::delete_of(&paths::label(&place(&owner), label.id)), "Delete label…")}</section>
    });
    Ok(Page::new(&title).way(way(&owner, &title)).body(view! { <section class="card pad">{body}</section>{end} }))
}

pub async fn delete(call: &Call) -> Shown {
    let owner = owner::of(call)?;
    let label = one(call, &owner).await?;
    let form = call.form::<forms::Delete>().with(vec![("project", owner::field(&owner)), ("id", label.id.to_string())]);
    let says = vec!["It goes from every artifact that carries it. Rules that name it take none of them any more.".to_owned()];
    let page = Page::new(format!("Delete {}?", label.input.name)).way(way(&owner, "Delete"));
    Ok(page.body(confirm(&form, says, (), "Delete label", paths::label(&place(&owner), label.id))))
}

/// A label as it stands on things: its colour in a dot, its name in words.
pub fn chip(label: &Label) -> AnyView {
    crate::ui::label_chip(&label.input.color, label.input.name.clone())
}
