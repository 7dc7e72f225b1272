//! The OpenAPI 3.1 document of this API (OpenAPI Specification 3.1.1), made from the table of routes and from what each handler's own
//! signature takes and answers: neither can say what the other does not.

use crate::answers::{Answer, Answers, Shown};
use crate::call::{Call, Form, Json};
use crate::errors::Errors;
use crate::routes::{self, Needs, Route};
use crate::session::{SessionDoor, SignIn};
use axum::extract::{Extension, Path};
use axum::http::StatusCode;
use serde::Serialize;
use std::collections::BTreeMap;
use std::future::Future;
use std::sync::LazyLock;
use utoipa::ToSchema;
use utoipa::openapi::path::{HttpMethod, OperationBuilder, Parameter, ParameterBuilder, ParameterIn, PathsBuilder};
use utoipa::openapi::request_body::RequestBodyBuilder;
use utoipa::openapi::schema::{KnownFormat, Schema, SchemaFormat, Type};
use utoipa::openapi::security::{Http, HttpAuthScheme, SecurityRequirement, SecurityScheme};
use utoipa::openapi::{
    ComponentsBuilder, ContentBuilder, InfoBuilder, ObjectBuilder, OpenApi, OpenApiBuilder, PathItem, Ref, RefOr, Required, ResponseBuilder,
};

/// The shapes that the document names, each once.
#[derive(Default)]
pub struct Schemas(BTreeMap<String, RefOr<Schema>>);

impl Schemas {
    /// A reference to `T`, which is described along with what it holds.
    pub fn of<T: ToSchema>(&mut self) -> RefOr<Schema> {
        let mut held = Vec::new();
        T::schemas(&mut held);
        self.0.extend(held);
        if let Some(other) = self.0.insert(T::name().into_owned(), T::schema()) {
            debug_assert!(other == T::schema(), "two shapes are called {}", T::name());
        }
        Ref::from_schema_name(T::name()).into()
    }
}

