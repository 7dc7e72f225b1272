//! Selectors as Harbor writes them: patterns over repositories and tags, for immutability and retention; of retention also labels.

use crate::errors::ApiError;
use model::selector::{Clause, Of, Selector};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use utoipa::ToSchema;

/// One pattern.
#[derive(Clone, Default, Serialize, Deserialize, ToSchema)]
#[schema(as = Selector)]
pub struct Pattern {
    /// `doublestar`: `*` within a path component, `**` across them, `{a,b}` alternatives. In `tag_selectors` of retention also `label`: names of labels,
    /// separated by commas; a backslash takes the comma after it as part of a name.
    #[serde(default)]
    kind: String,
    /// `repoMatches` and `repoExcludes` for repositories, `matches` and `excludes` for tags, `withLabels` (all of them) and `withoutLabels` (none of them)
    /// for labels.
    #[serde(default)]
    decoration: String,
    #[serde(default)]
    pattern: String,
    /// Of tags: `{"untagged":true}` where artifacts without a tag are meant, too.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    extras: String,
}

/// By what they look at: `repository`.
pub type Scopes = BTreeMap<String, Vec<Pattern>>;

#[derive(Deserialize)]
struct Extras {
    untagged: Option<bool>,
}

/// Whether a pattern excludes, by the words for it.
fn excludes(pattern: &Pattern, matches: &str, excludes: &str, field: &str) -> Result<bool, ApiError> {
    if !matches!(pattern.kind.as_str(), "" | "doublestar") {
        return Err(ApiError::bad(format!("{field}.kind {:?} is not known here; there is doublestar", pattern.kind)));
    }
    match pattern.decoration.as_str() {
        word if word == matches || word.is_empty() => Ok(false),
        word if word == excludes => Ok(true),
        other => Err(ApiError::bad(format!("{field}.decoration {other:?} must be {matches} or {excludes}"))),
    }
}

/// The one pattern of a list that may hold one.
fn one<'a>(patterns: &'a [Pattern], field: &str) -> Result<&'a Pattern, ApiError> {
    match patterns {
        [pattern] if !pattern.pattern.is_empty() => Ok(pattern),
        [_] => Err(ApiError::bad(format!("{field}: the pattern is required; ** matches all"))),
        [] => Err(ApiError::bad(format!("{field} is required: one pattern, ** for all"))),
        _ => Err(ApiError::bad(format!("{field} holds {} patterns: one may hold alternatives, {{a,b}}", patterns.len()))),
    }
}

/// The kind of selectors that are about labels, and what they may say.
pub const LABEL: (&str, [&str; 2]) = ("label", ["withLabels", "withoutLabels"]);

/// Reads one that may also be about labels, beside its one pattern over tags.
pub fn read_with_labels(scopes: &Scopes, tags: &[Pattern]) -> Result<Selector, ApiError> {
    let (labels, tags): (Vec<Pattern>, Vec<Pattern>) = tags.iter().cloned().partition(|pattern| pattern.kind == LABEL.0);
    let mut selector = read(scopes, &tags)?;
    for label in &labels {
        let before = selector.clauses.len();
        selector = match LABEL.1.iter().position(|word| *word == label.decoration) {
            Some(0) => selector.labelled(&label.pattern, ""),
            Some(_) => selector.labelled("", &label.pattern),
            None => return Err(ApiError::bad(format!("tag_selectors.decoration {:?} of labels must be {}", label.decoration, LABEL.1.join(" or ")))),
        };
        if selector.clauses.len() == before {
            return Err(ApiError::bad("tag_selectors: a selector of labels has no names in its pattern: leave it out, or name some"));
        }
    }
    Ok(selector)
}

/// Reads one of patterns alone.
pub fn read(scopes: &Scopes, tags: &[Pattern]) -> Result<Selector, ApiError> {
    if let Some(other) = scopes.keys().find(|key| *key != "repository") {
        return Err(ApiError::bad(format!("scope_selectors.{other} is not known here; there is repository")));
    }
    let repository = one(scopes.get("repository").map_or(&[], Vec::as_slice), "scope_selectors.repository")?;
    let tag = one(tags, "tag_selectors")?;
    let extras: Option<Extras> = match tag.extras.as_str() {
        "" => None,
        text => Some(serde_json::from_str(text).map_err(|error| ApiError::bad(format!("tag_selectors.extras {text:?} is not understood: {error}")))?),
    };
    let clauses = vec![
        Clause { of: Of::Repository, excludes: excludes(repository, "repoMatches", "repoExcludes", "scope_selectors.repository")?, value: repository.pattern.clone() },
        Clause { of: Of::Tag, excludes: excludes(tag, "matches", "excludes", "tag_selectors")?, value: tag.pattern.clone() },
    ];
    Ok(Selector { clauses, untagged: extras.and_then(|extras| extras.untagged) })
}

/// Writes one.
pub fn written(selector: &Selector) -> (Scopes, Vec<Pattern>) {
    let pattern = |of: Of, words: (&str, &str)| {
        let (value, excludes) = selector.first(of);
        let decoration = if excludes { words.1 } else { words.0 };
        Pattern { kind: "doublestar".to_owned(), decoration: decoration.to_owned(), pattern: value.to_owned(), extras: String::new() }
    };
    let mut tag = pattern(Of::Tag, ("matches", "excludes"));
    if let Some(untagged) = selector.untagged {
        tag.extras = format!("{{\"untagged\":{untagged}}}");
    }
    let label = |(word, excludes): (&str, bool)| {
        let pattern = selector.labels(excludes);
        (!pattern.is_empty()).then(|| Pattern { kind: LABEL.0.to_owned(), decoration: word.to_owned(), pattern, extras: String::new() })
    };
    let labels = LABEL.1.into_iter().zip([false, true]).filter_map(label);
    let tags = std::iter::once(tag).chain(labels).collect();
    (BTreeMap::from([("repository".to_owned(), vec![pattern(Of::Repository, ("repoMatches", "repoExcludes"))])]), tags)
}
