//! Configuration: flag over environment over file over default. One table of keys makes the flags, the variables, the
//! file's grammar and what `wharf config` prints.

use ipnet::IpNet;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// One setting.
pub struct Key {
    /// In the file, e.g. `tls.cert`.
    pub name: &'static str,
    /// In the environment, e.g. `WHARF_TLS_CERT`.
    pub env: &'static str,
    /// On the command line, e.g. `tls-cert`.
    pub flag: &'static str,
    pub default: &'static str,
    /// Masked when printed, and also read from the file that `…_FILE` names.
    pub secret: bool,
    /// Several values: an array in the file, comma-separated elsewhere.
    pub list: bool,
    pub help: &'static str,
}

const fn key(name: &'static str, env: &'static str, flag: &'static str, default: &'static str, help: &'static str) -> Key {
    Key { name, env, flag, default, secret: false, list: false, help }
}

/// Every setting there is.
pub static KEYS: &[Key] = &[
    key("data", "WHARF_DATA", "data", "wharf-data", "directory for the database, blobs, uploads and the key"),
    key("listen", "WHARF_LISTEN", "listen", "127.0.0.1:8080", "address and port; port 0 takes any free one"),
    key(
        "external_url", "WHARF_EXTERNAL_URL", "external-url", "",
        "where clients reach this server, e.g. https://registry.example.com; needed when listening on all addresses",
    ),
    Key {
        secret: true,
        ..key("database_url", "WHARF_DATABASE_URL", "database-url", "", "postgres://… ; empty: SQLite in the data directory")
    },
    Key {
        secret: true,
        ..key(
            "admin_password", "WHARF_ADMIN_PASSWORD", "admin-password", "",
            "first administrator's password, on the first start; empty: one is made",
        )
    },
    key("key_file", "WHARF_KEY_FILE", "key-file", "", "file of the master key (64 hexadecimal digits); empty: in the data directory"),
    Key {
        list: true,
        ..key(
            "outbound.allow", "WHARF_OUTBOUND_ALLOW", "outbound-allow", "",
            "ranges that are not public and that replication may reach, e.g. 127.0.0.0/8",
        )
    },
    Key {
        list: true,
        ..key(
            "trusted_proxies", "WHARF_TRUSTED_PROXIES", "trusted-proxies", "",
            "ranges of proxies whose X-Forwarded-For is believed",
        )
    },
    key("tls.cert", "WHARF_TLS_CERT", "tls-cert", "", "PEM certificate chain; read again when the file changes"),
    key("tls.key", "WHARF_TLS_KEY", "tls-key", "", "PEM private key of the certificate"),
    Key {
        list: true,
        ..key(
            "sparse", "WHARF_SPARSE", "sparse", "",
            "manifests that may name what is not there: indexes (without some platforms), images (without some blobs)",
        )
    },
    key("gc.grace", "WHARF_GC_GRACE", "gc-grace", "2h", "how long garbage collection leaves alone what a push may count on, e.g. 90s, 30m, 2h"),
    key("gc.every", "WHARF_GC_EVERY", "gc-every", "24h", "how often garbage is collected by itself, e.g. 6h, 7d; 0 for never"),
    key("recycle", "WHARF_RECYCLE", "recycle", "7d", "how long the deletion of an artifact can be undone, e.g. 24h, 30d; 0 for not at all"),
    key("limits.connections", "WHARF_LIMITS_CONNECTIONS", "limits-connections", "4096", "connections served at once; the last eighth is for addresses that hold few"),
    key(
        "limits.connections_per_address", "WHARF_LIMITS_CONNECTIONS_PER_ADDRESS", "limits-connections-per-address", "1024",
        "connections of one address; trusted proxies have no such limit",
    ),
    key(
        "limits.reserve", "WHARF_LIMITS_RESERVE", "limits-reserve", "1GiB",
        "room on the disk that pushes must leave, so that the database can go on, e.g. 500MiB, 20GiB",
    ),
    key("s3.bucket", "WHARF_S3_BUCKET", "s3-bucket", "", "bucket for blobs; empty: they lie in the data directory"),
    key("s3.endpoint", "WHARF_S3_ENDPOINT", "s3-endpoint", "", "an S3-compatible store, e.g. http://127.0.0.1:9000; empty: AWS"),
    key("s3.region", "WHARF_S3_REGION", "s3-region", "us-east-1", "region of the bucket"),
    key("s3.access_key", "WHARF_S3_ACCESS_KEY", "s3-access-key", "", "access key; empty: AWS_* of the environment, or the machine's role"),
    Key { secret: true, ..key("s3.secret_key", "WHARF_S3_SECRET_KEY", "s3-secret-key", "", "secret of the access key") },
    key("s3.prefix", "WHARF_S3_PREFIX", "s3-prefix", "", "before every key in the bucket"),
    key("s3.redirect", "WHARF_S3_REDIRECT", "s3-redirect", "no", "yes: send clients to the store for blobs, by an address that works for ten minutes"),
    key("log", "WHARF_LOG", "log", "text", "text or json"),
];

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    Default,
    File(PathBuf),
    Env(String),
    Flag,
}

