//! Makes a part of the document like another, by as few changes as it takes: what stays keeps its focus, its place on the screen,
//! what is typed into it, ticked, or open.

use super::dom::document;
use wasm_bindgen::JsCast;
use web_sys::{Element, Node};

/// Makes `old` like `new`. `keep` leaves what is marked `data-keep` alone: what was said once is not unsaid by the page's renewing.
pub fn morph(old: &Element, new: &Element, keep: bool) {
    attributes(old, new);
    children(old, new, keep);
}

fn attributes(old: &Element, new: &Element) {
    let wanted = new.get_attribute_names();
    for name in wanted.iter().filter_map(|name| name.as_string()) {
        let value = new.get_attribute(&name);
        if let Some(value) = value.filter(|value| old.get_attribute(&name).as_ref() != Some(value)) {
            let _ = old.set_attribute(&name, &value);
        }
    }
    for name in old.get_attribute_names().iter().filter_map(|name| name.as_string()) {
        // Whether a menu is open is the person's, not the server's.
        if name != "open" && !new.has_attribute(&name) {
            let _ = old.remove_attribute(&name);
        }
    }
}

fn children(old: &Node, new: &Node, keep: bool) {
    let mut here = old.first_child();
    let mut wanted = new.first_child();
    while let Some(want) = wanted {
        wanted = want.next_sibling();
        let Some(same) = later(here.clone(), &want) else {
            // Nothing like it is there: it comes before what is.
            if let Ok(copy) = document().import_node_with_deep(&want, true) {
                let _ = old.insert_before(&copy, here.as_ref());
            }
            continue;
        };
        // What stands before it has gone.
        while let Some(gone) = here.filter(|here| !here.is_same_node(Some(&same))) {
            here = gone.next_sibling();
            let _ = old.remove_child(&gone);
        }
        here = same.next_sibling();
        update(&same, &want, keep);
    }
    while let Some(gone) = here {
        here = gone.next_sibling();
        let _ = old.remove_child(&gone);
    }
}

/// `from` or the first node after it that is to become `want`.
fn later(from: Option<Node>, want: &Node) -> Option<Node> {
    let mut here = from;
    while let Some(node) = here {
        if is_same(&node, want) {
            return Some(node);
        }
        here = node.next_sibling();
    }
    None
}

/// Two nodes are the same thing if they are of one kind and have one key, or both none.
fn is_same(old: &Node, new: &Node) -> bool {
    old.node_name() == new.node_name() && key(old) == key(new)
}

fn key(node: &Node) -> Option<String> {
    let element = node.dyn_ref::<Element>()?;
    element.get_attribute("data-key").or_else(|| element.get_attribute("id"))
}

fn update(old: &Node, new: &Node, keep: bool) {
    match (old.dyn_ref::<Element>(), new.dyn_ref::<Element>()) {
        // What a dialog holds was put there by an island.
        (Some(old), Some(_)) if old.tag_name() == "DIALOG" || (keep && old.has_attribute("data-keep")) => {}
        (Some(old), Some(new)) => morph(old, new, keep),
        _ => {
            let text = new.node_value();
            if old.node_value() != text {
                old.set_node_value(text.as_deref());
            }
        }
    }
}
