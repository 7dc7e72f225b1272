//! What a page is told when a use-case does not give it what it asked for.

use leptos::prelude::*;
use serde::{Deserialize, Serialize};
use server_fn::codec::JsonEncoding;
use server_fn::error::ServerFnErrorErr;

/// Crosses the wire; holds nothing that the caller may not know.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
pub enum UiError {
    #[error("sign in to see this")]
    SignIn,
    /// Not there, or not for these eyes: the same.
    #[error("{0} was not found")]
    NotFound(String),
    /// Who can grant it stands in the text.
    #[error("{0}")]
    Forbidden(String),
    /// The input or the state of things does not allow it.
    #[error("{0}")]
    Refused(String),
    /// Trying again later may help.
    #[error("{0}")]
    Busy(String),
    /// Ours to mend; the request id finds the log line.
    #[error("something broke on the server (request {0})")]
    Broken(String),
    /// The call itself failed.
    #[error("the server could not be asked: {0}")]
    Call(String),
}

impl FromServerFnError for UiError {
    type Encoder = JsonEncoding;

    fn from_server_fn_error(error: ServerFnErrorErr) -> Self {
        UiError::Call(error.to_string())
    }
}

impl UiError {
    /// The status of a page that shows this.
    pub fn status(&self) -> u16 {
        match self {
            UiError::SignIn => 401,
            UiError::NotFound(_) => 404,
            UiError::Forbidden(_) => 403,
            UiError::Refused(_) => 422,
            UiError::Busy(_) => 503,
            UiError::Broken(_) => 500,
            UiError::Call(_) => 400,
        }
    }
}

#[cfg(feature = "ssr")]
impl UiError {
    /// From a use-case's error; ours are logged here and leave without their text.
    pub fn from_domain(error: domain::Error, request_id: &str) -> UiError {
        use domain::Error;
        match error {
            Error::Unauthenticated => UiError::SignIn,
            Error::NotVisible(name) => UiError::NotFound(format!("project {name}")),
            Error::NotFound(what) => UiError::NotFound(what),
            Error::Forbidden { reason, .. } => UiError::Forbidden(reason),
            Error::Invalid(problems) => UiError::Refused(problems.to_string()),
            Error::Conflict { message, .. } | Error::Precondition(message) | Error::Policy(message) => {
                UiError::Refused(message)
            }
            Error::CredentialUnreadable(_) | Error::DigestMismatch(_) | Error::Manifest { .. } | Error::Range { .. } => {
                UiError::Refused(error.to_string())
            }
            Error::TooMany { .. } | Error::Unavailable(_) => UiError::Busy(error.to_string()),
            Error::Internal(_) | Error::Db(_) => {
                tracing::error!(%error, request_id, "a page could not be made");
                UiError::Broken(request_id.to_owned())
            }
        }
    }
}
