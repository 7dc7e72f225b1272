//! The permission matrix: a row an action, a column a scope; templates tick what a purpose needs.

use crate::pages::prelude::*;
use model::permission::RobotTemplate;
use model::robot::{Grant, Scope};
use model::{Action, ProjectName};
use std::collections::HashSet;

/// A column: its key in a tick (`system`, `all` or a project), and its words.
pub struct Column {
    key: String,
    words: String,
}

impl Column {
    pub fn of(project: &ProjectName) -> Column {
        Column { key: project.to_string(), words: project.to_string() }
    }

    fn takes(&self, action: Action) -> bool {
        action.is_system() == (self.key == "system")
    }

    fn tick(&self, action: Action) -> String {
        format!("{}|{}", self.key, action.name())
    }
}

/// Most projects with a column of their own.
const MOST_COLUMNS: usize = 50;

/// What is ticked at first: by a template from the address, else `before`.
fn first(template: &str, columns: &[Column], before: &[String]) -> HashSet<String> {
    let actions: Vec<Action> = match template {
        "" => return before.iter().cloned().collect(),
        "none" => Vec::new(),
        "all" => Action::ALL.iter().copied().filter(|action| action.robot_may_hold()).collect(),
        key => RobotTemplate::ALL
            .into_iter()
            .filter(|template| template.key() == key)
            .flat_map(|template| template.actions().iter().chain(template.system_actions()).copied())
            .collect(),
    };
    let takes = |column: &Column| actions.iter().filter(|action| column.takes(**action)).map(|action| column.tick(*action)).collect::<Vec<_>>();
    columns.iter().flat_map(takes).collect()
}

/// The matrix. `page` is the page's own address, for templates; `before` what is ticked unless one is chosen.
pub fn permissions(form: &Form, page: &str, template: &str, columns: &[Column], before: &[String]) -> AnyView {
    let ticked = match form.all_typed("grants[]") {
        Some(typed) => typed.into_iter().collect(),
        None => first(template, columns, before),
    };
    let templates = RobotTemplate::ALL
        .into_iter()
        .map(|template| (template.key(), template.label(), template.summary()))
        .chain([("all", "Select all", ""), ("none", "Reset", "")])
        .map(|(key, words, summary)| {
            let href = format!("{page}{}template={key}", if page.contains('?') { "&" } else { "?" });
            let summary = (!summary.is_empty()).then_some(summary);
            view! { <a class="facet" href=href title=summary data-swap="permissions">{words}</a> }
        })
        .collect_view();
    let headings = columns.iter().map(|column| view! { <th scope="col" class="mark">{column.words.clone()}</th> }).collect_view();
    let rows = Action::ALL.iter().copied().filter(|action| action.robot_may_hold() && columns.iter().any(|column| column.takes(*action)));
    let rows = rows.map(|action| {
        let cells = columns.iter().map(|column| {
            let tick = column.takes(action).then(|| {
                let value = column.tick(action);
                let (label, checked) = (format!("{} in {}", action.name(), column.words), ticked.contains(&value));
                view! { <input type="checkbox" name="grants[]" value=value aria-label=label checked=checked/> }
            });
            view! { <td class="mark">{tick}</td> }
        });
        view! { <tr><th scope="row"><code>{action.name()}</code></th>{cells.collect_view()}</tr> }
    });
    let rows = rows.collect_view();
    view! {
        <fieldset class="field" id="permissions">
            <legend>"Permissions"</legend>
            <div class="filter-bar">{templates}</div>
            {form.problem("permissions").map(|problem| view! { <p class="field__problem">{problem}</p> })}
            <div class="card scroll matrix"><table>
                <thead><tr><th scope="col">"May"</th>{headings}</tr></thead>
                <tbody>{rows}</tbody>
            </table></div>
        </fieldset>
    }
    .into_any()
}

/// The columns of a system robot: the system, all projects, and those named in the address.
pub fn system_columns(projects: &str) -> Vec<Column> {
    let mut columns =
        vec![Column { key: "system".into(), words: "System".into() }, Column { key: "all".into(), words: "All projects".into() }];
    for name in projects.split([' ', ',']).filter_map(|name| name.parse::<ProjectName>().ok()).take(MOST_COLUMNS) {
        if !columns.iter().any(|column| column.key == name.as_str()) {
            columns.push(Column::of(&name));
        }
    }
    columns
}

/// A way to add a project's column, by the address.
pub fn add_column(page: String, projects: &str, known: &[String]) -> AnyView {
    let options = known.iter().map(|name| view! { <option value=name.clone()></option> }).collect_view();
    let help = "Names of projects with permissions of their own, separated by spaces";
    view! {
        <form class="filter-bar" method="get" action=page data-swap="permissions">
            <label for="projects">"Also a column for"</label>
            <input id="projects" name="projects" value=projects.to_owned() placeholder="project names" list="known-projects" title=help/>
            <datalist id="known-projects">{options}</datalist>
            <button type="submit" class="button">"Show columns"</button>
        </form>
    }
    .into_any()
}

/// The ticks of an account's grants.
pub fn ticks(grants: &[Grant]) -> Vec<String> {
    let ticks = grants.iter().flat_map(|grant| {
        let key = match &grant.scope {
            Scope::System => "system".to_owned(),
            Scope::AllProjects => "all".to_owned(),
            Scope::Project(name) => name.to_string(),
        };
        grant.actions.iter().map(move |action| format!("{key}|{}", action.name()))
    });
    ticks.collect()
}
