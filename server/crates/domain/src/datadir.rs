//! The data directory: 0700, locked against a second process, holding the database, blobs, uploads and the key. One that
//! is damaged, newer or foreign is refused and left untouched.

use crate::clock::Random;
use crate::db::{Db, NotOpened, meta};
use crate::keys::Keys;
use rustix::fs::{FlockOperation, flock};
use rustix::io::Errno;
use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// Says that the directory is ours, and in which layout.
const MARKER: &str = "wharf";
const LAYOUT: &str = "wharf data directory, layout 1\n";

/// Stands in a directory whose restore has not ended: a server there would begin anew.
pub const RESTORING: &str = "restoring";

/// An open data directory; the lock ends with the value.
pub struct DataDir {
    path: PathBuf,
    _lock: File,
}

fn refuse(message: String) -> NotOpened {
    NotOpened(message)
}

impl DataDir {
    /// Opens or makes the directory.
    pub fn open(path: &Path) -> Result<DataDir, NotOpened> {
        if path.join(RESTORING).exists() {
            return Err(refuse(format!("data directory {}: a restore was cut: run it again", path.display())));
        }
        Self::lock(path)
    }

    /// Opens or makes a directory that a backup is restored into.
    pub fn open_for_restore(path: &Path) -> Result<DataDir, NotOpened> {
        let data = Self::lock(path)?;
        let mark = path.join(RESTORING);
        if !path.join("wharf.db").exists() && !mark.exists() {
            write_private(&mark, b"").map_err(|error| refuse(format!("{}: {error}", mark.display())))?;
        }
        Ok(data)
    }

    fn lock(path: &Path) -> Result<DataDir, NotOpened> {
        let shown = path.display();
        let failed = |what: &str, error: io::Error| refuse(format!("data directory {shown}: {what}: {error}"));
        DirBuilder::new().recursive(true).mode(0o700).create(path).map_err(|e| failed("cannot be made", e))?;
        let entries: Vec<String> = fs::read_dir(path)
            .map_err(|e| failed("cannot be read", e))?
            .filter_map(|entry| entry.ok()?.file_name().into_string().ok())
            .collect();
        match fs::read_to_string(path.join(MARKER)) {
            Ok(text) if text == LAYOUT => {}
            Ok(text) if text.starts_with("wharf data directory, layout ") => {
                return Err(refuse(format!("data directory {shown} was made by a newer Wharf: use that version or newer")));
            }
            Ok(_) => return Err(refuse(format!("data directory {shown}: the file {MARKER} is damaged: restore a backup"))),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                // Files that an administrator may put there before the first start.
                let known = ["key", "wharf.toml", "lock", "wharf.new"];
                if let Some(other) = entries.iter().find(|name| !known.contains(&name.as_str())) {
                    return Err(refuse(format!(
                        "data directory {shown} holds what is not ours ({other}): give Wharf an empty directory"
                    )));
                }
            }
            Err(error) => return Err(failed("cannot be read", error)),
        }
        let lock = OpenOptions::new()
            .create(true)
            .truncate(false)
            .write(true)
            .mode(0o600)
            .open(path.join("lock"))
            .map_err(|e| failed("cannot be locked", e))?;
        flock(&lock, FlockOperation::NonBlockingLockExclusive)
            .map_err(|error| match error {
                Errno::WOULDBLOCK => refuse(format!("data directory {shown} is in use by another Wharf: stop that one first")),
                error => failed("cannot be locked", error.into()),
            })?;
        fs::set_permissions(path, fs::Permissions::from_mode(0o700)).map_err(|e| failed("cannot be made private", e))?;
        if !path.join(MARKER).exists() {
            write_private(&path.join(MARKER), LAYOUT.as_bytes()).map_err(|e| failed("cannot be written", e))?;
        }
        Ok(DataDir { path: path.to_owned(), _lock: lock })
    }

    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The embedded database's URL. Where there are blobs and no database, one has gone missing: a new one would know nothing
    /// of them.
    pub fn sqlite_url(&self) -> Result<String, NotOpened> {
        let file = self.path.join("wharf.db");
        let blobs = std::fs::read_dir(self.path.join("blobs")).is_ok_and(|mut all| all.next().is_some());
        if blobs && !file.exists() {
            let shown = file.display();
            return Err(refuse(format!("{shown} is not there, and blobs are: restore a backup (wharf restore), or move blobs away to begin anew")));
        }
        Ok(format!("sqlite://{}", file.display()))
    }

    /// The master key: from `file`, or from `key` in the directory, which the first start makes.
    pub fn keys(&self, file: Option<&Path>) -> Result<Keys, NotOpened> {
        let own = self.path.join("key");
        let path = file.unwrap_or(&own);
        let shown = path.display();
        match fs::read_to_string(path) {
            Ok(text) => {
                let mode = fs::metadata(path).map(|m| m.permissions().mode()).unwrap_or(0);
                if mode & 0o077 != 0 {
                    return Err(refuse(format!("key file {shown} can be read by others: chmod 600 it")));
                }
                Keys::parse(&text).map_err(|what| refuse(format!("key file {shown}: {what}")))
            }
            Err(error) if error.kind() == io::ErrorKind::NotFound && file.is_none() => {
                if self.path.join("wharf.db").exists() {
                    return Err(refuse(format!(
                        "key file {shown} is missing: put it back; without it the stored secrets cannot be read"
                    )));
                }
                let bytes = Random::default().bytes::<32>();
                write_private(path, hex::encode(bytes).as_bytes())
                    .map_err(|error| refuse(format!("key file {shown} cannot be written: {error}")))?;
                Ok(Keys::from_bytes(bytes))
            }
            Err(error) => Err(refuse(format!("key file {shown} cannot be read: {error}"))),
        }
    }
}

