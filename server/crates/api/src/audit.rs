//! The audit log: of the system, and of a project; in Harbor's older and newer shape, and as files to keep.

use crate::answers::{Answer, File, Listed, Shown, Time};
use crate::call::{Call, truth};
use crate::errors::ApiError;
use crate::list::{self, Asks, Is, Q, page};
use axum::body::Body;
use axum::extract::Path;
use domain::audit::{self, Asked};
use futures_util::stream;
use model::audit::{Entry, Outcome, harbor};
use model::{Page, ProjectName, Stamp};
use serde::Serialize;
use serde_json::json;
use utoipa::ToSchema;

/// A row, as Harbor had it first.
#[derive(Serialize, ToSchema)]
pub struct AuditLog {
    id: i64,
    username: String,
    resource: String,
    resource_type: String,
    operation: String,
    op_time: Time,
}

/// A row, with its outcome and where it came from.
#[derive(Serialize, ToSchema)]
pub struct AuditLogExt {
    id: i64,
    username: String,
    resource: String,
    resource_type: String,
    operation: String,
    operation_description: String,
    /// It was done; false: it was refused.
    operation_result: bool,
    op_time: Time,
    /// How often, where several are summed up, and when the last was.
    times: i64,
    last_time: Time,
    address: String,
    /// basic, session, token, or inside: by the server itself.
    door: String,
    request_id: String,
    project: String,
}

impl From<Entry> for AuditLog {
    fn from(entry: Entry) -> AuditLog {
        let (noun, verb) = harbor(&entry.kind);
        AuditLog { id: entry.id, resource: entry.thing(), resource_type: noun.to_owned(), operation: verb.to_owned(), op_time: entry.at.into(), username: entry.actor }
    }
}

impl From<Entry> for AuditLogExt {
    fn from(entry: Entry) -> AuditLogExt {
        let (noun, verb) = harbor(&entry.kind);
        let details: Vec<String> = entry.details().iter().map(|(name, value)| format!("{name}: {value}")).collect();
        let description = match details.is_empty() {
            true => model::audit::words(&entry.kind),
            false => format!("{} ({})", model::audit::words(&entry.kind), details.join(", ")),
        };
        AuditLogExt {
            id: entry.id, resource: entry.thing(), resource_type: noun.to_owned(), operation: verb.to_owned(), operation_description: description,
            operation_result: entry.outcome == Outcome::Done, op_time: entry.at.into(), times: entry.times, last_time: entry.last_at.into(),
            address: entry.address.clone(), door: entry.via.clone(), request_id: entry.request_id.clone(), project: entry.project.clone().unwrap_or_default(),
            username: entry.actor,
        }
    }
}

const KEYS: &[&str] = &["username", "resource", "resource_type", "operation", "operation_result", "op_time"];

/// What `q` asks for. Kinds are found by Harbor's words for them.
fn asked(q: &Q) -> Result<Asked, ApiError> {
    let mut asked = Asked { actor: q.text("username").ok().flatten().map(str::to_owned), ..Asked::default() };
    let mut texts = Vec::new();
    for key in ["resource", "username"] {
        match q.is(key) {
            Some(Is::Like(part)) => texts.push(part.clone()),
            Some(Is::One(text)) if key == "resource" => texts.push(text.clone()),
            Some(Is::One(_)) | None => {}
            Some(_) => return Err(ApiError::bad(format!("q: {key} takes a value or a part (~text)"))),
        }
    }
    if texts.len() > 1 {
        return Err(ApiError::bad("q: of resource and username one can be looked for by part"));
    }
    asked.text = texts.pop().unwrap_or_default();
    let (nouns, verbs) = (q.values("resource_type")?, q.values("operation")?);
    if nouns.is_some() || verbs.is_some() {
        let is = |wanted: &Option<Vec<String>>, word: &str| wanted.as_ref().is_none_or(|all| all.iter().any(|one| one.eq_ignore_ascii_case(word)));
        let known = audit::kinds().iter().filter(|kind| {
            let (noun, verb) = harbor(kind);
            is(&nouns, noun) && is(&verbs, verb)
        });
        asked.kinds = known.map(|kind| (*kind).to_owned()).collect();
        // Nothing is so called: nothing is found.
        if asked.kinds.is_empty() {
            asked.kinds.push(String::new());
        }
    }
    if let Some(text) = q.text("operation_result")? {
        let done = truth(text).ok_or_else(|| ApiError::bad("q: operation_result must be true or false"))?;
        asked.outcome = Some(if done { Outcome::Done } else { Outcome::Refused });
    }
    if let Some((from, to)) = q.between("op_time", list::moment)? {
        (asked.from, asked.to) = (from.map(Stamp), to.map(Stamp));
    }
    Ok(asked)
}

async fn listed<T>(call: Call, project: Option<ProjectName>, show: impl Fn(Entry) -> T) -> Answer<Listed<T>> {
    let sorts = &[("op_time", "at"), ("id", "at")];
    let (query, q) = list::query(&call, &Asks { sorts, name: "", keys: KEYS, columns: &[] })?;
    let asked = asked(&q)?;
    let (number, size) = list::window(&call)?;
    let skip = (number - 1).saturating_mul(size);
    let (items, total) = audit::page(&call.ctx, &call.who, project.as_ref(), &asked, skip, size, query.sort == "at").await?;
    page(&call, Page { items, total, next: None }, show)
}

pub async fn list(call: Call) -> Answer<Listed<AuditLog>> {
    listed(call, None, AuditLog::from).await
}

pub async fn list_ext(call: Call) -> Answer<Listed<AuditLogExt>> {
    listed(call, None, AuditLogExt::from).await
}