impl std::fmt::Display for Source {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Source::Default => f.write_str("default"),
            Source::File(path) => write!(f, "file {}", path.display()),
            Source::Env(name) => write!(f, "environment {name}"),
            Source::Flag => f.write_str("flag"),
        }
    }
}

/// All values, each with where it came from.
pub struct Values(BTreeMap<&'static str, (String, Source)>);

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

/// The configuration, checked.
#[derive(Clone)]
pub struct Config {
    pub data: PathBuf,
    pub listen: SocketAddr,
    /// Without a trailing slash; `None`: the bound address.
    pub external_url: Option<String>,
    /// Empty: SQLite.
    pub database_url: domain::secrets::PlainSecret,
    pub admin_password: domain::secrets::PlainSecret,
    pub key_file: Option<PathBuf>,
    pub outbound_allow: Vec<IpNet>,
    pub trusted_proxies: Vec<IpNet>,
    pub tls: Option<(PathBuf, PathBuf)>,
    pub sparse: domain::Sparse,
    /// Both in ms.
    pub gc_grace: i64,
    pub gc_every: i64,
    /// In ms.
    pub recycle: i64,
    pub connections: usize,
    pub connections_per_address: usize,
    /// In bytes.
    pub reserve: u64,
    /// `None`: blobs lie in the data directory.
    pub bucket: Option<domain::blobs::Bucket>,
    pub log: LogFormat,
}

fn nearest<'a>(wrong: &str, known: impl Iterator<Item = &'a str>) -> String {
    known
        .map(|name| (strsim::damerau_levenshtein(&wrong.to_lowercase(), &name.to_lowercase()), name))
        .min()
        .map(|(_, name)| format!("; did you mean {name}?"))
        .unwrap_or_default()
}

impl Values {
    /// Reads all layers. `flags` are those that were given, `vars` the environment.
    pub fn read(
        flags: &BTreeMap<&'static str, String>,
        vars: &BTreeMap<String, String>,
        file: Option<&Path>,
    ) -> Result<Values, String> {
        let mut values: BTreeMap<&'static str, (String, Source)> =
            KEYS.iter().map(|key| (key.name, (key.default.to_owned(), Source::Default))).collect();
        if let Some(path) = file {
            for (name, value) in from_file(path)? {
                let key = KEYS.iter().find(|key| key.name == name).ok_or_else(|| {
                    format!("{}: unknown key {name}{}", path.display(), nearest(&name, KEYS.iter().map(|k| k.name)))
                })?;
                values.insert(key.name, (value, Source::File(path.to_owned())));
            }
        }
        for (name, value) in vars.iter().filter(|(name, _)| name.starts_with("WHARF_") && !name.starts_with("WHARF_TEST_")) {
            if name == "WHARF_CONFIG" {
                continue;
            }
            let source = Source::Env(name.clone());
            if let Some(key) = KEYS.iter().find(|key| key.env == name) {
                values.insert(key.name, (value.clone(), source));
            } else if let Some(key) = KEYS.iter().find(|k| k.secret && name.strip_suffix("_FILE") == Some(k.env)) {
                if vars.contains_key(key.env) {
                    return Err(format!("both {} and {name} are set: choose one", key.env));
                }
                let text = std::fs::read_to_string(value).map_err(|error| format!("{name}: {value}: {error}"))?;
                values.insert(key.name, (text.trim_end_matches(['\r', '\n']).to_owned(), source));
            } else {
                return Err(format!("unknown variable {name}{}", nearest(name, KEYS.iter().map(|k| k.env))));
            }
        }
        for (name, value) in flags {
            values.insert(name, (value.clone(), Source::Flag));
        }
        Ok(Values(values))
    }