/// Writes a new file, 0600, durably: it is there whole or not at all, also after a power cut.
pub fn write_private(path: &Path, bytes: &[u8]) -> io::Result<()> {
    if path.exists() {
        return Err(io::ErrorKind::AlreadyExists.into());
    }
    let fresh = path.with_added_extension("new");
    match fs::remove_file(&fresh) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    let mut file = OpenOptions::new().create_new(true).write(true).mode(0o600).open(&fresh)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&fresh, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

/// Refuses a key that is not the one this database was made with; a new database notes it.
pub async fn check_key(db: &Db, keys: &Keys) -> Result<(), NotOpened> {
    let value = keys.check_value();
    let wanted = value.clone();
    let stored: String = db
        .write(async move |c| meta::put_first(c, "key_check", &wanted).await)
        .await
        .map_err(|error| refuse(format!("the database cannot be used: {error}")))?;
    if stored != value {
        return Err(refuse("the key is not the one this database was made with: put the right key file back".to_owned()));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_directory_that_is_not_ours_is_refused_and_left_as_it_is() {
        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join("photo.jpg"), "x").unwrap();
        assert!(DataDir::open(dir.path()).is_err());
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);

        let dir = tempfile::tempdir().unwrap();
        fs::write(dir.path().join(MARKER), "wharf data directory, layout 9\n").unwrap();
        assert!(DataDir::open(dir.path()).err().unwrap().to_string().contains("newer"));
        assert_eq!(fs::read_dir(dir.path()).unwrap().count(), 1);
    }

    #[test]
    fn a_second_process_is_kept_out() {
        let dir = tempfile::tempdir().unwrap();
        let first = DataDir::open(dir.path()).unwrap();
        assert!(DataDir::open(dir.path()).is_err());
        drop(first);
        DataDir::open(dir.path()).unwrap();
        assert_eq!(fs::metadata(dir.path()).unwrap().permissions().mode() & 0o777, 0o700);
    }

    #[test]
    fn n_148_a_key_that_is_missing_or_readable_by_others_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let data = DataDir::open(dir.path()).unwrap();
        data.keys(None).unwrap();
        let key = dir.path().join("key");
        assert_eq!(fs::metadata(&key).unwrap().permissions().mode() & 0o777, 0o600);
        fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(data.keys(None).is_err());
        fs::write(dir.path().join("wharf.db"), "").unwrap();
        fs::remove_file(&key).unwrap();
        assert!(data.keys(None).is_err());
        assert!(!key.exists(), "no new key beside an old database");
    }
}