pub async fn of_project(call: Call, Path(project): Path<String>) -> Answer<Listed<AuditLog>> {
    let name = call.project(&project).await?;
    listed(call, Some(name), AuditLog::from).await
}

pub async fn of_project_ext(call: Call, Path(project): Path<String>) -> Answer<Listed<AuditLogExt>> {
    let name = call.project(&project).await?;
    listed(call, Some(name), AuditLogExt::from).await
}

/// A kind of event, by Harbor's words.
#[derive(Serialize, ToSchema, PartialEq)]
pub struct AuditLogEventType {
    event_type: String,
}

pub async fn event_types(call: Call) -> Answer<Shown<Vec<AuditLogEventType>>> {
    call.signed_in()?;
    let mut all = Vec::new();
    for kind in audit::kinds() {
        let one = AuditLogEventType { event_type: audit::type_of(kind) };
        if !all.contains(&one) {
            all.push(one);
        }
    }
    Ok(Shown(all))
}

/// Rows of one part of a file.
const PART: i64 = 1000;

/// A cell of a table that a person opens in a program that calculates: what would be a formula there is none.
fn cell(text: &str) -> String {
    let guarded = if text.starts_with(['=', '+', '-', '@', '\t', '\r']) { format!("'{text}") } else { text.to_owned() };
    if guarded.contains(['"', ',', '\n', '\r']) { format!("\"{}\"", guarded.replace('"', "\"\"")) } else { guarded }
}

const HEADINGS: &str = "time,last,times,who,action,thing,project,outcome,door,address,request,details\r\n";

fn csv(entry: &Entry) -> String {
    let details: Vec<String> = entry.details().iter().map(|(name, value)| format!("{name}={value}")).collect();
    let cells = [
        entry.at.rfc3339(), entry.last_at.rfc3339(), entry.times.to_string(), entry.actor.clone(), entry.kind.clone(), entry.thing(),
        entry.project.clone().unwrap_or_default(), entry.outcome.key().to_owned(), entry.via.clone(), entry.address.clone(), entry.request_id.clone(), details.join(" "),
    ];
    format!("{}\r\n", cells.iter().map(|text| cell(text)).collect::<Vec<_>>().join(","))
}

fn line(entry: &Entry) -> String {
    let said = json!({
        "id": entry.id, "time": entry.at.rfc3339(), "last": entry.last_at.rfc3339(), "times": entry.times, "who": entry.actor, "action": entry.kind,
        "thing": entry.thing(), "project": entry.project, "outcome": entry.outcome.key(), "door": entry.via, "address": entry.address,
        "request": entry.request_id, "details": entry.fields,
    });
    format!("{said}\n")
}

/// All that is asked for, newest first, part by part: nothing of it is held here.
async fn file(call: Call, project: Option<ProjectName>) -> Answer<File> {
    let (_, q) = list::query(&call, &Asks { sorts: &[], name: "", keys: KEYS, columns: &[] })?;
    let mut asked = asked(&q)?;
    // As the portal's page asks.
    let given = |name: &str| call.param(name).map(str::to_owned);
    asked.text = given("text").unwrap_or(asked.text);
    asked.actor = given("who").or(asked.actor);
    asked.kinds.extend(given("action"));
    if let Some(text) = given("outcome") {
        asked.outcome = Some(Outcome::from_key(&text).ok_or_else(|| ApiError::bad("outcome must be done or refused"))?);
    }
    for (name, end) in [("from", false), ("to", true)] {
        if let Some(text) = given(name) {
            let at = list::moment(&text, end).map(Stamp).ok_or_else(|| ApiError::bad(format!("{name} must be a day, 2026-01-31, or a time")))?;
            if end { asked.to = Some(at) } else { asked.from = Some(at) }
        }
    }
    let as_csv = match call.param("format") {
        None | Some("csv") => true,
        Some("jsonl") => false,
        Some(other) => return Err(ApiError::bad(format!("format {other:?} must be csv or jsonl"))),
    };
    // Who may not is told so before anything is sent.
    audit::list(&call.ctx, &call.who, project.as_ref(), &asked, None, 1).await?;
    let name = project.as_ref().map_or("audit-log".to_owned(), |project| format!("audit-log-{project}"));
    let write = if as_csv { csv } else { line };
    let begin = (Some(None::<i64>), true);
    let parts = stream::unfold((begin, call, project, asked), move |((after, first), call, project, asked)| async move {
        let after = after?;
        let found = audit::list(&call.ctx, &call.who, project.as_ref(), &asked, after, PART).await;
        let (text, next) = match found {
            Ok(found) => {
                let head = if first && as_csv { HEADINGS } else { "" };
                (Ok(head.to_owned() + &found.items.iter().map(write).collect::<String>()), found.next.or(found.further).map(Some))
            }
            Err(error) => (Err(std::io::Error::other(error.to_string())), None),
        };
        Some((text, ((next, false), call, project, asked)))
    });
    let (kind, end) = if as_csv { ("text/csv; charset=utf-8", "csv") } else { ("application/jsonl", "jsonl") };
    Ok(File { kind, name: format!("{name}.{end}"), body: Body::from_stream(parts) })
}

pub async fn export(call: Call) -> Answer<File> {
    file(call, None).await
}

pub async fn export_of_project(call: Call, Path(project): Path<String>) -> Answer<File> {
    let name = call.project(&project).await?;
    file(call, Some(name)).await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn n_122_a_cell_is_no_formula() {
        for (text, written) in [("plain", "plain"), ("=1+1", "'=1+1"), ("@x", "'@x"), ("a,b", "\"a,b\""), ("a\"b", "\"a\"\"b\""), ("-1,2", "\"'-1,2\""), ("", "")] {
            assert_eq!(cell(text), written);
        }
    }
}
