//! Who is looking at the page.

use crate::UiError;
use model::user::User;

/// What every page needs to know of the caller.
#[derive(Clone, Debug, Default)]
pub struct Me {
    pub user: Option<User>,
    /// May they make projects, by the settings as this process read them last? The use-case decides.
    pub makes_projects: bool,
    /// Said once, after a form was done.
    pub flash: String,
    /// `light`, `dark` or empty for the system's.
    pub theme: String,
    /// Host and port as clients write them.
    pub registry: String,
    /// It is spoken to without TLS, which some clients must be told.
    pub plain: bool,
    /// The server's time, which ages are told from.
    pub now: model::Stamp,
}

impl Me {
    /// What this client must be told to speak to the registry, after its command: nothing, or a flag after a space.
    pub fn flag(&self, client: &str) -> &'static str {
        match client {
            _ if !self.plain => "",
            "podman" => " --tls-verify=false",
            "helm" | "oras" => " --plain-http",
            "cosign" => " --allow-http-registry",
            // docker has it in its daemon's configuration, and takes localhost as it is.
            _ => "",
        }
    }

    pub fn admin(&self) -> bool {
        self.user.as_ref().is_some_and(|user| user.admin)
    }
}

/// Who is shown a page at all, or may send a form. What they may do with it the use-case decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Needs {
    /// Nothing: what the caller may not see is left to the use-case.
    Nothing,
    /// Somebody who is signed in.
    SignIn,
    /// A system administrator.
    Admin,
}

impl Needs {
    /// # Errors
    /// [`UiError::SignIn`] for nobody, [`UiError::Forbidden`] for who is no administrator.
    pub fn check(self, me: &Me) -> Result<(), UiError> {
        match (self, &me.user) {
            (Needs::Nothing, _) => Ok(()),
            (_, None) => Err(UiError::SignIn),
            (Needs::Admin, Some(user)) if !user.admin => Err(UiError::Forbidden("this needs a system administrator".to_owned())),
            (Needs::SignIn | Needs::Admin, Some(_)) => Ok(()),
        }
    }
}
