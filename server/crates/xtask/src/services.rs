//! Servers that tests are run against: PostgreSQL and MinIO, each with its data in a temporary folder.

use crate::{run, tools};
use anyhow::{Context, Result, bail};
use std::net::{TcpListener, TcpStream};
use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A PostgreSQL on a socket in a temporary folder; it ends with the value.
pub struct Postgres {
    folder: tempfile::TempDir,
    programs: PathBuf,
}

impl Postgres {
    pub fn start() -> Result<Postgres> {
        let programs = tools::postgres()?;
        let folder = tempfile::Builder::new().prefix("wharf-pg").tempdir()?;
        let server = Postgres { folder, programs };
        let data = server.data();
        // PostgreSQL refuses to run as root: then it runs as the package's own user.
        if is_root() {
            run(Command::new("chown").arg("-R").arg("postgres").arg(server.folder.path()))?;
        }
        run(server.program("initdb").args(["-A", "trust", "-U", "postgres", "--no-sync", "-E", "UTF8", "-D"]).arg(&data).stdout(Stdio::null()))?;
        let options = format!(
            "-k {} -c listen_addresses='' -c fsync=off -c max_connections=500 -c shared_buffers=128MB",
            server.folder.path().display()
        );
        run(server
            .program("pg_ctl")
            .args(["-w", "-D"])
            .arg(&data)
            .args(["-l"])
            .arg(server.folder.path().join("log"))
            .args(["-o", &options, "start"])
            .stdout(Stdio::null()))
        .context("PostgreSQL did not start")?;
        Ok(server)
    }

    fn data(&self) -> PathBuf {
        self.folder.path().join("data")
    }

    fn program(&self, name: &str) -> Command {
        let path = self.programs.join(name);
        if is_root() {
            let mut command = Command::new("runuser");
            command.args(["-u", "postgres", "--"]).arg(path).current_dir(self.folder.path());
            command
        } else {
            Command::new(path)
        }
    }

    /// Of its first database; others may be made.
    pub fn url(&self) -> String {
        let folder = self.folder.path().display().to_string().replace('/', "%2F");
        format!("postgres://postgres@{folder}/postgres")
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        let data = self.data();
        let _ = self.program("pg_ctl").args(["-m", "immediate", "-D"]).arg(data).arg("stop").status();
    }
}

fn is_root() -> bool {
    rustix::process::getuid().is_root()
}

/// A MinIO on a free port of 127.0.0.1, with one bucket; it ends with the value.
pub struct Minio {
    child: Child,
    port: u16,
    _folder: tempfile::TempDir,
}

const USER: &str = "wharf-test";
const SECRET: &str = "seven-tall-ships";
const BUCKET: &str = "wharf";

impl Minio {
    pub fn start() -> Result<Minio> {
        let program = tools::go("minio")?;
        let folder = tempfile::Builder::new().prefix("wharf-s3").tempdir()?;
        // A folder in a drive of MinIO's is a bucket.
        std::fs::create_dir(folder.path().join(BUCKET))?;
        let port = TcpListener::bind("127.0.0.1:0")?.local_addr()?.port();
        let child = Command::new(program)
            .arg("server")
            .arg(folder.path())
            .args(["--quiet", "--address", &format!("127.0.0.1:{port}"), "--console-address", "127.0.0.1:0"])
            .env("MINIO_ROOT_USER", USER)
            .env("MINIO_ROOT_PASSWORD", SECRET)
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .context("MinIO does not start")?;
        let (server, begin) = (Minio { child, port, _folder: folder }, Instant::now());
        while TcpStream::connect(("127.0.0.1", port)).is_err() {
            if begin.elapsed() > Duration::from_secs(30) {
                bail!("MinIO did not start");
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        Ok(server)
    }

    /// `http://KEY:SECRET@HOST:PORT/BUCKET`, as the tests take it.
    pub fn url(&self) -> String {
        format!("http://{USER}:{SECRET}@127.0.0.1:{}/{BUCKET}", self.port)
    }
}

impl Drop for Minio {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
