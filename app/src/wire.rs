//! How server functions are called: as forms and queries, and a field that a function does not know is refused.
//!
//! They are `Http<PostUrl, Json>` and `Http<GetUrl, Json>` but for that: a misspelt or smuggled field is an error in
//! words instead of a silent default.

use http::Method;
use serde::de::DeserializeOwned;
use server_fn::client::Client;
use server_fn::codec::{FromReq, FromRes, GetUrl, IntoReq, IntoRes, Json, PostUrl};
use server_fn::error::{FromServerFnError, IntoAppError, ServerFnErrorErr};
use server_fn::request::Req;
use server_fn::server::Server;
use server_fn::{Http, Protocol};

/// Arguments in the body of a `POST`, as a browser sends a form; the answer is JSON.
pub struct FormBody;

/// Arguments in the query of a `GET`; the answer is JSON.
pub struct Query;

/// Deepest nesting of names such as `a[b][c]`.
const DEPTH: usize = 5;

/// Reads arguments; what the function does not know is an error.
fn read<T: DeserializeOwned, E: FromServerFnError>(text: &str) -> Result<T, E> {
    let wrong = |text: String| ServerFnErrorErr::Args(text).into_app_error();
    let config = serde_qs::Config::new(DEPTH, false);
    let input = serde_qs::Deserializer::with_config(&config, text.as_bytes()).map_err(|error| wrong(error.to_string()))?;
    let mut unknown = None;
    let arguments = serde_ignored::deserialize(input, |path| {
        unknown.get_or_insert_with(|| path.to_string());
    })
    .map_err(|error: serde_qs::Error| wrong(error.to_string()))?;
    match unknown {
        Some(name) => Err(wrong(format!("unknown field `{name}`"))),
        None => Ok(arguments),
    }
}

impl<I, O, C, S, E> Protocol<I, O, C, S, E> for FormBody
where
    I: DeserializeOwned + IntoReq<PostUrl, C::Request, E> + FromReq<PostUrl, S::Request, E> + Send,
    O: IntoRes<Json, S::Response, E> + FromRes<Json, C::Response, E> + Send,
    E: FromServerFnError,
    C: Client<E>,
    S: Server<E>,
{
    const METHOD: Method = Method::POST;

    async fn run_server<F, Fut>(request: S::Request, function: F) -> Result<S::Response, E>
    where
        F: Fn(I) -> Fut + Send,
        Fut: Future<Output = Result<O, E>> + Send,
    {
        let arguments = read(&request.try_into_string().await?)?;
        let output = function(arguments).await?;
        output.into_res().await
    }

    async fn run_client(path: &str, arguments: I) -> Result<O, E> {
        <Http<PostUrl, Json> as Protocol<I, O, C, S, E>>::run_client(path, arguments).await
    }
}

impl<I, O, C, S, E> Protocol<I, O, C, S, E> for Query
where
    I: DeserializeOwned + IntoReq<GetUrl, C::Request, E> + FromReq<GetUrl, S::Request, E> + Send,
    O: IntoRes<Json, S::Response, E> + FromRes<Json, C::Response, E> + Send,
    E: FromServerFnError,
    C: Client<E>,
    S: Server<E>,
{
    const METHOD: Method = Method::GET;

    async fn run_server<F, Fut>(request: S::Request, function: F) -> Result<S::Response, E>
    where
        F: Fn(I) -> Fut + Send,
        Fut: Future<Output = Result<O, E>> + Send,
    {
        let arguments = read(request.as_query().unwrap_or_default())?;
        let output = function(arguments).await?;
        output.into_res().await
    }

    async fn run_client(path: &str, arguments: I) -> Result<O, E> {
        <Http<GetUrl, Json> as Protocol<I, O, C, S, E>>::run_client(path, arguments).await
    }
}
