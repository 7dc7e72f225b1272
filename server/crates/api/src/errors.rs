//! Errors in Harbor's shape: `{"errors":[{"code","message"}]}`.

use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use domain::Error;
use serde::Serialize;
use utoipa::ToSchema;

/// An answer other than success.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    message: String,
    retry_after: Option<u64>,
}

/// How every answer other than success reads.
#[derive(Serialize, ToSchema)]
pub struct Errors {
    errors: [OneError; 1],
}

/// What failed.
#[derive(Serialize, ToSchema)]
#[schema(as = Error)]
pub struct OneError {
    /// The kind, by Harbor's words.
    code: &'static str,
    /// What failed, on which side, and what to do.
    message: String,
}

impl ApiError {
    pub fn new(status: StatusCode, message: impl Into<String>) -> ApiError {
        ApiError { status, message: message.into(), retry_after: None }
    }

    pub fn bad(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::BAD_REQUEST, message)
    }

    pub fn not_found(message: impl Into<String>) -> ApiError {
        ApiError::new(StatusCode::NOT_FOUND, message)
    }
}

impl From<Error> for ApiError {
    fn from(error: Error) -> Self {
        let status = match &error {
            Error::Unauthenticated => StatusCode::UNAUTHORIZED,
            // What a caller may not see and what does not exist look the same.
            Error::NotVisible(_) | Error::Forbidden { .. } | Error::Policy(_) => StatusCode::FORBIDDEN,
            Error::NotFound(_) => StatusCode::NOT_FOUND,
            Error::Conflict { .. } => StatusCode::CONFLICT,
            Error::Precondition(_) | Error::Locked(_) => StatusCode::PRECONDITION_FAILED,
            Error::Invalid(_) | Error::DigestMismatch(_) | Error::Manifest { .. } | Error::Range { .. } => {
                StatusCode::BAD_REQUEST
            }
            Error::CredentialUnreadable(_) => StatusCode::CONFLICT,
            Error::TooMany { .. } => StatusCode::TOO_MANY_REQUESTS,
            Error::Unavailable(_) => StatusCode::SERVICE_UNAVAILABLE,
            Error::Internal(_) | Error::Db(_) => StatusCode::INTERNAL_SERVER_ERROR,
        };
        if error.is_ours() {
            tracing::error!(%error, "an API request failed");
            return ApiError::new(status, "internal server error");
        }
        let retry_after = match &error {
            Error::TooMany { seconds, .. } => Some(*seconds),
            Error::Unavailable(_) => Some(2),
            _ => None,
        };
        let message = match error {
            Error::NotVisible(_) => "forbidden".to_owned(),
            other => other.to_string(),
        };
        ApiError { status, message, retry_after }
    }
}

/// A refusal that names members as clients of the API know them, where ours are called otherwise: each of ours, with theirs.
pub fn by(names: &'static [(&'static str, &'static str)]) -> impl Fn(Error) -> ApiError {
    move |mut error| {
        if let Error::Conflict { field, .. } = &mut error
            && let Some((_, theirs)) = names.iter().find(|(ours, _)| ours == field)
        {
            *field = (*theirs).to_owned();
        }
        if let Error::Invalid(problems) = &mut error {
            for problem in &mut problems.0 {
                if let Some((_, theirs)) = names.iter().find(|(ours, _)| *ours == problem.field) {
                    problem.field = (*theirs).to_owned();
                }
            }
        }
        error.into()
    }
}

fn code(status: StatusCode) -> &'static str {
    match status {
        StatusCode::BAD_REQUEST => "BAD_REQUEST",
        StatusCode::UNAUTHORIZED => "UNAUTHORIZED",
        StatusCode::FORBIDDEN => "FORBIDDEN",
        StatusCode::NOT_FOUND => "NOT_FOUND",
        StatusCode::METHOD_NOT_ALLOWED => "METHOD_NOT_ALLOWED",
        StatusCode::CONFLICT => "CONFLICT",
        StatusCode::PRECONDITION_FAILED => "PRECONDITION",
        StatusCode::UNPROCESSABLE_ENTITY => "UNPROCESSABLE_ENTITY",
        StatusCode::TOO_MANY_REQUESTS => "TOO_MANY_REQUEST",
        _ => "UNKNOWN",
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let body = Errors { errors: [OneError { code: code(self.status), message: self.message }] };
        let mut response = Response::new(Body::from(serde_json::to_vec(&body).unwrap_or_default()));
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json; charset=utf-8"));
        if let Some(seconds) = self.retry_after {
            headers.insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        }
        response
    }
}
