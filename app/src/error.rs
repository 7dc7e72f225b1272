//! Why a page cannot be shown, or a form was not done.

use model::Problems;

/// Holds nothing that the caller may not know, but for [`UiError::Broken`], whose text is for the log alone.
#[derive(Debug, thiserror::Error)]
pub enum UiError {
    #[error("sign in to see this")]
    SignIn,
    /// Not there, or not for these eyes: the same.
    #[error("{0} was not found")]
    NotFound(String),
    /// Who can grant it stands in the text.
    #[error("{0}")]
    Forbidden(String),
    /// What the person can mend, each problem at its field; an empty field is the form as a whole.
    #[error("{0}")]
    Wrong(Problems),
    /// What was sent is no form of ours.
    #[error("this form was not understood: {0}")]
    Unread(String),
    /// Trying again after so many seconds helps.
    #[error("{text}")]
    TooMany { text: String, seconds: u64 },
    /// Trying again later may help.
    #[error("{0}")]
    Busy(String),
    /// Ours to mend; the request's id finds the log line.
    #[error("something broke on the server")]
    Broken(domain::Error),
}

impl UiError {
    /// A problem of the form as a whole.
    pub fn wrong(message: impl Into<String>) -> UiError {
        UiError::at("", message)
    }

    /// A problem of one field.
    pub fn at(field: &str, message: impl Into<String>) -> UiError {
        UiError::Wrong(Problems::one(field, message))
    }

    /// The same, with the problem of a use-case's field at the form's own.
    pub fn with_field(mut self, theirs: &str, ours: &str) -> UiError {
        if let UiError::Wrong(problems) = &mut self {
            problems.0.iter_mut().filter(|problem| problem.field == theirs).for_each(|problem| problem.field = ours.to_owned());
        }
        self
    }

    /// The status of the page that shows it.
    pub fn status(&self) -> u16 {
        match self {
            UiError::SignIn => 401,
            UiError::NotFound(_) => 404,
            UiError::Forbidden(_) => 403,
            UiError::Wrong(_) => 422,
            UiError::Unread(_) => 400,
            UiError::TooMany { .. } => 429,
            UiError::Busy(_) => 503,
            UiError::Broken(_) => 500,
        }
    }

    /// What a form says of it: each problem at its field.
    pub fn problems(&self) -> Problems {
        match self {
            UiError::Wrong(problems) => problems.clone(),
            other => Problems::one("", other.to_string()),
        }
    }
}

impl From<domain::Error> for UiError {
    fn from(error: domain::Error) -> UiError {
        use domain::Error;
        match error {
            Error::Unauthenticated => UiError::SignIn,
            Error::NotVisible(name) => UiError::NotFound(format!("project {name}")),
            Error::NotFound(what) => UiError::NotFound(what),
            Error::Forbidden { reason, .. } => UiError::Forbidden(reason),
            Error::Invalid(problems) => UiError::Wrong(problems),
            Error::Conflict { field, message } => UiError::at(&field, message),
            Error::Precondition(message) | Error::Policy(message) | Error::Locked(message) => UiError::wrong(message),
            Error::CredentialUnreadable(_) | Error::DigestMismatch(_) | Error::Manifest { .. } | Error::Range { .. } => {
                UiError::wrong(error.to_string())
            }
            Error::TooMany { seconds, .. } => UiError::TooMany { text: error.to_string(), seconds },
            Error::Unavailable(_) => UiError::Busy(error.to_string()),
            Error::Internal(_) | Error::Db(_) => UiError::Broken(error),
        }
    }
}
