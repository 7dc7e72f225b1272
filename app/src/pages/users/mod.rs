//! Users, for system administrators.

pub mod api;

use super::param;
use crate::layout::{crumbs, head};
use crate::layout::toast::again;
use crate::paths;
use crate::ui::{Buttons, Field, FieldKind, Filter, Form, TextArea, Tone, filter_bar, guarded, heading, load, one_button, pager, pill, time};
use leptos::prelude::*;
use model::UserId;

#[component]
pub fn List() -> impl IntoView {
    let filter = Filter::here(&[]);
    let data = Resource::new(move || (filter.get(), again()), |(f, _)| api::list(f.q, f.sort, f.after));
    load(data, move |page, me| {
        let f = filter.get_untracked();
        let rows = page.items.iter().map(|user| view! {
            <tr>
                <td><a href=paths::user(user.id)>{user.name.clone()}</a></td>
                <td class="p2">{user.full_name.clone()}</td>
                <td class="p2">{user.email.clone()}</td>
                <td>{user.admin.then(|| pill(Tone::Info, "key", "System administrator"))}
                    {user.disabled.then(|| pill(Tone::Neutral, "", "Disabled"))}</td>
                <td class="p2">{time(user.created_at, me.now)}</td>
            </tr>
        }).collect_view();
        let body = if page.items.is_empty() {
            crate::ui::empty::no_match(f.path.clone())
        } else {
            view! {
                <div class="card scroll"><table>
                    <thead><tr>
                        {heading(&f, "name", "Name", "")}
                        <th scope="col" class="p2">"Full name"</th>
                        {heading(&f, "email", "Email", "p2")}
                        <th scope="col">"Status"</th>
                        {heading(&f, "created", "Created", "p2")}
                    </tr></thead>
                    <tbody>{rows}</tbody>
                </table></div>
                {pager(&f, page.next.clone())}
            }.into_any()
        };
        view! {
            {head("Users", "People who sign in.", view! { <a class="button button--primary" href=paths::user_new()>"New user"</a> }.into_any())}
            {filter_bar(&f, "Search by name", page.total, "user", ().into_any())}
            {body}
        }.into_any()
    })
}

fn way(last: &str) -> AnyView {
    crumbs(vec![("Users".into(), paths::users()), (last.to_owned(), String::new())])
}

#[component]
pub fn New() -> impl IntoView {
    let action = ServerAction::<api::Create>::new();
    guarded(true, move || view! {
        {way("New user")}
        {head("New user", "They sign in with this name and password, and can change the password themselves.", ().into_any())}
        <section class="card pad">
            <Form action=action>
                <Field name="name" label="User name" required=true autofocus=true help="Letters, digits, “.”, “_”, “-” or “@”."/>
                <Field name="email" label="Email" kind=FieldKind::Email required=true/>
                <Field name="full_name" label="Full name" required=true/>
                <Field name="password" label="Password" kind=FieldKind::NewPassword required=true
                    help="At least 8 characters, not easily guessed. A long phrase is best."/>
                <Field name="again" label="Password again" kind=FieldKind::NewPassword required=true/>
                <TextArea name="comment" label="Comment"/>
                <Buttons label="Create user" cancel=paths::users()/>
            </Form>
        </section>
    }.into_any())
}

#[component]
pub fn Show() -> impl IntoView {
    let id = param::<UserId>("id", "user");
    let data = Resource::new(move || (id(), again()), |(id, _)| async move { api::get(id?).await });
    let (save, password) = (ServerAction::<api::Update>::new(), ServerAction::<api::SetPassword>::new());
    let act = ServerAction::<api::Act>::new();
    load(data, move |user, me| {
        let id = user.id.to_string();
        let own = me.user.as_ref().is_some_and(|me| me.id == user.id);
        let button = {
            let id = id.clone();
            move |name: &'static str, words: &'static str, danger: bool| {
                let class = if danger { "button button--danger" } else { "button" };
                one_button(act, vec![("id", id.clone()), ("act", name.to_owned())], class, words, "")
            }
        };
        let admin = if user.admin { button("revoke-admin", "Revoke administration", false) } else { button("grant-admin", "Make system administrator", false) };
        let disable = if user.disabled { button("enable", "Enable", false) } else { button("disable", "Disable", false) };
        let (is_admin, is_disabled) = (user.admin, user.disabled);
        view! {
            {way(&user.name)}
            {head(user.name.clone(), user.full_name.clone(), view! {
                {is_admin.then(|| pill(Tone::Info, "key", "System administrator"))}
                {is_disabled.then(|| pill(Tone::Neutral, "", "Disabled"))}
            }.into_any())}
            <section class="card pad">
                <h2>"Profile"</h2>
                <Form action=save with=vec![("id", id.clone())]>
                    <Field name="email" label="Email" kind=FieldKind::Email value=user.email required=true/>
                    <Field name="full_name" label="Full name" value=user.full_name required=true/>
                    <TextArea name="comment" label="Comment" value=user.comment/>
                    <Buttons label="Save profile"/>
                </Form>
            </section>
            {(!own).then(|| view! {
                <section class="card pad">
                    <h2>"Password"</h2>
                    <Form action=password with=vec![("id", id)]>
                        <Field name="password" label="New password" kind=FieldKind::NewPassword required=true/>
                        <Field name="again" label="New password again" kind=FieldKind::NewPassword required=true/>
                        <Buttons label="Set password"/>
                    </Form>
                </section>
            })}
            <section class="card pad">
                <h2>"Access"</h2>
                <p class="note">"Deleting a user ends their sessions and memberships; what they pushed and the audit log stay."</p>
                <div class="row-actions">{admin}{disable}{(!own).then(|| button("delete", "Delete user", true))}</div>
            </section>
        }.into_any()
    })
}
