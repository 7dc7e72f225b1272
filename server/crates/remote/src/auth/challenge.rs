//! `WWW-Authenticate` (RFC 9110, section 11.6.1), as registries send it.

/// What a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    Basic,
    Bearer { realm: String, service: String },
}

/// Longest header that is read, in bytes.
const MAX: usize = 8 * 1024;

/// Reads the first challenge that we can answer.
pub fn parse(header: &str) -> Option<Challenge> {
    if header.len() > MAX {
        return None;
    }
    let (scheme, rest) = header.trim().split_once(' ').unwrap_or((header.trim(), ""));
    if scheme.eq_ignore_ascii_case("basic") {
        return Some(Challenge::Basic);
    }
    if !scheme.eq_ignore_ascii_case("bearer") {
        return None;
    }
    let (mut realm, mut service) = (None, String::new());
    let mut rest = rest.trim();
    while !rest.is_empty() {
        let (name, after) = rest.split_once('=')?;
        let (value, after) = match after.strip_prefix('"') {
            Some(quoted) => quoted.split_once('"')?,
            None => after.split_once(',').map_or((after, ""), |(value, _)| (value, &after[value.len()..])),
        };
        match name.trim().to_ascii_lowercase().as_str() {
            "realm" => realm = Some(value.to_owned()),
            "service" => service = value.to_owned(),
            _ => {}
        }
        rest = after.trim_start().trim_start_matches(',').trim_start();
    }
    Some(Challenge::Bearer { realm: realm?, service })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn challenges_of_registries_are_read() {
        let bearer = |text: &str| match parse(text) {
            Some(Challenge::Bearer { realm, service }) => Some((realm, service)),
            _ => None,
        };
        assert_eq!(
            bearer(r#"Bearer realm="https://a/service/token",service="harbor-registry",scope="repository:a/b:pull,push""#),
            Some(("https://a/service/token".into(), "harbor-registry".into()))
        );
        assert_eq!(bearer("bearer service=x, realm=https://a/t"), Some(("https://a/t".into(), "x".into())));
        assert_eq!(parse("Basic realm=\"x\""), Some(Challenge::Basic));
        assert_eq!(parse("Bearer service=\"x\""), None);
        assert_eq!(parse("Negotiate"), None);
        assert_eq!(parse(&format!("Bearer realm=\"{}\"", "x".repeat(10_000_000))), None);
    }
}
