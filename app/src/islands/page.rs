//! Pages of the server's, asked for and put in place.

use super::dom::{all, document, window};
use super::morph::morph;
use wasm_bindgen::prelude::*;
use wasm_bindgen_futures::JsFuture;
use web_sys::{Document, DomParser, Headers, RequestInit, Response, SupportedType};

/// An answer of the server's.
pub struct Answer {
    pub response: Response,
    /// The page in it, if it is one of ours and no proxy's.
    pub page: Option<Document>,
    /// What is no page but plain text, as the server's refusal of a form from elsewhere; not longer than a person reads.
    pub text: Option<String>,
}

impl Answer {
    pub fn header(&self, name: &str) -> Option<String> {
        self.response.headers().get(name).ok()?
    }
}

/// Asks for a page of which a part is shown; `None` where no answer came.
pub async fn get_part(url: &str) -> Option<Answer> {
    ask(url, &RequestInit::new(), "part").await
}

/// Asks for a page that is shown whole, with what is said once on it.
pub async fn get_whole(url: &str) -> Option<Answer> {
    ask(url, &RequestInit::new(), "whole").await
}

/// Sends a form's fields; `None` where no answer came.
pub async fn post(url: &str, fields: &JsValue) -> Option<Answer> {
    let init = RequestInit::new();
    init.set_method("POST");
    init.set_body(fields);
    ask(url, &init, "whole").await
}

async fn ask(url: &str, init: &RequestInit, what: &str) -> Option<Answer> {
    let headers = Headers::new().ok()?;
    headers.set("accept", "text/html").ok()?;
    // Told by it, the server says where to go instead of sending there (`app::server`).
    headers.set("x-wharf-island", what).ok()?;
    init.set_headers(&headers);
    let response: Response = JsFuture::from(window().fetch_with_str_and_init(url, init)).await.ok()?.unchecked_into();
    let text = JsFuture::from(response.text().ok()?).await.ok()?.as_string()?;
    let page = DomParser::new().ok()?.parse_from_string(&text, SupportedType::TextHtml).ok();
    let is_plain = response.headers().get("content-type").ok().flatten().is_some_and(|kind| kind.starts_with("text/plain"));
    Some(Answer { response, page: page.filter(|page| release(page).is_some()), text: Some(text).filter(|text| is_plain && text.len() < 1000) })
}

/// The build that a page is of; only pages of ours have one.
fn release(page: &Document) -> Option<String> {
    page.document_element()?.get_attribute("data-release")
}

/// Is the page of another build than this document? Then its files may be others.
pub fn is_of_another_build(page: &Document) -> bool {
    release(page) != release(&document())
}

/// Puts what is different of `page` in place: title, theme and body. The address becomes `at`, where that is another.
pub fn show(page: &Document, at: Option<&str>) {
    if let Some(at) = at.filter(|at| *at != super::dom::address()) {
        let _ = window().history().and_then(|history| history.replace_state_with_url(&JsValue::NULL, "", Some(at)));
    }
    document().set_title(&page.title());
    // What is said again is said anew: a screen reader reads what comes, not what stays.
    if let Some(body) = document().body() {
        all(&body, ".notice__text, .form__problems").iter().for_each(|said| said.remove());
    }
    if let (Some(old), Some(new)) = (document().document_element(), page.document_element()) {
        match new.get_attribute("data-theme") {
            Some(theme) => drop(old.set_attribute("data-theme", &theme)),
            None => drop(old.remove_attribute("data-theme")),
        }
    }
    if let (Some(old), Some(new)) = (document().body(), page.body()) {
        morph(&old, &new, false);
    }
}

/// Puts what is different of the element `id` in place.
pub fn show_part(page: &Document, id: &str) {
    if let (Some(old), Some(new)) = (document().get_element_by_id(id), page.get_element_by_id(id)) {
        morph(&old, &new, false);
    }
}
