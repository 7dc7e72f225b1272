//! Who is calling: Basic or Bearer, off the wire. A session cookie never counts here.

use axum::http::{HeaderMap, header};
use domain::identity::{self, Client, Principal};
use domain::{Ctx, Error};

/// The caller. More than one `Authorization` header, or one that is no Basic or Bearer, is nobody we know.
pub async fn caller(ctx: &Ctx, headers: &HeaderMap, client: Client) -> Result<Principal, Error> {
    let mut values = headers.get_all(header::AUTHORIZATION).iter();
    let Some(value) = values.next() else {
        let nobody = Principal::anonymous(client);
        domain::db::asks(&nobody.holder());
        return Ok(nobody);
    };
    let (None, Ok(value)) = (values.next(), value.to_str()) else { return Err(Error::Unauthenticated) };
    let who = match value.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => {
            identity::authenticate_token(ctx, token.trim(), client)?
        }
        _ => {
            let (name, secret) = identity::parse_basic(value).ok_or(Error::Unauthenticated)?;
            identity::authenticate(ctx, &name, &secret, client).await?
        }
    };
    domain::db::asks(&who.holder());
    Ok(who)
}

/// The challenge: RFC 6750 as the distribution project's token authentication uses it. The realm is the
/// name of ours by which the client came, and else the configured external URL, whatever `Host` says.
pub fn challenge(ctx: &Ctx, client: &Client, scope: Option<&str>) -> String {
    let scope = scope.map(|scope| format!(",scope=\"{scope}\"")).unwrap_or_default();
    format!("Bearer realm=\"{}/service/token\",service=\"{}\"{scope}", client.origin(&ctx.settings), identity::SERVICE)
}
