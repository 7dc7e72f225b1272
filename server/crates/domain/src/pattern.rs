//! Patterns over repositories and tags: Harbor's doublestar. `*` stays within a path component, `**` crosses them, `?`
//! is one character, `[a-z]` a class, `{a,b}` alternatives. Matching takes linear time.

use crate::error::{Error, Result};
use globset::{GlobBuilder, GlobMatcher};

/// Longest pattern, in bytes.
const MAX: usize = 512;

/// Most `{…}` of a pattern.
const MOST_ALTERNATIVES: usize = 32;

/// A compiled pattern; the empty one matches everything.
#[derive(Clone, Debug)]
pub struct Pattern(Option<GlobMatcher>);

impl Pattern {
    /// Compiles `text`; `field` is named where it is wrong.
    pub fn compile(field: &str, text: &str) -> Result<Pattern> {
        let text = text.trim();
        if text.is_empty() {
            return Ok(Pattern(None));
        }
        if text.len() > MAX {
            return Err(Error::invalid(field, format!("must be at most {MAX} characters long")));
        }
        if text.chars().any(char::is_control) {
            return Err(Error::invalid(field, "must not contain control characters"));
        }
        // The engine behind it gives up on deep nesting, without a word.
        if text.matches('{').count() > MOST_ALTERNATIVES {
            return Err(Error::invalid(field, format!("must hold at most {MOST_ALTERNATIVES} groups of alternatives")));
        }
        let glob = GlobBuilder::new(text).literal_separator(true).backslash_escape(true).build();
        match glob {
            Ok(glob) => Ok(Pattern(Some(glob.compile_matcher()))),
            Err(error) => Err(Error::invalid(field, format!("is not a pattern: {}", error.kind()))),
        }
    }

    pub fn matches(&self, text: &str) -> bool {
        self.0.as_ref().is_none_or(|glob| glob.is_match(text))
    }

    /// Matches everything.
    pub fn is_empty(&self) -> bool {
        self.0.is_none()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_harbors_doublestar() {
        let table = [
            ("", "a/b", true),
            ("**", "a/b/c", true),
            ("*", "a/b", false),
            ("cosign/**", "cosign/pause", true),
            ("cosign/**", "cosign/a/b", true),
            ("cosign/**", "other/pause", false),
            ("cosign/*", "cosign/a/b", false),
            ("*/pause", "cosign/pause", true),
            ("{a,b}/x", "b/x", true),
            ("v?.[0-9]", "v1.2", true),
            ("v?.[0-9]", "v1.x", false),
            ("1.0", "1.0", true),
            ("1.0", "1x0", false),
        ];
        for (pattern, text, expected) in table {
            let compiled = Pattern::compile("repositories", pattern).unwrap();
            assert_eq!(compiled.matches(text), expected, "{pattern} over {text}");
        }
    }

    #[test]
    fn n_066_what_is_no_pattern_is_refused() {
        for bad in ["{a", "[a", &"*".repeat(600)] {
            assert!(matches!(Pattern::compile("tags", bad), Err(Error::Invalid(_))), "{bad}");
        }
    }

    #[test]
    fn a_pattern_that_cannot_be_compiled_is_refused_in_words() {
        let nested = |n: usize| format!("{}a{}", "{".repeat(n), "}".repeat(n));
        assert!(Pattern::compile("tags", &nested(32)).is_ok());
        for (text, why) in [
            (nested(33), "at most 32 groups"), (nested(250), "at most 32 groups"), ("a\0b".into(), "control"), ("[".into(), "pattern"),
            ("x".repeat(513), "512"),
        ] {
            let refused = Pattern::compile("tags", &text).unwrap_err().to_string();
            assert!(refused.contains(why), "{text:?}: {refused}");
        }
    }
}
