//! Names with a grammar. Parsing is the only way to make one.

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use std::str::FromStr;

/// Longest project name, in bytes.
pub const PROJECT_MAX: usize = 255;
/// Longest `project/repository`, in bytes: distribution-spec leaves 255 for host and name; clients expect 255.
pub const REPOSITORY_MAX: usize = 255;
/// Longest user name, in bytes (Harbor's column).
pub const USER_MAX: usize = 255;

/// First path parts of the product itself, and words that would confuse: never a project's name.
const RESERVED: [&str; 9] = ["v2", "api", "c", "service", "pkg", "fn", "healthz", "readyz", "_catalog"];

macro_rules! names {
    ($($(#[$doc:meta])* $name:ident)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(Box<str>);

        impl $name {
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

names! {
    /// A project's name: `[a-z0-9]+(?:[._-][a-z0-9]+)*`, as in Harbor.
    ProjectName
    /// A repository's path within its project, e.g. `pause` or `base/debian`: distribution-spec 1.1, "Pulling manifests".
    RepositoryName
    /// A tag: `[a-zA-Z0-9_][a-zA-Z0-9._-]{0,127}`, distribution-spec 1.1.
    Tag
    /// A person's sign-in name. Compared without regard to case and compatibility forms.
    UserName
    /// A robot account's own name, without the prefix: `[a-z0-9]+(?:[._-][a-z0-9]+)*`.
    RobotName
}

fn lower_or_digit(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte.is_ascii_digit()
}

/// `[a-z0-9]+(?:[._-][a-z0-9]+)*`
fn simple(text: &str) -> bool {
    let bytes = text.as_bytes();
    !bytes.is_empty()
        && bytes.iter().enumerate().all(|(n, &b)| {
            lower_or_digit(b)
                || matches!(b, b'.' | b'_' | b'-')
                    && n > 0
                    && lower_or_digit(bytes[n - 1])
                    && bytes.get(n + 1).is_some_and(|&next| lower_or_digit(next))
        })
}

impl FromStr for ProjectName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is required".into());
        }
        if text.len() > PROJECT_MAX {
            return Err(format!("must be at most {PROJECT_MAX} characters long"));
        }
        if !simple(text) {
            return Err(
                "must be lower-case letters and digits, separated by single dots, dashes or underscores".into()
            );
        }
        if RESERVED.contains(&text) {
            return Err(format!("must not be “{text}”: that word is the server's own"));
        }
        Ok(ProjectName(text.into()))
    }
}

impl FromStr for RobotName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is required".into());
        }
        if text.len() > 255 || !simple(text) {
            return Err(
                "must be lower-case letters and digits, separated by single dots, dashes or underscores, at most 255"
                    .into(),
            );
        }
        Ok(RobotName(text.into()))
    }
}

/// One path component: `[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*`.
fn component(text: &str) -> bool {
    let bytes = text.as_bytes();
    let mut at = 0;
    loop {
        let start = at;
        while at < bytes.len() && lower_or_digit(bytes[at]) {
            at += 1;
        }
        if at == start {
            return false;
        }
        if at == bytes.len() {
            return true;
        }
        match bytes[at] {
            b'.' => at += 1,
            b'_' => at += if bytes.get(at + 1) == Some(&b'_') { 2 } else { 1 },
            b'-' => {
                while bytes.get(at) == Some(&b'-') {
                    at += 1;
                }
            }
            _ => return false,
        }
    }
}

impl FromStr for RepositoryName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is required".into());
        }
        if text.len() > REPOSITORY_MAX {
            return Err(format!("must be at most {REPOSITORY_MAX} characters long"));
        }
        if !text.split('/').all(component) {
            return Err("must be path components of lower-case letters and digits, separated by “/”".into());
        }
        Ok(RepositoryName(text.into()))
    }
}

