//! What surrounds every page: the document, top bar, side navigation and the page's head.

mod document;
mod failed;
mod keys;
mod side;
mod top;

pub use document::{FADE_HASH, document};

use crate::UiError;
use failed::failed;
use leptos::prelude::*;

/// A page: where one is, its title with one line of purpose, what one can do, and what stands below.
///
/// ```ignore
/// Page::new("Members").way(way).purpose("Who may do what in cosign.").actions(add).body(view! { … })
/// ```
pub struct Page {
    title: String,
    purpose: String,
    way: Vec<(String, String)>,
    actions: Option<AnyView>,
    body: Option<AnyView>,
    headed: bool,
    live: bool,
}

impl Page {
    pub fn new(title: impl Into<String>) -> Page {
        Page { title: title.into(), purpose: String::new(), way: Vec::new(), actions: None, body: None, headed: true, live: false }
    }

    /// A page whose body brings a heading of its own.
    pub fn bare(title: impl Into<String>) -> Page {
        Page { headed: false, ..Page::new(title) }
    }

    /// Why a page cannot be shown.
    pub fn failed(error: &UiError, request_id: &str) -> Page {
        let (title, view) = failed(error, request_id);
        Page::bare(title).body(view)
    }

    /// The way here: words and addresses; the last has none.
    pub fn way(mut self, way: Vec<(String, String)>) -> Page {
        self.way = way;
        self
    }

    pub fn purpose(mut self, purpose: impl Into<String>) -> Page {
        self.purpose = purpose.into();
        self
    }

    pub fn actions(mut self, actions: impl IntoAny) -> Page {
        self.actions = Some(actions.into_any());
        self
    }

    pub fn body(mut self, body: impl IntoAny) -> Page {
        self.body = Some(body.into_any());
        self
    }

    /// Something on it is under way: it renews itself where script runs, and has a link for it where not.
    pub fn live(mut self, unsettled: bool) -> Page {
        self.live = unsettled;
        self
    }

    fn view(self) -> AnyView {
        let items = self.way.into_iter().map(|(words, href)| match href.as_str() {
            "" => view! { <li aria-current="page">{words}</li> }.into_any(),
            _ => view! { <li><a href=href>{words}</a></li> }.into_any(),
        });
        let items: Vec<AnyView> = items.collect();
        let way = (!items.is_empty()).then(|| view! { <nav class="crumbs" aria-label="Where you are"><ol>{items}</ol></nav> });
        let refresh = self.live.then(|| view! { <a class="button" href="">"Refresh"</a> });
        let head = self.headed.then(|| view! {
            <header class="head">
                <div class="head__text">
                    <h1>{self.title}</h1>
                    {(!self.purpose.is_empty()).then(|| view! { <p>{self.purpose}</p> })}
                </div>
                <div class="head__actions">{refresh}{self.actions}</div>
            </header>
        });
        view! { {way}{head}{self.body} }.into_any()
    }
}
