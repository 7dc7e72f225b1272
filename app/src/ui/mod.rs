//! Parts that know neither routes nor use-cases. Each is a function or a builder of a few lines; its style has the same name in
//! `style/ui/`.

pub mod accessory;
pub mod chart;
pub mod confirm;
pub mod copy;
pub mod empty;
pub mod field;
pub mod form;
pub mod icon;
pub mod menu;
pub mod pill;
pub mod quota;
pub mod table;
pub mod text;

pub use accessory::{accessory_rows, signed_pill};
pub use confirm::{ask, confirm};
pub use copy::{code_line, copy_button, digest, secret_line};
pub use empty::{empty, no_match};
pub use field::account;
pub use form::{Form, buttons};
pub use icon::icon;
pub use menu::menu;
pub use pill::{Tone, run_status, label_chip, pill, robot_state, target_health, task_status};
pub use table::{ListAddress, actions_heading, facet, filter_bar, heading, listing, pager, table};
pub use text::{bytes, facts, time, when};
