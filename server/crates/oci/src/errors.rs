//! Errors in the protocol's shape: distribution-spec 1.1, "Error Codes"; and who gets which: [`Refusal::from_domain`].

use axum::body::Body;
use axum::http::{HeaderName, HeaderValue, Response, StatusCode, header};
use domain::Error;
use domain::identity::{Principal, Via};
use serde_json::{Value, json};

/// The specification's error codes, and two that registries add.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Code {
    BlobUnknown,
    BlobUploadInvalid,
    BlobUploadUnknown,
    DigestInvalid,
    ManifestBlobUnknown,
    ManifestInvalid,
    ManifestUnknown,
    NameInvalid,
    NameUnknown,
    SizeInvalid,
    Unauthorized,
    Denied,
    Unsupported,
    TooManyRequests,
    Unavailable,
    Unknown,
}

impl Code {
    fn text(self) -> &'static str {
        match self {
            Code::BlobUnknown => "BLOB_UNKNOWN",
            Code::BlobUploadInvalid => "BLOB_UPLOAD_INVALID",
            Code::BlobUploadUnknown => "BLOB_UPLOAD_UNKNOWN",
            Code::DigestInvalid => "DIGEST_INVALID",
            Code::ManifestBlobUnknown => "MANIFEST_BLOB_UNKNOWN",
            Code::ManifestInvalid => "MANIFEST_INVALID",
            Code::ManifestUnknown => "MANIFEST_UNKNOWN",
            Code::NameInvalid => "NAME_INVALID",
            Code::NameUnknown => "NAME_UNKNOWN",
            Code::SizeInvalid => "SIZE_INVALID",
            Code::Unauthorized => "UNAUTHORIZED",
            Code::Denied => "DENIED",
            Code::Unsupported => "UNSUPPORTED",
            Code::TooManyRequests => "TOOMANYREQUESTS",
            Code::Unavailable => "UNAVAILABLE",
            Code::Unknown => "UNKNOWN",
        }
    }
}

/// An answer other than success.
#[derive(Debug)]
pub struct Refusal {
    pub status: StatusCode,
    code: Code,
    message: String,
    detail: Value,
    headers: Vec<(HeaderName, String)>,
}

impl Refusal {
    pub fn new(status: StatusCode, code: Code, message: impl Into<String>) -> Refusal {
        Refusal { status, code, message: message.into(), detail: Value::Null, headers: Vec::new() }
    }

    pub fn with(mut self, name: HeaderName, value: impl Into<String>) -> Refusal {
        self.headers.push((name, value.into()));
        self
    }

    pub fn bad(code: Code, message: impl Into<String>) -> Refusal {
        Refusal::new(StatusCode::BAD_REQUEST, code, message)
    }

    /// What a use-case said, for this caller. `unknown` is the code for what is not there, `challenge` what a caller
    /// without the right is asked for.
    pub fn from_domain(error: Error, who: Option<&Principal>, unknown: Code, challenge: &str) -> Refusal {
        let ask = |refusal: Refusal, more: &str| refusal.with(header::WWW_AUTHENTICATE, format!("{challenge}{more}"));
        let by_basic = who.is_some_and(|who| who.via == Via::Basic);
        match error {
            Error::Unauthenticated => {
                ask(Refusal::new(StatusCode::UNAUTHORIZED, Code::Unauthorized, error.to_string()), "")
            }
            Error::Forbidden { action: None, .. } => Refusal::new(StatusCode::FORBIDDEN, Code::Denied, error.to_string()),
            Error::NotVisible(_) | Error::Forbidden { .. } if by_basic => {
                Refusal::new(StatusCode::FORBIDDEN, Code::Denied, error.to_string())
            }
            Error::NotVisible(_) | Error::Forbidden { .. } => ask(
                Refusal::new(StatusCode::UNAUTHORIZED, Code::Unauthorized, error.to_string()),
                ",error=\"insufficient_scope\"",
            ),
            Error::Policy(message) | Error::Locked(message) => Refusal::new(StatusCode::FORBIDDEN, Code::Denied, message),
            Error::DigestMismatch(message) => Refusal::bad(Code::DigestInvalid, message),
            Error::Manifest { message, missing } if missing.is_empty() => Refusal::bad(Code::ManifestInvalid, message),
            Error::Manifest { message, missing } => {
                let mut refusal = Refusal::bad(Code::ManifestBlobUnknown, message);
                refusal.detail = json!(missing.iter().map(|digest| json!({ "digest": digest })).collect::<Vec<_>>());
                refusal
            }
            Error::Range { received } => {
                // As the upload itself says: of none the last byte is -1.
                let last = received - 1;
                Refusal::new(StatusCode::RANGE_NOT_SATISFIABLE, Code::BlobUploadInvalid, error.to_string())
                    .with(header::RANGE, format!("0-{last}"))
            }
            Error::NotFound(what) => Refusal::new(StatusCode::NOT_FOUND, unknown, format!("{what} was not found")),
            Error::Invalid(problems) => {
                let size = problems.of("size").is_some();
                let (status, code) = match (size, unknown) {
                    (true, _) => (StatusCode::PAYLOAD_TOO_LARGE, Code::SizeInvalid),
                    (false, Code::BlobUploadUnknown | Code::BlobUnknown) => {
                        (StatusCode::BAD_REQUEST, Code::BlobUploadInvalid)
                    }
                    (false, Code::ManifestUnknown) => (StatusCode::BAD_REQUEST, Code::ManifestInvalid),
                    (false, _) => (StatusCode::BAD_REQUEST, Code::NameInvalid),
                };
                Refusal::new(status, code, problems.to_string())
            }
            Error::Conflict { .. } | Error::Precondition(_) => Refusal::new(StatusCode::CONFLICT, Code::Denied, error.to_string()),
            Error::TooMany { seconds, .. } => {
                Refusal::new(StatusCode::TOO_MANY_REQUESTS, Code::TooManyRequests, error.to_string())
                    .with(header::RETRY_AFTER, seconds.to_string())
            }
            Error::Unavailable(_) => Refusal::new(StatusCode::SERVICE_UNAVAILABLE, Code::Unavailable, error.to_string())
                .with(header::RETRY_AFTER, "2"),
            Error::CredentialUnreadable(_) | Error::Internal(_) | Error::Db(_) => {
                tracing::error!(%error, "a registry request failed");
                Refusal::new(StatusCode::INTERNAL_SERVER_ERROR, Code::Unknown, "internal server error")
            }
        }
    }

    /// The answer; without a body where the request was HEAD.
    pub fn into_response(self, head: bool) -> Response<Body> {
        let mut error = json!({ "code": self.code.text(), "message": self.message });
        if !self.detail.is_null() {
            error["detail"] = self.detail;
        }
        let body = if head { Body::empty() } else { Body::from(json!({ "errors": [error] }).to_string()) };
        let mut response = Response::new(body);
        *response.status_mut() = self.status;
        let headers = response.headers_mut();
        headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/json"));
        for (name, value) in self.headers {
            // Names in a challenge were parsed before; what is no header value is left out rather than fail.
            if let Ok(value) = HeaderValue::from_str(&value) {
                headers.append(name, value);
            }
        }
        response
    }
}
