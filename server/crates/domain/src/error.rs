//! What can go wrong in a use-case, by who has to do something about it.

use model::{Action, Problems};

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// An answer other than success. Adapters turn it into their protocol's shape: `oci::errors`, `api::errors`, `app::error`.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// The input is wrong; each problem names its field.
    #[error("{0}")]
    Invalid(Problems),
    /// Nobody known: no credentials, or wrong, expired or disabled ones.
    #[error("sign in to do this: no name and secret came along, or they are not right")]
    Unauthenticated,
    /// The caller may not see the project at all; a missing project looks the same.
    #[error("project {0} was not found")]
    NotVisible(String),
    /// The caller sees the project (or is signed in) and may not do this.
    #[error("{reason}")]
    Forbidden { action: Option<Action>, reason: String },
    /// The project's policy refuses it, whoever asks: 403 `DENIED` on `/v2`.
    #[error("{0}")]
    Policy(String),
    /// A tag that a rule keeps as it is, or what stands under one: 403 `DENIED` on `/v2`, 412 on the API.
    #[error("{0}")]
    Locked(String),
    /// A digest that the content does not have.
    #[error("{0}")]
    DigestMismatch(String),
    /// A manifest that is malformed, or names what is not there.
    #[error("{message}")]
    Manifest { message: String, missing: Vec<model::Digest> },
    /// A chunk that does not start where the upload ends; `received` bytes are there.
    #[error("the upload holds {received} bytes; the next chunk must start there")]
    Range { received: i64 },
    /// Not there, for a caller who may know.
    #[error("{0} was not found")]
    NotFound(String),
    /// Something of that name or state stands in the way. As in [`Problems`], the message is said of the field: "name" "is taken".
    #[error("{field} {message}")]
    Conflict { field: String, message: String },
    /// The thing is in use or in a state that does not allow this.
    #[error("{0}")]
    Precondition(String),
    /// Too many of `what`; try again after so many seconds.
    #[error("too many {what}: try again in {seconds} s")]
    TooMany { what: &'static str, seconds: u64 },
    /// The server cannot do it now; trying again later may help.
    #[error("the server cannot do this now: {0}")]
    Unavailable(String),
    /// A secret at rest cannot be read: wrong key or damaged. It must be entered again.
    #[error("the stored secret of {0} cannot be read: enter it again")]
    CredentialUnreadable(String),
    /// Ours to mend. The text is for the log, never for a client.
    #[error("internal error: {0}")]
    Internal(String),
    /// The database's own error; see `From`.
    #[error("database error: {0}")]
    Db(sqlx::Error),
}

impl Error {
    /// One wrong field.
    pub fn invalid(field: &str, message: impl Into<String>) -> Error {
        Error::Invalid(Problems::one(field, message))
    }

    /// Something of that name exists.
    pub fn conflict(field: &str, message: impl Into<String>) -> Error {
        Error::Conflict { field: field.to_owned(), message: message.into() }
    }

    /// A thing by its kind and name.
    pub fn not_found(what: &str, name: impl std::fmt::Display) -> Error {
        Error::NotFound(format!("{what} {name}"))
    }

    /// Is this a refusal of rights (and so worth an audit row of its own)?
    pub fn is_refusal(&self) -> bool {
        matches!(self, Error::Unauthenticated | Error::NotVisible(_) | Error::Forbidden { .. })
    }

    /// Does it say that something was not allowed, so that the audit log tells of the attempt?
    pub fn is_denied(&self) -> bool {
        self.is_refusal() || matches!(self, Error::Locked(_) | Error::Policy(_))
    }

    /// What the database says that is nobody's mistake, in words: it has no room.
    pub(crate) fn told(self) -> Error {
        match &self {
            // SQLITE_FULL, and PostgreSQL's disk_full.
            Error::Db(sqlx::Error::Database(error)) if matches!(error.code().as_deref(), Some("13" | "53100")) => {
                Error::Unavailable("the disk is full".to_owned())
            }
            _ => self,
        }
    }

    /// The server's fault, to be logged with its text.
    pub fn is_ours(&self) -> bool {
        matches!(self, Error::Internal(_) | Error::Db(_))
    }
}

impl From<Problems> for Error {
    fn from(problems: Problems) -> Self {
        Error::Invalid(problems)
    }
}

impl From<sqlx::Error> for Error {
    fn from(error: sqlx::Error) -> Self {
        match error {
            sqlx::Error::PoolTimedOut | sqlx::Error::PoolClosed => {
                Error::Unavailable("the database is busy".to_owned())
            }
            // PostgreSQL's character_not_in_repertoire: it holds no NUL. Whatever door it came by, that is the sender's to mend.
            sqlx::Error::Database(told) if told.code().as_deref() == Some("22021") => {
                Error::invalid("", "a text holds a NUL character, which none may")
            }
            other => Error::Db(other),
        }
    }
}

impl From<std::io::Error> for Error {
    fn from(error: std::io::Error) -> Self {
        if error.kind() == std::io::ErrorKind::StorageFull {
            return Error::Unavailable("the disk is full".to_owned());
        }
        Error::Internal(error.to_string())
    }
}
