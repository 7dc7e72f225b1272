//! Configuration: flag over environment over file over default. One table of keys makes the flags, the variables, the
//! file's grammar and what `wharf config` prints.

mod keys;

pub use keys::{KEYS, Key};

use ipnet::IpNet;
use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

/// Where a value came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SetBy {
    Default,
    File(PathBuf),
    Env(String),
    Flag,
}

impl std::fmt::Display for SetBy {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            SetBy::Default => f.write_str("default"),
            SetBy::File(path) => write!(f, "file {}", path.display()),
            SetBy::Env(name) => write!(f, "environment {name}"),
            SetBy::Flag => f.write_str("flag"),
        }
    }
}

/// All values, each with where it came from.
pub struct Values {
    values: BTreeMap<&'static str, (String, SetBy)>,
    /// Variables that begin like ours and are not.
    foreign: Vec<String>,
}

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
    pub metrics_listen: Option<SocketAddr>,
    /// Without a trailing slash; `None`: the bound address.
    pub external_url: Option<String>,
    pub also_known_as: Vec<String>,
    /// Variables that begin like ours and are not.
    pub foreign: Vec<String>,
    /// Empty: SQLite.
    pub database_url: domain::secrets::PlainSecret,
    pub admin_password: domain::secrets::PlainSecret,
    pub key_file: Option<PathBuf>,
    pub outbound_allow: Vec<IpNet>,
    pub proxy: Option<domain::outbound::Proxy>,
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
    pub upkeep: domain::upkeep::Spans,
    /// Address, authorities, and how much waits: named once the server's own name is known.
    pub forward: Option<(String, Option<PathBuf>, i64)>,
    /// In ms.
    pub silence: i64,
    /// Both in bytes.
    pub buffers: u64,
    pub reserve: u64,
    /// `None`: blobs lie in the data directory.
    pub bucket: Option<domain::blobs::Bucket>,
    pub log: LogFormat,
}

/// The variable of ours that this one most likely should be.
fn misspelt(name: &str) -> Option<String> {
    // What Kubernetes sets for a service that is called `wharf-tls` looks like one of ours with a letter wrong.
    let rest = name.split_once("_PORT").map(|(_, rest)| rest);
    let of_kubernetes = rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('_')) || name.contains("_SERVICE_");
    if of_kubernetes && !name.ends_with("_FILE") {
        return None;
    }
    let ours = KEYS.iter().flat_map(|key| {
        let file = key.secret.then(|| format!("{}_FILE", key.env));
        std::iter::once(key.env.to_owned()).chain(file)
    });
    // One letter in six may be wrong, and the underscores.
    let plain = |text: &str| text.to_uppercase().replace('_', "");
    ours.map(|own| (strsim::damerau_levenshtein(&plain(name), &plain(&own)), own))
        .min()
        .filter(|(distance, own)| *distance <= (own.len() - "WHARF_".len()).div_ceil(6).max(1))
        .map(|(_, own)| own)
}

