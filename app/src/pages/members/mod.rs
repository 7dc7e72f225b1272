//! Members of a project.

pub mod api;

use super::param;
use super::projects::way;
use crate::layout::head;
use crate::layout::toast::again;
use crate::paths;
use crate::ui::form::FormState;
use crate::ui::{Buttons, Field, Filter, Form, empty, filter_bar, heading, load, one_button, pager, time};
use leptos::prelude::*;
use model::{Action, MemberId, ProjectName, Role};

#[component]
pub fn List() -> impl IntoView {
    let (project, filter) = (param::<ProjectName>("project", "project"), Filter::here(&[]));
    let data = Resource::new(
        move || (project(), filter.get(), again()),
        |(project, f, _)| async move { api::list(project?, f.q, f.sort, f.after).await },
    );
    load(data, move |found, me| {
        let (f, name) = (filter.get_untracked(), found.frame.project.name.clone());
        let may = found.frame.may(Action::MemberCreate);
        let add = if may {
            view! { <a class="button button--primary" href=paths::member_new(&name)>"Add member"</a> }.into_any()
        } else {
            view! { <span class="note">"Adding members needs the role Project admin."</span> }.into_any()
        };
        let body = if found.page.items.is_empty() && f.narrows() {
            crate::ui::empty::no_match(f.path.clone())
        } else if found.page.items.is_empty() {
            empty("No member yet", "Members see the project, and may do what their role says.", ().into_any())
        } else {
            let rows = found.page.items.iter().map(|member| {
                let user = if may {
                    view! { <a href=paths::member(&name, member.id)>{member.user_name.clone()}</a> }.into_any()
                } else {
                    view! { <span>{member.user_name.clone()}</span> }.into_any()
                };
                view! {
                    <tr>
                        <td>{user}</td>
                        <td class="p2">{member.full_name.clone()}</td>
                        <td>{member.role.label()}</td>
                        <td class="p2">{time(member.created_at, me.now)}</td>
                    </tr>
                }
            }).collect_view();
            view! {
                <div class="card scroll"><table>
                    <thead><tr>
                        <th scope="col">"User"</th>
                        <th scope="col" class="p2">"Full name"</th>
                        {heading(&f, "role", "Role", "")}
                        {heading(&f, "created", "Since", "p2")}
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table></div>
                {pager(&f, found.page.next.clone())}
            }.into_any()
        };
        view! {
            {way(&name, "Members")}
            {head("Members", format!("Who may do what in {name}."), add)}
            {filter_bar(&f, "Search by user name", found.page.total, "member", ().into_any())}
            {body}
        }.into_any()
    })
}

/// The five roles, each with one line on what it may.
fn roles(chosen: Role) -> AnyView {
    let typed = use_context::<FormState>().and_then(|state| state.typed("role")).and_then(|text| text.parse().ok());
    let chosen = typed.and_then(Role::from_id).unwrap_or(chosen);
    let items = Role::ALL.into_iter().map(|role| view! {
        <label class="tick">
            <input type="radio" name="role" value=role.id().to_string() checked=role == chosen/>
            <span>{role.label()}<span class="tick__help">{role.summary()}</span></span>
        </label>
    }).collect_view();
    view! { <fieldset class="field" id="role"><legend>"Role"</legend>{items}</fieldset> }.into_any()
}

#[component]
pub fn New() -> impl IntoView {
    let project = param::<ProjectName>("project", "project");
    let action = ServerAction::<api::Create>::new();
    let typed = RwSignal::new(String::new());
    let names = Resource::new(move || typed.get(), api::candidates);
    let frame = Resource::new(project, |project| async move { super::projects::api::frame(project?).await });
    load(frame, move |frame, _| {
        let name = frame.project.name;
        let back = paths::members(&name);
        view! {
            {way(&name, "Add member")}
            {head("Add member", format!("The user sees {name} at once."), ().into_any())}
            <section class="card pad">
                <Form action=action with=vec![("project", name.to_string())]>
                    <div on:input=move |ev| typed.set(event_target_value(&ev))>
                        <Field name="user" label="User name" required=true autofocus=true list="users"/>
                    </div>
                    <datalist id="users">
                        <Transition>{move || names.get().map(|found| found.unwrap_or_default().into_iter()
                            .map(|(name, full)| view! { <option value=name>{full}</option> }).collect_view())}</Transition>
                    </datalist>
                    {roles(Role::Developer)}
                    <Buttons label="Add member" cancel=back/>
                </Form>
            </section>
        }.into_any()
    })
}

#[component]
pub fn Edit() -> impl IntoView {
    let (project, id) = (param::<ProjectName>("project", "project"), param::<MemberId>("id", "member"));
    let data = Resource::new(move || (project(), id(), again()), |(project, id, _)| async move {
        let project = project?;
        Ok((project.clone(), api::get(project, id?).await?))
    });
    let (save, remove) = (ServerAction::<api::Update>::new(), ServerAction::<api::Delete>::new());
    load(data, move |(name, member), _| {
        let with = vec![("project", name.to_string()), ("id", member.id.to_string())];
        let (back, role) = (paths::members(&name), member.role);
        view! {
        {way(&name, &member.user_name)}
        {head(member.user_name.clone(), format!("A member of {name}."), ().into_any())}
        <section class="card pad">
            <Form action=save with=with.clone()>
                {roles(role)}
                <Buttons label="Save role" cancel=back/>
            </Form>
        </section>
        <section class="card pad">
            <h2>"Remove from the project"</h2>
            <p>{format!("{} no longer sees {name} unless it is public. What they pushed stays.", member.user_name)}</p>
            {one_button(remove, with, "button button--danger", "Remove member", "")}
        </section>
    }.into_any()
    })
}
