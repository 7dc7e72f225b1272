//! Harbor's sign-in for its clients: `POST /c/login`, `GET /c/log_out`.

use crate::answers::{Answer, Done};
use crate::call::{Call, Form};
use crate::errors::ApiError;
use axum::extract::Extension;
use axum::http::StatusCode;
use domain::secrets::PlainSecret;
use domain::sessions::SessionControl;
use domain::users;
use std::sync::Arc;
use utoipa::ToSchema;

/// Longest form, in bytes.
const FORM: usize = 4 * 1024;

/// The session of this request; the server puts it there.
#[derive(Clone)]
pub struct SessionDoor(pub Arc<dyn SessionControl>);

/// The form of a sign-in.
#[derive(ToSchema)]
#[expect(dead_code, reason = "for the document: a form is read field by field")]
pub struct SignIn {
    principal: String,
    #[schema(format = Password)]
    password: String,
}

fn field(form: &[u8], name: &str) -> Option<String> {
    let form = std::str::from_utf8(form).ok()?;
    let (_, value) = form.split('&').filter_map(|pair| pair.split_once('=')).find(|(key, _)| *key == name)?;
    percent_encoding::percent_decode_str(&value.replace('+', " ")).decode_utf8().ok().map(|text| text.into_owned())
}

pub async fn login(call: Call, door: Option<Extension<SessionDoor>>, Form(form): Form) -> Answer<Done> {
    if form.len() > FORM {
        return Err(ApiError::new(StatusCode::PAYLOAD_TOO_LARGE, "the form is too long"));
    }
    let (Some(name), Some(password)) = (field(&form, "principal"), field(&form, "password")) else {
        return Err(ApiError::bad("principal and password are needed"));
    };
    let who = users::sign_in(&call.ctx, &name, &PlainSecret::new(password), call.who.client.clone()).await?;
    if let Some(Extension(door)) = door {
        door.0.enter(&who).await?;
    }
    Ok(Done)
}

pub async fn logout(_: Call, door: Option<Extension<SessionDoor>>) -> Answer<Done> {
    if let Some(Extension(door)) = door {
        door.0.leave().await?;
    }
    Ok(Done)
}
