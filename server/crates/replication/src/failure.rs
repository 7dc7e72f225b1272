//! What failed, and on which side.

use std::fmt;

/// Which side has to do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// This server.
    Source,
    /// The target registry.
    Destination,
    /// The rule or the target's settings.
    Rule,
}

/// A failure that a person can act on.
#[derive(Clone, Debug)]
pub struct Failure {
    pub side: Side,
    pub message: String,
}

impl Failure {
    pub fn source(message: impl Into<String>) -> Failure {
        Failure { side: Side::Source, message: message.into() }
    }

    pub fn destination(message: impl Into<String>) -> Failure {
        Failure { side: Side::Destination, message: message.into() }
    }

    pub fn rule(message: impl Into<String>) -> Failure {
        Failure { side: Side::Rule, message: message.into() }
    }

    /// What reqwest could not do, in words: its own text names only the URL.
    pub fn network(error: &reqwest::Error) -> Failure {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            text = inner.to_string();
            cause = inner.source();
        }
        let what = match () {
            () if text.contains("certificate") => "TLS_CERTIFICATE: its certificate cannot be verified",
            () if error.is_timeout() => "it did not answer in time",
            () if error.is_connect() => "it cannot be reached",
            () => "the connection broke",
        };
        Failure::destination(format!("{what} ({text})"))
    }
}

impl fmt::Display for Failure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let side = match self.side {
            Side::Source => "source",
            Side::Destination => "destination",
            Side::Rule => "rule",
        };
        write!(f, "{side}: {}", self.message)
    }
}

impl From<domain::Error> for Failure {
    fn from(error: domain::Error) -> Self {
        match error {
            domain::Error::CredentialUnreadable(_) | domain::Error::Invalid(_) | domain::Error::Precondition(_) => {
                Failure::rule(error.to_string())
            }
            other => Failure::source(other.to_string()),
        }
    }
}
