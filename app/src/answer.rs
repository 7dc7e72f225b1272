//! What a changing server function answers: one shape, so that one form component and one no-script path serve them all.

use model::Problems;
use model::rule::Preview;
use model::target::Probe;
use serde::{Deserialize, Serialize};

/// The outcome of a form.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub enum Answer {
    /// Done: go there, and say this once.
    Done { to: String, say: String },
    /// Nothing was changed; each problem at its field.
    Wrong(Problems),
    /// A robot account's secret, for the one page that shows it.
    Secret(Secret),
    /// What *Test connection* found.
    Probe(Probe),
    /// What a rule would match.
    Preview(Preview),
}

/// A secret on its way to the person who asked for it. It is in the answer to the POST and nowhere else.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Secret {
    /// The name to sign in with.
    pub account: String,
    pub secret: String,
    /// Host and port as clients write them.
    pub registry: String,
    /// When it ends, for a person; empty for never.
    pub expires: String,
    /// Where *Done* leads.
    pub back: String,
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("***")
    }
}

impl Answer {
    pub fn done(to: impl Into<String>, say: impl Into<String>) -> Answer {
        Answer::Done { to: to.into(), say: say.into() }
    }

    /// A problem of the form as a whole.
    pub fn wrong(message: impl Into<String>) -> Answer {
        Answer::Wrong(Problems::one("", message))
    }
}
