//! The portal's files: script, wasm, style, icon.

#[cfg(feature = "dev")]
mod dev;
#[cfg(feature = "dev")]
use dev as files;
#[cfg(not(feature = "dev"))]
mod embedded;
#[cfg(not(feature = "dev"))]
use embedded as files;

pub use files::router;

/// Where the portal's pages find their script, wasm and style.
pub fn portal() -> app::server::Assets {
    app::server::Assets { folder: files::FOLDER }
}
