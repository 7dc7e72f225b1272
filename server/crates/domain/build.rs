//! `sqlx::migrate!` reads its folder when it is compiled; a new file alone would not rebuild the crate.
fn main() {
    println!("cargo:rerun-if-changed=migrations");
}
