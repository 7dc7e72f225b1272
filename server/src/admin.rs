//! Administration from the command line: through a 0600 socket in the data directory while a server runs, else directly.

use crate::config::Config;
use crate::wiring;
use domain::backup::Done;
use domain::clock::Random;
use domain::datadir::DataDir;
use domain::secrets::PlainSecret;
use domain::{Ctx, users};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use tokio::io::{AsyncBufReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::WriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::task::JoinHandle;

const SOCKET: &str = "admin.sock";
/// Longest line on the socket, in bytes.
const LINE: u64 = 8192;

/// Answers commands until the handle is aborted.
pub fn listen(ctx: Ctx, data: &Path, key: PathBuf) -> Result<JoinHandle<()>, String> {
    let path = data.join(SOCKET);
    // The directory's lock is ours, so a socket that is there is a dead server's.
    let _ = std::fs::remove_file(&path);
    let failed = |error: std::io::Error| format!("{}: {error}", path.display());
    let listener = UnixListener::bind(&path).map_err(failed)?;
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o600)).map_err(failed)?;
    Ok(tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let (ctx, key) = (ctx.clone(), key.clone());
            tokio::spawn(async move {
                let _ = answer(&ctx, &key, stream).await;
            });
        }
    }))
}

/// One line in; lines out, the last of them `ok …` or `error …`: `reset-password USER` → `ok PASSWORD`,
/// `backup TO` and `backup-with-key TO` → `say …`, `ok JSON`.
async fn answer(ctx: &Ctx, key: &Path, mut stream: UnixStream) -> std::io::Result<()> {
    let (read, mut write) = stream.split();
    let mut line = String::new();
    BufReader::new(tokio::io::AsyncReadExt::take(read, LINE)).read_line(&mut line).await?;
    let reply = match line.trim_end().split_once(' ') {
        Some(("reset-password", user)) => match reset(ctx, user).await {
            Ok(password) => format!("ok {}\n", password.reveal()),
            Err(message) => format!("error {message}\n"),
        },
        Some((command @ ("backup" | "backup-with-key"), to)) => {
            let key = (command == "backup-with-key").then_some(key);
            match copy(ctx, Path::new(to), key, &mut write).await {
                Ok(done) => format!("ok {}\n", serde_json::to_string(&done).unwrap_or_default()),
                Err(message) => format!("error {message}\n"),
            }
        }
        _ => "error unknown command\n".to_owned(),
    };
    write.write_all(reply.as_bytes()).await
}

/// Makes a backup, and says how far it is; ends when nobody listens any more.
async fn copy(ctx: &Ctx, to: &Path, key: Option<&Path>, write: &mut WriteHalf<'_>) -> Result<Done, String> {
    let (sender, mut lines) = tokio::sync::mpsc::unbounded_channel();
    let making = domain::backup::make(ctx, to, key, move |line| {
        let _ = sender.send(line);
    });
    tokio::pin!(making);
    loop {
        tokio::select! {
            done = &mut making => return done.map_err(|error| error.to_string()),
            Some(line) = lines.recv() => {
                write.write_all(format!("say {line}\n").as_bytes()).await.map_err(|error| error.to_string())?;
            }
        }
    }
}

/// Asks the running server for a backup; `None` where none runs.
pub async fn ask_for_backup(data: &Path, to: &Path, with_key: bool, say: impl Fn(&str)) -> Result<Option<Done>, String> {
    let Ok(mut stream) = UnixStream::connect(data.join(SOCKET)).await else { return Ok(None) };
    let failed = |error: std::io::Error| format!("the running server did not answer: {error}");
    let to = to.to_str().filter(|to| !to.contains('\n')).ok_or("the folder's path must be plain text")?;
    let command = if with_key { "backup-with-key" } else { "backup" };
    stream.write_all(format!("{command} {to}\n").as_bytes()).await.map_err(failed)?;
    let mut lines = BufReader::new(stream).lines();
    while let Some(line) = lines.next_line().await.map_err(failed)? {
        match line.split_once(' ') {
            Some(("say", words)) => say(words),
            Some(("ok", done)) => return serde_json::from_str(done).map(Some).map_err(|error| format!("the running server's answer: {error}")),
            Some(("error", message)) => return Err(message.to_owned()),
            _ => break,
        }
    }
    Err("the running server ended before the backup was done".into())
}

async fn reset(ctx: &Ctx, user: &str) -> Result<PlainSecret, String> {
    let password = PlainSecret::generate(&Random::default(), "");
    users::reset_password(ctx, user, password.clone()).await.map_err(|error| error.to_string())?;
    Ok(password)
}

/// Gives a user a new password and answers it.
pub async fn reset_password(config: &Config, user: &str) -> Result<String, String> {
    let path = config.data.join(SOCKET);
    if let Ok(mut stream) = UnixStream::connect(&path).await {
        let failed = |error: std::io::Error| format!("the running server did not answer: {error}");
        stream.write_all(format!("reset-password {user}\n").as_bytes()).await.map_err(failed)?;
        let mut reply = String::new();
        BufReader::new(stream).read_line(&mut reply).await.map_err(failed)?;
        return match reply.trim_end().split_once(' ') {
            Some(("ok", password)) => Ok(password.to_owned()),
            Some(("error", message)) => Err(message.to_owned()),
            _ => Err("the running server did not answer".into()),
        };
    }
    if !config.data.join("wharf").exists() {
        return Err(format!("{} is no data directory of Wharf", config.data.display()));
    }
    let data = DataDir::open(&config.data).map_err(|refusal| refusal.to_string())?;
    let ctx = wiring::context(config, &data, "http://localhost".into(), Vec::new()).await?;
    Ok(reset(&ctx, user).await?.reveal().to_owned())
}
