//! Who is looking at the page.

use crate::error::UiError;
use crate::wire::Query;
use leptos::prelude::*;
use model::user::User;
use serde::{Deserialize, Serialize};

/// What every page needs to know of the caller.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Me {
    pub user: Option<User>,
    /// Said once, after a form was done.
    pub flash: String,
    /// `light`, `dark` or empty for the system's.
    pub theme: String,
    /// Host and port as clients write them, and the server's time in ms: pages compare with it, so that both renderings agree.
    pub registry: String,
    pub now: model::Stamp,
}

/// The resource behind [`Me`]; one for the whole page.
#[derive(Clone, Copy)]
pub struct MeSource(pub Resource<Result<Me, UiError>>);

impl MeSource {
    /// Starts to ask.
    pub fn ask() -> MeSource {
        MeSource(Resource::new(|| (), |()| get_me()))
    }
}

/// The page's [`Me`], once it is there.
pub async fn here() -> Me {
    let source = expect_context::<MeSource>();
    source.0.await.unwrap_or_default()
}

#[server(prefix = "/fn", endpoint = "me", protocol = Query)]
pub async fn get_me() -> Result<Me, UiError> {
    use crate::server::Call;
    let call = Call::here()?;
    let user = match domain::users::current(&call.ctx, &call.who).await {
        Ok(user) => Some(user),
        Err(domain::Error::Unauthenticated) => None,
        Err(error) => return Err(call.error(error)),
    };
    Ok(Me {
        user,
        flash: call.take_flash(),
        theme: call.cookie("theme").filter(|theme| theme == "light" || theme == "dark").unwrap_or_default(),
        registry: call.ctx.settings.registry_host().to_owned(),
        now: call.ctx.now(),
    })
}
