//! Waiting for a resource: rendered on the server at first, kept in place while it is asked for again.

use super::empty::failed;
use crate::error::UiError;
use leptos::prelude::*;
use serde::{Serialize, de::DeserializeOwned};
use std::sync::Arc;

/// A page that needs no data, only somebody who is signed in, or a system administrator.
pub fn guarded(admin: bool, show: impl Fn() -> AnyView + Send + Sync + 'static) -> AnyView {
    let me = expect_context::<crate::session::MeSource>().0;
    load(me, move |me, _| match me.user {
        None => failed(&UiError::SignIn),
        Some(user) if admin && !user.admin => {
            failed(&UiError::Forbidden("this needs a system administrator".to_owned()))
        }
        Some(_) => show(),
    })
}

/// Shows `data` by `show`, or why it cannot be shown.
pub fn load<T>(
    data: Resource<Result<T, UiError>>,
    show: impl Fn(T, crate::session::Me) -> AnyView + Send + Sync + 'static,
) -> AnyView
where
    T: Clone + Serialize + DeserializeOwned + Send + Sync + 'static,
{
    let show = Arc::new(show);
    let me = expect_context::<crate::session::MeSource>().0;
    view! {
        <Transition>
            {move || {
                let show = show.clone();
                Suspend::new(async move {
                    let me = me.await.unwrap_or_default();
                    match data.await {
                        Ok(value) => show(value, me),
                        Err(error) => failed(&error),
                    }
                })
            }}
        </Transition>
    }
    .into_any()
}
