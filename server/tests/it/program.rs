//! The contract of the program: one line, health, a directory of its own, an orderly end.

use crate::{binary, server};
use anyhow::Result;
use std::os::unix::fs::PermissionsExt;
use std::process::Command;

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn it_serves_says_where_and_ends_in_order() -> Result<()> {
    let mut server = server().await?;
    for path in ["/healthz", "/readyz"] {
        assert_eq!(server.client.get(server.url(path)).send().await?.status(), 200, "{path}");
    }
    let mode = |name: &str| -> Result<u32> { Ok(std::fs::metadata(server.data().join(name))?.permissions().mode() & 0o777) };
    assert_eq!((mode("")?, mode("key")?, mode("admin.sock")?), (0o700, 0o600, 0o600));
    // A second process is kept out, and the first goes on.
    let second = Command::new(binary()?).args(["serve", "--listen", "127.0.0.1:0", "--data"]).arg(server.data()).output()?;
    assert!(!second.status.success());
    assert!(String::from_utf8_lossy(&second.stderr).contains("in use by another Wharf"));
    assert_eq!(server.client.get(server.url("/healthz")).send().await?.status(), 200);
    assert!(server.terminate().await?.success());
    server.restart().await?;
    assert_eq!(server.client.get(server.url("/readyz")).send().await?.status(), 200);
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn a_password_is_reset_with_the_server_running_and_stopped() -> Result<()> {
    let mut server = server().await?;
    let status = async |server: &testkit::Server, password: &str| -> Result<u16> {
        let request = server.client.get(server.url("/api/v2.0/users/current")).basic_auth("admin", Some(password));
        Ok(request.send().await?.status().as_u16())
    };
    let reset = |data: std::path::PathBuf| -> Result<String> {
        let output = Command::new(binary()?).args(["admin", "reset-password", "admin", "--data"]).arg(data).output()?;
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        Ok(String::from_utf8(output.stdout)?.trim().to_owned())
    };
    assert_eq!(status(&server, testkit::PASSWORD).await?, 200);
    let running = reset(server.data())?;
    assert_eq!((status(&server, testkit::PASSWORD).await?, status(&server, &running).await?), (401, 200));
    server.terminate().await?;
    let stopped = reset(server.data())?;
    server.restart().await?;
    assert_eq!((status(&server, &running).await?, status(&server, &stopped).await?), (401, 200));
    Ok(())
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn n_145_no_secret_lies_in_the_data_directory() -> Result<()> {
    let mut server = server().await?;
    let robot = server
        .call(reqwest::Method::POST, "/robots", serde_json::json!({
            "name": "canary", "level": "system", "duration": 1,
            "permissions": [{ "kind": "project", "namespace": "*", "access": [{ "resource": "repository", "action": "pull" }] }],
        }))
        .await?;
    let target = crate::server().await?;
    server
        .call(reqwest::Method::POST, "/registries", serde_json::json!({
            "name": "t", "type": "docker-registry", "url": target.url(""),
            "credential": { "access_key": "admin", "access_secret": testkit::PASSWORD },
        }))
        .await?;
    server.terminate().await?;
    let canaries = [robot["secret"].as_str().unwrap_or_default().to_owned(), testkit::PASSWORD.to_owned()];
    assert!(canaries.iter().all(|canary| canary.len() > 8));
    let mut looked = 0;
    for entry in std::fs::read_dir(server.data())?.chain(std::fs::read_dir(server.data().join(".."))?) {
        let path = entry?.path();
        if path.is_file() {
            let bytes = std::fs::read(&path)?;
            looked += 1;
            for canary in &canaries {
                let found = bytes.windows(canary.len()).any(|window| window == canary.as_bytes());
                assert!(!found, "a secret lies in {}", path.display());
            }
        }
    }
    assert!(looked >= 4, "database, key, lock and log");
    Ok(())
}

#[tokio::test]
#[ignore = "needs strace and the built binary: cargo xtask test clients"]
async fn a_push_is_synced_in_order_before_it_is_answered() -> Result<()> {
    let server = crate::server_with(&["order"]).await?;
    let trace = tempfile::NamedTempFile::new()?;
    let mut strace = Command::new("strace")
        .args(["-f", "-y", "-e", "trace=fdatasync,fsync,rename,renameat,renameat2,sendto,writev,write", "-o"])
        .arg(trace.path())
        .args(["-p", &server.pid().unwrap_or_default().to_string()])
        .stderr(std::process::Stdio::piped())
        .spawn()?;
    // strace says on its standard error that it is attached.
    let mut said = std::io::BufReader::new(strace.stderr.take().unwrap());
    let mut line = String::new();
    std::io::BufRead::read_line(&mut said, &mut line)?;
    assert!(line.contains("attached"), "{line}");
    // It goes on talking, and ends when nobody listens.
    std::thread::spawn(move || std::io::copy(&mut said, &mut std::io::sink()));
    let digest = testkit::image::blob(&server, "order/one", b"the bytes that must be safe".to_vec()).await?;
    rustix::process::kill_process(
        rustix::process::Pid::from_raw(strace.id() as i32).unwrap(),
        rustix::process::Signal::INT,
    )?;
    strace.wait()?;
    let text = std::fs::read_to_string(trace.path())?;
    let hex = digest.trim_start_matches("sha256:");
    let at = |what: &str, of: &dyn Fn(&str) -> bool| -> usize {
        text.lines().position(of).unwrap_or_else(|| panic!("no {what} in the trace:\n{text}"))
    };
    let data = at("sync of the upload", &|l| l.contains("sync(") && l.contains("/uploads/"));
    let rename = at("rename", &|l| l.contains("rename") && l.contains(hex));
    let folder = text.lines().enumerate().position(|(n, l)| n > rename && l.contains("fsync(") && l.contains("/blobs/sha256"));
    let folder = folder.unwrap_or_else(|| panic!("no sync of the directory after the rename:\n{text}"));
    let database = text.lines().enumerate().position(|(n, l)| n > folder && l.contains("sync(") && l.contains("wharf.db"));
    let database = database.unwrap_or_else(|| panic!("no sync of the database after the directory:\n{text}"));
    let answer = at("answer", &|l| l.contains("201 Created"));
    assert!(data < rename && rename < folder && folder < database && database < answer, "{text}");
    Ok(())
}
