//! What a form does, and what it answers.

use crate::{Call, UiError};
use domain::Principal;
use domain::retention::Foreseen;
use model::immutability::Covered;
use model::replication::rule::Preview;
use model::replication::target::Probe;
use serde::de::DeserializeOwned;
use std::sync::atomic::AtomicBool;

/// A form: the struct holds its fields as they are sent, [`Act::AT`] is where to, and [`Act::act`] what is done. One form, one
/// use-case: `act` is an adapter of a few lines, and what the use-case refuses leaves it by `?`.
///
/// A field that the struct does not know is refused (`wire`), so nothing is smuggled and nothing misspelt is lost.
pub trait Act: DeserializeOwned + Send + 'static {
    /// `/fn/<noun>/<verb>`.
    const AT: &'static str;

    fn act(self, call: &Call) -> impl Future<Output = Result<Answer, UiError>> + Send;
}

/// A form, as `pages/<noun>/forms.rs` says it: where it is sent, its fields, and what is done.
///
/// ```ignore
/// act! {
///     "/fn/rule/delete" Delete { id: RuleId }
///     |form, call| { … }
/// }
/// ```
macro_rules! act {
    ($(#[$about:meta])* $at:literal $name:ident { $($(#[$how:meta])* $field:ident: $type:ty),* $(,)? } |$form:ident, $call:ident| $done:block) => {
        $(#[$about])*
        #[derive(serde::Deserialize)]
        pub struct $name { $($(#[$how])* $field: $type),* }
        $crate::answer::act!(@ $at $name $form $call $done);
    };
    // Several forms that send the same fields.
    ($(#[$about:meta])* $at:literal $name:ident($fields:ty) |$form:ident, $call:ident| $done:block) => {
        $(#[$about])*
        #[derive(serde::Deserialize)]
        #[serde(transparent)]
        pub struct $name($fields);
        $crate::answer::act!(@ $at $name $form $call $done);
    };
    (@ $at:literal $name:ident $form:ident $call:ident $done:block) => {
        impl $crate::Act for $name {
            const AT: &'static str = $at;
            async fn act(self, $call: &$crate::Call) -> Result<$crate::Answer, $crate::UiError> {
                let $form = self;
                $done
            }
        }
    };
}
pub(crate) use act;

/// What a form was answered with, other than an error.
#[derive(Clone)]
pub enum Answer {
    /// Done: go there, and say this once. `cookie` is one of the portal's own: name, value, seconds.
    Done { to: String, say: String, cookie: Option<(&'static str, String, i64)> },
    /// Signed in again: back to the form that found the session over, with what was typed into it.
    Back { who: Box<Principal>, kept: KeptForm },
    /// A robot account's secret, for the one page that shows it.
    Secret(Secret),
    /// What *Test connection* found.
    Probe(Probe),
    /// What a rule would match.
    Preview(Preview),
    /// What a policy of retention would do.
    Foreseen(Foreseen),
    /// Which tags a rule would keep.
    Covered(Covered),
}

impl Answer {
    pub fn done(to: impl Into<String>, say: impl Into<String>) -> Answer {
        Answer::Done { to: to.into(), say: say.into(), cookie: None }
    }
}

/// A form that was sent when nobody was signed in any more: it waits in the page that asks to sign in.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct KeptForm {
    /// [`Act::AT`] of the form.
    pub form: String,
    /// The page that it stands on.
    pub page: String,
    /// Who typed it: nobody else gets it.
    pub by: i64,
    /// What was typed, without what is secret.
    pub typed: Vec<(String, String)>,
}

/// Most that is kept of what was typed, in bytes: it is sent with the form that signs in, which is a stranger's until then.
const KEPT_FORM_BYTES: usize = 12 * 1024;

impl KeptForm {
    /// What is too long to be kept is left out.
    pub fn new(form: &str, page: String, by: i64, mut typed: Vec<(String, String)>) -> KeptForm {
        let mut room = KEPT_FORM_BYTES;
        typed.retain(|(name, value)| {
            // As a browser sends it: all but a few characters take three.
            let size = 3 * (name.len() + value.len()) + 32;
            let fits = size <= room;
            room -= if fits { size } else { 0 };
            fits
        });
        KeptForm { form: form.to_owned(), page, by, typed }
    }
}

/// A secret on its way to the person who asked for it. It is in the answer to the POST and nowhere else.
#[derive(Clone)]
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

/// An answered form, for the page that shows the answer.
pub struct Posted {
    /// [`Act::AT`] of the form that was sent.
    pub at: &'static str,
    pub outcome: Result<Answer, UiError>,
    /// What was typed, without what is secret.
    pub typed: Vec<(String, String)>,
    /// Set by the form that shows it. Where none does (the form is gone from the page), the page says it.
    pub shown: AtomicBool,
}

impl Posted {
    pub fn new(at: &'static str, outcome: Result<Answer, UiError>, typed: Vec<(String, String)>) -> Posted {
        Posted { at, outcome, typed, shown: AtomicBool::new(false) }
    }

    /// The status of the page.
    pub fn status(&self) -> u16 {
        self.outcome.as_ref().map_or_else(UiError::status, |_| 200)
    }
}
