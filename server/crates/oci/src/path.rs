//! Paths below `/v2/`. A repository's name holds slashes, so the end of the path is what tells.

use crate::errors::{Code, Refusal};
use axum::http::StatusCode;
use model::{ProjectName, RepositoryName};
use percent_encoding::percent_decode_str;

/// The kinds of path there are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    Base,
    Catalog,
    Manifest,
    Blob,
    Uploads,
    Upload,
    Tags,
    Referrers,
}

/// A path that was read.
#[derive(Debug)]
pub struct Path {
    pub shape: Shape,
    /// `project/repository` as it stands in the path; empty for [`Shape::Base`] and [`Shape::Catalog`].
    pub name: String,
    /// Tag, digest or upload id, where the shape has one.
    pub reference: String,
}

impl Path {
    /// Reads what comes after `/v2/`, still percent-encoded.
    pub fn parse(raw: &str) -> Result<Path, Refusal> {
        let not_found = || Refusal::new(StatusCode::NOT_FOUND, Code::NameUnknown, "there is nothing at this path");
        let invalid = || Refusal::new(StatusCode::BAD_REQUEST, Code::NameInvalid, "the path holds what no name holds");
        let mut parts = Vec::new();
        for part in raw.split('/') {
            let part = percent_decode_str(part).decode_utf8().map_err(|_| invalid())?;
            if part.contains(['/', '\0', '\\']) {
                return Err(invalid());
            }
            parts.push(part.into_owned());
        }
        let parts: Vec<&str> = parts.iter().map(String::as_str).collect();
        let (shape, name, reference) = match parts.as_slice() {
            [""] => (Shape::Base, &[][..], ""),
            ["_catalog"] => (Shape::Catalog, &[][..], ""),
            [name @ .., "blobs", "uploads"] | [name @ .., "blobs", "uploads", ""] => (Shape::Uploads, name, ""),
            [name @ .., "blobs", "uploads", id] => (Shape::Upload, name, *id),
            [name @ .., "manifests", reference] => (Shape::Manifest, name, *reference),
            [name @ .., "blobs", digest] => (Shape::Blob, name, *digest),
            [name @ .., "tags", "list"] => (Shape::Tags, name, ""),
            [name @ .., "referrers", digest] => (Shape::Referrers, name, *digest),
            _ => return Err(not_found()),
        };
        if !matches!(shape, Shape::Base | Shape::Catalog) && name.is_empty() {
            return Err(not_found());
        }
        Ok(Path { shape, name: name.join("/"), reference: reference.to_owned() })
    }

    /// Project and repository; the name must follow the specification's grammar.
    pub fn repository(&self) -> Result<(ProjectName, RepositoryName), Refusal> {
        model::name::split_full(&self.name).map_err(|what| {
            Refusal::new(StatusCode::BAD_REQUEST, Code::NameInvalid, format!("the name {:?} {what}", self.name))
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_end_of_a_path_tells_what_it_is() {
        let read = |raw: &str| Path::parse(raw).map(|p| (p.shape, p.name, p.reference)).ok();
        assert_eq!(read(""), Some((Shape::Base, String::new(), String::new())));
        assert_eq!(read("p/a/b/tags/list"), Some((Shape::Tags, "p/a/b".into(), String::new())));
        assert_eq!(read("p/blobs/uploads/"), Some((Shape::Uploads, "p".into(), String::new())));
        assert_eq!(read("p/manifests/manifests/v1"), Some((Shape::Manifest, "p/manifests".into(), "v1".into())));
        assert_eq!(read("p/a/manifests/sha256%3Aabc"), Some((Shape::Manifest, "p/a".into(), "sha256:abc".into())));
        assert_eq!(read("manifests/v1"), None);
        assert_eq!(read("p/a"), None);
    }

    #[test]
    fn n_090_what_no_name_holds_is_refused() {
        for raw in ["p/..%2f..%2fetc/manifests/v1", "p/a%00/tags/list", "p/%ff/tags/list", "p/..%5c/blobs/x"] {
            assert!(Path::parse(raw).is_err(), "{raw}");
        }
        for raw in ["p/../manifests/v1", "p//a/manifests/v1", "p/./a/tags/list", "p/%2e%2e/tags/list", "p/%252e/tags/list"] {
            assert!(Path::parse(raw).unwrap().repository().is_err(), "{raw}");
        }
    }
}
