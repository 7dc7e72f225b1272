//! What failed, on which side, and whether it may pass.

use std::fmt;

/// Which side has to do something about it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Side {
    /// Where the content comes from.
    Source,
    /// The registry that is spoken to.
    Destination,
    /// The rule or the target's settings.
    Rule,
}

/// What may help.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Nature {
    /// It will be so again until somebody changes something.
    Lasting,
    /// It was tried as often as is sensible; later it may work.
    Passing,
    /// Nothing could be sent: the other side may be gone altogether.
    Unreachable,
    /// It took what was sent, and nothing came back: it may be gone too, and each try takes long.
    Silent,
}

impl Nature {
    /// May nobody be there at all?
    pub fn nobody(self) -> bool {
        matches!(self, Nature::Unreachable | Nature::Silent)
    }
}

/// A failure that a person can act on.
#[derive(Clone, Debug)]
pub struct Failure {
    pub side: Side,
    pub nature: Nature,
    pub message: String,
}

impl Failure {
    pub fn source(message: impl Into<String>) -> Failure {
        Failure { side: Side::Source, nature: Nature::Lasting, message: message.into() }
    }

    pub fn destination(message: impl Into<String>) -> Failure {
        Failure { side: Side::Destination, nature: Nature::Lasting, message: message.into() }
    }

    pub fn rule(message: impl Into<String>) -> Failure {
        Failure { side: Side::Rule, nature: Nature::Lasting, message: message.into() }
    }

    pub(crate) fn passing(mut self) -> Failure {
        self.nature = Nature::Passing;
        self
    }

    /// Nothing moved for so long.
    pub(crate) fn silent(seconds: u64) -> Failure {
        let message = format!("it did not answer in time (nothing came for {seconds} s)");
        Failure { side: Side::Destination, nature: Nature::Silent, message }
    }

    /// What reqwest could not do, in words: its own text names only the URL.
    pub fn network(error: &reqwest::Error) -> Failure {
        let mut text = error.to_string();
        let mut cause = std::error::Error::source(error);
        while let Some(inner) = cause {
            text = inner.to_string();
            cause = inner.source();
        }
        let (what, nature) = match () {
            () if text.contains("certificate") => ("TLS_CERTIFICATE: its certificate cannot be verified", Nature::Lasting),
            () if error.is_connect() => ("it cannot be reached", Nature::Unreachable),
            () if error.is_timeout() => ("it did not answer in time", Nature::Silent),
            () => ("the connection broke", Nature::Passing),
        };
        Failure { side: Side::Destination, nature, message: format!("{what} ({text})") }
    }

    /// The same with what was being done.
    pub(crate) fn during(mut self, what: &str, tried: u32) -> Failure {
        self.message = match tried {
            // That nobody is there matters more than what was asked first.
            0 | 1 if self.nature.nobody() => format!("{} ({what})", self.message),
            _ if self.nature.nobody() => format!("{}, {tried} times ({what})", self.message),
            0 | 1 => format!("{what}: {}", self.message),
            _ => format!("{what}: {}, {tried} times", self.message),
        };
        self
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