    fn get(&self, name: &str) -> &str {
        self.0.get(name).map_or("", |(value, _)| value.as_str())
    }

    fn ranges(&self, name: &str) -> Result<Vec<IpNet>, String> {
        self.get(name)
            .split(',')
            .map(str::trim)
            .filter(|text| !text.is_empty())
            .map(|text| {
                text.parse::<IpNet>()
                    .or_else(|_| text.parse::<std::net::IpAddr>().map(IpNet::from))
                    .map_err(|_| format!("{name}: {text:?} is no address range, such as 10.0.0.0/8"))
            })
            .collect()
    }

    fn sparse(&self) -> Result<domain::Sparse, String> {
        let mut sparse = domain::Sparse::default();
        for word in self.get("sparse").split(',').map(str::trim).filter(|word| !word.is_empty()) {
            match word {
                "indexes" => sparse.indexes = true,
                "images" => sparse.images = true,
                other => return Err(format!("sparse: {other:?} must be indexes or images")),
            }
        }
        Ok(sparse)
    }

    /// A span of time in ms: `0`, or a number with `s`, `m`, `h` or `d`, up to a year.
    fn span(&self, name: &str) -> Result<i64, String> {
        const UNITS: [(char, i64); 4] = [('s', 1000), ('m', 60_000), ('h', 3_600_000), ('d', 86_400_000)];
        let text = self.get(name);
        let span = UNITS.iter().find_map(|(unit, ms)| text.strip_suffix(*unit)?.parse::<i64>().ok()?.checked_mul(*ms));
        match span.or((text == "0").then_some(0)) {
            Some(ms) if (0..=365 * 86_400_000).contains(&ms) => Ok(ms),
            _ => Err(format!("{name}: {text:?} must be a span of at most a year, such as 90s, 30m, 2h or 7d")),
        }
    }

    /// A number of at least `least`.
    fn number(&self, name: &str, least: usize) -> Result<usize, String> {
        let text = self.get(name);
        let number = text.parse::<usize>().ok().filter(|number| (least..=1 << 20).contains(number));
        number.ok_or_else(|| format!("{name}: {text:?} must be a number from {least} to {}", 1 << 20))
    }

    /// Where blobs lie, if not in the data directory.
    fn bucket(&self) -> Result<Option<domain::blobs::Bucket>, String> {
        let redirect = match self.get("s3.redirect") {
            "yes" => true,
            "no" => false,
            other => return Err(format!("s3.redirect: {other:?} must be yes or no")),
        };
        let text = |name: &str| self.get(name).to_owned();
        let endpoint = text("s3.endpoint").trim_end_matches('/').to_owned();
        if !endpoint.is_empty() && url::Url::parse(&endpoint).is_ok_and(|url| !matches!(url.scheme(), "http" | "https")) {
            return Err(format!("s3.endpoint: {endpoint:?} must begin with http:// or https://"));
        }
        if text("s3.access_key").is_empty() != text("s3.secret_key").is_empty() {
            return Err("s3.access_key and s3.secret_key go together".to_owned());
        }
        Ok((!text("s3.bucket").is_empty()).then(|| domain::blobs::Bucket {
            endpoint,
            name: text("s3.bucket"),
            region: text("s3.region"),
            access_key: text("s3.access_key"),
            secret_key: domain::secrets::PlainSecret::new(text("s3.secret_key")),
            prefix: text("s3.prefix"),
            redirect,
        }))
    }

