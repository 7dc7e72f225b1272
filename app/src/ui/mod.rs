//! Parts that know neither routes nor use-cases. Each is a function or a component of a few lines; its style has the same
//! name in `style/ui/`.

pub mod accessory;
pub mod copy;
pub mod empty;
pub mod field;
pub mod form;
pub mod icon;
pub mod load;
pub mod menu;
pub mod pill;
pub mod table;
pub mod text;

pub use accessory::{accessory_rows, signed_pill};
pub use copy::{code_line, copy_button, digest};
pub use empty::empty;
pub use field::{Checkbox, Field, FieldKind, SelectField, TextArea};
pub use form::{Beside, Buttons, Form, one_button};
pub use icon::icon;
pub use load::{guarded, load};
pub use menu::menu;
pub use pill::{Tone, pill};
pub use table::{Filter, filter_bar, heading, pager};
pub use text::{bytes, facts, time, when};
