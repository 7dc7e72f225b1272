//! Files and folders, made durable.

use crate::points::{fault, point};
use model::{Algorithm, Digest};
use std::fs::{self, File, OpenOptions};
use std::io::{self, Seek, SeekFrom};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use tokio::sync::mpsc;

pub(super) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes what an upload's file holds durable. A failed sync is final for the file: the kernel forgets what it could not
/// write, and the next sync would say that all is well. So the file goes, and the client starts over.
pub(super) fn sync(file: &File, path: &Path) -> io::Result<()> {
    fn data(file: &File) -> io::Result<()> {
        fault!("blob.sync");
        file.sync_data()
    }
    data(file).inspect_err(|_| drop(fs::remove_file(path)))
}

/// Makes an upload's file durable, and then the blob `to`.
pub(super) fn settle(file: &File, from: &Path, to: &Path, root: &Path) -> io::Result<()> {
    point!("blob.written");
    sync(file, from)?;
    point!("blob.synced");
    let dir = to.parent().expect("a blob's path has a directory");
    make_dirs(root, dir)?;
    point!("blob.folder");
    fault!("blob.rename");
    fs::rename(from, to)?;
    point!("blob.renamed");
    fault!("blob.folder.sync");
    sync_dir(dir)?;
    point!("blob.durable");
    Ok(())
}

/// An upload's file, made where it is missing, to be written from `offset` on.
pub(super) fn open_at(path: &Path, offset: u64) -> io::Result<File> {
    // A link planted under the name is not followed.
    let mut file = OpenOptions::new()
        .create(true)
        .write(true)
        .truncate(false)
        .mode(0o600)
        .custom_flags(rustix::fs::OFlags::NOFOLLOW.bits() as i32)
        .open(path)?;
    if file.metadata()?.len() != offset {
        file.set_len(offset)?;
    }
    file.seek(SeekFrom::Start(offset))?;
    Ok(file)
}

/// Makes `path` and its missing parents below `root`, each durably.
pub(super) fn make_dirs(root: &Path, path: &Path) -> io::Result<()> {
    if path.is_dir() || path == root {
        return Ok(());
    }
    let parent = path.parent().unwrap_or(root);
    make_dirs(root, parent)?;
    match fs::create_dir(path) {
        Ok(()) => sync_dir(parent),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

/// Sends every digest that names a file under `root`; ends early when nobody listens.
pub(super) fn walk(root: &Path, sender: &mpsc::Sender<io::Result<Digest>>) -> io::Result<()> {
    // Of the directory's entries only these are ours: a file system of its own has a `lost+found` that nobody may read.
    for algorithm in [Algorithm::Sha256, Algorithm::Sha512] {
        for prefix in entries(&root.join(algorithm.as_str()))? {
            for file in entries(&prefix?.path())? {
                let name = format!("{}:{}", algorithm.as_str(), file?.file_name().to_string_lossy());
                // What has no digest for a name is not ours to judge.
                let Ok(digest) = name.parse::<Digest>() else { continue };
                if sender.blocking_send(Ok(digest)).is_err() {
                    return Ok(());
                }
            }
        }
    }
    Ok(())
}

/// What lies in a directory; nothing where there is none.
fn entries(dir: &Path) -> io::Result<impl Iterator<Item = io::Result<fs::DirEntry>>> {
    let found = match fs::read_dir(dir) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => None,
        found => Some(found?),
    };
    Ok(found.into_iter().flatten())
}

pub(super) fn gone_is_fine(done: io::Result<()>) -> io::Result<()> {
    match done {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}
