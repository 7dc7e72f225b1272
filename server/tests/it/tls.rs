//! A client over TLS.

use crate::binary;
use anyhow::Result;
use reqwest::Method;
use serde_json::json;
use std::net::SocketAddr;
use std::process::Command;
use testkit::{Clients, PASSWORD, Server};

#[tokio::test]
#[ignore = "needs openssl, cosign and crane: cargo xtask test clients"]
async fn n_119_clients_speak_tls_and_an_unknown_certificate_is_refused() -> Result<()> {
    let clients = Clients::new()?;
    let made = Command::new("openssl")
        .args(["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2", "-subj", "/CN=localhost"])
        .args(["-addext", "basicConstraints=critical,CA:FALSE"])
        .args(["-addext", "subjectAltName=IP:127.0.0.2", "-keyout"])
        .arg(clients.path("tls.key"))
        .arg("-out")
        .arg(clients.path("ca.pem"))
        .output()?;
    assert!(made.status.success());
    let (cert, key) = (clients.path("ca.pem"), clients.path("tls.key"));
    let (cert, key) = (cert.display().to_string(), key.display().to_string());
    // go-containerregistry takes 127.0.0.1 for plain HTTP and every other address for TLS.
    let address = SocketAddr::from(([127, 0, 0, 2], 0));
    let server = Server::start_on(&binary()?, address, &[("WHARF_TLS_CERT", &cert), ("WHARF_TLS_KEY", &key)]).await?;
    let pem = reqwest::Certificate::from_pem(&std::fs::read(&cert)?)?;
    let client = reqwest::Client::builder().no_proxy().tls_certs_merge([pem]).build()?;
    let host = server.host();
    let url = format!("https://{host}");
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
    clients.login(&host, "admin", PASSWORD)?;
    let name = format!("{host}/safe/pause");
    let digest = clients.push(&format!("{name}:1"))?;
    let image = format!("{name}@{digest}");
    clients.every_legacy_form(&image)?;
    clients.sign_bundle(&image)?;
    clients.verify(&image)?;
    clients.verify_legacy(&image)?;
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
