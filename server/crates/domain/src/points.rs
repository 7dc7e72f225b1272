//! Named places on the way of a push, a deletion and a collection, where tests stop the program or make the disk fail. In a
//! release nothing of it is there: `point!` is empty without the feature `testing`.

/// Every place where a test may kill the program; the test checks that each is reached.
pub const ALL: [&str; 18] = [
    "blob.written", "blob.synced", "blob.folder", "blob.renamed", "blob.durable", "blob.held", "blob.linked", "upload.noted",
    "write.before", "write.after", "manifest.placed", "artifact.deleted", "deletion.undone", "gc.unlinked", "gc.marked", "gc.deleted",
    "gc.forgotten", "start.migrated",
];

/// A place where the program may be killed.
macro_rules! point {
    ($name:literal) => {
        #[cfg(feature = "testing")]
        fail::fail_point!($name);
    };
}

/// A place where the disk may fail with an error number.
macro_rules! fault {
    ($name:literal) => {
        #[cfg(feature = "testing")]
        fail::fail_point!($name, |number: Option<String>| {
            Err(std::io::Error::from_raw_os_error(number.and_then(|n| n.parse().ok()).unwrap_or(5)))
        });
    };
}

pub(crate) use {fault, point};
