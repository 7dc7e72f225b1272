//! Around tables: filter, sortable headings, pages. All of it is links and a GET form, so the address holds the state.

use super::empty::no_match;
use crate::address;
use leptos::prelude::*;

/// What stands in a list's address.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ListAddress {
    /// The list's own path.
    pub path: String,
    pub q: String,
    pub sort: String,
    pub after: String,
    /// Facets: name and value.
    pub more: Vec<(&'static str, String)>,
}

impl ListAddress {
    /// The list's question to a use-case.
    pub fn ask(&self) -> model::list::Query {
        model::list::Query::portal(Some(self.q.clone()), Some(self.sort.clone()), self.after.parse().ok())
    }

    /// As [`ListAddress::ask`], for a list that is only paged.
    pub fn ask_page(&self) -> model::list::Query {
        model::list::Query::portal(None, None, self.after.parse().ok())
    }

    pub fn facet(&self, name: &str) -> &str {
        self.more.iter().find(|(key, _)| *key == name).map_or("", |(_, value)| value.as_str())
    }

    /// Does it leave anything out? `open` shows more.
    pub fn narrows(&self) -> bool {
        !self.q.is_empty() || self.more.iter().any(|(name, value)| *name != "open" && !value.is_empty())
    }

    /// The same list, otherwise. A change of filter or order starts at the first page.
    pub fn link(&self, change: &[(&str, &str)]) -> String {
        let changed = |name: &str| change.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
        let mut query = vec![("q", changed("q").unwrap_or(&self.q)), ("sort", changed("sort").unwrap_or(&self.sort))];
        for (name, value) in &self.more {
            query.push((name, changed(name).unwrap_or(value)));
        }
        query.push(("after", changed("after").unwrap_or_default()));
        address::with(&self.path, &query)
    }
}

/// Search field, facets and the count.
pub fn filter_bar(filter: &ListAddress, label: &'static str, total: i64, what: &'static str, facets: impl IntoAny) -> AnyView {
    let hidden = filter
        .more
        .iter()
        .map(|(name, value)| (*name, value.clone()))
        .chain([("sort", filter.sort.clone())])
        .filter(|(_, value)| !value.is_empty())
        .map(|(name, value)| view! { <input type="hidden" name=name value=value/> })
        .collect_view();
    let count = model::stamp::count(total, what);
    view! {
        <div class="filter-bar">
            <form class="filter-bar__search" method="get" action=filter.path.clone() role="search">
                <input type="search" name="q" value=filter.q.clone() placeholder=label aria-label=label data-filter="true"/>
                {hidden}
                <button type="submit" class="button">"Search"</button>
            </form>
            {facets.into_any()}
            <span class="filter-bar__count">{count}</span>
        </div>
    }
    .into_any()
}

/// A facet: a link that narrows, or that widens again where it is chosen.
pub fn facet(filter: &ListAddress, name: &'static str, value: &'static str, label: &'static str) -> AnyView {
    let chosen = filter.facet(name) == value;
    let href = filter.link(&[(name, if chosen { "" } else { value })]);
    view! { <a class="facet" href=href aria-current=chosen.then_some("true")>{label}</a> }.into_any()
}

/// A heading that sorts: by `key`, and the other way when it does so already.
pub fn heading(filter: &ListAddress, key: &'static str, label: &'static str, class: &'static str) -> AnyView {
    let (sort, order) = match filter.sort.as_str() {
        sort if sort == key => (format!("-{key}"), "ascending"),
        sort if sort.strip_prefix('-') == Some(key) => (key.to_owned(), "descending"),
        _ => (key.to_owned(), "none"),
    };
    let mark = match order {
        "ascending" => " ↑",
        "descending" => " ↓",
        _ => "",
    };
    view! {
        <th scope="col" class=class aria-sort=order><a href=filter.link(&[("sort", &sort)])>{label}{mark}</a></th>
    }
    .into_any()
}

/// The card around a table.
pub fn table(class: &'static str, headings: impl IntoAny, rows: Vec<AnyView>) -> AnyView {
    view! {
        <div class="card scroll"><table class=class>
            <thead><tr>{headings.into_any()}</tr></thead>
            <tbody>{rows}</tbody>
        </table></div>
    }
    .into_any()
}

/// A list: the table of its rows with the way to more of them, or what is said where there is nothing at all, or nothing that matches.
pub fn listing<T>(
    filter: &ListAddress,
    page: &model::Page<T>,
    nothing: impl FnOnce() -> AnyView,
    headings: impl IntoAny,
    row: impl Fn(&T) -> AnyView,
) -> AnyView {
    if !page.items.is_empty() {
        return view! { {table("", headings, page.items.iter().map(row).collect())}{pager(filter, page.next.clone())} }.into_any();
    }
    if filter.narrows() { no_match(filter.path.clone()) } else { nothing() }
}

/// The heading of the column of actions.
pub fn actions_heading() -> AnyView {
    view! { <th scope="col" class="row-end"><span class="sr">"Actions"</span></th> }.into_any()
}

/// Older rows, and back to the first.
pub fn pager(filter: &ListAddress, next: Option<String>) -> AnyView {
    if filter.after.is_empty() && next.is_none() {
        return ().into_any();
    }
    let first = (!filter.after.is_empty()).then(|| view! { <a class="button" href=filter.link(&[])>"First page"</a> });
    let next = next.map(|next| view! { <a class="button" href=filter.link(&[("after", &next)]) rel="next">"Next page"</a> });
    view! { <nav class="pager" aria-label="Pages">{first}{next}</nav> }.into_any()
}
