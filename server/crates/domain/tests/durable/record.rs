//! The record of what a program did to its files: `recorder.c`, compiled, preloaded and read back.

use std::path::{Path, PathBuf};
use std::process::Command;

/// One change.
#[derive(Clone, Debug)]
pub struct Change {
    /// When it had ended.
    pub ns: u64,
    pub path: String,
    pub kind: Kind,
}

#[derive(Clone, Debug)]
pub enum Kind {
    Create,
    Write { offset: u64, data: Vec<u8> },
    Truncate(u64),
    Sync,
    Rename(String),
    Unlink,
    MakeDir,
}

/// Compiles the recorder into `folder`.
pub fn recorder(folder: &Path) -> PathBuf {
    let (source, library) = (folder.join("recorder.c"), folder.join("recorder.so"));
    std::fs::write(&source, include_str!("recorder.c")).unwrap();
    let done = Command::new("cc").args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(&source).status().unwrap();
    assert!(done.success(), "the recorder does not compile");
    library
}

/// Reads a record.
pub fn read(file: &Path) -> Vec<Change> {
    let bytes = std::fs::read(file).unwrap();
    let (mut rest, mut all) = (&bytes[..], Vec::new());
    let take = |rest: &mut &[u8], n: usize| -> Vec<u8> {
        let (head, tail) = rest.split_at(n);
        *rest = tail;
        head.to_vec()
    };
    let number = |bytes: Vec<u8>| -> u64 { bytes.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte)) };
    while !rest.is_empty() {
        let ns = number(take(&mut rest, 8));
        let kind = take(&mut rest, 1)[0];
        let path_length = number(take(&mut rest, 4)) as usize;
        let offset = number(take(&mut rest, 8));
        let length = number(take(&mut rest, 8)) as usize;
        let path = String::from_utf8(take(&mut rest, path_length)).unwrap();
        let data = take(&mut rest, length);
        let kind = match kind {
            b'c' => Kind::Create,
            b'w' => Kind::Write { offset, data },
            b't' => Kind::Truncate(offset),
            b's' => Kind::Sync,
            b'r' => Kind::Rename(String::from_utf8(data).unwrap()),
            b'u' => Kind::Unlink,
            b'd' => Kind::MakeDir,
            other => panic!("a record of kind {other}"),
        };
        all.push(Change { ns, path, kind });
    }
    all
}
