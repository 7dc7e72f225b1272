//! A client over TLS.

use crate::binary;
use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use std::process::Command;
use testkit::{Clients, PASSWORD, Server};

#[tokio::test]
#[ignore = "needs openssl, cosign and crane: cargo xtask test clients"]
async fn n_119_clients_speak_tls_and_an_unknown_certificate_is_refused() -> Result<()> {
    let clients = Clients::new()?;
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1", "-keyout"])
        .arg(clients.path("tls.key"))
        .arg("-out")
        .arg(clients.path("ca.pem"))
        .output()?;
    assert!(made.status.success());
    let (cert, key) = (clients.path("ca.pem"), clients.path("tls.key"));
    let (cert, key) = (cert.display().to_string(), key.display().to_string());
    let server = Server::start(&binary()?, &[("WHARF_TLS_CERT", &cert), ("WHARF_TLS_KEY", &key)]).await?;
    let pem = reqwest::Certificate::from_pem(&std::fs::read(&cert)?)?;
    let client = reqwest::Client::builder().no_proxy().tls_certs_merge([pem]).build()?;
    let url = format!("https://127.0.0.1:{}", server.port());
    let project = client
        .post(format!("{url}/api/v2.0/projects"))
        .basic_auth("admin", Some(PASSWORD))
        .json(&json!({ "project_name": "safe" }))
        .send()
        .await?;
    assert_eq!(project.status(), 201);
    // Over TLS the cookie is bound to the host and secure.
    let login = client.post(format!("{url}/c/login")).form(&[("principal", "admin"), ("password", PASSWORD)]).send().await?;
    let cookie = login.headers()["set-cookie"].to_str()?.to_owned();
    assert!(cookie.starts_with("__Host-sid=") && cookie.contains("Secure") && cookie.contains("HttpOnly"), "{cookie}");
    // go-containerregistry takes 127.0.0.1 for plain HTTP; by name it speaks TLS.
    let host = format!("127.0.0.1:{}", server.port());
    let plain = clients.crane(&["auth", "login", &host, "-u", "admin", "-p", PASSWORD]);
    assert!(plain.is_ok());
    let oras = ["login", &host, "-u", "admin", "-p", PASSWORD, "--ca-file", &cert];
    clients.oras(&oras)?;
    std::fs::write(clients.path("note.txt"), "over TLS")?;
    clients.oras(&["push", "--ca-file", &cert, &format!("{host}/safe/note:1"), "note.txt"])?;
    clients.oras(&["pull", "--ca-file", &cert, &format!("{host}/safe/note:1"), "-o", "out"])?;
    assert_eq!(std::fs::read_to_string(clients.path("out/note.txt"))?, "over TLS");

    // N-119: as a target it is refused until its authority is given.
    let source = crate::server().await?;
    let target = |ca: &str| json!({
        "name": "tls", "type": "docker-registry", "url": url, "insecure": false, "ca_certificate": ca,
        "credential": { "access_key": "admin", "access_secret": PASSWORD },
    });
    let refused = source.api(Method::POST, "/registries").json(&target("")).send().await?;
    assert_eq!(refused.status(), 400);
    let text = refused.text().await?;
    assert!(text.contains("TLS_CERTIFICATE"), "{text}");
    source.call(Method::POST, "/registries", target(&std::fs::read_to_string(&cert)?)).await?;
    Ok(())
}
