//! A disk that keeps only what was synced, and of the rest what a seed says.
//!
//! A file's bytes are durable when the file was synced since; a name when its folder was. Of what was not, any part may be
//! there after a cut: writes are dropped, torn at 512 bytes, applied in another order, or their room is there full of zeros.
//! Changes of one folder's names come in their order (a journal's promise); a move between folders never loses both names.

use crate::record::{Change, Kind};
use std::collections::BTreeMap;
use std::path::Path;

const SECTOR: usize = 512;

/// What the cut does to what was not synced.
#[derive(Clone, Copy, Debug)]
pub enum Mode {
    /// All of it is gone.
    Drop,
    /// Names are there, bytes are not.
    NamesOnly,
    /// Bytes are there, names are not.
    BytesOnly,
    /// Anything, by a seed.
    Random(u64),
}

/// Small, fast and the same everywhere: xorshift.
struct Dice(u64);

impl Dice {
    fn roll(&mut self, sides: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % sides
    }
}

#[derive(Clone, Debug)]
enum Data {
    Write { offset: usize, data: Vec<u8> },
    Truncate(usize),
}

#[derive(Clone, Debug, Default)]
struct File {
    durable: Vec<u8>,
    pending: Vec<Data>,
}

impl File {
    fn sync(&mut self) {
        for change in std::mem::take(&mut self.pending) {
            apply(&mut self.durable, &change);
        }
    }

    /// The bytes after a cut.
    fn cut(&self, mode: Mode, dice: &mut Dice) -> Vec<u8> {
        let mut bytes = self.durable.clone();
        let mut pending = self.pending.clone();
        match mode {
            Mode::Drop | Mode::NamesOnly => {}
            Mode::BytesOnly => pending.iter().for_each(|change| apply(&mut bytes, change)),
            Mode::Random(_) => {
                for n in (1..pending.len()).rev() {
                    if dice.roll(4) == 0 {
                        pending.swap(n, dice.roll(n as u64 + 1) as usize);
                    }
                }
                for change in &pending {
                    match (dice.roll(3), change) {
                        (0, Data::Write { offset, data }) if dice.roll(2) == 0 => {
                            let end = offset + data.len();
                            if bytes.len() < end {
                                bytes.resize(end, 0);
                            }
                        }
                        (0, _) => {}
                        (1, Data::Write { offset, data }) => torn(&mut bytes, *offset, data, dice),
                        _ => apply(&mut bytes, change),
                    }
                }
            }
        }
        bytes
    }
}

fn apply(bytes: &mut Vec<u8>, change: &Data) {
    match change {
        Data::Truncate(length) => bytes.resize(*length, 0),
        Data::Write { offset, data } => {
            if bytes.len() < offset + data.len() {
                bytes.resize(offset + data.len(), 0);
            }
            bytes[*offset..offset + data.len()].copy_from_slice(data);
        }
    }
}

/// Some sectors of a write.
fn torn(bytes: &mut Vec<u8>, offset: usize, data: &[u8], dice: &mut Dice) {
    let mut at = 0;
    while at < data.len() {
        let end = (((offset + at) / SECTOR + 1) * SECTOR - offset).min(data.len());
        if dice.roll(2) == 0 {
            apply(bytes, &Data::Write { offset: offset + at, data: data[at..end].to_vec() });
        }
        at = end;
    }
}

#[derive(Clone, Copy, Debug, PartialEq)]
enum Node {
    Folder,
    File(usize),
}

#[derive(Clone, Debug)]
enum Name {
    Add(String, Node),
    /// `moved_to`: only once that name is durable too.
    Remove { path: String, moved_to: Option<String> },
    Rename(String, String, Node),
}

/// The disk.
#[derive(Clone, Debug, Default)]
pub struct Disk {
    files: Vec<File>,
    /// As the running system sees it.
    names: BTreeMap<String, Node>,
    durable: BTreeMap<String, Node>,
    pending: BTreeMap<String, Vec<Name>>,
}

fn folder(path: &str) -> String {
    path.rsplit_once('/').map_or(String::new(), |(folder, _)| folder.to_owned())
}