/// Splits `project/repository` as it stands in a `/v2` path. The first component is the project.
pub fn split_full(name: &str) -> Result<(ProjectName, RepositoryName), String> {
    if name.len() > REPOSITORY_MAX {
        return Err(format!("must be at most {REPOSITORY_MAX} characters long"));
    }
    let (project, repository) =
        name.split_once('/').ok_or("must have a project before the repository, as in project/repository")?;
    Ok((project.parse()?, repository.parse()?))
}

impl FromStr for Tag {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        let first = |b: u8| b.is_ascii_alphanumeric() || b == b'_';
        let rest = |b: u8| first(b) || matches!(b, b'.' | b'-');
        let bytes = text.as_bytes();
        if bytes.is_empty() || bytes.len() > 128 || !first(bytes[0]) || !bytes.iter().all(|&b| rest(b)) {
            return Err("must be 1 to 128 letters, digits, “_”, “.” or “-”, not starting with “.” or “-”".into());
        }
        Ok(Tag(text.into()))
    }
}

impl FromStr for UserName {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        if text.is_empty() {
            return Err("is required".into());
        }
        if text.len() > USER_MAX {
            return Err(format!("must be at most {USER_MAX} bytes long"));
        }
        // Printable ASCII letters, digits and a few marks: no look-alikes, nothing that a robot's name,
        // a Basic header or a log line could be confused with.
        let fine = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '@');
        if !text.chars().all(fine) || !text.starts_with(|c: char| c.is_ascii_alphanumeric()) {
            return Err("must be letters, digits, “.”, “_”, “-” or “@”, starting with a letter or digit".into());
        }
        Ok(UserName(text.into()))
    }
}

impl UserName {
    /// The form under which names are unique: `Admin` and `admin` are one user.
    pub fn folded(&self) -> String {
        self.0.to_ascii_lowercase()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_061_project_names_follow_the_documented_grammar_only() {
        for good in ["a", "cosign", "a-b", "a.b_c-9", "123", &"x".repeat(255)] {
            assert!(good.parse::<ProjectName>().is_ok(), "{good}");
        }
        for bad in [
            "", &"x".repeat(256), "Cosign", "..", "-a", "a-", "a--b", "a..b", "a/b", "v2", "api", "_catalog",
            "a\0", "a\n", "\u{202e}a", "😀", " a",
        ] {
            assert!(bad.parse::<ProjectName>().is_err(), "{bad:?} parsed");
        }
    }

    #[test]
    fn n_062_repository_names_follow_the_specification() {
        for good in ["a", "a/b/c", "a__b", "a---b", "a.b", "a_b/c-d", "0"] {
            assert!(good.parse::<RepositoryName>().is_ok(), "{good}");
        }
        for bad in ["", "/", "a/", "/a", "a//b", "a___b", "a..b", "A", "a-", "-a", "a.-b", "a/../b", &"a".repeat(256)] {
            assert!(bad.parse::<RepositoryName>().is_err(), "{bad:?} parsed");
        }
        assert!(split_full("pause").is_err());
        assert!(split_full(&format!("p/{}", "a".repeat(254))).is_err());
        assert_eq!(split_full("p/a/b").unwrap().1.as_str(), "a/b");
    }

    #[test]
    fn n_063_tags_follow_the_specification() {
        for good in ["1", "v1.0", "_x", "A-b_c.d", &"t".repeat(128)] {
            assert!(good.parse::<Tag>().is_ok(), "{good}");
        }
        for bad in ["", &"t".repeat(129), ".a", "-a", "a\0", "a b", "ä"] {
            assert!(bad.parse::<Tag>().is_err(), "{bad:?} parsed");
        }
    }

    #[test]
    fn n_042_a_user_cannot_be_named_like_a_robot() {
        for bad in ["robot$a+x", "robot$x", "a+b", "admin ", "аdmin", "a\0", ".a", "a b"] {
            assert!(bad.parse::<UserName>().is_err(), "{bad:?} parsed");
        }
        assert_eq!("Cosign-Demo".parse::<UserName>().unwrap().folded(), "cosign-demo");
    }
}