    /// A size in bytes: a number and its unit.
    fn size(&self, name: &str) -> Result<u64, String> {
        const UNITS: [(&str, u64); 4] = [("KiB", 1 << 10), ("MiB", 1 << 20), ("GiB", 1 << 30), ("TiB", 1 << 40)];
        let text = self.get(name);
        let size = UNITS.iter().find_map(|(unit, bytes)| text.strip_suffix(unit)?.trim().parse::<u64>().ok()?.checked_mul(*bytes));
        size.or((text == "0").then_some(0)).ok_or_else(|| format!("{name}: {text:?} must be a size, such as 500MiB or 20GiB"))
    }

    /// Checks the values.
    pub fn check(&self) -> Result<Config, String> {
        let listen: SocketAddr =
            self.get("listen").parse().map_err(|_| format!("listen: {:?} is no address:port", self.get("listen")))?;
        let external_url = match self.get("external_url").trim_end_matches('/') {
            "" if listen.ip().is_unspecified() => {
                return Err("external_url is needed when listening on all addresses: it decides the realm, links and cookies".into());
            }
            "" => None,
            text => match url::Url::parse(text) {
                Ok(url) if matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.has_host() => {
                    Some(text.to_owned())
                }
                _ => return Err(format!("external_url: {text:?} must read https://host[:port]")),
            },
        };
        let path = |name: &str| Some(self.get(name)).filter(|text| !text.is_empty()).map(PathBuf::from);
        let tls = match (path("tls.cert"), path("tls.key")) {
            (Some(cert), Some(key)) => Some((cert, key)),
            (None, None) => None,
            _ => return Err("tls.cert and tls.key belong together: set both or none".into()),
        };
        let database_url = self.get("database_url");
        if !database_url.is_empty() && !database_url.starts_with("postgres://") && !database_url.starts_with("postgresql://") {
            return Err("database_url must begin with postgres:// (or be empty for SQLite in the data directory)".into());
        }
        Ok(Config {
            data: PathBuf::from(self.get("data")),
            listen,
            external_url,
            database_url: domain::secrets::PlainSecret::new(database_url.to_owned()),
            admin_password: domain::secrets::PlainSecret::new(self.get("admin_password").to_owned()),
            key_file: path("key_file"),
            outbound_allow: self.ranges("outbound.allow")?,
            trusted_proxies: self.ranges("trusted_proxies")?,
            tls,
            sparse: self.sparse()?,
            gc_grace: match self.span("gc.grace")? {
                // Less than this and no client could keep up.
                ms if ms < 2000 => return Err("gc.grace must be at least 2s".to_owned()),
                ms => ms,
            },
            gc_every: self.span("gc.every")?,
            recycle: self.span("recycle")?,
            connections: self.number("limits.connections", 16)?,
            connections_per_address: self.number("limits.connections_per_address", 4)?,
            reserve: self.size("limits.reserve")?,
            bucket: self.bucket()?,
            log: match self.get("log") {
                "text" => LogFormat::Text,
                "json" => LogFormat::Json,
                other => return Err(format!("log: {other:?} must be text or json")),
            },
        })
    }

    /// Every key, its value with secrets masked, and where it came from.
    pub fn print(&self) -> String {
        let mut text = String::new();
        for key in KEYS {
            let (value, source) = &self.0[key.name];
            let shown = match (value.is_empty(), key.secret) {
                (true, _) => "(empty)",
                (false, true) => "***",
                (false, false) => value,
            };
            let _ = writeln!(text, "{:<16} {:<28} {source}", key.name, shown);
        }
        text
    }
}

