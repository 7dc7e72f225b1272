//! `WWW-Authenticate` (RFC 9110, section 11.6.1), as registries send it.

/// What a registry asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Challenge {
    Basic,
    Bearer { realm: String, service: String },
}

/// Longest header that is read, in bytes.
const MAX: usize = 8 * 1024;

/// Reads the first challenge that we can answer: one header may have several.
pub fn parse(header: &str) -> Option<Challenge> {
    if header.len() > MAX {
        return None;
    }
    let all = challenges(header);
    all.into_iter().find_map(|(scheme, parameters)| {
        let of = |name: &str| parameters.iter().find(|(key, _)| key.eq_ignore_ascii_case(name)).map(|(_, value)| value.clone());
        match scheme.to_ascii_lowercase().as_str() {
            "basic" => Some(Challenge::Basic),
            "bearer" => Some(Challenge::Bearer { realm: of("realm")?, service: of("service").unwrap_or_default() }),
            _ => None,
        }
    })
}

/// Schemes with their parameters. A word that no `=` follows begins the next.
fn challenges(header: &str) -> Vec<(&str, Vec<(&str, String)>)> {
    let (mut all, mut rest): (Vec<(&str, Vec<_>)>, _) = (Vec::new(), header);
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_whitespace() || c == ',');
        let end = rest.find(|c: char| c.is_whitespace() || matches!(c, ',' | '=')).unwrap_or(rest.len());
        let word = &rest[..end];
        if rest.is_empty() {
            return all;
        }
        let after = rest[end..].trim_start();
        match (after.strip_prefix('='), all.last_mut()) {
            (Some(value), Some((_, parameters))) => {
                let (value, after) = value_of(value.trim_start());
                parameters.push((word, value));
                rest = after;
            }
            // A value of nothing's.
            (Some(value), None) => rest = value_of(value.trim_start()).1,
            (None, _) => {
                all.push((word, Vec::new()));
                rest = after;
            }
        }
    }
}

/// A parameter's value, without its quotes and their escapes, and what follows.
fn value_of(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(|c: char| c.is_whitespace() || c == ',').unwrap_or(text.len());
        return (text[..end].to_owned(), &text[end..]);
    };
    let (mut value, mut escaped) = (String::new(), false);
    for (at, c) in quoted.char_indices() {
        match c {
            '\\' if !escaped => escaped = true,
            '"' if !escaped => return (value, &quoted[at + 1..]),
            c => {
                value.push(c);
                escaped = false;
            }
        }
    }
    (value, "")
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
        let found = Some(("https://a/t?x=1".to_owned(), "s\"vc".to_owned()));
        for legal in [
            r#"Bearer realm="https://a/t?x=1",service="s\"vc""#, r#"Negotiate, Bearer realm="https://a/t?x=1", service="s\"vc""#,
            "Bearer\trealm=\"https://a/t?x=1\",service=\"s\\\"vc\"", r#"Bearer realm = "https://a/t?x=1" , service = "s\"vc", scope="a,b=c""#,
            r#"Negotiate abc==, bearer service="s\"vc", realm="https://a/t?x=1""#,
        ] {
            assert_eq!(bearer(legal), found, "{legal}");
        }
        for odd in ["", "=", "=x", "Bearer", "Bearer realm", "Bearer realm=", ",,,", "Bearer =\"x", "\"", "Bearer service=\"x"] {
            assert!(bearer(odd).is_none_or(|(realm, _)| realm.is_empty()), "{odd}");
        }
        assert_eq!(parse("Basic realm=\"x\""), Some(Challenge::Basic));
        assert_eq!(parse("Negotiate, Basic realm=\"x\""), Some(Challenge::Basic));
        assert_eq!(parse("Bearer service=\"x\""), None);
        assert_eq!(parse("Negotiate"), None);
        assert_eq!(parse(&format!("Bearer realm=\"{}\"", "x".repeat(10_000_000))), None);
    }
}
