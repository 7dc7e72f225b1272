//! `wharf fsck` on a data directory that a real server left.

use anyhow::Result;
use std::process::{Command, Output};
use testkit::{Server, image};

fn fsck(server: &Server, more: &[&str]) -> Result<Output> {
    Ok(Command::new(crate::binary()?).args(["fsck", "--data"]).arg(server.data()).args(more).env_clear().output()?)
}

fn said(output: &Output) -> (Option<i32>, String) {
    (output.status.code(), String::from_utf8_lossy(&output.stdout).into_owned() + &String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
#[ignore = "needs the built binary: cargo xtask test clients"]
async fn fsck_says_how_bad_it_is_by_its_exit_code() -> Result<()> {
    let mut server = crate::server_with(&["cargo"]).await?;
    image::push(&server, "cargo/one", "1", b"layer".to_vec()).await?;
    // A running server has the directory.
    let (code, text) = said(&fsck(&server, &[])?);
    assert_eq!(code, Some(3), "{text}");
    server.terminate().await?;
    let (code, text) = said(&fsck(&server, &["--deep"])?);
    assert_eq!((code, text.contains("1 artifact and 2 blobs"), text.contains("all is well")), (Some(0), true, true), "{text}");
    let file = |digest: &str| {
        let hex = digest.trim_start_matches("sha256:").to_owned();
        server.data().join("blobs/sha256").join(&hex[..2]).join(hex)
    };
    let stray = file(&image::sha256(b"stray"));
    std::fs::create_dir_all(stray.parent().unwrap())?;
    std::fs::write(&stray, "stray")?;
    let (code, text) = said(&fsck(&server, &[])?);
    assert_eq!((code, text.contains("nothing knows it")), (Some(1), true), "{text}");
    let (code, text) = said(&fsck(&server, &["--repair"])?);
    assert_eq!((code, stray.exists()), (Some(0), false), "{text}");
    std::fs::write(file(&image::sha256(b"layer")), "LAYER")?;
    assert_eq!(said(&fsck(&server, &[])?).0, Some(0));
    let (code, text) = said(&fsck(&server, &["--deep"])?);
    assert_eq!((code, text.contains("has changed"), text.contains("cargo/one@sha256:")), (Some(2), true, true), "{text}");
    Ok(())
}
