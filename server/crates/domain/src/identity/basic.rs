//! HTTP Basic (RFC 7617): users with their password, robot accounts with their secret.

use super::{Client, Principal, Via, Who};
use crate::ctx::Ctx;
use crate::error::{Error, Result};
use crate::events::Event;
use crate::secrets::PlainSecret;
use crate::{robots, users};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;

/// Longest header value that is looked at.
const MAX: usize = 8 * 1024;

/// Takes name and secret out of an `Authorization` header's value; `None` if it is no well-formed Basic.
pub fn parse_basic(value: &str) -> Option<(String, PlainSecret)> {
    let (scheme, encoded) = value.split_once(' ')?;
    if !scheme.eq_ignore_ascii_case("basic") || encoded.len() > MAX {
        return None;
    }
    let text = String::from_utf8(STANDARD.decode(encoded.trim()).ok()?).ok()?;
    let (name, secret) = text.split_once(':')?;
    Some((name.to_owned(), PlainSecret::new(secret.to_owned())))
}

/// Who has this name and secret? Unknown, wrong, disabled and expired are one answer: `Unauthenticated`, and the log tells of the attempt.
pub async fn authenticate(ctx: &Ctx, name: &str, secret: &PlainSecret, client: Client) -> Result<Principal> {
    let done = judge(ctx, name, secret, client.clone()).await;
    if matches!(done, Err(Error::Unauthenticated)) {
        ctx.note_refusal(&Principal::anonymous(client), Event::SignedIn { name: name.to_owned() });
    }
    done
}

async fn judge(ctx: &Ctx, name: &str, secret: &PlainSecret, client: Client) -> Result<Principal> {
    let now = ctx.now();
    if let Some(rest) = name.strip_prefix(ctx.configuration().robot_name_prefix.as_str()) {
        let found = robots::find_by_name(ctx, rest).await?;
        let (id, version) = found.as_ref().map_or((0, 0), |robot| (robot.id.0, robot.credentials_version));
        if let Some(hash) = found.as_ref().filter(|robot| robot.may_sign_in(now)).and_then(|robot| robot.chosen()) {
            if !ctx.local.passwords.remembers(now, name, (id, version), secret) {
                let guess = ctx.local.throttle.guess(ctx, name, &client.address, true).await?;
                let judged = ctx.local.passwords.verify(now, name, (id, version), Some(hash), secret, guess.stranger.as_deref()).await;
                if !guess.judged(judged)? {
                    return Err(Error::Unauthenticated);
                }
            }
            return Ok(robot(ctx, name, found.as_ref(), client));
        }
        // The comparison is made also where there is nothing to compare with.
        let right = found.as_ref().is_some_and(|robot| robot.may_sign_in(now)) & robots::matches(found.as_ref(), secret);
        // Nobody guesses 256 bits: who knows them is let in, however many wrong ones of its name must wait.
        if !right {
            ctx.local.throttle.guess(ctx, name, &client.address, found.is_some()).await?;
            return Err(Error::Unauthenticated);
        }
        return Ok(robot(ctx, name, found.as_ref(), client));
    }
    let found = users::credentials(ctx, name).await?;
    let (id, version) = found.as_ref().map_or((0, 0), |user| (user.id.0, user.credentials_version));
    let hash = found.as_ref().filter(|user| !user.disabled).map(|user| user.password_hash.clone());
    let known = hash.is_some() && ctx.local.passwords.remembers(now, name, (id, version), secret);
    let right = match known {
        true => true,
        false => {
            let guess = ctx.local.throttle.guess(ctx, name, &client.address, found.is_some()).await?;
            let judged = ctx.local.passwords.verify(now, name, (id, version), hash, secret, guess.stranger.as_deref()).await;
            guess.judged(judged)?
        }
    };
    match found {
        Some(user) if right => {
            let who = Who::User { id: user.id, name: user.name };
            Ok(Principal { who, via: Via::Basic, client, credentials_version: version, ceiling: None })
        }
        _ => Err(Error::Unauthenticated),
    }
}

/// A robot account that proved who it is.
fn robot(ctx: &Ctx, name: &str, found: Option<&robots::Credentials>, client: Client) -> Principal {
    let (id, version) = found.map_or((0, 0), |robot| (robot.id.0, robot.credentials_version));
    let id = model::RobotId(id);
    ctx.local.robot_uses.note(id);
    let who = Who::Robot { id, name: name.to_owned(), owner: found.and_then(|robot| robot.owner) };
    Principal { who, via: Via::Basic, client, credentials_version: version, ceiling: None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_003_only_well_formed_basic_is_read() {
        let value = |text: &str| format!("Basic {}", STANDARD.encode(text));
        assert_eq!(parse_basic(&value("a:b:c")).unwrap().0, "a");
        assert_eq!(parse_basic(&value("a:b:c")).unwrap().1.reveal(), "b:c");
        assert!(parse_basic(&value("a:b").replace("Basic", "basic")).is_some(), "the scheme has no case");
        assert!(parse_basic(&value("no colon")).is_none());
        assert!(parse_basic("Basic %%%").is_none());
        assert!(parse_basic(&format!("Basic {}", STANDARD.encode([0xff, b':', 0xfe]))).is_none(), "not UTF-8");
        assert!(parse_basic(&value(&format!("a:{}", "x".repeat(64 * 1024)))).is_none());
        assert!(parse_basic("Bearer x").is_none());
        assert!(parse_basic("Basic").is_none());
    }
}