fn rename(names: &mut BTreeMap<String, Node>, change: &Name) -> bool {
    match change {
        Name::Add(path, node) => {
            names.insert(path.clone(), *node);
        }
        Name::Remove { moved_to: Some(to), .. } if !names.contains_key(to) => return false,
        Name::Remove { path, .. } => {
            names.remove(path);
        }
        Name::Rename(from, to, node) => {
            names.remove(from);
            names.insert(to.clone(), *node);
        }
    }
    true
}

impl Disk {
    fn file(&mut self, path: &str) -> &mut File {
        match self.names.get(path) {
            Some(Node::File(n)) => &mut self.files[*n],
            other => panic!("{path} is {other:?}"),
        }
    }

    fn add(&mut self, path: &str, node: Node) {
        self.names.insert(path.to_owned(), node);
        self.pending.entry(folder(path)).or_default().push(Name::Add(path.to_owned(), node));
    }

    /// Takes one change in; `syncs` says whether a sync is heeded.
    pub fn take(&mut self, change: &Change, syncs: bool) {
        let path = change.path.as_str();
        match &change.kind {
            Kind::Create => {
                self.files.push(File::default());
                self.add(path, Node::File(self.files.len() - 1));
            }
            Kind::MakeDir => self.add(path, Node::Folder),
            Kind::Write { offset, data } => {
                self.file(path).pending.push(Data::Write { offset: *offset as usize, data: data.clone() });
            }
            Kind::Truncate(length) => self.file(path).pending.push(Data::Truncate(*length as usize)),
            Kind::Unlink => {
                self.names.remove(path);
                self.pending.entry(folder(path)).or_default().push(Name::Remove { path: path.to_owned(), moved_to: None });
            }
            Kind::Rename(to) => {
                let node = self.names.remove(path).expect("what is renamed is there");
                self.names.insert(to.clone(), node);
                let (from, there) = (folder(path), folder(to));
                if from == there {
                    self.pending.entry(from).or_default().push(Name::Rename(path.to_owned(), to.clone(), node));
                } else {
                    self.pending.entry(there).or_default().push(Name::Add(to.clone(), node));
                    self.pending.entry(from).or_default().push(Name::Remove { path: path.to_owned(), moved_to: Some(to.clone()) });
                }
            }
            Kind::Sync if !syncs => {}
            Kind::Sync => match self.names.get(path) {
                Some(Node::File(n)) => self.files[*n].sync(),
                Some(Node::Folder) => self.sync_folder(path),
                None if path.is_empty() => self.sync_folder(path),
                None => panic!("{path} is synced and not there"),
            },
        }
    }

    fn sync_folder(&mut self, path: &str) {
        let pending = self.pending.remove(path).unwrap_or_default();
        let left: Vec<Name> = pending.into_iter().filter(|change| !rename(&mut self.durable, change)).collect();
        if !left.is_empty() {
            self.pending.insert(path.to_owned(), left);
        }
    }

    /// Writes what a cut leaves to the empty folder `to`.
    pub fn cut(&self, mode: Mode, to: &Path) {
        let mut dice = Dice(match mode {
            Mode::Random(seed) => seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1,
            _ => 1,
        });
        let mut names = self.durable.clone();
        // Where something came from is looked at after where it went to.
        let mut kept: Vec<&[Name]> = Vec::new();
        for pending in self.pending.values() {
            let keep = match mode {
                Mode::Drop | Mode::BytesOnly => 0,
                Mode::NamesOnly => pending.len(),
                Mode::Random(_) => dice.roll(pending.len() as u64 + 1) as usize,
            };
            kept.push(&pending[..keep]);
        }
        let mut later = Vec::new();
        for change in kept.into_iter().flatten() {
            if !rename(&mut names, change) {
                later.push(change);
            }
        }
        for change in later {
            rename(&mut names, change);
        }
        // Parents sort before what they hold.
        for (path, node) in &names {
            let place = to.join(path);
            if !place.parent().is_some_and(Path::is_dir) || path.ends_with("-shm") {
                continue;
            }
            match node {
                Node::Folder => std::fs::create_dir(&place).unwrap(),
                Node::File(n) => {
                    use std::os::unix::fs::OpenOptionsExt;
                    let mut file = std::fs::OpenOptions::new().create_new(true).write(true).mode(0o600).open(&place).unwrap();
                    std::io::Write::write_all(&mut file, &self.files[*n].cut(mode, &mut dice)).unwrap();
                }
            }
        }
    }
}
