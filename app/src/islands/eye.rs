//! Shows what is typed into a password field (`button[data-eye]`), and hides it again. Without it the button is not shown.

use super::dom::{document, listen, near};

pub fn start() {
    listen("click", |event| {
        let Some(eye) = near(&event, "button[data-eye]") else { return };
        let field = eye.get_attribute("aria-controls").and_then(|id| document().get_element_by_id(&id));
        let Some(field) = field else { return };
        let show = field.get_attribute("type").as_deref() == Some("password");
        let _ = field.set_attribute("type", if show { "text" } else { "password" });
        let _ = eye.set_attribute("aria-pressed", if show { "true" } else { "false" });
        eye.set_text_content(Some(if show { "Hide" } else { "Show" }));
    });
}
