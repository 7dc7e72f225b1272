//! How a form is sent: as the browser encodes it (`application/x-www-form-urlencoded`, WHATWG URL Standard 5).

use crate::UiError;
use serde::de::DeserializeOwned;

/// Deepest nesting of names such as `a[b][c]`.
const DEPTH: usize = 5;

/// Reads a form's fields. What the form does not know is an error in words, never a silent default: a misspelt or smuggled field.
pub fn read<T: DeserializeOwned>(form: &[u8]) -> Result<T, UiError> {
    let wrong = |error: serde_qs::Error| UiError::Unread(error.to_string());
    if form.contains(&0) || form.windows(3).any(|code| code == b"%00") {
        return Err(UiError::Unread("a field holds a NUL character".to_owned()));
    }
    let config = serde_qs::Config::new(DEPTH, false);
    let input = serde_qs::Deserializer::with_config(&config, form).map_err(wrong)?;
    let mut unknown = None;
    let fields = serde_ignored::deserialize(input, |path| {
        unknown.get_or_insert_with(|| path.to_string());
    })
    .map_err(wrong)?;
    match unknown {
        Some(name) => Err(UiError::Unread(format!("unknown field `{name}`"))),
        None => Ok(fields),
    }
}

/// Names and values, in their order; what is no UTF-8 and NUL are replaced.
pub fn pairs(form: &[u8]) -> Vec<(String, String)> {
    let decode = |text: &[u8]| {
        let spaced: Vec<u8> = text.iter().map(|byte| if *byte == b'+' { b' ' } else { *byte }).collect();
        // No text of ours holds a NUL; HTML shows it as this, too.
        percent_encoding::percent_decode(&spaced).decode_utf8_lossy().replace('\0', "\u{fffd}")
    };
    form.split(|byte| *byte == b'&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| match pair.iter().position(|byte| *byte == b'=') {
            Some(at) => (decode(&pair[..at]), decode(&pair[at + 1..])),
            None => (decode(pair), String::new()),
        })
        .collect()
}

/// The opposite of [`pairs`].
pub fn encode(pairs: &[(String, String)]) -> String {
    let segment = crate::paths::segment;
    pairs.iter().map(|(name, value)| format!("{}={}", segment(name), segment(value))).collect::<Vec<_>>().join("&")
}

/// What was typed, to be shown again; secrets are not.
pub fn typed(form: &[u8]) -> Vec<(String, String)> {
    // Repetitions of a password are secret too.
    let secret = |name: &str| {
        let name = name.split('[').next().unwrap_or_default().to_lowercase();
        name.contains("pass") || name.contains("secret") || name == "current" || name == "again"
    };
    pairs(form).into_iter().filter(|(name, _)| !secret(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_typed_comes_back_without_what_is_secret() {
        let form = b"name=a%26b+c&password=p&again=p&current=p&access_secret=p&AGAIN=p&current[x]=p&grants%5B%5D=x&grants%5B%5D=y&empty=&%ff=%ff&bare&&";
        let kept = typed(form);
        let shown: Vec<(&str, &str)> = kept.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(shown, [("name", "a&b c"), ("grants[]", "x"), ("grants[]", "y"), ("empty", ""), ("\u{fffd}", "\u{fffd}"), ("bare", "")]);
        assert_eq!(pairs(encode(&kept).as_bytes()), kept);
    }
}
