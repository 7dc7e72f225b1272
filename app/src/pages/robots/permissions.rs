//! The permission matrix: a row an action, a column a scope; templates tick what a purpose needs.

use crate::paths;
use crate::ui::form::FormState;
use leptos::prelude::*;
use model::Action;
use model::permission::RobotTemplate;
use std::collections::HashSet;

/// A column: its key in a tick (`system`, `all` or a project), and its words.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Column {
    pub key: String,
    pub words: String,
}

/// What is ticked at first: by a template from the address, else `before`.
fn first(template: &str, columns: &[Column], before: &[String]) -> HashSet<String> {
    let actions: Vec<Action> = match template {
        "" => return before.iter().cloned().collect(),
        "none" => Vec::new(),
        "all" => Action::ALL.iter().copied().filter(|a| a.robot_may_hold()).collect(),
        key => RobotTemplate::ALL
            .into_iter()
            .filter(|template| template.key() == key)
            .flat_map(|template| template.actions().iter().chain(template.system_actions()).copied())
            .collect(),
    };
    let mut ticked = HashSet::new();
    for column in columns {
        for action in &actions {
            if action.is_system() == (column.key == "system") {
                ticked.insert(format!("{}|{}", column.key, action.name()));
            }
        }
    }
    ticked
}

/// The matrix. `path` is the page's own, for templates without script; `before` what is ticked unless one is chosen.
pub fn permissions(path: String, template: String, columns: Vec<Column>, before: Vec<String>) -> AnyView {
    let came_back = use_context::<FormState>().filter(FormState::came_back);
    let start = match came_back {
        Some(state) => state.typed.with_value(|typed| {
            typed.iter().filter(|(name, _)| name == "grants[]").map(|(_, value)| value.clone()).collect()
        }),
        None => first(&template, &columns, &before),
    };
    let ticked = RwSignal::new(start);
    let choices = [("all", "Select all"), ("none", "Reset")];
    let templates = RobotTemplate::ALL
        .into_iter()
        .map(|template| (template.key(), template.label(), template.summary()))
        .chain(choices.into_iter().map(|(key, words)| (key, words, "")))
        .map(|(key, words, summary)| {
            let columns = columns.clone();
            let choose = move |ev: leptos::ev::MouseEvent| {
                ev.prevent_default();
                ticked.set(first(key, &columns, &[]));
            };
            let href = format!("{path}{}template={key}", if path.contains('?') { "&" } else { "?" });
            view! { <a class="facet" href=href title=summary on:click=choose>{words}</a> }
        })
        .collect_view();
    let headings = columns.iter().map(|column| view! { <th scope="col" class="mark">{column.words.clone()}</th> }).collect_view();
    let problem = use_context::<FormState>().map(|state| state.problems);
    let rows = Action::ALL
        .iter()
        .copied()
        .filter(|action| action.robot_may_hold())
        .filter(|action| columns.iter().any(|column| action.is_system() == (column.key == "system")))
        .map(|action| {
            let cells = columns
                .iter()
                .map(|column| {
                    if action.is_system() != (column.key == "system") {
                        return view! { <td class="mark"></td> }.into_any();
                    }
                    let value = format!("{}|{}", column.key, action.name());
                    let (key, toggled) = (value.clone(), value.clone());
                    let label = format!("{} in {}", action.name(), column.words);
                    view! {
                        <td class="mark">
                            <input type="checkbox" name="grants[]" value=value aria-label=label
                                checked=ticked.with_untracked(|t| t.contains(&key))
                                prop:checked={let key = key.clone(); move || ticked.with(|t| t.contains(&key))}
                                on:change=move |_| ticked.update(|t| if !t.remove(&toggled) { t.insert(toggled.clone()); })
                            />
                        </td>
                    }
                    .into_any()
                })
                .collect_view();
            view! { <tr><th scope="row"><code>{action.name()}</code></th>{cells}</tr> }
        })
        .collect_view();
    view! {
        <fieldset class="field" id="permissions">
            <legend>"Permissions"</legend>
            <div class="filter-bar">{templates}</div>
            <p class="field__problem">{move || problem.and_then(|p| p.get().of("permissions").map(str::to_owned))}</p>
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
    let mut columns = vec![
        Column { key: "system".into(), words: "System".into() },
        Column { key: "all".into(), words: "All projects".into() },
    ];
    for name in projects.split([' ', ',']).filter(|name| name.parse::<model::ProjectName>().is_ok()) {
        if !columns.iter().any(|column| column.key == name) {
            columns.push(Column { key: name.to_owned(), words: name.to_owned() });
        }
    }
    columns
}

/// A way to add a project's column, by the address.
pub fn add_column(path: String, projects: &str, known: &[String]) -> AnyView {
    let options = known.iter().map(|name| view! { <option value=name.clone()></option> }).collect_view();
    let help = "Names of projects with permissions of their own, separated by spaces";
    view! {
        <form class="filter-bar" method="get" action=path>
            <label for="projects">"Also a column for"</label>
            <input id="projects" name="projects" value=projects.to_owned() placeholder="project names" list="known-projects" title=help/>
            <datalist id="known-projects">{options}</datalist>
            <button type="submit" class="button">"Show columns"</button>
        </form>
    }
    .into_any()
}

/// The ticks of an account's grants.
pub fn ticks(grants: &[model::robot::Grant]) -> Vec<String> {
    use model::robot::Scope;
    grants
        .iter()
        .flat_map(|grant| {
            let key = match &grant.scope {
                Scope::System => "system".to_owned(),
                Scope::AllProjects => "all".to_owned(),
                Scope::Project(name) => name.to_string(),
            };
            grant.actions.iter().map(move |action| format!("{key}|{}", action.name()))
        })
        .collect()
}

/// The page's path with the chosen columns, for template links.
pub fn here(path: String, projects: &str) -> String {
    paths::with(&path, &[("projects", projects)])
}
