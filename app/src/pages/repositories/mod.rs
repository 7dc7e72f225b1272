//! A project's repositories, and the settings of one.

mod delete;
pub mod forms;
mod list;
mod settings;

pub use delete::delete;
pub use list::list;
pub use settings::settings;

use crate::pages::prelude::*;
use crate::session::Me;
use model::repository::Storage;
use model::stamp::bytes;

/// The commands that fill an empty project or repository.
pub fn push_commands(me: &Me, repository: &str) -> AnyView {
    let (registry, cosign) = (&me.registry, me.flag("cosign"));
    view! {
        <div class="commands">
            {code_line(format!("docker login {registry}"))}
            {code_line(format!("docker tag IMAGE {registry}/{repository}:1.0"))}
            {code_line(format!("docker push {registry}/{repository}:1.0"))}
            {code_line(format!("cosign sign --key cosign.key{cosign} {registry}/{repository}@DIGEST"))}
        </div>
    }
    .into_any()
}

/// How much lies there, in words: what it takes, and what it would take if nothing were shared.
pub fn stored(storage: Storage) -> String {
    match storage {
        Storage { stored: 0, .. } => String::new(),
        Storage { stored, logical } if logical > stored => {
            format!("{} stored; {} without sharing", bytes(stored), bytes(logical))
        }
        Storage { stored, .. } => format!("{} stored", bytes(stored)),
    }
}
