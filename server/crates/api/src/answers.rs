//! What handlers answer with: each kind once, with how it is sent and what the document says of it.

use crate::document::Schemas;
use crate::errors::ApiError;
use axum::body::Body;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use model::Stamp;
use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::header::{Header, HeaderBuilder};
use utoipa::openapi::response::ResponseBuilder;
use utoipa::openapi::schema::{ArrayBuilder, Type};
use utoipa::openapi::{ContentBuilder, ObjectBuilder};

/// A handler's answer.
pub type Answer<T> = Result<T, ApiError>;

/// A kind of answer.
pub trait Answers: IntoResponse {
    /// Its status, and what the document says of it.
    fn described(schemas: &mut Schemas) -> (StatusCode, ResponseBuilder);
}

/// A time as Harbor writes it: RFC 3339 in UTC with milliseconds; the year 1 for never.
#[derive(Clone, Serialize, ToSchema)]
#[schema(value_type = String, format = DateTime)]
pub struct Time(String);

impl From<Stamp> for Time {
    fn from(at: Stamp) -> Time {
        Time(at.rfc3339())
    }
}

impl From<Option<Stamp>> for Time {
    fn from(at: Option<Stamp>) -> Time {
        Time(at.map_or_else(|| "0001-01-01T00:00:00.000Z".to_owned(), Stamp::rfc3339))
    }
}

fn json<T: ToSchema>(schemas: &mut Schemas, what: &str) -> ResponseBuilder {
    let content = ContentBuilder::new().schema(Some(schemas.of::<T>())).build();
    ResponseBuilder::new().description(what).content("application/json", content)
}

fn told(kind: Type, what: &str) -> Header {
    HeaderBuilder::new().schema(Some(ObjectBuilder::new().schema_type(kind))).description(Some(what)).build()
}

fn sent<T: Serialize>(value: &T) -> Response {
    match serde_json::to_vec(value) {
        Ok(bytes) => ([(header::CONTENT_TYPE, "application/json")], bytes).into_response(),
        Err(error) => ApiError::from(domain::Error::Internal(format!("an answer is no JSON: {error}"))).into_response(),
    }
}

/// 200 with JSON.
pub struct Shown<T>(pub T);

impl<T: Serialize> IntoResponse for Shown<T> {
    fn into_response(self) -> Response {
        sent(&self.0)
    }
}

impl<T: Serialize + ToSchema> Answers for Shown<T> {
    fn described(schemas: &mut Schemas) -> (StatusCode, ResponseBuilder) {
        (StatusCode::OK, json::<T>(schemas, "As asked."))
    }
}

/// One page of a list: how many rows there are in all, and the ways to the pages around.
pub struct Listed<T> {
    pub rows: Vec<T>,
    pub total: i64,
    /// The value of `Link`, if there is another page.
    pub link: Option<String>,
}

impl<T: Serialize> IntoResponse for Listed<T> {
    fn into_response(self) -> Response {
        let mut response = sent(&self.rows);
        let headers = response.headers_mut();
        headers.insert("x-total-count", HeaderValue::from(self.total));
        if let Some(Ok(link)) = self.link.as_deref().map(HeaderValue::from_str) {
            headers.insert(header::LINK, link);
        }
        response
    }
}

impl<T: Serialize + ToSchema> Answers for Listed<T> {
    fn described(schemas: &mut Schemas) -> (StatusCode, ResponseBuilder) {
        let rows = ArrayBuilder::new().items(schemas.of::<T>());
        let content = ContentBuilder::new().schema(Some(rows)).build();
        let total = told(Type::Integer, "How many rows there are in all.");
        let link = told(Type::String, "The pages before and after (RFC 8288).");
        let response = ResponseBuilder::new().description("A page of the list.").content("application/json", content);
        (StatusCode::OK, response.header("X-Total-Count", total).header("Link", link))
    }
}

/// 200 without a body, which some clients insist on.
pub struct Done;

impl IntoResponse for Done {
    fn into_response(self) -> Response {
        Response::new(Body::empty())
    }
}

impl Answers for Done {
    fn described(_: &mut Schemas) -> (StatusCode, ResponseBuilder) {
        (StatusCode::OK, ResponseBuilder::new().description("Done."))
    }
}

/// 200 with text.
pub struct Text(pub String);

impl IntoResponse for Text {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "text/plain; charset=utf-8")], self.0).into_response()
    }
}

impl Answers for Text {
    fn described(_: &mut Schemas) -> (StatusCode, ResponseBuilder) {
        let text = ObjectBuilder::new().schema_type(Type::String);
        let content = ContentBuilder::new().schema(Some(text)).build();
        (StatusCode::OK, ResponseBuilder::new().description("As asked.").content("text/plain", content))
    }
}

/// 201 with the new thing's place in `Location`, where it has one.
pub struct Created(pub String);

fn placed(mut response: Response, place: &str) -> Response {
    *response.status_mut() = StatusCode::CREATED;
    if !place.is_empty()
        && let Ok(place) = HeaderValue::from_str(place)
    {
        response.headers_mut().insert(header::LOCATION, place);
    }
    response
}

impl IntoResponse for Created {
    fn into_response(self) -> Response {
        placed(Response::new(Body::empty()), &self.0)
    }
}

impl Answers for Created {
    fn described(_: &mut Schemas) -> (StatusCode, ResponseBuilder) {
        let place = told(Type::String, "Where it is.");
        (StatusCode::CREATED, ResponseBuilder::new().description("Created.").header("Location", place))
    }
}

/// [`Created`], and what is said of it once.
pub struct CreatedWith<T>(pub String, pub T);

impl<T: Serialize> IntoResponse for CreatedWith<T> {
    fn into_response(self) -> Response {
        placed(sent(&self.1), &self.0)
    }
}

impl<T: Serialize + ToSchema> Answers for CreatedWith<T> {
    fn described(schemas: &mut Schemas) -> (StatusCode, ResponseBuilder) {
        let place = told(Type::String, "Where it is.");
        (StatusCode::CREATED, json::<T>(schemas, "Created.").header("Location", place))
    }
}

/// 200 with a file to keep, sent as it is read.
pub struct File {
    /// Its media type.
    pub kind: &'static str,
    pub name: String,
    pub body: Body,
}

impl IntoResponse for File {
    fn into_response(self) -> Response {
        let named = format!("attachment; filename=\"{}\"", self.name);
        ([(header::CONTENT_TYPE, self.kind.to_owned()), (header::CONTENT_DISPOSITION, named)], self.body).into_response()
    }
}

impl Answers for File {
    fn described(_: &mut Schemas) -> (StatusCode, ResponseBuilder) {
        let text = || ContentBuilder::new().schema(Some(ObjectBuilder::new().schema_type(Type::String))).build();
        (StatusCode::OK, ResponseBuilder::new().description("A file.").content("text/csv", text()).content("application/jsonl", text()))
    }
}
