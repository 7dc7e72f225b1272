//! Lists that come in pages (distribution-spec 1.1, "Listing Tags" and "Listing Referrers"; RFC 8288 for `Link`).

use crate::failure::Failure;
use crate::registry::{ANSWER, Registry, both};
use http::{HeaderMap, Method, StatusCode, header};
use model::Digest;
use serde_json::Value;
use url::Url;

/// Pages that are read, and entries that are kept of them.
const PAGES: usize = 1000;
const ENTRIES: usize = 20_000;

/// What a list came to.
#[derive(Clone, Debug, PartialEq)]
pub enum RemoteList<T> {
    All(Vec<T>),
    /// The registry has no such list.
    Absent,
    /// It answered something else than a list: what there is, nobody knows.
    Unknown,
}

impl Registry {
    /// The tags of a repository.
    pub async fn tags(&self, repository: &str) -> Result<RemoteList<String>, Failure> {
        let first = self.url(repository, "tags/list?n=1000")?;
        let name = |value: &Value| value.as_str().map(str::to_owned);
        self.pages(repository, &format!("listing the tags of {repository}"), first, "/tags", name).await
    }

    /// The descriptors of what names `subject`; unknown where the registry has no referrers API ("Unavailable Referrers API").
    pub async fn referrers(&self, repository: &str, subject: &Digest) -> Result<RemoteList<Value>, Failure> {
        let first = self.url(repository, &format!("referrers/{subject}"))?;
        let what = format!("listing what is attached to {repository}@{}", subject.short());
        self.pages(repository, &what, first, "/manifests", |value| Some(value.clone())).await
    }

    async fn pages<T>(
        &self,
        repository: &str,
        what: &str,
        first: Url,
        member: &str,
        read: impl Fn(&Value) -> Option<T>,
    ) -> Result<RemoteList<T>, Failure> {
        let scopes = both(repository);
        let (mut entries, mut url) = (Vec::new(), first);
        for _ in 0..PAGES {
            let (headers, bytes) = match self.line.fetch(self.about(what, Method::GET, url.clone(), &scopes), ANSWER).await? {
                Ok(found) => found,
                Err(reply) if reply.status() == StatusCode::NOT_FOUND => return Ok(RemoteList::Absent),
                Err(reply) if matches!(reply.status().as_u16(), 400 | 405 | 406 | 501) => return Ok(RemoteList::Unknown),
                Err(reply) if reply.status() == StatusCode::FORBIDDEN => return Ok(RemoteList::Unknown),
                Err(reply) => return Err(reply.failure(what).await),
            };
            // Some registries answer what they do not know with a page for people.
            let Ok(page) = serde_json::from_slice::<Value>(&bytes) else { return Ok(RemoteList::Unknown) };
            let part = match page.pointer(member) {
                Some(Value::Array(part)) => part.as_slice(),
                Some(Value::Null) => &[],
                _ => return Ok(RemoteList::Unknown),
            };
            entries.extend(part.iter().filter_map(&read));
            if entries.len() > ENTRIES {
                return Err(Failure::destination(format!("{what}: there are more than {ENTRIES}")));
            }
            let Some(next) = next(&headers, &url) else { return Ok(RemoteList::All(entries)) };
            // Neither our token nor our question goes elsewhere, and a page that names itself has no end.
            if next.origin() != self.base.origin() || next == url {
                return Err(Failure::destination(format!("{what}: its next page is at {next}, which is not followed")));
            }
            url = next;
        }
        Err(Failure::destination(format!("{what}: there are more than {PAGES} pages")))
    }
}

/// The next page that `Link` names (RFC 8288, section 3): a comma within an address or quotes separates nothing.
fn next(headers: &HeaderMap, asked: &Url) -> Option<Url> {
    headers.get_all(header::LINK).iter().filter_map(|value| value.to_str().ok()).flat_map(links).find_map(|(place, parameters)| {
        let is_next = parameters.iter().any(|(name, value)| name == "rel" && value.split_whitespace().any(|rel| rel.eq_ignore_ascii_case("next")));
        is_next.then(|| asked.join(place).ok()).flatten()
    })
}

/// Each link of a header: where it leads, and its parameters, names in lower case.
fn links(header: &str) -> Vec<(&str, Vec<(String, String)>)> {
    let (mut all, mut rest) = (Vec::new(), header);
    while let Some((place, after)) = rest.split_once('<').and_then(|(_, rest)| rest.split_once('>')) {
        let (mut parameters, mut text) = (Vec::new(), after);
        while let Some(more) = text.trim_start().strip_prefix(';') {
            let end = more.find(['=', ';', ',']).unwrap_or(more.len());
            let (name, value) = (more[..end].trim().to_ascii_lowercase(), &more[end..]);
            let Some(value) = value.strip_prefix('=').map(str::trim_start) else {
                text = value;
                continue;
            };
            let (value, after) = match value.strip_prefix('"') {
                Some(quoted) => quoted.split_once('"').unwrap_or((quoted, "")),
                None => value.split_at(value.find([';', ',']).unwrap_or(value.len())),
            };
            parameters.push((name, value.trim().to_owned()));
            text = after;
        }
        all.push((place, parameters));
        rest = text;
    }
    all
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_what_link_says() {
        let asked: Url = "http://a/v2/x/tags/list?n=2".parse().unwrap();
        let of = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.append(header::LINK, text.parse().unwrap());
            next(&headers, &asked).map(|url| url.to_string())
        };
        assert_eq!(of("</v2/x/tags/list?n=2&last=b>; rel=\"next\""), Some("http://a/v2/x/tags/list?n=2&last=b".into()));
        assert_eq!(of("<?last=b>;rel=next"), Some("http://a/v2/x/tags/list?last=b".into()));
        assert_eq!(of("<http://b/1>; rel=prev, <http://b/2>; rel=\"next\""), Some("http://b/2".into()));
        for legal in [
            "<?last=a,b&k=1>; rel=\"next\"", "<?last=a,b&k=1>; title=\"x, y; z\"; rel=\"next\"", "<?last=a,b&k=1>; rel=\"next last\"",
            "<?last=a,b&k=1> ; rel = \"next\"", "<x>; rel=prev;x, <?last=a,b&k=1>;REL=NEXT",
        ] {
            assert_eq!(of(legal), Some("http://a/v2/x/tags/list?last=a,b&k=1".into()), "{legal}");
        }
        for none in ["", "nonsense", "<x>; rel=prev", "<x", "<x>; rel", "<x>; rel=\"nextish\"", "<x>; title=\"rel=next\""] {
            assert_eq!(of(none), None, "{none:?}");
        }
    }
}
