//! The table of keys: a new setting is a line here.

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
    key("metrics_listen", "WHARF_METRICS_LISTEN", "metrics-listen", "", "address and port for Prometheus, at /metrics; empty: off"),
    key(
        "external_url", "WHARF_EXTERNAL_URL", "external-url", "",
        "where clients reach this server, e.g. https://registry.example.com; needed when listening on all addresses",
    ),
    Key {
        list: true,
        ..key(
            "also_known_as", "WHARF_ALSO_KNOWN_AS", "also-known-as", "",
            "further names it is reached by, e.g. https://registry.internal; of the scheme of external_url",
        )
    },
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
        secret: true,
        ..key(
            "outbound.proxy", "WHARF_OUTBOUND_PROXY", "outbound-proxy", "",
            "HTTP proxy for requests to target registries, e.g. http://name:password@proxy.example.com:3128; empty: none",
        )
    },
    Key {
        list: true,
        ..key(
            "outbound.no_proxy", "WHARF_OUTBOUND_NO_PROXY", "outbound-no-proxy", "",
            "hosts, domains and ranges that are reached without it, e.g. registry.corp.example, .internal, 10.0.0.0/8",
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
    key("recycle", "WHARF_RECYCLE", "recycle", "7d", "how long the deletion of an artifact, a tag or a repository can be undone, e.g. 24h, 30d; 0 for not at all"),
    key("retention.events", "WHARF_RETENTION_EVENTS", "retention-events", "400d", "how long the audit log is kept"),
    key("retention.events_rows", "WHARF_RETENTION_EVENTS_ROWS", "retention-events-rows", "0", "how many rows of it at most; 0: by its age alone"),
    key("retention.runs", "WHARF_RETENTION_RUNS", "retention-runs", "90d", "how long executions and collections are kept, with their tasks and logs"),
    key("retention.runs_kept", "WHARF_RETENTION_RUNS_KEPT", "retention-runs-kept", "10000", "how many of each at most"),
    key(
        "forward.syslog", "WHARF_FORWARD_SYSLOG", "forward-syslog", "",
        "who gets every event, by syslog (RFC 5424, JSON): tls://HOST:PORT or tcp://HOST:PORT; empty: nobody",
    ),
    key("forward.ca", "WHARF_FORWARD_CA", "forward-ca", "", "PEM certificates of the authorities that tls:// trusts; empty: the machine's"),
    key("forward.keep", "WHARF_FORWARD_KEEP", "forward-keep", "256MiB", "how much waits while the receiver is away; past it the oldest go"),
    key("limits.connections", "WHARF_LIMITS_CONNECTIONS", "limits-connections", "4096", "connections served at once; the last eighth is for addresses that hold few"),
    key(
        "limits.connections_per_address", "WHARF_LIMITS_CONNECTIONS_PER_ADDRESS", "limits-connections-per-address", "1024",
        "connections of one address; trusted proxies have no such limit",
    ),
    key(
        "limits.reserve", "WHARF_LIMITS_RESERVE", "limits-reserve", "1GiB",
        "room on the disk that pushes must leave, so that the database can go on, e.g. 500MiB, 20GiB",
    ),
    key(
        "limits.silence", "WHARF_LIMITS_SILENCE", "limits-silence", "4m",
        "how long a client may neither send nor take anything in the midst of a request; 1 KiB gives a second back",
    ),
    key(
        "limits.buffers", "WHARF_LIMITS_BUFFERS", "limits-buffers", "128MiB",
        "memory for bodies of all requests together (blobs take none); an account or address has a quarter",
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
