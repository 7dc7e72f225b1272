//! Parts that know neither routes nor use-cases. Each is a function or a builder of a few lines; its style has the same name in
//! `style/ui/`.

pub mod accessory;
pub mod copy;
pub mod empty;
pub mod field;
pub mod form;
pub mod icon;
pub mod menu;
pub mod pill;
pub mod table;
pub mod text;

pub use accessory::{accessory_rows, signed_pill};
pub use copy::{code_line, copy_button, digest};
pub use empty::{empty, no_match};
pub use form::buttons;
pub use icon::icon;
pub use menu::menu;
pub use pill::{Tone, pill};
pub use table::{Filter, facet, filter_bar, heading, listing, pager, table};
pub use text::{bytes, facts, time, when};