/// The file's keys, nested tables joined by dots.
fn from_file(path: &Path) -> Result<Vec<(String, String)>, String> {
    let shown = path.display();
    let text = std::fs::read_to_string(path).map_err(|error| format!("{shown}: {error}"))?;
    let table: toml::Table = text.parse().map_err(|error| format!("{shown}: {error}"))?;
    let mut found = Vec::new();
    flatten("", &table, &mut found).map_err(|what| format!("{shown}: {what}"))?;
    Ok(found)
}

fn flatten(prefix: &str, table: &toml::Table, found: &mut Vec<(String, String)>) -> Result<(), String> {
    for (name, value) in table {
        let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
        let wrong = || format!("{name} must be text or a list of texts");
        match value {
            toml::Value::Table(inner) => flatten(&name, inner, found)?,
            toml::Value::String(text) => found.push((name, text.clone())),
            toml::Value::Array(items) => {
                let items: Vec<&str> =
                    items.iter().map(|item| item.as_str().ok_or_else(wrong)).collect::<Result<_, _>>()?;
                found.push((name, items.join(",")));
            }
            _ => return Err(wrong()),
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(pairs: &[(&str, &str)]) -> BTreeMap<String, String> {
        pairs.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect()
    }

    #[test]
    fn flag_over_environment_over_file_over_default() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("wharf.toml");
        std::fs::write(&file, "listen = '127.0.0.1:1'\nlog = 'json'\n[outbound]\nallow = ['10.0.0.0/8', '127.0.0.1']\n").unwrap();
        let env = map(&[("WHARF_LISTEN", "127.0.0.1:2"), ("WHARF_DATA", "d")]);
        let read = |flags| Values::read(&flags, &env, Some(&file)).unwrap();
        assert_eq!(read(BTreeMap::new()).check().unwrap().listen.port(), 2);
        let values = read(BTreeMap::from([("listen", "127.0.0.1:3".to_owned())]));
        let config = values.check().unwrap();
        assert_eq!((config.listen.port(), config.log, config.outbound_allow.len()), (3, LogFormat::Json, 2));
        assert_eq!(values.0["listen"].1, Source::Flag);
        assert_eq!(values.0["key_file"].1, Source::Default);
    }

    #[test]
    fn spans_have_a_unit() {
        let read = |grace: &str| Values::read(&BTreeMap::from([("gc.grace", grace.to_owned())]), &map(&[]), None).unwrap().check();
        assert_eq!(read("90s").unwrap().gc_grace, 90_000);
        assert_eq!(read("2h").unwrap().gc_every, 86_400_000);
        for wrong in ["90", "0", "1s", "-3h", "2 h", "h", "400d", "99999999999999d", "2w"] {
            assert!(read(wrong).err().unwrap().contains("gc.grace"), "{wrong}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_the_nearest_known_one() {
        let none = BTreeMap::new();
        let refused = Values::read(&none, &map(&[("WHARF_LISTN", "x")]), None).err().unwrap();
        assert!(refused.contains("WHARF_LISTEN"), "{refused}");
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("wharf.toml");
        std::fs::write(&file, "[outbound]\nalow = ['10.0.0.0/8']\n").unwrap();
        let refused = Values::read(&none, &map(&[]), Some(&file)).err().unwrap();
        assert!(refused.contains("outbound.allow"), "{refused}");
    }

    #[test]
    fn n_129_a_secret_is_read_from_its_file_and_never_printed() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("password");
        std::fs::write(&file, "canary-canary\n").unwrap();
        let env = map(&[("WHARF_ADMIN_PASSWORD_FILE", file.to_str().unwrap())]);
        let values = Values::read(&BTreeMap::new(), &env, None).unwrap();
        assert_eq!(values.check().unwrap().admin_password.reveal(), "canary-canary");
        assert!(!values.print().contains("canary"));
    }

    #[test]
    fn all_addresses_need_an_external_url() {
        let env = map(&[("WHARF_LISTEN", "0.0.0.0:80")]);
        assert!(Values::read(&BTreeMap::new(), &env, None).unwrap().check().is_err());
    }
}