/// What a handler takes as a body, and what it answers.
#[derive(Clone, Copy)]
pub struct Shape {
    body: Option<(&'static str, fn(&mut Schemas) -> RefOr<Schema>)>,
    answer: fn(&mut Schemas) -> (StatusCode, ResponseBuilder),
}

/// A handler, by the forms that handlers have here.
pub trait Handles<Args> {
    const SHAPE: Shape;
}

macro_rules! handles {
    ($([$($generic:tt)*] ($($taken:ty),*) $body:expr;)*) => {$(
        impl<F, Fut, A, $($generic)*> Handles<($($taken,)*)> for F
        where
            F: Fn($($taken),*) -> Fut,
            Fut: Future<Output = Answer<A>>,
            A: Answers,
        {
            const SHAPE: Shape = Shape { body: $body, answer: A::described };
        }
    )*};
}

const JSON: &str = "application/json";
const FORM: &str = "application/x-www-form-urlencoded";

handles! {
    [] (Call) None;
    [P] (Call, Path<P>) None;
    [B: ToSchema] (Call, Json<B>) Some((JSON, Schemas::of::<B>));
    [P, B: ToSchema] (Call, Path<P>, Json<B>) Some((JSON, Schemas::of::<B>));
    [] (Call, Option<Extension<SessionDoor>>) None;
    [] (Call, Option<Extension<SessionDoor>>, Form) Some((FORM, Schemas::of::<SignIn>));
}

/// What `handler` takes and answers.
pub fn shape<Args, F: Handles<Args>>(_: &F) -> Shape {
    F::SHAPE
}

fn schema(kind: Type) -> ObjectBuilder {
    ObjectBuilder::new().schema_type(kind)
}

fn parameter(name: &str, place: ParameterIn, schema: ObjectBuilder, what: &str) -> Parameter {
    let required = if place == ParameterIn::Path { Required::True } else { Required::False };
    let described = (!what.is_empty()).then_some(what);
    ParameterBuilder::new().name(name).parameter_in(place).required(required).schema(Some(schema)).description(described).build()
}

fn in_path(name: &str) -> Parameter {
    let (kind, what) = match name {
        "id" | "task" | "execution" | "label" => (schema(Type::Integer).format(Some(SchemaFormat::KnownFormat(KnownFormat::Int64))).minimum(Some(1)), ""),
        "project" => (schema(Type::String), "Its name; or its number, unless X-Is-Resource-Name says that this is a name."),
        "repository" => (schema(Type::String), "Its name within the project; slashes in it encoded, once or twice."),
        "reference" => (schema(Type::String), "A tag or a digest."),
        _ => (schema(Type::String), ""),
    };
    parameter(name, ParameterIn::Path, kind, what)
}

/// How lists are asked.
const Q: &str = "Pairs separated by commas: k=v, k=~part, k={a b} for any, k=(a b) for all, k=[from~to]. \
    A key that the list does not know is refused with its name.";

fn in_query(route: &Route, name: &str) -> Parameter {
    let (kind, what) = match name {
        "page" => (schema(Type::Integer).minimum(Some(0)), "Which page, from 1."),
        "page_size" => (schema(Type::Integer).minimum(Some(0)).maximum(Some(100)), "Rows of a page: 10 unless told, 100 at most; 0 for all of them, within reason."),
        "q" => (schema(Type::String), Q),
        "sort" => (schema(Type::String), "By what; a minus before it turns it round."),
        "from" if route.id == "CopyArtifact" => (schema(Type::String), "What is copied: project/repository:tag or project/repository@digest."),
        "with_tag" | "with_accessory" | "latest_in_repository" | "relative" | "public" => (schema(Type::Boolean), ""),
        "days" => (schema(Type::Integer).minimum(Some(1)).maximum(Some(400)), "Up to today: 90 unless told."),
        "policy_id" | "project_id" => (schema(Type::Integer).minimum(Some(1)), ""),
        _ => (schema(Type::String), ""),
    };
    parameter(name, ParameterIn::Query, kind, what)
}

/// `listProjectMembers` as a person reads it.
fn words(id: &str) -> String {
    let mut words = String::new();
    for (n, c) in id.chars().enumerate() {
        match c.is_ascii_uppercase() {
            true if n > 0 => words.extend([' ', c.to_ascii_lowercase()]),
            _ if n == 0 => words.push(c.to_ascii_uppercase()),
            _ => words.push(c),
        }
    }
    words
}

/// What of the statuses other than success a route can answer.
fn refusals(route: &Route, shape: &Shape, listed: bool) -> Vec<(StatusCode, &'static str)> {
    let changes = !matches!(route.method, "get" | "head");
    let named = route.pattern.contains('{');
    [
        (true, StatusCode::BAD_REQUEST, "Something that was sent cannot be; the message names it."),
        (true, StatusCode::UNAUTHORIZED, "Who is calling is not known, or must be."),
        (true, StatusCode::FORBIDDEN, "The caller may not, or may not see what is named."),
        (named || shape.body.is_some() || !route.asks.is_empty(), StatusCode::NOT_FOUND, "What is named is not there."),
        (changes, StatusCode::CONFLICT, "What is there stands in the way."),
        (changes || named || route.needs == Needs::SignedIn, StatusCode::PRECONDITION_FAILED, "Something must change first; the message says what."),
        (shape.body.is_some(), StatusCode::PAYLOAD_TOO_LARGE, "The body is too long."),
        (listed || route.method == "head", StatusCode::UNPROCESSABLE_ENTITY, "A page is no number, or too long; or a name is missing."),
        (true, StatusCode::TOO_MANY_REQUESTS, "Too many attempts; Retry-After says when."),
        (true, StatusCode::SERVICE_UNAVAILABLE, "Too busy; Retry-After says when."),
    ]
    .into_iter()
    .filter(|(can, ..)| *can)
    .map(|(_, status, what)| (status, what))
    .collect()
}

fn response(status: StatusCode) -> String {
    status.as_u16().to_string()
}

fn operation(route: &Route, shape: &Shape, schemas: &mut Schemas) -> OperationBuilder {
    let (status, success) = (shape.answer)(schemas);
    let success = success.build();
    let listed = success.headers.contains_key("X-Total-Count");
    let mut operation = OperationBuilder::new()
        .operation_id(Some(route.id))
        .summary(Some(words(route.id)))
        .description(Some(format!("Needs: {}.", route.needs.said())))
        .tag(route.tag())
        .response(response(status), success);
    for name in route.pattern.split('/').filter_map(|part| part.strip_prefix('{')?.strip_suffix('}')) {
        operation = operation.parameter(in_path(name));
        if name == "project" {
            operation = operation.parameter(parameter("X-Is-Resource-Name", ParameterIn::Header, schema(Type::Boolean),
                "The project in the path is a name, also where it looks like a number."));
        }
    }
    let paging: &[&str] = if listed { &["page", "page_size", "q", "sort"] } else { &[] };
    for name in paging.iter().chain(route.asks) {
        operation = operation.parameter(in_query(route, name));
    }
    if let Some((media, body)) = shape.body {
        let content = ContentBuilder::new().schema(Some(body(schemas))).build();
        operation = operation.request_body(Some(RequestBodyBuilder::new().content(media, content).required(Some(Required::True)).build()));
    }
    for (status, what) in refusals(route, shape, listed) {
        // A HEAD has no body.
        let mut refusal = ResponseBuilder::new().description(what);
        if route.method != "head" {
            refusal = refusal.content(JSON, ContentBuilder::new().schema(Some(schemas.of::<Errors>())).build());
        }
        operation = operation.response(response(status), refusal);
    }
    let basic = || SecurityRequirement::new("basic", Vec::<String>::new());
    let nobody = (route.needs == Needs::Anybody).then(SecurityRequirement::default);
    operation.securities(Some(nobody.into_iter().chain([basic()])))
}

/// The document of `routes`.
pub fn document(routes: &[(Route, Shape)]) -> OpenApi {
    let (mut schemas, mut paths) = (Schemas::default(), PathsBuilder::new());
    for (route, shape) in routes {
        let method = match route.method {
            "post" => HttpMethod::Post,
            "put" => HttpMethod::Put,
            "patch" => HttpMethod::Patch,
            "delete" => HttpMethod::Delete,
            "head" => HttpMethod::Head,
            _ => HttpMethod::Get,
        };
        paths = paths.path(route.pattern, PathItem::new(method, operation(route, shape, &mut schemas)));
    }
    let basic = Http::builder().scheme(HttpAuthScheme::Basic).description(Some("A user's name and password, or a robot account's full name and secret.")).build();
    let mut components = ComponentsBuilder::new().security_scheme("basic", SecurityScheme::Http(basic));
    for (name, schema) in schemas.0 {
        components = components.schema(name, schema);
    }
    let about = "Projects, accounts, artifacts and replication, by the names and with the answers that clients of Harbor's API 2.0 know.";
    let info = InfoBuilder::new().title("Wharf").version(env!("CARGO_PKG_VERSION")).description(Some(about)).build();
    OpenApiBuilder::new().info(info).paths(paths).components(Some(components.build())).build()
}

/// The document, as any OpenAPI document.
#[derive(Serialize, ToSchema)]
#[schema(value_type = Object)]
pub struct Document(&'static OpenApi);

/// The document of this API.
pub async fn get(_: Call) -> Answer<Shown<Document>> {
    static MADE: LazyLock<OpenApi> = LazyLock::new(|| document(&routes::shapes()));
    Ok(Shown(Document(&MADE)))
}
