//! Harbor and Wharf: `/api/v2.0` prepares the project.

use http::{Method, StatusCode};
use model::replication::target::Probe;
use remote::{Failure, Registry};
use serde_json::{Value, json};

const API: &str = "/api/v2.0";

fn query(text: &str) -> String {
    url::form_urlencoded::byte_serialize(text.as_bytes()).collect()
}

/// Makes the project where it is missing and the credentials may: private, whatever the source's is.
pub async fn prepare(remote: &Registry, repository: &str) -> Result<String, Failure> {
    let project = repository.split('/').next().unwrap_or_default();
    let (status, _) = remote.api(Method::HEAD, &format!("{API}/projects?project_name={}", query(project)), None).await?;
    if status.is_success() {
        return Ok(format!("project {project} is there"));
    }
    let body = json!({ "project_name": project, "metadata": { "public": "false" } });
    let (status, answer) = remote.api(Method::POST, &format!("{API}/projects"), Some(body)).await?;
    match status {
        StatusCode::CREATED => Ok(format!("project {project} made, private")),
        StatusCode::CONFLICT => Ok(format!("project {project} is there")),
        // The account may push to a project that it may not look at: the push itself will tell.
        StatusCode::FORBIDDEN | StatusCode::UNAUTHORIZED => Ok(format!(
            "project {project} was not seen there and could not be made ({status}): the push needs it"
        )),
        status => Err(Failure::destination(format!("making the project {project} it answered {status}{}", reason(&answer)))),
    }
}

/// What an error of the API says, after a colon; nothing where it says nothing.
fn reason(answer: &[u8]) -> String {
    let said = serde_json::from_slice::<Value>(answer).ok();
    let message = said.as_ref().and_then(|said| said.pointer("/errors/0/message")).and_then(Value::as_str).unwrap_or_default();
    let message: String = message.chars().filter(|c| !c.is_control()).take(300).collect();
    if message.is_empty() { message } else { format!(": {message}") }
}

/// What it is, and what these credentials may do there.
pub async fn probe(remote: &Registry, probe: &mut Probe) {
    match remote.api(Method::GET, "/api/version", None).await {
        Ok((status, body)) if status.is_success() => {
            let version = serde_json::from_slice::<Value>(&body).ok();
            let version = version.as_ref().and_then(|v| v.get("version")).and_then(Value::as_str).unwrap_or("?").to_owned();
            let product = match remote.api(Method::GET, &format!("{API}/systeminfo"), None).await {
                Ok((_, body)) => serde_json::from_slice::<Value>(&body)
                    .ok()
                    .and_then(|info| Some(info.get("harbor_version")?.as_str()?.chars().take(64).collect::<String>()))
                    .unwrap_or_else(|| "Harbor or Wharf".to_owned()),
                Err(_) => "Harbor or Wharf".to_owned(),
            };
            probe.step("What it is", true, format!("{product}, API {version}"));
        }
        Ok((status, _)) => {
            let found = format!("it has no Harbor API ({status} for /api/version): choose “any OCI registry” as provider");
            probe.step("What it is", false, found);
            return;
        }
        Err(failure) => {
            probe.step("What it is", false, failure.to_string());
            return;
        }
    }
    let seen = remote.api(Method::GET, &format!("{API}/projects?page=1&page_size=100"), None).await;
    match seen {
        Ok((status, body)) if status.is_success() => {
            let projects: Vec<Value> = serde_json::from_slice(&body).unwrap_or_default();
            let names: Vec<&str> = projects.iter().filter_map(|p| p.get("name")?.as_str()).take(5).collect();
            let found = match names.len() {
                0 => "these credentials see no project there".to_owned(),
                _ if projects.len() > names.len() => format!("sees {} projects: {}, …", projects.len(), names.join(", ")),
                _ => format!("sees {}", names.join(", ")),
            };
            probe.step("Projects", true, found);
        }
        Ok((status, _)) => probe.step("Projects", true, format!("these credentials may not list projects ({status}); pushing may still work")),
        Err(failure) => probe.step("Projects", false, failure.to_string()),
    }
}