/// A name by which the server is reached, as browsers write an origin: small letters, without the scheme's own port.
fn origin(setting: &str, text: &str) -> Result<String, String> {
    let url = url::Url::parse(text).ok();
    // What it is about is not said again: it may hold a password.
    if url.as_ref().is_some_and(|url| !url.username().is_empty() || url.password().is_some()) {
        return Err(format!("{setting}: it holds a name or password, which belong nowhere near an address"));
    }
    match url {
        Some(url) if matches!(url.scheme(), "http" | "https") && url.path() == "/" && url.has_host() && url.query().is_none() && url.fragment().is_none() => {
            Ok(url.origin().ascii_serialization())
        }
        _ => Err(format!("{setting}: {text:?} must read https://host[:port]")),
    }
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
        let mut values: BTreeMap<&'static str, (String, SetBy)> =
            KEYS.iter().map(|key| (key.name, (key.default.to_owned(), SetBy::Default))).collect();
        if let Some(path) = file {
            for (name, value) in from_file(path)? {
                let key = KEYS.iter().find(|key| key.name == name).ok_or_else(|| {
                    format!("{}: unknown key {name}{}", path.display(), nearest(&name, KEYS.iter().map(|k| k.name)))
                })?;
                values.insert(key.name, (value, SetBy::File(path.to_owned())));
            }
        }
        let mut foreign = Vec::new();
        for (name, value) in vars.iter().filter(|(name, _)| name.starts_with("WHARF_") && !name.starts_with("WHARF_TEST_")) {
            if name == "WHARF_CONFIG" {
                continue;
            }
            let source = SetBy::Env(name.clone());
            if let Some(key) = KEYS.iter().find(|key| key.env == name) {
                values.insert(key.name, (value.clone(), source));
            } else if let Some(key) = KEYS.iter().find(|k| k.secret && name.strip_suffix("_FILE") == Some(k.env)) {
                if vars.contains_key(key.env) {
                    return Err(format!("both {} and {name} are set: choose one", key.env));
                }
                let text = std::fs::read_to_string(value).map_err(|error| format!("{name}: {value}: {error}"))?;
                values.insert(key.name, (text.trim_end_matches(['\r', '\n']).to_owned(), source));
            } else if let Some(ours) = misspelt(name) {
                return Err(format!("unknown variable {name}; did you mean {ours}?"));
            } else {
                // Kubernetes gives every pod variables of every service's name, `WHARF_PORT` and the like for one called wharf.
                foreign.push(name.clone());
            }
        }
        for (name, value) in flags {
            values.insert(name, (value.clone(), SetBy::Flag));
        }
        Ok(Values { values, foreign })
    }

    fn get(&self, name: &str) -> &str {
        self.values.get(name).map_or("", |(value, _)| value.as_str())
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
            Some(ms) if (0..=3650 * 86_400_000).contains(&ms) => Ok(ms),
            _ => Err(format!("{name}: {text:?} must be a span of at most 3650d, such as 90s, 30m, 2h or 7d")),
        }
    }

    /// A number of at least `least`.
    fn number(&self, name: &str, least: usize) -> Result<usize, String> {
        let text = self.get(name);
        let number = text.parse::<usize>().ok().filter(|number| (least..=1 << 30).contains(number));
        number.ok_or_else(|| format!("{name}: {text:?} must be a number from {least} to {}", 1 << 30))
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

    fn forward(&self) -> Result<Option<(String, Option<PathBuf>, i64)>, String> {
        let (address, ca) = (self.get("forward.syslog"), self.get("forward.ca"));
        let keep = match i64::try_from(self.size("forward.keep")?).unwrap_or(i64::MAX) {
            bytes if bytes < 1 << 20 => return Err("forward.keep must be at least 1MiB".to_owned()),
            bytes => bytes,
        };
        if address.is_empty() {
            return if ca.is_empty() { Ok(None) } else { Err("forward.ca: nothing is forwarded; set forward.syslog too".to_owned()) };
        }
        let ca = Some(ca).filter(|ca| !ca.is_empty()).map(PathBuf::from);
        domain::forward::Receiver::parse(address, ca.clone(), "", keep).map_err(|what| format!("forward.syslog: {what}"))?;
        Ok(Some((address.to_owned(), ca, keep)))
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
            text => Some(origin("external_url", text)?),
        };
        let mut also_known_as = Vec::new();
        for text in self.get("also_known_as").split(',').map(str::trim).filter(|text| !text.is_empty()) {
            let name = origin("also_known_as", text.trim_end_matches('/'))?;
            let Some(first) = &external_url else { return Err("also_known_as needs an external_url, the first name".to_owned()) };
            if name.split_once("://").map(|(scheme, _)| scheme) != first.split_once("://").map(|(scheme, _)| scheme) {
                return Err(format!("also_known_as: {name} must be of the scheme of external_url, {first}: cookies are of one kind"));
            }
            if name != *first && !also_known_as.contains(&name) {
                also_known_as.push(name);
            }
        }
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
            metrics_listen: match self.get("metrics_listen") {
                "" => None,
                text => Some(text.parse().map_err(|_| format!("metrics_listen: {text:?} is no address:port"))?),
            },
            external_url,
            also_known_as,
            foreign: self.foreign.clone(),
            database_url: domain::secrets::PlainSecret::new(database_url.to_owned()),
            admin_password: domain::secrets::PlainSecret::new(self.get("admin_password").to_owned()),
            key_file: path("key_file"),
            outbound_allow: self.ranges("outbound.allow")?,
            proxy: match self.get("outbound.proxy") {
                "" => None,
                text => {
                    let exceptions: Vec<String> = self.get("outbound.no_proxy").split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect();
                    Some(domain::outbound::Proxy::configured(text, &exceptions).map_err(|what| format!("outbound.proxy {what}"))?)
                }
            },
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
            upkeep: domain::upkeep::Spans {
                events: self.span("retention.events")?.max(86_400_000),
                events_rows: match self.number("retention.events_rows", 0)? as i64 {
                    few @ 1..1000 => return Err(format!("retention.events_rows: {few} must be 0, for no bound, or at least 1000")),
                    rows => rows,
                },
                runs: self.span("retention.runs")?.max(86_400_000),
                runs_kept: self.number("retention.runs_kept", 10)? as i64,
            },
            forward: self.forward()?,
            silence: match self.span("limits.silence")? {
                ms if ms < 5000 => return Err("limits.silence must be at least 5s".to_owned()),
                ms => ms,
            },
            buffers: match self.size("limits.buffers")? {
                // A manifest of the largest size must fit in a quarter of it.
                bytes if bytes < 64 << 20 => return Err("limits.buffers must be at least 64MiB".to_owned()),
                bytes => bytes,
            },
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
            let (value, source) = &self.values[key.name];
            let shown = match (value.is_empty(), key.secret) {
                (true, _) => "(empty)",
                (false, true) => "***",
                (false, false) => value,
            };
            let _ = writeln!(text, "{:<30} {:<28} {source}", key.name, shown);
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
        assert_eq!(values.values["listen"].1, SetBy::Flag);
        assert_eq!(values.values["key_file"].1, SetBy::Default);
    }

    #[test]
    fn spans_have_a_unit() {
        let read = |grace: &str| Values::read(&BTreeMap::from([("gc.grace", grace.to_owned())]), &map(&[]), None).unwrap().check();
        assert_eq!(read("90s").unwrap().gc_grace, 90_000);
        assert_eq!(read("2h").unwrap().gc_every, 86_400_000);
        for wrong in ["90", "0", "1s", "-3h", "2 h", "h", "4000d", "99999999999999d", "2w"] {
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
    fn variables_of_others_are_ignored_and_our_own_misspelt_are_named() {
        let none = BTreeMap::new();
        let read = |names: &[&str]| Values::read(&none, &map(&names.iter().map(|name| (*name, "x")).collect::<Vec<_>>()), None);
        for name in [
            "WHARF_PORT", "WHARF_SERVICE_HOST", "WHARF_SERVICE_PORT", "WHARF_SERVICE_PORT_HTTP", "WHARF_PORT_8080_TCP", "WHARF_PORT_8080_TCP_ADDR",
            "WHARF_PORT_8080_TCP_PROTO", "WHARF_DB_SERVICE_HOST", "WHARF_TLS_PORT",
            "WHARF_TLS_PORT_443_TCP", "WHARF_LISTEN_PORT", "WHARF_TLS_SERVICE_PORT_HTTPS",
            "WHARF_METRICS_SERVICE_PORT", "WHARF_S3_SERVICE_HOST", "WHARF_HOME", "WHARF_VERSION",
        ] {
            assert_eq!(read(&[name]).unwrap().check().unwrap().foreign, [name]);
        }
        for (name, ours) in [
            ("WHARF_LISTEM", "WHARF_LISTEN"), ("WHARF_EXTERNALURL", "WHARF_EXTERNAL_URL"), ("WHARF_TLS_CRT", "WHARF_TLS_CERT"), ("WHARF_DATE", "WHARF_DATA"),
            ("WHARF_ADMIN_PASSWORT", "WHARF_ADMIN_PASSWORD"), ("WHARF_ADMIN_PASSWD_FILE", "WHARF_ADMIN_PASSWORD_FILE"), ("WHARF_LOGS", "WHARF_LOG"),
            ("wharf_listen", ""), ("WHARF_GC_GRASE", "WHARF_GC_GRACE"), ("WHARF_TRUSTED_PROXY", "WHARF_TRUSTED_PROXIES"),
        ] {
            match read(&[name]) {
                Err(refused) => assert!(!ours.is_empty() && refused.contains(ours), "{name}: {refused}"),
                Ok(_) => assert!(ours.is_empty(), "{name}"),
            }
        }
    }

    #[test]
    fn c_6_1_names_are_as_browsers_write_them_and_hold_no_password() {
        let read = |pairs: &[(&str, &str)]| Values::read(&BTreeMap::new(), &map(pairs), None).unwrap().check();
        for (given, name) in [
            ("HTTP://Wharf.Test:80/", "http://wharf.test"), ("https://Wharf.Test:443", "https://wharf.test"), ("http://Wharf.Test:5083", "http://wharf.test:5083"),
            ("http://[::1]:80", "http://[::1]"), ("https://[2001:DB8::1]:8443", "https://[2001:db8::1]:8443"), ("https://häfen.example", "https://xn--hfen-loa.example"),
        ] {
            assert_eq!(read(&[("WHARF_EXTERNAL_URL", given)]).ok().and_then(|config| config.external_url).as_deref(), Some(name));
        }
        for wrong in ["https://user:hunter2@wharf.test", "https://hunter2@wharf.test"] {
            let refused = read(&[("WHARF_EXTERNAL_URL", wrong)]).err().unwrap();
            assert!(refused.contains("password") && !refused.contains("hunter2"), "{refused}");
        }
        for wrong in ["ftp://wharf.test", "https://wharf.test/path", "https://wharf.test?x", "wharf.test"] {
            assert!(read(&[("WHARF_EXTERNAL_URL", wrong)]).is_err(), "{wrong}");
        }
        let both = |also| read(&[("WHARF_EXTERNAL_URL", "https://wharf.test"), ("WHARF_ALSO_KNOWN_AS", also)]);
        assert_eq!(both("https://A.test:443, https://b.test:8443/ ,https://wharf.test").ok().unwrap().also_known_as, ["https://a.test", "https://b.test:8443"]);
        assert!(both("http://a.test").is_err() && both("nonsense").is_err() && read(&[("WHARF_ALSO_KNOWN_AS", "https://a.test")]).is_err());
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
